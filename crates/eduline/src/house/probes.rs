//! What must be there before visitors are let in, and how it is asked.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use federation::Snapshot;
use web::{Edge, Probe};

use super::sources::OWN;
use super::{Lasting, held, sources};
use crate::settings::Settings;

/// Everything that `/health/ready` asks.
pub(super) fn of(settings: &Settings, lasting: &Lasting) -> Vec<Probe> {
    let leaving = Arc::clone(&lasting.leaving);
    let shelf = Arc::clone(&lasting.shelf);
    let mut probes = vec![
        Probe {
            name: "process",
            ask: Arc::new(move || {
                let is_leaving = leaving.load(Ordering::Relaxed);
                Box::pin(async move {
                    let why = || "it was told to stop".to_owned();
                    is_leaving.then(why).map_or(Ok(()), Err)
                })
            }),
        },
        Probe {
            name: "store",
            ask: Arc::new(move || {
                let shelf = Arc::clone(&shelf);
                Box::pin(async move { shelf.ready().await.map_err(|why| why.to_string()) })
            }),
        },
        federation(settings, lasting),
    ];
    probes.push(held::probe(Arc::clone(&lasting.keys)));
    if let Some(directory) = &lasting.directory {
        let accounts = Arc::clone(&directory.accounts);
        probes.push(Probe {
            name: "directory",
            ask: Arc::new(move || {
                let accounts = Arc::clone(&accounts);
                Box::pin(async move { accounts.ready().await.map_err(|why| why.to_string()) })
            }),
        });
    }
    probes
}

fn federation(settings: &Settings, lasting: &Lasting) -> Probe {
    let federation = Arc::clone(&lasting.federation);
    let clock = Edge::system_clock();
    let sources = settings.federation.sources.iter();
    let needed = sources.filter(|source| source.needed);
    let needed: HashSet<String> = needed.map(|source| source.name.clone()).collect();
    Probe {
        name: "federation",
        ask: Arc::new(move || {
            let snapshot = federation.snapshot();
            let missing = sources::missing(&snapshot);
            let why = missing.or_else(|| ended(&snapshot, &needed, clock()));
            Box::pin(async move { why.map_or(Ok(()), Err) })
        }),
    }
}

/// Which of the sources that are needed gave metadata whose time is over, if one did: nobody whom it
/// told of is believed any more, and another process may have read the next one.
fn ended(snapshot: &Snapshot, needed: &HashSet<String>, now: saml::Moment) -> Option<String> {
    let counts = |source: &str| source.starts_with(OWN) || needed.contains(source);
    let reports = snapshot.reports.iter();
    let mut ended = reports.filter_map(|report| {
        let ends = report.ends.filter(|ends| *ends <= now)?;
        counts(&report.source).then(|| {
            let why = report.failure.as_deref().unwrap_or("no newer one was read");
            format!("{}: metadata ended at {ends}: {why}", report.source)
        })
    });
    ended.next()
}
