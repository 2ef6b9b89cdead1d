//! Who sees and opens what: one rule on the portal, at the service, and in the catalogue that everybody
//! may read.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use visits::client::{between, unescape};
use visits::{Answer, Client, House, PASSWORD};

use crate::portal::{house_of, ids, press};

/// An application that heads of primary schools see, and teachers do not.
const FOR_HEADS: &str = "onde";

/// Somebody of the staff whom the demo does not have, in these posts.
pub(crate) fn hire(house: &House, login: &str, posts: &[&str]) {
    let mut command = house.command(&["account", "add", "personnel", login, "--password-stdin"]);
    command.args(["--given-name", "Thérèse", "--surname", "Woroles"]);
    for post in posts {
        command.args(["--post", post]);
    }
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut made = piped.spawn().unwrap();
    let mut password = made.stdin.take().unwrap();
    password.write_all(PASSWORD.as_bytes()).unwrap();
    drop(password);
    assert!(made.wait().unwrap().success());
}

/// The token of the form that posts to `action`.
pub(crate) fn token(page: &Answer, action: &str) -> String {
    let form = between(&page.body, &format!("action=\"{action}\""), "</form>");
    let csrf = form.and_then(|form| between(&form, "name=\"csrf\" value=\"", "\""));
    unescape(&csrf.unwrap_or_else(|| panic!("no form to {action}: {}", page.body)))
}

#[test]
fn t10_a_person_of_several_posts_chooses_one_without_signing_in_again() {
    let mut house = House::start();
    hire(
        &house,
        "tworoles",
        &[
            "enseignant_1d:9990101F:École <Jules-Ferry>",
            "directeur_ecole:9990102G:École Les Tilleuls",
        ],
    );
    let (teacher, head) = ("enseignant_1d.9990101F", "directeur_ecole.9990102G");
    let client = house.client();
    let home = client.arrive("personnel", "tworoles");
    let choices = between(&unescape(&home.body), "<select id=\"role\"", "</select>").unwrap();
    for said in [
        "Toutes mes affectations (2)",
        "École <Jules-Ferry> – Professeur / Professeure des écoles",
        "École Les Tilleuls – ",
    ] {
        assert!(choices.contains(said), "{said} is not in {choices}");
    }
    assert!(!home.body.contains("<Jules-Ferry>"), "written as text");
    let choose = |role: &str, from: &str| {
        let csrf = token(&client.get("/portail/"), "/portail/role");
        client.post(
            "/portail/role",
            &[("csrf", &csrf), ("role", role), ("from", from)],
        )
    };
    // What only heads of schools see.
    let opened = |id: &str| {
        let found = client.get(&format!("/portail/applications?q={id}"));
        ids(&found).contains(&id.to_owned())
    };
    assert!(opened(FOR_HEADS) && opened("magistere"));
    for (role, from, to, heads) in [
        (teacher, "applications", "/portail/applications", false),
        (teacher, "https://evil.example", "/portail/", false),
        (head, "home", "/portail/", true),
        ("", "", "/portail/", true),
        (teacher, "home", "/portail/", false),
    ] {
        let answer = choose(role, from);
        assert_eq!((answer.status, answer.location()), (303, to), "{role}");
        assert_eq!(opened(FOR_HEADS), heads, "{role}");
        assert!(opened("magistere"), "{role}");
        let selected = client.get("/portail/").body.contains("\" selected>");
        assert_eq!(selected, !role.is_empty(), "{role}");
    }
    assert_eq!(press(&client, &[("add", FOR_HEADS)]).status, 403);

    // What is no post of theirs, an old form, and nobody.
    for role in ["dasen.9990102G", "directeur_ecole.9990101F", "<b>", "all"] {
        let refused = choose(role, "home");
        assert_eq!(refused.code().as_deref(), Some("EDU-8004"), "{role}");
    }
    let old = client.post("/portail/role", &[("csrf", "old"), ("role", head)]);
    assert_eq!(old.status, 200);
    assert!(old.body.contains("role=\"alert\""), "{}", old.body);
    assert!(!opened(FOR_HEADS), "nothing changed");
    assert_eq!(client.get("/portail/role").status, 405);
    let stranger = house.client();
    let answer = stranger.post("/portail/role", &[("role", head)]);
    assert!(answer.location().contains("/wayf/"), "{answer:?}");

    // Kept for the next days; and another person has another choice, or none.
    house.kill();
    house.open();
    assert!(!opened(FOR_HEADS));
    let one = stranger.arrive("personnel", "amartin");
    assert!(!one.body.contains("/portail/role"), "{}", one.body);
    let two = stranger.arrive_again("personnel", "cdupont");
    assert!(two.body.contains("Lycée Louis-Pasteur"), "{}", two.body);
    assert!(!two.body.contains("\" selected>"));
    let told = house.journal();
    let told: Vec<_> = told
        .iter()
        .filter(|line| line["event"] == "portal.role")
        .collect();
    assert_eq!(told.len(), 4, "{told:?}");
}

