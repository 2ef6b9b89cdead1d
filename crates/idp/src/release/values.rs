//! What people have under each name.

use chrono::NaiveDate;
use directory::fonctions::{Fonction, Fonctions};
use directory::{Person, Post, Realm};
use saml::attribute::{self, Wire};

use super::fredu::{Poste, ResDel, Rne, RneResp};
use super::identifiers::pairwise;
use super::{Asking, Chosen};
use crate::RealmParts;

/// How `affectation` says that a person is here in all of their posts.
pub(crate) const ALL: &str = "*";

/// What `person` has under `wire` for the service that asks, before anything is said otherwise.
pub(super) fn values(
    wire: &Wire,
    person: &Person,
    asking: &Asking<'_>,
    of: (&RealmParts, &Fonctions),
) -> Vec<String> {
    let (realm, fonctions) = of;
    if NOT_HELD.contains(wire) {
        return Vec::new();
    }
    match *wire {
        attribute::UID | attribute::CT_REMOTE_USER => one(&person.login),
        attribute::SN | attribute::CTLN => one(&person.surname),
        attribute::GIVEN_NAME | attribute::CTFN => one(&person.given_name),
        attribute::DISPLAY_NAME | attribute::CN => one(&shown_name(person)),
        attribute::MAIL | attribute::CTEMAIL => one(person.mail.as_deref().unwrap_or_default()),
        attribute::SUPANN_CIVILITE => one(&person.title),
        attribute::PROFIL => one(person.realm.as_str()),
        attribute::CTGRPS | attribute::IS_MEMBER_OF => person.groups.clone(),
        attribute::FREDU_RES_DEL => delegations(person, asking.now),
        attribute::CODACA if person.realm == Realm::Personnel => one(&realm.codaca),
        attribute::FREDU_URL_RETOUR => one(&realm.portal),
        attribute::AFFECTATION => said(asking.post),
        attribute::O => one(realm.ui.organization.as_deref().unwrap_or_default()),
        attribute::HOME_ORGANIZATION => one(&realm.scope),
        attribute::PRINCIPAL_NAME => one(&format!("{}@{}", person.login, realm.scope)),
        attribute::SUBJECT_ID | attribute::UNIQUE_ID => {
            one(&format!("{}@{}", person.id, realm.scope))
        }
        attribute::PAIRWISE_ID => {
            let unique = pairwise(&realm.pairwise_salt, &person.id, asking.service);
            one(&format!("{unique}@{}", realm.scope))
        }
        _ => of_posts(wire, person, asking, (realm, fonctions)),
    }
}

/// What follows from where a person works and as what.
fn of_posts(
    wire: &Wire,
    person: &Person,
    asking: &Asking<'_>,
    of: (&RealmParts, &Fonctions),
) -> Vec<String> {
    let (realm, fonctions) = of;
    let posts = match asking.post {
        Chosen::One(post) => std::slice::from_ref(post),
        Chosen::Unasked | Chosen::All => person.posts.as_slice(),
    };
    let held: Vec<&Fonction> = posts
        .iter()
        .filter_map(|post| fonctions.find(&post.function))
        .collect();
    let affiliations = affiliations(person.realm, &held);
    let main = posts.first().map_or("", |post| &post.uai);
    let places = posts.iter().map(|post| post.uai.clone());
    match *wire {
        attribute::AFFILIATION => affiliations,
        attribute::PRIMARY_AFFILIATION => one(primary(&affiliations)),
        attribute::SCOPED_AFFILIATION => affiliations
            .iter()
            .map(|word| format!("{word}@{}", realm.scope))
            .collect(),
        attribute::TITLE | attribute::TITLE_X500 => {
            one(held.first().map_or("", |fonction| &fonction.title))
        }
        attribute::FONCTION => distinct(held.iter().map(|fonction| fonction.id.clone())),
        attribute::POSTE if person.realm == Realm::Personnel => {
            // Our portal says which others there are.
            let posts = if asking.is_own {
                person.posts.as_slice()
            } else {
                posts
            };
            distinct(posts.iter().filter_map(|post| {
                fonctions.find(&post.function)?;
                Poste { post }.print()
            }))
        }
        attribute::RNE | attribute::ENT_UAI | attribute::SUPANN_ENTITE_PRINCIPALE => one(main),
        attribute::FREDU_CT_UAI if person.realm == Realm::Eleve => one(main),
        attribute::OU => distinct(posts.iter().map(|post| post.place.clone()))
            .into_iter()
            .filter(|place| !place.is_empty())
            .collect(),
        attribute::SUPANN_ENTITE => distinct(places),
        attribute::SUPANN_ETABLISSEMENT => distinct(places.map(|uai| format!("{{UAI}}{uai}"))),
        attribute::ENT_PROFILS => match person.realm {
            Realm::Eleve => one("National_ELV"),
            Realm::Parent => one("National_TUT"),
            Realm::Personnel => distinct(held.iter().map(|fonction| fonction.sdet.clone())),
            Realm::Partenaire => vec![],
        },
        attribute::FREDU_FONCT_ADM => {
            let mut adm = held
                .iter()
                .map(|fonction| fonction.fredu_fonct_adm.as_str());
            one(adm.find(|code| *code != "X").unwrap_or_default())
        }
        attribute::FREDU_RNE => self::places(person.realm, posts, fonctions),
        attribute::FREDU_RNE_RESP => headed(posts, fonctions),
        _ => Vec::new(),
    }
}

