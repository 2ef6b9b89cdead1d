//! Metadata Query: our entities one by one, as others ask for them, and others' as we ask.

use std::time::Duration;

use visits::client::form;
use visits::peers::query as asked_by_pysaml;
use visits::{Answer, House, Partner, forge};

use crate::search::{configuration, open};

use crate::sources::{
    DAY, Key, Origin, aggregate, is_trusted, key, provider, response, said, signed, wait_until,
};

fn digest(id: &str) -> String {
    let bytes = openssl::sha::sha1(id.as_bytes());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[test]
fn m06_our_entities_are_found_one_by_one_by_name_and_by_digest() {
    let house = House::start();
    let client = house.client();
    let query = |id: &str, headers: &[(&str, &str)]| {
        client.get_with(&format!("/mdq/entities/{}", encoded(id)), headers)
    };
    let ours = [
        "/idp/personnel",
        "/idp/parent",
        "/portail",
        "/magistere",
        "/compte",
    ];
    for path in ours {
        let id = house.at(path);
        let own = if path.starts_with("/idp") {
            "/metadata"
        } else {
            "/saml/metadata"
        };
        let published = client.get(&format!("{path}{own}")).body;
        for asked in [id.clone(), format!("{{sha1}}{}", digest(&id))] {
            let answer = query(&asked, &[]);
            assert_eq!(answer.status, 200, "{asked}: {}", answer.body);
            assert_eq!(
                answer.header("content-type"),
                Some("application/samlmetadata+xml")
            );
            assert_eq!(answer.body, published, "{asked}");
        }
    }
    // Not sent again to who has it; compressed for who takes it.
    let id = house.at("/portail");
    let first = query(&id, &[]);
    let tag = first.header("etag").unwrap();
    assert_eq!(query(&id, &[("if-none-match", tag)]).status, 304);
    let zipped = query(&id, &[("accept-encoding", "br, gzip")]);
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert_eq!(zipped.header("vary"), Some("Accept-Encoding"));
    let length = zipped.header("content-length").unwrap();
    assert!(length.parse::<usize>().unwrap() < first.body.len() * 3 / 4);
    assert_ne!(zipped.header("etag"), Some(tag));
    let refused = query(&id, &[("accept-encoding", "gzip;q=0, identity")]);
    assert_eq!(
        (refused.header("content-encoding"), &refused.body),
        (None, &first.body)
    );

    for stranger in [
        "https://stranger.example/idp",
        "{sha1}",
        "{sha1}da39a3ee5e6b4b0d3255bfef95601890afd80709",
        &format!("{{sha256}}{}", digest(&id)),
        &format!("{id}/"),
        "../../../etc/passwd",
    ] {
        assert_eq!(query(stranger, &[]).status, 404, "{stranger:?}");
    }
    assert_eq!(client.get("/mdq/entities/").status, 404);
    for path in ["/mdq/entities/%00", "/mdq/entities/%ff"] {
        let status = client.get(path).status;
        assert!(matches!(status, 400 | 404), "{path}: {status}");
    }

    // pysaml2 reads them, and believes them by our key alone.
    let names = [house.at("/idp/eleve"), house.at("/portail")];
    for by in ["by-digest", "by-name"] {
        assert_eq!(asked_by_pysaml(&house, by, &names).unwrap(), names);
    }
    let stranger = ["https://stranger.example".to_owned()];
    assert!(
        asked_by_pysaml(&house, "by-name", &stranger)
            .unwrap_err()
            .contains("404")
    );
}

#[test]
fn m05_an_entity_nobody_knows_is_asked_for_and_believed_by_the_pinned_key_alone() {
    let mut house = House::with(&[("EDULINE__FEDERATION__REFRESH_S", "1")]);
    let (origin, folder) = (Origin::start(), tempfile::tempdir().unwrap());
    let (theirs, stranger) = (key(folder.path(), "theirs"), key(folder.path(), "stranger"));
    let path = |host: &str| format!("/entities/https%3A%2F%2F{host}%2Fidp");
    let alone =
        |host: &str, key: &Key| signed(&aggregate(&provider(host, key), Some(7 * DAY)), key);
    origin.gives(&path("one.example"), &alone("one.example", &theirs));
    origin.gives(&path("forged.example"), &alone("forged.example", &stranger));
    origin.gives(&path("other.example"), &alone("another.example", &theirs));
    let past = signed(
        &aggregate(&provider("past.example", &theirs), Some(-60)),
        &theirs,
    );
    origin.gives(&path("past.example"), &past);
    let pem = theirs.certificate.display().to_string();
    let add = [
        "metadata",
        "source",
        "add",
        &origin.base,
        "--key",
        &pem,
        "--mdq",
        "--name",
        "query",
    ];
    let added = house.run(&add);
    assert!(added.status.success(), "{}", said(&added));

    let client = house.client();
    wait_until(&client, "one.example", true);
    for host in [
        "forged.example",
        "other.example",
        "another.example",
        "past.example",
        "no.example",
    ] {
        for _ in 0..3 {
            assert!(!is_trusted(&client, host), "{host}");
        }
        assert_eq!(
            origin.times(&path(host)),
            1,
            "{host}: not asked for again at once"
        );
    }
    // A service is asked for at every door it may come to: here, unasked.
    let service = Partner::new("door.example").metadata();
    let service = &service[service.find("<md:EntityDescriptor").unwrap()..];
    let at = "/entities/https%3A%2F%2Fdoor.example%2Fsp";
    let document = signed(&aggregate(service, Some(7 * DAY)), &theirs);
    origin.gives(at, &document);
    let door =
        client.get("/idp/personnel/sso/unsolicited?providerId=https%3A%2F%2Fdoor.example%2Fsp");
    assert_ne!(door.code().as_deref(), Some("EDU-4003"), "{}", door.body);
    assert_eq!((door.status, origin.times(at)), (403, 1));
    // What stands is asked for again, and stands while nobody answers, here and after a start.
    let before = origin.times(&path("one.example"));
    origin.says(&path("one.example"), response("500 Oh", "", ""));
    std::thread::sleep(Duration::from_millis(2500));
    assert!(origin.times(&path("one.example")) > before);
    assert!(is_trusted(&client, "one.example"));
    house.kill();
    house.open();
    let client = house.client();
    assert!(is_trusted(&client, "one.example"), "its last good copy");
    // Said to be nowhere, it is gone.
    origin.says(&path("one.example"), response("404 Gone", "", ""));
    wait_until(&client, "one.example", false);
}

/// A service that can be asked for at `origin`, and nowhere else, reached by a binding.
fn service_at(origin: &Origin, theirs: &Key, host: &str, binding: &str) -> Partner {
    let mut partner = Partner::new(host);
    partner.discovery = Some(format!("https://{host}/login"));
    let text = partner.metadata();
    let (head, rest) = text.split_once("<ds:Signature").unwrap();
    let (_, rest) = rest.split_once("</ds:Signature>").unwrap();
    let entity = format!("{head}{rest}").replace("bindings:HTTP-POST", binding);
    let entity = &entity[entity.find("<md:EntityDescriptor").unwrap()..];
    let document = signed(&aggregate(entity, Some(7 * DAY)), theirs);
    origin.gives(&path_of(host), &document);
    partner
}

/// Where a service of that host is asked for.
fn path_of(host: &str) -> String {
    format!("/entities/https%3A%2F%2F{host}%2Fsp")
}

#[test]
fn m05_a_service_nobody_knows_is_asked_for_at_every_door() {
    // A tile leads to a provider that nobody knows yet, either.
    let config = configuration();
    let file = config.path().join("eduline.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let tile = "providers = [\"{public_url}/idp/parent\"]";
    assert!(text.contains(tile));
    let text = text.replacen(tile, "providers = [\"https://far.example/idp\"]", 1);
    std::fs::write(&file, text).unwrap();
    let house = open(config.path());
    let (origin, folder) = (Origin::start(), tempfile::tempdir().unwrap());
    let theirs = key(folder.path(), "theirs");
    for host in ["one.example", "far.example"] {
        let alone = aggregate(&provider(host, &theirs), Some(7 * DAY));
        let at = format!("/entities/https%3A%2F%2F{host}%2Fidp");
        origin.gives(&at, &signed(&alone, &theirs));
    }
    let pem = theirs.certificate.display().to_string();
    let add = ["metadata", "source", "add", &origin.base, "--key", &pem];
    let added = house.run(&[&add[..], &["--mdq", "--name", "query"]].concat());
    assert!(added.status.success(), "{}", said(&added));
    let client = house.client();
    wait_until(&client, "one.example", true);
    let post = "bindings:HTTP-POST";
    let known = |host: &str| service_at(&origin, &theirs, host, post);
    let asks_password = |page: &Answer| page.action("name=\"password\"").is_some();
    let discovers = |host: &str| {
        let (id, back) = (
            format!("https://{host}/sp"),
            format!("https://{host}/login"),
        );
        form(&[("entityID", &id), ("return", &back)])
    };

    let by_redirect = known("redirect.example");
    let request = by_redirect.request(&house);
    let page = client.open(&by_redirect.address(&house, &request));
    assert!(asks_password(&page), "{}", page.body);

    let by_post = known("post.example");
    let mut request = by_post.request(&house);
    request.destination = Some(house.at("/idp/personnel/sso/post"));
    let message = saml::post::compose(&request, &by_post.key).unwrap();
    let message = forge::base64(&message);
    let posted = client.post("/idp/personnel/sso/post", &[("SAMLRequest", &message)]);
    assert!(asks_password(&client.follow(posted)), "by POST");

    let by_client = service_at(&origin, &theirs, "ecp.example", "bindings:PAOS");
    let mut request = by_client.request(&house);
    request.destination = Some(house.at("/idp/personnel/ecp"));
    request.protocol_binding = Some(saml::Binding::Paos);
    let message = saml::post::compose(&request, &by_client.key).unwrap();
    let envelope = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header></s:Header><s:Body>{message}\
         </s:Body></s:Envelope>"
    );
    let sent = client.post_raw("/idp/personnel/ecp", "text/xml", envelope.as_bytes());
    assert_eq!(
        sent.status, 401,
        "known, and asked who it is: {}",
        sent.body
    );

    known("wayf.example");
    let page = client.get(&format!("/wayf/?{}", discovers("wayf.example")));
    assert_eq!(page.status, 200, "{}", page.body);
    known("search.example");
    let page = client.get(&format!("/wayf/search?{}", discovers("search.example")));
    assert_eq!(page.status, 200, "{}", page.body);
    known("choice.example");
    let csrf = client.get("/wayf/").field("csrf").unwrap();
    let chosen = client.post(
        "/wayf/",
        &[
            ("csrf", &csrf),
            ("profile", "eleve"),
            ("entityID", "https://choice.example/sp"),
            ("return", "https://choice.example/login"),
        ],
    );
    let at = chosen.location();
    assert!(
        at.starts_with("https://choice.example/login?entityID="),
        "{at}"
    );
    for host in ["redirect", "post", "ecp", "wayf", "search", "choice"] {
        let times = origin.times(&path_of(&format!("{host}.example")));
        assert_eq!(times, 1, "{host}");
    }
    // The provider behind the tile.
    let page = client.open("/portail/");
    let csrf = page.field("csrf").unwrap();
    let hidden = ["entityID", "return", "returnIDParam"];
    let hidden: Vec<_> = hidden
        .into_iter()
        .filter_map(|name| Some((name, page.field(name)?)))
        .collect();
    let mut fields = vec![("csrf", csrf.as_str()), ("profile", "parent")];
    fields.extend(hidden.iter().map(|(name, value)| (*name, value.as_str())));
    let chosen = client.post("/wayf/", &fields);
    assert_eq!(chosen.status, 303, "{}", chosen.body);
    let asked = client.get(chosen.location());
    assert!(
        asked.location().starts_with("https://far.example/sso?"),
        "{asked:?}"
    );
}
