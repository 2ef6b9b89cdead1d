//! Codes by mail, and letters about what happens to an account.

use saml::MessageId;
use saml::names::{PASSWORD as PASSWORD_CONTEXT, REFEDS_MFA};
use saml::request::RequestedContext;
use visits::client::form;
use visits::mailbox::Mailbox;
use visits::{Answer, Client, House, PASSWORD, Partner, Phone, partner};

const CONTACT: &str = "bruno.leroy@perso.example";

/// A visitor who typed a password on the way to that service, and stands where a second factor is asked.
fn half_way(house: &House, partner: &Partner, login: &str) -> (Client, Answer, MessageId) {
    let client = house.client();
    let request = partner.request(house);
    let asked = client.open(&partner.address(house, &request));
    let page = client.sign_in(&asked, login, PASSWORD);
    (client, page, request.id)
}

fn sent(client: &Client, page: &Answer, fields: &[(&str, &str)]) -> Answer {
    let field = |name: &str| page.field(name).unwrap_or_default();
    let (csrf, flow, sp) = (field("csrf"), field("flow"), field("sp"));
    let mut whole = vec![("csrf", csrf.as_str()), ("flow", &flow), ("sp", &sp)];
    whole.extend_from_slice(fields);
    let action = page.action("name=\"choice\"").expect("a form");
    client.follow(client.post(&action, &whole))
}

fn is_in(page: &Answer) -> bool {
    page.field("SAMLResponse").is_some()
}

#[test]
fn a05_a_code_by_mail_is_for_who_has_nothing_else_and_for_one_sign_on() {
    let mailbox = Mailbox::start();
    let house = mailbox.house(&[]);
    let strict = Partner::new("mailed.partner.example");
    strict.register(&house, &["--second-factor", "always"]);
    let (client, page, id) = half_way(&house, &strict, "bleroy");
    assert!(page.body.contains("b…@perso.example"), "{}", page.body);
    assert!(!page.body.contains(CONTACT), "masked");
    // Nothing was sent: nothing is right.
    let early = sent(&client, &page, &[("otp", "AAAAA-AAAAA")]);
    assert!(!is_in(&early), "{}", early.body);
    let page = sent(&client, &page, &[("choice", "mail")]);
    assert!(page.body.contains("name=\"otp\""), "{}", page.body);
    let old = mailbox.wait_for(CONTACT, "terminer la connexion").code();
    assert!(!page.body.contains(&old));
    // Another browser, another flow of the same person: it is none of theirs.
    let (other, others, _) = half_way(&house, &strict, "bleroy");
    assert!(!is_in(&sent(&other, &others, &[("otp", &old)])));
    let wrong = sent(&client, &page, &[("otp", "AAAAA-AAAAA")]);
    assert!(wrong.body.contains("aria-invalid"), "{}", wrong.body);
    // Without the form's token nothing happens; with it, once.
    let flow = page.field("flow").unwrap();
    let action = page.action("name=\"choice\"").unwrap();
    let forged = client.post(&action, &[("flow", &flow), ("otp", &old), ("csrf", "x")]);
    assert!(!is_in(&client.follow(forged)));
    let answer = sent(&client, &page, &[("otp", &old.to_lowercase())]);
    assert!(is_in(&answer), "{}", answer.body);
    // The house is content; a service that asks for two independent factors is told no, and so is who
    // would change factors by it.
    let login = strict.receive(&house, &answer, Some(&id));
    assert_eq!(login.authn_context.as_deref(), Some(PASSWORD_CONTEXT));
    let mut request = strict.request(&house);
    request.requested_context = Some(RequestedContext {
        exact: true,
        classes: vec![REFEDS_MFA.to_owned()],
    });
    let told = client.open(&strict.address(&house, &request));
    let response = told.field("SAMLResponse").expect("an answer");
    let text = partner::decoded(&response);
    assert!(text.contains("status:NoAuthnContext"), "{text}");
    // Letters and wrong codes are slowed down, each person for themselves.
    let (client, page, _) = half_way(&house, &strict, "cdupont");
    let told = (0..8)
        .map(|_| sent(&client, &page, &[("choice", "mail")]))
        .find(|told| told.status != 200);
    let told = told.expect("nobody was slowed down");
    assert_eq!(
        (told.status, told.code().as_deref()),
        (429, Some("EDU-4029"))
    );
    // Who has a factor is offered none.
    let (client, page, _) = half_way(&house, &strict, "epetit");
    let flow = page.field("flow").unwrap();
    let csrf = page.field("csrf").unwrap();
    let asked = [("csrf", csrf.as_str()), ("flow", &flow), ("choice", "mail")];
    let action = page.action("name=\"otp\"").unwrap();
    let still = client.follow(client.post(&action, &asked));
    assert!(!still.body.contains("perso.example") && !is_in(&still));
    let text: String = house.journal().iter().map(ToString::to_string).collect();
    assert!(text.contains("mail-code") && !text.contains(&old) && !text.contains(CONTACT));
}

/// Signs on at the portal from an address, with a browser.
fn from(house: &House, login: &str, address: &str, browser: &str) -> Answer {
    let client = house.client();
    let login_page = client.choose(&client.open("/portail/"), "personnel");
    let field = |name: &str| login_page.field(name).unwrap_or_default();
    let body = form(&[
        ("csrf", &field("csrf")),
        ("flow", &field("flow")),
        ("username", login),
        ("password", PASSWORD),
    ]);
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-forwarded-for", address),
        ("user-agent", browser),
    ];
    let action = login_page.action("name=\"password\"").unwrap();
    let mut answer = client
        .send("POST", &action, &headers, Some(body.as_bytes()))
        .unwrap();
    while answer.status == 303 {
        answer = client.get_with(answer.location(), &headers[1..]);
    }
    answer
}

