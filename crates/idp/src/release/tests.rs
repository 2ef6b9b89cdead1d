use std::sync::Arc;

use directory::{Delegation, Post};
use saml::SigningKey;
use saml::keys::{Hook, OwnKeys};

use super::identifiers::base32;
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
    let key = SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap();
    let key = Arc::new(Hook::new(OwnKeys::alone(Arc::new(key))));
    RealmParts {
        realm: name,
        entity_id: EntityId::parse("https://e.example/idp/x").unwrap(),
        keys: Arc::clone(&key),
        opening: Arc::new(Hook::new(Vec::new())),
        metadata_keys: key,
        scope: "ac-demo.example".to_owned(),
        ui: saml::metadata::Ui::default(),
        imprint: saml::metadata::Imprint::default(),
        pairwise_salt: [3; 32],
        codaca: "009".to_owned(),
        choose_post: false,
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
    let policy = Policy {
        attributes: added.iter().copied().map(Known).collect(),
        ..Policy::default()
    };
    let sent = released_by(person, requested, &policy, (&[], is_own));
    sent.into_iter()
        .map(|one| (one.friendly_name.unwrap(), one.values))
        .collect()
}

fn released_by(
    person: &Person,
    requested: &[RequestedAttribute],
    policy: &Policy,
    (entity_attributes, is_own): (&[(String, Vec<String>)], bool),
) -> Vec<Attribute> {
    attributes(
        &decided(person, requested, policy, (entity_attributes, is_own)),
        policy,
    )
}