/// In which post they said that they are here.
fn said(post: Chosen<'_>) -> Vec<String> {
    match post {
        Chosen::Unasked => vec![],
        Chosen::All => one(ALL),
        Chosen::One(post) => one(&post.id()),
    }
}

fn one(text: &str) -> Vec<String> {
    if text.is_empty() {
        vec![]
    } else {
        vec![text.to_owned()]
    }
}

/// The most telling one (eduPerson 2.2.5 leaves the choice to the organisation).
fn primary(affiliations: &[String]) -> &str {
    let telling = [
        "teacher",
        "faculty",
        "staff",
        "student",
        "employee",
        "affiliate",
    ];
    telling
        .into_iter()
        .find(|word| affiliations.iter().any(|one| one == word))
        .unwrap_or_default()
}

/// Given name and surname; a body (a town hall, say) reads the same way.
fn shown_name(person: &Person) -> String {
    format!("{} {}", person.given_name, person.surname)
        .trim()
        .to_owned()
}

fn affiliations(realm: Realm, held: &[&Fonction]) -> Vec<String> {
    let fixed: &[&str] = match realm {
        Realm::Personnel => &["member", "employee"],
        Realm::Eleve => &["student", "member"],
        Realm::Parent | Realm::Partenaire => &["affiliate"],
    };
    let of_functions = held
        .iter()
        .flat_map(|fonction| fonction.affiliations.iter().cloned());
    distinct(
        fixed
            .iter()
            .map(|word| (*word).to_owned())
            .chain(of_functions),
    )
}

fn distinct(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = Vec::new();
    for word in words {
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen
}

/// `FrEduRne`: where the staff works.
fn places(realm: Realm, posts: &[Post], fonctions: &Fonctions) -> Vec<String> {
    let record = |post: &Post| {
        let held = fonctions.find(&post.function);
        Rne {
            uai: &post.uai,
            function: held.map_or("", |fonction| &fonction.title),
        }
        .print()
    };
    if realm == Realm::Personnel {
        distinct(posts.iter().filter_map(record))
    } else {
        vec![]
    }
}

/// `FrEduRneResp`: what heads of schools head.
fn headed(posts: &[Post], fonctions: &Fonctions) -> Vec<String> {
    let heads = |post: &&Post| {
        fonctions.find(&post.function).is_some_and(|fonction| {
            matches!(fonction.fredu_fonct_adm.as_str(), "DIR" | "DEC" | "DIO")
        })
    };
    let headed = posts.iter().filter(heads);
    distinct(headed.filter_map(|post| RneResp { uai: &post.uai }.print()))
}

/// `FrEduResDel`: the delegations that stand today, each once.
fn delegations(person: &Person, today: NaiveDate) -> Vec<String> {
    let stands = |one: &&directory::Delegation| one.from <= today && today <= one.until;
    let standing = person.delegations.iter().filter(stands);
    distinct(standing.filter_map(|one| {
        ResDel {
            application: &one.application,
            from: one.from,
            until: one.until,
        }
        .print()
    }))
}

/// Attributes that are known by name and of which nothing is held about anybody: an operator may have
/// one said all the same, the same for everybody (`values` of a service).
pub(super) const NOT_HELD: [Wire; 35] = [
    // Held by nobody here, or as a keyed hash only.
    attribute::EMPLOYEE_NUMBER,
    attribute::SCHAC_DATE_OF_BIRTH,
    attribute::SUPANN_DATE_OF_BIRTH,
    attribute::DATENAISSANCE,
    attribute::SUPANN_INE,
    attribute::SUPANN_EMP_ID,
    attribute::SUPANN_REF_ID,
    attribute::SUPANN_BIRTH_NAME,
    attribute::SUPANN_CORPS,
    attribute::SUPANN_ACTIVITE,
    attribute::SUPANN_POPULATION,
    attribute::PERSONAL_UNIQUE_CODE,
    attribute::TYPENSI,
    attribute::GRADE,
    attribute::CODECIVILITE,
    attribute::FREDU_GEST_RESP,
    attribute::FREDU_VECTEUR,
    attribute::APPLICATION_LOCALE,
    attribute::ENT_STRUCTURE,
    attribute::ENT_JOIN,
    attribute::ENT_FUNCTIONS,
    attribute::ENT_CLASSES,
    attribute::GAR_PROFIL,
    attribute::PREFERRED_LANGUAGE,
    // What an operator may state for everybody.
    attribute::ENTITLEMENT,
    attribute::ASSURANCE,
    attribute::HOME_ORGANIZATION_TYPE,
    // XML inside a value (eduPerson 2.2.9); deprecated for `pairwise-id`.
    attribute::TARGETED_ID,
    // Received from `EduConnect`, and of no one else.
    attribute::FREDU_CT_ID,
    attribute::FREDU_CT_AFFILIATION,
    attribute::FREDU_CT_SIGNED_ON,
    attribute::FREDU_CT_INE,
    attribute::FREDU_CT_DATE_OF_BIRTH,
    attribute::FREDU_CT_CIVILITE,
    attribute::FREDU_CT_LEVEL,
];
