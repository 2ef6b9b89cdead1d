//! A person's own sign-ins and sessions: what they are shown, and what they can end.

use std::time::{Duration, Instant};

use visits::{Answer, Client, House, PASSWORD};

const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; rv:145.0) Gecko/20100101 Firefox/145.0";

/// A page of the account, signed in as `login` where that is asked.
fn account(client: &Client, path: &str, login: &str) -> Answer {
    let mut page = client.open(path);
    if page.field("profile").is_some() || page.action("name=\"profile\"").is_some() {
        page = client.choose(&page, "personnel");
    }
    if page.field("password").is_some() {
        page = client.sign_in(&page, login, PASSWORD);
    }
    if page.field("SAMLResponse").is_some() {
        page = client.follow(client.deliver(&page));
    }
    assert_eq!(
        (page.status, page.user().as_deref()),
        (200, Some(login)),
        "{}",
        page.body
    );
    page
}

/// The page once it holds what it is to hold.
#[track_caller]
fn until(what: &str, look: impl Fn() -> Answer, holds: impl Fn(&Answer) -> bool) -> Answer {
    let started = Instant::now();
    loop {
        let page = look();
        if holds(&page) {
            return page;
        }
        assert!(
            started.elapsed() < Duration::from_secs(15),
            "{what}: {}",
            page.body
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn times(page: &Answer, text: &str) -> usize {
    page.body.matches(text).count()
}

fn ended(client: &Client, page: &Answer, fields: &[(&str, &str)]) -> Answer {
    let form = page.body.split("action=\"/compte/sessions\"").nth(1);
    let form = Answer {
        body: form
            .unwrap_or_else(|| panic!("no form: {}", page.body))
            .to_owned(),
        ..page.clone()
    };
    let csrf = form.field("csrf").unwrap_or_default();
    let mut sent = vec![("csrf", csrf.as_str())];
    sent.extend_from_slice(fields);
    client.post("/compte/sessions", &sent)
}

fn is_signed_on(client: &Client) -> bool {
    client.get("/idp/personnel/logout").field("csrf").is_some()
}

/// The indexes of the sessions that can be ended on the page.
fn others(page: &Answer) -> Vec<String> {
    let parts = page.body.split("name=\"session\" value=\"").skip(1);
    parts
        .filter_map(|part| Some(part.split('"').next()?.to_owned()))
        .collect()
}

#[test]
fn u10_a_person_sees_who_signed_in_as_them_and_who_tried() {
    let house = House::with(&[("EDULINE__SERVER__PROXIES", "127.0.0.1")]);
    // Somebody guesses, elsewhere: at her password, at her mail, at nobody's.
    let thief = house.client();
    let login = thief.choose(&thief.open("/portail/"), "personnel");
    let field = |name: &str| login.field(name).unwrap();
    let action = login.action("name=\"password\"").unwrap();
    for username in ["amartin", "anne.martin@ac-demo.example", "nobody", "bleroy"] {
        let body = visits::client::form(&[
            ("csrf", &field("csrf")),
            ("flow", &field("flow")),
            ("username", username),
            ("password", "Wrong-pass-1234"),
        ]);
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-forwarded-for", "198.51.100.9"),
            ("user-agent", FIREFOX),
        ];
        let told = thief
            .send("POST", &action, &headers, Some(body.as_bytes()))
            .unwrap();
        assert!(told.body.contains("role=\"alert\""), "{}", told.body);
    }
    let client = house.client();
    account(&client, "/compte/historique", "amartin");
    let look = || client.get("/compte/historique");
    let page = until("everything is there", look, |page| {
        times(page, "Mot de passe refusé") == 2 && times(page, "Mot de passe accepté") == 1
    });
    assert_eq!(times(&page, "198.51.100.9"), 2, "{}", page.body);
    assert!(page.body.contains("Firefox, Windows") && page.body.contains("Gestion du compte"));
    let latest = page.body.find("Mot de passe accepté") < page.body.find("Mot de passe refusé");
    assert!(latest, "the latest first: {}", page.body);
    assert!(!page.body.contains("Wrong-pass-1234") && !page.body.contains(PASSWORD));
    // Another person sees their own, and who has no session is asked for one.
    let other = house.client();
    account(&other, "/compte/historique", "bleroy");
    let look = || other.get("/compte/historique");
    let page = until("his own", look, |page| {
        times(page, "Mot de passe refusé") == 1
    });
    assert_eq!(times(&page, "Mot de passe accepté"), 1);
    assert_eq!(house.client().get("/compte/historique").status, 303);
    assert_eq!(client.post("/compte/historique", &[]).status, 405);
    // The second factor is part of it: epetit is asked for a code, and types a wrong one.
    let third = house.client();
    let page = third.choose(&third.open("/compte/historique"), "personnel");
    let page = third.sign_in(&page, "epetit", PASSWORD);
    let mut phone = visits::Phone::with("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    let typed = |page: &Answer, code: &str| {
        let field = |name: &str| page.field(name).unwrap_or_default();
        let action = page.action("name=\"otp\"").unwrap();
        let (csrf, flow) = (field("csrf"), field("flow"));
        let sent = [("csrf", csrf.as_str()), ("flow", &flow), ("otp", code)];
        third.follow(third.post(&action, &sent))
    };
    let page = typed(&page, &phone.wrong());
    third.follow(third.deliver(&typed(&page, &phone.code())));
    let look = || third.get("/compte/historique");
    until("both factors", look, |page| {
        times(page, "Code à usage unique accepté") == 1
            && times(page, "Deuxième vérification refusée") == 1
    });
}

#[test]
fn u11_a_person_sees_their_open_sessions_and_ends_them_from_afar() {
    let house = House::start();
    let [here, school, library] = [(); 3].map(|()| house.client());
    for client in [&school, &library] {
        client.arrive("personnel", "amartin");
    }
    let other = house.client();
    other.arrive("personnel", "bleroy");
    let page = account(&here, "/compte/sessions", "amartin");
    assert_eq!(times(&page, "Ce navigateur"), 1, "{}", page.body);
    assert_eq!(others(&page).len(), 2, "{}", page.body);
    assert_eq!(
        times(&page, "<li>Portail"),
        2,
        "what they opened: {}",
        page.body
    );

    // Without the form's token, of nobody, of somebody else, and the one she is in: nothing ends.
    let theirs = account(&other, "/compte/sessions", "bleroy");
    assert_eq!(others(&theirs).len(), 0, "{}", theirs.body);
    let second = house.client();
    second.arrive("personnel", "bleroy");
    let foreign = others(&other.get("/compte/sessions"));
    assert_eq!(foreign.len(), 1);
    let target = others(&page)[0].clone();
    let forged = [("csrf", "x"), ("choice", "end"), ("session", &target)];
    assert_eq!(others(&here.post("/compte/sessions", &forged)).len(), 2);
    for index in ["", "_none", foreign[0].as_str()] {
        let told = ended(&here, &page, &[("choice", "end"), ("session", index)]);
        assert!(
            !told.body.contains("role=\"status\""),
            "{index}: {}",
            told.body
        );
    }
    let told = ended(&here, &page, &[("choice", "x"), ("session", &target)]);
    assert_eq!(others(&told).len(), 2);

    // One ends, with what it opened; the others go on.
    let told = ended(&here, &page, &[("choice", "end"), ("session", &target)]);
    assert!(told.body.contains("role=\"status\""), "{}", told.body);
    assert_eq!(others(&told).len(), 1);
    let out = |client: &Client| !is_signed_on(client) && client.get("/portail/").user().is_none();
    let started = Instant::now();
    while !out(&school) && !out(&library) {
        assert!(started.elapsed() < Duration::from_secs(15), "it never ends");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_ne!(out(&school), out(&library), "one alone");
    assert!(is_signed_on(&here) && is_signed_on(&other) && is_signed_on(&second));

    // Then all the others.
    school.arrive_again("personnel", "amartin");
    library.arrive_again("personnel", "amartin");
    let look = || here.get("/compte/sessions");
    let page = until("two again", look, |page| others(page).len() == 2);
    ended(&here, &page, &[("choice", "others")]);
    let look = || here.get("/compte/sessions");
    let page = until("none but this", look, |page| others(page).is_empty());
    assert_eq!(page.user().as_deref(), Some("amartin"), "this one goes on");
    let started = Instant::now();
    while !(out(&school) && out(&library)) {
        assert!(
            started.elapsed() < Duration::from_secs(15),
            "they never end"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(is_signed_on(&here) && is_signed_on(&other) && is_signed_on(&second));
    let journal = house.journal();
    let which: Vec<_> = journal
        .iter()
        .filter(|line| line["event"] == "account.sessions.ended")
        .map(|line| line["which"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(which, ["one", "others"]);
    // Without a session nothing is shown.
    assert_eq!(house.client().get("/compte/sessions").status, 303);
}
