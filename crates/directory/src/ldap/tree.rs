//! One tree: how it is reached, and what is asked of it. Everything ends within its time.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use ldap3::exop::PasswordModify;
use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Mod, ResultEntry, Scope,
    SearchEntry, SearchOptions, ldap_escape,
};
use native_tls::{Certificate, TlsConnector};
use tokio::sync::{Mutex, Semaphore};
use zeroize::Zeroizing;

use super::{mapping, ppolicy};
use crate::sql::Seen;
use crate::{Due, Fault, Realm};

/// A tree of accounts.
#[derive(Clone)]
pub struct Tree {
    /// What it is called in what is said of it.
    pub name: String,
    /// Whose accounts it keeps.
    pub realm: Realm,
    /// `ldaps://host:636`, or `ldap://host:389`.
    pub url: String,
    /// Whether a connection begun in clear turns to TLS before anything is said (RFC 4511, 4.14).
    pub starttls: bool,
    /// The authorities its certificate may come from, PEM; the system's, when there is none.
    pub authorities: Option<PathBuf>,
    /// As whom it is searched, and passwords are set; nobody, when there is none.
    pub service: Option<Service>,
    /// Where accounts are looked for.
    pub base: String,
    /// What finds an account: `{login}` stands for what was typed, escaped.
    pub filter: String,
    /// What the attributes are called.
    pub attributes: Attributes,
    /// Its codes of functions, each with the id of ours.
    pub functions: Vec<(String, String)>,
    /// How long one question may take, connecting included.
    pub timeout: Duration,
    /// Passwords that are looked at at once.
    pub at_once: usize,
}

/// A name and its password. Nothing of it prints.
#[derive(Clone)]
pub struct Service {
    /// Its distinguished name.
    pub dn: String,
    /// Its password.
    pub password: Zeroizing<String>,
}

/// What attributes are called; an empty name: none has it.
#[derive(Debug, Clone)]
pub struct Attributes {
    /// What tells an account apart for ever (`entryUUID`, `objectGUID`).
    pub id: String,
    /// Login.
    pub login: String,
    /// Given name.
    pub given_name: String,
    /// Usual name.
    pub surname: String,
    /// Civilité.
    pub title: String,
    /// Professional mail.
    pub mail: String,
    /// Groups.
    pub groups: String,
    /// Places, each beginning with its UAI.
    pub uais: String,
    /// Functions.
    pub functions: String,
    /// NUMEN.
    pub numen: String,
    /// Birth date.
    pub birth_date: String,
}

impl Tree {
    /// Whether that is a filter, with a login in the place of `{login}`.
    pub fn is_filter(text: &str) -> bool {
        ldap3::parse_filter(text.replace("{login}", "login")).is_ok()
    }
}

/// What an académie's tree usually calls them (its names are published nowhere as a schema).
impl Default for Attributes {
    fn default() -> Self {
        let named = str::to_owned;
        Self {
            id: named("entryUUID"),
            login: named("uid"),
            given_name: named("givenName"),
            surname: named("sn"),
            title: named("codecivilite"),
            mail: named("mail"),
            groups: named("ctgrps"),
            uais: named("FrEduRne"),
            functions: named("title"),
            numen: named("numen"),
            birth_date: named("datenaissance"),
        }
    }
}

impl Attributes {
    fn asked(&self) -> Vec<String> {
        let names = [
            &self.id,
            &self.login,
            &self.given_name,
            &self.surname,
            &self.title,
            &self.mail,
            &self.groups,
            &self.uais,
            &self.functions,
            &self.numen,
            &self.birth_date,
        ];
        let names = names.into_iter().filter(|name| !name.is_empty());
        names.cloned().collect()
    }
}

/// An account of a tree.
pub(super) struct Entry {
    pub(super) dn: String,
    pub(super) seen: Seen,
}

/// What a password comes to there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Right,
    Due(Due),
    Wrong,
    Locked,
}

/// A tree, with the connection that searches it.
pub(super) struct Link {
    tree: Tree,
    connector: TlsConnector,
    searching: Mutex<Option<Ldap>>,
    places: Semaphore,
}