#[test]
fn t01_the_rule_of_an_application_guards_its_service_too() {
    // The catalogue binds the viewer once its address is known: a running house reads it again.
    let (folder, house) = house_of(&[], "");
    let file = folder.path().join("applications.toml");
    let open = std::fs::read_to_string(&file).unwrap();
    let bind = |id: &str, service: &str| {
        let bound = format!("id = \"{id}\"\nsp = \"{service}\"");
        open.replacen(&format!("id = \"{id}\""), &bound, 1)
    };
    let viewer = house.at("/magistere");
    let client = house.client();
    client.arrive("personnel", "amartin");
    let door = |realm: &str| {
        let provider = house.at(&format!("/idp/{realm}"));
        let provider = visits::client::form(&[("entityID", &provider)]);
        format!("/magistere/login?{provider}")
    };
    let enter = |client: &Client, realm: &str| client.open(&door(realm));
    let is_let_in = |answer: &Answer| answer.field("SAMLResponse").is_some();
    assert!(is_let_in(&enter(&client, "personnel")), "bound to nothing");

    std::fs::write(&file, bind(FOR_HEADS, &viewer)).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let refused = loop {
        let answer = enter(&client, "personnel");
        if !is_let_in(&answer) {
            break answer;
        }
        assert!(Instant::now() < deadline, "never guarded");
        std::thread::sleep(Duration::from_millis(300));
    };
    assert_eq!(refused.status, 403);
    assert_eq!(refused.code().as_deref(), Some("EDU-4008"));
    let page = unescape(&refused.body);
    assert!(page.contains("ne vous est pas ouverte"), "{page}");
    assert!(page.contains("/portail/login"), "a way out: {page}");
    // After a password as before one, and for whoever has no such profile.
    let stranger = house.client();
    let login = enter(&stranger, "personnel");
    let answer = stranger.sign_in(&login, "amartin", PASSWORD);
    assert_eq!(answer.code().as_deref(), Some("EDU-4008"));
    let pupil = house.client();
    let login = enter(&pupil, "eleve");
    let answer = pupil.sign_in(&login, "jeanne.b", PASSWORD);
    assert_eq!(answer.code().as_deref(), Some("EDU-4008"));
    // Other services are theirs as before.
    assert_eq!(client.get("/portail/").user().as_deref(), Some("amartin"));
    // A head of school comes in by function, whoever holds one of the posts too.
    let head = house.client();
    head.arrive("personnel", "bleroy");
    assert!(is_let_in(&enter(&head, "personnel")));
    hire(
        &house,
        "tworoles",
        &["enseignant_1d:9990101F:A", "directeur_ecole:9990102G:B"],
    );
    let both = house.client();
    both.arrive("personnel", "tworoles");
    assert!(is_let_in(&enter(&both, "personnel")));
    let told = house.journal();
    let told: Vec<_> = told
        .iter()
        .filter(|line| line["event"] == "idp.service.closed")
        .collect();
    assert!(told.len() >= 3, "{told:?}");
    assert!(told.iter().all(|line| line["sp"] == viewer.as_str()));

    // What is no entityID is told with its line.
    let (other, faulty) = (TempDir::new().unwrap(), bind(FOR_HEADS, "not one"));
    let file = other.path().join("applications.toml");
    std::fs::write(&file, faulty).unwrap();
    let checked = house
        .command(&["check"])
        .env("EDULINE__PORTAL__CATALOGUE", &file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stderr).into_owned()
        + &String::from_utf8_lossy(&checked.stdout);
    assert_eq!(checked.status.code(), Some(1), "{said}");
    assert!(said.contains("onde: sp = \"not one\""), "{said}");
}

