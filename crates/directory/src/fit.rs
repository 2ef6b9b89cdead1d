//! What an account must be to be kept: the same rules for a file, the command line and a form.

use crate::hashing::LONGEST;
use crate::identifiers::{Numen, Uai};
use crate::rule::Rule;
use crate::{Delegation, NewAccount, Person, Post, Realm};

/// Characters of a name, a place or a group (a string of 256 characters is what every SAML product
/// takes: Kantara IIP-G02).
const TEXT: usize = 256;
/// Posts, delegations, groups: a session with all of them fits the shelf.
const MANY: usize = 50;
/// Roles inside Eduline itself.
const ROLES: [&str; 2] = ["operateur", "assistance"];

/// The account as it is kept: mail in lower case, UAIs in capitals, nothing around them.
pub(crate) fn tidy(account: &mut NewAccount) {
    let person = &mut account.person;
    person.mail = person
        .mail
        .as_deref()
        .map(|mail| mail.trim().to_lowercase())
        .filter(|mail| !mail.is_empty());
    tidy_posts(person);
    account.recovery = account
        .recovery
        .as_deref()
        .map(|mail| mail.trim().to_lowercase())
        .filter(|mail| !mail.is_empty());
    account.numen = account
        .numen
        .as_deref()
        .map(|numen| numen.trim().to_owned());
}

/// UAIs in capitals.
pub(crate) fn tidy_posts(person: &mut Person) {
    for post in &mut person.posts {
        if let Some(uai) = Uai::parse(&post.uai) {
            uai.as_str().clone_into(&mut post.uai);
        }
    }
}

/// What is wrong with the account, its password apart; every fault at once. What is secret is not
/// repeated.
pub(crate) fn faults(account: &NewAccount) -> Vec<Rule> {
    let person = &account.person;
    let mut faults = Vec::new();
    if !is_login(&person.login) {
        faults.push(Rule::Login);
    }
    names(person, &mut faults);
    if person.mail.as_deref().is_some_and(|mail| !is_mail(mail)) {
        faults.push(Rule::Mail);
    }
    if account
        .recovery
        .as_deref()
        .is_some_and(|mail| !is_mail(mail))
    {
        faults.push(Rule::Recovery);
    }
    person
        .delegations
        .iter()
        .for_each(|delegation| delegation_faults(delegation, &mut faults));
    placing(person, &mut faults);
    if !["none", "external", "always"].contains(&person.second_factor.as_str()) {
        faults.push(Rule::SecondFactor);
    }
    let numen = account.numen.as_deref();
    if numen.is_some_and(|numen| Numen::parse(numen).is_none()) {
        faults.push(Rule::Numen);
    }
    faults
}

/// What is wrong with where a person works and as what, and with their roles.
pub(crate) fn placed(person: &Person) -> Vec<Rule> {
    let mut faults = Vec::new();
    names(person, &mut faults);
    placing(person, &mut faults);
    faults
}

fn placing(person: &Person, faults: &mut Vec<Rule>) {
    let posts = person.posts.iter();
    posts.for_each(|post| post_faults(person.realm, post, faults));
    for role in &person.roles {
        if !ROLES.contains(&role.as_str()) {
            faults.push(Rule::Role(role.clone()));
        }
    }
}

/// What is wrong with a password, kept as typed, byte for byte.
pub(crate) fn password(password: &str) -> Option<String> {
    let fits = (1..=LONGEST).contains(&password.len());
    (!fits).then(|| format!("a password is 1 to {LONGEST} bytes"))
}

fn names(person: &Person, faults: &mut Vec<Rule>) {
    if person.given_name.is_empty() || person.surname.is_empty() {
        faults.push(Rule::Names);
    }
    let own = [&person.title, &person.given_name, &person.surname];
    let places = person.posts.iter().map(|post| &post.place);
    let all = own.into_iter().chain(places).chain(&person.groups);
    for text in all.filter(|text| !is_text(text)) {
        faults.push(Rule::Text(text.clone()));
    }
    let most = [
        person.posts.len(),
        person.delegations.len(),
        person.groups.len(),
    ];
    if most.into_iter().any(|many| many > MANY) {
        faults.push(Rule::Many);
    }
}

fn post_faults(realm: Realm, post: &Post, faults: &mut Vec<Rule>) {
    if Uai::parse(&post.uai).is_none() {
        faults.push(Rule::Uai(post.uai.clone()));
    }
    let staff = realm == Realm::Personnel;
    if (staff || !post.function.is_empty()) && !is_id(&post.function) {
        faults.push(Rule::Function(post.function.clone()));
    }
}

fn delegation_faults(delegation: &Delegation, faults: &mut Vec<Rule>) {
    if !is_id(&delegation.application) {
        faults.push(Rule::Application(delegation.application.clone()));
    }
    if delegation.until < delegation.from {
        faults.push(Rule::Backwards {
            from: delegation.from,
            until: delegation.until,
        });
    }
}

pub(crate) fn is_login(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._".contains(c);
    (1..=64).contains(&text.len()) && text.chars().all(fits)
}

fn is_id(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    (1..=64).contains(&text.len()) && text.chars().all(fits)
}

/// Enough to be told from a login, and to hold nothing that ends a header or an address.
pub(crate) fn is_mail(text: &str) -> bool {
    let fits = |c: char| !c.is_whitespace() && !c.is_control() && !"<>,;\"()".contains(c);
    text.len() <= 254
        && text.chars().all(fits)
        && text
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}

/// Text that XML can carry (XML 1.0 2.2) and a page can show on one line.
fn is_text(text: &str) -> bool {
    let seen = |c: char| {
        !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
    };
    text.chars().count() <= TEXT && text.chars().all(seen)
}
