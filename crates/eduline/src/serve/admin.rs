//! The private listener: `/metrics`, for the operator's machines only.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::web::{Data, get, resource};
use actix_web::{App, HttpResponse, HttpServer};
use federation::{Federation, Snapshot};
use web::Edge;

use crate::house::{HeldKeys, House};

/// What the private pages read.
struct Behind {
    edge: Edge,
    federation: Arc<Federation>,
    keys: Arc<HeldKeys>,
}

/// Listens at `address` beside the public server.
pub(super) fn open(address: SocketAddr, house: &House) -> std::io::Result<()> {
    let behind = Data::new(Behind {
        edge: house.edge.clone(),
        federation: Arc::clone(&house.federation),
        keys: Arc::clone(&house.keys),
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(behind.clone())
            .service(resource("/metrics").route(get().to(metrics)))
    })
    .workers(1)
    .disable_signals()
    .bind(address)?;
    actix_web::rt::spawn(server.run());
    Ok(())
}

async fn metrics(behind: Data<Behind>) -> HttpResponse {
    let mut text = behind.edge.metrics_text();
    let away = behind.edge.unready().await;
    text.push_str("# TYPE eduline_ready gauge\n");
    let ready = u8::from(away.is_empty());
    // Writing to a String never fails.
    writeln!(text, "eduline_ready {ready}").ok();
    for (name, _) in away {
        writeln!(text, "eduline_away{{dependency=\"{name}\"}} 1").ok();
    }
    tell_sources(&mut text, &behind.federation.snapshot());
    tell_keys(&mut text, &behind);
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(text)
}

/// How long the certificates of our keys last (M09): negative once they are over.
fn tell_keys(text: &mut String, behind: &Behind) {
    text.push_str("# TYPE eduline_certificate_days_left gauge\n");
    for bunch in behind.keys.bunches() {
        let key = bunch.name();
        for one in bunch.keys() {
            if let Some(days) = one.days_left(behind.edge.now()) {
                let state = one.state.as_str();
                writeln!(
                    text,
                    "eduline_certificate_days_left{{key=\"{key}\",state=\"{state}\"}} {days}"
                )
                .ok();
            }
        }
    }
}

/// How many entities each source gave, how many it could not, and when it was last read (B04).
fn tell_sources(text: &mut String, snapshot: &Snapshot) {
    for report in &snapshot.reports {
        let source = &report.source;
        let given = report.entities;
        let left_out = report.left_out.len();
        writeln!(
            text,
            "eduline_metadata_entities{{source=\"{source}\"}} {given}"
        )
        .ok();
        writeln!(
            text,
            "eduline_metadata_left_out{{source=\"{source}\"}} {left_out}"
        )
        .ok();
        if let Some(read_at) = report.read_at {
            let read_at = read_at.timestamp();
            writeln!(
                text,
                "eduline_metadata_read_seconds{{source=\"{source}\"}} {read_at}"
            )
            .ok();
        }
        let failed = u8::from(report.failure.is_some());
        writeln!(
            text,
            "eduline_metadata_failed{{source=\"{source}\"}} {failed}"
        )
        .ok();
    }
}
