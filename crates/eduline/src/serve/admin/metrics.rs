//! `/metrics`: what is counted while visitors come and go, and what is so at this moment.

use std::fmt::Write;

use actix_web::HttpResponse;
use actix_web::web::Data;
use federation::{Report, Snapshot};
use saml::{Moment, VerifyingKey};
use web::metrics::escaped;

use super::{Behind, Shown};

/// Days that a certificate of others may have left before it is told: there may be ten thousand.
const PEERS: i64 = 60;

/// `GET /metrics`
pub(super) async fn tell(shown: Data<Shown>) -> HttpResponse {
    let behind = shown.behind.load_full();
    let mut text = behind.edge.metrics().text();
    let away = behind.edge.unready().await;
    gauge(&mut text, "eduline_ready", "", u8::from(away.is_empty()));
    for (name, _) in away {
        gauge(
            &mut text,
            "eduline_away",
            &format!("dependency=\"{name}\""),
            1,
        );
    }
    let version = concat!("version=\"", env!("CARGO_PKG_VERSION"), "\"");
    gauge(&mut text, "eduline_build_info", version, 1);
    let snapshot = behind.federation.snapshot();
    let now = behind.edge.now();
    for report in &snapshot.reports {
        tell_source(&mut text, report, now);
    }
    tell_keys(&mut text, &behind);
    for (entity, days) in ending(&snapshot, now) {
        let labels = format!("entity=\"{}\"", escaped(&entity));
        gauge(
            &mut text,
            "eduline_peer_certificate_days_left",
            &labels,
            days,
        );
    }
    tell_process(&mut text);
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(typed(&text))
}

fn gauge(text: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    // Writing to a String never fails.
    if labels.is_empty() {
        writeln!(text, "{name} {value}").ok();
    } else {
        writeln!(text, "{name}{{{labels}}} {value}").ok();
    }
}

/// The lines of each name together, under its kind, as the text form wants them.
fn typed(text: &str) -> String {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut kind = "";
    let mut typed = String::new();
    for line in text.lines() {
        if line.starts_with('#') {
            kind = line;
            writeln!(typed, "{line}").ok();
            continue;
        }
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        let told = kind.split(' ').nth(2).unwrap_or_default();
        if !told.is_empty() && name.starts_with(told) {
            writeln!(typed, "{line}").ok();
            continue;
        }
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, lines)) => lines.push(line),
            None => groups.push((name, vec![line])),
        }
    }
    for (name, lines) in groups {
        writeln!(typed, "# TYPE {name} gauge\n{}", lines.join("\n")).ok();
    }
    typed
}

/// How long the certificates of our keys last (M09): negative once they are over.
fn tell_keys(text: &mut String, behind: &Behind) {
    for bunch in behind.keys.bunches() {
        let key = bunch.name();
        for one in bunch.keys() {
            if let Some(days) = one.days_left(behind.edge.now()) {
                let state = one.state.as_str();
                let labels = format!("key=\"{key}\",state=\"{state}\"");
                gauge(text, "eduline_certificate_days_left", &labels, days);
            }
        }
    }
}

/// How many entities a source gave, how many it could not, when it was last read, and until when that
/// is believed (B04).
fn tell_source(text: &mut String, report: &Report, now: Moment) {
    let labels = format!("source=\"{}\"", escaped(&report.source));
    let mut told = |name: &str, value: i64| gauge(text, name, &labels, value);
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    told("eduline_metadata_entities", number(report.entities));
    told("eduline_metadata_left_out", number(report.left_out.len()));
    told(
        "eduline_metadata_failed",
        i64::from(report.failure.is_some()),
    );
    told("eduline_metadata_failures", i64::from(report.failures));
    if let Some(read_at) = report.read_at {
        told("eduline_metadata_read_seconds", read_at.timestamp());
        told(
            "eduline_metadata_age_seconds",
            (now - read_at).num_seconds(),
        );
    }
    if let Some(ends) = report.ends {
        told("eduline_metadata_valid_until_seconds", ends.timestamp());
    }
}

/// Of whom the certificate that signs for them ends soon, and in how many days (B08). Where one follows
/// another, the one that lasts counts. Of a large federation, those are looked at that people sign on to.
pub(super) fn ending(snapshot: &Snapshot, now: Moment) -> Vec<(String, i64)> {
    let last = |keys: &[VerifyingKey]| {
        let ends = keys.iter().filter_map(VerifyingKey::not_after);
        ends.max().map(|ends| (ends - now).num_days())
    };
    let mut ending: Vec<(String, i64)> = snapshot
        .at_hand()
        .filter_map(|entity| {
            let idp = entity
                .idp
                .as_ref()
                .and_then(|role| last(&role.signing_keys));
            let sp = entity.sp.as_ref().and_then(|role| last(&role.signing_keys));
            let days = idp.into_iter().chain(sp).min()?;
            (days < PEERS).then(|| (entity.id.as_str().to_owned(), days))
        })
        .collect();
    ending.sort_by(|(id, days), (other, others)| (days, id).cmp(&(others, other)));
    ending
}

/// What Prometheus' own clients tell of a process, as Linux counts it.
fn tell_process(text: &mut String) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = resident.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    if let Some(kilobytes) = resident {
        gauge(text, "process_resident_memory_bytes", "", kilobytes * 1024);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        gauge(text, "process_open_fds", "", open.count());
    }
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let most = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let most = most.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    if let Some(most) = most {
        gauge(text, "process_max_fds", "", most);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines_of_a_name_stand_together_under_its_kind() {
        let text = "# TYPE a_total counter\na_total 1\nb{x=\"1\"} 1\nc 2\nb{x=\"2\"} 3\n";
        assert_eq!(
            super::typed(text),
            "# TYPE a_total counter\na_total 1\n# TYPE b gauge\nb{x=\"1\"} 1\nb{x=\"2\"} 3\n\
             # TYPE c gauge\nc 2\n"
        );
    }
}
