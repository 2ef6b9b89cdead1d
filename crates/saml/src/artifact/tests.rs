use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Artifact;
use crate::EntityId;

fn issuer() -> EntityId {
    EntityId::parse("https://idp.example/idp").unwrap()
}

#[test]
fn an_artifact_is_what_the_binding_says() {
    let artifact = Artifact::new(&issuer(), 0x0102, [7; 20]);
    let bytes = STANDARD.decode(artifact.encode()).unwrap();
    assert_eq!(bytes.len(), 44);
    assert_eq!(bytes[..4], [0, 4, 1, 2]);
    assert_eq!(bytes[4..24], openssl::sha::sha1(b"https://idp.example/idp"));
    assert_eq!(bytes[24..], [7; 20]);
    assert_eq!(Artifact::parse(&artifact.encode()), Ok(artifact.clone()));
    assert_eq!(artifact.endpoint(), 0x0102);
    assert_eq!(artifact.handle(), &[7; 20]);
    assert!(artifact.is_of(&issuer()));
    assert!(!artifact.is_of(&EntityId::parse("https://idp.example/").unwrap()));
}

#[test]
fn what_is_no_artifact_is_refused() {
    let bytes = STANDARD
        .decode(Artifact::new(&issuer(), 0, [7; 20]).encode())
        .unwrap();
    let of_type = |high, low| {
        let mut bytes = bytes.clone();
        (bytes[0], bytes[1]) = (high, low);
        STANDARD.encode(bytes)
    };
    let longer = [&bytes[..], &[0]].concat();
    for (text, code) in [
        (String::new(), "EDU-2114"),
        (STANDARD.encode(&bytes[..43]), "EDU-2114"),
        (STANDARD.encode(longer), "EDU-2114"),
        (of_type(0, 1), "EDU-2114"),
        (of_type(4, 0), "EDU-2114"),
        ("%%%".to_owned(), "EDU-2002"),
        (format!(" {}", STANDARD.encode(&bytes)), "EDU-2002"),
        ("A".repeat(1 << 20), "EDU-2114"),
    ] {
        assert_eq!(
            Artifact::parse(&text).unwrap_err().code(),
            code,
            "{text:.60}"
        );
    }
}
