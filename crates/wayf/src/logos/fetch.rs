//! Asking an address that somebody's metadata names: never one of this machine or of the networks
//! behind it, whatever a name or a redirect says. What a name stands for is looked at where the
//! connection is made, so that it cannot mean something else a moment later.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

/// Bytes of a logo.
pub(super) const LONGEST: u64 = 128 * 1024;
const TIMEOUT: Duration = Duration::from_secs(5);
const REDIRECTS: u32 = 3;

/// What stands at `url`, at most [`LONGEST`] bytes; `loopback`: this machine may be asked, because we
/// are on it.
pub(super) fn picture(url: &str, loopback: bool) -> Result<Vec<u8>, String> {
    let config = Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .max_redirects(REDIRECTS)
        .https_only(!loopback)
        .proxy(None)
        .tls_config(
            ureq::tls::TlsConfig::builder()
                .provider(ureq::tls::TlsProvider::NativeTls)
                .root_certs(ureq::tls::RootCerts::PlatformVerifier)
                .build(),
        )
        .build();
    let outside = Outside {
        resolver: DefaultResolver::default(),
        loopback,
    };
    let agent = Agent::with_parts(config, DefaultConnector::default(), outside);
    let answer = agent.get(url).header("accept", "image/*").call();
    let mut answer = answer.map_err(|why| why.to_string())?;
    let mut bytes = Vec::new();
    answer
        .body_mut()
        .with_config()
        .limit(u64::MAX)
        .reader()
        .take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|why| why.to_string())?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= LONGEST) {
        Ok(bytes)
    } else {
        Err(format!("longer than {LONGEST} bytes"))
    }
}

/// Names that stand for addresses outside, and no others.
#[derive(Debug)]
struct Outside {
    resolver: DefaultResolver,
    loopback: bool,
}

impl Resolver for Outside {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.resolver.resolve(uri, config, timeout)?;
        let is_fine = |address: IpAddr| {
            is_outside(address) || (self.loopback && address.to_canonical().is_loopback())
        };
        if found.iter().all(|one| is_fine(one.ip())) {
            Ok(found)
        } else {
            Err(ureq::Error::HostNotFound)
        }
    }
}

/// Whether everybody may reach an address (IANA, special-purpose address registries).
fn is_outside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_outside_v4(address),
        IpAddr::V6(address) => is_outside_v6(address),
    }
}

fn is_outside_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19));
    !is_special
}

/// Addresses that hold an IPv4 one (6to4, NAT64) lead wherever that one does.
fn is_outside_v6(address: Ipv6Addr) -> bool {
    let [first, second, third, ..] = address.segments();
    let is_global = first & 0xe000 == 0x2000;
    let octets = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    let [.., seventh, eighth] = address.segments();
    match (first, second) {
        (0x2002, _) => is_outside_v4(octets(second, third)),
        (0x64, 0xff9b) => is_outside_v4(octets(seventh, eighth)),
        _ => is_global,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_everybody_reaches_is_asked() {
        for inside in [
            "127.0.0.1",
            "127.8.8.8",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "0.1.2.3",
            "100.64.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "::127.0.0.1",
        ] {
            assert!(!is_outside(inside.parse().unwrap()), "{inside}");
        }
        for outside in [
            "8.8.8.8",
            "193.49.159.1",
            "172.32.0.1",
            "2001:660::1",
            "64:ff9b::808:808",
        ] {
            assert!(is_outside(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn an_inner_address_is_not_asked_for_a_picture() {
        for url in [
            "https://127.0.0.1:9/x.png",
            "https://localhost:9/x.png",
            "https://[::1]:9/x.png",
            "https://10.0.0.1/x.png",
            "https://169.254.169.254/latest",
            "http://8.8.8.8/x.png",
            "file:///etc/passwd",
            "data:image/png;base64,AAAA",
            "",
        ] {
            assert!(picture(url, false).is_err(), "{url}");
        }
    }
}
