//! The story of an account: a teacher has lost her password, and is back in Magistère two minutes later; nobody
//! else gets in with what stands on her papers.

use visits::browser::Kind;
use visits::mailbox::Mailbox;
use visits::{Answer, Browser, Client, House, PASSWORD};

const NUMEN: &str = "09X1234567XYZ";
const CONTACT: &str = "anne.martin@perso.example";
const WORK: &str = "anne.martin@ac-demo.example";
const NEW: &str = "Vélo-7 gris, Tn4#";
const LOST: &str = "/compte/mot-de-passe-perdu";
const CHANGE: &str = "/compte/mot-de-passe";

fn house(mailbox: &Mailbox) -> House {
    mailbox.house(&[("EDULINE__SERVER__PROXIES", "127.0.0.1")])
}

/// A form sent from an address of its own: nobody waits for what somebody else tried.
fn send(client: &Client, path: &str, fields: &[(&str, &str)], source: &str) -> Answer {
    let body = visits::client::form(fields);
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-forwarded-for", source),
    ];
    let sent = client.send("POST", path, &headers, Some(body.as_bytes()));
    client.follow(sent.expect("an answer"))
}

fn claim(client: &Client, path: &str, said: [&str; 3], source: &str) -> Answer {
    let csrf = client.get(path).field("csrf").expect("a form");
    let [numen, name, born] = said;
    let fields = [
        ("csrf", csrf.as_str()),
        ("numen", numen),
        ("nom_usuel", name),
        ("date_naissance", born),
    ];
    send(client, path, &fields, source)
}

/// The sum that the page asks for.
fn sum(page: &Answer) -> String {
    let text = page.body.replace(['\u{a0}', '\u{202f}'], " ");
    let asked = text.split("la somme de ").nth(1).expect("a question");
    let terms: Vec<u32> = asked
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .take(2)
        .map(|part| part.parse().expect("a term"))
        .collect();
    terms.iter().sum::<u32>().to_string()
}

pub(crate) fn prove(client: &Client, login: &str, secret: &str, source: &str) -> Answer {
    let page = client.get(CHANGE);
    let answer = sum(&page);
    proving(client, &page, [login, secret, &answer], source)
}

fn proving(
    client: &Client,
    page: &Answer,
    [login, secret, sum]: [&str; 3],
    source: &str,
) -> Answer {
    let field = |name: &str| page.field(name).unwrap_or_default();
    let fields = [
        ("csrf", &*field("csrf")),
        ("profil", &*field("profil")),
        ("question", &*field("question")),
        ("login", login),
        ("mot_de_passe", secret),
        ("reponse", sum),
    ];
    send(client, CHANGE, &fields, source)
}

pub(crate) fn choose(client: &Client, page: &Answer, new: &str, again: &str) -> Answer {
    let csrf = page.field("csrf").unwrap_or_default();
    let fields = [
        ("csrf", csrf.as_str()),
        ("nouveau", new),
        ("confirmation", again),
    ];
    send(client, CHANGE, &fields, "192.0.2.1")
}

fn is_choosing(page: &Answer) -> bool {
    page.field("nouveau").is_some() || page.body.contains("name=\"nouveau\"")
}

/// Whether the password opens the portal.
fn opens(house: &House, login: &str, password: &str) -> bool {
    let client = house.client();
    let page = client.choose(&client.open("/portail/"), "personnel");
    client
        .sign_in(&page, login, password)
        .field("SAMLResponse")
        .is_some()
}

