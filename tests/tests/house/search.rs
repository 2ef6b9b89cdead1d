//! An organisation is searched for among those of the federation.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use visits::client::{between, form, unescape};
use visits::{Client, House, Partner, forge};

use crate::discovery::post;

const HIDDEN: &str = "http://refeds.org/category/hide-from-discovery";
const RESEARCH: &str = "http://refeds.org/category/research-and-scholarship";

/// One identity provider of somebody else.
pub(crate) struct Idp<'a> {
    host: &'a str,
    names: &'a [(&'a str, &'a str)],
    keywords: &'a str,
    category: &'a str,
    network: &'a str,
}

pub(crate) const IDPS: &[Idp<'_>] = &[
    idp(
        "univ-lyon2.example",
        &[
            ("fr", "Université Lumière Lyon 2"),
            ("en", "Lyon 2 University"),
        ],
        "sciences+humaines",
    ),
    idp(
        "univ-lille.example",
        &[("fr", "Université de Lille"), ("en", "University of Lille")],
        "ulille",
    ),
    idp(
        "ac-lille.example",
        &[("fr", "Académie de Lille")],
        "rectorat",
    ),
    idp(
        "univ-tlse2.example",
        &[("fr", "Université Toulouse – Jean Jaurès")],
        "mirail",
    ),
    idp("bonn.example", &[("de", "Rheinische Universität Bonn")], ""),
    idp("nameless.example", &[], ""),
    Idp {
        category: HIDDEN,
        ..idp("cache.example", &[("fr", "Université Cachée de Lille")], "")
    },
    Idp {
        network: "127.0.0.0/8",
        ..idp("near.example", &[("fr", "Lycée du Quartier")], "")
    },
    idp(
        "hostile.example",
        &[(
            "fr",
            "&lt;script&gt;alert(1)&lt;/script&gt; &quot;Hostile&quot;",
        )],
        "javascript:alert(1)",
    ),
];

pub(crate) const fn idp<'a>(
    host: &'a str,
    names: &'a [(&'a str, &'a str)],
    keywords: &'a str,
) -> Idp<'a> {
    Idp {
        host,
        names,
        keywords,
        category: RESEARCH,
        network: "",
    }
}

/// An aggregate of these providers.
pub(crate) fn aggregate<'a>(idps: impl IntoIterator<Item = &'a Idp<'a>>) -> String {
    let key = forge::stranger();
    let mut xml = String::from(
        "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
         xmlns:mdui=\"urn:oasis:names:tc:SAML:metadata:ui\" xmlns:shibmd=\"urn:mace:shibboleth:metadata:1.0\" \
         xmlns:mdattr=\"urn:oasis:names:tc:SAML:metadata:attribute\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">",
    );
    for idp in idps {
        let Idp {
            host,
            category,
            network,
            keywords,
            ..
        } = idp;
        let mut ui = String::new();
        for (lang, name) in idp.names {
            write!(
                ui,
                "<mdui:DisplayName xml:lang=\"{lang}\">{name}</mdui:DisplayName>"
            )
            .unwrap();
        }
        if !keywords.is_empty() {
            write!(
                ui,
                "<mdui:Keywords xml:lang=\"fr\">{keywords}</mdui:Keywords>"
            )
            .unwrap();
        }
        let hint = if network.is_empty() {
            String::new()
        } else {
            format!("<mdui:DiscoHints><mdui:IPHint>{network}</mdui:IPHint></mdui:DiscoHints>")
        };
        write!(
            xml,
            "<md:EntityDescriptor entityID=\"https://{host}/idp\"><md:Extensions><mdattr:EntityAttributes>\
             <saml:Attribute Name=\"http://macedir.org/entity-category\" \
             NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:uri\"><saml:AttributeValue>{category}\
             </saml:AttributeValue></saml:Attribute></mdattr:EntityAttributes></md:Extensions>\
             <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><md:Extensions>\
             <shibmd:Scope regexp=\"false\">{host}</shibmd:Scope><mdui:UIInfo>{ui}</mdui:UIInfo>{hint}</md:Extensions>\
             <md:KeyDescriptor><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data>\
             </ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService \
             Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"https://{host}/sso\"/>\
             </md:IDPSSODescriptor></md:EntityDescriptor>",
            key.certificate(),
        )
        .unwrap();
    }
    xml.push_str("</md:EntitiesDescriptor>");
    xml
}

