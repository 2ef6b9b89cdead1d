//! Metadata Query: our entities one by one, as others ask for them, and others' as we ask.

use std::time::Duration;

use visits::peers::query as asked_by_pysaml;
use visits::{House, Partner};

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