/// The whole story in a browser as narrow as a telephone, with axe on each page.
#[tokio::test]
async fn u01_the_story_of_a_lost_password() {
    let mailbox = Mailbox::start();
    let house = house(&mailbox);
    let browser = Browser::open(&house.url(), Kind::PHONE).await;
    // She is at the login, and has no password.
    browser.goto("/portail/").await;
    browser.click("button[name=profile][value=personnel]").await;
    browser.click_link("perdu mon mot de passe").await;
    browser.find("[name=numen]").await;
    assert_eq!(browser.path().await, LOST);
    let text = browser.text().await;
    for hint in [
        "de la forme 09X1234567XYZ",
        "séparer avec un tiret",
        "10/01/1964",
    ] {
        assert!(
            text.to_lowercase().contains(&hint.to_lowercase()),
            "{hint}: {text}"
        );
    }
    browser.assert_fine("lost").await;
    browser.picture("account-1-lost").await;
    browser.fill("numen", NUMEN).await;
    browser.fill("nom_usuel", "martin").await;
    browser.fill("date_naissance", "12/04/1979").await;
    browser.click("main form button[type=submit]").await;
    browser.wait_for_text("un code vient d'être envoyé").await;
    browser.assert_fine("sent").await;
    browser.picture("account-2-sent").await;
    let letter = mailbox.wait_for(CONTACT, "usage unique");
    assert!(
        letter.text.contains("amartin"),
        "her login too: {}",
        letter.text
    );
    assert!(letter.text.contains(&house.at(CHANGE)), "{}", letter.text);
    let code = letter.code();

    browser.click_link("Saisir le code reçu").await;
    browser.find("[name=reponse]").await;
    browser.assert_fine("prove").await;
    browser.picture("account-3-prove").await;
    let text = browser.text().await;
    let asked = text.split("la somme de ").nth(1).expect("a question");
    let terms = asked
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty());
    let sum: u32 = terms.take(2).map(|part| part.parse::<u32>().unwrap()).sum();
    browser.fill("login", "amartin").await;
    browser.fill("mot_de_passe", &code.to_lowercase()).await;
    browser.fill("reponse", &sum.to_string()).await;
    browser.click("main form button[type=submit]").await;
    browser.find("[name=nouveau]").await;
    browser.fill("nouveau", "Martin79").await;
    browser.find("#rules .met[data-rule=digit]").await;
    assert!(!browser.has("#rules .met[data-rule=length]").await);
    browser.fill("confirmation", "Martin79").await;
    browser.picture("account-4-choose").await;
    browser.click("main form button[type=submit]").await;
    browser
        .wait_for_text("Retirez votre identifiant ou votre nom")
        .await;
    browser.assert_fine("broken").await;
    browser.picture("account-5-broken").await;
    browser.fill("nouveau", NEW).await;
    browser.find("#rules .met[data-rule=length]").await;
    browser.fill("confirmation", NEW).await;
    browser.click("main form button[type=submit]").await;
    browser.wait_for_text("Votre mot de passe est changé").await;
    browser.assert_fine("done").await;
    browser.picture("account-6-done").await;
    // A15: she hears of it everywhere.
    mailbox.wait_for(CONTACT, "vient d'être changé");
    mailbox.wait_for(WORK, "vient d'être changé");

    browser.click_link("Se connecter").await;
    browser.click("button[name=profile][value=personnel]").await;
    browser.sign_in("amartin", NEW).await;
    browser.find("body[data-user]").await;
    for link in ["Applications", "Formation à distance", "Magistere"] {
        browser.click_link(link).await;
    }
    browser.wait_for_path("/magistere/").await;
    assert_eq!(browser.user().await.as_deref(), Some("amartin"));
    for (what, path) in [
        ("menu", "/compte/"),
        ("find", "/compte/identifiant"),
        ("help", "/compte/aide"),
    ] {
        browser.goto(path).await;
        browser.assert_fine(what).await;
        browser.picture(&format!("account-7-{what}")).await;
    }
    browser.close().await;
    assert!(
        !opens(&house, "amartin", PASSWORD),
        "the old one opens nothing"
    );
    assert!(opens(&house, "amartin", NEW));
}

