//! Every page there is, looked at by axe-core at two widths, light and dark; with `PICTURES=<folder>`
//! a picture of each. Refusals are pages like any other.

use std::collections::BTreeSet;
use std::process::Command;

use visits::browser::Kind;
use visits::process::{Running, free_port};
use visits::{Browser, House, PASSWORD, Partner, Phone};

/// One walk through the house, with what to call its pictures.
struct Walk<'a> {
    house: &'a House,
    browser: Browser,
    name: String,
    seen: BTreeSet<String>,
}

impl<'a> Walk<'a> {
    async fn start(house: &'a House, kind: Kind, name: &str) -> Self {
        Self {
            house,
            browser: Browser::open(&house.url(), kind).await,
            name: name.to_owned(),
            seen: BTreeSet::new(),
        }
    }

    /// Looks at the page at hand.
    async fn look(&mut self, what: &str) {
        self.browser
            .assert_fine(&format!("{what} {}", self.name))
            .await;
        self.browser.picture(&format!("{what}-{}", self.name)).await;
        assert!(self.seen.insert(what.to_owned()), "{what} twice");
    }

    async fn open(&mut self, what: &str, path: &str) {
        self.browser.goto(path).await;
        self.look(what).await;
    }

    /// The same for a page that must refuse with this code.
    async fn refused(&mut self, what: &str, code: &str) {
        self.browser
            .find(&format!("main[data-code=\"{code}\"][data-reference]"))
            .await;
        self.look(what).await;
    }

    /// Posts a form of these fields from a page of ours.
    async fn post(&self, path: &str, fields: &str) {
        self.browser
            .script(&format!(
                "const form = document.createElement('form'); form.method = 'post'; form.action = '{path}';\
                 for (const pair of new URLSearchParams('{fields}')) {{ const field = document.createElement('input');\
                 field.type = 'hidden'; field.name = pair[0]; field.value = pair[1]; form.append(field); }}\
                 document.body.append(form); form.submit();"
            ))
            .await;
    }

    async fn end(self, least: usize) {
        assert!(
            self.seen.len() >= least,
            "{} pages: {:?}",
            self.seen.len(),
            self.seen
        );
        self.browser.close().await;
    }
}

async fn discovery(walk: &mut Walk<'_>) {
    walk.open("wayf", "/portail/").await;
    walk.browser.click("details.help summary").await;
    walk.look("wayf-help").await;
    walk.browser
        .script("document.querySelector('ul.tiles').closest('form').querySelector('[name=csrf]').value = 'old'")
        .await;
    walk.browser.click("ul.tiles button[value=personnel]").await;
    walk.browser.find("main [role=alert]").await;
    walk.look("wayf-expired").await;
    for (what, query, code) in [
        (
            "refused-service",
            "?entityID=https%3A%2F%2Funknown.example%2Fsp",
            "EDU-3002",
        ),
        ("refused-malformed", "?entityID=a&entityID=b", "EDU-1002"),
        ("refused-policy", "?policy=x", "EDU-3001"),
    ] {
        walk.browser.goto(&format!("/wayf/{query}")).await;
        walk.refused(what, code).await;
    }
    let portal = walk
        .house
        .at("/portail")
        .replace(':', "%3A")
        .replace('/', "%2F");
    walk.browser
        .goto(&format!(
            "/wayf/?entityID={portal}&return=https%3A%2F%2Fevil.example%2F"
        ))
        .await;
    walk.refused("refused-return", "EDU-3004").await;
    for (what, query) in [
        ("wayf-search", ""),
        ("wayf-search-found", "?q=p"),
        ("wayf-search-none", "?q=tokyo"),
    ] {
        walk.open(what, &format!("/wayf/search{query}")).await;
    }
    walk.browser.goto("/wayf/").await;
    walk.browser
        .script("document.querySelector('button[value=eleve]').value = 'nobody'")
        .await;
    walk.browser.click("button[value=nobody]").await;
    walk.refused("refused-choice", "EDU-3005").await;
    walk.browser.goto("/wayf/").await;
    walk.browser
        .page
        .delete_all_cookies()
        .await
        .expect("no cookies");
    walk.browser.click("button[value=personnel]").await;
    walk.refused("refused-cookies-wayf", "EDU-3007").await;
}

