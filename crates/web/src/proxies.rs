//! Who stands in front of this server, and may say for whom it asks.

use std::net::IpAddr;

/// A network: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Reads an address, with or without the number of its bits that count.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (address, bits) = text
            .split_once('/')
            .map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address
            .parse()
            .map_err(|_| format!("{text:?} is not an IP address or network"))?;
        let most = width(address);
        let bits = bits.map_or(Ok(most), str::parse);
        match bits {
            Ok(bits) if bits <= most => Ok(Self { address, bits }),
            _ => Err(format!("{text:?}: between 0 and {most} bits count")),
        }
    }

    /// Whether an address is one of this network's.
    pub fn holds(&self, address: IpAddr) -> bool {
        let drop = width(self.address) - self.bits;
        let kept = |address: IpAddr| number(address).checked_shr(drop).unwrap_or_default();
        address.is_ipv4() == self.address.is_ipv4() && kept(address) == kept(self.address)
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The address a request came from: the peer's, unless the peer is a proxy of ours, which then says
/// who asked it (`X-Forwarded-For`; each proxy adds on the right whom it heard, so it is read from
/// there, as far as proxies of ours wrote it).
pub(crate) fn asker(peer: IpAddr, forwarded: &str, proxies: &[Network]) -> IpAddr {
    let ours = |address: IpAddr| proxies.iter().any(|network| network.holds(address));
    let mut asker = peer.to_canonical();
    for said in forwarded.rsplit(',') {
        let Ok(before) = said.trim().parse::<IpAddr>() else {
            break;
        };
        if !ours(asker) {
            break;
        }
        asker = before.to_canonical();
    }
    asker
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts
            .iter()
            .map(|text| Network::parse(text).unwrap())
            .collect()
    }

    #[test]
    fn a_network_holds_its_addresses_and_no_other() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.2"),
            ("10.1.2.3/31", "10.1.2.2", "10.1.2.4"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "fd00::1", "127.0.0.1"),
            ("fd00::/8", "fdff::", "fe00::"),
            ("::1", "::1", "::2"),
        ] {
            let network = Network::parse(network).unwrap();
            assert!(
                network.holds(inside.parse().unwrap()),
                "{network:?} {inside}"
            );
            assert!(
                !network.holds(outside.parse().unwrap()),
                "{network:?} {outside}"
            );
        }
        for bad in [
            "",
            "x",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "10.0.0/8",
        ] {
            assert!(Network::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_stranger_speaks_for_nobody() {
        let proxies = networks(&["10.0.0.0/8", "127.0.0.1"]);
        for (peer, forwarded, expected) in [
            ("192.0.2.1", "", "192.0.2.1"),
            ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
            ("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7"),
            ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
            ("10.0.0.1", "198.51.100.7, 10.0.0.2", "198.51.100.7"),
            ("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"),
            (
                "10.0.0.1",
                "203.0.113.9, 127.0.0.1, 10.0.0.2",
                "203.0.113.9",
            ),
            ("10.0.0.1", "2001:db8::7", "2001:db8::7"),
            ("10.0.0.1", "127.0.0.1", "127.0.0.1"),
        ] {
            let asker = asker(peer.parse().unwrap(), forwarded, &proxies);
            assert_eq!(asker.to_string(), expected, "{peer} {forwarded}");
        }
        let peer = "127.0.0.1".parse().unwrap();
        assert_eq!(
            asker(peer, "198.51.100.7", &[]),
            peer,
            "nobody is trusted by default"
        );
    }
}
