//! What every browser and proxy may write into a request, fed to the readers of it with any bytes at
//! all: what fuzzing calls (`fuzz/`). Nothing may panic, and the assertions are the rules.

use std::net::{IpAddr, Ipv4Addr};

use serde::de::DeserializeOwned;

use crate::{Network, Reference, csrf, pairs, proxies, visit};

/// A form or a query as `T`, the way the extractors read it.
pub fn parameters<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    pairs::read(bytes).ok()
}

/// A form or a query: names come once, and hold no null.
pub fn form(bytes: &[u8]) {
    let Ok(pairs) = pairs::split(bytes) else {
        return;
    };
    for (at, (name, value)) in pairs.iter().enumerate() {
        assert!(!name.contains('\0') && !value.contains('\0'), "a null");
        let before = pairs.iter().take(at);
        assert!(
            before.into_iter().all(|(other, _)| other != name),
            "{name} twice"
        );
    }
}

/// Headers: cookies, languages, whom a proxy says it asks for; and what forms and addresses carry back
/// to us, a token and a reference.
pub fn header(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    visit::foreign(&text);
    let near = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let behind: Vec<Network> = Network::parse("127.0.0.0/8").into_iter().collect();
    assert_eq!(
        proxies::asker(near, &text, &[]),
        near,
        "a stranger was believed"
    );
    proxies::asker(near, &text, &behind);
    Network::parse(&text).ok();
    let token = csrf::holds(&[7; 32], "browser", "form", 0, &text);
    assert!(!token, "a token out of nothing");
    if let Some(reference) = Reference::parse(&text) {
        assert_eq!(Reference::parse(reference.as_str()), Some(reference));
    }
}
