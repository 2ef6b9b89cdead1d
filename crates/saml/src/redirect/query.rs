//! The query of a message sent by Redirect, read once and by us: names as they are spelled, values
//! as their raw octets, because those are what is signed (SAML Bindings 3.4.4.1).

use percent_encoding::percent_decode_str;

use crate::keys::Algorithm;
use crate::refusal::Said;
use crate::trust::QuerySeal;
use crate::{Refusal, encoding, message};

/// What may stand beside the message. All but the signature are signed, in this order, and taken in no
/// other (SECURITY 19).
const BESIDE: [&str; 3] = ["RelayState", "SigAlg", SIGNATURE];

/// No part of what is signed, so it may stand anywhere: some makes write it before `SigAlg`.
const SIGNATURE: &str = "Signature";

/// The only encoding (SAML Bindings 3.4.4.1), when one is named at all.
const DEFLATE: &str = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE";

/// Octets of a query: a message of 64 kB that does not compress still fits.
const LONGEST: usize = 128 * 1024;

/// Octets of a RelayState. SAML Bindings 3.4.3 says 80; services in use send whole addresses, and
/// an identity provider must give back what it was given.
pub(super) const RELAY_STATE: usize = 1024;

/// A query, decoded, nothing of it verified.
pub(crate) struct Query {
    /// The message, inflated.
    pub(crate) message: Vec<u8>,
    /// `RelayState`, decoded.
    pub(crate) relay_state: Option<String>,
    /// The signature, if there is one.
    pub(crate) signature: Option<QuerySeal>,
}

impl Query {
    /// Reads a raw query string, without its question mark; `named` is the parameter of the message.
    pub(crate) fn parse(raw: &str, named: &'static str) -> Result<Self, Refusal> {
        if raw.len() > LONGEST {
            return Err(Refusal::QueryTooLong {
                bytes: raw.len(),
                limit: LONGEST,
            });
        }
        let [message, relay_state, algorithm, signature] = split(raw, named)?;
        let message = message.ok_or(Refusal::ParameterMissing { name: named })?;
        let signature = match (algorithm, signature) {
            (Some(algorithm), Some(signature)) => Some(QuerySeal {
                octets: signed_octets((named, message), relay_state, algorithm),
                algorithm: named_algorithm(algorithm)?,
                signature: decode(signature, SIGNATURE)?,
            }),
            (None, None) => None,
            (None, Some(_)) => return Err(Refusal::HalfSigned { name: "SigAlg" }),
            (Some(_), None) => return Err(Refusal::HalfSigned { name: SIGNATURE }),
        };
        Ok(Self {
            message: encoding::inflate(&decode(message, named)?)?,
            relay_state: relay_state.map(decode_relay_state).transpose()?,
            signature,
        })
    }
}

/// Whether a raw query has the parameter `name`, spelled so.
pub(crate) fn holds(raw: &str, name: &str) -> bool {
    raw.split('&')
        .any(|pair| pair.split_once('=').map_or(pair, |(found, _)| found) == name)
}

/// Checks a `RelayState` that came by form or by query.
pub(crate) fn check_relay_state(text: String) -> Result<String, Refusal> {
    if text.len() > RELAY_STATE {
        return Err(Refusal::RelayStateTooLong {
            bytes: text.len(),
            limit: RELAY_STATE,
        });
    }
    Ok(text)
}

/// The raw values of the four parameters. Others are passed over, unless they are one of the four
/// in disguise, or a second message.
fn split<'a>(raw: &'a str, named: &'static str) -> Result<[Option<&'a str>; 4], Refusal> {
    let [state, algorithm, signature] = BESIDE;
    let known = [named, state, algorithm, signature];
    let mut values: [Option<&'a str>; 4] = [None; 4];
    let mut next = 0;
    for pair in raw.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let slots = known.iter().copied().enumerate().zip(values.iter_mut());
        let Some(((at, name), slot)) = slots.into_iter().find(|((_, known), _)| *known == name)
        else {
            check_other(name, value, &known)?;
            continue;
        };
        if slot.replace(value).is_some() {
            return Err(Refusal::ParameterRepeated { name });
        }
        if name == SIGNATURE {
            continue;
        }
        if at < next {
            return Err(Refusal::ParameterOrder { name });
        }
        next = at;
    }
    Ok(values)
}

fn check_other(name: &str, value: &str, known: &[&str]) -> Result<(), Refusal> {
    let plain = unescape(name, "a parameter's name")?;
    if known.contains(&plain.as_str()) {
        return Err(Refusal::BadEscape {
            part: "a parameter's name",
        });
    }
    for other in [message::REQUEST, message::RESPONSE] {
        if plain == other {
            return Err(Refusal::ParameterRepeated { name: other });
        }
    }
    if plain == "SAMLEncoding" {
        let found = unescape(value, "SAMLEncoding")?;
        if found != DEFLATE {
            return Err(Refusal::UnknownEncoding {
                found: Said::new(&found),
            });
        }
    }
    Ok(())
}

/// What is signed: the raw octets, in this order, whatever else the query holds.
fn signed_octets(
    (named, message): (&str, &str),
    relay_state: Option<&str>,
    algorithm: &str,
) -> String {
    let (before, state) = relay_state.map_or(("", ""), |raw| ("&RelayState=", raw));
    [named, "=", message, before, state, "&SigAlg=", algorithm].concat()
}

fn named_algorithm(raw: &str) -> Result<Algorithm, Refusal> {
    let uri = unescape(raw, "SigAlg")?;
    Algorithm::from_uri(&uri).ok_or_else(|| Refusal::SignatureAlgorithm {
        algorithm: Said::new(&uri),
    })
}

/// Base64 inside a query. A `+` is a `+`: base64 has no blank it could stand for.
fn decode(raw: &str, part: &'static str) -> Result<Vec<u8>, Refusal> {
    encoding::decode(&unescape(raw, part)?, part)
}

/// `RelayState` is written as forms write it: a `+` is a blank.
fn decode_relay_state(raw: &str) -> Result<String, Refusal> {
    unescape(&raw.replace('+', " "), "RelayState").and_then(check_relay_state)
}

/// Decodes percent-encoding, strictly.
fn unescape(raw: &str, part: &'static str) -> Result<String, Refusal> {
    let is_escape = |rest: &str| {
        let mut digits = rest.bytes();
        digits.next().is_some_and(|b| b.is_ascii_hexdigit())
            && digits.next().is_some_and(|b| b.is_ascii_hexdigit())
    };
    if !raw.split('%').skip(1).all(is_escape) {
        return Err(Refusal::BadEscape { part });
    }
    let mut plain = Vec::with_capacity(raw.len());
    plain.extend(percent_decode_str(raw));
    String::from_utf8(plain).map_err(|_| Refusal::NotUtf8 { part })
}
