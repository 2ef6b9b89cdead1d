//! Who took part in a session: every service that was given an answer, and the name it was told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use saml::logout::LogoutRequest;
use saml::response::NameId;
use saml::{EntityId, NameIdFormat};
use serde::{Deserialize, Serialize};
use store::{Away, Drawer, Several, Shelf};
use web::session::digest;

/// Longer than any session lasts: a service may ask for its end up to the last moment.
const KEPT: Duration = Duration::from_secs(10 * 3600);
/// Services of one session that are remembered, and sessions in which one service knows a person by
/// one name.
const SERVICES: u32 = 64;
const SESSIONS: u32 = 16;
/// Sessions of one person whose services are told when all of them end.
const OF_ONE: u32 = 32;
/// Our own `SessionIndex` has 23 characters; a longer one is not ours.
const LONGEST_INDEX: usize = 64;

/// A service that was told of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Participant {
    /// The service.
    pub(crate) service: EntityId,
    /// What it calls the person; without a name nobody can be logged out there.
    pub(crate) name_id: Option<NameId>,
}

/// A session of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Opened {
    index: String,
    at: DateTime<Utc>,
}

/// The participants of a realm's sessions, by `SessionIndex`.
pub(crate) struct Participants {
    realm: &'static str,
    sessions: Drawer<String>,
    took_part: Several<Participant>,
    named: Several<String>,
    of_person: Several<Opened>,
    ended: Drawer<()>,
}

impl Participants {
    pub(crate) fn new(shelf: &Arc<dyn Shelf>, realm: &'static str) -> Self {
        let shelf = || Arc::clone(shelf);
        Self {
            realm,
            sessions: Drawer::new(shelf(), "idp.session-index"),
            took_part: Several::new(shelf(), "idp.participant", SERVICES),
            named: Several::new(shelf(), "idp.participant-name", SESSIONS),
            of_person: Several::new(shelf(), "idp.person-session", OF_ONE),
            ended: Drawer::new(shelf(), "idp.session-ended"),
        }
    }

    /// Remembers under which key the session of this index is kept: who asks for its end by SOAP or
    /// from another site brings no cookie.
    pub(crate) async fn opened(&self, index: &str, key: &str) -> Result<(), Away> {
        let key = key.to_owned();
        self.sessions.put(&self.key(index), &key, KEPT).await
    }

    /// The key of the session of this index.
    pub(crate) async fn session(&self, index: &str) -> Result<Option<String>, Away> {
        self.sessions.get(&self.key(index)).await
    }

    /// Remembers whose session this index is, and when they proved who they are.
    pub(crate) async fn belongs(
        &self,
        person: &str,
        index: &str,
        at: DateTime<Utc>,
    ) -> Result<(), Away> {
        let opened = Opened {
            index: index.to_owned(),
            at,
        };
        // Of somebody with more sessions than that, those without a place end all the same; their
        // services learn it from the next request.
        let key = self.key(person);
        self.of_person.add(&key, &opened, KEPT).await.map(drop)
    }

    /// The sessions of a person by index, and when they last proved who they are in each.
    pub(crate) async fn of_person(
        &self,
        person: &str,
    ) -> Result<Vec<(String, DateTime<Utc>)>, Away> {
        let mut latest: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
        for opened in self.of_person.all(&self.key(person)).await? {
            let at = latest.entry(opened.index).or_insert(opened.at);
            *at = opened.at.max(*at);
        }
        Ok(latest.into_iter().collect())
    }

    /// Remembers that a service is told of the person; `false`: the session was ended meanwhile, and
    /// nobody may be told any more. Written first and looked up after, as ending marks first and
    /// reads after: of an answer and a logout at once, the logout hears of the answer or the answer
    /// of the logout.
    pub(crate) async fn join(&self, index: &str, joins: &Participant) -> Result<bool, Away> {
        let key = self.key(index);
        self.took_part.add(&key, joins, KEPT).await?;
        if let Some(name_id) = &joins.name_id {
            let name = self.name(&joins.service, name_id);
            self.named.add(&name, &index.to_owned(), KEPT).await?;
        }
        Ok(self.ended.get(&key).await?.is_none())
    }