async fn signing_on(walk: &mut Walk<'_>) {
    walk.browser
        .goto("/portail/applications?categorie=formation")
        .await;
    walk.browser.click("button[value=personnel]").await;
    walk.browser.find("[name=password]").await;
    walk.look("login").await;
    walk.browser.sign_in("bleroy", "Wrong-pass-1234").await;
    walk.browser.find("main [role=alert]").await;
    walk.look("login-error").await;
    walk.browser
        .script("document.querySelector('[name=csrf]').value = 'old'")
        .await;
    walk.browser.sign_in("bleroy", PASSWORD).await;
    walk.browser.find("main .notice.warning").await;
    walk.look("login-expired").await;
    let login = walk.browser.path().await;
    // The page that hands the answer over leaves by itself: it is looked at without its script.
    walk.browser
        .script(&format!(
            "const form = document.querySelector('main form'); form.username.value = 'bleroy';\
             form.password.value = '{PASSWORD}';\
             return fetch(form.action, {{ method: 'post', body: new URLSearchParams(new FormData(form)) }})\
             .then(answer => answer.text()).then(text => {{ document.documentElement.innerHTML = text; }});"
        ))
        .await;
    walk.browser.find("form[data-hand-over]").await;
    walk.look("answer").await;
    walk.browser.click("main form button").await;
    walk.browser.find("body[data-user]").await;
    walk.browser.goto(&login).await;
    walk.look("login-stale").await;
    walk.open("login-bare", "/idp/personnel/login").await;
}

async fn inside(walk: &mut Walk<'_>) {
    walk.open("home", "/portail/").await;
    walk.open("favourites-none", "/portail/applications").await;
    walk.open("favourites-manage-none", "/portail/favoris")
        .await;
    for id in ["magistere", "sofia", "annuaire"] {
        walk.browser.click(&format!("button[value=\"{id}\"]")).await;
        walk.browser
            .find(&format!("ol.picks li#app-{id} button[name=up]"))
            .await;
    }
    walk.look("favourites-manage").await;
    walk.open("favourites", "/portail/applications").await;
    walk.open(
        "lines",
        "/portail/applications?categorie=intranet&vue=liste",
    )
    .await;
    walk.browser
        .goto("/portail/applications?categorie=intranet&vue=tuiles")
        .await;
    walk.open("home-favourites", "/portail/").await;
    let menu = walk
        .browser
        .script(
            "return [...document.querySelectorAll('nav .menu a')].map(a => a.getAttribute('href'))",
        )
        .await;
    let menu: Vec<String> = serde_json::from_value(menu).expect("addresses");
    for href in menu.iter().filter(|href| href.contains('=')) {
        let category = href.split(['=', '#']).nth(1).expect("a category");
        walk.open(&format!("category-{category}"), href).await;
    }
    walk.browser
        .goto("/portail/applications?categorie=none-such")
        .await;
    walk.refused("refused-category", "EDU-1404").await;
    walk.browser.goto("/magistere/").await;
    if !walk.browser.has("body[data-user]").await {
        walk.browser.click("button[value=personnel]").await;
    }
    walk.browser.find("body[data-user]").await;
    walk.look("viewer").await;
    walk.open("wayf-remembered", "/wayf/").await;
    walk.open("portal-logout", "/portail/logout").await;
    walk.open("idp-logout", "/idp/personnel/logout").await;
    walk.browser.goto("/portail/logout").await;
    walk.browser.click("main form button[type=submit]").await;
    walk.browser.find("main [role=status]").await;
    walk.look("logged-out").await;
    walk.browser.goto("/idp/personnel/logout").await;
    walk.browser.click("main form button[type=submit]").await;
    walk.browser.find("main [role=status]").await;
    walk.look("idp-logged-out").await;
    walk.open("idp-nobody", "/idp/personnel/logout").await;
}

