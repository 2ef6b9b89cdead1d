//! The search and the button as a visitor meets them: typing, arrow keys, what a screen reader is
//! told, and a browser that keeps no cookies for other sites.

use std::io::{Read, Write};
use std::net::TcpListener;

use visits::browser::Kind;
use visits::client::unescape;
use visits::{Browser, House};

use crate::search::{IDPS, aggregate, configuration, idp, json, open, publish, wait_for};

const DOWN: &str = "\u{e015}";
const UP: &str = "\u{e013}";
const ESCAPE: &str = "\u{e00c}";
const ENTER: &str = "\u{e007}";

/// The text of what has the focus.
async fn focus(browser: &Browser) -> String {
    let focus = browser
        .script("const at = document.activeElement; return at.id || at.querySelector('.org-name')?.textContent || at.textContent")
        .await;
    focus.as_str().unwrap_or_default().trim().to_owned()
}

/// Sends keys to what has the focus.
async fn press(browser: &Browser, keys: &str) {
    let at = browser.page.active_element().await.expect("a focus");
    at.send_keys(keys).await.expect("keys");
}

#[tokio::test]
async fn d09_d21_an_organisation_is_found_while_one_types_and_by_keys_alone() {
    let config = configuration();
    let house = open(config.path());
    publish(&house, "federation.xml", &aggregate(IDPS));
    wait_for(&house.client(), "bonn");
    let browser = Browser::open(&house.url(), Kind::DESKTOP).await;
    browser.goto("/wayf/search").await;
    // What is read out is one place of the page, filled and never replaced.
    browser
        .script("document.getElementById('count').same = true; return null")
        .await;
    browser.find("#q").await.click().await.expect("focus");
    press(&browser, "univ").await;
    browser.wait_for_text("4 organismes trouvés").await;
    press(&browser, " lille").await;
    browser.wait_for_text("Un organisme trouvé").await;
    let said = browser
        .script("const it = document.getElementById('count'); return it.same && it.getAttribute('role')")
        .await;
    assert_eq!(said.as_str(), Some("status"), "the same live region");
    assert_eq!(
        focus(&browser).await,
        "q",
        "nobody is thrown out of the field"
    );
    assert_eq!(browser.path().await, "/wayf/search", "no page was left");
    browser.assert_fine("search").await;
    // Arrows walk from the field through what was found, and back.
    for _ in 0..10 {
        press(&browser, "\u{e003}").await;
    }
    press(&browser, "univ").await;
    browser.wait_for_text("4 organismes trouvés").await;
    let mut seen = Vec::new();
    for _ in 0..5 {
        press(&browser, DOWN).await;
        seen.push(focus(&browser).await);
    }
    assert_eq!(seen[3], seen[4], "the last one is the end");
    assert!(seen.contains(&"Université de Lille".to_owned()), "{seen:?}");
    press(&browser, UP).await;
    assert_eq!(focus(&browser).await, seen[2]);
    press(&browser, ESCAPE).await;
    assert_eq!(focus(&browser).await, "q");
    // Nothing found is told, too.
    press(&browser, " tokyo").await;
    browser.wait_for_text("Aucun organisme trouvé").await;
    browser.assert_fine("search-none").await;
    // The result is chosen with the key that chooses.
    browser.goto("/wayf/search?q=partenaire").await;
    browser.find("#q").await.click().await.expect("focus");
    press(&browser, DOWN).await;
    press(&browser, ENTER).await;
    browser.find("[name=password]").await;
    assert!(browser.path().await.starts_with("/idp/partenaire/"));
    browser.close().await;
    on_a_phone(&house).await;
}

/// The same page, in English.
async fn on_a_phone(house: &House) {
    let phone = Browser::open(&house.url(), Kind::PHONE.lang("en")).await;
    phone.goto("/wayf/search?q=univ").await;
    phone.assert_fine("search-phone").await;
    phone.picture("search-phone").await;
    phone.close().await;
    // The narrowest there is (WCAG 2.1, 1.4.10).
    let narrow = Kind {
        width: 320,
        ..Kind::PHONE
    };
    let narrow = Browser::open(&house.url(), narrow).await;
    for (path, name) in [
        ("/wayf/", "choice-narrow"),
        ("/wayf/search?q=univ", "search-narrow"),
    ] {
        narrow.goto(path).await;
        narrow.assert_fine(name).await;
        narrow.picture(name).await;
    }
    narrow.close().await;
}

/// A site of somebody else's, with one page.
fn site(page: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut asked = [0; 4096];
            if stream.read(&mut asked).unwrap_or(0) == 0 {
                continue;
            }
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                page.len()
            );
            stream.write_all(head.as_bytes()).ok();
            stream.write_all(page.as_bytes()).ok();
        }
    });
    address
}

