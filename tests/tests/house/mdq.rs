//! Metadata Query: our entities one by one, as others ask for them, and others' as we ask.

use visits::House;
use visits::peers::query as asked_by_pysaml;

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