#[test]
fn a13_a_sign_in_from_a_new_place_is_told_by_mail_once_and_may_ask_for_more() {
    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Firefox/145.0";
    const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0) Chrome/142.0 Edg/142.0";
    let mailbox = Mailbox::start();
    let house = mailbox.house(&[
        ("EDULINE__SERVER__PROXIES", "127.0.0.1"),
        ("EDULINE__IDP__INSIDE", "10.0.0.0/8"),
        ("EDULINE__IDP__SECOND_FACTOR_ELSEWHERE", "true"),
    ]);
    // The first place is no news; nor is the next street, nor the académie's own networks, all one.
    for (address, browser) in [("203.0.113.7", FIREFOX), ("203.0.200.1", FIREFOX)] {
        assert!(is_in(&from(&house, "cdupont", address, browser)));
    }
    assert!(is_in(&from(&house, "cdupont", "198.51.100.9", EDGE)));
    for place in [
        "camille.dupont@perso.example",
        "camille.dupont@ac-demo.example",
    ] {
        let letter = mailbox.wait_for(place, "nouvel endroit");
        assert!(
            letter.text.contains("Edge, Windows") && letter.text.contains("198.51.100.9"),
            "{}",
            letter.text
        );
    }
    assert!(is_in(&from(&house, "cdupont", "198.51.7.7", EDGE)));
    assert!(is_in(&from(&house, "cdupont", "10.1.1.1", FIREFOX)));
    assert!(is_in(&from(&house, "cdupont", "10.99.0.1", FIREFOX)));
    let places = |house: &House| {
        let journal = house.journal();
        let found = journal
            .iter()
            .filter(|line| line["event"] == "idp.new-place");
        found.count()
    };
    assert_eq!(places(&house), 2);
    // Who has a factor is asked for it where they proved nothing more yet: inside, too, where no other
    // rule asks. A password alone makes no place theirs.
    assert!(is_in(&from(&house, "epetit", "10.1.1.1", FIREFOX)));
    for _ in 0..2 {
        let asked = from(&house, "epetit", "10.1.1.1", EDGE);
        assert!(
            !is_in(&asked) && asked.action("name=\"otp\"").is_some(),
            "{}",
            asked.body
        );
    }
    assert!(is_in(&from(&house, "epetit", "10.1.1.1", FIREFOX)));
    assert_eq!(places(&house), 3);
    let file = std::fs::read(house.data.path().join("directory.sqlite")).unwrap();
    let holds = |what: &[u8]| file.windows(what.len()).any(|window| window == what);
    assert!(!holds(b"inside\nFirefox"), "hashed");
}

/// Every way of changing what somebody proves themselves with (A15); the recovery contact, the help desk and
/// passkeys have tests of their own.
#[test]
fn a15_every_change_of_factors_is_told_wherever_the_person_is_reached() {
    const OWN: [&str; 2] = ["anne.martin@perso.example", "anne.martin@ac-demo.example"];
    let mailbox = Mailbox::start();
    let house = mailbox.house(&[]);
    let client = house.client();
    let page = client.choose(&client.open("/compte/otp"), "personnel");
    let page = client.sign_in(&page, "amartin", PASSWORD);
    let page = client.follow(client.deliver(&page));
    let told = |times: usize| {
        for place in OWN {
            let about = || {
                let letters = mailbox.letters();
                let about = |one: &&visits::mailbox::Letter| {
                    one.to == place && one.text.contains("Un deuxième facteur de votre compte")
                };
                letters.iter().filter(about).count()
            };
            let started = std::time::Instant::now();
            while about() < times && started.elapsed().as_secs() < 30 {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            assert_eq!(about(), times, "{place}");
        }
    };
    let seed = visits::client::between(&page.body, "secret=", "&").expect("a seed");
    let mut phone = Phone::with(&seed);
    let csrf = page.body.split("name=\"csrf\" value=\"").last().unwrap();
    let csrf = csrf.split('"').next().unwrap();
    let wrong = phone.wrong();
    client.post("/compte/otp", &[("csrf", csrf), ("otp", &wrong)]);
    let done = client.post("/compte/otp", &[("csrf", csrf), ("otp", &phone.code())]);
    assert!(done.body.contains("class=\"codes"), "{}", done.body);
    told(1);
    // Signed in anew with both, the sheet is made anew, and the factor removed.
    let client = house.client();
    let page = client.choose(&client.open("/compte/otp"), "personnel");
    let page = client.sign_in(&page, "amartin", PASSWORD);
    let field = |name: &str| page.field(name).unwrap_or_default();
    let action = page.action("name=\"otp\"").expect("asked");
    let (csrf, flow, code) = (field("csrf"), field("flow"), phone.code());
    let sent = [("csrf", csrf.as_str()), ("flow", &flow), ("otp", &code)];
    let page = client.follow(client.post(&action, &sent));
    let page = client.follow(client.deliver(&page));
    let form = page.body.split("name=\"factor\"").next().unwrap();
    let csrf = form.split("name=\"csrf\" value=\"").last().unwrap();
    let csrf = csrf.split('"').next().unwrap();
    let factor = page.field("factor").expect("a factor");
    let post = |choice: &str| {
        let sent = [("csrf", csrf), ("choice", choice), ("factor", &factor)];
        client.post("/compte/otp", &sent)
    };
    assert!(post("codes").body.contains("class=\"codes"));
    told(2);
    post("remove");
    told(3);
    post("remove");
    told(3);
}