/// U02, U04, U06: what is said to who is right and to who is wrong differs by tokens only; only the right
/// one is written to, and nobody with half of it.
#[test]
fn u06_a_claim_is_answered_alike_whoever_makes_it() {
    let mailbox = Mailbox::start();
    let house = house(&mailbox);
    for path in [LOST, "/compte/identifiant"] {
        let answers = [
            [NUMEN, "Martin", "12/04/1979"],
            [NUMEN, "Martin", "13/04/1979"],
            [NUMEN, "Leroy", "12/04/1979"],
            ["09X7654321ZYX", "Martin", "12/04/1979"],
            // No recovery contact.
            ["09X4567890CDE", "Moreau", "30/06/1968"],
        ]
        .map(|said| {
            let client = house.client();
            let answer = claim(&client, path, said, "192.0.2.7");
            assert!(!answer.body.contains(said[0]), "no NUMEN on any page");
            let mut headers: Vec<_> = answer
                .headers
                .iter()
                .filter(|(name, _)| !["date", "set-cookie"].contains(&name.as_str()))
                .cloned()
                .collect();
            headers.sort();
            (answer.status, headers, answer.body)
        });
        for other in &answers {
            assert_eq!(other, &answers[0], "{path}");
        }
        assert_eq!(answers[0].0, 200);
    }
    mailbox.wait_for(CONTACT, "usage unique");
    mailbox.wait_for(CONTACT, "retrouver votre identifiant");
    mailbox.wait_for(WORK, "pas à cette adresse");
    mailbox.wait_for(
        "delphine.moreau@ac-demo.example",
        "Aucune coordonnée de secours",
    );
    std::thread::sleep(std::time::Duration::from_secs(1));
    let to: Vec<String> = mailbox
        .letters()
        .into_iter()
        .map(|letter| letter.to)
        .collect();
    let own = |address: &str| to.iter().filter(|one| *one == address).count();
    assert_eq!((own(CONTACT), own(WORK), to.len()), (2, 1, 5), "{to:?}");
    // What cannot be read is told, field by field, whoever it would be.
    let client = house.client();
    let told = claim(
        &client,
        LOST,
        ["8Y7654321ABC", "Martin", "hier"],
        "192.0.2.7",
    );
    assert_eq!(told.status, 400);
    let text = visits::client::unescape(&told.body);
    assert!(
        text.contains("JJ/MM/AAAA") && text.contains("13 caractères"),
        "{text}"
    );
    assert!(!told.body.contains("8Y7654321"), "not shown again");
    // Without the browser's own form nothing is taken.
    for csrf in ["", "x"] {
        let fields = [
            ("csrf", csrf),
            ("numen", NUMEN),
            ("nom_usuel", "Martin"),
            ("date_naissance", "12/04/1979"),
        ];
        let told = send(&house.client(), LOST, &fields, "192.0.2.7");
        assert!(told.body.contains("resté"), "{}", told.body);
    }
    assert_eq!(client.post("/compte/aide", &[]).status, 405);
}

