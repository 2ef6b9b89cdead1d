//! One visit: a request, its language, its browser, its reference, and what it answers.

use std::cell::{OnceCell, RefCell};
use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::Uri;
use actix_web::http::header::{
    ACCEPT, ACCEPT_LANGUAGE, CONTENT_LANGUAGE, COOKIE, HeaderName, HeaderValue, LOCATION, ORIGIN,
    USER_AGENT,
};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use minijinja::Value;
use minijinja::value::Serde;

use crate::guard::{self, AsksPlace, FormAction};
use crate::templates::{Form, Key, Surroundings, gap_here, gap_reference};
use crate::{Edge, Event, Lang, Page, Reference, Refused, csrf, proxies};

/// The cookie that tells one browser from another.
const BROWSER: &str = "eduline";
const LANGUAGE: &str = "lang";
const FORWARDED_FOR: &str = "x-forwarded-for";
const YEAR_S: u32 = 365 * 86_400;

/// One request, as handlers see it. An extractor.
#[derive(Clone)]
pub struct Visit {
    inner: Rc<Inner>,
}

/// What is needed of the request is copied: a second handle on it would stand in the router's way.
struct Inner {
    edge: Edge,
    uri: Uri,
    peer: String,
    cookies_in: String,
    fetch_site: Option<String>,
    origin: Option<String>,
    agent: String,
    wants_json: bool,
    lang: Lang,
    reference: Reference,
    browser: OnceCell<String>,
    cookies: RefCell<Vec<Cookie<'static>>>,
}

/// The form's token is absent, foreign or too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormExpired;

