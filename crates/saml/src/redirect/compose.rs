//! Sending by HTTP-Redirect (SAML Bindings 3.4.4): deflated, signed over the query octets.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::request::{AcsChoice, AuthnRequest};
use crate::writer::{Attr, SAML, SAMLP, Writer, instant};
use crate::{Refusal, SigningKey};

/// What `RelayState` may hold, in bytes (SAML Bindings 3.4.3).
const RELAY_STATE: usize = 80;

/// Composes the address that carries `request` to `destination`: deflated, signed over the query
/// octets, `RelayState` (1 to 80 bytes) included. `destination` may already have a query, but no
/// fragment: it would swallow the message.
pub fn compose(
    request: &AuthnRequest,
    destination: &str,
    relay_state: Option<&str>,
    key: &SigningKey,
) -> Result<String, Refusal> {
    let refused = |why| Err(Refusal::NotComposed { why });
    if destination.contains('#') {
        return refused("the destination has a fragment");
    }
    if relay_state.is_some_and(|state| state.is_empty() || state.len() > RELAY_STATE) {
        return refused("RelayState has 1 to 80 bytes");
    }
    let xml = authn_request(request)?;
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
    let deflated = deflate
        .write_all(xml.as_bytes())
        .and_then(|()| deflate.finish())
        .map_err(|_| Refusal::NotComposed {
            why: "the request cannot be deflated",
        })?;
    let mut query = format!("SAMLRequest={}", escaped(&STANDARD.encode(deflated)));
    if let Some(state) = relay_state {
        query.push_str("&RelayState=");
        query.push_str(&escaped(state));
    }
    query.push_str("&SigAlg=");
    query.push_str(&escaped(key.algorithm().uri()));
    let signature = key
        .sign(query.as_bytes())
        .map_err(|_| Refusal::NotComposed {
            why: "the key does not sign",
        })?;
    query.push_str("&Signature=");
    query.push_str(&escaped(&STANDARD.encode(signature)));
    let joint = match destination.rsplit_once('?') {
        None => "?",
        Some((_, asked)) if asked.is_empty() || asked.ends_with('&') => "",
        Some(_) => "&",
    };
    Ok(format!("{destination}{joint}{query}"))
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The request as XML, unsigned: with Redirect the signature is in the query.
fn authn_request(request: &AuthnRequest) -> Result<String, Refusal> {
    if matches!(request.acs, AcsChoice::Index(_)) && request.protocol_binding.is_some() {
        // SAML Core 3.4.1: they exclude each other.
        return Err(Refusal::NotComposed {
            why: "an index and a binding of the answer",
        });
    }
    let mut w = Writer::with_capacity(1024);
    let issued = instant(request.issue_instant);
    let index;
    let mut attributes: Vec<Attr<'_>> = vec![
        ("ID", request.id.as_str()),
        ("Version", "2.0"),
        ("IssueInstant", &issued),
    ];
    attributes.extend(request.destination.as_deref().map(|to| ("Destination", to)));
    match &request.acs {
        AcsChoice::Default => {}
        AcsChoice::Url(url) => attributes.push(("AssertionConsumerServiceURL", url)),
        AcsChoice::Index(number) => {
            index = number.to_string();
            attributes.push(("AssertionConsumerServiceIndex", &index));
        }
    }
    attributes.extend(
        request
            .protocol_binding
            .map(|binding| ("ProtocolBinding", binding.uri())),
    );
    if request.force_authn {
        attributes.push(("ForceAuthn", "true"));
    }
    if request.is_passive {
        attributes.push(("IsPassive", "true"));
    }
    w.open(SAMLP, "AuthnRequest", &attributes)?;
    w.leaf(SAML, "Issuer", &[], request.issuer.as_str())?;
    wishes(&mut w, request)?;
    Ok(w.finish())
}

/// What the asker wants of the name and of the proof.
fn wishes(w: &mut Writer, request: &AuthnRequest) -> Result<(), Refusal> {
    if let Some(policy) = &request.name_id_policy {
        let mut attributes: Vec<Attr<'_>> = Vec::new();
        attributes.extend(
            policy
                .format
                .as_ref()
                .map(|format| ("Format", format.uri())),
        );
        if policy.allow_create {
            attributes.push(("AllowCreate", "true"));
        }
        w.empty(SAMLP, "NameIDPolicy", &attributes)?;
    }
    // The schema wants at least one class; none asks for nothing.
    let context = request.requested_context.as_ref();
    if let Some(context) = context.filter(|context| !context.classes.is_empty()) {
        let comparison = if context.exact { "exact" } else { "minimum" };
        w.open(
            SAMLP,
            "RequestedAuthnContext",
            &[("Comparison", comparison)],
        )?;
        for class in &context.classes {
            w.leaf(SAML, "AuthnContextClassRef", &[], class)?;
        }
        w.close();
    }
    Ok(())
}
