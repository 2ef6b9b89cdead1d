//! The help desk: who may act, on whom, with a reason; what the journal keeps of it.

use visits::browser::Kind;
use visits::mailbox::Mailbox;
use visits::{Answer, Browser, Client, House, PASSWORD};

const DESK: &str = "/compte/assistance";

/// Signs in at the desk and asks for `path`.
fn at_desk(house: &House, profile: &str, login: &str, path: &str) -> (Client, Answer) {
    let client = house.client();
    let wayf = client.open(path);
    let page = client.sign_in(&client.choose(&wayf, profile), login, PASSWORD);
    let page = client.follow(client.deliver(&page));
    (client, page)
}

/// The address of somebody in the results.
fn address(page: &Answer) -> String {
    let found = page
        .body
        .split("href=\"/compte/assistance?personne=")
        .nth(1);
    let id = found.and_then(|rest| rest.split('"').next());
    format!(
        "{DESK}?personne={}",
        id.unwrap_or_else(|| panic!("nobody: {}", page.body))
    )
}

fn act(client: &Client, page: &Answer, action: &str, reason: &str, checked: bool) -> Answer {
    let field = |name: &str| page.field(name).unwrap_or_default();
    let (csrf, person) = (
        field("csrf"),
        page.body
            .split("name=\"personne\" value=\"")
            .nth(1)
            .unwrap_or_default(),
    );
    let person = person.split('"').next().unwrap_or_default().to_owned();
    let csrf = page
        .body
        .split("action=\"/compte/assistance\"")
        .nth(1)
        .and_then(|form| visits::client::between(form, "name=\"csrf\" value=\"", "\""))
        .unwrap_or(csrf);
    let mut fields = vec![
        ("csrf", csrf.as_str()),
        ("personne", person.as_str()),
        ("action", action),
        ("motif", reason),
    ];
    if checked {
        fields.push(("verifie", "1"));
    }
    client.post(DESK, &fields)
}

/// The code that an operator hands over for somebody of the staff.
pub(crate) fn hand_over(house: &House, login: &str) -> String {
    let (operator, _) = at_desk(house, "personnel", "operateur", DESK);
    let person = operator.get(&address(&operator.get(&format!("{DESK}?q={login}"))));
    let given = act(&operator, &person, "code", "mot de passe perdu", true);
    visits::client::between(&given.body, "big-code code\">", "<").expect("a code")
}

