//! Who is suggested to a visitor, by the address they came by, by the service they are for, and by where they are.

use serde_json::json;
use visits::browser::Kind;
use visits::client::{between, form, unescape};
use visits::{Answer, Browser, House};

use crate::discovery::post;
use crate::search::{IDPS, aggregate, configuration, open, publish, wait_for};

/// A house with a hint that has an address, and one for a service.
fn house() -> (tempfile::TempDir, House) {
    let config = configuration();
    let file = config.path().join("eduline.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let hints = "[[wayf.hints]]\nname = \"quartier\"\nproviders = [\"{public_url}/idp/eleve\"]\n\n\
                 [[wayf.hints]]\nservices = [\"{public_url}/magistere\"]\n\
                 providers = [\"{public_url}/idp/partenaire\"]\n\n[idp]\n";
    std::fs::write(&file, text.replacen("[idp]\n", hints, 1)).unwrap();
    let house = open(config.path());
    // Who can be chosen is known a moment after the house is ready.
    let started = std::time::Instant::now();
    while suggested(&house.client().get("/wayf/")).is_empty() {
        assert!(started.elapsed().as_secs() < 20, "nobody is ever suggested");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    (config, house)
}

/// Who is suggested, in their order.
fn suggested(page: &Answer) -> Vec<String> {
    assert_eq!(page.status, 200, "{}", page.body);
    let section = between(&page.body, "<h2 id=\"near\"", "</section>").unwrap_or_default();
    let names = section.split("name=\"provider\" value=\"").skip(1);
    names
        .map(|rest| unescape(rest.split('"').next().unwrap()))
        .map(|id| id.rsplit('/').next().unwrap().to_owned())
        .collect()
}

#[test]
fn d14_who_came_by_a_link_or_for_a_service_is_suggested_somebody() {
    let (_config, house) = house();
    let client = house.client();
    // The parents' provider is that of the network.
    assert_eq!(suggested(&client.get("/wayf/")), ["parent"]);
    let linked = client.get("/wayf/pour/quartier");
    assert_eq!(suggested(&linked), ["eleve", "parent"]);
    let (id, back) = (
        house.at("/magistere"),
        house.at("/magistere/login?attempt=x"),
    );
    let question = form(&[("entityID", &id), ("return", &back)]);
    let asked = client.get(&format!("/wayf/?{question}"));
    assert_eq!(suggested(&asked), ["partenaire", "parent"]);
    let both = client.get(&format!("/wayf/pour/quartier?{question}"));
    assert_eq!(suggested(&both), ["eleve", "partenaire", "parent"]);
    // Nobody is followed by themselves, and the choice answers the question that was asked.
    let passive = format!("/wayf/pour/quartier?{question}&isPassive=true");
    assert_eq!(client.get(&passive).location(), back);
    let pupils = house.at("/idp/eleve");
    let chosen = post(&client, &both, &[("provider", &pupils)]);
    assert!(
        chosen.location().starts_with(&format!("{back}&entityID=")),
        "{}",
        chosen.location()
    );
    // A link that is none any more is a page like any other; what is refused at one address is at the other.
    let stranger = house.client();
    for path in ["/wayf/pour/autre", "/wayf/pour/%3Cscript%3E"] {
        let page = stranger.get(path);
        assert_eq!(suggested(&page), ["parent"], "{path}");
        assert!(!page.body.contains("<script>alert") && !page.body.contains("autre\""));
    }
    let evil = form(&[("entityID", &id), ("return", "https://evil.example/")]);
    let refused = stranger.get(&format!("/wayf/pour/quartier?{evil}"));
    assert_eq!(refused.code().as_deref(), Some("EDU-3004"));
    assert_eq!(stranger.get("/wayf/pour/").status, 404);
}

#[test]
fn d14_who_is_at_a_machine_of_a_domain_is_suggested_its_provider() {
    let config = configuration();
    let file = config.path().join("eduline.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    // This machine's own address is called `localhost`, and that name leads back to it.
    let hint = |domain: &str, realm: &str| {
        format!(
            "[[wayf.hints]]\nmachines = [\"{domain}\"]\nproviders = [\"{{public_url}}/idp/{realm}\"]\n\n"
        )
    };
    let hints = format!(
        "{}{}{}[idp]\n",
        hint("ocalhost", "personnel"),
        hint("localhost.example", "personnel"),
        hint(".LocalHost.", "eleve")
    );
    std::fs::write(&file, text.replacen("[idp]\n", &hints, 1)).unwrap();
    let house = open(config.path());
    let client = house.client();
    let started = std::time::Instant::now();
    // A name that takes its time is there for a later page.
    while suggested(&client.get("/wayf/")) != ["parent", "eleve"] {
        assert!(started.elapsed().as_secs() < 20, "the name is never known");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // Nobody is followed by themselves.
    let (id, back) = (house.at("/portail"), house.at("/portail/login?attempt=x"));
    let question = form(&[("entityID", &id), ("return", &back), ("isPassive", "true")]);
    assert_eq!(client.get(&format!("/wayf/?{question}")).location(), back);
    // Without such a hint nobody's machine is asked for, so nothing is suggested by it.
    let plain = House::start();
    let near = suggested(&plain.client().get("/wayf/"));
    assert!(!near.contains(&"eleve".to_owned()), "{near:?}");
}

/// The aggregate, with places for these hosts.
fn located(mut xml: String, places: &[(&str, &str)]) -> String {
    for (host, place) in places {
        let at = format!("entityID=\"https://{host}/idp\"");
        let (before, after) = xml.split_once(&at).expect("the entity");
        let hint = format!(
            "</mdui:UIInfo><mdui:DiscoHints><mdui:GeolocationHint>{place}</mdui:GeolocationHint></mdui:DiscoHints>"
        );
        let after = after.replacen("</mdui:UIInfo>", &hint, 1);
        xml = format!("{before}{at}{after}");
    }
    xml
}

#[tokio::test]
async fn d14_organisations_are_found_by_where_the_visitor_is() {
    let config = configuration();
    let house = open(config.path());
    let places = [
        ("univ-lyon2.example", "geo:45.75,4.85"),
        ("univ-lille.example", "geo:50.61,3.14"),
        ("bonn.example", "geo:50.73,7.10;u=10"),
        ("ac-lille.example", "geo:not,here"),
    ];
    publish(&house, "all.xml", &located(aggregate(IDPS), &places));
    let client = house.client();
    wait_for(&client, "bonn");
    let near = |place: &str| {
        let address = format!("/wayf/search?{}", form(&[("near", place), ("lang", "fr")]));
        let found = client.get_with(&address, &[("accept", "application/json")]);
        assert_eq!(found.status, 200, "{}", found.body);
        let found: serde_json::Value = serde_json::from_str(&found.body).unwrap();
        let results = found["results"].as_array().unwrap().iter();
        results
            .map(|one| {
                (
                    one["domain"].as_str().unwrap().to_owned(),
                    one["km"].as_f64().unwrap(),
                )
            })
            .collect::<Vec<_>>()
    };
    let found = near("50.63,3.06");
    let domains: Vec<_> = found.iter().map(|(domain, _)| domain.as_str()).collect();
    assert_eq!(
        domains,
        ["univ-lille.example", "bonn.example", "univ-lyon2.example"]
    );
    assert!(
        found[0].1 < 10.0 && (540.0..580.0).contains(&found[2].1),
        "{found:?}"
    );
    assert_eq!(near("45.7,4.9")[0].0, "univ-lyon2.example");
    for bad in ["x", "91,0", "50.63", "NaN,3", "0,181", "50.63;3.06"] {
        let refused = client.get(&format!("/wayf/search?{}", form(&[("near", bad)])));
        assert_eq!(refused.code().as_deref(), Some("EDU-3001"), "{bad}");
    }
    // A mail address is searched for by its domain.
    let typed = client.get("/wayf/search?q=prenom.nom%40univ-lille.example");
    assert!(
        unescape(&typed.body).contains("Université de Lille"),
        "{}",
        typed.body
    );
    // The browser may be asked on that page, and on no other.
    let policy = |path: &str| {
        let page = client.get(path);
        page.header("permissions-policy").unwrap().to_owned()
    };
    assert!(policy("/wayf/search").contains("geolocation=(self)"));
    assert!(policy("/wayf/").contains("geolocation=()"));
    let bare = client.get("/wayf/search");
    assert!(
        bare.body.contains("id=\"near\" hidden"),
        "nothing without scripts"
    );
    asked_by_the_browser(&house).await;
}

/// The button asks the browser, which asks its visitor.
async fn asked_by_the_browser(house: &House) {
    let browser = Browser::open(&house.url(), Kind::PHONE).await;
    let tell = async |cmd: &str, params: serde_json::Value| {
        let body = json!({ "cmd": cmd, "params": params });
        browser.command("goog/cdp/execute", body).await;
    };
    browser.goto("/wayf/search").await;
    let denied = json!({ "permission": { "name": "geolocation" }, "setting": "denied" });
    tell("Browser.setPermission", denied).await;
    browser.click("#near button").await;
    browser.wait_for_text("pas donné votre position").await;
    let granted = json!({ "permission": { "name": "geolocation" }, "setting": "granted" });
    tell("Browser.setPermission", granted).await;
    let here = json!({ "latitude": 50.6321, "longitude": 3.0612, "accuracy": 10 });
    tell("Emulation.setGeolocationOverride", here).await;
    browser.click("#near button").await;
    browser.wait_for_text("les plus proches de vous").await;
    let address = browser.script("return location.search").await;
    let address = address.as_str().unwrap_or_default();
    assert!(address.contains("near=50.63%2C3.06"), "rounded: {address}");
    assert!(browser.text().await.contains("Université de Lille"));
    browser.assert_fine("search-near").await;
    browser.close().await;
}
