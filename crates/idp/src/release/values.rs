//! What people have under each name.

use chrono::NaiveDate;
use directory::fonctions::{Fonction, Fonctions};
use directory::{Person, Realm};
use saml::attribute::{self, Wire};

use super::Asking;
use super::identifiers::pairwise;
use crate::RealmParts;

/// What `person` has under `wire` for the service that asks, before anything is said otherwise.
pub(super) fn values(
    wire: &Wire,
    person: &Person,
    asking: &Asking<'_>,
    of: (&RealmParts, &Fonctions),
) -> Vec<String> {
    let (realm, fonctions) = of;
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
        attribute::O => one(realm.ui.organization.as_deref().unwrap_or_default()),
        attribute::HOME_ORGANIZATION => one(&realm.scope),
        attribute::PRINCIPAL_NAME => one(&format!("{}@{}", person.login, realm.scope)),
        attribute::SUBJECT_ID => one(&format!("{}@{}", person.id, realm.scope)),
        attribute::PAIRWISE_ID => {
            let unique = pairwise(&realm.pairwise_salt, &person.id, asking.service);
            one(&format!("{unique}@{}", realm.scope))
        }
        _ => of_posts(wire, person, (realm, fonctions)),
    }
}

/// What follows from where a person works and as what.
fn of_posts(wire: &Wire, person: &Person, of: (&RealmParts, &Fonctions)) -> Vec<String> {
    let (realm, fonctions) = of;
    let held: Vec<&Fonction> = person
        .posts
        .iter()
        .filter_map(|post| fonctions.find(&post.function))
        .collect();
    let affiliations = affiliations(person.realm, &held);
    let main = person.posts.first().map_or("", |post| &post.uai);
    let places = person.posts.iter().map(|post| post.uai.clone());
    match *wire {
        attribute::AFFILIATION => affiliations,
        attribute::PRIMARY_AFFILIATION => one(primary(&affiliations)),
        attribute::SCOPED_AFFILIATION => affiliations
            .iter()
            .map(|word| format!("{word}@{}", realm.scope))
            .collect(),
        attribute::TITLE => one(held.first().map_or("", |fonction| &fonction.title)),
        attribute::FONCTION => distinct(held.iter().map(|fonction| fonction.id.clone())),
        attribute::RNE | attribute::ENT_UAI | attribute::SUPANN_ENTITE_PRINCIPALE => one(main),
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
        attribute::FREDU_RNE => self::places(person, fonctions),
        attribute::FREDU_RNE_RESP => headed(person, fonctions),
        _ => Vec::new(),
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

/// `FrEduRne` records: `uai$type$category$function$uaj$…` (DOMAIN 1.3); what is not known at the end
/// is left out, as the field does.
fn places(person: &Person, fonctions: &Fonctions) -> Vec<String> {
    let record = |post: &directory::Post| {
        let title = fonctions
            .find(&post.function)
            .map_or("", |fonction| &fonction.title);
        format!("{0}$UAJ$PU${title}${0}", post.uai)
    };
    if person.realm == Realm::Personnel {
        person.posts.iter().map(record).collect()
    } else {
        vec![]
    }
}

/// `FrEduRneResp` records, for heads of schools.
fn headed(person: &Person, fonctions: &Fonctions) -> Vec<String> {
    let heads = |post: &&directory::Post| {
        fonctions.find(&post.function).is_some_and(|fonction| {
            matches!(fonction.fredu_fonct_adm.as_str(), "DIR" | "DEC" | "DIO")
        })
    };
    person
        .posts
        .iter()
        .filter(heads)
        .map(|post| format!("{}$UAJ$PU$N", post.uai))
        .collect()
}

/// `FrEduResDel` records: `app|url|start|end|delegator|…`, those that stand today.
fn delegations(person: &Person, today: NaiveDate) -> Vec<String> {
    let stands = |one: &&directory::Delegation| one.from <= today && today <= one.until;
    let day = |date: NaiveDate| date.format("%d/%m/%Y").to_string();
    distinct(person.delegations.iter().filter(stands).map(|one| {
        format!(
            "{}||{}|{}|||||",
            one.application,
            day(one.from),
            day(one.until)
        )
    }))
}