fn decided(
    person: &Person,
    requested: &[RequestedAttribute],
    policy: &Policy,
    (entity_attributes, is_own): (&[(String, Vec<String>)], bool),
) -> Vec<Decision> {
    let service = EntityId::parse("https://sp.example").unwrap();
    let now = NaiveDate::from_ymd_opt(2026, 11, 23).unwrap();
    let asking = Asking {
        service: &service,
        requested,
        entity_attributes,
        policy,
        is_own,
        post: Chosen::Unasked,
        now,
    };
    let fonctions = Fonctions::parse(FONCTIONS).unwrap();
    decide(person, &asking, &realm(person.realm), &fonctions)
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
        [
            "FrEduCtEleveUAI",
            "eduPersonAffiliation",
            "pairwise-id",
            "profil",
            "rne"
        ]
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

fn signal(word: &str) -> Vec<(String, Vec<String>)> {
    vec![(
        "urn:oasis:names:tc:SAML:profiles:subject-id:req".to_owned(),
        vec![word.to_owned()],
    )]
}

#[test]
fn p11_the_identifier_that_is_signalled_is_sent_and_no_other() {
    let teacher = person(Realm::Personnel, "enseignant_1d");
    let names = |word: &str, requested: &[RequestedAttribute]| -> Vec<String> {
        let sent = released_by(
            &teacher,
            requested,
            &Policy::default(),
            (&signal(word), false),
        );
        let mut names: Vec<String> = sent
            .into_iter()
            .filter_map(|one| one.friendly_name)
            .collect();
        names.retain(|name| name.ends_with("-id"));
        names
    };
    for requested in [vec![], everything()] {
        assert_eq!(names("subject-id", &requested), ["subject-id"]);
        assert_eq!(names("pairwise-id", &requested), ["pairwise-id"]);
        assert_eq!(names("any", &requested), ["pairwise-id"]);
        assert_eq!(names("none", &requested), [""; 0]);
    }
}

#[test]
fn r02_a_category_brings_its_bundle_and_says_so() {
    let teacher = person(Realm::Personnel, "enseignant_1d");
    let category = |uri: &str| {
        vec![(
            "http://macedir.org/entity-category".to_owned(),
            vec!["https://else.example".to_owned(), uri.to_owned()],
        )]
    };
    let names = |uri: &str| -> Vec<String> {
        let sent = released_by(&teacher, &[], &Policy::default(), (&category(uri), false));
        sent.into_iter()
            .filter_map(|one| one.friendly_name)
            .collect()
    };
    assert_eq!(
        names("https://refeds.org/category/anonymous"),
        ["eduPersonScopedAffiliation", "schacHomeOrganization"]
    );
    assert_eq!(
        names("https://refeds.org/category/pseudonymous"),
        [
            "pairwise-id",
            "eduPersonScopedAffiliation",
            "schacHomeOrganization"
        ]
    );
    assert!(names("https://refeds.org/category/personalized").contains(&"subject-id".to_owned()));
    assert!(
        names("http://refeds.org/category/research-and-scholarship").contains(&"mail".to_owned())
    );
    assert_eq!(names("https://unknown.example"), ["pairwise-id"]);
    let pupil = person(Realm::Eleve, "");
    let uri = "https://refeds.org/category/personalized";
    let decided = decided(&pupil, &[], &Policy::default(), (&category(uri), false));
    assert!(decided.iter().all(|one| one.rule == Rule::Category(uri)));
    assert!(decided.iter().all(|one| one.outcome == Outcome::Minor));
}

#[test]
fn what_is_withheld_stays_and_what_is_ignored_counts_for_nothing() {
    let teacher = person(Realm::Personnel, "enseignant_1d");
    let outcome = |policy: &Policy, wire: Wire| {
        decided(&teacher, &everything(), policy, (&[], false))
            .into_iter()
            .find(|one| one.wire == wire)
            .map(|one| one.outcome)
    };
    let withheld = Policy {
        attributes: vec![Known(attribute::MAIL)],
        withheld: vec![Known(attribute::MAIL)],
        ..Policy::default()
    };
    assert_eq!(outcome(&withheld, attribute::MAIL), Some(Outcome::Withheld));
    let ignored = Policy {
        requested: Requested::Ignore,
        ..Policy::default()
    };
    assert_eq!(outcome(&ignored, attribute::MAIL), None);
    assert!(matches!(
        outcome(&ignored, attribute::PAIRWISE_ID),
        Some(Outcome::Sent(_))
    ));
}

#[test]
fn names_and_values_are_said_as_the_service_reads_them() {
    let teacher = person(Realm::Personnel, "enseignant_1d");
    let said = |style: NameStyle| {
        let mut policy = Policy {
            attributes: vec![Known(attribute::MAIL), Known(attribute::TITLE)],
            name_style: style,
            ..Policy::default()
        };
        let titles = [("ENS", "teacher")].map(|(from, to)| (from.to_owned(), to.to_owned()));
        policy.values.insert(Known(attribute::TITLE), titles.into());
        let groups = [("", "X")].map(|(from, to)| (from.to_owned(), to.to_owned()));
        policy.attributes.push(Known(attribute::CTGRPS));
        policy
            .values
            .insert(Known(attribute::CTGRPS), groups.into());
        let all = released_by(&teacher, &[], &policy, (&[], false));
        assert_eq!(all[1].values, ["teacher"]);
        assert_eq!(all[2].values, ["X"]);
        (all[0].name.clone(), all[0].name_format.clone())
    };
    let pair = |name: &str, format: &str| (name.to_owned(), format.to_owned());
    let oid = pair(attribute::MAIL.name, saml::names::ATTRNAME_URI);
    assert_eq!(said(NameStyle::Oid), oid);
    assert_eq!(
        said(NameStyle::Friendly),
        pair("mail", ATTRNAME_UNSPECIFIED)
    );
    assert_eq!(said(NameStyle::Basic), pair("mail", ATTRNAME_BASIC));
}

#[test]
fn r05_a_scope_that_is_not_ours_is_never_sent() {
    let teacher = person(Realm::Personnel, "enseignant_1d");
    let mut policy = Policy {
        attributes: vec![Known(attribute::SCOPED_AFFILIATION)],
        ..Policy::default()
    };
    for foreign in [
        "employee@elsewhere.example",
        "employee",
        "@ac-demo.example",
        "a@b@ac-demo.example",
    ] {
        let map = [("employee@ac-demo.example".to_owned(), foreign.to_owned())];
        policy
            .values
            .insert(Known(attribute::SCOPED_AFFILIATION), map.into());
        let decided = decided(&teacher, &[], &policy, (&[], false));
        assert_eq!(decided[0].outcome, Outcome::ForeignScope, "{foreign}");
        assert!(attributes(&decided, &policy).is_empty());
    }
}

#[test]
fn r04_every_attribute_of_the_catalogue_has_a_value_or_is_known_to_be_held_of_nobody() {
    let mut head = person(Realm::Personnel, "directeur_ecole");
    head.groups = vec!["GRP".to_owned()];
    head.title = "Mme".to_owned();
    let mut realm = realm(Realm::Personnel);
    realm.ui.organization = Some("Académie".to_owned());
    let service = EntityId::parse("https://sp.example").unwrap();
    let requested = everything();
    let asking = Asking {
        service: &service,
        requested: &requested,
        entity_attributes: &[],
        policy: &Policy::default(),
        is_own: false,
        post: Chosen::All,
        now: NaiveDate::from_ymd_opt(2026, 11, 23).unwrap(),
    };
    let fonctions = Fonctions::parse(FONCTIONS).unwrap();
    head.posts[0].place = "École".to_owned();
    let of_pupils = [attribute::FREDU_CT_UAI];
    for decision in decide(&head, &asking, &realm, &fonctions) {
        let is_held = !values::NOT_HELD.contains(&decision.wire);
        let is_theirs = is_held && !of_pupils.contains(&decision.wire);
        let is_sent = matches!(decision.outcome, Outcome::Sent(_));
        assert_eq!(is_sent, is_theirs, "{decision:?}");
    }
    let pupil = person(Realm::Eleve, "");
    let all = released(&pupil, &everything(), false);
    assert!(all.iter().any(|one| one.0 == "FrEduCtEleveUAI"));
}

#[test]
fn r04_nothing_is_left_out_but_for_services_that_read_x() {
    let teacher = person(Realm::Personnel, "enseignant_1d");
    let legacy = Policy {
        legacy: true,
        ..Policy::default()
    };
    let said = |policy: &Policy, name: &str| {
        let all = released_by(&teacher, &everything(), policy, (&[], false));
        let found = all.into_iter().find(|one| one.name == name);
        found.map(|one| one.values)
    };
    for name in ["FrEduFonctAdm", "FrEduRneResp", "ctgrps", "FrEduGestResp"] {
        assert_eq!(said(&Policy::default(), name), None, "{name}");
        assert_eq!(said(&legacy, name).unwrap(), ["X"], "{name}");
    }
    assert_eq!(said(&legacy, "title").unwrap(), ["ENS"]);
    for name in ["ENTEleveClasses", attribute::ENTITLEMENT.name] {
        assert_eq!(said(&legacy, name), None, "{name}");
    }
    let pupil = person(Realm::Eleve, "");
    let all = released_by(&pupil, &everything(), &legacy, (&[], false));
    assert!(all.iter().all(|one| one.values != ["X"]), "{all:?}");
}

#[test]
fn r02_the_code_of_conduct_opens_what_is_required_and_nothing_else() {
    let teacher = person(Realm::Personnel, "enseignant_1d");
    let uri = "https://refeds.org/category/code-of-conduct/v2";
    let bound = vec![(
        "http://macedir.org/entity-category".to_owned(),
        vec![uri.to_owned()],
    )];
    let mut asked = everything();
    asked.retain(|one| [attribute::MAIL.name, attribute::SN.name].contains(&one.name.as_str()));
    asked[0].required = true;
    let policy = Policy {
        requested: Requested::CodeOfConduct,
        ..Policy::default()
    };
    let of = |entity: &[(String, Vec<String>)]| decided(&teacher, &asked, &policy, (entity, false));
    let opened = of(&bound);
    assert_eq!(opened.len(), 1, "{opened:?}");
    assert_eq!(opened[0].wire.name, asked[0].name);
    assert_eq!(opened[0].rule, Rule::Category(uri));
    assert!(opened[0].required);
    let closed = of(&[]);
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0].rule, Rule::Default, "{closed:?}");
}

