//! Who is signed in at the account pages, as the directory knows them.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use directory::{Person, Realm};
use saml::EntityId;
use sp::Sent;
use web::{Badge, Refused, Visit};

use crate::{Account, refusals};

/// A person at their own account.
pub(crate) struct Signed {
    /// The person, read from the directory at this very visit.
    pub(crate) person: Person,
    /// How pages show them.
    pub(crate) badge: Badge,
    /// What this session is kept under: never its token.
    pub(crate) session: String,
    /// The realm's entity, at which they signed in.
    pub(crate) provider: EntityId,
    /// The session there, by its `SessionIndex`.
    pub(crate) index: Option<String>,
    /// When they gave their password.
    pub(crate) since: DateTime<Utc>,
    /// Whether they gave a second factor then, too.
    pub(crate) second: bool,
}

impl Signed {
    /// Whether pages say "tu".
    pub(crate) fn tutoie(&self) -> bool {
        self.person.realm == Realm::Eleve
    }
}

impl Account {
    /// Who is signed in; `Err` holds the answer that asks for a sign-on and leads back to this page.
    pub(crate) async fn signed(
        &self,
        visit: &Visit,
    ) -> Result<Result<Signed, HttpResponse>, Refused> {
        self.signed_with(visit, None).await
    }

    /// The same for who sent a form: it is kept meanwhile, and given back to be confirmed.
    pub(crate) async fn signed_with(
        &self,
        visit: &Visit,
        sent: Option<Sent<'_>>,
    ) -> Result<Result<Signed, HttpResponse>, Refused> {
        let service = &self.parts.service;
        let Some(session) = service.current(visit).await? else {
            let start = match sent {
                Some(sent) => service.start_with(visit, sent).await?,
                None => service.start(visit, visit.path_and_query()).await?,
            };
            return Ok(Err(start));
        };
        let signed_in = session.value;
        // A provider speaks for its realm only, whatever login it names.
        let realm = self.parts.realms.get(&signed_in.provider);
        let realm = *realm
            .ok_or_else(|| refusals::not_ours("the provider is no realm of this deployment"))?;
        let found = self.parts.directory.accounts.find(realm, signed_in.user());
        let person = found.await.map_err(refusals::away)?;
        let person =
            person.ok_or_else(|| refusals::not_ours("no account has the login that was told"))?;
        Ok(Ok(Signed {
            person,
            badge: service.badge(&signed_in),
            session: session.key,
            index: signed_in.login.session_index,
            since: signed_in.login.authn_instant,
            second: signed_in.login.authn_context.as_deref() == Some(saml::names::REFEDS_MFA),
            provider: signed_in.provider,
        }))
    }
}
