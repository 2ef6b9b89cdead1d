//! Passkeys at the login: `POST /idp/<realm>/passkey`. Beside the password, as the second factor; or in
//! its place, when the authenticator itself verified who holds it: two factors in one gesture.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::{DateTime, Utc};
use directory::Person;
use directory::history::{What, Whose};
use directory::passkeys::{Place, Used, read, written};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{Drawer, Shelf};
use web::{Event, Form, Refused, Session, Visit};

use crate::flow::{Flow, KEPT, Named, name, stale, without_cookies};
use crate::next::Step;
use crate::realm::Realm;
use crate::session::SignedOn;
use crate::{login, refusals, whence};

const FORM: &str = "passkey";
/// A person's id has 26 characters.
const LONGEST_HANDLE: usize = 64;

/// A challenge is answered once.
pub(crate) fn spent(shelf: &Arc<dyn Shelf>) -> Drawer<()> {
    Drawer::new(Arc::clone(shelf), "idp.passkey-spent")
}

/// What a page needs to ask for a passkey.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Ask {
    action: String,
    challenge: String,
    host: String,
    /// Those of the person, parted by spaces; nothing: whichever the authenticator has.
    known: String,
}

impl Ask {
    /// Asks whoever is there.
    pub(crate) fn anybody(realm: &Realm, flow: &str) -> Self {
        let place = place(realm, flow);
        Self {
            action: realm.path("/passkey"),
            challenge: place.challenge,
            host: place.host,
            known: String::new(),
        }
    }

    /// Asks a person, if they have one.
    pub(crate) async fn person(
        realm: &Realm,
        flow: &str,
        person: &str,
    ) -> Result<Option<Self>, Refused> {
        let theirs = realm.directory.passkeys.of(person).await;
        let theirs = theirs.map_err(refusals::away)?;
        let known: Vec<String> = theirs.iter().map(|one| written(&one.credential)).collect();
        Ok((!known.is_empty()).then(|| Self {
            known: known.join(" "),
            ..Self::anybody(realm, flow)
        }))
    }

    pub(crate) fn sample() -> Self {
        Self {
            action: "/idp/personnel/passkey".to_owned(),
            challenge: "Y2hhbGxlbmdl".to_owned(),
            host: "eduline.example".to_owned(),
            known: "b25l".to_owned(),
        }
    }
}

/// The challenge of a flow: as random as its name, and its browser's alone. What answers it is taken
/// once (Web Authentication 13.4.3).
fn place(realm: &Realm, flow: &str) -> Place {
    let challenge = Sha256::digest(format!("passkey {flow}"));
    Place::of(realm.edge.public_url().origin(), written(&challenge))
}

/// What the form sends: what the browser said, base64url.
#[derive(Deserialize)]
pub(crate) struct Said {
    csrf: Option<String>,
    flow: Option<String>,
    sp: Option<String>,
    credential: Option<String>,
    client_data: Option<String>,
    authenticator_data: Option<String>,
    signature: Option<String>,
    user_handle: Option<String>,
}

impl Said {
    /// Who it says it is, and what it signed.
    fn read(self) -> (String, Used) {
        let bytes = |text: Option<String>| read(&text.unwrap_or_default());
        let handle = bytes(self.user_handle);
        let handle = String::from_utf8(handle).unwrap_or_default();
        let used = Used {
            credential: bytes(self.credential),
            client_data: bytes(self.client_data),
            authenticator_data: bytes(self.authenticator_data),
            signature: bytes(self.signature),
        };
        (handle, used)
    }
}

/// One try, on the way to the answer of a flow.
struct Try<'a> {
    visit: &'a Visit,
    realm: &'a Realm,
    id: String,
    flow: Flow,
    now: DateTime<Utc>,
}

/// `POST`: takes a passkey where one is asked for.
pub(crate) async fn prove(
    visit: Visit,
    realm: Data<Realm>,
    Form(mut said): Form<Said>,
) -> Result<HttpResponse, Refused> {
    let named = Named {
        flow: said.flow.take(),
        sp: said.sp.take(),
        first: None,
    };
    if !visit.browser_is_known() {
        return Err(without_cookies(&visit, &realm, &named));
    }
    let Some((id, flow)) = realm.flow(&visit, &named).await? else {
        return stale(&visit, &realm, &named);
    };
    let session = realm.session(&visit).await?;
    let signed_on = session.as_ref().map(|session| &session.value);
    let step = flow.step(&visit, &realm, signed_on).await?;
    let one = Try {
        visit: &visit,
        realm: &realm,
        id,
        flow,
        now: visit.edge().now(),
    };
    // The page says by itself what is wrong with an old form.
    if visit.check_csrf(FORM, said.csrf.as_deref()).is_err() {
        return Ok(one.go_on());
    }
    let (handle, used) = said.read();
    match (step, session) {
        (Step::Password, _) => one.first(&handle, &used).await,
        (Step::SecondFactor, Some(session)) => one.second(session, &used).await,
        _ => Ok(one.go_on()),
    }
}

