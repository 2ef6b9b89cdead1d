//! What the ministry's files say of people and schools (AAF), laid over what is known of them.
//!
//! Its annexes are not public: attributes are those that its files hold and that public readers of
//! them use.

use std::collections::HashMap;

use chrono::NaiveDate;

use crate::fonctions::Fonctions;
use crate::identifiers::Uai;
use crate::rule::Rule;
use crate::{NewAccount, Person, Post, Realm, fold};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// They are as it says (`addRequest`).
    Add,
    /// They are otherwise than before as it says (`modifyRequest`).
    Modify,
    /// They are no more (`deleteRequest`).
    Delete,
}

/// Of whom it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Somebody of a realm.
    Person(Realm),
    /// A school.
    School,
}

/// What is said of somebody.
#[derive(Clone)]
pub struct Entry {
    /// What is to be done.
    pub act: Act,
    /// Of whom.
    pub of: Of,
    /// What the ministry calls them, in its realm, for ever.
    pub key: String,
    pub(super) values: Vec<(String, Vec<String>)>,
}

/// A school.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct School {
    /// Its UAI.
    pub uai: String,
    /// What it is called.
    pub name: String,
    /// What it is (`ECOLE ELEMENTAIRE`, `COLLEGE`…).
    pub kind: String,
}

/// What laying an entry over an account needs to know.
pub(crate) struct Known<'a> {
    pub(crate) schools: &'a HashMap<String, School>,
    pub(crate) fonctions: &'a Fonctions,
}

impl Entry {
    /// The values of an attribute that it speaks of; empty ones are none.
    fn all(&self, name: &str) -> Option<Vec<&str>> {
        let found = self.values.iter().find(|(own, _)| own == name)?;
        let values = found.1.iter().map(|value| value.trim());
        Some(values.filter(|value| !value.is_empty()).collect())
    }

    fn first(&self, name: &str) -> Option<&str> {
        Some(self.all(name)?.first().copied().unwrap_or_default())
    }

    /// The class a pupil is in, as their school calls it.
    pub fn class(&self) -> Option<String> {
        let class = self.first("ENTEleveClasses")?;
        class.rsplit('$').next().map(str::to_owned)
    }

    /// The school, as it is from now on.
    pub(crate) fn school(&self, before: Option<&School>) -> Result<School, Rule> {
        let mut school = before.cloned().unwrap_or_default();
        let uai = self
            .first("ENTStructureUAI")
            .or_else(|| self.first("ENTEtablissementUAI"));
        if let Some(text) = uai {
            let uai = Uai::parse(text).ok_or_else(|| Rule::Uai(text.to_owned()))?;
            uai.as_str().clone_into(&mut school.uai);
        }
        if let Some(name) = self.first("ENTStructureNomCourant") {
            name.clone_into(&mut school.name);
        }
        if let Some(kind) = self.first("ENTStructureTypeStruct") {
            kind.clone_into(&mut school.kind);
        }
        if school.uai.is_empty() {
            return Err(Rule::Lacks("ENTStructureUAI"));
        }
        if school.name.is_empty() {
            school.uai.clone_into(&mut school.name);
        }
        Ok(school)
    }

    /// Puts what it says over the account; what it does not speak of stays.
    pub(crate) fn lay_over(&self, account: &mut NewAccount, known: &Known<'_>) -> Vec<Rule> {
        let mut faults = Vec::new();
        let person = &mut account.person;
        if let Some(name) = self.first("sn") {
            name.clone_into(&mut person.surname);
        }
        if let Some(name) = self.first("givenName") {
            name.clone_into(&mut person.given_name);
        }
        if let Some(title) = self.first("personalTitle") {
            civility(title).clone_into(&mut person.title);
        }
        if let Some(text) = self
            .first("ENTPersonDateNaissance")
            .filter(|t| !t.is_empty())
        {
            match NaiveDate::parse_from_str(text, "%d/%m/%Y") {
                Ok(date) => account.birth_date = Some(date),
                Err(_) => faults.push(Rule::Date(text.to_owned(), "DD/MM/YYYY")),
            }
        }
        if let Some(mail) = self.first("mail") {
            let mail = Some(mail.to_owned()).filter(|mail| !mail.is_empty());
            match person.realm {
                Realm::Personnel => person.mail = mail,
                // Several parents may share one; it is where they are reached. A pupil's is not kept.
                Realm::Parent => account.recovery = mail,
                Realm::Eleve | Realm::Partenaire => {}
            }
        }
        faults.extend(self.place(person, known));
        faults
    }

    /// Where they are, and as what.
    fn place(&self, person: &mut Person, known: &Known<'_>) -> Vec<Rule> {
        let mut faults = Vec::new();
        let main = self.first("ENTPersonStructRattach");
        let functions = self.all("ENTPersonFonctions");
        let held: Vec<(&str, &str)> = if person.realm == Realm::Personnel {
            let Some(functions) = functions else {
                return faults;
            };
            let held = functions.iter().map(|text| {
                let mut parts = text.split('$');
                let mut part = || parts.next().unwrap_or_default();
                (part(), part())
            });
            held.collect()
        } else {
            let Some(main) = main else { return faults };
            vec![(main, "")]
        };
        let mut posts: Vec<(bool, Post)> = Vec::new();
        for (key, code) in held.into_iter().filter(|(key, _)| !key.is_empty()) {
            let Some(school) = known.schools.get(key) else {
                faults.push(Rule::Structure(key.to_owned()));
                continue;
            };
            let post = Post {
                function: function(code, school, known.fonctions),
                uai: school.uai.clone(),
                place: school.name.clone(),
            };
            let is_there = posts.iter().any(|(_, other)| *other == post);
            if !is_there {
                posts.push((main == Some(key), post));
            }
        }
        posts.sort_by_key(|(is_main, _)| !*is_main);
        person.posts = posts.into_iter().map(|(_, post)| post).collect();
        faults
    }
}

/// A function by the ministry's code: of a primary school where the school is one. A code that our
/// table does not have stays what it is, and opens nothing.
fn function(code: &str, school: &School, fonctions: &Fonctions) -> String {
    if code.is_empty() {
        return String::new();
    }
    let degree = if school.kind.to_uppercase().starts_with("ECOLE") {
        1
    } else {
        2
    };
    let found = fonctions
        .titled(code)
        .min_by_key(|found| match found.degre {
            own if own == degree => 0,
            0 => 1,
            _ => 2,
        });
    found.map_or_else(|| code.to_owned(), |found| found.id.clone())
}

fn civility(title: &str) -> &'static str {
    match title.to_lowercase().trim_end_matches('.') {
        "m" => "M.",
        "mme" | "mlle" | "f" => "Mme",
        _ => "",
    }
}

/// What a login begins with: `jeanne.bernard`, without accents; the number comes where it is taken.
pub(crate) fn stem(person: &Person) -> String {
    let part = |name: &str| {
        let mut part = String::new();
        for letter in name.chars().flat_map(char::to_lowercase) {
            if letter.is_ascii_lowercase() || letter.is_ascii_digit() {
                part.push(letter);
            } else if let Some(plain) = fold::plain(letter) {
                part.push_str(plain);
            } else if !part.is_empty() && !part.ends_with('-') {
                part.push('-');
            }
        }
        let part = part.trim_end_matches('-');
        part.get(..28).unwrap_or(part).to_owned()
    };
    let parts = [part(&person.given_name), part(&person.surname)];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        "compte".to_owned()
    } else {
        parts.join(".")
    }
}
