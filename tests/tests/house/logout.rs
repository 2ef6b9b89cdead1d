//! Single logout, with services of this house and with a service made by hand. Real services of
//! other makes are in `peers.rs`.

use saml::logout::{LogoutRequest, LogoutResponse, LogoutResponseExpected, Notice, Outcome};
use saml::names::EntityId;
use saml::response::Login;
use saml::{Binding, NameIdFormat, Received, Refusal, SigningKey};
use visits::{Answer, Client, House, Partner, forge};

mod hidden;

const LOGOUT: &str = "/idp/personnel/logout";

/// Signs in at the portal, and from there at the viewer without a word.
fn in_both(client: &Client) {
    client.arrive("personnel", "amartin");
    open_viewer(client);
    assert_eq!(user(client, "/portail/").as_deref(), Some("amartin"));
    assert_eq!(user(client, "/magistere/").as_deref(), Some("amartin"));
}

fn open_viewer(client: &Client) {
    let wayf = client.open("/magistere/");
    let answer = client.choose(&wayf, "personnel");
    client.deliver(&answer);
}

/// Who is signed in at a service, by what its page says without leading anywhere.
fn user(client: &Client, path: &str) -> Option<String> {
    client.get(path).user()
}

/// Whether the identity provider knows this browser.
fn is_signed_on(client: &Client) -> bool {
    client.get(LOGOUT).field("csrf").is_some()
}

/// The person's own button.
fn log_out(client: &Client) -> Answer {
    let csrf = client.get(LOGOUT).field("csrf").expect("a session");
    client.follow(client.post(LOGOUT, &[("csrf", &csrf)]))
}

/// What the page says of each service, in order.
fn states(page: &Answer) -> Vec<String> {
    let parts = page.body.split("data-state=\"").skip(1);
    parts
        .filter_map(|part| part.split('"').next())
        .map(str::to_owned)
        .collect()
}

/// Where the page goes on.
fn next(page: &Answer) -> Option<String> {
    link(page, "/idp/personnel/logout/next")
}

/// The address of the link that begins so.
fn link(page: &Answer, path: &str) -> Option<String> {
    let body = visits::client::unescape(&page.body);
    let rest = visits::client::between(&body, &format!("href=\"{path}"), "\"")?;
    Some(format!("{path}{rest}"))
}

fn told(house: &House, event: &str) -> Vec<serde_json::Value> {
    let lines = house.journal().into_iter();
    lines.filter(|line| line["event"] == event).collect()
}

