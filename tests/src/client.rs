//! A plain HTTP client with a cookie jar that follows nothing by itself.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A client: one browser's worth of cookies for one host.
pub struct Client {
    base: String,
    agent: ureq::Agent,
    cookies: RefCell<BTreeMap<String, String>>,
    keeps_cookies: bool,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers, names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// Body, as text.
    pub body: String,
    /// The address asked for.
    pub url: String,
}

impl Answer {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// Where it leads.
    pub fn location(&self) -> &str {
        self.header("location")
            .unwrap_or_else(|| panic!("no Location: {} {}", self.status, self.body))
    }

    /// The refusal code on `<main>`.
    pub fn code(&self) -> Option<String> {
        between(&self.body, "data-code=\"", "\"")
    }

    /// The reference on `<main>`.
    pub fn reference(&self) -> Option<String> {
        between(&self.body, "data-reference=\"", "\"")
    }

    /// The signed-in person on `<body>`.
    pub fn user(&self) -> Option<String> {
        between(&self.body, "data-user=\"", "\"").map(|text| unescape(&text))
    }

    /// The value of the first form field of that name.
    pub fn field(&self, name: &str) -> Option<String> {
        let at = self.body.find(&format!("name=\"{name}\""))?;
        let start = self.body.get(..at)?.rfind('<')?;
        let tag = self.body.get(start..)?;
        let tag = tag.get(..tag.find('>')?)?;
        between(tag, "value=\"", "\"").map(|text| unescape(&text))
    }

    /// Where the first form posts to.
    pub fn action(&self, containing: &str) -> Option<String> {
        self.body
            .split("<form")
            .skip(1)
            .find(|form| form.contains(containing))
            .and_then(|form| between(form, "action=\"", "\""))
            .map(|text| unescape(&text))
    }
}

/// The text between two marks.
pub fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let start = text.find(before)? + before.len();
    let rest = text.get(start..)?;
    Some(rest.get(..rest.find(after)?)?.to_owned())
}

/// Undoes HTML escaping of an attribute.
pub fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&#x2f;", "/")
        .replace("&#x2F;", "/")
        .replace("&#x3d;", "=")
        .replace("&amp;", "&")
}

/// A form body.
pub fn form(fields: &[(&str, &str)]) -> String {
    fields
        .iter()
        .map(|(name, value)| {
            format!(
                "{}={}",
                utf8_percent_encode(name, NON_ALPHANUMERIC),
                utf8_percent_encode(value, NON_ALPHANUMERIC)
            )
        })
        .collect::<Vec<_>>()
        .join("&")
}

impl Client {
    /// A client without cookies.
    pub fn new(base: String) -> Self {
        let agent = ureq::Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            // Behind TLS the tests' proxy made its certificate itself, like anybody's first one.
            .tls_config(
                ureq::tls::TlsConfig::builder()
                    .provider(ureq::tls::TlsProvider::NativeTls)
                    .disable_verification(true)
                    .build(),
            )
            .build()
            .new_agent();
        Self {
            base,
            agent,
            cookies: RefCell::default(),
            keeps_cookies: true,
        }
    }

    /// The same visitor with cookies switched off.
    #[must_use]
    pub fn without_cookies(self) -> Self {
        Self {
            cookies: RefCell::default(),
            keeps_cookies: false,
            ..self
        }
    }

    /// The address of a path; an absolute address stays.
    pub fn address(&self, path: &str) -> String {
        if path.starts_with('/') {
            format!("{}{path}", self.base)
        } else {
            path.to_owned()
        }
    }

    /// The cookies held.
    pub fn cookies(&self) -> BTreeMap<String, String> {
        self.cookies.borrow().clone()
    }