/// U01: a code is worth one password, for a quarter of an hour, to one person.
#[test]
fn u01_a_code_serves_once_and_papers_open_nothing() {
    let mailbox = Mailbox::start();
    let house = house(&mailbox);
    let client = house.client();
    claim(&client, LOST, [NUMEN, "Martin", "12/04/1979"], "192.0.2.1");
    let code = mailbox.wait_for(CONTACT, "usage unique").code();
    // Another's code, papers, nothing: told alike.
    let refusals: Vec<String> = [
        ("bleroy", code.as_str()),
        ("amartin", NUMEN),
        ("amartin", "12/04/1979"),
        ("amartin", "AAAAA-AAAAA"),
        ("nobody", code.as_str()),
    ]
    .iter()
    .enumerate()
    .map(|(at, (login, secret))| {
        let client = house.client();
        let told = prove(&client, login, secret, &format!("192.0.2.{}", 20 + at));
        assert!(!is_choosing(&told), "{login} {secret}");
        let (csrf, question) = (told.field("csrf").unwrap(), told.field("question").unwrap());
        let plain = told
            .body
            .replace(&csrf, "")
            .replace(&question, "")
            .replace(login, "");
        let asked = sum(&told);
        let cut = plain.split("la somme de").next().unwrap().to_owned();
        assert!(!asked.is_empty());
        cut
    })
    .collect();
    assert!(
        refusals.iter().all(|one| *one == refusals[0]),
        "{refusals:#?}"
    );
    // The sum is asked once: a wrong answer spends the question, not the code.
    let page = client.get(CHANGE);
    let told = proving(&client, &page, ["amartin", &code, "1"], "192.0.2.1");
    assert!(told.body.contains("pas la bonne"), "{}", told.body);
    let answer = sum(&page);
    let told = proving(&client, &page, ["amartin", &code, &answer], "192.0.2.1");
    assert!(!is_choosing(&told), "a question is answered once");
    let page = prove(&client, "amartin", &code, "192.0.2.1");
    assert!(is_choosing(&page), "{}", page.body);
    // Another browser has neither the proof nor the code.
    let other = house.client();
    assert!(!is_choosing(&other.get(CHANGE)));
    assert!(!is_choosing(&prove(&other, "amartin", &code, "192.0.2.2")));
    // Each broken rule is named, and none of the tries is worth a password.
    for (new, again, named) in [
        ("Kq7-vTz4", "Kq7-vTz4", "il en manque 4"),
        ("kq7-vtz4-mwx9", "kq7-vtz4-mwx9", "Ajoutez une majuscule"),
        (
            "Kq7-vTz4-Soleil",
            "Kq7-vTz4-Soleil",
            "Retirez le mot « soleil »",
        ),
        (
            "Kq7-vTz4-12/04/1979",
            "Kq7-vTz4-12/04/1979",
            "date de naissance",
        ),
        (
            "Kq7-09X1234567XYZ",
            "Kq7-09X1234567XYZ",
            "Votre NUMEN ne peut pas",
        ),
        (PASSWORD, PASSWORD, "derniers mots de passe"),
        (NEW, "Vélo-7 gris, Tn4", "pas identiques"),
    ] {
        let told = choose(&client, &page, new, again);
        let text = told.body.replace(['\u{a0}', '\u{202f}'], " ");
        let alert = text.split("role=\"alert\"").nth(1).unwrap_or_default();
        let alert = alert.split("</ul>").next().unwrap_or_default();
        assert_eq!(told.status, 400, "{new}");
        assert!(alert.contains(named), "{new}: {alert}");
        assert!(!told.body.contains(new), "a password is never shown again");
    }
    assert!(opens(&house, "amartin", PASSWORD), "nothing is changed yet");
    let page = client.get(CHANGE);
    let done = choose(&client, &page, NEW, NEW);
    assert!(done.body.contains("est changé"), "{}", done.body);
    let again = choose(&client, &page, "Autre-8 gris, Tn4#", "Autre-8 gris, Tn4#");
    assert!(
        again.body.contains("a expiré"),
        "a proof serves once: {}",
        again.body
    );
    assert!(opens(&house, "amartin", NEW) && !opens(&house, "amartin", PASSWORD));
    // U05: with the present password; one of before is not taken again.
    let client = house.client();
    let page = prove(&client, "amartin", NEW, "192.0.2.1");
    assert!(is_choosing(&page));
    let told = choose(&client, &page, PASSWORD, PASSWORD);
    assert!(
        told.body.contains("derniers mots de passe"),
        "{}",
        told.body
    );
}

/// U07: claims and guesses get slow, for whoever tries, and for nobody else.
#[test]
fn u07_claims_and_guesses_get_slow() {
    let mailbox = Mailbox::start();
    let house = house(&mailbox);
    let told = (0..12)
        .map(|at| {
            let client = house.client();
            claim(
                &client,
                LOST,
                [NUMEN, "Dupont", "01/01/1970"],
                &format!("198.51.100.{at}"),
            )
        })
        .find(|answer| answer.status == 429)
        .expect("one NUMEN, from many places");
    assert_eq!(told.code().as_deref(), Some("EDU-7029"));
    assert!(told.header("retry-after").is_some());
    let client = house.client();
    let other = claim(
        &client,
        LOST,
        ["09X2345678ABC", "Leroy", "03/11/1971"],
        "198.51.100.1",
    );
    assert_eq!(other.status, 200, "another NUMEN");
    mailbox.wait_for("bruno.leroy@perso.example", "usage unique");
    let guesser = house.client();
    let told = (0..12)
        .map(|_| prove(&guesser, "bleroy", "AAAAA-AAAAA", "203.0.113.7"))
        .find(|answer| answer.status == 429)
        .expect("codes are not guessed");
    assert_eq!(told.code().as_deref(), Some("EDU-7029"));
    let elsewhere = prove(&house.client(), "bleroy", PASSWORD, "203.0.113.8");
    assert!(is_choosing(&elsewhere), "the person, elsewhere");
}

