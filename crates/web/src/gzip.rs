//! What is public is sent compressed to who takes that. Pages are not: what they hold of a visitor could
//! be guessed by how long they become (the attack called BREACH).

use std::io::Write;

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT_ENCODING;
use flate2::Compression;
use flate2::write::GzEncoder;

/// These bytes, compressed.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Memory cannot refuse to be written.
    encoder.write_all(bytes).ok();
    encoder.finish().unwrap_or_default()
}

/// Whether who asks takes gzip (RFC 9110 12.5.3).
pub fn takes_gzip(request: &HttpRequest) -> bool {
    let fields = request.headers().get_all(ACCEPT_ENCODING);
    fields
        .filter_map(|field| field.to_str().ok())
        .any(is_taken_by)
}

fn is_taken_by(field: &str) -> bool {
    field.split(',').any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_gzip = parts.next() == Some("gzip");
        let refuses = |part: &str| {
            let weight = part.strip_prefix("q=");
            weight.is_some_and(|weight| weight.trim_matches(['0', '.']).is_empty())
        };
        is_gzip && !parts.any(refuses)
    })
}