#[test]
fn t07_everybody_reads_what_there_is_and_those_who_lack_it_why() {
    let demande = "demande = \"mailto:dsi@ac-demo.example\"\n";
    let own = format!("id = \"{FOR_HEADS}\"\ndemande = \"/aide\"");
    let (folder, house) = house_of(
        &[
            ("[[categorie]]", &format!("{demande}\n[[categorie]]")),
            (&format!("id = \"{FOR_HEADS}\""), &own),
            ("id = \"magistere\"", "id = \"magistere\"\ncachee = true"),
        ],
        "",
    );
    let of = |page: &Answer, id: &str| {
        let item = between(&page.body, &format!("data-application=\"{id}\""), "</li>");
        unescape(&item.unwrap_or_else(|| panic!("no {id}: {}", page.body)))
    };
    // Nobody in particular: everything, for whom, and how to ask; no address of an application.
    let client = house.client();
    let page = client.get("/portail/catalogue");
    assert_eq!((page.status, page.user()), (200, None));
    assert!(ids(&page).len() > 45, "{:?}", ids(&page));
    assert!(!ids(&page).contains(&"magistere".to_owned()), "hidden");
    assert!(!page.body.contains("demo.example/"), "{}", page.body);
    let sofia = of(&page, "sofia");
    assert!(sofia.contains("href=\"mailto:dsi@ac-demo.example?subject=SOFIA"));
    assert!(sofia.contains("Personnels") && !sofia.contains("Pourquoi"));
    assert!(of(&page, FOR_HEADS).contains("href=\"/aide\""));
    let found = client.get("/portail/catalogue?q=EVALUATION");
    assert!(!ids(&found).is_empty() && ids(&found).len() < 20);
    let nothing = client.get("/portail/catalogue?q=%3Cscript%3Ezzz");
    assert!(ids(&nothing).is_empty() && !nothing.body.contains("<script>zzz"));
    assert_eq!(client.get("/portail/catalogue?q=a&q=b").status, 400);

    // Whoever is signed in is told what is theirs, and of the rest why it is not.
    let told = |client: &Client, id: &str| of(&client.get("/portail/catalogue"), id);
    client.arrive("personnel", "amartin");
    let sofia = told(&client, "sofia");
    assert!(sofia.contains("Vous est ouverte") && !sofia.contains("Demander"));
    let onde = told(&client, FOR_HEADS);
    assert!(onde.contains("<details") && onde.contains("délégation en cours"));
    assert!(onde.contains("Demander l"), "{onde}");
    hire(
        &house,
        "tworoles",
        &["enseignant_1d:9990101F:A", "directeur_ecole:9990102G:B"],
    );
    let home = client.arrive_again("personnel", "tworoles");
    assert!(told(&client, FOR_HEADS).contains("Vous est ouverte"));
    let csrf = token(&home, "/portail/role");
    let teacher = "enseignant_1d.9990101F";
    client.post("/portail/role", &[("csrf", &csrf), ("role", teacher)]);
    assert!(told(&client, FOR_HEADS).contains("une autre des vôtres"));
    client.arrive_again("eleve", "jeanne.b");
    let onde = told(&client, FOR_HEADS);
    assert!(
        onde.contains("d’autres profils") && onde.contains("tu es connecté"),
        "{onde}"
    );
    // The page of an empty search leads there.
    let empty = client.get("/portail/applications?q=onde%20%26");
    assert!(
        unescape(&empty.body).contains("/portail/catalogue?q=onde%20%26"),
        "{}",
        empty.body
    );

    // Kept for those who are signed in, when the operator says so.
    let file = folder.path().join("applications.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let reserved = text.replacen(demande, &format!("{demande}reserve = true\n"), 1);
    assert_ne!(reserved, text);
    std::fs::write(&file, reserved).unwrap();
    let stranger = house.client();
    let deadline = Instant::now() + Duration::from_secs(30);
    while stranger.get("/portail/catalogue").status == 200 {
        assert!(Instant::now() < deadline, "never closed");
        std::thread::sleep(Duration::from_millis(300));
    }
    let asked = stranger.get("/portail/catalogue");
    assert!(asked.location().contains("/wayf/"), "{asked:?}");
    assert_eq!(client.get("/portail/catalogue").status, 200);
}
