//! One visit: a request, its language, its browser, its reference, and what it answers.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use crate::{Edge, Event, Lang, Page, Reference, Refused};

/// One request, as handlers see it. An extractor.
pub struct Visit {
    // private: Edge, Lang, browser, Reference, HttpRequest…
}

impl Visit {
    /// The edge.
    pub fn edge(&self) -> &Edge {
        todo!()
    }
    /// The visitor's language: `?lang=`, else the `lang` cookie, else `Accept-Language`, else French.
    pub fn lang(&self) -> Lang {
        todo!()
    }
    /// The reference of this request.
    pub fn reference(&self) -> &Reference {
        todo!()
    }
    /// The browser: an opaque value kept in a first-party cookie (HttpOnly, SameSite=Lax), set on
    /// the way out when absent. Binds attempts, flows and forms to the browser that opened them.
    pub fn browser(&self) -> &str {
        todo!()
    }
    /// Whether the browser came with its cookie (a browser without one cannot own an attempt).
    pub fn browser_is_known(&self) -> bool {
        todo!()
    }
    /// The raw path and query of this request (already checked to be printable ASCII).
    pub fn path_and_query(&self) -> &str {
        todo!()
    }
    /// The raw query octets, for signatures; empty when there is none.
    pub fn raw_query(&self) -> &str {
        todo!()
    }
    /// Checks a form's token and where it was posted from (Sec-Fetch-Site, Origin). Tokens are
    /// bound to the browser and to the form's name, and last 8 hours. `Err`: show the form again
    /// with the word `form.expired`; nothing is lost.
    pub fn check_csrf(&self, form: &str, token: Option<&str>) -> Result<(), FormExpired> {
        let _ = (form, token);
        todo!()
    }
    /// A page, status 200.
    pub fn page<P: Page>(&self, page: &P) -> Result<HttpResponse, Refused> {
        self.page_with(StatusCode::OK, page)
    }
    /// A page with another status.
    pub fn page_with<P: Page>(
        &self,
        status: StatusCode,
        page: &P,
    ) -> Result<HttpResponse, Refused> {
        let _ = (status, page);
        todo!()
    }
    /// 303 to a path or absolute address that the caller vouches for.
    pub fn see_other(&self, to: &str) -> HttpResponse {
        let _ = to;
        todo!()
    }
    /// Reads a cookie of ours by its short name (`__Host-` is the edge's business).
    pub fn cookie(&self, name: &str) -> Option<String> {
        let _ = name;
        todo!()
    }
    /// Sets a cookie: HttpOnly, SameSite=Lax, Path=/, Secure and `__Host-` over https; `keep_s`
    /// `None` for the browser's session. An empty value removes it.
    pub fn set_cookie(&self, name: &str, value: &str, keep_s: Option<u32>) {
        let _ = (name, value, keep_s);
        todo!()
    }
    /// Tells the journal, under this visit's reference.
    pub fn tell(&self, event: Event) {
        let _ = event;
        todo!()
    }
}

/// The form's token is absent, foreign or too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormExpired;
