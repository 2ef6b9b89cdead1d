//! Telling a service by SOAP, without its visitor (SAML Bindings 3.2, Profiles 4.4).

use std::io::Read;
use std::time::Duration;

use saml::logout::{LogoutRequest, LogoutResponse, LogoutResponseExpected, Outcome};
use saml::{Binding, Received, Refusal, Rules, SigningKey, VerifyingKey, soap};
use web::Edge;

/// How long a service may take in all: a visitor waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest answer taken, bytes (SECURITY 3).
const LARGEST: u64 = 256 * 1024;

/// One request to one service.
pub(super) struct Call {
    /// A SOAP address of its metadata: https, or http on a loopback host where that is allowed.
    pub(super) to: String,
    /// What it is told.
    pub(super) request: LogoutRequest,
    /// Signs it.
    pub(super) key: SigningKey,
    /// By which its answer is taken.
    pub(super) rules: Rules,
    /// What the service signs with.
    pub(super) theirs: Vec<VerifyingKey>,
    /// Whom the request goes to.
    pub(super) service: saml::EntityId,
    /// The clock.
    pub(super) edge: Edge,
}

/// Why there is no answer that counts.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unheard {
    /// It cannot be reached, is late, or answers with an error of HTTP.
    #[error("it does not answer: {0}")]
    Away(#[from] Box<ureq::Error>),
    /// The answer broke off.
    #[error("its answer broke off: {0}")]
    Broken(#[from] std::io::Error),
    /// What came is not a signed answer to what was asked.
    #[error("its answer does not count: {0}")]
    Refused(#[from] Refusal),
}

impl Call {
    /// Asks and waits, at most five seconds. Blocks: not for a thread that answers visitors.
    pub(super) fn place(self) -> Result<Outcome, Unheard> {
        let envelope = soap::compose(&self.request, &self.key)?;
        let answer = post(&self.to, &envelope)?;
        let expected = LogoutResponseExpected {
            issuer: &self.service,
            in_response_to: &self.request.id,
            destination: "",
            binding: Binding::Soap,
            now: self.edge.now(),
        };
        let accepted = Received::<LogoutResponse>::by_soap(&answer)?
            .verify(&self.theirs)?
            .accept_by(&expected, &self.rules)?;
        Ok(accepted.message().outcome())
    }
}

/// No redirect is followed: the message was for this address.
fn post(to: &str, envelope: &str) -> Result<Vec<u8>, Unheard> {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .max_redirects(0)
        .max_redirects_will_error(true)
        .tls_config(
            ureq::tls::TlsConfig::builder()
                .provider(ureq::tls::TlsProvider::NativeTls)
                .root_certs(ureq::tls::RootCerts::PlatformVerifier)
                .build(),
        )
        .build()
        .new_agent();
    let mut answer = agent
        .post(to)
        .header("content-type", soap::CONTENT_TYPE)
        .header("soapaction", soap::ACTION)
        .send(envelope)
        .map_err(Box::new)?;
    let mut bytes = Vec::new();
    let body = answer.body_mut().with_config().limit(LARGEST);
    body.reader().read_to_end(&mut bytes)?;
    Ok(bytes)
}
