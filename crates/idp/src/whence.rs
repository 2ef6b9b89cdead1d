//! Where a sign-in came from: an address, and what the browser says it is.

use chrono::{DateTime, Utc};
use directory::history::{SignIn, What, Whose};
use serde::{Deserialize, Serialize};
use web::Visit;

use crate::flow::Flow;
use crate::realm::Realm;

/// Where a sign-in came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Whence {
    pub(crate) address: String,
    /// `Firefox, Windows`; empty when the browser says nothing that is known.
    pub(crate) device: String,
}

impl Whence {
    pub(crate) fn of(visit: &Visit) -> Self {
        Self {
            address: visit.peer().to_owned(),
            device: device(visit.agent()),
        }
    }
}

/// Notes it in the history of whom it is about; nobody waits for that.
pub(crate) fn note(
    visit: &Visit,
    realm: &Realm,
    flow: &Flow,
    (whose, what, at): (Whose, What, DateTime<Utc>),
) {
    let Whence { address, device } = Whence::of(visit);
    let service = Some(flow.service.to_string());
    let line = SignIn {
        at,
        what,
        address,
        device,
        service,
    };
    realm.directory.history.note(whose, line);
}

/// Browser and system, in their own names. Nothing depends on it: it is what the visitor's program
/// says, for people to know their own devices by. The order matters: browsers name each other.
fn device(agent: &str) -> String {
    const BROWSERS: [(&str, &str); 7] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("CrOS", "ChromeOS"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let named = |known: &[(&str, &'static str)]| {
        let found = known.iter().find(|(mark, _)| agent.contains(mark));
        found.map(|(_, name)| *name)
    };
    let both = [named(&BROWSERS), named(&SYSTEMS)];
    both.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_as_people_know_them() {
        const WEBKIT: &str = "AppleWebKit/537.36 (KHTML, like Gecko)";
        let chrome = |system: &str, rest: &str| {
            format!("Mozilla/5.0 ({system}) {WEBKIT} Chrome/142.0.0.0 {rest}Safari/537.36")
        };
        let windows = "Windows NT 10.0; Win64; x64";
        let iphone = "iPhone; CPU iPhone OS 18_7 like Mac OS X";
        for (agent, named) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Firefox/145.0".to_owned(),
                "Firefox, Linux",
            ),
            (
                format!("{} Edg/142.0.0.0", chrome(windows, "")),
                "Edge, Windows",
            ),
            (chrome("Linux; Android 10; K", "Mobile "), "Chrome, Android"),
            (
                format!("Mozilla/5.0 ({iphone}) {WEBKIT} Safari/604.1"),
                "Safari, iPhone",
            ),
            ("curl/8".to_owned(), ""),
            ("<script>".to_owned(), ""),
            (String::new(), ""),
        ] {
            assert_eq!(device(&agent), named, "{agent}");
        }
    }
}