    /// The services that were told of a session, each once.
    pub(crate) async fn told(&self, index: &str) -> Result<Vec<EntityId>, Away> {
        let mut services: Vec<EntityId> = Vec::new();
        for one in self.took_part.all(&self.key(index)).await? {
            if !services.contains(&one.service) {
                services.push(one.service);
            }
        }
        Ok(services)
    }

    /// Marks a session as ended and says who took part in it.
    pub(crate) async fn end(&self, index: &str) -> Result<Vec<Participant>, Away> {
        let key = self.key(index);
        self.ended.put(&key, &(), KEPT).await?;
        self.took_part.all(&key).await
    }

    /// The sessions a logout request means: those in which its sender was told this very name, and
    /// no others, whatever index it names (SAML Core 3.7.3.2).
    pub(crate) async fn meant(&self, request: &LogoutRequest) -> Result<Vec<String>, Away> {
        let (service, name_id) = (&request.issuer, &request.name_id);
        let mut indexes = if request.session_indexes.is_empty() {
            self.named.all(&self.name(service, name_id)).await?
        } else {
            request.session_indexes.clone()
        };
        indexes.sort();
        indexes.dedup();
        let mut meant = Vec::new();
        for index in indexes {
            if index.len() > LONGEST_INDEX {
                continue;
            }
            let took_part = self.took_part.all(&self.key(&index)).await?;
            let is_sender = |one: &Participant| {
                one.service == *service && one.name_id.as_ref().is_some_and(|n| same(n, name_id))
            };
            if took_part.iter().any(is_sender) {
                meant.push(index);
            }
        }
        Ok(meant)
    }

    fn key(&self, index: &str) -> String {
        [self.realm, " ", index].concat()
    }

    fn name(&self, service: &EntityId, name_id: &NameId) -> String {
        let text = [service.as_str(), "\n", &name_id.value].concat();
        [self.realm, " ", &digest(&text)].concat()
    }
}

/// Whether `said` is the name that was `given`. Some services leave qualifiers or format out; what
/// they do say must be what they were told.
fn same(given: &NameId, said: &NameId) -> bool {
    let or_nothing =
        |said: &Option<String>, given: &Option<String>| said.is_none() || said == given;
    given.value == said.value
        && (given.format == said.format || said.format == NameIdFormat::Unspecified)
        && or_nothing(&said.name_qualifier, &given.name_qualifier)
        && or_nothing(&said.sp_name_qualifier, &given.sp_name_qualifier)
}

#[cfg(test)]
mod tests {
    use saml::MessageId;

    use super::*;

    fn name(value: &str) -> NameId {
        NameId {
            value: value.to_owned(),
            format: NameIdFormat::Transient,
            name_qualifier: Some("https://idp.example".to_owned()),
            sp_name_qualifier: Some("https://sp.example".to_owned()),
        }
    }

    fn service(id: &str) -> EntityId {
        EntityId::parse(id).unwrap()
    }

    fn participant(id: &str, value: &str) -> Participant {
        Participant {
            service: service(id),
            name_id: Some(name(value)),
        }
    }

    fn request(id: &str, value: &str, indexes: &[&str]) -> LogoutRequest {
        LogoutRequest {
            id: MessageId::from_random([1; 20]),
            issue_instant: chrono::DateTime::UNIX_EPOCH,
            issuer: service(id),
            destination: None,
            not_on_or_after: None,
            reason: None,
            name_id: name(value),
            session_indexes: indexes.iter().map(|index| (*index).to_owned()).collect(),
            asynchronous: false,
        }
    }

    fn shelf() -> (Arc<dyn Shelf>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let clock: store::Clock = Arc::new(|| chrono::DateTime::UNIX_EPOCH);
        (
            store::embedded(&folder.path().join("s"), clock).unwrap(),
            folder,
        )
    }