#[tokio::test]
async fn d07_d20_the_button_of_another_site_works_without_cookies_for_other_sites() {
    let house = House::start();
    let service = house.at("/portail");
    let script = house.at("/wayf/button.js");
    let page = format!(
        "<!doctype html><html lang=\"fr\"><title>Ailleurs</title>\
         <div data-eduline data-entity-id=\"{service}\"></div>\
         <div data-eduline data-entity-id=\"{service}\" data-login=\"javascript:document.title='ran'\"></div>\
         <script src=\"{script}\" defer></script></html>"
    );
    // Another host is another site: 127.0.0.1 is not localhost.
    let elsewhere = site(page);
    let browser = Browser::open(&house.url(), Kind::DESKTOP.without_foreign_cookies()).await;
    browser.goto(&elsewhere).await;
    browser.find("a.eduline-button").await;
    let made = browser
        .page
        .find_all(fantoccini::Locator::Css("a.eduline-button"))
        .await;
    assert_eq!(
        made.expect("links").len(),
        1,
        "an address that runs makes no button"
    );
    assert_eq!(browser.text().await.trim(), "Se connecter avec l'académie");
    browser.click("a.eduline-button").await;
    browser.click("ul.tiles button[value=eleve]").await;
    browser.find("[name=password]").await;
    // The choice is remembered here, whatever the other site may keep.
    browser.goto(&elsewhere).await;
    browser.click("a.eduline-button").await;
    browser.find("#again").await;
    let again = browser.find("ul.rows button[name=profile]").await;
    assert_eq!(again.text().await.expect("text"), "Élève");
    browser.close().await;
}

#[test]
fn d18_the_common_domain_is_told_who_was_chosen_only_where_the_settings_say_so() {
    let silent = House::start();
    let client = silent.client();
    client.choose(&client.get("/wayf/"), "eleve");
    assert!(
        !client.cookies().contains_key("_saml_idp"),
        "off by default"
    );
    client.set_cookie("_saml_idp", &told(&[&silent.at("/idp/parent")]));
    client.set_cookie("wayf", "");
    assert!(
        !client.get("/wayf/").body.contains("id=\"again\""),
        "nor read"
    );

    let house = House::with(&[("EDULINE__WAYF__COMMON_DOMAIN", "localhost")]);
    let (pupils, parents) = (house.at("/idp/eleve"), house.at("/idp/parent"));
    let client = house.client();
    // What was chosen elsewhere is offered, the latest first, and what nobody offers is not.
    client.set_cookie(
        "_saml_idp",
        &told(&[&pupils, "https://evil.example/idp", "<script>", &parents]),
    );
    let page = client.get("/wayf/");
    let again = visits::client::between(&unescape(&page.body), "id=\"again\"", "</section>")
        .expect("offered");
    let places = [&parents, &pupils].map(|id| again.find(id.as_str()).expect("offered"));
    assert!(places[0] < places[1] && !again.contains("evil"), "{again}");
    // It is never followed by itself, and answers a passive question.
    assert!(client.open("/portail/").url.contains("/wayf/?"));
    let passive = client.get(&format!(
        "/wayf/?{}",
        visits::client::form(&[("entityID", &house.at("/portail")), ("isPassive", "true")])
    ));
    assert!(
        passive.location().ends_with("idp%2Fparent"),
        "{}",
        passive.location()
    );
    // A choice is told, after those of others; forgetting takes it out again.
    client.choose(&client.get("/wayf/"), "eleve");
    let kept = client.cookies()["_saml_idp"].clone();
    assert!(kept.ends_with(&told(&[&pupils])), "{kept}");
    let page = client.get("/wayf/");
    let csrf = page.field("csrf").expect("a token");
    client.post("/wayf/", &[("csrf", &csrf), ("forget", &pupils)]);
    let kept = client.cookies()["_saml_idp"].clone();
    assert!(!kept.contains(&told(&[&pupils])), "{kept}");
}

/// The cookie that says these were used, the latest last.
fn told(ids: &[&str]) -> String {
    use base64::Engine;
    let entries: Vec<String> = ids
        .iter()
        .map(|id| base64::engine::general_purpose::STANDARD.encode(id))
        .collect();
    let text = entries.join(" ");
    percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A server of pictures, good and bad; says what it was asked for.
pub(crate) fn pictures() -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let good =
        std::fs::read(visits::house::root().join("templates/assets/logo.png")).expect("logo");
    let mut bomb = good.clone();
    bomb[16..24].fill(0x10);
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut asked = [0; 4096];
            let length = stream.read(&mut asked).unwrap_or(0);
            let line = String::from_utf8_lossy(&asked[..length]).into_owned();
            let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            tell.send(path.clone()).ok();
            let mut send = |status: &str, body: &[u8]| {
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: image/png\r\nconnection: close\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).ok();
                stream.write_all(body).ok();
            };
            match path.split('?').next().unwrap_or_default() {
                "/good.png" => send("200 OK", &good),
                "/heavy.png" => {
                    send("200 OK", &good);
                    stream.write_all(&[0; 20_000]).ok();
                }
                "/bomb.png" => send("200 OK", &bomb),
                "/script.svg" => send(
                    "200 OK",
                    b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
                ),
                "/page.png" => send("200 OK", b"<!doctype html><script>alert(1)</script>"),
                "/inside.png" => send("302 Found\r\nlocation: http://10.0.0.1/x.png", b""),
                "/huge.png" => {
                    send("200 OK", &good);
                    // Fifty megabytes, to whoever reads on.
                    let more = vec![0; 1 << 20];
                    for _ in 0..50 {
                        if stream.write_all(&more).is_err() {
                            break;
                        }
                    }
                }
                _ => send("404 Not Found", b""),
            }
        }
    });
    (base, told)
}