/// What was once sent is sent for ever: this value was, and an upgrade that changes it makes strangers
/// of everybody (R10).
#[test]
fn r10_a_lasting_identifier_is_the_same_after_an_upgrade() {
    let service = EntityId::parse("https://sp.example").unwrap();
    assert_eq!(
        pairwise(&[7; 32], "abcdefghijklmnopqrstuvwxyz", &service),
        "63dzvb3ymognktnsap43kkmss44udqianebzisejdxcalp4wi4ia"
    );
}

#[test]
fn d16_of_the_post_that_was_chosen_all_is_said_and_of_the_others_nothing() {
    let mut both = person(Realm::Personnel, "enseignant_1d");
    both.posts.push(Post {
        function: "directeur_ecole".to_owned(),
        uai: "9990102G".to_owned(),
        place: "École B".to_owned(),
    });
    both.posts[0].place = "École A".to_owned();
    let service = EntityId::parse("https://sp.example").unwrap();
    let requested = everything();
    let fonctions = Fonctions::parse(FONCTIONS).unwrap();
    let said = |post: Chosen<'_>, is_own: bool| {
        let asking = Asking {
            service: &service,
            requested: &requested,
            entity_attributes: &[],
            policy: &Policy::default(),
            is_own,
            post,
            now: NaiveDate::from_ymd_opt(2026, 11, 23).unwrap(),
        };
        let decided = decide(&both, &asking, &realm(Realm::Personnel), &fonctions);
        let sent = decided.into_iter().filter_map(|one| match one.outcome {
            Outcome::Sent(values) => Some((one.wire, values.join(" "))),
            _ => None,
        });
        sent.collect::<Vec<_>>()
    };
    let value = |all: &[(Wire, String)], wire: Wire| {
        let one = all.iter().find(|(of, _)| *of == wire);
        one.map(|(_, values)| values.clone()).unwrap_or_default()
    };
    for (post, uai, other, adm) in [
        (&both.posts[0], "9990101F", "9990102G", ""),
        (&both.posts[1], "9990102G", "9990101F", "DEC"),
    ] {
        let all = said(Chosen::One(post), false);
        assert_eq!(value(&all, attribute::RNE), uai);
        assert_eq!(value(&all, attribute::FREDU_FONCT_ADM), adm);
        assert_eq!(value(&all, attribute::OU), post.place);
        assert_eq!(value(&all, attribute::AFFECTATION), post.id());
        for (wire, values) in &all {
            assert!(!values.contains(other), "{wire:?}: {values}");
        }
        // Our portal knows of the others too, and nothing else of them.
        let own = said(Chosen::One(post), true);
        let mentions = own.iter().filter(|(_, values)| values.contains(other));
        let mentions: Vec<Wire> = mentions.map(|(wire, _)| *wire).collect();
        assert_eq!(mentions, [attribute::POSTE]);
    }
    let (all, unasked) = (said(Chosen::All, false), said(Chosen::Unasked, false));
    assert_eq!(value(&all, attribute::AFFECTATION), "*");
    assert_eq!(value(&unasked, attribute::AFFECTATION), "");
    let rest: Vec<_> = all
        .into_iter()
        .filter(|(wire, _)| *wire != attribute::AFFECTATION)
        .collect();
    assert_eq!(rest, unasked);
}

