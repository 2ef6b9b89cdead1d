//! Asking an address for a document: https, or http on this machine while that is allowed; a
//! redirect leads no deeper inside than where it came from; an answer begins in time, is never silent
//! for longer nor slower than a rate, and weighs no more than was said beforehand.

use std::io::{Read, Write};
use std::net::{IpAddr, ToSocketAddrs};
use std::time::{Duration, Instant};

use ureq::http::header::{ETAG, LAST_MODIFIED, LOCATION, RETRY_AFTER};
use ureq::http::{HeaderMap, HeaderName, Response};
use url::{Host, Url};

/// Redirects that are followed (IIP-MD02: 301, 302 and 307 must be; 303 and 308 are alike).
const REDIRECTS: u32 = 5;
/// Bytes a second that a long document comes with at least: a hundred megabytes in an hour.
const LEAST_RATE: u64 = 32 * 1024;
/// Bytes taken at once.
const PART: usize = 64 * 1024;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The address.
    pub url: &'a str,
    /// What is known of the last answer, so that it is not sent again (RFC 9110 13.1).
    pub known: Option<&'a Validators>,
    /// Longest document, bytes.
    pub longest: u64,
    /// How long it may take until the answer begins, redirects and all, and how long it may be silent
    /// afterwards; from then on it comes with 32 kB a second at least.
    pub patience: Duration,
    /// Whether `http://` on this machine may be asked.
    pub loopback_http: bool,
    /// Whether it is one of our own addresses, which the operator may have put behind the proxy: http
    /// on any host then, for what is signed with a key of ours.
    pub is_own: bool,
}

/// What an answer is known by.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Validators {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`, as it was written.
    pub modified: Option<String>,
}