impl Visit {
    pub(crate) fn new(edge: Edge, request: &HttpRequest) -> Self {
        let reference = Reference::from_random(edge.random());
        // A cookie that another application set on this host may hold any byte: it must not hide ours.
        let header = |name: HeaderName| {
            let value = request.headers().get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let accepted = header(ACCEPT).unwrap_or_default();
        let cookies_in = header(COOKIE).unwrap_or_default();
        let asked = asked_language(request.query_string());
        let kept = || match find_cookie(&cookies_in, &cookie_name(&edge, LANGUAGE))? {
            "fr" => Some(Lang::Fr),
            "en" => Some(Lang::En),
            _ => None,
        };
        let lang = asked
            .or_else(kept)
            .unwrap_or_else(|| preferred(&header(ACCEPT_LANGUAGE).unwrap_or_default()));
        let peer = request.peer_addr().map(|peer| {
            let said = request
                .headers()
                .get_all(FORWARDED_FOR)
                .map(HeaderValue::to_str);
            let said: Vec<&str> = said.map(|said| said.unwrap_or("?")).collect();
            proxies::asker(peer.ip(), &said.join(","), edge.proxies()).to_string()
        });
        let visit = Self {
            inner: Rc::new(Inner {
                edge,
                uri: request.uri().clone(),
                peer: peer.unwrap_or_default(),
                cookies_in,
                fetch_site: header(HeaderName::from_static("sec-fetch-site")),
                origin: header(ORIGIN),
                agent: header(USER_AGENT).unwrap_or_default(),
                wants_json: accepted.contains("application/json")
                    && !accepted.contains("text/html"),
                lang,
                reference,
                browser: OnceCell::new(),
                cookies: RefCell::default(),
            }),
        };
        if let Some(lang) = asked {
            visit.set_cookie(LANGUAGE, lang.as_str(), Some(YEAR_S));
        }
        visit
    }

    /// The edge.
    pub fn edge(&self) -> &Edge {
        &self.inner.edge
    }

    /// The visitor's language: `?lang=`, else the `lang` cookie, else `Accept-Language`, else French.
    pub fn lang(&self) -> Lang {
        self.inner.lang
    }

    /// The reference of this request.
    pub fn reference(&self) -> &Reference {
        &self.inner.reference
    }

    /// The browser: an opaque value kept in a first-party cookie (`HttpOnly; SameSite=Lax`), set on
    /// the way out when absent. Binds attempts, flows and forms to the browser that opened them.
    pub fn browser(&self) -> &str {
        match self.inner.browser.get() {
            Some(browser) => browser,
            None => self.own(self.inner.edge.token()),
        }
    }

    /// Whether the browser came with its cookie (a browser without one cannot own an attempt).
    pub fn browser_is_known(&self) -> bool {
        self.known_browser().is_some()
    }

    fn known_browser(&self) -> Option<String> {
        let value = self.cookie(BROWSER)?;
        let whole = URL_SAFE_NO_PAD
            .decode(&value)
            .is_ok_and(|bytes| bytes.len() == 16);
        whole.then_some(value)
    }

    /// The address the request came from: the peer's, or whom it says it asks for when it is a proxy
    /// of ours ([`Edge::behind`]).
    pub fn peer(&self) -> &str {
        &self.inner.peer
    }

    /// What the browser says it is (`User-Agent`); nothing may depend on it.
    pub fn agent(&self) -> &str {
        &self.inner.agent
    }

    /// The raw path and query of this request (already checked to be printable ASCII).
    pub fn path_and_query(&self) -> &str {
        self.inner
            .uri
            .path_and_query()
            .map_or("/", |both| both.as_str())
    }

    /// This address up to where `lang=…` goes: its own query is kept, so that another language is
    /// the same page.
    fn here(&self) -> String {
        let mut here = String::with_capacity(self.path_and_query().len() + 2);
        here.push_str(self.inner.uri.path());
        here.push('?');
        let pairs = self.raw_query().split('&');
        for pair in pairs.filter(|pair| !pair.is_empty() && !pair.starts_with("lang=")) {
            here.push_str(pair);
            here.push('&');
        }
        here
    }

    /// The raw query octets, for signatures; empty when there is none.
    pub fn raw_query(&self) -> &str {
        self.inner.uri.query().unwrap_or_default()
    }

    /// Checks a form's token and where it was posted from (Sec-Fetch-Site, Origin). Tokens are
    /// bound to the browser and to the form's name, and last 8 hours. `Err`: show the form again
    /// with the word `form.expired`; nothing is lost.
    pub fn check_csrf(&self, form: &str, token: Option<&str>) -> Result<(), FormExpired> {
        let own_site = self.posted_from_here();
        let browser = self.known_browser().ok_or(FormExpired)?;
        let now = self.inner.edge.now().timestamp();
        let key = self.inner.edge.csrf_key();
        let holds = token.is_some_and(|token| csrf::holds(key, &browser, form, now, token));
        if own_site && holds {
            Ok(())
        } else {
            Err(FormExpired)
        }
    }

    /// Under `Referrer-Policy: no-referrer` browsers send `Origin: null` with our own forms, so
    /// Sec-Fetch-Site decides where it is sent, and Origin only when it names somebody.
    fn posted_from_here(&self) -> bool {
        let own = self.inner.edge.public_url().origin();
        let site = self.inner.fetch_site.as_deref();
        let origin = self.inner.origin.as_deref();
        site.is_none_or(|site| site == "same-origin" || site == "none")
            && origin.is_none_or(|from| from == "null" || from == own)
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
        let html = self.render(page).map_err(|why| {
            let mut story = format!("the page cannot be rendered: {why}");
            let mut cause = std::error::Error::source(&why);
            while let Some(why) = cause {
                story = format!("{story}: {why}");
                cause = why.source();
            }
            Refused::away("EDU-6009", story)
        })?;
        let mut response = HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .insert_header((CONTENT_LANGUAGE, self.lang().as_str()))
            .body(html);
        if let Some(action) = page.form_action() {
            response.extensions_mut().insert(FormAction(action));
        }
        if page.asks_place() {
            response.extensions_mut().insert(AsksPlace);
        }
        Ok(guard::said(response))
    }

    fn render<P: Page>(&self, page: &P) -> Result<String, minijinja::Error> {
        let here = self.here();
        let reference = self.inner.reference.as_str();
        let Some(mould) = page.mould() else {
            return self.rendered(page, &here, reference);
        };
        let key = Key {
            template: P::TEMPLATE,
            shape: mould.shape,
            lang: self.lang(),
            tutoie: page.tutoie(),
            path: self.inner.uri.path().to_owned(),
        };
        let moulds = &self.inner.edge.templates().moulds;
        let form = if let Some(form) = moulds.find(&key) {
            form
        } else {
            let blank = self.rendered(&mould.blank, &gap_here(), &gap_reference())?;
            moulds.keep(key, Form::cut(&blank))
        };
        Ok(form.fill(&mould.values, &here, reference))
    }

    /// A page without a form gives no browser cookie: in answer to a cross-site POST, which comes
    /// without ours, a fresh one would take the place of the one the browser has.
    fn rendered<P: Page>(
        &self,
        page: &P,
        here: &str,
        reference: &str,
    ) -> Result<String, minijinja::Error> {
        let owner = self.inner.browser.get().cloned();
        let owner = owner.or_else(|| self.known_browser());
        let owner = owner.unwrap_or_else(|| self.inner.edge.token());
        let named = Arc::new(AtomicBool::new(false));
        let csrf = {
            let (edge, now) = (self.inner.edge.clone(), self.inner.edge.now().timestamp());
            let (owner, named) = (owner.clone(), Arc::clone(&named));
            move |form: &str| {
                named.store(true, Ordering::Relaxed);
                csrf::token(edge.csrf_key(), &owner, form, now)
            }
        };
        let user = page.user();
        let around = Surroundings {
            lang: self.lang(),
            tutoie: page.tutoie(),
            path: self.inner.uri.path(),
            here,
            reference,
            user: user.as_ref(),
            csrf: Arc::new(csrf),
        };
        let templates = self.inner.edge.templates();
        let html = templates.render(P::TEMPLATE, Value::from(Serde(page)), &around)?;
        if named.load(Ordering::Relaxed) {
            self.own(owner);
        }
        Ok(html)
    }

    /// Makes `browser` the browser of this visit, unless it has one.
    fn own(&self, browser: String) -> &str {
        self.inner.browser.get_or_init(|| {
            self.known_browser().unwrap_or_else(|| {
                self.set_cookie(BROWSER, &browser, None);
                browser
            })
        })
    }

    /// 303 to a path or absolute address that the caller vouches for.
    pub fn see_other(&self, to: &str) -> HttpResponse {
        HttpResponse::SeeOther()
            .insert_header((LOCATION, to))
            .finish()
    }

    /// An answer for a program, whatever its status: no page, nothing but the status.
    pub fn bare(&self, status: StatusCode) -> HttpResponse {
        guard::said(HttpResponse::new(status))
    }

    /// Reads a cookie of ours by its short name (`__Host-` is the edge's business).
    pub fn cookie(&self, name: &str) -> Option<String> {
        let name = cookie_name(&self.inner.edge, name);
        let value = find_cookie(&self.inner.cookies_in, &name)?;
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// Sets a cookie: `HttpOnly; SameSite=Lax; Path=/`, Secure and `__Host-` over https; `keep_s`
    /// `None` for the browser's session. An empty value removes it.
    pub fn set_cookie(&self, name: &str, value: &str, keep_s: Option<u32>) {
        let mut cookie = Cookie::build(cookie_name(&self.inner.edge, name), value.to_owned())
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.inner.edge.public_url().is_https());
        if value.is_empty() {
            cookie = cookie.max_age(Duration::ZERO);
        } else if let Some(seconds) = keep_s {
            cookie = cookie.max_age(Duration::seconds(i64::from(seconds)));
        }
        self.inner.cookies.borrow_mut().push(cookie.finish());
    }

    /// Reads a cookie that is not ours alone, by its whole name.
    pub fn shared_cookie(&self, name: &str) -> Option<String> {
        let value = find_cookie(&self.inner.cookies_in, name)?;
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// Sets a cookie that every host of `domain` reads and writes; its name is the one that they all
    /// know. An empty value removes it.
    pub fn set_shared_cookie(&self, name: &str, value: &str, domain: &str, keep_s: u32) {
        let keep = match value {
            "" => Duration::ZERO,
            _ => Duration::seconds(i64::from(keep_s)),
        };
        let cookie = Cookie::build(name.to_owned(), value.to_owned())
            .path("/")
            .domain(domain.to_owned())
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.inner.edge.public_url().is_https())
            .max_age(keep);
        self.inner.cookies.borrow_mut().push(cookie.finish());
    }

    pub(crate) fn cookies_out(&self) -> Vec<Cookie<'static>> {
        self.inner.cookies.take()
    }