    /// Sets a cookie by hand.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies
            .borrow_mut()
            .insert(name.to_owned(), value.to_owned());
    }

    /// GET.
    pub fn get(&self, path: &str) -> Answer {
        self.try_get(path)
            .unwrap_or_else(|why| panic!("GET {path}: {why}"))
    }

    /// GET, with the failure.
    pub fn try_get(&self, path: &str) -> Result<Answer, String> {
        self.send("GET", path, &[], None)
    }

    /// GET with headers.
    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, None)
            .unwrap_or_else(|why| panic!("GET {path}: {why}"))
    }

    /// POST of a form.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_raw(
            path,
            "application/x-www-form-urlencoded",
            form(fields).as_bytes(),
        )
    }

    /// POST of any body.
    pub fn post_raw(&self, path: &str, content_type: &str, body: &[u8]) -> Answer {
        self.send("POST", path, &[("content-type", content_type)], Some(body))
            .unwrap_or_else(|why| panic!("POST {path}: {why}"))
    }

    /// Any method.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, String> {
        let url = self.address(path);
        let mut request = ureq::http::Request::builder().method(method).uri(&url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        // The agent keeps cookies, too, and would send each a second time in a header of its own.
        self.agent.cookie_jar_lock().clear();
        let jar = self.cookies.borrow();
        if !jar.is_empty() {
            let line: Vec<_> = jar.iter().map(|(n, v)| format!("{n}={v}")).collect();
            request = request.header("cookie", line.join("; "));
        }
        drop(jar);
        let response = match body {
            Some(bytes) => self
                .agent
                .run(request.body(bytes).map_err(|e| e.to_string())?),
            None => self.agent.run(request.body(()).map_err(|e| e.to_string())?),
        };
        let mut response = response.map_err(|e| e.to_string())?;
        let headers: Vec<(String, String)> = response
            .headers()
            .iter()
            .map(|(n, v)| {
                (
                    n.as_str().to_owned(),
                    String::from_utf8_lossy(v.as_bytes()).into_owned(),
                )
            })
            .collect();
        self.keep_cookies(&headers);
        let body = response
            .body_mut()
            .read_to_vec()
            .map_err(|e| e.to_string())?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            url,
        })
    }

    fn keep_cookies(&self, headers: &[(String, String)]) {
        if !self.keeps_cookies {
            return;
        }
        let mut jar = self.cookies.borrow_mut();
        for (_, line) in headers.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = line.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if value.is_empty() || line.to_ascii_lowercase().contains("max-age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Follows 302 and 303 answers, at most ten, and gives the last one.
    pub fn follow(&self, mut answer: Answer) -> Answer {
        for _ in 0..10 {
            if !matches!(answer.status, 302 | 303) {
                return answer;
            }
            answer = self.get(answer.location());
        }
        panic!("too many redirects at {}", answer.url);
    }

    /// Opens a path and follows it to a page.
    pub fn open(&self, path: &str) -> Answer {
        self.follow(self.get(path))
    }

    /// On the WAYF's page: chooses a profile and follows to the login page (or further).
    pub fn choose(&self, wayf: &Answer, profile: &str) -> Answer {
        let csrf = wayf
            .field("csrf")
            .unwrap_or_else(|| panic!("no csrf: {}", wayf.body));
        let action = wayf
            .action("name=\"profile\"")
            .unwrap_or_else(|| wayf.url.clone());
        let mut fields = vec![("csrf", csrf.as_str()), ("profile", profile)];
        let hidden: Vec<(String, String)> = ["entityID", "return", "returnIDParam", "policy"]
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), wayf.field(name)?)))
            .collect();
        fields.extend(hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        self.follow(self.post(&action, &fields))
    }

    /// On a login page: signs in and follows until the page that carries the answer.
    pub fn sign_in(&self, page: &Answer, username: &str, password: &str) -> Answer {
        let csrf = page
            .field("csrf")
            .unwrap_or_else(|| panic!("no csrf: {}", page.body));
        let action = page
            .action("name=\"password\"")
            .unwrap_or_else(|| page.url.clone());
        let flow = page.field("flow").unwrap_or_default();
        self.follow(self.post(
            &action,
            &[
                ("csrf", &csrf),
                ("flow", &flow),
                ("username", username),
                ("password", password),
            ],
        ))
    }

    /// On the page that carries a SAML answer: delivers it and follows to the service's page.
    pub fn deliver(&self, page: &Answer) -> Answer {
        let response = page
            .field("SAMLResponse")
            .unwrap_or_else(|| panic!("no answer: {}", page.body));
        let action = page.action("SAMLResponse").expect("an address to post to");
        let relay = page.field("RelayState");
        let mut fields = vec![("SAMLResponse", response.as_str())];
        if let Some(relay) = &relay {
            fields.push(("RelayState", relay));
        }
        self.follow(self.post(&action, &fields))
    }

    /// Ends the portal's session and the identity provider's, then arrives as somebody else.
    pub fn arrive_again(&self, profile: &str, username: &str) -> Answer {
        for path in [
            "/portail/logout".to_owned(),
            format!("/idp/{profile}/logout"),
        ] {
            if let Some(csrf) = self.get(&path).field("csrf") {
                self.post(&path, &[("csrf", &csrf)]);
            }
        }
        self.arrive(profile, username)
    }

    /// The whole way: portal, WAYF, login, portal.
    pub fn arrive(&self, profile: &str, username: &str) -> Answer {
        let wayf = self.open("/portail/");
        let login = self.choose(&wayf, profile);
        let answer = self.sign_in(&login, username, crate::PASSWORD);
        self.deliver(&answer)
    }
}
