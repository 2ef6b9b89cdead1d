//! The witnesses: programs and a library that share nothing with the code under test.

use std::path::Path;
use std::process::{Command, Output};

use bergshamra::keys::loader::load_x509_cert_pem;
use bergshamra::{DsigContext, EncContext, KeysManager, VerifyResult};

use crate::documents::{Key, Own};

/// Elements whose `ID` may be referred to.
const SIGNABLE: [&str; 8] = [
    "urn:oasis:names:tc:SAML:2.0:protocol:Response",
    "urn:oasis:names:tc:SAML:2.0:protocol:AuthnRequest",
    "urn:oasis:names:tc:SAML:2.0:protocol:LogoutRequest",
    "urn:oasis:names:tc:SAML:2.0:protocol:LogoutResponse",
    "urn:oasis:names:tc:SAML:2.0:protocol:ArtifactResolve",
    "urn:oasis:names:tc:SAML:2.0:protocol:ArtifactResponse",
    "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
    "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor",
];

/// Whose word `xmlsec1` takes.
#[derive(Clone, Copy)]
pub(crate) enum Trust {
    /// The key itself, as from metadata; what the signature says of its key is not read.
    Key,
    /// The certificate inside the signature, because it is the one that is trusted.
    Inside,
}

/// Whether the `xmlsec1` command verifies the signature on the element called `id`.
pub(crate) fn xmlsec(xml: &str, id: &str, key: &Key, trust: Trust) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let [document, certificate] =
        ["document.xml", "certificate.pem"].map(|f| folder.path().join(f));
    std::fs::write(&document, xml).unwrap();
    std::fs::write(&certificate, &key.cert_pem).unwrap();
    let mut command = Command::new("xmlsec1");
    command.args(["--verify", "--enabled-reference-uris", "same-doc"]);
    match trust {
        Trust::Key => command.args(["--enabled-key-data", "key-name", "--pubkey-cert-pem"]),
        Trust::Inside => command.args(["--enabled-key-data", "x509", "--trusted-pem"]),
    };
    command.arg(&certificate);
    for name in SIGNABLE {
        command.args(["--id-attr:ID", name]);
    }
    let signature = format!("//*[@ID='{id}']/*[local-name()='Signature']");
    command.args(["--node-xpath", &signature]).arg(&document);
    said(&command.output().expect("package xmlsec1"))
}

/// Whether the other library verifies exactly the signatures on `ids`, in this order, with the key
/// and whatever the signatures say of theirs.
pub(crate) fn bergshamra(xml: &str, ids: &[&str], key: &Key) -> Result<(), String> {
    let mut manager = KeysManager::new();
    manager.add_key(load_x509_cert_pem(key.cert_pem.as_bytes()).unwrap());
    let context = DsigContext::new(manager);
    let results = bergshamra::verify_all(&context, xml).map_err(|error| error.to_string())?;
    let mut covered = Vec::new();
    for result in &results {
        match result {
            VerifyResult::Valid { references, .. } if result.all_reference_digests_verified() => {
                covered.extend(references.iter().map(|reference| reference.uri.clone()));
            }
            other => return Err(format!("{other:?}")),
        }
    }
    let expected: Vec<String> = ids.iter().map(|id| format!("#{id}")).collect();
    (covered == expected)
        .then_some(())
        .ok_or_else(|| format!("{covered:?} is signed"))
}

/// The document with what is encrypted in it opened by the `xmlsec1` command.
pub(crate) fn opened_by_xmlsec(xml: &str, own: &Own) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let [document, key] = ["document.xml", "key.pem"].map(|f| folder.path().join(f));
    std::fs::write(&document, xml).unwrap();
    std::fs::write(&key, &own.key_pem).unwrap();
    let data = "http://www.w3.org/2001/04/xmlenc#:EncryptedData";
    let output = Command::new("xmlsec1")
        .args(["--decrypt", "--privkey-pem"])
        .arg(&key)
        .args(["--node-name", data])
        .arg(&document)
        .output()
        .expect("package xmlsec1");
    said(&output)?;
    Ok(String::from_utf8(output.stdout).unwrap())
}

/// The document with what is encrypted in it opened by the other library.
pub(crate) fn opened_by_bergshamra(xml: &str, own: &Own) -> Result<String, String> {
    let mut manager = KeysManager::new();
    let key = own.key_pem.as_bytes();
    manager.add_key(bergshamra::keys::loader::load_rsa_private_pem(key).unwrap());
    bergshamra::decrypt(&EncContext::new(manager), xml).map_err(|error| error.to_string())
}

