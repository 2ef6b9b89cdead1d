//! Second factors at the login: who is asked, what is taken, what is not.

use saml::names::{PASSWORD as PASSWORD_CONTEXT, REFEDS_MFA};
use saml::request::RequestedContext;
use visits::client::form;
use visits::{Answer, Client, House, PASSWORD, Partner, Phone, partner};

/// What `config/demo/accounts.csv` gives epetit.
pub(crate) const SEED: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

fn asks_code(page: &Answer) -> bool {
    page.action("name=\"otp\"").is_some()
}

fn is_in(page: &Answer) -> bool {
    page.field("SAMLResponse").is_some()
}

/// Types a code on the page that asks for one, and follows.
pub(crate) fn typed(client: &Client, page: &Answer, code: &str) -> Answer {
    let field = |name: &str| page.field(name).unwrap_or_default();
    let action = page.action("name=\"otp\"");
    let action = action.unwrap_or_else(|| panic!("no code is asked: {}", page.body));
    let fields = [
        ("csrf", field("csrf")),
        ("flow", field("flow")),
        ("sp", field("sp")),
        ("otp", code.to_owned()),
    ];
    let fields = fields
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    client.follow(client.post(&action, &fields))
}

/// A new visitor who typed the password of epetit on the way to the portal.
pub(crate) fn half_way(house: &House) -> (Client, Answer) {
    let client = house.client();
    let login = client.choose(&client.open("/portail/"), "personnel");
    let page = client.sign_in(&login, "epetit", PASSWORD);
    assert!(asks_code(&page) && !is_in(&page), "{}", page.body);
    (client, page)
}

