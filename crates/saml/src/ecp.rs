//! Enhanced clients (SAML V2.0 Enhanced Client or Proxy Profile 2.0): a program signs a person on
//! without a browser. It carries the service's request to the identity provider in one envelope,
//! and brings the answer back in another.
//!
//! Both may say which channel they talk over: the service in its request, the client in a header.
//! Where they say the same, nobody stands between them (SAML V2.0 Channel Binding Extensions).

use std::marker::PhantomData;

use crate::preflight::MESSAGE;
use crate::reader::{self, Element, SAMLP, XML_SPACE};
use crate::request::read;
use crate::signature::Seals;
use crate::trust::Seal;
use crate::writer::{Attr, CB, ECP, SAMLEC, SOAP, Writer};
use crate::{AuthnRequest, Received, Refusal, soap};

/// For whoever comes next on the way (SOAP 1.1, 4.2.2): here, for the client.
const NEXT: &str = "http://schemas.xmlsoap.org/soap/actor/next";

/// Channels that one side may name; others are of no use to anybody.
const CHANNELS: usize = 8;

/// `cb:ChannelBindings`: a channel, as one of its ends sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelBinding {
    /// `Type` ("tls-server-end-point").
    pub kind: Option<String>,
    /// The binding, base64; compared as it is written, white space around it apart.
    pub value: String,
}

impl ChannelBinding {
    fn read(element: Element<'_, '_>) -> Result<Self, Refusal> {
        Ok(Self {
            kind: reader::attribute(element, "Type").map(str::to_owned),
            value: reader::value(element)?.trim_matches(XML_SPACE).to_owned(),
        })
    }

    /// Writes it, for the client when it stands in a header.
    pub(crate) fn write(&self, w: &mut Writer, in_header: bool) -> Result<(), Refusal> {
        let mut attributes: Vec<Attr<'_>> = Vec::new();
        attributes.extend(self.kind.as_deref().map(|kind| ("Type", kind)));
        if in_header {
            attributes.extend(for_the_client("1"));
        }
        w.leaf(CB, "ChannelBindings", &attributes, &self.value)
    }
}

/// The channels that the `Extensions` of a request name.
pub(crate) fn named(request: Element<'_, '_>) -> Result<Vec<ChannelBinding>, Refusal> {
    let Some(extensions) = reader::child(request, SAMLP, "Extensions")? else {
        return Ok(Vec::new());
    };
    let found = reader::children(extensions, CB.uri, "ChannelBindings");
    found.take(CHANNELS).map(ChannelBinding::read).collect()
}

/// What a client says beside the request it carries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// The channels it has with the service.
    pub channel_bindings: Vec<ChannelBinding>,
    /// Whether it wants a key to share with the service (SAML-EC 5.3.1).
    pub session_key: bool,
}

impl Received<AuthnRequest> {
    /// Reads the envelope of an enhanced client, of at most 256 kB: the preflight, its headers, then
    /// the only child of its body. What the service wrote for the client (`paos:Request`,
    /// `ecp:Request`) must be gone by now (ECP 2.0, 2.3.3), and is refused as any header that must be
    /// understood and is not; so is `ecp:SubjectConfirmation`, since there is confirmation by bearer
    /// only.
    pub fn by_client(envelope: &[u8]) -> Result<(Self, Beside), Refusal> {
        let mut beside = Beside::default();
        let text = soap::open_by(envelope, |block| {
            if reader::is(block, CB.uri, "ChannelBindings") {
                if beside.channel_bindings.len() < CHANNELS {
                    beside.channel_bindings.push(ChannelBinding::read(block)?);
                }
                return Ok(true);
            }
            let is_key = reader::is(block, SAMLEC.uri, "SessionKey");
            beside.session_key |= is_key;
            Ok(is_key)
        })?;
        let document = reader::parse(&text, &MESSAGE)?;
        let root = read::root(&document)?;
        let (issuer, seals) = (read::issuer(root)?, Seals::find(&document, None)?);
        drop(document);
        let received = Self {
            issuer,
            text,
            seal: Seal::Enveloped(seals),
            in_response_to: None,
            relay_state: None,
            becomes: PhantomData,
        };
        Ok((received, beside))
    }
}

/// The channel that service and client both name; `None` where neither names any.
///
/// # Errors
/// [`Refusal::ChannelUnbound`]: only one of them does, or none that both do, or the service's is not
/// signed and could be anybody's (IIP-IDP13).
pub fn bound<'a>(
    request: &'a AuthnRequest,
    is_signed: bool,
    beside: &Beside,
) -> Result<Option<&'a ChannelBinding>, Refusal> {
    let (theirs, seen) = (&request.channel_bindings, &beside.channel_bindings);
    let why = match (theirs.is_empty(), seen.is_empty()) {
        (true, true) => return Ok(None),
        (true, false) => "the client names a channel and the service none",
        (false, true) => "the service names a channel and the client none",
        (false, false) if !is_signed => "the request that names a channel is not signed",
        (false, false) => match theirs.iter().find(|one| seen.contains(one)) {
            Some(same) => return Ok(Some(same)),
            None => "service and client see different channels",
        },
    };
    Err(Refusal::ChannelUnbound { why })
}

/// What the answer's envelope says to the client.
#[derive(Debug, Clone, Default)]
pub struct Headers<'a> {
    /// The assertion consumer service: the client compares it with where the service told it to go
    /// (`ecp:Response`).
    pub acs: &'a str,
    /// Whether the request was signed (`ecp:RequestAuthenticated`).
    pub is_authenticated: bool,
    /// The channel that both named.
    pub channel: Option<&'a ChannelBinding>,
    /// The key that service and client share from now on, base64 (`samlec:GeneratedKey`).
    pub key: Option<&'a str>,
}

fn for_the_client(must_understand: &'static str) -> [Attr<'static>; 2] {
    [
        ("soap:actor", NEXT),
        ("soap:mustUnderstand", must_understand),
    ]
}

/// Puts an answer that was composed here into an envelope for an enhanced client (ECP 2.0, 2.3.6).
pub fn enclose(headers: &Headers<'_>, response: &str) -> Result<String, Refusal> {
    let mut w = Writer::with_capacity(response.len() + 1024);
    w.open(SOAP, "Envelope", &[])?;
    w.open(SOAP, "Header", &[])?;
    let mut attributes = vec![("AssertionConsumerServiceURL", headers.acs)];
    attributes.extend(for_the_client("1"));
    w.empty(ECP, "Response", &attributes)?;
    if headers.is_authenticated {
        w.empty(ECP, "RequestAuthenticated", &for_the_client("0"))?;
    }
    if let Some(channel) = headers.channel {
        channel.write(&mut w, true)?;
    }
    if let Some(key) = headers.key {
        w.leaf(SAMLEC, "GeneratedKey", &for_the_client("0"), key)?;
    }
    w.close();
    w.open(SOAP, "Body", &[])?;
    let at = w.position();
    w.insert(at, response);
    Ok(w.finish())
}
