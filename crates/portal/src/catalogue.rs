//! The catalogue: applications, their categories, and who they are for. Plain data that an
//! académie edits; every fault is told at once, with its line.

use std::collections::{BTreeMap, HashSet};

use saml::EntityId;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

mod notices;

pub use notices::{Maintenance, Message, Written};

/// The profiles an application may be for.
pub const PROFILES: [&str; 4] = ["personnel", "eleve", "parent", "partenaire"];

/// The applications of a portal. Whatever is in one holds: categories exist, groups are spelled
/// out, addresses lead somewhere.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// Categories, in the order of the menu.
    pub categories: Vec<Category>,
    /// Applications, in the order of the file.
    pub applications: Vec<Application>,
    /// Messages, in the order of the file.
    pub messages: Vec<Message>,
    /// Where access is asked for, when an application does not say: a path of ours, an https address
    /// or `mailto:`.
    pub demande: Option<String>,
    /// Whether only those who are signed in are shown what there is.
    pub reserve: bool,
}

/// A category of the menu.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Its id, in addresses.
    pub id: String,
    /// Its name, French.
    pub nom: String,
    /// Its name, English.
    pub nom_en: String,
}

/// An application.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a table of the file: each is a word an operator writes by itself"
)]
pub struct Application {
    /// Its id; delegations name it.
    pub id: String,
    /// Its name.
    pub nom: String,
    /// The category it is in.
    pub categorie: String,
    /// The heading inside the category, French.
    pub rubrique: String,
    /// The same in English.
    pub rubrique_en: String,
    /// What it is for, French.
    pub description: String,
    /// The same in English.
    pub description_en: String,
    /// The profiles that may see it.
    pub profils: Vec<String>,
    /// The functions of staff that may see it, groups spelled out; `*` for everybody.
    pub fonctions: Vec<String>,
    /// The groups of the académie's directory (`ctgrps`) that open it, besides one that is called as
    /// the application.
    #[serde(default)]
    pub ctgrps: Vec<String>,
    /// Whether a delegation opens it.
    pub delegable: bool,
    /// When a second factor is asked.
    pub otp: SecondFactor,
    /// Where it is; `{provider}` stands for the identity provider the visitor came from, so that a
    /// service asks it at once and nobody has to choose twice.
    pub url: String,
    /// Whether it can be opened already; what comes later is shown, and is no link.
    #[serde(default)]
    pub bientot: bool,
    /// Whether it is left out of every list; its address, and the right to it, are as for any other.
    #[serde(default)]
    pub cachee: bool,
    /// When it is not to be used.
    pub maintenance: Option<Maintenance>,
    /// Where access to it is asked for, as for the whole catalogue.
    pub demande: Option<String>,
    /// The entityID of the service it is, when its rule is to hold there too.
    pub sp: Option<String>,
    /// Whether it knows no SAML and stands behind the gate, on a host of its own.
    #[serde(default)]
    pub porte: bool,
}

/// What stands for the identity provider in an application's address.
pub const PROVIDER: &str = "{provider}";

/// When an application asks for a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecondFactor {
    /// Never.
    None,
    /// Outside the administrative network.
    External,
    /// Always.
    Always,
}

/// What is wrong with a catalogue, and on which line (from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line.
    pub line: usize,
    /// What is wrong, in English.
    pub what: String,
}

impl Catalogue {
    /// Reads the text of the file. `is_function` knows the ids of functions.
    pub fn parse(text: &str, is_function: &dyn Fn(&str) -> bool) -> Result<Self, Vec<Fault>> {
        let mut reading = Reading {
            text,
            is_function,
            groups: BTreeMap::new(),
            faults: Vec::new(),
        };
        let catalogue = reading.read();
        reading.faults.sort_by_key(|fault| fault.line);
        if reading.faults.is_empty() {
            Ok(catalogue)
        } else {
            Err(reading.faults)
        }
    }

    /// The application of that id.
    pub fn application(&self, id: &str) -> Option<&Application> {
        self.applications.iter().find(|one| one.id == id)
    }

    /// The applications whose rule guards that service.
    pub fn guarding<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Application> {
        let all = self.applications.iter();
        all.filter(move |one| one.sp.as_deref() == Some(service))
    }

    /// The category of that id.
    pub fn category(&self, id: &str) -> Option<&Category> {
        self.categories.iter().find(|category| category.id == id)
    }
}