impl Try<'_> {
    /// In place of the password: the authenticator says who it is, and that it knows them.
    async fn first(self, handle: &str, used: &Used) -> Result<HttpResponse, Refused> {
        let found = if handle.len() > LONGEST_HANDLE {
            None
        } else {
            self.realm.people.find(handle, self.now).await?
        };
        let Some(person) = found.filter(|one| one.realm == self.realm.parts.realm) else {
            return Err(self.refuse(None, "it is nobody's of this realm".to_owned()));
        };
        self.check(&person, used, true).await?;
        let (visit, realm) = (self.visit, self.realm);
        login::open_session(visit, realm, (&person, Some(self.now)), self.now).await?;
        self.accept(&person.id);
        Ok(self.go_on())
    }

    /// Beside the password that was given before.
    async fn second(
        self,
        mut session: Session<SignedOn>,
        used: &Used,
    ) -> Result<HttpResponse, Refused> {
        let found = self
            .realm
            .people
            .find(&session.value.person, self.now)
            .await?;
        let Some(person) = found else {
            return Ok(self.go_on());
        };
        self.check(&person, used, false).await?;
        session.value.second = Some(self.now);
        whence::prove(self.visit, self.realm, &person.id).await?;
        let renewed = self.realm.sessions.renew(self.visit, &session).await?;
        let index = &renewed.value.index;
        let participants = &self.realm.participants;
        participants.opened(index, &renewed.key).await?;
        self.accept(&person.id);
        Ok(self.go_on())
    }

    /// Whether it is theirs, and was not taken before.
    async fn check(&self, person: &Person, used: &Used, verified: bool) -> Result<(), Refused> {
        let place = place(self.realm, &self.id);
        let passkeys = &self.realm.directory.passkeys;
        let proven = passkeys.prove(&person.id, (&place, used), verified, self.now);
        let what = if verified {
            What::PasskeyRefused
        } else {
            What::SecondRefused
        };
        let whom = Some((person.id.as_str(), what));
        if let Err(wrong) = proven.await.map_err(refusals::away)? {
            return Err(self.refuse(whom, wrong.to_string()));
        }
        // Not by the signature: of one of ECDSA, anybody makes a second one.
        let spent = &self.realm.passkeys_spent;
        if !spent.put_once(&place.challenge, &(), KEPT).await? {
            return Err(self.refuse(whom, "its challenge was answered before".to_owned()));
        }
        Ok(())
    }

    fn go_on(&self) -> HttpResponse {
        let to = format!("/continue?{}", name(&self.id, &self.flow.service));
        self.visit.see_other(&self.realm.path(&to))
    }

    fn accept(&self, person: &str) {
        let whose = Whose::Person(person.to_owned());
        let line = (whose, What::Passkey, self.now);
        whence::note(self.visit, self.realm, &self.flow, line);
        self.tell(person, "accepted");
    }

    /// `whom`: whose it says it is, and what their history says of it.
    fn refuse(&self, whom: Option<(&str, What)>, why: String) -> Refused {
        if let Some((person, what)) = whom {
            let line = (Whose::Person(person.to_owned()), what, self.now);
            whence::note(self.visit, self.realm, &self.flow, line);
        }
        self.tell(whom.map_or("none", |(person, _)| person), "refused");
        let back = format!("/continue?{}", name(&self.id, &self.flow.service));
        refusals::passkey(why, self.realm.path(&back))
            .with("flow", self.id.as_str())
            .with("request", self.flow.request_id())
    }

    fn tell(&self, person: &str, result: &'static str) {
        let event = Event::new("idp.passkey")
            .with("flow", self.id.as_str())
            .with("request", self.flow.request_id())
            .with("sp", self.flow.service.as_str())
            .with("person", person)
            .with("result", result);
        self.visit.tell(event);
        let labels = [
            ("realm", self.realm.parts.realm.as_str()),
            ("result", result),
            ("factor", "passkey"),
        ];
        self.realm.edge.count("eduline_logins_total", &labels);
    }
}
