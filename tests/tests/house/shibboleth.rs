//! Apache with Shibboleth's service provider, which we did not write.

use visits::client::unescape;
use visits::peers::{Peer, Setup, Shibboleth, Wish};
use visits::{House, PASSWORD};

use crate::peers;

#[test]
fn x05_shibboleth_receives_names_whole() {
    peers::names_arrive_whole::<Shibboleth>();
}

#[test]
fn x05_shibboleth_and_the_portal_open_with_one_password() {
    peers::one_password_opens_both::<Shibboleth>();
}

#[test]
fn p10_shibboleth_gets_a_persistent_identifier_that_lasts_and_is_its_own() {
    peers::a_persistent_identifier_lasts_and_is_not_shared::<Shibboleth>();
}

#[test]
fn s03_shibboleth_hears_of_a_logout_that_began_here() {
    peers::a_logout_begun_by_us_ends_it_at_the_service::<Shibboleth>();
}

#[test]
fn s01_shibboleth_is_answered_when_it_asks_for_a_logout() {
    peers::a_logout_begun_at_the_service_ends_everything::<Shibboleth>();
}

#[test]
fn d01_shibboleth_asks_the_discovery_service_and_is_answered() {
    let house = House::start();
    let setup = Setup {
        discovers: true,
        ..Setup::default()
    };
    let shibboleth = Shibboleth::registered(&house, setup);
    let client = house.client();
    // What it publishes is where the answer may go, and its visitor is asked there.
    let published = client.get(&shibboleth.metadata()).body;
    assert!(published.contains("DiscoveryResponse"), "{published}");
    let page = shibboleth.ask(&client, Wish::Plain);
    assert!(page.url.contains("/wayf/?"), "{}", page.url);
    assert!(
        unescape(&page.body).contains("/Shibboleth.sso/"),
        "{}",
        page.body
    );
    let login = client.choose(&page, "personnel");
    let answer = client.sign_in(&login, "amartin", PASSWORD);
    client.deliver(&answer);
    let known = shibboleth.known(&client).expect("somebody is signed on");
    assert_eq!(known.attributes["sn"], ["Martin"]);
    // With a choice that is followed always, nobody is asked again.
    let stranger = house.client();
    let page = shibboleth.ask(&stranger, Wish::Plain);
    let fields = [("profile", "personnel"), ("always", "1")];
    let chosen = crate::discovery::post(&stranger, &page, &fields);
    assert_eq!(chosen.status, 303, "{}", chosen.body);
    let again = shibboleth.ask(&stranger, Wish::Plain);
    assert!(again.url.contains("/idp/personnel/login"), "{}", again.url);
}