impl Link {
    pub(super) fn of(tree: Tree) -> Result<Self, Fault> {
        let connector = connector(&tree).map_err(|why| told(&tree, &why))?;
        Ok(Self {
            connector,
            searching: Mutex::new(None),
            places: Semaphore::new(tree.at_once.max(1)),
            tree,
        })
    }

    pub(super) fn realm(&self) -> Realm {
        self.tree.realm
    }

    /// The account that has this login or mail.
    pub(super) async fn by_login(&self, login: &str) -> Result<Option<Entry>, Fault> {
        let filter = self.tree.filter.replace("{login}", &ldap_escape(login));
        self.search(&filter).await
    }

    /// The account that was seen before.
    pub(super) async fn by_origin(&self, origin: &str) -> Result<Option<Entry>, Fault> {
        let Some(value) = mapping::sought(origin) else {
            return Ok(None);
        };
        let filter = format!("({}={value})", self.tree.attributes.id);
        self.search(&filter).await
    }

    /// Whether it answers.
    pub(super) async fn ready(&self) -> Result<(), Fault> {
        self.ask(|ldap| look(ldap, self.tree.base.clone())).await
    }

    /// Whether it is this entry's password, and what is said of it. A connection of its own, so that
    /// what it may do is nobody else's.
    pub(super) async fn bind(&self, dn: &str, password: &str) -> Result<Bound, Fault> {
        let tried = async {
            let place = self.places.acquire().await;
            let mut ldap = self.connect().await?;
            ldap.with_controls(ppolicy::asked());
            let answer = ldap.simple_bind(dn, password).await?;
            ldap.unbind().await.ok();
            drop(place);
            Ok::<_, LdapError>(answer)
        };
        let answer = self.within(tried).await?;
        let said = ppolicy::said(&answer.ctrls);
        let bound = match (answer.rc, said.error) {
            (0, Some(ppolicy::Wrong::MustChange)) => Bound::Due(Due::Reset),
            (0, _) => said
                .grace
                .map_or(Bound::Right, |left| Bound::Due(Due::Grace(left))),
            // The password was right: only then does a server say so.
            (49, Some(ppolicy::Wrong::Expired)) => Bound::Due(Due::Expired),
            (49, Some(ppolicy::Wrong::Locked)) => Bound::Locked,
            // Wrong, gone meanwhile, or an entry that has no password.
            (19 | 32 | 48 | 49 | 53, _) => Bound::Wrong,
            (rc, _) => return Err(told(&self.tree, &format!("bind: result {rc}"))),
        };
        Ok(bound)
    }

    /// Sets a password (RFC 3062); why not, when it is refused.
    pub(super) async fn set(&self, dn: &str, password: &str) -> Result<Option<String>, Fault> {
        let password = Zeroizing::new(password.to_owned());
        let asked = |ldap| set(ldap, dn.to_owned(), password.clone());
        let answer = self.ask(asked).await?;
        match (answer.rc, ppolicy::said(&answer.ctrls).error) {
            (0, _) => Ok(None),
            (_, Some(ppolicy::Wrong::New(reason))) => Ok(Some(reason.to_owned())),
            (19, _) => Ok(Some("it does not fit its policy".to_owned())),
            (rc, _) => Err(told(
                &self.tree,
                &format!("a password is not set: result {rc}"),
            )),
        }
    }

    async fn search(&self, filter: &str) -> Result<Option<Entry>, Fault> {
        let names = self.tree.attributes.asked();
        let base = &self.tree.base;
        let asked = |ldap| find(ldap, (base.clone(), filter.to_owned()), names.clone());
        let entries = self.ask(asked).await?;
        let mut entries = entries.into_iter().map(SearchEntry::construct);
        match (entries.next(), entries.next()) {
            (Some(entry), None) => Ok(mapping::read(&self.tree, entry)),
            (Some(_), Some(_)) => Err(told(&self.tree, &"several entries have one login")),
            (None, _) => Ok(None),
        }
    }

