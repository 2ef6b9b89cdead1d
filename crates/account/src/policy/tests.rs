use std::io::Write;

use proptest::prelude::*;

use super::*;

const OWN: [&str; 4] = ["amartin", "Anne", "Martin", "anne.martin"];

fn broken(password: &str) -> Vec<Broken> {
    Policy::academie_2026().broken(password, &OWN)
}

#[test]
fn u05_what_is_long_enough_and_of_nothing_common_fits() {
    for good in [
        "Kq7-vTz4-mWx9",
        "xR9!pLw2#Qz8",
        "xR9pLw2Qz8KvT4",
        "sept chats gris dorment sous la lune",
        "un-deux-trois-quatre-cinq-six-sept-huit",
        "Ébc9!pLw2#Qz",
    ] {
        assert_eq!(broken(good), [], "{good}");
    }
    assert_eq!(Policy::seed_2014().broken("xR9pLw2Q", &OWN), []);
}

#[test]
fn u05_each_rule_is_broken_by_something_and_named() {
    let cases: [(&str, Broken); 18] = [
        ("xR9!pLw2#", Broken::Length(3)),
        ("xr9!plw2#qz8", Broken::Upper),
        ("XR9!PLW2#QZ8", Broken::Lower),
        ("xRk!pLwv#Qzm", Broken::Digit),
        ("xR9vpLw2kQz8", Broken::Special),
        ("xR9!pLw2#Martin", Broken::Own),
        ("xR9!pLw2#m4rt1n", Broken::Own),
        ("xR9!pLw2#AMARTIN", Broken::Own),
        ("xR9!pL 09X1234567XYZ", Broken::Numen),
        ("xR9!pL-09x-1234567-xyz", Broken::Numen),
        ("xR9!pLw2#soleil", Broken::Word("soleil".into())),
        ("xR9!pLw2#S0L3IL", Broken::Word("soleil".into())),
        ("xR9!pLw2#écôle", Broken::Word("ecole".into())),
        ("xR9!pLw2#f0rmat10n", Broken::Word("formation".into())),
        ("Motdepasse123!", Broken::Common),
        ("", Broken::Length(12)),
        ("sept sept sept sept sept sept sept sept", Broken::Upper),
        ("martin un deux trois quatre cinq six sept", Broken::Own),
    ];
    for (password, rule) in cases {
        assert!(
            broken(password).contains(&rule),
            "{password}: {:?}",
            broken(password)
        );
    }
    assert_eq!(broken(&"xR9!".repeat(100)), [Broken::TooLong(256)]);
    let seed = Policy::seed_2014().broken("sept chats gris dorment sous la lune", &OWN);
    assert!(
        seed.contains(&Broken::Upper),
        "no phrases in 2014: {seed:?}"
    );
}

#[test]
fn u05_dates_are_found_as_people_write_them() {
    let born = chrono::NaiveDate::from_ymd_opt(1979, 4, 12).unwrap();
    for written in [
        "12041979",
        "x12/04/1979y",
        "1979-04-12",
        "120479",
        "a12b04c79",
        "790412",
    ] {
        assert!(dates(written).contains(&born), "{written}");
    }
    for other in ["", "1979", "12.04", "13041979", "99999999"] {
        assert!(!dates(other).contains(&born), "{other}");
    }
}

#[test]
fn u05_an_operators_words_are_added_and_ours_are_many() {
    let own = Dictionary::own();
    assert!(own.len() > 900, "{}", own.len());
    let with = own.clone().with("# comment\nMaréchaussée\nxyz");
    assert_eq!(with.len(), own.len() + 1);
    let policy = Policy {
        dictionary: with,
        ..Policy::academie_2026()
    };
    let told = policy.broken("xR9!pLw2#marechaussee", &OWN);
    assert!(
        told.contains(&Broken::Word("marechaussee".into())),
        "{told:?}"
    );
}

#[test]
fn u05_a_list_of_leaked_passwords_is_looked_up_in_place() {
    use sha1::{Digest, Sha1};
    let hash = |text: &str| -> String {
        let bytes = Sha1::digest(text.as_bytes());
        bytes.iter().map(|byte| format!("{byte:02X}")).collect()
    };
    for many in [1, 2, 3, 1000] {
        let mut lines: Vec<String> = (0..many)
            .map(|n| format!("{}:{n}", hash(&n.to_string())))
            .collect();
        lines.sort();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for line in &lines {
            writeln!(file, "{line}").unwrap();
        }
        let list = Breached::open(file.path()).unwrap();
        for n in 0..many {
            assert!(list.holds(&n.to_string()), "{n} of {many}");
        }
        for n in ["x", "1000", "-1", ""] {
            assert!(!list.holds(n), "{n}");
        }
    }
    let mut none = tempfile::NamedTempFile::new().unwrap();
    assert!(Breached::open(none.path()).is_err(), "empty");
    none.write_all(b"correct horse battery staple, and so on and on")
        .unwrap();
    assert!(Breached::open(none.path()).is_err(), "no hashes");
}

/// Signs that a generator of passwords draws from.
fn drawn() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9!#%&()*+,./:;<=>?@-]{16}"
}

proptest! {
    #[test]
    fn u05_any_text_is_judged(text in "\\PC{0,300}") {
        let told = broken(&text);
        prop_assert_eq!(&told, &broken(&text), "the same each time");
        if told.is_empty() {
            prop_assert!(text.chars().count() >= 12);
        }
    }

    #[test]
    fn u05_what_holds_a_name_or_a_word_is_refused(
        before in "[a-zA-Z0-9#]{6}",
        after in "[a-zA-Z0-9#]{6}",
        at in 0usize..3,
    ) {
        let held = ["Martin", "SOLEIL", "Vacances"][at];
        let whole = [before.as_str(), held, after.as_str()].concat();
        prop_assert!(!broken(&whole).is_empty());
    }

    #[test]
    fn u05_more_of_the_same_breaks_no_rule_of_length(text in drawn()) {
        let is_short = |text: &str| broken(text).iter().any(|one| matches!(one, Broken::Length(_)));
        prop_assert!(!is_short(&text));
        prop_assert!(is_short(text.get(..11).unwrap_or_default()));
    }
}

#[test]
fn u05_random_passwords_are_hardly_ever_refused_for_a_word() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let signs: Vec<char> = ('a'..='z')
        .chain('A'..='Z')
        .chain('0'..='9')
        .chain("!#$%&*+-/=?@".chars())
        .collect();
    let mut refused = 0;
    for _ in 0..5000 {
        let password: String = (0..12)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                signs[usize::try_from(state % 74).unwrap()]
            })
            .collect();
        let told = broken(&password);
        refused += usize::from(
            told.iter()
                .any(|one| matches!(one, Broken::Word(_) | Broken::Own)),
        );
    }
    assert!(refused <= 10, "{refused} of 5000");
}
