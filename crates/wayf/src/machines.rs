//! What visitors' machines are called: reverse DNS, believed only where the name leads back to the
//! address, since whoever has the address writes the name (RFC 1912 2.1).
//!
//! # Invariants
//!
//! * A page waits for a name for a moment at most; one that comes later is there for the next page.
//! * However many visitors there are, few are asked for at a time, and few are remembered.

use std::collections::HashMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::rt::task::spawn_blocking;
use actix_web::rt::time::timeout;
use chrono::TimeDelta;
use saml::Moment;

/// How long a page waits for a name.
const PATIENCE: Duration = Duration::from_millis(200);
/// Names asked for at a time: each holds a thread until the resolver gives up.
const AT_A_TIME: usize = 8;
/// Addresses remembered.
const MOST: usize = 10_000;
/// How long what was found counts, or that nothing was.
const FRESH: TimeDelta = TimeDelta::minutes(10);

/// Names of machines, as they were found.
#[derive(Clone, Default)]
pub(crate) struct Machines(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    found: HashMap<IpAddr, (Moment, Option<Arc<str>>)>,
    under_way: usize,
}

impl Machines {
    /// What the machine at this address is called, in lower case, where that is known in time.
    pub(crate) async fn name_of(&self, address: IpAddr, now: Moment) -> Option<Arc<str>> {
        let address = address.to_canonical();
        {
            let mut known = self.known();
            if let Some((since, name)) = known.found.get(&address)
                && now - *since < FRESH
            {
                return name.clone();
            }
            if known.under_way >= AT_A_TIME {
                return None;
            }
            known.under_way += 1;
        }
        let machines = self.clone();
        let asked = spawn_blocking(move || {
            let name: Option<Arc<str>> = look_up(address).map(Into::into);
            machines.keep(address, now, name.clone());
            name
        });
        timeout(PATIENCE, asked).await.ok()?.ok()?
    }

    fn keep(&self, address: IpAddr, now: Moment, name: Option<Arc<str>>) {
        let mut known = self.known();
        known.under_way = known.under_way.saturating_sub(1);
        if known.found.len() >= MOST {
            known.found.retain(|_, (since, _)| now - *since < FRESH);
        }
        if known.found.len() >= MOST {
            known.found.clear();
        }
        known.found.insert(address, (now, name));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the system's resolver. Blocks as long as that takes.
fn look_up(address: IpAddr) -> Option<String> {
    let name = dns_lookup::lookup_addr(&address).ok()?;
    believed(&name, address, |name| {
        let back = (name, 0).to_socket_addrs().ok()?;
        Some(back.map(|one| one.ip()).collect())
    })
}

/// The name, in lower case, where it `leads` back to the address.
fn believed(
    name: &str,
    address: IpAddr,
    leads: impl FnOnce(&str) -> Option<Vec<IpAddr>>,
) -> Option<String> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    // A resolver that knows no name gives the address back.
    if name.parse::<IpAddr>().is_ok() {
        return None;
    }
    let back = leads(&name)?;
    let leads_back = back.iter().any(|one| one.to_canonical() == address);
    leads_back.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d14_a_name_that_does_not_lead_back_is_not_believed() {
        let [address, other] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        let named = |name, back: Vec<IpAddr>| believed(name, address, |_| Some(back));
        let name = named("PC.lycee.example.", vec![other, mapped]);
        assert_eq!(name.as_deref(), Some("pc.lycee.example"));
        assert_eq!(named("pc.lycee.example", vec![other]), None);
        assert_eq!(named("pc.lycee.example", vec![]), None);
        assert_eq!(named("192.0.2.1", vec![address]), None);
        assert_eq!(believed("pc.lycee.example", address, |_| None), None);
    }

    #[actix_web::test]
    async fn what_was_found_counts_for_a_while_and_few_are_remembered() {
        let machines = Machines::default();
        let now: Moment = "2026-11-26T12:00:00Z".parse().unwrap();
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        machines.keep(address, now, Some("pc.lycee.example".into()));
        let later = now + FRESH - TimeDelta::seconds(1);
        let name = machines.name_of(address, later).await;
        assert_eq!(name.as_deref(), Some("pc.lycee.example"));
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(machines.name_of(mapped, later).await, name);
        machines.known().under_way = AT_A_TIME;
        let stale = machines.name_of(address, now + FRESH).await;
        assert_eq!(stale, None, "nobody waits when enough are asked for");
        for number in 0..12_000_u32 {
            machines.keep(std::net::Ipv4Addr::from(number).into(), now, None);
        }
        assert!(machines.known().found.len() <= MOST);
    }
}
