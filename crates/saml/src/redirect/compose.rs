//! Sending by HTTP-Redirect (SAML Bindings 3.4.4): deflated, signed over the query octets.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::query;
use crate::message::{self, Outgoing};
use crate::{Refusal, SigningKey};

/// Everything but what RFC 3986 (2.3) leaves as it is: so most libraries escape, and a service that escapes
/// what it read once more, rather than keep the octets that came, finds the same signature.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What `RelayState` may hold, in bytes (SAML Bindings 3.4.3).
const RELAY_STATE: usize = 80;

/// Composes the address that carries `message` to `destination`: deflated, signed over the query
/// octets, `RelayState` (1 to 80 bytes; in an answer, what came with the request) included. `destination` may already have a query, but no
/// fragment: it would swallow the message.
pub fn compose<M: Outgoing>(
    message: &M,
    destination: &str,
    relay_state: Option<&str>,
    key: &SigningKey,
) -> Result<String, Refusal> {
    let refused = |why| Err(Refusal::NotComposed { why });
    if destination.contains('#') {
        return refused("the destination has a fragment");
    }
    if !relay_state.is_none_or(may_carry::<M>) {
        return refused("RelayState has 1 to 80 bytes, or is another's");
    }
    let xml = message.written()?.xml;
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
    let deflated = deflate
        .write_all(xml.as_bytes())
        .and_then(|()| deflate.finish())
        .map_err(|_| Refusal::NotComposed {
            why: "the message cannot be deflated",
        })?;
    let mut query = format!("{}={}", M::PARAMETER, escaped(&STANDARD.encode(deflated)));
    if let Some(state) = relay_state {
        query.push_str("&RelayState=");
        query.push_str(&escaped(state));
    }
    query.push_str("&SigAlg=");
    query.push_str(&escaped(key.algorithm().uri()));
    let signature = key.sign(query.as_bytes()).map_err(|why| why.refusal())?;
    query.push_str("&Signature=");
    query.push_str(&escaped(&STANDARD.encode(signature)));
    let joint = match destination.rsplit_once('?') {
        None => "?",
        Some((_, asked)) if asked.is_empty() || asked.ends_with('&') => "",
        Some(_) => "&",
    };
    Ok(format!("{destination}{joint}{query}"))
}

/// What is ours keeps to the limit; what an answer gives back is another's, and must be exactly what
/// came (SAML Bindings 3.4.3).
fn may_carry<M: Outgoing>(relay_state: &str) -> bool {
    if M::PARAMETER == message::RESPONSE {
        relay_state.len() <= query::RELAY_STATE
    } else {
        !relay_state.is_empty() && relay_state.len() <= RELAY_STATE
    }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}