/// A person's own account, and the second factor that then is asked for.
async fn own_account(walk: &mut Walk<'_>, login: &str) {
    walk.open("account-home", "/compte/").await;
    walk.browser.goto("/compte/identite").await;
    walk.browser.click("button[value=personnel]").await;
    walk.browser.find("[name=password]").await;
    walk.browser.sign_in(login, PASSWORD).await;
    walk.browser.find("body[data-user]").await;
    walk.look("account-identity").await;
    walk.open("account-history", "/compte/historique").await;
    walk.open("account-sessions", "/compte/sessions").await;
    walk.open("account-otp", "/compte/otp").await;
    let seed = "return document.querySelector('.seed').textContent";
    let seed = walk.browser.script(seed).await;
    let mut phone = Phone::with(seed.as_str().expect("a seed"));
    walk.browser.fill("otp", &phone.wrong()).await;
    walk.browser.click("main form button").await;
    walk.browser.find("[aria-invalid]").await;
    walk.look("account-otp-wrong").await;
    walk.browser.fill("otp", &phone.code()).await;
    walk.browser.click("main form button").await;
    walk.browser.find("ol.codes").await;
    walk.look("account-codes").await;
    walk.browser.goto("/compte/otp").await;
    walk.browser.find("[name=password]").await;
    walk.browser.sign_in(login, PASSWORD).await;
    walk.browser.find("[name=otp]").await;
    walk.look("second-factor").await;
    walk.browser.fill("otp", &phone.shown()).await;
    walk.browser.click("main form button").await;
    walk.browser.find("[aria-invalid]").await;
    walk.look("second-factor-used").await;
    walk.browser.fill("otp", &phone.code()).await;
    walk.browser.click("main form button").await;
    walk.browser.find("ul.keys").await;
    walk.browser.click("ul.keys summary").await;
    walk.look("account-factors").await;
    for (what, path) in [
        ("account-token", "/compte/otp/jeton"),
        ("account-passkeys", "/compte/passkeys"),
        ("account-contact", "/compte/secours"),
        ("account-change", "/compte/mot-de-passe"),
        ("account-lost", "/compte/mot-de-passe-perdu"),
        ("account-login", "/compte/identifiant"),
        ("account-help", "/compte/aide"),
    ] {
        walk.open(what, path).await;
    }
}

/// A pupil's pages say "tu".
async fn pupil(walk: &mut Walk<'_>) {
    walk.browser.goto("/portail/").await;
    walk.browser.click("button[value=eleve]").await;
    walk.browser.find("[name=password]").await;
    walk.look("pupil-login").await;
    walk.browser.sign_in("jeanne.b", PASSWORD).await;
    walk.browser.find("body[data-user]").await;
    walk.look("pupil-home").await;
    walk.open("pupil-favourites", "/portail/applications").await;
    walk.open("wayf-remembered-two", "/wayf/").await;
}

async fn common(walk: &mut Walk<'_>) {
    walk.browser
        .page
        .delete_all_cookies()
        .await
        .expect("no cookies");
    walk.open("legal", "/mentions-legales").await;
    walk.open("accessibility", "/accessibilite").await;
    for (what, path, code) in [
        ("refused-not-found", "/nowhere", "EDU-1404"),
        ("refused-method", "/portail/saml/acs", "EDU-1405"),
        (
            "refused-landing",
            "/portail/land?ticket=abcdefghijklmnopqrstuv",
            "EDU-7016",
        ),
    ] {
        walk.browser.goto(path).await;
        walk.refused(what, code).await;
    }
    walk.browser.goto("/accessibilite").await;
    walk.post("/portail/saml/acs", "SAMLResponse=bm90aGluZw")
        .await;
    walk.browser.find("main[data-code]").await;
    walk.look("refused-response").await;
    walk.browser
        .goto("/idp/personnel/sso/redirect?SAMLRequest=x")
        .await;
    walk.browser.find("main[data-code]").await;
    walk.look("refused-request").await;
}

