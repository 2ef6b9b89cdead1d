//! Which attributes go to which service, and what they hold.
//!
//! A service gets what its metadata asks for, what the operator added, and nothing else; one that
//! asks for nothing gets a pairwise identifier. Pupils are minors: beyond this deployment's own services nobody learns more
//! of them than a pairwise identifier, their profile and their school (DOMAIN 2.6).

use chrono::NaiveDate;
use directory::fonctions::{Fonction, Fonctions};
use directory::{Person, Realm};
use hmac::{Hmac, KeyInit, Mac};
use saml::EntityId;
use saml::attribute::{self, Wire};
use saml::metadata::RequestedAttribute;
use saml::response::Attribute;
use sha2::Sha256;

use crate::RealmParts;

/// Who asks, and when.
pub struct Asking<'a> {
    /// The service.
    pub service: &'a EntityId,
    /// What its metadata asks for.
    pub requested: &'a [RequestedAttribute],
    /// What the operator lets it have besides.
    pub added: &'a [Wire],
    /// Whether it is one of this deployment.
    pub is_own: bool,
    /// The day, for delegations.
    pub now: NaiveDate,
}

/// The attributes of `person` for who asks; those without a value are left out.
pub fn attributes(
    person: &Person,
    asking: &Asking<'_>,
    realm: &RealmParts,
    fonctions: &Fonctions,
) -> Vec<Attribute> {
    let wanted = asking
        .requested
        .iter()
        .filter_map(|one| attribute::find(&one.name));
    let mut wires: Vec<Wire> = wanted.collect();
    let added = asking.added.iter().copied();
    wires.extend(added.filter(|wire| asking.requested.iter().all(|one| one.name != wire.name)));
    if asking.requested.is_empty() && asking.added.is_empty() {
        wires.push(attribute::PAIRWISE_ID);
    }
    wires
        .into_iter()
        .filter(|wire| may_go(person, asking, wire))
        .filter_map(|wire| {
            let values = values(&wire, person, asking, (realm, fonctions));
            (!values.is_empty()).then(|| Attribute {
                name: wire.name.to_owned(),
                name_format: wire.format.to_owned(),
                friendly_name: Some(wire.short.to_owned()),
                values,
            })
        })
        .collect()
}

fn may_go(person: &Person, asking: &Asking<'_>, wire: &Wire) -> bool {
    const OF_A_PUPIL: [Wire; 4] = [
        attribute::PAIRWISE_ID,
        attribute::PROFIL,
        attribute::RNE,
        attribute::AFFILIATION,
    ];
    const OF_A_PUPIL_AT_HOME: [Wire; 4] = [
        attribute::UID,
        attribute::GIVEN_NAME,
        attribute::DISPLAY_NAME,
        attribute::SUBJECT_ID,
    ];
    person.realm != Realm::Eleve
        || OF_A_PUPIL.contains(wire)
        || (asking.is_own && OF_A_PUPIL_AT_HOME.contains(wire))
}

fn values(
    wire: &Wire,
    person: &Person,
    asking: &Asking<'_>,
    of: (&RealmParts, &Fonctions),
) -> Vec<String> {
    let (realm, fonctions) = of;
    let held: Vec<&Fonction> = person
        .posts
        .iter()
        .filter_map(|post| fonctions.find(&post.function))
        .collect();
    let affiliations = affiliations(person.realm, &held);
    let main = person.posts.first();
    let one = |text: &str| {
        if text.is_empty() {
            vec![]
        } else {
            vec![text.to_owned()]
        }
    };
    match *wire {
        attribute::UID => one(&person.login),
        attribute::SN => one(&person.surname),
        attribute::GIVEN_NAME => one(&person.given_name),
        attribute::DISPLAY_NAME => one(&shown_name(person)),
        attribute::MAIL => one(person.mail.as_deref().unwrap_or_default()),
        attribute::AFFILIATION => affiliations,
        attribute::SCOPED_AFFILIATION => affiliations
            .iter()
            .map(|word| format!("{word}@{}", realm.scope))
            .collect(),
        attribute::SUBJECT_ID => one(&format!("{}@{}", person.id, realm.scope)),
        attribute::PAIRWISE_ID => {
            let unique = pairwise(&realm.pairwise_salt, &person.id, asking.service);
            one(&format!("{unique}@{}", realm.scope))
        }
        attribute::TITLE => one(held.first().map_or("", |fonction| &fonction.title)),
        attribute::RNE => one(main.map_or("", |post| &post.uai)),
        attribute::CODACA if person.realm == Realm::Personnel => one(&realm.codaca),
        attribute::FREDU_FONCT_ADM => {
            let adm = held
                .iter()
                .map(|fonction| fonction.fredu_fonct_adm.as_str());
            one(adm.clone().find(|code| *code != "X").unwrap_or_default())
        }
        attribute::FREDU_RNE => places(person, fonctions),
        attribute::FREDU_RNE_RESP => headed(person, fonctions),
        attribute::FREDU_RES_DEL => delegations(person, asking.now),
        attribute::CTGRPS => person.groups.clone(),
        attribute::FONCTION => distinct(held.iter().map(|fonction| fonction.id.clone())),
        attribute::PROFIL => one(person.realm.as_str()),
        _ => Vec::new(),
    }
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

/// A lasting identifier of one person for one service, that no other service can link: HMAC in
/// base32, lower case (P10, IIP-IDP21; Subject Identifier Attributes 3.4).
pub fn pairwise(salt: &[u8; 32], person: &str, service: &EntityId) -> String {
    keyed(
        salt,
        &[b"pairwise", person.as_bytes(), service.as_str().as_bytes()],
    )
}

/// An identifier of one session for one service (SAML Core 8.3.8).
pub fn transient(secret: &str, service: &EntityId) -> String {
    keyed(
        secret.as_bytes(),
        &[b"transient", service.as_str().as_bytes()],
    )
}

fn keyed(key: &[u8], parts: &[&[u8]]) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return String::new();
    };
    for part in parts {
        mac.update(&u64::try_from(part.len()).unwrap_or_default().to_be_bytes());
        mac.update(part);
    }
    base32(&mac.finalize().into_bytes())
}

/// RFC 4648 base32, lower case, without padding: never two that differ by case only.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut buffer, mut bits) = (0u32, 0u32);
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            let at = usize::try_from((buffer >> bits) & 31).unwrap_or_default();
            text.push(char::from(ALPHABET.get(at).copied().unwrap_or(b'a')));
        }
        buffer &= (1 << bits) - 1;
    }
    if bits > 0 {
        let at = usize::try_from((buffer << (5 - bits)) & 31).unwrap_or_default();
        text.push(char::from(ALPHABET.get(at).copied().unwrap_or(b'a')));
    }
    text
}

#[cfg(test)]
mod tests;