    /// Whether a program asks (`Accept: application/json`), and no browser.
    pub fn wants_json(&self) -> bool {
        self.inner.wants_json
    }

    /// Tells the journal, under this visit's reference.
    pub fn tell(&self, event: Event) {
        let edge = &self.inner.edge;
        edge.journal()
            .tell(edge.now(), Some(&self.inner.reference), &event);
    }
}

impl FromRequest for Visit {
    type Error = Refused;
    type Future = Ready<Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let visit = request.extensions().get::<Self>().cloned();
        let without_guard = || {
            let edge = request.app_data::<Data<Edge>>()?;
            Some(Self::new(edge.get_ref().clone(), request))
        };
        ready(visit.or_else(without_guard).ok_or_else(|| {
            Refused::away(
                "EDU-6009",
                "the edge was not configured on this application",
            )
        }))
    }
}

fn asked_language(query: &str) -> Option<Lang> {
    query.split('&').find_map(|pair| match pair {
        "lang=fr" => Some(Lang::Fr),
        "lang=en" => Some(Lang::En),
        _ => None,
    })
}

fn cookie_name(edge: &Edge, name: &str) -> String {
    let prefix = if edge.public_url().is_https() {
        "__Host-"
    } else {
        ""
    };
    [prefix, name].concat()
}

/// The first cookie of that name (RFC 6265 5.4: the most specific one comes first).
fn find_cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').find_map(|pair| {
        let (found, value) = pair.split_once('=')?;
        (found.trim() == name).then(|| value.trim())
    })
}

/// The better weighed of French and English (RFC 9110 12.5.4); French when neither or equal.
fn preferred(accepted: &str) -> Lang {
    let weight = |lang: &str| {
        accepted
            .split(',')
            .filter_map(|part| {
                let (tag, rest) = part.split_once(';').unwrap_or((part, ""));
                let tag = tag.trim().to_ascii_lowercase();
                let fits =
                    tag == lang || tag.strip_prefix(lang).is_some_and(|t| t.starts_with('-'));
                let weight = rest
                    .trim()
                    .strip_prefix("q=")
                    .map_or(Some(1.0), |q| q.parse::<f32>().ok());
                fits.then_some(weight?)
            })
            .fold(0.0, f32::max)
    };
    if weight("en") > weight("fr") {
        Lang::En
    } else {
        Lang::Fr
    }
}

/// Any text as each header that is read.
pub(crate) fn foreign(text: &str) {
    preferred(text);
    asked_language(text);
    if let Some(found) = find_cookie(text, LANGUAGE) {
        assert!(!found.contains(';'), "{found}");
    }
}

#[cfg(test)]
mod tests;
