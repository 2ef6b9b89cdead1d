//! A person's own second factors: activated, listed, removed; and what has to be proven before.

use visits::client::{between, unescape};
use visits::{Answer, Client, House, PASSWORD, Phone};

/// What `config/demo/accounts.csv` gives epetit.
const SEED: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

/// Opens a page of the account as `login`, who gives a code where one is asked for.
fn signed_in(client: &Client, path: &str, login: &str, phone: Option<&mut Phone>) -> Answer {
    let page = client.choose(&client.open(path), "personnel");
    proven(client, &page, login, phone)
}

/// Gives what the identity provider asks, and comes back.
fn proven(client: &Client, page: &Answer, login: &str, phone: Option<&mut Phone>) -> Answer {
    let mut page = page.clone();
    if page.field("password").is_some() {
        page = client.sign_in(&page, login, PASSWORD);
    }
    if let Some(phone) = phone {
        page = typed(client, &page, &phone.code());
    }
    client.follow(client.deliver(&page))
}

/// Types a code into whatever form asks for one.
fn typed(client: &Client, page: &Answer, code: &str) -> Answer {
    let field = |name: &str| page.field(name).unwrap_or_default();
    let action = page.action("name=\"otp\"");
    let action = action.unwrap_or_else(|| panic!("no code is asked: {}", page.body));
    let sent: Vec<(&str, String)> = vec![
        ("csrf", of_form(page, "name=\"otp\"", "csrf")),
        ("flow", field("flow")),
        ("sp", field("sp")),
        ("name", "Téléphone d'Anne".to_owned()),
        ("otp", code.to_owned()),
    ];
    let sent: Vec<(&str, &str)> = sent.iter().map(|(n, v)| (*n, v.as_str())).collect();
    client.follow(client.post(&action, &sent))
}

/// A field of the form that holds `mark`.
fn of_form(page: &Answer, mark: &str, name: &str) -> String {
    let form = page.body.split("<form").skip(1).find(|form| {
        let own = form.split("</form>").next().unwrap_or_default();
        own.contains(mark)
    });
    let form = form.unwrap_or_else(|| panic!("no form with {mark}: {}", page.body));
    let part = Answer {
        body: format!("<form{form}"),
        ..page.clone()
    };
    part.field(name).unwrap_or_default()
}

/// The seed that the page of an activation shows, in letters; its picture says the same.
fn seed(page: &Answer) -> String {
    let address = between(&page.body, "href=\"otpauth:", "\"").map(|text| unescape(&text));
    let address = address.unwrap_or_else(|| panic!("no seed: {}", page.body));
    let seed = between(&address, "secret=", "&").unwrap();
    let shown = between(&page.body, "class=\"seed code\"", "</p>").unwrap();
    let shown: String = shown
        .split("<span>")
        .skip(1)
        .filter_map(|part| part.split('<').next())
        .collect();
    assert_eq!(shown, seed);
    assert!(
        address.contains("/totp/") && address.contains(":amartin?"),
        "{address}"
    );
    assert!(page.body.contains("<svg class=\"qr\""), "{}", page.body);
    seed
}

fn asks_code_at_login(page: &Answer) -> bool {
    page.action("name=\"otp\"")
        .is_some_and(|to| to.contains("/second-factor"))
}

fn chosen(client: &Client, page: &Answer, choice: &str) -> Answer {
    let csrf = of_form(page, &format!("value=\"{choice}\""), "csrf");
    let factor = page.field("factor").unwrap_or_default();
    let sent = [
        ("csrf", csrf.as_str()),
        ("choice", choice),
        ("factor", &factor),
    ];
    client.follow(client.post("/compte/otp", &sent))
}

/// The ten codes of a sheet.
fn codes(page: &Answer) -> Vec<String> {
    let list = between(&page.body, "<ol class=\"codes", "</ol>");
    let list = list.unwrap_or_else(|| panic!("no codes: {}", page.body));
    list.split("<li>")
        .skip(1)
        .filter_map(|part| Some(part.split('<').next()?.replace('\u{a0}', " ")))
        .collect()
}

