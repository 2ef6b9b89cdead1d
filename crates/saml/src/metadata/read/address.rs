//! Which addresses may be endpoints (SECURITY 25).

use url::{Host, Url};

use crate::Refusal;
use crate::refusal::Said;

/// Longest address taken.
const LONGEST: usize = 2048;

/// Checks an address that people, requests or answers are sent to: https, or http on a loopback host
/// where that is allowed; with nothing in it that readers of addresses disagree on.
pub(in crate::metadata) fn endpoint(
    location: &str,
    loopback_http: bool,
) -> Result<String, Refusal> {
    if is_endpoint(location, loopback_http) {
        Ok(location.to_owned())
    } else {
        Err(Refusal::Endpoint {
            location: Said::new(location),
        })
    }
}

fn is_endpoint(location: &str, loopback_http: bool) -> bool {
    let is_plain = location.len() <= LONGEST
        && !location.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\');
    let Ok(url) = Url::parse(location) else {
        return false;
    };
    let is_allowed = match url.scheme() {
        "https" => url.has_host(),
        "http" => loopback_http && is_loopback(&url),
        _ => false,
    };
    is_plain && is_allowed && has_plain_authority(location) && url.fragment().is_none()
}

/// Whether a host, and nobody's name, stands between `://` and what follows. Read from the text: the
/// parser mends too many slashes, and too few.
fn has_plain_authority(location: &str) -> bool {
    location.split_once("://").is_some_and(|(scheme, rest)| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        !scheme.contains(':') && !authority.is_empty() && !authority.contains('@')
    })
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether a person may be given `address` as a link.
pub(in crate::metadata) fn is_link(address: &str) -> bool {
    let plain = |loopback| is_endpoint(address, loopback);
    plain(true) || Url::parse(address).is_ok_and(|url| url.scheme() == "http" && url.has_host())
}

/// Whether `address` may be a logo: https, or an image written into the address (SDP-MD10).
pub(in crate::metadata) fn is_logo(address: &str) -> bool {
    address.starts_with("data:image/") || is_endpoint(address, true)
}

#[cfg(test)]
mod tests {
    use super::{endpoint, is_link, is_logo};

    #[test]
    fn https_is_taken() {
        for location in [
            "https://sp.example/acs",
            "https://sp.example:8443/acs?x=1&y=%20",
            "https://[2001:db8::1]/acs",
            "https://sp.example/@acs?a=://",
            "https://élève.example/acs",
        ] {
            assert_eq!(endpoint(location, false).as_deref(), Ok(location));
        }
    }

    #[test]
    fn http_is_taken_on_loopback_hosts_and_where_allowed() {
        for location in [
            "http://localhost:8080/acs",
            "http://127.0.0.1/acs",
            "http://127.8.9.1:1/acs",
            "http://[::1]:8080/acs",
        ] {
            assert!(endpoint(location, true).is_ok(), "{location}");
            assert!(endpoint(location, false).is_err(), "{location}");
        }
        for location in [
            "http://sp.example/acs",
            "http://localhost.example/acs",
            "http://128.0.0.1/acs",
            "http://10.0.0.1/acs",
            "http://[::2]/acs",
            "http://0.0.0.0/acs",
        ] {
            assert!(endpoint(location, true).is_err(), "{location}");
        }
    }

    #[test]
    fn other_schemes_and_disguises_are_no_endpoints() {
        for location in [
            "",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            " javascript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "ftp://sp.example/",
            "//sp.example/acs",
            "/acs",
            "https:sp.example/acs",
            "https:/sp.example/acs",
            "https:///acs",
            "https://",
            "https://user@sp.example/acs",
            "https://user:pass@sp.example/acs",
            "https://@sp.example/acs",
            "https://sp.example\\@evil.example/acs",
            "https:\\\\sp.example/acs",
            "https://sp.example/acs#x",
            "https://sp.example/acs#",
            "https://sp.example/a b",
            "https://sp.example/acs\t",
            " https://sp.example/acs",
            "https://sp.example/\u{a0}",
            "https://sp.example/\u{0}",
            "https://sp .example/",
            "urn:x",
        ] {
            assert!(endpoint(location, true).is_err(), "{location:?}");
        }
        let long = format!("https://sp.example/{}", "x".repeat(2048));
        assert!(endpoint(&long, true).is_err());
    }

    #[test]
    fn links_and_logos_never_run() {
        assert!(is_link("http://www.sp.example/aide"));
        assert!(is_logo("data:image/png;base64,AAAA"));
        assert!(is_logo("https://sp.example/logo.svg"));
        for address in ["javascript:alert(1)", "data:text/html,x", "", "x"] {
            assert!(!is_link(address), "{address}");
            assert!(!is_logo(address), "{address}");
        }
        assert!(!is_logo("http://sp.example/logo.png"));
    }
}