/// The aggregate with a logo for each of these hosts.
fn with_logos<'a>(
    mut xml: String,
    base: &str,
    logos: impl Iterator<Item = (&'a &'static str, &'a String)>,
) -> String {
    for (file, host) in logos {
        let (before, after) = xml
            .split_once(&format!("entityID=\"https://{host}/idp\""))
            .expect("the entity");
        let logo = format!(
            "<mdui:Logo width=\"80\" height=\"60\">{base}/{file}</mdui:Logo></mdui:UIInfo>"
        );
        let after = after.replacen("</mdui:UIInfo>", &logo, 1);
        xml = format!("{before}entityID=\"https://{host}/idp\"{after}");
    }
    xml
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one walk, from the first search to the last refusal"
)]
fn d09_logos_come_from_this_house_alone_and_only_when_they_are_pictures() {
    let (base, told) = pictures();
    let config = configuration();
    let house = open(config.path());
    let files = [
        "good.png",
        "bomb.png",
        "script.svg",
        "page.png",
        "inside.png",
        "huge.png",
        "none.png",
    ];
    let hosts: Vec<String> = files
        .iter()
        .map(|file| format!("{}.example", file.replace('.', "-")))
        .collect();
    let idps: Vec<_> = hosts
        .iter()
        .map(|host| idp(host, &[("fr", "Organisme à logo")], ""))
        .collect();
    let xml = with_logos(aggregate(&idps), &base, files.iter().zip(&hosts));
    publish(&house, "logos.xml", &xml);
    let client = house.client();
    wait_for(&client, "organisme logo");
    // The first search asks for them, beside the visitor; a later one shows what was found good.
    let found = || {
        json(&client, "q=organisme+logo&lang=fr")["results"]
            .as_array()
            .expect("results")
            .clone()
    };
    let has_logo = |host: &str| {
        let all = found();
        let one = all.iter().find(|one| one["domain"] == host).expect("found");
        one["logo"].as_str().map(str::to_owned)
    };
    let started = std::time::Instant::now();
    let logo = loop {
        if let Some(logo) = has_logo("good-png.example") {
            break logo;
        }
        assert!(started.elapsed().as_secs() < 20, "the logo never comes");
        std::thread::sleep(std::time::Duration::from_millis(100));
    };
    let picture = client.get(&logo);
    assert_eq!(
        (picture.status, picture.header("content-type")),
        (200, Some("image/png"))
    );
    assert_eq!(picture.header("x-content-type-options"), Some("nosniff"));
    let page = client.get("/wayf/search?q=organisme+logo");
    assert_eq!(
        unescape(&page.body)
            .matches(&format!("src=\"{logo}\""))
            .count(),
        1
    );
    assert!(
        !page.body.contains("127.0.0.1"),
        "nobody is sent there: {}",
        page.body
    );
    // All were asked for once, and only one is a small picture.
    let mut asked = std::collections::BTreeSet::new();
    while asked.len() < files.len() {
        let path = told
            .recv_timeout(std::time::Duration::from_secs(20))
            .expect("all are asked for");
        assert!(asked.insert(path.clone()), "{path} twice");
    }
    std::thread::sleep(std::time::Duration::from_millis(500));
    for host in hosts.iter().skip(1) {
        assert_eq!(has_logo(host), None, "{host}");
    }
    assert!(
        told.try_recv().is_err(),
        "what was refused is not asked for again"
    );
    for nothing in [
        "0".repeat(32),
        "x".to_owned(),
        "..%2f..%2fjournal".to_owned(),
        logo[11..].to_uppercase(),
    ] {
        assert_eq!(
            client.get(&format!("/wayf/logo/{nothing}")).status,
            404,
            "{nothing}"
        );
    }
    // Without logos nobody is asked.
    let silent = House::with(&[("EDULINE__WAYF__LOGOS", "false")]);
    assert_eq!(silent.client().get(&logo).status, 404);
}