/// A catalogue being read.
struct Reading<'t> {
    text: &'t str,
    is_function: &'t dyn Fn(&str) -> bool,
    groups: BTreeMap<String, Vec<String>>,
    faults: Vec<Fault>,
}

impl Reading<'_> {
    fn read(&mut self) -> Catalogue {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            self.fault(at, error.message());
        }
        let mut categories = Vec::new();
        let mut applications = Vec::new();
        let mut messages = Vec::new();
        let mut demande = None;
        let mut reserve = false;
        for (key, value) in document.into_inner() {
            let at = key.span().start;
            match key.get_ref().as_ref() {
                "categorie" => categories = self.tables::<Category>(value),
                "application" => applications = self.tables::<Application>(value),
                "message" => messages = self.tables::<Message>(value),
                "groupes" => self.read_groups(at, value),
                "demande" => demande = self.one::<String>(at, value),
                "reserve" => reserve = self.one(at, value).unwrap_or_default(),
                unknown => self.fault(at, &format!("unknown key {unknown}")),
            }
        }
        self.check_ids(categories.iter().map(|(at, one)| (*at, one.id.as_str())));
        self.check_ids(applications.iter().map(|(at, one)| (*at, one.id.as_str())));
        self.check_ids(messages.iter().map(|(at, one)| (*at, one.id.as_str())));
        if let Some(place) = &demande {
            self.check_demand(0, "the catalogue", place);
        }
        let known: HashSet<String> = categories.iter().map(|(_, one)| one.id.clone()).collect();
        let applications = applications
            .into_iter()
            .map(|(at, application)| self.checked(at, application, &known))
            .collect();
        Catalogue {
            categories: categories.into_iter().map(|(_, one)| one).collect(),
            applications,
            messages: messages
                .into_iter()
                .map(|(at, message)| self.checked_message(at, message))
                .collect(),
            demande,
            reserve,
        }
    }

    /// Every table of a list, with where it starts; a table that does not fit is a fault, and the
    /// others are read all the same.
    fn tables<T: DeserializeOwned>(&mut self, value: Spanned<DeValue<'_>>) -> Vec<(usize, T)> {
        let at = value.span().start;
        let DeValue::Array(values) = value.into_inner() else {
            self.fault(at, "expected a list of tables ([[…]])");
            return Vec::new();
        };
        let mut tables = Vec::new();
        for value in values {
            let at = value.span().start;
            match T::deserialize(ValueDeserializer::from(value)) {
                Ok(table) => tables.push((at, table)),
                Err(error) => {
                    let place = error.span().map_or(at, |span| span.start);
                    self.fault(place, error.message());
                }
            }
        }
        tables
    }

    fn one<T: DeserializeOwned>(&mut self, at: usize, value: Spanned<DeValue<'_>>) -> Option<T> {
        let read = T::deserialize(ValueDeserializer::from(value));
        read.map_err(|error| self.fault(at, error.message())).ok()
    }

    fn check_demand(&mut self, at: usize, id: &str, place: &str) {
        if !leads_somewhere(place) && !is_mail(place) {
            let what = "is neither a path of ours, an https address nor mailto:";
            self.fault(at, &format!("{id}: demande = {place:?} {what}"));
        }
    }

    fn read_groups(&mut self, at: usize, value: Spanned<DeValue<'_>>) {
        match BTreeMap::<String, Vec<String>>::deserialize(ValueDeserializer::from(value)) {
            Err(error) => {
                let place = error.span().map_or(at, |span| span.start);
                self.fault(place, error.message());
            }
            Ok(groups) => {
                for function in groups.values().flatten() {
                    if function != "*" && !(self.is_function)(function) {
                        self.fault(at, &format!("groupes: no function is called {function:?}"));
                    }
                }
                self.groups = groups;
            }
        }
    }

    fn check_ids<'i>(&mut self, ids: impl Iterator<Item = (usize, &'i str)>) {
        let mut seen = HashSet::new();
        for (at, id) in ids {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if id.is_empty() || !id.chars().all(plain) {
                self.fault(
                    at,
                    &format!("{id:?}: an id is lower-case letters, digits and dashes"),
                );
            }
            if !seen.insert(id) {
                self.fault(at, &format!("{id:?} stands twice"));
            }
        }
    }

    /// Checks what an application names, and spells its groups out.
    fn checked(
        &mut self,
        at: usize,
        mut application: Application,
        categories: &HashSet<String>,
    ) -> Application {
        let id = application.id.clone();
        if !categories.contains(&application.categorie) {
            let category = &application.categorie;
            self.fault(at, &format!("{id}: no category is called {category:?}"));
        }
        self.check_profiles((at, &id), &application.profils);
        if let Some(maintenance) = &application.maintenance
            && maintenance
                .debut
                .is_some_and(|from| from >= maintenance.fin)
        {
            self.fault(at, &format!("{id}: the maintenance ends before it begins"));
        }
        if !leads_somewhere(&application.url) {
            let url = &application.url;
            self.fault(
                at,
                &format!("{id}: {url:?} is neither a path of ours nor an https address"),
            );
        }
        if let Some(place) = &application.demande {
            self.check_demand(at, &id, place);
        }
        if let Some(service) = &application.sp
            && let Err(why) = EntityId::parse(service)
        {
            self.fault(at, &format!("{id}: sp = {service:?}: {why}"));
        }
        self.check_gate(at, &application);
        let named = std::mem::take(&mut application.fonctions);
        application.fonctions = self.spelled_out((at, &id), named);
        application
    }

    /// Behind the gate, cookies are of the application's host, and the rule is held here alone.
    fn check_gate(&mut self, at: usize, application: &Application) {
        if !application.porte {
            return;
        }
        let id = &application.id;
        if !application.url.starts_with("https://") || application.url.contains(PROVIDER) {
            let what =
                "an application behind the gate (porte) has an https address of its own host";
            self.fault(at, &format!("{id}: {what}, without {PROVIDER}"));
        }
        if application.otp == SecondFactor::External {
            let what = "the gate cannot tell where a visitor is: otp is \"none\" or \"always\"";
            self.fault(at, &format!("{id}: {what}"));
        }
        if application.sp.is_some() {
            let what =
                "it is a service of the federation (sp) or behind the gate (porte), not both";
            self.fault(at, &format!("{id}: {what}"));
        }
    }

    /// Checks what a message names.
    fn checked_message(&mut self, at: usize, mut message: Message) -> Message {
        let id = message.id.clone();
        self.check_profiles((at, &id), &message.profils);
        if message.debut >= message.fin {
            self.fault(at, &format!("{id}: the message ends before it begins"));
        }
        let named = std::mem::take(&mut message.fonctions);
        message.fonctions = self.spelled_out((at, &id), named);
        message
    }

    fn check_profiles(&mut self, (at, id): (usize, &str), profiles: &[String]) {
        for profile in profiles {
            if !PROFILES.contains(&profile.as_str()) {
                self.fault(at, &format!("{id}: no profile is called {profile:?}"));
            }
        }
    }

    /// Functions, with the members of groups in place of the groups.
    fn spelled_out(&mut self, (at, id): (usize, &str), named: Vec<String>) -> Vec<String> {
        let mut functions = Vec::new();
        for name in named {
            if let Some(group) = name.strip_prefix('@') {
                match self.groups.get(group) {
                    Some(members) => functions.extend(members.iter().cloned()),
                    None => self.fault(at, &format!("{id}: no group is called {name:?}")),
                }
            } else if name == "*" || (self.is_function)(&name) {
                functions.push(name);
            } else {
                self.fault(at, &format!("{id}: no function is called {name:?}"));
            }
        }
        functions
    }

    fn fault(&mut self, at: usize, what: &str) {
        let before = self.text.as_bytes().iter().take(at);
        self.faults.push(Fault {
            line: before.filter(|byte| **byte == b'\n').count() + 1,
            what: what.to_owned(),
        });
    }
}

/// A path under this origin, or an https address with a host; nothing a browser would run.
fn leads_somewhere(url: &str) -> bool {
    let printable = url
        .replace(PROVIDER, "")
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'{' | b'}'));
    let path = url.starts_with('/') && !url.starts_with("//");
    let address = url
        .strip_prefix("https://")
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    let before_query = url.split('?').next().unwrap_or_default();
    printable && (path || address) && !before_query.contains(PROVIDER)
}

/// `mailto:` and one plain address.
fn is_mail(url: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@.-_+".contains(&byte);
    url.strip_prefix("mailto:")
        .is_some_and(|address| address.contains('@') && address.bytes().all(plain))
}

#[cfg(test)]
mod tests;
