//! A refusal: the visitor's sentence and the journal's story are two fields.

use actix_web::http::StatusCode;

/// What a handler returns when it will not go on. The edge renders the refusal page (in the
/// visitor's language, with code, reference and a way out) and tells the journal once.
#[derive(Debug)]
pub struct Refused {
    /// The stable public code, `EDU-nnnn`.
    pub code: &'static str,
    /// 400 malformed, 401 unknown, 403 refused, 404, 405, 413, 429, 503.
    pub status: StatusCode,
    /// Stem of the visitor's words: `refusal.<key>.title`, `.text` and, when there is one, `.advice`.
    /// Words that do not exist fall back to `refusal.generic`.
    pub words: &'static str,
    /// The journal's story, in English.
    pub story: String,
    /// Fields for the journal.
    pub fields: Vec<(&'static str, String)>,
    /// `Retry-After`, seconds.
    pub retry_after: Option<u32>,
    /// `WWW-Authenticate`: how a program that is not known may say who it comes for (RFC 9110
    /// 11.6.1).
    pub challenge: Option<String>,
    /// A way out: word key of the link, and path or address.
    pub way_out: Option<(&'static str, String)>,
}

impl Refused {
    /// A refusal.
    pub fn new(
        status: StatusCode,
        code: &'static str,
        words: &'static str,
        story: impl Into<String>,
    ) -> Self {
        Self {
            code,
            status,
            words,
            story: story.into(),
            fields: Vec::new(),
            retry_after: None,
            challenge: None,
            way_out: None,
        }
    }
    /// 400, malformed.
    pub fn malformed(code: &'static str, words: &'static str, story: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, words, story)
    }
    /// 403, refused.
    pub fn forbidden(code: &'static str, words: &'static str, story: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, words, story)
    }
    /// 404, nothing is there.
    pub fn not_found(story: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "EDU-1404", "not-found", story)
    }
    /// 503, a dependency is away (`away` names it in the journal).
    pub fn away(code: &'static str, story: impl Into<String>) -> Self {
        let mut refused = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, "away", story);
        refused.retry_after = Some(5);
        refused
    }
    /// Adds a field for the journal.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }
    /// Adds `WWW-Authenticate`.
    #[must_use]
    pub fn challenge(mut self, scheme: impl Into<String>) -> Self {
        self.challenge = Some(scheme.into());
        self
    }
    /// Adds `Retry-After`, seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }
    /// Adds a way out.
    #[must_use]
    pub fn way_out(mut self, label: &'static str, href: impl Into<String>) -> Self {
        self.way_out = Some((label, href.into()));
        self
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.code, self.story)
    }
}

impl actix_web::ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        self.status
    }
}

impl From<store::Away> for Refused {
    fn from(away: store::Away) -> Self {
        Self::away("EDU-6001", away.to_string())
    }
}