fn results(house: &House) -> Vec<String> {
    house
        .journal()
        .iter()
        .filter(|line| line["event"] == "account.factor")
        .map(|line| line["result"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// amartin has none: the whole life of her first one.
#[test]
fn u08_a_key_is_activated_by_its_code_and_asked_for_ever_after() {
    let house = House::start();
    let client = house.client();
    let page = signed_in(&client, "/compte/otp", "amartin", None);
    assert_eq!(
        (page.status, page.user().as_deref()),
        (200, Some("amartin"))
    );
    let secret = seed(&page);
    let mut phone = Phone::with(&secret);
    assert_eq!(
        seed(&client.get("/compte/otp")),
        secret,
        "reloaded, it is the same"
    );

    // Nothing counts before a right code: neither a wrong one, nor a form without its token, nor the
    // code of a seed that another session was shown.
    let wrong = typed(&client, &page, &phone.wrong());
    assert!(wrong.body.contains("aria-invalid") && seed(&wrong) == secret);
    assert!(
        wrong.body.contains("value=\"Téléphone d&#x27;Anne\""),
        "{}",
        wrong.body
    );
    let forged = [("csrf", "x"), ("otp", phone.shown().as_str())].map(|(n, v)| (n, v.to_owned()));
    let forged = forged.each_ref().map(|(n, v)| (*n, v.as_str()));
    assert!(
        client
            .post("/compte/otp", &forged)
            .body
            .contains("class=\"qr\"")
    );
    let other = house.client();
    let others = signed_in(&other, "/compte/otp", "amartin", None);
    assert_ne!(seed(&others), secret);
    let foreign = typed(&other, &others, &phone.code());
    assert!(foreign.body.contains("aria-invalid"), "{}", foreign.body);

    // The code makes it count, and recovery codes come with it, once.
    let done = typed(&client, &page, &phone.code());
    let sheet = codes(&done);
    assert_eq!(sheet.len(), 10, "{}", done.body);
    assert!(done.body.contains("amartin"), "whose they are");

    // The other session was opened with a password alone: it is worth nothing here any more (A11).
    let refused = typed(&other, &others, &Phone::with(&seed(&others)).code());
    assert!(
        refused.field("password").is_some(),
        "asked to prove more: {}",
        refused.body
    );
    let asked = other.sign_in(&refused, "amartin", PASSWORD);
    assert!(asks_code_at_login(&asked), "{}", asked.body);
    let replayed = typed(&other, &asked, &phone.shown());
    assert!(
        replayed.body.contains("Code déjà utilisé"),
        "{}",
        replayed.body
    );
    let list = other.follow(other.deliver(&typed(&other, &replayed, &phone.code())));
    assert!(list.body.contains("Téléphone d&#x27;Anne"), "{}", list.body);
    assert!(list.body.contains("Il vous en reste"), "{}", list.body);

    // A recovery code does in the place of a code, once.
    let lost = house.client();
    let page = lost.choose(&lost.open("/compte/otp"), "personnel");
    let page = lost.sign_in(&page, "amartin", PASSWORD);
    let back = lost.follow(lost.deliver(&typed(&lost, &page, &sheet[0])));
    assert!(back.body.contains("9."), "nine are left: {}", back.body);
    let again = house.client();
    let page = again.choose(&again.open("/compte/otp"), "personnel");
    let page = again.sign_in(&page, "amartin", PASSWORD);
    let spent = typed(&again, &page, &sheet[0]);
    assert!(asks_code_at_login(&spent) && spent.body.contains("aria-invalid"));

    // Nobody else needs one, and what is secret is in no journal.
    let text: String = house.journal().iter().map(ToString::to_string).collect();
    assert!(!text.contains(&secret) && !text.contains(&sheet[1].replace(' ', "")));
    assert_eq!(results(&house), ["refused", "refused", "activated"]);
}

#[test]
fn u09_factors_are_listed_added_removed_and_codes_made_anew() {
    let house = House::start();
    let mut phone = Phone::with(SEED);
    let client = house.client();
    let list = signed_in(&client, "/compte/otp", "epetit", Some(&mut phone));
    assert!(list.body.contains("name=\"factor\"") && list.body.contains("/compte/otp/ajouter"));
    assert!(
        list.body.contains("Il ne vous en reste aucun"),
        "{}",
        list.body
    );

    // Fresh codes take the place of the old ones.
    let first = codes(&chosen(&client, &list, "codes"));
    let second = codes(&chosen(&client, &list, "codes"));
    assert!(first.iter().all(|code| !second.contains(code)));
    let half_way = || {
        let client = house.client();
        let page = client.choose(&client.open("/portail/"), "personnel");
        let page = client.sign_in(&page, "epetit", PASSWORD);
        (client, page)
    };
    let (other, page) = half_way();
    assert!(asks_code_at_login(&typed(&other, &page, &first[0])));
    assert!(
        typed(&other, &page, &second[0].replace(' ', "-"))
            .field("SAMLResponse")
            .is_some()
    );

    // What is not hers, or not there, is not removed; nor is anything without the form's token.
    let factor = list.field("factor").unwrap();
    let csrf = of_form(&list, "value=\"remove\"", "csrf");
    for (csrf, id) in [("x", factor.as_str()), (&csrf, "none"), (&csrf, "")] {
        let sent = [("csrf", csrf), ("choice", "remove"), ("factor", id)];
        let page = client.post("/compte/otp", &sent);
        assert!(page.body.contains(&factor), "{id}: {}", page.body);
    }
    let stranger = house.client();
    let page = signed_in(&stranger, "/compte/otp", "amartin", None);
    let csrf = of_form(&page, "name=\"otp\"", "csrf");
    let sent = [
        ("csrf", csrf.as_str()),
        ("choice", "remove"),
        ("factor", &factor),
    ];
    stranger.post("/compte/otp", &sent);
    assert!(client.get("/compte/otp").body.contains(&factor));
    // A program without a session gets nowhere.
    let nobody = house.client().post("/compte/otp", &sent);
    assert_eq!(nobody.status, 303);

    // With the last one go the codes; what a rule asks is then the activation of another (A10).
    let removed = chosen(&client, &list, "remove");
    assert!(removed.body.contains("role=\"status\""), "{}", removed.body);
    let (other, page) = half_way();
    assert!(!asks_code_at_login(&page) && page.body.contains("Activer ma clé OTP"));
    assert!(page.body.contains("value=\"later\""), "{}", page.body);
    let flow = page.field("flow").unwrap();
    let csrf = page.field("csrf").unwrap();
    let later = [
        ("csrf", csrf.as_str()),
        ("flow", &flow),
        ("choice", "later"),
    ];
    let action = page.action("name=\"choice\"").unwrap();
    let answer = other.follow(other.post(&action, &later));
    assert!(answer.field("SAMLResponse").is_some(), "{}", answer.body);
    // The way to the activation is open, and the password is not asked twice in a row.
    let page = other.choose(&other.open("/compte/otp"), "personnel");
    let page = other.follow(other.deliver(&page));
    assert!(page.body.contains("class=\"qr\""), "{}", page.body);
    assert_eq!(
        results(&house),
        ["codes-renewed", "codes-renewed", "removed"]
    );
}

#[test]
fn a10_after_its_grace_an_activation_cannot_be_put_off() {
    let house = House::with(&[("EDULINE__IDP__SECOND_FACTOR_GRACE_DAYS", "0")]);
    let removed = house.client();
    let mut phone = Phone::with(SEED);
    let list = signed_in(&removed, "/compte/otp", "epetit", Some(&mut phone));
    chosen(&removed, &list, "remove");
    let client = house.client();
    let page = client.choose(&client.open("/portail/"), "personnel");
    let page = client.sign_in(&page, "epetit", PASSWORD);
    assert!(page.body.contains("Activer ma clé OTP"), "{}", page.body);
    assert!(!page.body.contains("value=\"later\""), "{}", page.body);
    let (flow, csrf) = (page.field("flow").unwrap(), page.field("csrf").unwrap());
    let action = page.action("name=\"choice\"").unwrap();
    for choice in ["later", "", "x"] {
        let sent = [("csrf", csrf.as_str()), ("flow", &flow), ("choice", choice)];
        let still = client.follow(client.post(&action, &sent));
        assert!(
            still.field("SAMLResponse").is_none(),
            "{choice}: {}",
            still.body
        );
    }
    assert_eq!(client.open("/portail/").user(), None);
    // Guessing at an activation gets slow, as it does at the login.
    let begun = client.choose(&client.open("/compte/otp"), "personnel");
    let begun = client.follow(client.deliver(&begun));
    let secret = between(&begun.body, "secret=", "&").unwrap();
    let phone = Phone::with(&secret);
    let told = (0..12)
        .map(|_| typed(&client, &begun, &phone.wrong()))
        .find(|told| told.status != 200);
    let told = told.expect("nobody was slowed down");
    assert_eq!(
        (told.status, told.code().as_deref()),
        (429, Some("EDU-7429"))
    );
    assert!(told.header("retry-after").is_some());
}