/// What an address answered.
#[derive(Debug)]
pub enum Answer {
    /// What is known is what there is (304).
    Unchanged,
    /// A document.
    Document {
        /// Its text.
        text: String,
        /// What it is known by.
        validators: Validators,
    },
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unfetched {
    /// Nothing that may be asked.
    #[error("{url}: expected an https address{}", if *.loopback { ", or http on this machine" } else { "" })]
    Address {
        /// What was given.
        url: String,
        /// Whether http on this machine would do.
        loopback: bool,
    },
    /// A redirect that is not followed.
    #[error("{url} redirects to {to}, which is not followed: {why}")]
    Redirect {
        /// Where it came from.
        url: String,
        /// Where it leads.
        to: String,
        /// Why not.
        why: &'static str,
    },
    /// Another status than 200.
    #[error("{url} answers with status {status}")]
    Status {
        /// The address.
        url: String,
        /// The status.
        status: u16,
        /// Seconds it asks to be left alone (`Retry-After`).
        again_s: Option<u64>,
    },
    /// More than was said.
    #[error("{url}: longer than {longest} bytes")]
    TooLong {
        /// The address.
        url: String,
        /// The limit.
        longest: u64,
    },
    /// An answer that would never end.
    #[error("{url}: slower than {LEAST_RATE} bytes a second")]
    TooSlow {
        /// The address.
        url: String,
    },
    /// No text.
    #[error("{url}: not UTF-8")]
    NotText {
        /// The address.
        url: String,
    },
    /// What came could not be put where it was to be put.
    #[error("{url}: what it says cannot be kept: {why}")]
    Unkept {
        /// The address.
        url: String,
        /// Why not.
        why: String,
    },
    /// No answer, or not in time.
    #[error("{url}: {why}")]
    Away {
        /// The address.
        url: String,
        /// What the network said.
        why: String,
    },
}

/// Asks. Blocks until there is an answer.
///
/// # Errors
/// [`Unfetched`].
pub fn fetch(ask: &Ask<'_>) -> Result<Answer, Unfetched> {
    let mut bytes = Vec::new();
    let Some(validators) = fetch_into(ask, &mut bytes)? else {
        return Ok(Answer::Unchanged);
    };
    let text = String::from_utf8(bytes).map_err(|_| Unfetched::NotText {
        url: ask.url.to_owned(),
    })?;
    Ok(Answer::Document { text, validators })
}

/// Asks, and puts the document where it is to go as it comes; says what it is known by, or nothing
/// where what is known is what there is. Blocks until the answer has ended.
///
/// # Errors
/// [`Unfetched`]; a part of a document may have been put there then.
pub fn fetch_into(ask: &Ask<'_>, to: &mut dyn Write) -> Result<Option<Validators>, Unfetched> {
    let started = Instant::now();
    let mut at = first(ask)?;
    for _ in 0..=REDIRECTS {
        let left = ask.patience.saturating_sub(started.elapsed());
        let left = left.max(Duration::from_millis(1));
        let answer = send(&at, ask, left)?;
        match answer.status().as_u16() {
            304 if ask.known.is_some() => return Ok(None),
            200 => return document(&at, answer, ask, to).map(Some),
            301 | 302 | 303 | 307 | 308 => at = followed(&at, answer.headers(), ask)?,
            status => {
                return Err(Unfetched::Status {
                    url: at.into(),
                    status,
                    again_s: field(answer.headers(), &RETRY_AFTER)
                        .and_then(|text| text.trim().parse().ok()),
                });
            }
        }
    }
    Err(Unfetched::Redirect {
        url: ask.url.to_owned(),
        to: at.into(),
        why: "there were five before it",
    })
}

fn send(at: &Url, ask: &Ask<'_>, left: Duration) -> Result<Response<ureq::Body>, Unfetched> {
    let agent = ureq::Agent::config_builder()
        .timeout_resolve(Some(left))
        .timeout_connect(Some(left))
        .timeout_send_request(Some(left))
        .timeout_recv_response(Some(left))
        .timeout_per_read(Some(ask.patience))
        .max_redirects(0)
        .http_status_as_error(false)
        // The signature is what is believed; https still keeps who-asks-what from others.
        .https_only(!(ask.loopback_http || ask.is_own))
        .tls_config(
            ureq::tls::TlsConfig::builder()
                .provider(ureq::tls::TlsProvider::NativeTls)
                .root_certs(ureq::tls::RootCerts::PlatformVerifier)
                .build(),
        )
        .build()
        .new_agent();
    let mut request = agent
        .get(at.as_str())
        .header("accept", "application/samlmetadata+xml, */*;q=0.5");
    if let Some(known) = ask.known {
        if let Some(etag) = &known.etag {
            request = request.header("if-none-match", etag);
        }
        if let Some(modified) = &known.modified {
            request = request.header("if-modified-since", modified);
        }
    }
    request.call().map_err(|why| away(at, &why))
}

fn document(
    at: &Url,
    mut answer: Response<ureq::Body>,
    ask: &Ask<'_>,
    to: &mut dyn Write,
) -> Result<Validators, Unfetched> {
    let validators = Validators {
        etag: field(answer.headers(), &ETAG),
        modified: field(answer.headers(), &LAST_MODIFIED),
    };
    let url = || at.to_string();
    let began = Instant::now();
    let mut body = answer.body_mut().with_config().limit(u64::MAX).reader();
    let (mut length, mut part) = (0_u64, vec![0; PART]);
    loop {
        let read = body.read(&mut part).map_err(|why| away(at, &why))?;
        if read == 0 {
            break;
        }
        length = length.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        if length > ask.longest {
            let longest = ask.longest;
            return Err(Unfetched::TooLong {
                url: url(),
                longest,
            });
        }
        let elapsed = began.elapsed();
        if elapsed > ask.patience && length < LEAST_RATE.saturating_mul(elapsed.as_secs()) {
            return Err(Unfetched::TooSlow { url: url() });
        }
        to.write_all(part.get(..read).unwrap_or_default())
            .map_err(|why| Unfetched::Unkept {
                url: url(),
                why: why.to_string(),
            })?;
    }
    Ok(validators)
}

/// Where a redirect leads, when it may be followed.
fn followed(at: &Url, headers: &HeaderMap, ask: &Ask<'_>) -> Result<Url, Unfetched> {
    let to = field(headers, &LOCATION).unwrap_or_default();
    let refused = |why| Unfetched::Redirect {
        url: at.to_string(),
        to: to.clone(),
        why,
    };
    let next = at.join(&to).map_err(|_| refused("it is no address"))?;
    let next = allowed(next.as_str(), ask.loopback_http)
        .map_err(|_| refused("neither https nor this machine"))?;
    if at.scheme() == "https" && next.scheme() != "https" {
        return Err(refused("it would leave https"));
    }
    // Whoever answers outside must not make us ask what only we can reach.
    if is_inside(&next) && !is_inside(at) {
        return Err(refused("it leads inside from outside"));
    }
    Ok(next)
}

/// The address that is asked first.
fn first(ask: &Ask<'_>) -> Result<Url, Unfetched> {
    let own = Url::parse(ask.url).ok();
    let own = own.filter(|url| ask.is_own && url.scheme() == "http" && url.has_host());
    own.map_or_else(|| allowed(ask.url, ask.loopback_http), Ok)
}

/// The address, when it may be asked: https, or http on this machine.
fn allowed(url: &str, loopback: bool) -> Result<Url, Unfetched> {
    let refused = || Unfetched::Address {
        url: url.to_owned(),
        loopback,
    };
    let parsed = Url::parse(url).map_err(|_| refused())?;
    let is_fine = match parsed.scheme() {
        "https" => parsed.has_host(),
        "http" => loopback && is_loopback(&parsed),
        _ => false,
    };
    if is_fine { Ok(parsed) } else { Err(refused()) }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether an address is of this machine or of a network behind it, by its name or by what the name
/// stands for.
fn is_inside(url: &Url) -> bool {
    let port = url.port_or_known_default().unwrap_or(443);
    match url.host() {
        Some(Host::Ipv4(address)) => is_private(address.into()),
        Some(Host::Ipv6(address)) => is_private(address.into()),
        Some(Host::Domain(name)) => (name, port)
            .to_socket_addrs()
            .is_ok_and(|mut all| all.any(|one| is_private(one.ip()))),
        None => true,
    }
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified()
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || v6.is_unspecified()
        }
    }
}

fn field(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn away(at: &Url, why: &dyn std::fmt::Display) -> Unfetched {
    Unfetched::Away {
        url: at.to_string(),
        why: why.to_string(),
    }
}

#[cfg(test)]
mod tests;
