//! A real Chromium, driven by WebDriver.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Running, free_port};

/// How long a page may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at it.
const PAUSE: Duration = Duration::from_millis(100);

/// A browser window of its own profile.
pub struct Browser {
    /// The WebDriver session.
    pub page: Client,
    base: String,
    scripts: bool,
    // Dropped after the session: the driver, then the profile folder.
    _driver: Running,
    _profile: TempDir,
}

/// What kind of visitor sits in front of it.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// CSS pixels.
    pub width: u32,
    /// CSS pixels.
    pub height: u32,
    /// Whether scripts run.
    pub scripts: bool,
    /// Whether the system prefers dark.
    pub dark: bool,
    /// `Accept-Language`.
    pub lang: &'static str,
    /// Whether pages may keep cookies for other sites than their own.
    pub foreign_cookies: bool,
}

impl Kind {
    /// 1280 × 900, scripts on, light, French.
    pub const DESKTOP: Self = Self {
        width: 1280,
        height: 900,
        scripts: true,
        dark: false,
        lang: "fr",
        foreign_cookies: true,
    };
    /// 360 × 780, scripts on, light, French.
    pub const PHONE: Self = Self {
        width: 360,
        height: 780,
        ..Self::DESKTOP
    };

    /// The same without scripts.
    #[must_use]
    pub const fn without_scripts(self) -> Self {
        Self {
            scripts: false,
            ..self
        }
    }

    /// The same in the dark.
    #[must_use]
    pub const fn dark(self) -> Self {
        Self { dark: true, ..self }
    }

    /// The same, with cookies for the page's own site only.
    #[must_use]
    pub const fn without_foreign_cookies(self) -> Self {
        Self {
            foreign_cookies: false,
            ..self
        }
    }

    /// The same in another language.
    #[must_use]
    pub const fn lang(self, lang: &'static str) -> Self {
        Self { lang, ..self }
    }
}

impl Browser {
    /// A desktop browser.
    pub async fn desktop(base: &str) -> Self {
        Self::open(base, Kind::DESKTOP).await
    }

