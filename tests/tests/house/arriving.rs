//! A school arrives by the ministry's files: letters are printed, their codes sign in once, and what comes
//! later changes what it names and nothing else.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;

use visits::client::between;
use visits::{Answer, House, PASSWORD};

use crate::lost_password::choose;

const OWN: &str = "Brume-8 ocre, Rz5#";
const NONE: [(&str, &str); 0] = [];

/// A request of the ministry's.
fn request(act: &str, (kind, of): (&str, &str), id: &str, said: &[(&str, &str)]) -> String {
    let (body, one) = if act == "modify" {
        ("modifications", "modification operation=\"replace\"")
    } else {
        ("attributes", "attr")
    };
    let end = one.split(' ').next().unwrap();
    let said = said
        .iter()
        .map(|(name, value)| format!("<{one} name=\"{name}\"><value>{value}</value></{end}>\n"));
    let said: String = said.collect();
    let said = if said.is_empty() {
        said
    } else {
        format!("<{body}>\n{said}</{body}>")
    };
    format!(
        "<{act}Request>\n<operationalAttributes><attr name=\"{kind}\"><value>{of}</value></attr>\
         </operationalAttributes><identifier><id>{id}</id></identifier>{said}</{act}Request>\n"
    )
}

const PUPIL: (&str, &str) = ("categoriePersonne", "Eleve");
const PARENT: (&str, &str) = ("categoriePersonne", "PersRelEleve");
const STAFF: (&str, &str) = ("categoriePersonne", "PersEducNat");

fn pupil(id: &str, name: (&str, &str), school: &str) -> String {
    let class = format!("{school}$6A");
    let said = [
        ("givenName", name.0),
        ("sn", name.1),
        ("personalTitle", "Mme"),
        ("ENTPersonDateNaissance", "03/02/2014"),
        ("ENTPersonStructRattach", school),
        ("ENTEleveClasses", class.as_str()),
    ];
    request("add", PUPIL, id, &said)
}

/// As the ministry writes it.
fn document(requests: &[String]) -> Vec<u8> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"ISO-8859-15\"?>\n<!DOCTYPE ficAlimMENESR SYSTEM \
         \"ficAlimMENESR.dtd\">\n<ficAlimMENESR>\n{}</ficAlimMENESR>\n",
        requests.concat()
    );
    let byte = |letter: char| match letter {
        'œ' => 0xbd,
        'Œ' => 0xbc,
        other => u8::try_from(u32::from(other)).expect("a letter of ISO-8859-15"),
    };
    text.chars().map(byte).collect()
}

struct Desk {
    house: House,
}

impl Desk {
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.at(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.house.data.path().join(name)
    }

    fn import(&self, arguments: &[&str]) -> Output {
        self.house
            .run(&[["account", "import"].as_slice(), arguments].concat())
    }

    /// What an import came to: new, changed, same, disabled, refused.
    #[track_caller]
    fn counts(&self, arguments: &[&str], code: i32) -> [u64; 5] {
        let output = self.import(&[arguments, &["--json"]].concat());
        let why = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{why}");
        let told: serde_json::Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{why}"));
        ["new", "changed", "same", "disabled", "refused"]
            .map(|name| told[name].as_u64().unwrap_or(99))
    }

    fn show(&self, realm: &str, login: &str) -> Option<serde_json::Value> {
        let output = self.house.run(&["account", "show", realm, login, "--json"]);
        serde_json::from_slice(&output.stdout).ok()
    }