/// U12: a head acts within their school, an operator everywhere, nobody else anywhere; a reason and a check of
/// who it is are asked for; a code is handed over and works; the person is told, and the journal.
#[test]
fn u12_a_desk_hands_over_a_code_within_its_own_walls() {
    let mailbox = Mailbox::start();
    let house = mailbox.house(&[("EDULINE__SERVER__PROXIES", "127.0.0.1")]);
    // Somebody of another school, and somebody of this one.
    for (login, uai) in [("zneighbour", "9990102G"), ("yelsewhere", "9990101F")] {
        let added = house.run(&[
            "account",
            "add",
            "personnel",
            login,
            "--given-name",
            "Zoé",
            "--surname",
            "Noël",
            "--mail",
            &format!("{login}@ac-demo.example"),
            "--post",
            &format!("enseignant_1d:{uai}:École"),
        ]);
        assert!(
            added.status.success(),
            "{}",
            String::from_utf8_lossy(&added.stderr)
        );
    }
    for (profile, login) in [
        ("personnel", "amartin"),
        ("eleve", "jeanne.b"),
        ("parent", "f.bernard"),
    ] {
        let (client, page) = at_desk(&house, profile, login, DESK);
        assert_eq!(
            (page.status, page.code().as_deref()),
            (403, Some("EDU-7003")),
            "{login}"
        );
        assert!(
            !client.get("/compte/").body.contains(DESK),
            "{login} is offered none"
        );
    }
    let (head, page) = at_desk(&house, "personnel", "bleroy", DESK);
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(head.get("/compte/").body.contains(DESK));
    let found = head.get(&format!("{DESK}?q=noel"));
    assert!(
        found.body.contains("zneighbour") && !found.body.contains("yelsewhere"),
        "{}",
        found.body
    );
    for none in ["martin", "leroy", "operateur", "%25%25"] {
        let found = head.get(&format!("{DESK}?q={none}"));
        assert!(
            found.body.contains("Personne n’a été trouvé"),
            "{none}: {}",
            found.body
        );
    }
    let person = head.get(&address(&found));
    assert!(person.body.contains("zneighbour"), "{}", person.body);
    for secret in ["09X2345678ABC", "$argon2"] {
        assert!(!person.body.contains(secret), "{secret}");
    }
    for (reason, checked, said) in [
        ("", true, "motif en quelques mots"),
        ("mdp oublié", false, "cochez la case"),
    ] {
        let told = act(&head, &person, "code", reason, checked);
        assert_eq!(told.status, 400);
        assert!(told.body.contains(said), "{}", told.body);
        assert!(!told.body.contains("big-code"));
    }
    let odd = act(&head, &person, "roles", "mdp oublié", true);
    assert_eq!((odd.status, odd.code().as_deref()), (400, Some("EDU-7004")));
    let given = act(&head, &person, "code", "mot de passe oublié", true);
    let code = visits::client::between(&given.body, "big-code code\">", "<").expect("a code");
    mailbox.wait_for("zneighbour@ac-demo.example", "remettre un code");
    // It stands for the password, once.
    let page = house.client();
    let change = page.get("/compte/mot-de-passe");
    let text = change.body.replace(['\u{a0}', '\u{202f}'], " ");
    let terms = text
        .split("la somme de ")
        .nth(1)
        .unwrap()
        .split(|c: char| !c.is_ascii_digit());
    let terms = terms.filter(|part| !part.is_empty()).take(2);
    let sum: u32 = terms.map(|part| part.parse::<u32>().unwrap()).sum();
    let (csrf, question) = (
        change.field("csrf").unwrap(),
        change.field("question").unwrap(),
    );
    let fields = [
        ("csrf", csrf.as_str()),
        ("question", &question),
        ("login", "zneighbour"),
        ("mot_de_passe", &code),
        ("reponse", &sum.to_string()),
    ];
    let choose = page.follow(page.post("/compte/mot-de-passe", &fields));
    assert!(choose.body.contains("name=\"nouveau\""), "{}", choose.body);

    // An operator is the desk of everybody but themselves; a head is not theirs.
    let (operator, _) = at_desk(&house, "personnel", "operateur", DESK);
    let other = operator.get(&address(&operator.get(&format!("{DESK}?q=martin"))));
    assert!(
        other.body.contains("a…@perso.example"),
        "a masked address: {}",
        other.body
    );
    let own = operator.get(&format!("{DESK}?q=perateur"));
    assert!(!own.body.contains("?personne="), "{}", own.body);
    let told = head.get(&address(&operator.get(&format!("{DESK}?q=martin"))));
    assert_eq!(
        (told.status, told.code().as_deref()),
        (403, Some("EDU-7005"))
    );
    let nobody = head.get(&format!("{DESK}?personne=aaaaaaaaaaaaaaaaaaaaaaaaaa"));
    assert_eq!(
        nobody.code(),
        told.code(),
        "elsewhere and nobody are told alike"
    );
    let foreign = house.client();
    assert_ne!(foreign.post(DESK, &[("action", "code")]).status, 200);

    // U07: failures are forgotten by a desk.
    let held = |source: &str| {
        let client = house.client();
        let page = client.choose(&client.open("/portail/"), "personnel");
        let field = |name: &str| page.field(name).unwrap_or_default();
        let body = visits::client::form(&[
            ("csrf", &field("csrf")),
            ("flow", &field("flow")),
            ("username", "amartin"),
            ("password", "Wrong-word-77"),
        ]);
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-forwarded-for", source),
        ];
        let action = page.action("name=\"password\"").expect("a login");
        client
            .send("POST", &action, &headers, Some(body.as_bytes()))
            .expect("an answer")
            .status
            == 429
    };
    let mut tries = 0;
    while !held("203.0.113.9") {
        tries += 1;
        assert!(tries < 20);
    }
    let freed = act(&operator, &other, "deblocage", "trop d'essais", true);
    assert!(freed.body.contains("oubliés"), "{}", freed.body);
    let started = std::time::Instant::now();
    while held("203.0.113.9") {
        assert!(started.elapsed().as_secs() < 20, "still held");
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    let journal = house.journal();
    let told = |name: &str, field: &str| {
        let line = journal.iter().find(|line| line["event"] == name);
        line.unwrap_or_else(|| panic!("{name}"))[field]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(told("desk.code", "reason"), "mot de passe oublié");
    assert!(!told("desk.code", "by").is_empty() && !told("desk.unlock", "person").is_empty());
    assert!(
        !journal.iter().any(|line| line.to_string().contains(&code)),
        "the code is told to nobody else"
    );
}

/// Each page of the desk on a telephone, with axe.
#[tokio::test]
async fn u12_the_desk_is_fine_on_a_telephone() {
    let house = House::start();
    let browser = Browser::open(&house.url(), Kind::PHONE).await;
    browser.goto(DESK).await;
    browser.click("button[name=profile][value=personnel]").await;
    browser.sign_in("operateur", PASSWORD).await;
    browser.find("[name=q]").await;
    browser.fill("q", "martin").await;
    browser.click("form[role=search] button").await;
    browser.find("a.app").await;
    browser.assert_fine("found").await;
    browser.picture("desk-1-found").await;
    browser.click("a.app").await;
    browser.find("[name=motif]").await;
    browser.assert_fine("person").await;
    browser.picture("desk-2-person").await;
    browser.fill("motif", "Mot de passe oublié").await;
    browser.click("#verifie").await;
    browser.click("button[value=code]").await;
    browser.find(".big-code").await;
    browser.assert_fine("code").await;
    browser.picture("desk-3-code").await;
    browser.goto("/compte/secours").await;
    browser.find("[name=courriel]").await;
    browser.assert_fine("contact").await;
    browser.picture("desk-4-contact").await;
    browser.fill("courriel", "odile@autre.example").await;
    browser.click("button[value=envoyer]").await;
    browser.find("[name=code]").await;
    browser.assert_fine("contact code").await;
    browser.picture("desk-5-contact-code").await;
    browser.close().await;
}

/// A person says where they are reached; the address counts once its code has come back, and the one of before is
/// told.
#[test]
fn a15_a_recovery_contact_is_confirmed_by_its_owner() {
    let mailbox = Mailbox::start();
    let house = mailbox.house(&[]);
    let path = "/compte/secours";
    let (client, page) = at_desk(&house, "personnel", "amartin", path);
    assert!(
        page.body.contains("anne.martin@perso.example"),
        "{}",
        page.body
    );
    let send = |fields: &[(&str, &str)]| {
        let csrf = client.get(path).body;
        let form = csrf
            .split(&format!("action=\"{path}\""))
            .nth(1)
            .expect("a form")
            .to_owned();
        let csrf = visits::client::between(&form, "name=\"csrf\" value=\"", "\"").expect("a token");
        let mut whole = vec![("csrf", csrf.as_str())];
        whole.extend_from_slice(fields);
        client.post(path, &whole)
    };
    for bad in ["", "anne", "a@b\r\nBcc: c@d", "anne.martin@ac-demo.example"] {
        assert_eq!(
            send(&[("action", "envoyer"), ("courriel", bad)]).status,
            400,
            "{bad}"
        );
    }
    let told = send(&[("action", "envoyer"), ("courriel", " Anne@Autre.example ")]);
    assert!(told.body.contains("anne@autre.example"), "{}", told.body);
    let code = mailbox
        .wait_for("anne@autre.example", "adresse de secours")
        .code();
    let wrong = send(&[("action", "confirmer"), ("code", "AAAAA-AAAAA")]);
    assert!(wrong.body.contains("pas le bon"), "{}", wrong.body);
    let other = at_desk(&house, "personnel", "bleroy", path).0;
    assert!(
        !other.get(path).body.contains("anne@autre.example"),
        "another's is another's"
    );
    // The code of an address opens no account.
    let right = send(&[("action", "confirmer"), ("code", &code.to_lowercase())]);
    assert!(right.body.contains("est confirmée"), "{}", right.body);
    mailbox.wait_for("anne.martin@perso.example", "vient d'être changée");
    mailbox.wait_for("anne.martin@ac-demo.example", "vient d'être changée");
    let again = send(&[("action", "confirmer"), ("code", &code)]);
    assert!(!again.body.contains("est confirmée"), "once");
    let gone = send(&[("action", "retirer")]);
    assert!(
        gone.body.contains("plus d’adresse de secours"),
        "{}",
        gone.body
    );
    let foreign = client.post(path, &[("action", "retirer"), ("csrf", "x")]);
    assert!(foreign.body.contains("trop longtemps"), "{}", foreign.body);
}