/// Letters wait for a server that is away, sealed, and leave when it is back, even after a restart.
#[test]
fn u01_a_letter_survives_its_server_and_ours() {
    let mut mailbox = Mailbox::start();
    let mut house = house(&mailbox);
    mailbox.close();
    let client = house.client();
    claim(&client, LOST, [NUMEN, "Martin", "12/04/1979"], "192.0.2.1");
    let folder = house.data.path().join("letters");
    let started = std::time::Instant::now();
    while std::fs::read_dir(&folder).map_or(0, Iterator::count) < 2 {
        assert!(started.elapsed().as_secs() < 20, "they wait");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    house.kill();
    mailbox.open();
    house.open();
    let code = mailbox.wait_for(CONTACT, "usage unique").code();
    assert!(is_choosing(&prove(
        &house.client(),
        "amartin",
        &code,
        "192.0.2.1"
    )));
}

/// H14, U03: after the whole way, nothing that was typed stands in the data folder.
#[test]
fn u03_what_was_typed_is_nowhere_in_the_house() {
    let mailbox = Mailbox::start();
    let house = house(&mailbox);
    let client = house.client();
    claim(&client, LOST, [NUMEN, "Martin", "12/04/1979"], "192.0.2.1");
    let code = mailbox.wait_for(CONTACT, "usage unique").code();
    prove(&client, "amartin", "Wrong-word-77", "192.0.2.1");
    let page = prove(&client, "amartin", &code, "192.0.2.1");
    let done = choose(&client, &page, NEW, NEW);
    assert!(done.body.contains("est changé"), "{}", done.body);
    mailbox.wait_for(WORK, "vient d'être changé");
    let journal = house.journal();
    let names: Vec<&str> = journal
        .iter()
        .filter_map(|line| line["event"].as_str())
        .collect();
    for name in [
        "account.claim",
        "account.change.proven",
        "account.password.changed",
        "mail.letter",
    ] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    let bare = code.replace('-', "");
    let mut read = 0;
    let mut folders = vec![house.data.path().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let bytes = std::fs::read(entry.path()).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            for secret in [
                NUMEN,
                "12/04/1979",
                "1979-04-12",
                NEW,
                PASSWORD,
                &code,
                &bare,
                "Wrong-word-77",
            ] {
                assert!(!text.contains(secret), "{secret} is in {:?}", entry.path());
            }
            read += 1;
        }
    }
    assert!(read > 5, "{read} files");
}

/// The way of 2014 is off; where it is on, it is said on the page, and it works as it did then.
#[test]
fn the_way_of_2014_wears_a_banner() {
    let mailbox = Mailbox::start();
    let house = mailbox.house(&[
        ("EDULINE__ACCOUNT__COMPAT_2014", "true"),
        ("EDULINE__SERVER__PROXIES", "127.0.0.1"),
    ]);
    let client = house.client();
    for path in [LOST, CHANGE] {
        assert!(client.get(path).body.contains("Mode 2014"), "{path}");
    }
    let early = prove(&client, "amartin", NUMEN, "192.0.2.1");
    assert!(!is_choosing(&early), "not before the three are right");
    claim(&client, LOST, [NUMEN, "Martin", "12/04/1979"], "192.0.2.1");
    let started = std::time::Instant::now();
    while !is_choosing(&prove(&client, "amartin", NUMEN, "192.0.2.2")) {
        assert!(started.elapsed().as_secs() < 20, "it never opens");
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    assert!(
        !is_choosing(&prove(&house.client(), "amartin", NUMEN, "192.0.2.3")),
        "once"
    );
}