    fn sign_in(&self, realm: &str, login: &str, password: &str) -> (visits::Client, Answer) {
        let client = self.house.client();
        let page = client.choose(&client.open("/portail/"), realm);
        let page = client.sign_in(&page, login, password);
        (client, page)
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

/// Login and code of the letter to that name.
fn letter(text: &str, name: &str) -> (String, String) {
    let text = visits::client::unescape(text);
    let own = text
        .split("<section")
        .find(|part| part.contains(name))
        .unwrap_or_else(|| panic!("no letter to {name}"));
    let login = between(own, "<dd class=\"code\">", "<").unwrap();
    let code = between(own, "<dd class=\"code big\">", "<").unwrap();
    (login, code)
}

#[test]
fn u13_a_school_arrives_by_aaf_and_its_letters_let_each_in_once() {
    let desk = Desk {
        house: House::start(),
    };
    let school = request(
        "add",
        ("categorieStructure", "EtabEducNat"),
        "3001",
        &[
            ("ENTStructureUAI", "9990203S"),
            ("ENTStructureNomCourant", "Collège des Œillets"),
            ("ENTStructureTypeStruct", "COLLEGE"),
        ],
    );
    let schools = desk.write("ENT_Complet_EtabEducNat_0000.xml", document(&[school]));
    let pupils = [
        pupil("9001", ("Éloïse", "Bœuf &amp; D&#39;Été"), "3001"),
        pupil("9002", ("Éloïse", "Bœuf &amp; D&#39;Été"), "3001"),
    ];
    let pupils = desk.write("ENT_Complet_Eleve_0000.xml", document(&pupils));
    let parent = request(
        "add",
        PARENT,
        "9101",
        &[
            ("givenName", "Marc"),
            ("sn", "Bœuf"),
            ("personalTitle", "M."),
            ("mail", "marc@perso.example"),
        ],
    );
    let parents = desk.write("ENT_Complet_PersRelEleve_0000.xml", document(&[parent]));
    let teacher = request(
        "add",
        STAFF,
        "9201",
        &[
            ("givenName", "Zoé"),
            ("sn", "Dété"),
            ("ENTPersonStructRattach", "3001"),
            (
                "ENTPersonFonctions",
                "3001$ENS$ENSEIGNEMENT$L1300$MATHEMATIQUES",
            ),
        ],
    );
    let staff = desk.write("ENT_Complet_PersEducNat_0000.xml", document(&[teacher]));
    let all = [pupils.as_str(), &parents, &staff, &schools];

    // What is wrong is told with its line, and nothing is there afterwards.
    let bad = [
        pupil("9001", ("Éloïse", "Bœuf"), "3001"),
        pupil("9003", ("Ana", "Nom"), "4004"),
        pupil("9004", ("", "Nom"), "3001").replace("03/02/2014", "31/02/2014"),
        request("modify", PUPIL, "9009", &[("sn", "X")]),
        request("delete", PUPIL, "9009", &NONE),
        request(
            "add",
            ("categoriePersonne", "PersOther"),
            "9010",
            &[("sn", "X")],
        ),
    ];
    let bad = desk.write("bad.xml", document(&bad));
    for more in [&["--dry-run"][..], &[]] {
        let refused = desk.import(&[[bad.as_str(), &schools].as_slice(), more].concat());
        assert_eq!(refused.status.code(), Some(1), "{more:?}");
        let told = said(&refused);
        for expected in [
            "bad.xml: line 13: structure: l’établissement « 4004 » est inconnu",
            "bad.xml: line 22: date: « 31/02/2014 » n’est pas une date (JJ/MM/AAAA)",
            "bad.xml: line 22: names: il manque le prénom ou le nom",
            "nobody: personne n’est connu sous « 9009 »",
            "category: la catégorie « PersOther »",
        ] {
            assert!(told.contains(expected), "{expected}: {told}");
        }
        assert!(
            !told.contains("ligne 4 "),
            "the good one is not told: {told}"
        );
        assert!(desk.show("eleve", "eloise.boeuf").is_none(), "{more:?}");
    }
    assert_eq!(
        desk.counts(&[&all[..], &["--dry-run"]].concat(), 0),
        [4, 0, 0, 0, 0]
    );
    assert!(desk.show("eleve", "eloise.boeuf-d-ete").is_none());

    // Letters: for their owner's eyes, one page each, and never over others.
    let sheet = desk.at("lettres.html");
    let to = sheet.display().to_string();
    let done = desk.import(&[&all[..], &["--letters", &to]].concat());
    assert!(done.status.success(), "{}", said(&done));
    let text = std::fs::read_to_string(&sheet).unwrap();
    assert_eq!(text.matches("<section").count(), 4);
    let mode = std::fs::metadata(&sheet).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (login, code) = letter(&text, "Éloïse Bœuf & D'Été");
    assert_eq!(login, "eloise.boeuf-d-ete");
    let second = text.rsplit("<section").find(|part| part.contains("ete2"));
    let second = second.expect("two of one name have two logins");
    assert!(
        second.contains("6A") && second.contains("Collège des Œillets"),
        "{second}"
    );
    assert!(
        second.contains("ton mot de passe"),
        "a pupil is « tu »: {second}"
    );
    let (father, fathers) = letter(&text, "Marc Bœuf");
    let own = text
        .split("<section")
        .find(|part| part.contains("Marc"))
        .unwrap();
    assert!(own.contains("votre mot de passe"), "{own}");
    assert!(!said(&done).contains(&code), "a terminal is no letter");
    let over = desk.import(&[&all[..], &["--letters", &to]].concat());
    assert_eq!(over.status.code(), Some(1), "{}", said(&over));
    let teacher = desk.show("personnel", "zoe.dete").expect("kept");
    assert_eq!(
        teacher["posts"][0]["function"], "enseignant_2d",
        "{teacher}"
    );
    assert_eq!(teacher["posts"][0]["uai"], "9990203S");

    // A code signs in once: its person chooses a password before any service is answered.
    let (client, page) = desk.sign_in("eleve", &login, &code);
    assert!(page.body.contains("name=\"nouveau\"") && page.field("SAMLResponse").is_none());
    let done = choose(&client, &page, &code, &code);
    assert_eq!(done.status, 400, "not the letter's own");
    let arrived = client.deliver(&choose(&client, &page, OWN, OWN));
    assert_eq!(
        arrived.user().as_deref(),
        Some(login.as_str()),
        "{}",
        arrived.body
    );
    let (_, spent) = desk.sign_in("eleve", &login, &code);
    assert!(spent.field("SAMLResponse").is_none() && !spent.body.contains("name=\"nouveau\""));
    let (_, wrong) = desk.sign_in("parent", &father, &code);
    assert!(!wrong.body.contains("name=\"nouveau\""), "nobody else's");
    let (_, page) = desk.sign_in("parent", &father, &fathers);
    assert!(page.body.contains("name=\"nouveau\""), "{}", page.body);
    let journal = serde_json::to_string(&desk.house.journal()).unwrap();
    assert!(!journal.contains(&code) && !journal.contains(&fathers));

    // The same files once more change nobody.
    assert_eq!(desk.counts(&all, 0), [0, 0, 4, 0, 0]);
    assert!(
        desk.sign_in("eleve", &login, OWN)
            .1
            .field("SAMLResponse")
            .is_some()
    );
    later(&desk, &login);
}

/// A delta, what is skipped, and files that are none.
fn later(desk: &Desk, login: &str) {
    let delta = [
        request("modify", PUPIL, "9001", &[("sn", "Bœuf-Martin")]),
        request("delete", PUPIL, "9002", &NONE),
        request("modify", PUPIL, "9999", &[("sn", "X")]),
        pupil("9005", ("Nour", "Haddad"), "3001"),
    ];
    let file = desk.write("delta.xml", document(&delta));
    assert_eq!(desk.counts(&[file.as_str()], 1), [1, 1, 0, 1, 1]);
    assert_eq!(
        desk.show("eleve", login).unwrap()["surname"],
        "Bœuf & D'Été"
    );
    let skipped = desk.import(&[file.as_str(), "--skip"]);
    assert!(skipped.status.success(), "{}", said(&skipped));
    assert!(
        said(&skipped).contains("delta.xml: line 10: nobody: "),
        "{}",
        said(&skipped)
    );
    let now = desk.show("eleve", login).unwrap();
    assert_eq!(
        (&now["surname"], &now["enabled"]),
        (&"Bœuf-Martin".into(), &true.into())
    );
    assert_eq!(
        now["posts"][0]["uai"], "9990203S",
        "what it does not name stays"
    );
    let gone = desk.show("eleve", "eloise.boeuf-d-ete2").unwrap();
    assert_eq!(gone["enabled"], false);
    assert!(
        desk.sign_in("eleve", login, OWN)
            .1
            .field("SAMLResponse")
            .is_some()
    );
    let password = said(&skipped);
    let line = password.lines().find(|line| line.contains("nour.haddad"));
    let password = line
        .and_then(|line| line.split_whitespace().last())
        .expect("told");
    let (_, page) = desk.sign_in("eleve", "nour.haddad", password);
    assert!(page.body.contains("name=\"nouveau\""), "{}", page.body);

    let good = String::from_utf8(document(&[pupil("9006", ("Ana", "Nom"), "3001")])).unwrap();
    for (name, text) in [
        ("cut.xml", good.replace("</ficAlimMENESR>", "")),
        (
            "nested.xml",
            good.replace("ficAlimMENESR.dtd\">", "x\" [<!ENTITY a \"b\">]>"),
        ),
        ("entity.xml", good.replace("<value>Nom", "<value>&secret;")),
        ("other.xml", good.replace("ficAlimMENESR", "autre")),
        ("coded.xml", good.replace("ISO-8859-15", "UTF-7")),
        (
            "instructed.xml",
            good.replace("<ficAlimMENESR>", "<ficAlimMENESR><?x y?>"),
        ),
        ("empty.xml", String::new()),
    ] {
        let file = desk.write(name, text);
        let refused = desk.import(&[file.as_str(), "--skip"]);
        assert_eq!(refused.status.code(), Some(1), "{name}");
        assert!(said(&refused).contains(": broken: "), "{}", said(&refused));
        assert!(desk.show("eleve", "ana.nom").is_none(), "{name}");
    }
    trees_and_tables(desk);
}

fn trees_and_tables(desk: &Desk) {
    let ldif = "version: 1\n\ndn: ou=parents,o=demo\nobjectClass: organizationalUnit\nou: parents\n\n\
                # a mother\ndn: uid=lea.petit,ou=parents,o=demo\nobjectClass: person\nuid: Lea.Petit\n\
                givenName:: TMOpYQ==\nsn: Pe\n tit\nuserPassword: secret\n\n\
                dn: uid=f.bernard,ou=parents,o=demo\nchangetype: delete\n";
    let file = desk.write("parents.ldif", ldif);
    let lacking = desk.import(&[file.as_str()]);
    assert_eq!(lacking.status.code(), Some(1));
    assert!(said(&lacking).contains("--realm"), "{}", said(&lacking));
    assert_eq!(
        desk.counts(&[file.as_str(), "--realm", "parent"], 0),
        [1, 0, 0, 1, 0]
    );
    let mother = desk.show("parent", "lea.petit").expect("kept");
    assert_eq!(
        (&mother["given_name"], &mother["surname"]),
        (&"Léa".into(), &"Petit".into())
    );
    assert_eq!(mother["must_change"], true);
    let (_, page) = desk.sign_in("parent", "lea.petit", "secret");
    assert!(
        !page.body.contains("name=\"nouveau\""),
        "a password in a file is nobody's"
    );
    for wrong in [
        "dn: uid=x\nuid:< file:///etc/passwd\n",
        "dn: uid=x\nchangetype: modrdn\n",
        "dn: x\nsn: y\n",
    ] {
        let file = desk.write("wrong.ldif", wrong);
        assert_eq!(
            desk.counts(&[file.as_str(), "--realm", "parent"], 1)[4],
            1,
            "{wrong}"
        );
    }

    let demo = std::fs::read_to_string(visits::house::root().join("config/demo/accounts.csv"));
    let text = demo.unwrap().replace("Anne,Martin", "Anna,Martin");
    let file = desk.write("staff.csv", text);
    let counts = desk.counts(&[file.as_str(), "--keep-passwords"], 0);
    assert_eq!((counts[0], counts[1], counts[4]), (0, 1, 0), "{counts:?}");
    assert!(
        desk.sign_in("personnel", "amartin", PASSWORD)
            .1
            .field("SAMLResponse")
            .is_some()
    );
    let none = desk.write("what.txt", "x");
    assert_eq!(desk.import(&[none.as_str()]).status.code(), Some(1));
    assert_eq!(desk.import(&[]).status.code(), Some(2));
}