#[test]
fn a03_who_needs_a_code_is_not_in_without_it() {
    let house = House::start();
    let mut phone = Phone::with(SEED);
    let (client, page) = half_way(&house);
    // No other address leads around the step.
    let flow = form(&[("flow", &page.field("flow").unwrap())]);
    for path in ["continue", "information", "login"] {
        let around = client.open(&format!("/idp/personnel/{path}?{flow}"));
        assert!(asks_code(&around) && !is_in(&around), "{path}");
    }
    assert_eq!(client.open("/portail/").user(), None);
    let wrong = typed(&client, &page, &phone.wrong());
    assert!(
        asks_code(&wrong) && wrong.body.contains("aria-invalid"),
        "{}",
        wrong.body
    );
    // A form without its token changes nothing, and its code is not taken.
    let code = phone.code();
    let action = page.action("name=\"otp\"").unwrap();
    let flow = page.field("flow").unwrap();
    let forged = client.post(&action, &[("flow", &flow), ("otp", &code), ("csrf", "x")]);
    assert!(asks_code(&forged) && !is_in(&client.follow(forged)));
    // Nor does another browser that learned the address of this sign-on.
    let (other, others) = half_way(&house);
    let csrf = others.field("csrf").unwrap();
    let fields = [("csrf", csrf.as_str()), ("flow", &flow), ("otp", &code)];
    let foreign = other.follow(other.post(&action, &fields));
    assert!(!is_in(&foreign) && !asks_code(&foreign), "{}", foreign.body);
    let before = client.cookies();
    let answer = typed(&client, &page, &code);
    let portal = client.deliver(&answer);
    assert_eq!(portal.user().as_deref(), Some("epetit"));
    // The session goes on under another token; the old one is worth nothing.
    let (name, old) = before
        .iter()
        .find(|(name, _)| name.contains("idp-personnel"))
        .unwrap();
    assert_ne!(client.cookies().get(name), Some(old));
    let thief = house.client();
    for (name, value) in &before {
        thief.set_cookie(name, value);
    }
    let login = thief.choose(&thief.open("/portail/"), "personnel");
    assert!(login.field("password").is_some(), "{}", login.body);
    let journal = house.journal();
    let results: Vec<_> = journal
        .iter()
        .filter(|line| line["event"] == "idp.second-factor")
        .map(|line| line["result"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(results, ["refused", "accepted"]);
    let text = journal.iter().map(ToString::to_string).collect::<String>();
    assert!(!text.contains(&code) && !text.contains(SEED));
    let file = std::fs::read(house.data.path().join("directory.sqlite")).unwrap();
    let holds = |what: &[u8]| file.windows(what.len()).any(|window| window == what);
    assert!(
        !holds(SEED.as_bytes()) && !holds(b"Hello!\xde\xad\xbe\xef"),
        "encrypted"
    );
}

#[test]
fn a08_a_code_is_taken_once_and_guessing_gets_slow() {
    let house = House::start();
    let mut phone = Phone::with(SEED);
    let (client, page) = half_way(&house);
    assert!(is_in(&typed(&client, &page, &phone.code())));
    let (client, page) = half_way(&house);
    let replayed = typed(&client, &page, &phone.shown());
    assert!(asks_code(&replayed) && replayed.body.contains("Code déjà utilisé"));
    assert!(is_in(&typed(&client, &replayed, &phone.code())));
    let (client, page) = half_way(&house);
    let mut tries = 0;
    let told = loop {
        let told = typed(&client, &page, &phone.wrong());
        assert!(!is_in(&told));
        if told.status == 429 {
            break told;
        }
        tries += 1;
        assert!(tries < 20, "nobody was slowed down");
    };
    assert!(tries >= 5, "{tries}");
    assert_eq!(told.code().as_deref(), Some("EDU-4029"));
    let held = typed(&client, &page, &phone.code());
    assert_eq!((held.status, is_in(&held)), (429, false));
    // The delay ends by itself; the person with the password alone was never told anything else.
    let started = std::time::Instant::now();
    while !is_in(&typed(&client, &page, &phone.shown())) {
        assert!(started.elapsed().as_secs() < 20, "it does not end");
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
}

/// What the partner hears when it wants `classes`, of `login`, whose codes are the phone's.
struct Wanting<'a> {
    house: &'a House,
    partner: &'a Partner,
    client: Client,
}

impl Wanting<'_> {
    fn ask(
        &self,
        classes: &[&str],
        change: impl FnOnce(&mut saml::AuthnRequest),
    ) -> (Answer, saml::MessageId) {
        let mut request = self.partner.request(self.house);
        request.requested_context = (!classes.is_empty()).then(|| RequestedContext {
            exact: true,
            classes: classes.iter().map(|class| (*class).to_owned()).collect(),
        });
        change(&mut request);
        let page = self
            .client
            .open(&self.partner.address(self.house, &request));
        (page, request.id)
    }

    fn context(&self, (page, id): (Answer, saml::MessageId)) -> String {
        let login = self.partner.receive(self.house, &page, Some(&id));
        login.authn_context.expect("a context")
    }
}

fn status(page: &Answer, what: &str) {
    let response = page.field("SAMLResponse");
    let response = response.unwrap_or_else(|| panic!("no answer: {}", page.body));
    let xml = partner::decoded(&response);
    assert!(xml.contains(what), "{what}: {xml}");
}

#[test]
fn p14_a_second_factor_is_asked_for_when_the_request_wants_it_and_said_when_it_was_given() {
    let house = House::start();
    let partner = Partner::new("mfa.partner.example");
    partner.register(&house, &[]);
    let mut phone = Phone::with(SEED);
    let wanting = |client| Wanting {
        house: &house,
        partner: &partner,
        client,
    };
    // Who has none, and nobody's rule: the service is told, once it is known who it is.
    let nobody = wanting(house.client());
    let (login, _) = nobody.ask(&[REFEDS_MFA], |_| {});
    let page = nobody.client.sign_in(&login, "amartin", PASSWORD);
    status(&page, "status:NoAuthnContext");
    let (page, id) = nobody.ask(&[REFEDS_MFA, PASSWORD_CONTEXT], |_| {});
    assert_eq!(
        nobody.context((page, id)),
        PASSWORD_CONTEXT,
        "the password does"
    );
    // A password alone satisfies no passive request of hers who needs more.
    let (client, first) = half_way(&house);
    let epetit = wanting(client);
    let (passive, _) = epetit.ask(&[], |request| request.is_passive = true);
    status(&passive, "status:NoPassive");
    // What is missing, and only that.
    let (asked, id) = epetit.ask(&[REFEDS_MFA], |_| {});
    assert!(asks_code(&asked) && asked.field("password").is_none());
    let page = typed(&epetit.client, &asked, &phone.code());
    assert_eq!(epetit.context((page, id)), REFEDS_MFA);
    // The first sign-on goes on without being asked again.
    let other = epetit.client.open(&page_of(&first));
    assert!(is_in(&other), "{}", other.body);
    let (page, id) = epetit.ask(&[PASSWORD_CONTEXT], |_| {});
    assert_eq!(epetit.context((page, id)), PASSWORD_CONTEXT);
    let passive = epetit.ask(&[REFEDS_MFA], |request| request.is_passive = true);
    assert_eq!(epetit.context(passive), REFEDS_MFA);
    // Both proofs again when the service insists.
    let (login, id) = epetit.ask(&[REFEDS_MFA], |request| request.force_authn = true);
    assert!(login.field("password").is_some(), "{}", login.body);
    let page = epetit.client.sign_in(&login, "epetit", PASSWORD);
    assert!(asks_code(&page), "{}", page.body);
    let page = typed(&epetit.client, &page, &phone.code());
    assert_eq!(epetit.context((page, id)), REFEDS_MFA);
    for (exact, class) in [
        (false, REFEDS_MFA),
        (true, "urn:oasis:names:tc:SAML:2.0:ac:classes:X509"),
    ] {
        let (told, _) = epetit.ask(&[class], |request| {
            if let Some(context) = &mut request.requested_context {
                context.exact = exact;
            }
        });
        status(&told, "status:NoAuthnContext");
    }
}

/// The address at which the sign-on of a page goes on.
fn page_of(page: &Answer) -> String {
    let flow = form(&[("flow", &page.field("flow").unwrap_or_default())]);
    format!("/idp/personnel/continue?{flow}")
}

#[test]
fn a09_a_service_and_a_network_decide_who_is_asked() {
    let house = House::with(&[
        ("EDULINE__SERVER__PROXIES", "127.0.0.1"),
        ("EDULINE__IDP__INSIDE", "10.0.0.0/8,fd00::/8"),
    ]);
    // The person is asked outside only.
    let from = |address: &str| {
        let client = house.client();
        let login = client.choose(&client.open("/portail/"), "personnel");
        let field = |name: &str| login.field(name).unwrap_or_default();
        let body = form(&[
            ("csrf", &field("csrf")),
            ("flow", &field("flow")),
            ("username", "epetit"),
            ("password", PASSWORD),
        ]);
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-forwarded-for", address),
        ];
        let action = login.action("name=\"password\"").unwrap();
        let mut answer = client
            .send("POST", &action, &headers, Some(body.as_bytes()))
            .unwrap();
        while answer.status == 303 {
            answer = client.get_with(answer.location(), &headers[1..]);
        }
        answer
    };
    assert!(is_in(&from("10.1.2.3")));
    for outside in ["203.0.113.7", "11.0.0.1", "127.0.0.1"] {
        assert!(asks_code(&from(outside)), "{outside}");
    }
    // A service asks everybody, and who has no factor is not let in.
    let partner = Partner::new("strict.partner.example");
    partner.register(&house, &["--second-factor", "always"]);
    let client = house.client();
    let request = partner.request(&house);
    let login = client.open(&partner.address(&house, &request));
    let page = client.sign_in(&login, "bleroy", PASSWORD);
    assert!(!is_in(&page) && page.body.contains("Activer ma clé OTP"));
    let field = |name: &str| page.field(name).unwrap();
    let (csrf, flow) = (field("csrf"), field("flow"));
    let sent = [("csrf", csrf.as_str()), ("flow", &flow), ("choice", "stop")];
    let action = page.action("value=\"stop\"").unwrap();
    let told = client.follow(client.post(&action, &sent));
    assert!(!told.body.contains("status:Success"));
    status(&told, "status:NoAuthnContext");
    let portal = client.open("/portail/");
    let portal = client.choose(&portal, "personnel");
    assert!(is_in(&portal), "other services are open to him");
}
