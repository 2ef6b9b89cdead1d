//! A document made now and then, and published with a tag so that it is fetched again only when it
//! changed.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use crate::gzip::{gzip, takes_gzip};

/// The document that stands, made again after a time.
pub struct Publisher {
    renewed: TimeDelta,
    current: Mutex<Option<Made>>,
}

/// What a document was made of, and when.
struct Made {
    of: String,
    at: DateTime<Utc>,
    published: Arc<Published>,
}

/// One document.
pub struct Published {
    text: String,
    tag: String,
    compressed: OnceLock<Vec<u8>>,
}

impl Publisher {
    /// A document to be made again once it is `renewed` old.
    pub fn renewed_after(renewed: TimeDelta) -> Self {
        Self {
            renewed,
            current: Mutex::new(None),
        }
    }

    /// The document that stands at `now`; `make` makes another when there is none young enough, or
    /// when it is to be made `of` something else than the last one (other keys).
    pub fn at<E>(
        &self,
        now: DateTime<Utc>,
        of: &str,
        make: impl FnOnce() -> Result<String, E>,
    ) -> Result<Arc<Published>, E> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let stands = |one: &&Made| one.of == of && one.at + self.renewed > now;
        if let Some(made) = current.as_ref().filter(stands) {
            return Ok(Arc::clone(&made.published));
        }
        let published = Arc::new(Published::of(make()?));
        *current = Some(Made {
            of: of.to_owned(),
            at: now,
            published: Arc::clone(&published),
        });
        Ok(published)
    }
}

impl Published {
    /// This text.
    pub fn of(text: String) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        let tag = digest.iter().take(16);
        Self {
            tag: tag.map(|byte| format!("{byte:02x}")).collect(),
            text,
            compressed: OnceLock::new(),
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Answers a request for it: 200, or 304 to who has it (RFC 9110 13.1.2); compressed for who takes
    /// that.
    pub fn answer(
        &self,
        request: &HttpRequest,
        content_type: &str,
        max_age_s: u32,
    ) -> HttpResponse {
        let field = |name| {
            let value = request.headers().get(name)?;
            value.to_str().ok()
        };
        let is_compressed = takes_gzip(request);
        // What differs byte by byte has another tag (RFC 9110 8.8.3).
        let tags = [
            format!("\"{}\"", self.tag),
            format!("\"{}-gzip\"", self.tag),
        ];
        let known =
            field(IF_NONE_MATCH).is_some_and(|known| tags.iter().any(|tag| names(known, tag)));
        let [plain, zipped] = tags;
        let mut answer = if known {
            HttpResponse::NotModified()
        } else {
            HttpResponse::Ok()
        };
        answer
            .insert_header((ETAG, if is_compressed { zipped } else { plain }))
            .insert_header((VARY, "Accept-Encoding"))
            .insert_header((CACHE_CONTROL, format!("public, max-age={max_age_s}")));
        if known {
            return answer.finish();
        }
        answer.insert_header((CONTENT_TYPE, content_type));
        if is_compressed {
            answer.insert_header((CONTENT_ENCODING, "gzip"));
            return answer.body(self.compressed().to_vec());
        }
        answer.body(self.text.clone())
    }

    fn compressed(&self) -> &[u8] {
        self.compressed.get_or_init(|| gzip(self.text.as_bytes()))
    }
}

/// Whether an `If-None-Match` field names this tag.
fn names(tags: &str, etag: &str) -> bool {
    tags.trim() == "*"
        || tags
            .split(',')
            .map(|tag| tag.trim().trim_start_matches("W/"))
            .any(|tag| tag == etag)
}