/// A guesser is asked to wait: each wrong try doubles the wait, so that one of them meets it.
async fn throttled(walk: &mut Walk<'_>) {
    walk.browser.goto("/portail/").await;
    walk.browser.click("ul.tiles button[value=parent]").await;
    walk.browser.find("[name=password]").await;
    for _ in 0..14 {
        walk.browser
            .script("document.body.dataset.old = 'yes'")
            .await;
        walk.browser.sign_in("f.bernard", "Wrong-pass-1234").await;
        walk.browser.find("body:not([data-old]) main").await;
        if walk.browser.has("main[data-code]").await {
            break;
        }
    }
    walk.refused("refused-throttled", "EDU-4029").await;
}

async fn walk_everything(kind: Kind, name: &str) {
    let admin = format!("127.0.0.1:{}", free_port());
    let house = House::with(&[("EDULINE__ADMIN__LISTEN", &admin)]);
    let mut walk = Walk::start(&house, kind, name).await;
    discovery(&mut walk).await;
    signing_on(&mut walk).await;
    inside(&mut walk).await;
    pupil(&mut walk).await;
    common(&mut walk).await;
    throttled(&mut walk).await;
    let status = format!("http://{admin}/etat?fixe=true");
    walk.open("status", &status).await;
    walk.end(40).await;
}

#[tokio::test]
async fn d21_every_page_is_fine_at_1280_px() {
    walk_everything(Kind::DESKTOP, "1280").await;
}

#[tokio::test]
async fn d21_every_page_is_fine_at_360_px() {
    walk_everything(Kind::PHONE, "360").await;
}

#[tokio::test]
async fn d21_every_page_is_fine_at_1280_px_in_the_dark() {
    walk_everything(Kind::DESKTOP.dark(), "1280-dark").await;
}

#[tokio::test]
async fn d21_every_page_is_fine_at_360_px_in_the_dark() {
    walk_everything(Kind::PHONE.dark(), "360-dark").await;
}

#[tokio::test]
async fn d21_a_persons_own_account_is_fine() {
    let house = House::start();
    for (kind, name, login) in [
        (Kind::DESKTOP, "1280", "cdupont"),
        (Kind::PHONE.dark(), "360-dark", "dmoreau"),
    ] {
        let mut walk = Walk::start(&house, kind, name).await;
        own_account(&mut walk, login).await;
        walk.end(15).await;
    }
}

/// Profiles that come later, and a store that is away.
#[tokio::test]
async fn d21_what_is_shown_on_bad_days_is_fine() {
    for (kind, name) in [(Kind::DESKTOP, "1280"), (Kind::PHONE.dark(), "360-dark")] {
        let folder = tempfile::tempdir().expect("folder");
        let port = free_port();
        let mut redis = Running::start(
            Command::new("redis-server")
                .args([
                    "--port",
                    &port.to_string(),
                    "--bind",
                    "127.0.0.1",
                    "--save",
                    "",
                ])
                .arg("--dir")
                .arg(folder.path()),
        );
        redis.wait_for_port(port);
        let house = House::with(&[
            ("EDULINE__STORE__KIND", "redis"),
            (
                "EDULINE__STORE__URL",
                &format!("redis://127.0.0.1:{port}/0"),
            ),
            ("EDULINE__WAYF__SOON", "eleve,parent,partenaire"),
        ]);
        let mut walk = Walk::start(&house, kind, name).await;
        walk.open("wayf-soon", "/portail/").await;
        assert!(
            !walk
                .browser
                .find("button[value=eleve]")
                .await
                .is_enabled()
                .await
                .expect("state")
        );
        redis.kill();
        walk.browser.goto("/portail/").await;
        walk.refused("refused-away", "EDU-6001").await;
        walk.end(2).await;
    }
}

