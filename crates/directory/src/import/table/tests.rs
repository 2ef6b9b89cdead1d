use proptest::prelude::*;

use super::*;

const DEMO: &str = include_str!("../../../../../config/demo/accounts.csv");

#[test]
fn the_demo_accounts_are_whole_and_fictitious() {
    let accounts = read_csv(DEMO, "Kq7-vTz4-mWx9").unwrap_or_else(|faults| panic!("{faults:#?}"));
    let logins: Vec<&str> = accounts.iter().map(|a| a.person.login.as_str()).collect();
    assert_eq!(
        logins,
        [
            "amartin",
            "bleroy",
            "cdupont",
            "dmoreau",
            "epetit",
            "operateur",
            "jeanne.b",
            "f.bernard",
            "mairie.lille"
        ]
    );
    assert_eq!(accounts[2].person.posts.len(), 2, "two establishments");
    for account in &accounts {
        assert!(
            account
                .person
                .mail
                .as_deref()
                .is_none_or(|m| m.ends_with("@ac-demo.example"))
        );
        assert!(
            account
                .numen
                .as_deref()
                .is_none_or(|n| n.starts_with("09X"))
        );
    }
}

#[test]
fn the_demo_accounts_hold_functions_that_exist() {
    let functions = include_str!("../../../../../config/fonctions.toml");
    let functions = crate::fonctions::Fonctions::parse(functions).unwrap();
    for account in read_csv(DEMO, "Kq7-vTz4-mWx9").unwrap_or_default() {
        let staff = account.person.realm == Realm::Personnel;
        assert_eq!(staff, account.numen.is_some());
        for post in &account.person.posts {
            assert_eq!(functions.find(&post.function).is_some(), staff, "{post:?}");
            assert!(
                post.uai.starts_with("999"),
                "no département has this prefix"
            );
        }
    }
}

/// The columns that every file has; the demo has two more.
fn head() -> &'static str {
    let head = DEMO.lines().next().unwrap();
    head.split(",graine_otp").next().unwrap_or(head)
}

fn faults(lines: &[&str]) -> Vec<String> {
    let head = head();
    let text = format!("{head}\n{}\n", lines.join("\n"));
    read_csv(&text, "x").err().unwrap_or_default()
}

#[test]
fn every_fault_is_told_with_its_line() {
    let told = faults(&[
        "nobody,A B,,P,N,no mail,bad,1999-13-01,f:0590121A:x|:0590121L:y,app:2026-01-01,,,",
        "personnel,,,,,,,,,,,king,maybe",
        "short",
        "personnel,a,,P,N,,,,f:0590121L:x,app:2027-01-01:2026-01-01|a b:2026-01-01:2026-01-02,,,",
    ]);
    for expected in [
        "line 2: \"nobody\" is not a realm",
        "line 2: \"1999-13-01\" is not a date (YYYY-MM-DD)",
        "line 2: \"\" is not a date (YYYY-MM-DD)",
        "line 2: a login is 1 to 64 of a-z, 0-9, - . _",
        "line 2: the mail address is not of the form name@host",
        "line 2: \"0590121A\" is not a UAI",
        "line 2: the NUMEN is not of the form 09X1234567XYZ",
        "line 3: a login is 1 to 64 of a-z, 0-9, - . _",
        "line 3: a given name and a surname are needed",
        "line 3: \"king\" is no role: operateur, assistance",
        "line 3: the second factor is none, external or always",
        "line 4: 1 cells under 13 columns",
        "line 5: a delegation ends on 2026-01-01 before it begins on 2027-01-01",
        "line 5: \"a b\" is not the id of an application",
    ] {
        assert!(
            told.iter().any(|fault| fault == expected),
            "{expected} {told:#?}"
        );
    }
    assert_eq!(told.len(), 14, "{told:#?}");
}

#[test]
fn what_is_one_persons_stands_once() {
    let told = faults(&[
        "personnel,a,,P,N,a@x,09X1234567XYZ,,,,,,",
        "eleve,a,,P,N,a@x,,,,,,,",
        "personnel,A,,P,N,,,,,,,,",
        "personnel,b,,P,N,A@X,,,,,,,",
        "parent,c,,P,N,,09X1234567XYZ,,,,,,",
    ]);
    assert_eq!(
        told,
        [
            "line 4: this login stands on line 2 already",
            "line 5: this mail stands on line 2 already",
            "line 6: this NUMEN stands on line 2 already",
        ]
    );
}

#[test]
fn seeds_are_read_and_what_is_none_is_told_with_its_login() {
    let found = seeds(DEMO).unwrap();
    let [(realm, login, seed)] = found.as_slice() else {
        panic!("{}", found.len());
    };
    let first = (*realm, login.as_str(), seed.len());
    assert_eq!(first, (Realm::Personnel, "epetit", 20));
    let head = format!("{},graine_otp", head());
    let text = |seed: &str| format!("{head}\npersonnel,a,,P,N,,,,,,,,,{seed}\n");
    for bad in [
        "JBSWY3DP",
        "no base32 0189",
        "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PX1",
    ] {
        let told = seeds(&text(bad)).unwrap_err();
        assert_eq!(told, "a: graine_otp is no seed", "{bad}");
    }
    assert_eq!(seeds(&text("")).unwrap(), []);
    let without = head.strip_suffix(",graine_otp").unwrap();
    assert_eq!(seeds(&format!("{without}\n")).unwrap(), [], "no column");
}

#[test]
fn lines_are_those_of_the_file() {
    let head = head();
    let unix = format!(
        "{head}\n\npersonnel,a,,P,\"two\nlines\",,,,,,,,\nnobody,b,,P,N,,,,,,,,\n\n\nshort"
    );
    for text in [unix.clone(), unix.replace('\n', "\r\n")] {
        let told = read_csv(&text, "x").err().unwrap();
        assert_eq!(told.len(), 3, "{told:?}");
        for (fault, line) in told.iter().zip(["line 3: ", "line 5: ", "line 8: "]) {
            assert!(fault.starts_with(line), "{told:?}");
        }
    }
}

#[test]
fn a_spreadsheets_file_is_read_and_wrong_columns_are_told() {
    let semicolons = DEMO.replace(',', ";");
    let text = format!("\u{feff}{}", semicolons.replace('\n', "\r\n"));
    let read = read_csv(&text, "x").unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert_eq!(read.len(), 9);
    assert_eq!(read[0].person.given_name, "Anne");
    let told = read_csv("realm,login,login,naissance\npersonnel,a,b,c\n", "x");
    let told = told.err().unwrap();
    assert!(
        told.contains(&"line 1: column login stands 2 times".to_owned()),
        "{told:#?}"
    );
    assert!(
        told.contains(&"line 1: column otp stands 0 times".to_owned()),
        "{told:#?}"
    );
    assert!(
        told.contains(&"line 1: \"naissance\" is no column".to_owned()),
        "{told:#?}"
    );
    assert!(
        told.iter().all(|fault| fault.starts_with("line 1:")),
        "{told:#?}"
    );
    assert!(read_csv("", "x").is_err());
    let head = DEMO.lines().next().unwrap();
    assert_eq!(read_csv(head, "x").ok().map(|none| none.len()), Some(0));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(lines in "(\\PC|[,;|:\"\n\r0-9a-z]){0,300}") {
        let head = DEMO.lines().next().unwrap();
        for text in [lines.clone(), format!("{head}\n{lines}")] {
            if let Err(faults) = read_csv(&text, "x") {
                prop_assert!(!faults.is_empty());
            }
        }
    }
}
