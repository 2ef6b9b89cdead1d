//! What survives: a session, `kill -9` of the process and a restart.

use visits::House;

#[test]
fn o07_a_session_survives_kill_9() {
    let mut house = House::start();
    let client = house.client();
    client.arrive("personnel", "amartin");
    // A visitor in the middle of signing in.
    let half_way = house.client();
    let login = half_way.choose(
        &half_way.open("/portail/applications?categorie=formation"),
        "personnel",
    );
    house.kill();
    house.open();
    assert_eq!(
        client.get("/portail/").user().as_deref(),
        Some("amartin"),
        "the portal's session"
    );
    let again = client.open("/magistere/login?entityID=".to_owned().as_str());
    assert!(again.status < 400);
    let answer = half_way.sign_in(&login, "bleroy", visits::PASSWORD);
    let page = half_way.deliver(&answer);
    assert_eq!(
        page.user().as_deref(),
        Some("bleroy"),
        "the sign-in goes on: {}",
        page.body
    );
    assert_eq!(
        page.url,
        house.at("/portail/applications?categorie=formation")
    );
}

#[test]
fn o02_starting_again_keeps_keys_and_accounts() {
    let mut house = House::start();
    let before = house.client().get("/idp/personnel/metadata").body;
    house.kill();
    house.open();
    let after = house.client().get("/idp/personnel/metadata").body;
    let certificate = |xml: &str| visits::client::between(xml, "X509Certificate>", "<");
    assert_eq!(certificate(&before), certificate(&after));
    assert_eq!(
        house
            .client()
            .arrive("personnel", "amartin")
            .user()
            .as_deref(),
        Some("amartin")
    );
}
