//! Where a sign-in came from: an address, and what the browser says it is.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use directory::Person;
use directory::history::{SignIn, What, Whose};
use directory::places::Arrival;
use serde::{Deserialize, Serialize};
use web::{Event, Refused, Visit};

use crate::flow::Flow;
use crate::letters::{self, Kind};
use crate::realm::Realm;
use crate::refusals;

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

    /// What it is called among the places of a person: the académie's own networks are one.
    fn place(&self, realm: &Realm) -> String {
        let network = if realm.second_factors.is_inside(&self.address) {
            "inside".to_owned()
        } else {
            network(&self.address)
        };
        format!("{network}\n{}", self.device)
    }
}

/// The network of an address: what one provider has in one region, so that a telephone that is given
/// another address every day stays where it is.
fn network(address: &str) -> String {
    match address
        .parse::<IpAddr>()
        .map(|address| address.to_canonical())
    {
        Ok(IpAddr::V4(address)) => {
            let [one, two, ..] = address.octets();
            format!("{one}.{two}")
        }
        Ok(IpAddr::V6(address)) => {
            let [one, two, ..] = address.segments();
            format!("{one:x}:{two:x}")
        }
        Err(_) => String::new(),
    }
}

/// Who gave their password is at this place; of one where they never were, they are told by mail (A13).
pub(crate) async fn arrive(
    visit: &Visit,
    realm: &Realm,
    person: &Person,
    now: DateTime<Utc>,
) -> Result<Arrival, Refused> {
    let whence = Whence::of(visit);
    let places = &realm.directory.places;
    let arrival = places.arrive(&person.id, &whence.place(realm), now).await;
    let arrival = arrival.map_err(refusals::away)?;
    if arrival.is_new {
        visit.tell(Event::new("idp.new-place").with("person", person.id.as_str()));
        let labels = [("realm", realm.parts.realm.as_str())];
        realm.edge.count("eduline_new_places_total", &labels);
        letters::tell(visit, realm, person, &Kind::NewPlace(&whence)).await;
    }
    Ok(arrival)
}

/// They proved more than a password here: it is a place of theirs.
pub(crate) async fn prove(visit: &Visit, realm: &Realm, person: &str) -> Result<(), Refused> {
    let place = Whence::of(visit).place(realm);
    let proven = realm.directory.places.prove(person, &place).await;
    proven.map_err(refusals::away)
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
    fn a_network_is_what_a_provider_has_in_a_region() {
        for (address, named) in [
            ("203.0.113.7", "203.0"),
            ("::ffff:203.0.113.9", "203.0"),
            ("2001:db8:1::1", "2001:db8"),
            ("2001:db8:ffff::1", "2001:db8"),
            ("nowhere", ""),
        ] {
            assert_eq!(network(address), named, "{address}");
        }
    }

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