/// What HTML Tidy says of a page: nothing, when it is valid.
fn faults(html: &str) -> String {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("page.html");
    // Nor does it know that a group of a list of terms may have a box of its own (HTML, 4.4.9).
    let html = html
        .replace("<div><dt>", "<dt>")
        .replace("</dd></div>", "</dd>");
    std::fs::write(&file, html).expect("written");
    let told = Command::new("tidy")
        .args(["-quiet", "-errors", "-utf8", "--drop-empty-elements", "no"])
        .arg(&file)
        .output()
        .expect("tidy runs");
    // The standard has them (WAI-ARIA 1.2, 6.6.3; HTML, 6.8.8), Debian's Tidy does not yet.
    let known = ["\"aria-current\"", "\"autocapitalize\""];
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    told.lines()
        .filter(|line| !known.iter().any(|name| line.ends_with(name)))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn every_page_is_valid_html() {
    let house = House::start();
    let client = house.client();
    let wayf = client.open("/portail/");
    let login = client.choose(&wayf, "personnel");
    let wrong = client.sign_in(&login, "bleroy", "Wrong-pass-1234");
    let answer = client.sign_in(&login, "bleroy", PASSWORD);
    client.deliver(&answer);
    client.choose(&client.get("/wayf/"), "eleve");
    let mut pages = vec![wayf, login.clone(), wrong, answer, client.get(&login.url)];
    for path in [
        "/wayf/",
        "/wayf/?lang=en",
        "/wayf/?policy=x",
        "/portail/",
        "/portail/applications",
        "/portail/favoris",
        "/portail/catalogue",
        "/portail/applications?categorie=intranet",
        "/portail/applications?categorie=documentation",
        "/portail/applications?categorie=none",
        "/portail/logout",
        "/portail/reprise",
        "/portail/land",
        "/portail/saml/acs",
        "/idp/personnel/logout",
        "/idp/personnel/login",
        "/idp/personnel/releases",
        "/idp/parent/releases",
        "/outils/decodeur",
        "/mentions-legales",
        "/accessibilite",
        "/nowhere",
    ] {
        pages.push(client.open(path));
    }
    for (required, options) in [
        ("mail", ["--information", "once"]),
        ("ctgrps", ["--missing", "tell"]),
        ("ctgrps", ["--missing", "refuse"]),
    ] {
        let host = format!("{}.example", options[1]);
        let partner = Partner::new(&host)
            .asking(required, true)
            .asking("sn", false)
            .asking("eduPersonAffiliation", false);
        partner.register(&house, &options);
        pages.push(client.open(&partner.address(&house, &partner.request(&house))));
    }
    let operator = house.client();
    operator.arrive("personnel", "operateur");
    let viewer = visits::client::form(&[("user", "amartin"), ("service", &house.at("/magistere"))]);
    for asked in ["", "?user=nobody&service=nothing", &format!("?{viewer}")] {
        pages.push(operator.get(&format!("/idp/personnel/apercu{asked}")));
        pages.push(operator.get(&format!("/idp/personnel/essai{asked}")));
    }
    let asked = client.open("/magistere/login?entityID=x");
    pages.push(client.deliver(&client.choose(&asked, "personnel")));
    assert_eq!(
        faults("<!doctype html><html lang=fr><title>x</title><body><p>x"),
        ""
    );
    assert!(!faults("<!doctype html><title>x</title><p><div></p>").is_empty());
    let faulty: Vec<String> = pages
        .iter()
        .map(|page| format!("{} {}", page.url, faults(&page.body)))
        .filter(|told| !told.ends_with(' '))
        .collect();
    assert_eq!(faulty, Vec::<String>::new());
}

/// The theme is light: it comes with every first page on the slowest line.
#[test]
fn the_theme_is_under_20_kb() {
    let house = House::start();
    let page = house.client().get("/wayf/");
    let path =
        visits::client::between(&page.body, "rel=\"stylesheet\" href=\"", "\"").expect("a theme");
    let theme = house.client().get(&visits::client::unescape(&path));
    assert_eq!(theme.status, 200);
    assert!(
        (1_000..20_000).contains(&theme.body.len()),
        "{} bytes",
        theme.body.len()
    );
}