#[test]
fn s03_one_logout_closes_every_service_of_the_session() {
    let house = House::start();
    let (client, other) = (house.client(), house.client());
    in_both(&client);
    in_both(&other);
    let page = log_out(&client);
    assert_eq!(page.status, 200);
    assert_eq!(states(&page), ["done", "done"], "{}", page.body);
    for name in ["Portail", "Magistère"] {
        assert!(page.body.contains(name), "{name}: {}", page.body);
    }
    assert_eq!(next(&page), None);
    assert_eq!(user(&client, "/portail/"), None);
    assert_eq!(user(&client, "/magistere/"), None);
    assert!(!is_signed_on(&client));
    // The same person at another machine is not concerned.
    assert!(is_signed_on(&other));
    assert_eq!(user(&other, "/magistere/").as_deref(), Some("amartin"));
    assert_eq!(told(&house, "idp.logout.service").len(), 2);
    assert_eq!(told(&house, "sp.logout.told").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn s04_a_browser_is_shown_what_became_of_each_service() {
    let house = House::start();
    let browser = house.browser().await;
    browser.goto("/portail/").await;
    browser.click("button[value=personnel]").await;
    browser.sign_in("bleroy", visits::PASSWORD).await;
    browser.find("[data-user=bleroy]").await;
    browser.goto("/magistere/").await;
    if !browser.has("[data-user=bleroy]").await {
        browser.click("button[value=personnel]").await;
    }
    browser.find("[data-user=bleroy]").await;
    browser.goto(LOGOUT).await;
    browser.click("main form button[type=submit]").await;
    browser.find("[data-state=done]").await;
    assert!(!browser.has("[data-state=failed]").await);
    browser.goto("/portail/").await;
    browser.find("button[value=personnel]").await;
    browser.close().await;
}

#[test]
fn s01_leaving_the_portal_everywhere_asks_the_provider_and_says_what_it_said() {
    let house = House::start();
    let client = house.client();
    in_both(&client);
    let csrf = client.get("/portail/logout").field("csrf").expect("a form");
    let left = client.post("/portail/logout", &[("csrf", &csrf)]);
    assert_eq!(left.status, 200);
    // S09: one service only.
    assert_eq!(user(&client, "/portail/"), None);
    assert!(is_signed_on(&client));
    assert_eq!(user(&client, "/magistere/").as_deref(), Some("amartin"));
    let everywhere = link(&left, "/portail/logout/everywhere").expect("a link");
    // Somebody else's browser cannot use the link.
    let stranger = house.client();
    let led = stranger.get(&everywhere);
    assert!(
        led.location().ends_with("/portail/logout"),
        "{}",
        led.location()
    );
    let sent = client.get(&everywhere);
    assert!(
        sent.location()
            .contains("/idp/personnel/slo/redirect?SAMLRequest=")
    );
    assert!(sent.location().contains("&Signature="));
    let answered = client.get(sent.location());
    let to = answered.location();
    assert!(to.contains("/portail/saml/slo?SAMLResponse="), "{to}");
    assert!(to.contains("&Signature="));
    assert!(
        !is_signed_on(&client),
        "ended before the portal hears of it"
    );
    let page = client.follow(answered);
    assert!(page.body.contains("celles des services"), "{}", page.body);
    assert_eq!(user(&client, "/magistere/"), None);
    // Loaded again it says the same, and asks nobody.
    assert_eq!(client.get(&everywhere).status, 200);
}

/// A service that publishes logout addresses with these bindings.
fn partner(host: &str, bindings: &[Binding]) -> Partner {
    let mut partner = Partner::new(host);
    partner.slo = bindings.to_vec();
    partner
}

fn request(house: &House, partner: &Partner, login: &Login) -> LogoutRequest {
    LogoutRequest {
        id: forge::random_id(),
        issue_instant: forge::now(),
        issuer: partner.id.clone(),
        destination: Some(house.at("/idp/personnel/slo/redirect")),
        not_on_or_after: Some(forge::now() + chrono::Duration::minutes(5)),
        reason: None,
        name_id: login.name_id.clone().expect("a name"),
        session_indexes: login.session_index.iter().cloned().collect(),
        asynchronous: false,
    }
}

fn by_redirect(house: &House, request: &LogoutRequest, key: &SigningKey) -> String {
    let to = house.at("/idp/personnel/slo/redirect");
    saml::redirect::compose(request, &to, Some("state"), key).expect("composes")
}

fn expected<'a>(
    house: &'a EntityId,
    request: &'a LogoutRequest,
    (to, binding): (&'a str, Binding),
) -> LogoutResponseExpected<'a> {
    LogoutResponseExpected {
        issuer: house,
        in_response_to: &request.id,
        destination: to,
        binding,
        now: forge::now(),
    }
}

/// The answer that a Redirect carries to the service, as the service reads it.
fn heard(
    house: &House,
    partner: &Partner,
    request: &LogoutRequest,
    answer: &Answer,
) -> LogoutResponse {
    let (to, query) = answer.location().split_once('?').expect("a query");
    assert_eq!(to, partner.slo_address());
    assert!(query.contains("&RelayState=state&"), "{query}");
    let Ok(Notice::Response(received)) = Notice::from_query(query) else {
        panic!("no answer: {query}");
    };
    let us = EntityId::parse(&house.at("/idp/personnel")).unwrap();
    read(house, received)
        .and_then(|read| read.accept(&expected(&us, request, (to, Binding::Redirect))))
        .unwrap_or_else(|why| panic!("{why}"))
        .into_message()
}

fn read(
    house: &House,
    received: Received<LogoutResponse>,
) -> Result<saml::Verified<LogoutResponse>, Refusal> {
    received.verify(&[forge::key(house, "idp-personnel").verifying()])
}

#[test]
fn s06_whoever_asks_is_answered_and_told_when_some_service_stayed_open() {
    let house = House::start();
    let asker = partner("asker.example", &[Binding::Redirect]);
    let silent = partner("silent.example", &[]);
    asker.register(&house, &[]);
    silent.register(&house, &[]);
    // Alone with the portal: everything is closed.
    let client = house.client();
    client.arrive("personnel", "amartin");
    let login = asker.sign_on(&house, &client, "amartin");
    let asked = request(&house, &asker, &login);
    let answer = client.get(&by_redirect(&house, &asked, &asker.key));
    assert!(!is_signed_on(&client));
    let said = heard(&house, &asker, &asked, &answer);
    assert_eq!(said.outcome(), Outcome::Done, "{said:?}");
    assert_eq!(user(&client, "/portail/"), None);
    // With a service that cannot be told: not everything.
    let client = house.client();
    let login = asker.sign_on(&house, &client, "amartin");
    silent.sign_on(&house, &client, "amartin");
    let asked = request(&house, &asker, &login);
    let answer = client.get(&by_redirect(&house, &asked, &asker.key));
    assert!(!is_signed_on(&client));
    let said = heard(&house, &asker, &asked, &answer);
    assert_eq!(said.outcome(), Outcome::Partial, "{said:?}");
    // SDP-IDP31: second-level, below success: the session did end here.
    assert!(said.status.code.ends_with(":Success"), "{said:?}");
}

#[test]
fn s05_a_service_that_hangs_stops_nobody_and_counts_as_failed() {
    let house = House::start();
    let first = partner("first.example", &[Binding::Redirect]);
    let second = partner("second.example", &[Binding::Post]);
    first.register(&house, &[]);
    second.register(&house, &[]);
    let client = house.client();
    client.arrive("personnel", "amartin");
    first.sign_on(&house, &client, "amartin");
    second.sign_on(&house, &client, "amartin");
    let page = log_out(&client);
    assert!(!is_signed_on(&client));
    assert_eq!(states(&page), ["done", "waiting", "waiting"]);
    // S08: sent there in the window itself; no frame, and nothing that needs a script.
    assert!(!page.body.contains("<iframe") && !page.body.contains("<script"));
    let on = next(&page).expect("a link");
    let sent = client.get(&on);
    assert!(
        sent.location()
            .starts_with("https://first.example/slo?SAMLRequest=")
    );
    // It hangs: the visitor comes back to the page, and goes on with the rest.
    let back = client.get(&page.url);
    assert_eq!(states(&back), ["done", "asked", "waiting"]);
    let carried = client.get(&next(&back).expect("a link"));
    assert_eq!(
        carried.action("SAMLRequest").as_deref(),
        Some("https://second.example/slo")
    );
    let policy = carried.header("content-security-policy").unwrap();
    assert!(
        policy.contains("form-action https://second.example/slo 'self'"),
        "{policy}"
    );
    let back = client.get(&page.url);
    assert_eq!(states(&back), ["done", "failed", "asked"]);
    // Somebody else's browser sees nothing of it.
    assert!(states(&house.client().get(&page.url)).is_empty());
    // The second one answers by POST, without a cookie of ours.
    let xml = visits::partner::decoded(&carried.field("SAMLRequest").unwrap());
    let asked = visits::client::between(&xml, " ID=\"", "\"").unwrap();
    let to = house.at("/idp/personnel/slo/post");
    let response = |key: &SigningKey| {
        let response = LogoutResponse {
            id: forge::random_id(),
            issue_instant: forge::now(),
            issuer: second.id.clone(),
            destination: Some(to.clone()),
            in_response_to: saml::MessageId::parse(&asked),
            status: saml::response::Status::Success.said(),
        };
        let xml = saml::post::compose(&response, key).unwrap();
        let field = saml::post::encode(&xml);
        house.client().post(&to, &[("SAMLResponse", &field)])
    };
    assert_eq!(response(&forge::stranger()).status, 403);
    assert_eq!(states(&client.get(&page.url)), ["done", "failed", "asked"]);
    let led = response(&second.key);
    let end = client.follow(client.get(led.location()));
    assert_eq!(states(&end), ["done", "failed", "done"]);
    assert_eq!(next(&end), None);
}

#[test]
fn forged_expired_and_foreign_logout_requests_end_nothing() {
    let house = House::start();
    let own = partner("own.example", &[Binding::Redirect]);
    let other = partner("other.example", &[Binding::Redirect]);
    own.register(&house, &[]);
    other.register(&house, &[]);
    let client = house.client();
    let login = own.sign_on(&house, &client, "amartin");
    let plain = request(&house, &own, &login);
    let with = |change: &dyn Fn(&mut LogoutRequest)| {
        let mut changed = plain.clone();
        changed.id = forge::random_id();
        change(&mut changed);
        changed
    };
    let signed = by_redirect(&house, &plain, &own.key);
    let unsigned = signed.split("&SigAlg=").next().unwrap().to_owned();
    let bent = signed.replacen("RelayState=state", "RelayState=other", 1);
    let minutes = chrono::Duration::minutes;
    let old = with(&|it| it.issue_instant = forge::now() - minutes(10));
    let future = with(&|it| it.issue_instant = forge::now() + minutes(10));
    let expired = with(&|it| it.not_on_or_after = Some(forge::now() - minutes(4)));
    let elsewhere = with(&|it| it.destination = Some("https://elsewhere.example/slo".to_owned()));
    let nowhere = with(&|it| it.destination = None);
    let stranger = with(&|it| it.issuer = EntityId::parse("https://nobody.example/sp").unwrap());
    let sent = |request: &LogoutRequest| by_redirect(&house, request, &own.key);
    for (what, address) in [
        ("unsigned", unsigned),
        ("changed", bent),
        (
            "another key",
            by_redirect(&house, &plain, &forge::stranger()),
        ),
        (
            "another service's key",
            by_redirect(&house, &plain, &other.key),
        ),
        ("old", sent(&old)),
        ("from the future", sent(&future)),
        ("expired", sent(&expired)),
        ("for another address", sent(&elsewhere)),
        ("for no address", sent(&nowhere)),
        ("of nobody we know", sent(&stranger)),
    ] {
        let refused = client.get(&address);
        assert!(
            matches!(refused.status, 400 | 403),
            "{what}: {}",
            refused.status
        );
        assert!(
            refused.code().is_some() && refused.reference().is_some(),
            "{what}"
        );
        assert!(is_signed_on(&client), "{what}");
    }
    // Signed by a service that is known, about somebody it was never told of: answered, no more.
    let foreign = with(&|it| it.issuer = other.id.clone());
    let guessed = with(&|it| it.name_id.value.push('x'));
    let indexed = with(&|it| it.session_indexes = vec!["_another".to_owned()]);
    for (what, who, asked) in [
        ("another's name", &other, foreign),
        ("a guessed name", &own, guessed),
        ("another session", &own, indexed),
    ] {
        let answer = client.get(&by_redirect(&house, &asked, &who.key));
        let said = heard(&house, who, &asked, &answer);
        assert_eq!(said.outcome(), Outcome::Failed, "{what}");
        assert!(is_signed_on(&client), "{what}");
    }
}

#[test]
fn a_replayed_logout_request_ends_nothing() {
    let house = House::start();
    let mut own = partner("own.example", &[Binding::Redirect]);
    own.formats = vec![NameIdFormat::Persistent];
    own.register(&house, &[]);
    let client = house.client();
    let login = own.sign_on(&house, &client, "amartin");
    // Every session of this person with the sender: the strongest request there is.
    let mut asked = request(&house, &own, &login);
    asked.session_indexes.clear();
    let address = by_redirect(&house, &asked, &own.key);
    let said = heard(&house, &own, &asked, &client.get(&address));
    assert_eq!(said.outcome(), Outcome::Done);
    assert!(!is_signed_on(&client));
    let again = own.sign_on(&house, &client, "amartin");
    assert_eq!(again.name_id, login.name_id, "the name lasts");
    let refused = client.get(&address);
    assert_eq!(
        (refused.status, refused.code().as_deref()),
        (403, Some("EDU-4020"))
    );
    assert!(is_signed_on(&client));
}

#[test]
fn s07_an_asynchronous_request_ends_the_session_and_gets_no_answer() {
    let house = House::start();
    let own = partner("own.example", &[Binding::Redirect]);
    own.register(&house, &[]);
    let client = house.client();
    client.arrive("personnel", "amartin");
    let mut asked = request(&house, &own, &own.sign_on(&house, &client, "amartin"));
    asked.asynchronous = true;
    let page = client.follow(client.get(&by_redirect(&house, &asked, &own.key)));
    assert_eq!(page.status, 200);
    assert!(page.field("SAMLResponse").is_none());
    assert!(page.url.starts_with(&house.url()), "{}", page.url);
    assert_eq!(states(&page), ["done"]);
    assert!(!is_signed_on(&client));
    assert!(told(&house, "idp.logout.response.sent").is_empty());
}

#[test]
fn s02_a_request_by_soap_ends_the_session_without_its_browser() {
    let house = House::start();
    let own = partner("own.example", &[Binding::Soap]);
    let visited = partner("visited.example", &[Binding::Redirect]);
    own.register(&house, &[]);
    visited.register(&house, &[]);
    let to = house.at("/idp/personnel/slo/soap");
    let us = EntityId::parse(&house.at("/idp/personnel")).unwrap();
    let ask = |asked: &LogoutRequest, key: &SigningKey| {
        let envelope = saml::soap::compose(asked, key).unwrap();
        let kind = saml::soap::CONTENT_TYPE;
        house.client().post_raw(&to, kind, envelope.as_bytes())
    };
    for (also_visited, outcome) in [(false, Outcome::Done), (true, Outcome::Partial)] {
        let client = house.client();
        client.arrive("personnel", "amartin");
        let login = own.sign_on(&house, &client, "amartin");
        if also_visited {
            visited.sign_on(&house, &client, "amartin");
        }
        let mut asked = request(&house, &own, &login);
        asked.destination = Some(to.clone());
        assert_eq!(ask(&asked, &forge::stranger()).status, 403);
        assert!(is_signed_on(&client), "a stranger ends nothing");
        let answer = ask(&asked, &own.key);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let received = Received::<LogoutResponse>::by_soap(answer.body.as_bytes()).unwrap();
        let said = read(&house, received)
            .and_then(|read| read.accept(&expected(&us, &asked, ("", Binding::Soap))))
            .unwrap_or_else(|why| panic!("{why}"))
            .into_message();
        assert_eq!(said.outcome(), outcome, "{said:?}");
        assert!(!is_signed_on(&client));
        assert_eq!(user(&client, "/portail/"), None);
        assert_eq!(ask(&asked, &own.key).status, 403, "once");
    }
    let garbage = house.client().post_raw(&to, "text/xml", b"<x/>");
    assert_eq!(garbage.status, 400);
}

#[test]
fn s02_our_services_take_what_the_provider_posts_and_nobody_elses() {
    let house = House::start();
    let client = house.client();
    in_both(&client);
    let to = house.at("/portail/saml/slo");
    let portal = house.at("/portail");
    let kept = told(&house, "sp.landed");
    assert!(!kept.is_empty());
    // A name and an index that are nobody's: taken, answered, and nothing ends.
    let login = LogoutRequest {
        id: forge::random_id(),
        issue_instant: forge::now(),
        issuer: EntityId::parse(&house.at("/idp/personnel")).unwrap(),
        destination: Some(to.clone()),
        not_on_or_after: None,
        reason: None,
        name_id: saml::response::NameId {
            value: "nobody".to_owned(),
            format: NameIdFormat::Transient,
            name_qualifier: None,
            sp_name_qualifier: Some(portal),
        },
        session_indexes: vec!["_nobody".to_owned()],
        asynchronous: false,
    };
    let ask = |key: &SigningKey| {
        let xml = saml::post::compose(&login, key).unwrap();
        let field = saml::post::encode(&xml);
        house.client().post(&to, &[("SAMLRequest", &field)])
    };
    assert_eq!(ask(&forge::stranger()).status, 403);
    let provider = forge::key(&house, "idp-personnel");
    let answer = ask(&provider);
    assert_eq!(
        answer.action("SAMLResponse").as_deref(),
        Some(house.at("/idp/personnel/slo/post").as_str()),
        "{}",
        answer.body
    );
    let again = ask(&provider);
    assert_eq!(
        (again.status, again.code().as_deref()),
        (403, Some("EDU-7021"))
    );
    assert_eq!(user(&client, "/portail/").as_deref(), Some("amartin"));
}