/// A configuration whose partners' tile leads to a search, and whose visitors for one service are
/// shown two tiles.
pub(crate) fn configuration() -> TempDir {
    let folder = TempDir::new().unwrap();
    let from = visits::house::root().join("config/.");
    let copied = Command::new("cp")
        .arg("-r")
        .arg(from)
        .arg(folder.path())
        .status();
    assert!(copied.unwrap().success());
    let file = folder.path().join("eduline.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace(
        "providers = [\"{public_url}/idp/partenaire\"]",
        &format!(
            "providers = [\"{{public_url}}/idp/partenaire\"]\nsearch = [\"category:{RESEARCH}\", \"category:{HIDDEN}\"]\n\n\
             [[wayf.rules]]\nservices = [\"https://sp.example/sp\"]\nprofiles = [\"partenaire\", \"personnel\"]\n\n\
             [[wayf.hints]]\nnetworks = [\"127.0.0.0/8\", \"::1\"]\nproviders = [\"{{public_url}}/idp/parent\", \"urn:nobody\"]\n\n\
             [[wayf.hints]]\nnetworks = [\"10.0.0.0/8\"]\nproviders = [\"{{public_url}}/idp/eleve\"]"
        ),
    );
    std::fs::write(file, text).unwrap();
    folder
}

pub(crate) fn open(config: &Path) -> House {
    let file = config.join("eduline.toml").display().to_string();
    House::with(&[("EDULINE_CONFIG", &file)])
}

pub(crate) fn publish(house: &House, name: &str, xml: &str) {
    let folder = house.data.path().join("metadata");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), xml).unwrap();
}