/// `plain`, encrypted into `template` by the `xmlsec1` command.
pub(crate) fn sealed_by_xmlsec(plain: &str, template: &str, session: &str, own: &Own) -> String {
    let folder = tempfile::tempdir().unwrap();
    let [document, form, key] =
        ["document.xml", "template.xml", "key.pem"].map(|f| folder.path().join(f));
    std::fs::write(&document, plain).unwrap();
    std::fs::write(&form, template).unwrap();
    std::fs::write(&key, &own.cert_pem).unwrap();
    let output = Command::new("xmlsec1")
        .args(["--encrypt", "--pubkey-cert-pem"])
        .arg(&key)
        .args(["--session-key", session, "--xml-data"])
        .arg(&document)
        .arg(&form)
        .output()
        .expect("package xmlsec1");
    said(&output).unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// `plain`, encrypted into `template` by the other library.
pub(crate) fn sealed_by_bergshamra(plain: &str, template: &str, own: &Own) -> String {
    let mut manager = KeysManager::new();
    manager.add_key(load_x509_cert_pem(own.cert_pem.as_bytes()).unwrap());
    bergshamra::encrypt(&EncContext::new(manager), template, plain.as_bytes()).unwrap()
}

/// The exclusive canonical form, as libxml2 computes it.
pub(crate) fn canonical_by_xmllint(xml: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("document.xml");
    std::fs::write(&document, xml).unwrap();
    let output = Command::new("xmllint")
        .args(["--nonet", "--exc-c14n"])
        .arg(&document)
        .output()
        .expect("package libxml2-utils");
    said(&output).unwrap();
    output.stdout
}

/// The exclusive canonical form, as the other library computes it.
pub(crate) fn canonical_by_bergshamra(xml: &str) -> Vec<u8> {
    use bergshamra::c14n::{C14nMode, canonicalize};
    canonicalize::<&str>(xml, C14nMode::Exclusive, None, &[]).unwrap()
}

/// The namespaces we write in, and the files of `opensaml-schemas` and `xmltooling-schemas` that rule
/// them. No package has
/// the schema of `shibmd`; the wildcards around it are lax.
const SCHEMAS: [(&str, &str, &str); 10] = [
    (
        "urn:oasis:names:tc:SAML:2.0:protocol",
        "opensaml",
        "saml-schema-protocol-2.0.xsd",
    ),
    (
        "urn:oasis:names:tc:SAML:2.0:metadata",
        "opensaml",
        "saml-schema-metadata-2.0.xsd",
    ),
    (
        "urn:oasis:names:tc:SAML:metadata:ui",
        "opensaml",
        "sstc-saml-metadata-ui-v1.0.xsd",
    ),
    (
        "urn:oasis:names:tc:SAML:metadata:attribute",
        "opensaml",
        "sstc-metadata-attr.xsd",
    ),
    (
        "urn:oasis:names:tc:SAML:metadata:rpi",
        "opensaml",
        "saml-metadata-rpi-v1.0.xsd",
    ),
    (
        "urn:oasis:names:tc:SAML:metadata:algsupport",
        "opensaml",
        "sstc-saml-metadata-algsupport-v1.0.xsd",
    ),
    (
        "urn:oasis:names:tc:SAML:profiles:SSO:idp-discovery-protocol",
        "opensaml",
        "sstc-saml-idp-discovery.xsd",
    ),
    (
        "urn:oasis:names:tc:SAML:2.0:protocol:ext:async-slo",
        "opensaml",
        "saml-async-slo-v1.0.xsd",
    ),
    (
        "http://www.w3.org/2009/xmlenc11#",
        "xmltooling",
        "xenc11-schema.xsd",
    ),
    (
        "http://schemas.xmlsoap.org/soap/envelope/",
        "xmltooling",
        "soap-envelope.xsd",
    ),
];

/// Where those schemas say the W3C's lie, and the files of `xmltooling-schemas` that hold them.
const W3C: [(&str, &str); 3] = [
    (
        "http://www.w3.org/TR/2002/REC-xmldsig-core-20020212/xmldsig-core-schema.xsd",
        "xmldsig-core-schema.xsd",
    ),
    (
        "http://www.w3.org/TR/2002/REC-xmlenc-core-20021210/xenc-schema.xsd",
        "xenc-schema.xsd",
    ),
    ("http://www.w3.org/2001/xml.xsd", "xml.xsd"),
];

/// Whether `xml` obeys the schemas.
pub(crate) fn schemas(xml: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let imports = SCHEMAS.map(|(namespace, package, file)| {
        let at = in_package(package, file);
        format!("<xs:import namespace=\"{namespace}\" schemaLocation=\"{at}\"/>")
    });
    let all = write(
        "all.xsd",
        &format!(
            "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\">{}</xs:schema>",
            imports.concat()
        ),
    );
    let entries = W3C.map(|(address, file)| {
        let at = in_package("xmltooling", file);
        format!("<system systemId=\"{address}\" uri=\"{at}\"/>")
    });
    let catalog = write(
        "catalog.xml",
        &format!(
            "<catalog xmlns=\"urn:oasis:names:tc:entity:xmlns:xml:catalog\">{}</catalog>",
            entries.concat()
        ),
    );
    let output = Command::new("xmllint")
        .env("XML_CATALOG_FILES", catalog)
        .args(["--nonet", "--noout", "--schema"])
        .arg(all)
        .arg(write("document.xml", xml))
        .output()
        .expect("package libxml2-utils");
    said(&output)
}

fn in_package(package: &str, file: &str) -> String {
    let at = format!("/usr/share/xml/{package}/{file}");
    assert!(Path::new(&at).is_file(), "package {package}-schemas: {at}");
    format!("file://{at}")
}

fn said(output: &Output) -> Result<(), String> {
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