    /// A browser of that kind.
    pub async fn open(base: &str, kind: Kind) -> Self {
        let port = free_port();
        let profile = TempDir::new().expect("temporary folder");
        let mut driver = Running::start(
            Command::new("chromedriver")
                .arg(format!("--port={port}"))
                .env("HOME", profile.path()),
        );
        driver.wait_for_port(port);
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities(kind, profile.path()))
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("a browser");
        Self {
            page,
            base: base.to_owned(),
            scripts: kind.scripts,
            _driver: driver,
            _profile: profile,
        }
    }

    /// Goes to a path of the house, or to an absolute address.
    pub async fn goto(&self, path: &str) {
        let url = if path.starts_with('/') {
            format!("{}{path}", self.base)
        } else {
            path.to_owned()
        };
        self.page.goto(&url).await.expect("goto");
    }

    /// The path and query where the browser is.
    pub async fn path(&self) -> String {
        let url = self.page.current_url().await.expect("url");
        url.query()
            .map_or_else(|| url.path().to_owned(), |q| format!("{}?{q}", url.path()))
    }

    /// Waits until a selector is there, and clicks it.
    pub async fn click(&self, selector: &str) {
        self.click_at(Locator::Css(selector)).await;
    }

    /// Waits until a link with this text is there, and clicks it.
    pub async fn click_link(&self, text: &str) {
        let xpath = format!("//a[contains(normalize-space(.), \"{text}\")]");
        self.click_at(Locator::XPath(&xpath)).await;
    }

    /// An element that went with its page before it was clicked is looked for again.
    async fn click_at(&self, locator: Locator<'_>) {
        let started = Instant::now();
        while let Err(why) = self.wait(locator).await.click().await {
            let gone = why.is_stale_element_reference();
            assert!(
                gone && started.elapsed() < PATIENCE,
                "click {locator:?}: {why}"
            );
        }
    }

    /// Types into a field, in place of what it holds.
    pub async fn fill(&self, name: &str, text: &str) {
        let field = self.find(&format!("[name=\"{name}\"]")).await;
        field.clear().await.expect("clear");
        field.send_keys(text).await.expect("type");
    }

    /// Waits for an element.
    pub async fn find(&self, selector: &str) -> fantoccini::elements::Element {
        self.wait(Locator::Css(selector)).await
    }

    /// A page that is being left answers with errors of many kinds: only the last one counts.
    async fn wait(&self, locator: Locator<'_>) -> fantoccini::elements::Element {
        let started = Instant::now();
        loop {
            match self.page.find(locator).await {
                Ok(element) => return element,
                Err(why) if started.elapsed() > PATIENCE => panic!(
                    "{locator:?} is not on {}: {why}\n{}",
                    self.path().await,
                    self.text().await
                ),
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Waits until the page's text holds `text`.
    pub async fn wait_for_text(&self, text: &str) {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if self.text().await.contains(text) {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!(
            "{text:?} does not come at {}: {}",
            self.path().await,
            self.text().await
        );
    }

    /// Waits until the browser is at `path`.
    pub async fn wait_for_path(&self, path: &str) {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if self.path().await == path {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!(
            "never at {path}, still at {}: {}",
            self.path().await,
            self.text().await
        );
    }

    /// Whether an element is there now.
    pub async fn has(&self, selector: &str) -> bool {
        self.page.find(Locator::Css(selector)).await.is_ok()
    }

    /// The page's visible text, no-break spaces made plain, curly apostrophes made straight.
    pub async fn text(&self) -> String {
        let started = Instant::now();
        loop {
            let body = self.page.find(Locator::Css("body")).await;
            let read = match body {
                Ok(body) => body.text().await,
                Err(why) => Err(why),
            };
            match read {
                Ok(text) => return text.replace(['\u{a0}', '\u{202f}'], " ").replace('’', "'"),
                // The page was left between the two questions.
                Err(why) => assert!(started.elapsed() < PATIENCE, "no text: {why}"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The signed-in person on `<body>`.
    pub async fn user(&self) -> Option<String> {
        self.find("body")
            .await
            .attr("data-user")
            .await
            .expect("attribute")
    }

    /// Signs in on the login page at hand.
    pub async fn sign_in(&self, username: &str, password: &str) {
        self.fill("username", username).await;
        self.fill("password", password).await;
        self.click("main form button[type=submit]").await;
    }

    /// Without scripts the answer is handed over by a visible button; with them it goes by itself.
    pub async fn hand_over(&self, scripts: bool) {
        if !scripts {
            self.click("main form button[type=submit]").await;
        }
    }

    /// Runs a script in the page (the driver may, even where the page's own may not).
    pub async fn script(&self, script: &str) -> Value {
        self.page
            .execute(script, vec![])
            .await
            .unwrap_or_else(|why| panic!("{script}: {why}"))
    }

    /// Every violation axe-core finds on the page at hand, one line each.
    pub async fn violations(&self) -> Vec<String> {
        self.page
            .execute(&crate::axe::script(), vec![])
            .await
            .expect("axe loads");
        let found = self
            .page
            .execute_async(
                "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']})\
                 .then(r => done(r.violations), e => done([{id: String(e), nodes: []}]));",
                vec![],
            )
            .await
            .expect("axe runs");
        let empty = Vec::new();
        found
            .as_array()
            .unwrap_or(&empty)
            .iter()
            .map(|v| {
                let nodes: Vec<String> = v["nodes"]
                    .as_array()
                    .unwrap_or(&empty)
                    .iter()
                    .map(|n| format!("{} {}", n["html"], n["failureSummary"]))
                    .collect();
                format!("{}: {}", v["id"], nodes.join(" | "))
            })
            .collect()
    }

    /// Asserts that axe finds nothing and that nothing overflows sideways. Where scripts may not run,
    /// axe may not either: the same page is looked at with them.
    pub async fn assert_fine(&self, what: &str) {
        let violations = if self.scripts {
            self.violations().await
        } else {
            Vec::new()
        };
        assert!(
            violations.is_empty(),
            "{what} ({}): {violations:#?}",
            self.path().await
        );
        let wide = self
            .script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
            .await;
        assert_eq!(wide, json!(0), "{what} scrolls sideways by {wide} px");
    }

    /// Takes a picture of the whole page when `PICTURES` names a folder.
    pub async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("PICTURES") else {
            return;
        };
        let folder = Path::new(&folder);
        std::fs::create_dir_all(folder).expect("folder for pictures");
        let taken = self.page.issue_cmd(WholePage).await.expect("picture");
        let png = base64::engine::general_purpose::STANDARD
            .decode(taken["data"].as_str().expect("picture"))
            .expect("picture");
        std::fs::write(folder.join(format!("{name}.png")), png).expect("picture kept");
    }

    /// Any other command of the driver.
    pub async fn command(&self, path: &'static str, body: Value) -> Value {
        self.page
            .issue_cmd(Other { path, body })
            .await
            .unwrap_or_else(|why| panic!("{path}: {why}"))
    }

    /// Closes the window.
    pub async fn close(self) {
        self.page.clone().close().await.ok();
    }
}

/// A command of WebDriver's that the client has no name for.
#[derive(Debug)]
struct Other {
    path: &'static str,
    body: Value,
}

impl fantoccini::wd::WebDriverCompatibleCommand for Other {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.path
        ))
    }

    fn method_and_body(&self, _: &url::Url) -> (ureq::http::Method, Option<String>) {
        (ureq::http::Method::POST, Some(self.body.to_string()))
    }
}

/// A picture of the page from top to bottom, which WebDriver itself has no command for.
#[derive(Debug)]
struct WholePage;

impl fantoccini::wd::WebDriverCompatibleCommand for WholePage {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _: &url::Url) -> (ureq::http::Method, Option<String>) {
        let body = json!({
            "cmd": "Page.captureScreenshot",
            "params": { "captureBeyondViewport": true },
        });
        (ureq::http::Method::POST, Some(body.to_string()))
    }
}

fn capabilities(kind: Kind, profile: &Path) -> fantoccini::wd::Capabilities {
    let mut args = vec![
        "--headless=new".to_owned(),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-quic".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        format!("--window-size={},{}", kind.width, kind.height),
        format!("--user-data-dir={}", profile.join("profile").display()),
        format!("--lang={}", kind.lang),
        format!("--accept-lang={}", kind.lang),
    ];
    if kind.dark {
        args.push("--force-dark-mode".to_owned());
        args.push("--blink-settings=preferredColorScheme=0".to_owned());
    }
    let mut prefs = json!({ "intl.accept_languages": kind.lang });
    if !kind.scripts {
        prefs["profile.managed_default_content_settings.javascript"] = json!(2);
    }
    if !kind.foreign_cookies {
        prefs["profile.block_third_party_cookies"] = json!(true);
        prefs["profile.cookie_controls_mode"] = json!(1);
    }
    let mut options = json!({ "args": args, "prefs": prefs });
    if kind.width < 500 {
        // A window cannot be that narrow; an emulated phone can. A touch without scripts never ends
        // in the driver, so that phone has a pointer.
        options["mobileEmulation"] = json!({
            "deviceMetrics": { "width": kind.width, "height": kind.height, "pixelRatio": 1, "mobile": true, "touch": kind.scripts }
        });
    }
    let mut capabilities = serde_json::Map::new();
    capabilities.insert("browserName".to_owned(), json!("chrome"));
    capabilities.insert("acceptInsecureCerts".to_owned(), json!(true));
    capabilities.insert("goog:chromeOptions".to_owned(), options);
    capabilities
}
