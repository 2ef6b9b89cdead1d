//! The shipped catalogue is whole; every fault of one is told at once, with its line.

use super::{Catalogue, Fault, leads_somewhere};

const SHIPPED: &str = include_str!("../../../../config/applications.toml");

fn anything(_: &str) -> bool {
    true
}

fn faults(text: &str) -> Vec<Fault> {
    Catalogue::parse(text, &|id| id == "known").unwrap_err()
}

#[test]
fn the_shipped_catalogue_is_whole() {
    let catalogue = Catalogue::parse(SHIPPED, &anything).unwrap();
    assert!(catalogue.applications.len() > 40);
    for name in [
        "Formation à distance",
        "Intranet, Référentiels et Outils",
        "Ressources documentaires",
    ] {
        assert!(
            catalogue.categories.iter().any(|one| one.nom == name),
            "{name}"
        );
    }
    let magistere = catalogue
        .applications
        .iter()
        .find(|one| one.id == "magistere")
        .unwrap();
    assert_eq!(
        (magistere.url.as_str(), magistere.rubrique.as_str()),
        (
            "/magistere/login?entityID={provider}",
            "Plateforme de formation"
        )
    );
    assert_eq!(magistere.fonctions, ["*"], "groups are spelled out");
}

#[test]
fn access_is_asked_for_at_a_path_an_https_address_or_by_mail() {
    for fine in [
        "/aide",
        "https://help.example/form?app=x",
        "mailto:dsi@ac-demo.example",
    ] {
        let read = Catalogue::parse(&format!("demande = \"{fine}\""), &anything).unwrap();
        assert_eq!(read.demande.as_deref(), Some(fine));
        assert!(!read.reserve);
    }
    for wrong in [
        "\"javascript:alert(1)\"",
        "\"http://help.example\"",
        "\"mailto:nobody\"",
        "\"mailto:a@b.example?cc=all@b.example\"",
        "\"//evil.example\"",
        "\"\"",
        "1",
    ] {
        assert_eq!(faults(&format!("demande = {wrong}")).len(), 1, "{wrong}");
    }
    assert_eq!(faults("reserve = \"yes\"").len(), 1);
}

#[test]
fn every_fault_is_told_with_its_line() {
    let application = |id: &str, rest: &str| {
        format!(
            "[[application]]\nid = \"{id}\"\nnom = \"x\"\ncategorie = \"c\"\nrubrique = \"r\"\n\
             rubrique_en = \"r\"\ndescription = \"d\"\ndescription_en = \"d\"\n{rest}"
        )
    };
    let fine = "profils = [\"eleve\"]\nfonctions = [\"known\", \"@g\"]\ndelegable = false\notp = \"none\"\nurl = \"/x\"\n";
    let head =
        "[[categorie]]\nid = \"c\"\nnom = \"C\"\nnom_en = \"C\"\n[groupes]\ng = [\"known\"]\n";
    let whole = format!("{head}{}", application("a", fine));
    let read = Catalogue::parse(&whole, &|id| id == "known").unwrap();
    assert_eq!(read.applications[0].fonctions, ["known", "known"]);

    let text = format!(
        "{whole}unknown_key = 1\n{}{}{}[other]\n",
        application("a-b", &fine.replace("known", "unknown")),
        application(
            "a-b",
            &fine
                .replace("/x", "javascript:alert(1)")
                .replace("@g", "@h")
        ),
        application("A", &fine.replace("eleve", "king")),
    );
    let told = faults(&text);
    let said = format!("{told:#?}");
    for expected in [
        "unknown_key",
        "no function is called \\\"unknown\\\"",
        "stands twice",
        "javascript:alert(1)",
        "no group is called \\\"@h\\\"",
        "no profile is called \\\"king\\\"",
        "lower-case",
        "unknown key other",
    ] {
        assert!(said.contains(expected), "{expected} is not in {said}");
    }
    assert!(told.iter().all(|fault| fault.line > 6), "{said}");
    assert!(told.is_sorted_by_key(|fault| fault.line), "{said}");
}

#[test]
fn what_is_no_table_is_refused() {
    for text in [
        "application = 1\n",
        "categorie = [1]\n",
        "groupes = 3\n",
        "[groupes]\ng = [\"unknown\"]\n",
        "[[application]\n",
        "[[application]]\nid = \"x\"\n",
        "[[categorie]]\nid = \"x\"\nnom = \"x\"\nnom_en = \"x\"\nmore = 1\n",
        "[[message]]\nid = \"x\"\n",
        "message = 1\n",
    ] {
        assert!(!faults(text).is_empty(), "{text}");
    }
}

#[test]
fn an_address_is_a_path_of_ours_or_https() {
    for good in [
        "/magistere/",
        "/a?b=c",
        "/a?b={provider}",
        "https://education.gouv.fr/x",
    ] {
        assert!(leads_somewhere(good), "{good}");
    }
    for bad in [
        "",
        "//evil.example",
        "http://plain.example",
        "https://",
        "https:///x",
        "javascript:alert(1)",
        "data:text/html,x",
        "/\\evil.example",
        "relative",
        "/a b",
        "/{provider}",
        "https://{provider}/",
        "/a?b={profile}",
        "/a\n",
    ] {
        assert!(!leads_somewhere(bad), "{bad}");
    }
}

#[test]
fn an_application_behind_the_gate_has_a_host_of_its_own_and_one_keeper() {
    let with = |url: &str, more: &str| {
        let mut text = SHIPPED.to_owned();
        let from = "url = \"/magistere/login?entityID={provider}\"";
        assert!(text.contains(from));
        text = text.replacen(from, &format!("url = \"{url}\"\nporte = true{more}"), 1);
        Catalogue::parse(&text, &anything)
    };
    let fine = with("https://carnet.example/", "").unwrap();
    assert!(fine.application("magistere").unwrap().porte);
    for (url, more, wrong) in [
        ("/carnet/", "", "https address of its own host"),
        (
            "https://carnet.example/?x={provider}",
            "",
            "without {provider}",
        ),
        (
            "https://carnet.example/",
            "\nsp = \"https://carnet.example/sp\"",
            "not both",
        ),
    ] {
        let faults = with(url, more).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].what.contains(wrong), "{faults:?}");
    }
    let text = SHIPPED.replacen("otp = \"external\"", "otp = \"external\"\nporte = true", 1);
    let faults = Catalogue::parse(&text, &anything).unwrap_err();
    let told = |fault: &Fault| fault.what.contains("otp is \"none\" or \"always\"");
    assert!(faults.iter().any(told), "{faults:?}");
}
