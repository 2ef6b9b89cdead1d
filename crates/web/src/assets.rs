//! Assets under addresses that name their content, so that browsers keep them for ever.

use std::collections::BTreeMap;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest, Sha256};

use crate::gzip::{gzip, takes_gzip};
use crate::{Edge, Refused};

/// One file.
pub(crate) struct Asset {
    hash: String,
    bytes: Bytes,
    /// The same, where it is clearly shorter.
    compressed: Option<Bytes>,
    content_type: &'static str,
}

/// Every file by name.
#[derive(Default)]
pub(crate) struct Assets(BTreeMap<String, Asset>);

impl Assets {
    /// Takes a file in; one of an unknown kind is a fault.
    pub(crate) fn add(&mut self, name: &str, bytes: Vec<u8>) -> Result<(), String> {
        let content_type = match name.rsplit('.').next() {
            Some("css") => "text/css; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("ico") => "image/x-icon",
            Some("woff2") => "font/woff2",
            _ => return Err(format!("assets/{name}: files of this kind are not served")),
        };
        let digest = Sha256::digest(&bytes);
        let hash = digest
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let compressed = gzip(&bytes);
        let is_shorter = compressed.len() < bytes.len() * 9 / 10;
        self.0.insert(
            name.to_owned(),
            Asset {
                hash,
                compressed: is_shorter.then(|| compressed.into()),
                bytes: bytes.into(),
                content_type,
            },
        );
        Ok(())
    }

    /// What a file holds.
    pub(crate) fn bytes(&self, name: &str) -> Option<Bytes> {
        self.0.get(name).map(|asset| asset.bytes.clone())
    }

    /// The path of a file.
    pub(crate) fn path(&self, name: &str) -> Option<String> {
        self.0
            .get(name)
            .map(|asset| format!("/assets/{}/{name}", asset.hash))
    }
}

/// `GET /assets/{hash}/{name}`.
pub(crate) async fn serve(
    edge: Data<Edge>,
    request: HttpRequest,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Refused> {
    let (hash, name) = path.into_inner();
    let found = edge
        .templates()
        .assets
        .0
        .get(&name)
        .filter(|asset| asset.hash == hash);
    let Some(asset) = found else {
        return Err(Refused::not_found("no such asset"));
    };
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((CONTENT_TYPE, asset.content_type))
        .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((VARY, "Accept-Encoding"));
    let compressed = asset.compressed.as_ref();
    Ok(match compressed.filter(|_| takes_gzip(&request)) {
        Some(compressed) => answer
            .insert_header((CONTENT_ENCODING, "gzip"))
            .body(compressed.clone()),
        None => answer.body(asset.bytes.clone()),
    })
}

#[cfg(test)]
mod tests;
