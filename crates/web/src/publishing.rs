//! A document made now and then, and published with a tag so that it is fetched again only when it
//! changed.

use std::sync::{Arc, Mutex, PoisonError};

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

/// The document that stands, made again after a time.
pub struct Publisher {
    renewed: TimeDelta,
    current: Mutex<Option<Arc<Published>>>,
}

/// One made document.
pub struct Published {
    text: String,
    etag: String,
    of: String,
    made: DateTime<Utc>,
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
        let stands = |one: &&Arc<Published>| one.of == of && one.made + self.renewed > now;
        if let Some(published) = current.as_ref().filter(stands) {
            return Ok(Arc::clone(published));
        }
        let text = make()?;
        let digest = Sha256::digest(text.as_bytes());
        let tag: String = digest
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let published = Arc::new(Published {
            etag: format!("\"{tag}\""),
            text,
            of: of.to_owned(),
            made: now,
        });
        *current = Some(Arc::clone(&published));
        Ok(published)
    }
}

impl Published {
    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Answers a request for it: 200, or 304 to who has it (RFC 9110 13.1.2).
    pub fn answer(
        &self,
        request: &HttpRequest,
        content_type: &str,
        max_age_s: u32,
    ) -> HttpResponse {
        let known = request
            .headers()
            .get(IF_NONE_MATCH)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|tags| names(tags, &self.etag));
        let mut answer = if known {
            HttpResponse::NotModified()
        } else {
            HttpResponse::Ok()
        };
        answer
            .insert_header((ETAG, self.etag.clone()))
            .insert_header((CACHE_CONTROL, format!("public, max-age={max_age_s}")));
        if known {
            return answer.finish();
        }
        answer
            .insert_header((CONTENT_TYPE, content_type))
            .body(self.text.clone())
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
