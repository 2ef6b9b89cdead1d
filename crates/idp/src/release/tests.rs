use std::sync::Arc;

use directory::{Delegation, Post};
use saml::SigningKey;

use super::*;

const FONCTIONS: &str = include_str!("../../../../config/fonctions.toml");

fn person(realm: Realm, function: &str) -> Person {
    let day = |month| NaiveDate::from_ymd_opt(2026, month, 1).unwrap();
    let delegation = |application: &str, from, until| Delegation {
        application: application.to_owned(),
        from,
        until,
    };
    Person {
        id: "abc".to_owned(),
        realm,
        login: "a".to_owned(),
        title: String::new(),
        given_name: "Zoé".to_owned(),
        surname: "Été".to_owned(),
        mail: Some("z@ac-demo.example".to_owned()),
        posts: vec![Post {
            function: function.to_owned(),
            uai: "9990101F".to_owned(),
            place: String::new(),
        }],
        delegations: vec![
            delegation("now", day(9), day(12)),
            delegation("over", day(1), day(2)),
        ],
        groups: vec![],
        roles: vec![],
        second_factor: "none".to_owned(),
    }
}

fn realm(name: Realm) -> RealmParts {
    let now = saml::Moment::from_timestamp(1_790_000_000, 0).unwrap();
    let pair = saml::keys::generate(saml::KeyKind::P256, "x", [1; 16], now, 1).unwrap();
    let key = Arc::new(SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap());
    RealmParts {
        realm: name,
        entity_id: EntityId::parse("https://e.example/idp/x").unwrap(),
        signing: Arc::clone(&key),
        metadata_signing: key,
        published: vec![],
        scope: "ac-demo.example".to_owned(),
        ui: saml::metadata::Ui::default(),
        pairwise_salt: [3; 32],
        codaca: "009".to_owned(),
        portal: "/portail/".to_owned(),
    }
}

fn everything() -> Vec<RequestedAttribute> {
    attribute::ALL
        .iter()
        .map(|wire| RequestedAttribute {
            name: wire.name.to_owned(),
            name_format: wire.format.to_owned(),
            friendly_name: None,
            required: false,
        })
        .collect()
}

fn released(
    person: &Person,
    requested: &[RequestedAttribute],
    is_own: bool,
) -> Vec<(String, Vec<String>)> {
    released_with(person, requested, &[], is_own)
}

fn released_with(
    person: &Person,
    requested: &[RequestedAttribute],
    added: &[Wire],
    is_own: bool,
) -> Vec<(String, Vec<String>)> {
    let service = EntityId::parse("https://sp.example").unwrap();
    let now = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
    let asking = Asking {
        service: &service,
        requested,
        added,
        is_own,
        now,
    };
    let fonctions = Fonctions::parse(FONCTIONS).unwrap();
    attributes(person, &asking, &realm(person.realm), &fonctions)
        .into_iter()
        .map(|one| (one.friendly_name.unwrap(), one.values))
        .collect()
}

#[test]
fn a_service_that_asks_for_nothing_gets_a_pairwise_identifier() {
    let names: Vec<_> = released(&person(Realm::Personnel, "enseignant_1d"), &[], false)
        .into_iter()
        .map(|a| a.0)
        .collect();
    assert_eq!(names, ["pairwise-id"]);
}

#[test]
fn what_the_operator_adds_goes_too_and_once() {
    let names = |person: &Person, requested: &[RequestedAttribute]| -> Vec<String> {
        let added = [attribute::SN, attribute::MAIL];
        let all = released_with(person, requested, &added, false);
        all.into_iter().map(|one| one.0).collect()
    };
    let teacher = person(Realm::Personnel, "enseignant_1d");
    assert_eq!(names(&teacher, &[]), ["sn", "mail"]);
    let all = names(&teacher, &everything());
    assert_eq!(all.iter().filter(|name| *name == "sn").count(), 1);
    let pupil = names(&person(Realm::Eleve, ""), &[]);
    assert!(
        pupil.is_empty(),
        "nothing of a pupil, whoever adds it: {pupil:?}"
    );
}

#[test]
fn a_head_of_school_is_said_to_be_one() {
    let all = released(
        &person(Realm::Personnel, "directeur_ecole"),
        &everything(),
        false,
    );
    let value = |name: &str| {
        all.iter()
            .find(|a| a.0 == name)
            .map(|a| a.1.clone())
            .unwrap_or_default()
    };
    assert_eq!(value("FrEduFonctAdm"), ["DEC"]);
    assert_eq!(value("title"), ["DEC"]);
    assert_eq!(value("FrEduRne"), ["9990101F$UAJ$PU$DEC$9990101F"]);
    assert_eq!(value("FrEduRneResp"), ["9990101F$UAJ$PU$N"]);
    assert_eq!(
        value("FrEduResDel"),
        ["now||01/09/2026|01/12/2026|||||"],
        "current ones only"
    );
    assert_eq!(value("displayName"), ["Zoé Été"]);
    assert_eq!(value("fonction"), ["directeur_ecole"]);
    assert!(value("eduPersonScopedAffiliation").contains(&"employee@ac-demo.example".to_owned()));
    assert_eq!(value("ctgrps"), [""; 0], "what has no value is left out");
}

#[test]
fn a_teacher_has_no_administrative_function() {
    let all = released(
        &person(Realm::Personnel, "enseignant_1d"),
        &everything(),
        false,
    );
    assert!(
        !all.iter()
            .any(|a| a.0 == "FrEduFonctAdm" || a.0 == "FrEduRneResp")
    );
}

#[test]
fn nobody_outside_learns_more_of_a_pupil_than_a_pseudonym_and_a_school() {
    let pupil = person(Realm::Eleve, "");
    let names = |is_own| -> Vec<String> {
        released(&pupil, &everything(), is_own)
            .into_iter()
            .map(|a| a.0)
            .collect()
    };
    let mut outside = names(false);
    outside.sort();
    assert_eq!(
        outside,
        ["eduPersonAffiliation", "pairwise-id", "profil", "rne"]
    );
    let at_home = names(true);
    assert!(at_home.contains(&"uid".to_owned()));
    assert!(!at_home.contains(&"mail".to_owned()) && !at_home.contains(&"sn".to_owned()));
}

#[test]
fn p10_pairwise_identifiers_last_and_cannot_be_linked() {
    let service = |text: &str| EntityId::parse(text).unwrap();
    let one = pairwise(&[3; 32], "abc", &service("https://a.example"));
    assert_eq!(
        one,
        pairwise(&[3; 32], "abc", &service("https://a.example"))
    );
    assert_ne!(
        one,
        pairwise(&[3; 32], "abc", &service("https://b.example"))
    );
    assert_ne!(
        one,
        pairwise(&[3; 32], "abd", &service("https://a.example"))
    );
    assert_ne!(
        one,
        pairwise(&[4; 32], "abc", &service("https://a.example"))
    );
    assert_eq!(one.len(), 52);
    assert!(
        one.bytes()
            .all(|b| b.is_ascii_lowercase() || (b'2'..=b'7').contains(&b))
    );
    assert_ne!(
        transient("one session", &service("https://a.example")),
        transient("another", &service("https://a.example"))
    );
}

#[test]
fn base32_is_rfc_4648s() {
    for (plain, coded) in [
        ("", ""),
        ("f", "my"),
        ("fo", "mzxq"),
        ("foobar", "mzxw6ytboi"),
    ] {
        assert_eq!(base32(plain.as_bytes()), coded);
    }
}