    #[tokio::test]
    async fn a_request_means_the_sessions_in_which_its_sender_was_told_that_name() {
        let (shelf, _folder) = shelf();
        let staff = Participants::new(&shelf, "personnel");
        let joined = [
            ("_one", "https://a.example", "x"),
            ("_one", "https://b.example", "y"),
        ];
        let joined = joined
            .into_iter()
            .chain([("_two", "https://a.example", "x")]);
        for (index, id, value) in joined {
            assert!(staff.join(index, &participant(id, value)).await.unwrap());
        }
        for (id, value, indexes, meant) in [
            ("https://a.example", "x", &[][..], &["_one", "_two"][..]),
            ("https://a.example", "x", &["_two"], &["_two"]),
            (
                "https://a.example",
                "x",
                &["_two", "_two", "_no"],
                &["_two"],
            ),
            ("https://b.example", "y", &[], &["_one"]),
            ("https://b.example", "y", &["_two"], &[]),
            ("https://b.example", "x", &["_one"], &[]),
            ("https://b.example", "x", &[], &[]),
            ("https://c.example", "x", &["_one"], &[]),
        ] {
            let request = request(id, value, indexes);
            assert_eq!(
                staff.meant(&request).await.unwrap(),
                meant,
                "{id} {value} {indexes:?}"
            );
        }
        let pupils = Participants::new(&shelf, "eleve");
        let asked = request("https://a.example", "x", &["_one"]);
        assert!(
            pupils.meant(&asked).await.unwrap().is_empty(),
            "of another realm"
        );
    }

    #[tokio::test]
    async fn what_is_said_of_a_name_must_be_what_was_given() {
        let given = name("x");
        let changed = |change: fn(&mut NameId)| {
            let mut said = name("x");
            change(&mut said);
            same(&given, &said)
        };
        assert!(changed(|_| {}));
        assert!(changed(|said| said.name_qualifier = None));
        assert!(changed(|said| said.sp_name_qualifier = None));
        assert!(changed(|said| said.format = NameIdFormat::Unspecified));
        assert!(!changed(|said| said.value.push(' ')));
        assert!(!changed(|said| said.value.make_ascii_uppercase()));
        assert!(!changed(|said| said.format = NameIdFormat::Persistent));
        assert!(!changed(
            |said| said.sp_name_qualifier = Some("https://b.example".to_owned())
        ));
        assert!(!changed(
            |said| said.name_qualifier = Some("https://other.example".to_owned())
        ));
    }

    #[tokio::test]
    async fn a_persons_sessions_are_known_by_the_last_proof() {
        let (shelf, _folder) = shelf();
        let staff = Participants::new(&shelf, "personnel");
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        for (index, seconds) in [("_one", 1), ("_two", 2), ("_one", 3)] {
            staff.belongs("p", index, at(seconds)).await.unwrap();
        }
        let known = [("_one".to_owned(), at(3)), ("_two".to_owned(), at(2))];
        assert_eq!(staff.of_person("p").await.unwrap(), known);
        assert_eq!(staff.of_person("q").await.unwrap(), []);
        let pupils = Participants::new(&shelf, "eleve");
        assert_eq!(pupils.of_person("p").await.unwrap(), []);
    }

    #[tokio::test]
    async fn nobody_joins_a_session_that_ended() {
        let (shelf, _folder) = shelf();
        let staff = Participants::new(&shelf, "personnel");
        let (first, late) = (
            participant("https://a.example", "x"),
            participant("https://b.example", "y"),
        );
        assert!(staff.join("_one", &first).await.unwrap());
        let told = staff.end("_one").await.unwrap();
        assert_eq!(told, std::slice::from_ref(&first));
        assert!(!staff.join("_one", &late).await.unwrap());
        assert!(!staff.join("_one", &first).await.unwrap());
        assert!(staff.join("_two", &late).await.unwrap());
    }
}