pub(crate) fn json(client: &Client, query: &str) -> serde_json::Value {
    let address = format!("/wayf/search?{query}");
    let answer = client.get_with(&address, &[("accept", "application/json")]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

fn names(client: &Client, query: &str) -> Vec<String> {
    let found = json(client, &form(&[("q", query), ("lang", "fr")]));
    let results = found["results"].as_array().unwrap().iter();
    results
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect()
}

pub(crate) fn wait_for(client: &Client, query: &str) {
    let started = Instant::now();
    while names(client, query).is_empty() {
        assert!(started.elapsed().as_secs() < 20, "{query} is never found");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn d09_d10_d13_an_organisation_is_found_and_chosen() {
    let config = configuration();
    let house = open(config.path());
    publish(&house, "federation.xml", &aggregate(IDPS));
    let client = house.client();
    wait_for(&client, "bonn");
    for (query, found) in [
        ("univ lyon 2", "Université Lumière Lyon 2"),
        ("LYON2 universite", "Université Lumière Lyon 2"),
        ("lyon university", "Université Lumière Lyon 2"),
        ("humaines", "Université Lumière Lyon 2"),
        ("ac lille", "Académie de Lille"),
        ("univ-tlse2.example", "Université Toulouse – Jean Jaurès"),
        ("toulouze", "Université Toulouse – Jean Jaurès"),
        ("bonn", "Rheinische Universität Bonn"),
        ("nameless", "nameless.example"),
    ] {
        assert_eq!(
            names(&client, query).first().map(String::as_str),
            Some(found),
            "{query}"
        );
    }
    // Who asks to be shown nowhere is not, and what is not there is not found.
    for query in ["cachée", "cache.example", "lyon lille", "tokyo", "%"] {
        assert_eq!(names(&client, query), Vec::<String>::new(), "{query}");
    }
    let english = json(&client, "q=universite+de+lille&lang=en");
    assert_eq!(
        english["results"][0]["name"].as_str(),
        Some("University of Lille")
    );
    // The same without scripts: tile, field, result, and on to the provider.
    let client = house.client();
    let page = client.open("/portail/applications?categorie=formation");
    let search = client.follow(post(&client, &page, &[("profile", "partenaire")]));
    assert_eq!(search.status, 200, "{}", search.body);
    assert!(search.body.contains("role=\"status\""), "a live region");
    let hidden = |name: &str| search.field(name).unwrap();
    let asked = form(&[
        ("entityID", &hidden("entityID")),
        ("return", &hidden("return")),
        ("returnIDParam", &hidden("returnIDParam")),
        ("profile", "partenaire"),
        ("q", "univ lille"),
    ]);
    let found = client.get(&format!("/wayf/search?{asked}"));
    assert!(found.body.contains("Un organisme trouvé"), "{}", found.body);
    let answer = post(
        &client,
        &found,
        &[
            ("profile", "partenaire"),
            ("provider", "https://univ-lille.example/idp"),
        ],
    );
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert!(
        answer
            .location()
            .ends_with("entityID=https%3A%2F%2Funiv-lille.example%2Fidp")
    );
    let request = client.get(answer.location());
    assert!(
        request
            .location()
            .starts_with("https://univ-lille.example/sso?SAMLRequest="),
        "the portal asks whoever is trusted: {}",
        request.location()
    );
    let direct = client.get("/portail/login?entityID=https%3A%2F%2Fbonn.example%2Fidp");
    assert!(direct.location().starts_with("https://bonn.example/sso?"));
    // The next visit offers it by its name.
    let page = client.open("/portail/");
    assert!(
        page.body.contains(">Université de Lille</button>"),
        "{}",
        page.body
    );
    // What nobody offers is refused, by search as by choice.
    for (profile, provider) in [
        (Some("partenaire"), "https://cache.example/idp"),
        (None, "https://cache.example/idp"),
        (Some("personnel"), "https://univ-lille.example/idp"),
        (None, "https://unknown.example/idp"),
        (None, "no uri"),
    ] {
        let mut fields = vec![("provider", provider)];
        fields.extend(profile.map(|profile| ("profile", profile)));
        let answer = post(&client, &page, &fields);
        assert_eq!(answer.code().as_deref(), Some("EDU-3005"), "{provider}");
    }
    for (query, code) in [
        ("q=a&profile=nobody", "EDU-3005"),
        (
            "q=a&entityID=https%3A%2F%2Funknown.example%2Fsp",
            "EDU-3002",
        ),
        ("q=a&returnIDParam=a%26b", "EDU-3001"),
        ("q=a&q=b", "EDU-1002"),
    ] {
        let answer = client.get(&format!("/wayf/search?{query}"));
        assert_eq!(
            answer.code().as_deref(),
            Some(code),
            "{query}: {}",
            answer.body
        );
    }
    // What metadata says is text, and what a visitor says, too.
    let hostile = client.get("/wayf/search?q=hostile");
    assert!(!hostile.body.contains("<script>alert"), "{}", hostile.body);
    assert!(
        hostile.body.contains("&lt;script&gt;alert(1)"),
        "{}",
        hostile.body
    );
    let typed = client.get("/wayf/search?q=%3Cscript%3Ealert(1)%3C/script%3E");
    assert!(!typed.body.contains("<script>alert"), "{}", typed.body);
    // A hint is offered, and followed by nobody (D14).
    let page = house.client().open("/portail/");
    let near = between(&unescape(&page.body), "id=\"near\"", "</section>").expect("suggestions");
    let parent = near.find("/idp/parent\"").expect("whom the settings name");
    let themselves = near.find("Lycée du Quartier").expect("who says so");
    assert!(
        parent < themselves && !near.contains("/idp/eleve\""),
        "{near}"
    );
    // A rule shows other tiles, in its order, and no others can be chosen (D12).
    let partner = Partner {
        discovery: Some("https://sp.example/login".to_owned()),
        ..Partner::new("sp.example")
    };
    partner.register(&house, &[]);
    let page = client.get("/wayf/?entityID=https%3A%2F%2Fsp.example%2Fsp");
    let tiles = page.body.split("class=\"tile\"").skip(1);
    let tiles: Vec<&str> = tiles
        .filter_map(|tile| tile.split("value=\"").nth(1)?.split('"').next())
        .collect();
    assert_eq!(tiles, ["partenaire", "personnel"]);
    let answer = post(&client, &page, &[("profile", "eleve")]);
    assert_eq!(answer.code().as_deref(), Some("EDU-3005"));
    // However many organisations there are, the pages stay as light as they were.
    let before = (
        client.get("/wayf/").body.len(),
        client.get("/wayf/search?q=univ").body.len(),
    );
    let hosts: Vec<String> = (0..10_000).map(|n| format!("univ{n}.example")).collect();
    let many = hosts
        .iter()
        .map(|host| idp(host, &[("fr", "Université nouvelle")], ""))
        .collect::<Vec<_>>();
    publish(&house, "more.xml", &aggregate(&many));
    wait_for(&client, "univ9999");
    // Of ten thousand, whoever is wanted is read in full when they are wanted (M07).
    let direct = client.get("/portail/login?entityID=https%3A%2F%2Funiv9999.example%2Fidp");
    assert!(
        direct
            .location()
            .starts_with("https://univ9999.example/sso?"),
        "{}",
        direct.location()
    );
    let after = (
        client.get("/wayf/").body.len(),
        client.get("/wayf/search?q=univ").body.len(),
    );
    assert!(
        after.0 <= before.0 + 100 && after.1 < 16_000,
        "{before:?} {after:?}"
    );
    assert_eq!(
        json(&client, "q=universite+nouvelle")["total"].as_u64(),
        Some(10_000)
    );
    assert!(
        first_page(&client, "/wayf/") < 30_000,
        "{} bytes",
        first_page(&client, "/wayf/")
    );
}

/// What a browser fetches to show a first page that is not kept from before, bytes.
pub(crate) fn first_page(client: &Client, path: &str) -> usize {
    let page = client.get(path);
    let body = unescape(&page.body);
    let fetched = |folder: &str| -> std::collections::BTreeSet<String> {
        let opening = format!("\"{folder}");
        let named = body.split(&opening).skip(1);
        named
            .filter_map(|rest| Some(format!("{folder}{}", rest.split('"').next()?)))
            .collect()
    };
    let mut parts = fetched("/assets/");
    assert!(parts.len() >= 5, "{parts:?}");
    parts.extend(fetched("/wayf/logo/"));
    parts.extend(fetched("/logo.png"));
    let bytes = |path: &String| {
        let part = client.get_with(path, &[("accept-encoding", "gzip, br")]);
        assert_eq!(part.status, 200, "{path}");
        let length = part.header("content-length").expect("a length");
        length.parse::<usize>().expect("a number")
    };
    page.body.len() + parts.iter().map(bytes).sum::<usize>()
}

#[test]
fn d19_d20_the_feed_and_the_button_are_for_everybody() {
    let house = House::start();
    let client = house.client();
    for realm in ["personnel", "élève", "parent", "partenaire"] {
        wait_for(&client, realm);
    }
    let feed = client.get("/wayf/feed");
    assert_eq!(feed.header("content-type"), Some("application/json"));
    let entries: Vec<serde_json::Value> = serde_json::from_str(&feed.body).unwrap();
    let ids: Vec<&str> = entries
        .iter()
        .map(|one| one["entityID"].as_str().unwrap())
        .collect();
    assert_eq!(entries.len(), 4, "{ids:?}");
    assert!(ids.contains(&house.at("/idp/eleve").as_str()));
    let names = entries[0]["DisplayNames"].as_array().unwrap();
    assert!(
        names
            .iter()
            .all(|name| name["value"].is_string() && name["lang"].is_string())
    );
    let tag = feed.header("etag").unwrap().to_owned();
    for (known, status) in [
        (tag.as_str(), 304),
        (&format!("W/{tag}, \"x\""), 304),
        ("*", 304),
        ("\"x\"", 200),
    ] {
        let again = client.get_with("/wayf/feed", &[("if-none-match", known)]);
        assert_eq!(
            (again.status, again.header("etag")),
            (status, Some(tag.as_str())),
            "{known}"
        );
        assert_eq!(again.body.is_empty(), status == 304);
    }
    let script = client.get("/wayf/button.js");
    assert_eq!(
        script.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    for answer in [&feed, &script] {
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        assert_eq!(
            answer.header("cross-origin-resource-policy"),
            Some("cross-origin")
        );
        assert_eq!(answer.header("set-cookie"), None, "nobody is followed");
    }
    let page = client.get("/wayf/");
    assert_eq!(
        page.header("cross-origin-resource-policy"),
        Some("same-origin")
    );
}

#[test]
fn d06_always_is_asked_for_followed_and_undone() {
    let house = House::start();
    let client = house.client();
    let page = client.open("/portail/");
    let login = client.follow(post(
        &client,
        &page,
        &[("profile", "eleve"), ("always", "1")],
    ));
    assert!(login.body.contains("name=\"password\""), "{}", login.body);
    // The next question is not asked, for this service and for another.
    for path in ["/portail/", "/magistere/"] {
        let next = client.open(path);
        assert!(next.url.contains("/idp/eleve/"), "{path}: {}", next.url);
        // Back at once: that was not where the visitor wanted to go.
        let back = client.open(path);
        assert!(back.url.contains("/wayf/?"), "{}", back.url);
        assert!(back.body.contains(">toujours</span>"), "{}", back.body);
    }
    // « Ce n'est pas mon profil » asks, and so does the page itself.
    client.set_cookie("wayf-followed", "");
    let login = client.open("/magistere/");
    let other = login.body.split("href=\"").skip(1);
    let other = other
        .map(|rest| unescape(rest.split('"').next().unwrap_or_default()))
        .find(|href| href.starts_with("/idp/eleve/other?"))
        .expect("a way to another profile");
    client.set_cookie("wayf-followed", "");
    let page = client.open(&other);
    assert!(page.url.contains("/wayf/?"), "{}", page.url);
    assert!(client.get("/wayf/").body.contains(">toujours</span>"));
    // Another choice ends it, and so does forgetting.
    post(&client, &page, &[("profile", "parent")]);
    assert!(client.open("/portail/").url.contains("/wayf/?"));
    // A made-up cookie leads nowhere that is not offered.
    let stranger = house.client();
    stranger.set_cookie("wayf", "!https%3A%2F%2Fevil%2Eexample%2Fidp");
    let page = stranger.open("/portail/");
    assert!(
        page.url.contains("/wayf/?") && !page.body.contains("evil"),
        "{}",
        page.body
    );
}
