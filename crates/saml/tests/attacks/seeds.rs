//! The seeds that fuzzing starts from (`fuzz/seeds`), made anew by
//! `cargo test --package saml --test attacks seeds -- --ignored`. Their key is made with them and kept
//! nowhere: what is trusted while fuzzing is its certificate.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use saml::artifact::Artifact;
use saml::response::SignWhat;
use saml::{Binding, SigningKey, post, redirect, soap};

use crate::forge::{IDP, RSA, entity, genuine};
use crate::requests::{SSO, request};
use crate::{artifacts, clients, encrypted, federations, logouts};

fn write(folder: &str, name: &str, bytes: impl AsRef<[u8]>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = root.join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), bytes).unwrap();
}

fn seed(reader: &str, name: &str, bytes: impl AsRef<[u8]>) {
    write(&format!("fuzz/seeds/{reader}"), name, bytes);
}

#[test]
#[ignore = "writes fuzz/seeds"]
fn seeds() {
    let certificate = RSA.signing.verifying().certificate();
    let lines: Vec<&str> = (0..certificate.len().div_ceil(64))
        .filter_map(|at| certificate.get(at * 64..certificate.len().min(at * 64 + 64)))
        .collect();
    let lines = lines.join("\n");
    let pem = format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n");
    write("crates/saml/src/foreign", "seeds.pem", &pem);
    answers();
    others(&RSA.signing);
    seed("metadata", "signed", federations::genuine());
    seed("certificate", "pem", &pem);
    seed("certificate", "base64", &certificate);
    seed(
        "certificate",
        "der",
        RSA.signing.verifying().certificate_der(),
    );
}

fn answers() {
    for (name, what) in [
        ("both", SignWhat::Both),
        ("response", SignWhat::Response),
        ("assertion", SignWhat::Assertion),
    ] {
        seed("answer", name, genuine(what));
        seed("wrapped", name, post::encode(&genuine(what)));
    }
    seed("answer", "unsigned", artifacts::never_signed());
    let inside = encrypted::encrypted(&encrypted::assertion(&encrypted::same, Some(&RSA)));
    seed("answer", "encrypted", encrypted::signed_around(&inside));
    seed(
        "answer",
        "encrypted-alone",
        encrypted::unsigned_around(&inside),
    );
}

fn others(key: &SigningKey) {
    let asked = redirect::compose(&request(), SSO, Some("state"), key).unwrap();
    seed("query", "request", asked.split_once('?').unwrap().1);
    let left = logouts::sent(&logouts::request(), Binding::Redirect, &RSA);
    seed("query", "logout", left);
    seed("request", "signed", post::compose(&request(), key).unwrap());
    let left = logouts::sent(&logouts::request(), Binding::Post, &RSA);
    seed("logout", "request", STANDARD.decode(left).unwrap());
    seed(
        "soap",
        "logout",
        soap::compose(&logouts::request(), key).unwrap(),
    );
    seed(
        "soap",
        "resolve",
        soap::compose(&artifacts::resolve(), key).unwrap(),
    );
    let carried = artifacts::answer(Some(genuine(SignWhat::Both)));
    seed("soap", "resolved", artifacts::sent(&carried, &RSA));
    seed("soap", "client", clients::seed());
    let artifact = Artifact::new(&entity(IDP), 3, [7; 20]);
    seed("artifact", "one", artifact.encode());
}
