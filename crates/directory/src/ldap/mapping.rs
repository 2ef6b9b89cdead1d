//! An entry of a tree as an account.

use chrono::NaiveDate;
use ldap3::SearchEntry;

use super::tree::{Attributes, Entry, Tree};
use crate::identifiers::Uai;
use crate::sql::Seen;
use crate::{NewAccount, Person, Post, Realm};

/// How entries are read: whose they are, what their attributes and functions are called.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) realm: Realm,
    pub(crate) attributes: &'a Attributes,
    pub(crate) functions: &'a [(String, String)],
}

/// What the entry is, unless it lacks its login or what tells it apart for ever.
pub(super) fn read(tree: &Tree, entry: SearchEntry) -> Option<Entry> {
    let attributes = &tree.attributes;
    let id = bytes(&entry, &attributes.id).filter(|id| !id.is_empty())?;
    let names = Names {
        realm: tree.realm,
        attributes,
        functions: &tree.functions,
    };
    let seen = Seen {
        origin: origin(tree.realm, &id),
        account: account(names, &entry)?,
        has_posts: !attributes.uais.is_empty(),
        has_groups: !attributes.groups.is_empty(),
    };
    Some(Entry { dn: entry.dn, seen })
}

/// The account of an entry that has a login.
pub(crate) fn account(named: Names<'_>, entry: &SearchEntry) -> Option<NewAccount> {
    let attributes = named.attributes;
    let login = first(entry, &attributes.login)?.to_lowercase();
    let own = |name: &str| first(entry, name).unwrap_or_default();
    let posts = posts(named, entry);
    let person = Person {
        id: String::new(),
        realm: named.realm,
        login,
        title: own(&attributes.title),
        given_name: own(&attributes.given_name),
        surname: own(&attributes.surname),
        mail: first(entry, &attributes.mail),
        posts,
        delegations: Vec::new(),
        groups: all(entry, &attributes.groups),
        roles: Vec::new(),
        second_factor: "none".to_owned(),
    };
    Some(NewAccount {
        person,
        password: String::new(),
        numen: first(entry, &attributes.numen),
        birth_date: first(entry, &attributes.birth_date).and_then(|text| date(&text)),
        recovery: None,
    })
}

/// Which account it is: the same bytes are somebody else in another realm.
pub(super) fn origin(realm: Realm, id: &[u8]) -> String {
    let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}:{id}", realm.as_str())
}

/// The value of a filter that finds those bytes again (RFC 4515, 3).
pub(super) fn sought(origin: &str) -> Option<String> {
    let (_, digits) = origin.split_once(':')?;
    let pairs = digits.as_bytes().chunks(2);
    let pairs = pairs.map(|pair| std::str::from_utf8(pair).map(|pair| format!("\\{pair}")));
    pairs.collect::<Result<_, _>>().ok()
}

fn all(entry: &SearchEntry, name: &str) -> Vec<String> {
    let mut values = entry.attrs.iter();
    let found = values.find(|(own, _)| !name.is_empty() && own.eq_ignore_ascii_case(name));
    let values = found.map(|(_, values)| values.as_slice());
    let values = values.unwrap_or_default().iter();
    let values = values.map(|value| value.trim().to_owned());
    values.filter(|value| !value.is_empty()).collect()
}

pub(crate) fn first(entry: &SearchEntry, name: &str) -> Option<String> {
    all(entry, name).into_iter().next()
}

fn bytes(entry: &SearchEntry, name: &str) -> Option<Vec<u8>> {
    let text = first(entry, name).map(String::into_bytes);
    text.or_else(|| {
        let mut values = entry.bin_attrs.iter();
        let (_, values) = values.find(|(own, _)| own.eq_ignore_ascii_case(name))?;
        values.first().cloned()
    })
}

/// Where they work and as what: each place with the function of the same rank, or with the only one. A
/// place begins with its UAI (`0590121L$…` of the ministry's directory); a function is called as the
/// settings say. What is neither is left out.
fn posts(named: Names<'_>, entry: &SearchEntry) -> Vec<Post> {
    let functions = all(entry, &named.attributes.functions);
    let called = |code: &String| {
        let known = named.functions.iter().find(|(own, _)| own == code);
        known.map(|(_, id)| id.clone())
    };
    let places = all(entry, &named.attributes.uais).into_iter().enumerate();
    let posts = places.filter_map(|(rank, place)| {
        let mut parts = place.split('$').map(str::trim);
        let uai = Uai::parse(parts.next()?)?;
        let name = parts.rfind(|part| !part.is_empty());
        let code = functions.get(rank).or(functions.first());
        let function = match code.and_then(called) {
            Some(function) => function,
            None if named.realm == Realm::Personnel => return None,
            None => String::new(),
        };
        Some(Post {
            function,
            uai: uai.as_str().to_owned(),
            place: name.unwrap_or_else(|| uai.as_str()).to_owned(),
        })
    });
    posts.take(50).collect()
}

/// `19790412`, `19790412000000Z`, `12/04/1979`, `1979-04-12`.
fn date(text: &str) -> Option<NaiveDate> {
    let digits = |from: &str| from.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(day) = text.get(..8).filter(|day| digits(day)) {
        return NaiveDate::parse_from_str(day, "%Y%m%d").ok();
    }
    let form = if text.contains('/') {
        "%d/%m/%Y"
    } else {
        "%Y-%m-%d"
    };
    NaiveDate::parse_from_str(text, form).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_written_in_four_ways() {
        let born = NaiveDate::from_ymd_opt(1979, 4, 12);
        for text in ["19790412", "19790412000000Z", "12/04/1979", "1979-04-12"] {
            assert_eq!(date(text), born, "{text}");
        }
        for text in [
            "",
            "1979",
            "99999999",
            "31/02/1979",
            "é9790412",
            "12-04-1979",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn an_origin_is_found_again_by_its_bytes() {
        let origin = origin(Realm::Eleve, b"a*)\xff");
        assert_eq!(origin, "eleve:612a29ff");
        assert_eq!(sought(&origin).as_deref(), Some("\\61\\2a\\29\\ff"));
        assert_eq!(sought("none"), None);
    }
}