    /// Asks on the connection that searches, once more where it had died meanwhile.
    async fn ask<T, F>(&self, question: impl Fn(Ldap) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, LdapError>>,
    {
        let asked = async {
            match question(self.searching().await?).await {
                Err(LdapError::LdapResult { result }) => Err(result.into()),
                Err(_) => {
                    self.searching.lock().await.take();
                    question(self.searching().await?).await
                }
                answer => answer,
            }
        };
        let answer = self.within(asked).await;
        if answer.is_err() {
            self.searching.lock().await.take();
        }
        answer
    }

    async fn searching(&self) -> Result<Ldap, LdapError> {
        let mut searching = self.searching.lock().await;
        if let Some(open) = searching.as_mut()
            && !open.is_closed()
        {
            return Ok(open.clone());
        }
        let mut ldap = self.connect().await?;
        if let Some(service) = &self.tree.service {
            let bound = ldap.simple_bind(&service.dn, &service.password).await?;
            bound.success()?;
        }
        *searching = Some(ldap.clone());
        Ok(ldap)
    }

    async fn connect(&self) -> Result<Ldap, LdapError> {
        let settings = LdapConnSettings::new()
            .set_conn_timeout(self.tree.timeout)
            .set_connector(self.connector.clone())
            .set_starttls(self.tree.starttls);
        let (connection, ldap) = LdapConnAsync::with_settings(settings, &self.tree.url).await?;
        tokio::spawn(async move { connection.drive().await.ok() });
        Ok(ldap)
    }

    async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, LdapError>>,
    ) -> Result<T, Fault> {
        match tokio::time::timeout(self.tree.timeout, work).await {
            Err(_) => Err(told(&self.tree, &"no answer in time")),
            Ok(done) => done.map_err(|why| told(&self.tree, &why)),
        }
    }
}

/// Looks at the base.
async fn look(mut ldap: Ldap, base: String) -> Result<(), LdapError> {
    let names = vec!["1.1".to_owned()];
    let found = ldap.search(&base, Scope::Base, "(objectClass=*)", names);
    found.await?.success().map(drop)
}

/// Two entries at most: of two, neither counts.
async fn find(
    mut ldap: Ldap,
    (base, filter): (String, String),
    names: Vec<String>,
) -> Result<Vec<ResultEntry>, LdapError> {
    ldap.with_search_options(SearchOptions::new().sizelimit(2));
    let found = ldap.search(&base, Scope::Subtree, &filter, names);
    found.await?.success().map(|(entries, _)| entries)
}

async fn set(
    mut ldap: Ldap,
    dn: String,
    password: Zeroizing<String>,
) -> Result<LdapResult, LdapError> {
    ldap.with_controls(ppolicy::asked());
    let set = ldap.extended(PasswordModify {
        user_id: Some(&dn),
        old_pass: None,
        new_pass: Some(&password),
    });
    let answer = set.await?.1;
    if answer.rc == 0 {
        // Its person chose it: nothing is left to be changed. Servers without the attribute say no.
        let undo = vec![Mod::Delete("pwdReset", HashSet::new())];
        ldap.modify(&dn, undo).await.ok();
    }
    Ok(answer)
}

fn told(tree: &Tree, why: &dyn std::fmt::Display) -> Fault {
    Fault::Away(format!("LDAP {}: {why}", tree.name))
}

/// TLS as the tree wants it: of authorities that are named, only those count.
fn connector(tree: &Tree) -> Result<TlsConnector, String> {
    let mut builder = TlsConnector::builder();
    if let Some(file) = &tree.authorities {
        let at = |why: &dyn std::fmt::Display| format!("{}: {why}", file.display());
        let text = std::fs::read_to_string(file).map_err(|why| at(&why))?;
        builder.disable_built_in_roots(true);
        for one in text.split_inclusive("-----END CERTIFICATE-----") {
            if one.contains("-----BEGIN CERTIFICATE-----") {
                let one = Certificate::from_pem(one.trim().as_bytes()).map_err(|why| at(&why))?;
                builder.add_root_certificate(one);
            }
        }
    }
    builder.build().map_err(|why| why.to_string())
}