/// Neither the key that signs nor the address we are reached at goes into a lasting identifier (R10).
#[test]
fn r10_another_host_and_another_key_leave_identifiers_as_they_are() {
    let teacher = person(Realm::Personnel, "enseignant_1d");
    let service = EntityId::parse("https://sp.example").unwrap();
    let requested = everything();
    let asking = Asking {
        service: &service,
        requested: &requested,
        entity_attributes: &[],
        policy: &Policy::default(),
        is_own: false,
        post: Chosen::All,
        now: NaiveDate::from_ymd_opt(2026, 11, 23).unwrap(),
    };
    let fonctions = Fonctions::parse(FONCTIONS).unwrap();
    let before = realm(Realm::Personnel);
    let mut after = realm(Realm::Personnel);
    after.entity_id = EntityId::parse("https://moved.example/idp/y").unwrap();
    assert_ne!(before.keys.now().mark(), after.keys.now().mark());
    let lasting = [
        attribute::PAIRWISE_ID,
        attribute::SUBJECT_ID,
        attribute::UNIQUE_ID,
        attribute::PRINCIPAL_NAME,
    ];
    let said = |parts: &RealmParts| -> Vec<Decision> {
        let mut all = decide(&teacher, &asking, parts, &fonctions);
        all.retain(|one| lasting.contains(&one.wire));
        all
    };
    assert_eq!(said(&before), said(&after));
    assert_eq!(said(&before).len(), 4);
}
