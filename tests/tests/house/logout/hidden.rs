//! A logout request whose identifier only the identity provider reads.

use saml::Binding;
use saml::logout::{LogoutRequest, Outcome};
use visits::{House, Partner, forge};

use super::{by_redirect, heard, is_signed_on, request};

/// IIP-IDP19: an identifier that nobody but the identity provider reads.
#[test]
fn s01_a_logout_request_may_hide_whom_it_is_about() {
    let house = House::start();
    let partner = Partner {
        slo: vec![Binding::Redirect],
        ..Partner::new("hiding.example")
    };
    partner.register(&house, &[]);
    let client = house.client();
    let login = partner.sign_on(&house, &client, "amartin");
    let published = client.get("/idp/personnel/metadata").body;
    let descriptor = published
        .split("<md:KeyDescriptor use=\"encryption\">")
        .nth(1);
    let certificate = visits::client::between(
        descriptor.expect("a key to encrypt for"),
        "<ds:X509Certificate>",
        "</ds:X509Certificate>",
    );
    let certificate = certificate.expect("a certificate");
    let stranger = forge::stranger();
    for (certificate, is_taken) in [
        (stranger.certificate(), false),
        (certificate.as_str(), true),
    ] {
        let request = request(&house, &partner, &login);
        let asked = client.get(&hidden(&house, &partner, &request, certificate));
        if is_taken {
            let said = heard(&house, &partner, &request, &asked);
            assert_eq!(said.outcome(), Outcome::Done);
        } else {
            assert_eq!(asked.status, 403, "{}", asked.body);
            assert_eq!(asked.code().as_deref(), Some("EDU-2512"));
        }
        assert_eq!(is_signed_on(&client), !is_taken);
    }
}

/// The address that carries the same request with its identifier encrypted by xmlsec.
fn hidden(house: &House, partner: &Partner, request: &LogoutRequest, certificate: &str) -> String {
    let plain = forge::request_in(&by_redirect(house, request, &partner.key));
    let (start, end) = (
        plain.find("<saml:NameID").unwrap(),
        plain.find("</saml:NameID>").unwrap() + "</saml:NameID>".len(),
    );
    let name = plain[start..end].replacen(
        "<saml:NameID",
        "<saml:NameID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"",
        usize::from(!plain[start..end].contains("xmlns:saml")),
    );
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let method = |uri: &str| format!("<x:EncryptionMethod Algorithm=\"{uri}\"/>");
    let cipher = "<x:CipherData><x:CipherValue/></x:CipherData>";
    let template = format!(
        "<x:EncryptedData xmlns:x=\"http://www.w3.org/2001/04/xmlenc#\" Type=\"http://www.w3.org/2001/04/xmlenc#Element\">\
         {}<ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><x:EncryptedKey>{}{cipher}</x:EncryptedKey></ds:KeyInfo>{cipher}\
         </x:EncryptedData>",
        method("http://www.w3.org/2009/xmlenc11#aes256-gcm"),
        method("http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"),
    );
    let lines: Vec<&str> = (0..certificate.len())
        .step_by(64)
        .map(|at| &certificate[at..certificate.len().min(at + 64)])
        .collect();
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    );
    for (file, text) in [
        ("name.xml", &name),
        ("template.xml", &template),
        ("key.crt", &pem),
    ] {
        std::fs::write(path(file), text).unwrap();
    }
    let made = std::process::Command::new("xmlsec1")
        .args(["--encrypt", "--session-key", "aes-256", "--pubkey-cert-pem"])
        .arg(path("key.crt"))
        .arg("--binary-data")
        .arg(path("name.xml"))
        .arg(path("template.xml"))
        .output()
        .expect("xmlsec1 runs");
    let text = String::from_utf8_lossy(&made.stdout);
    let at = text.find("<x:EncryptedData").unwrap_or_else(|| {
        panic!("{text} {}", String::from_utf8_lossy(&made.stderr));
    });
    let hidden = format!(
        "<saml:EncryptedID xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{}</saml:EncryptedID>",
        text[at..].trim()
    );
    let message = format!("{}{hidden}{}", &plain[..start], &plain[end..]);
    let escape = |text: &str| visits::client::form(&[("", text)])[1..].to_owned();
    let octets = format!(
        "SAMLRequest={}&RelayState=state&SigAlg={}",
        escape(&forge::deflate(message.as_bytes())),
        escape(partner.key.algorithm().uri()),
    );
    let signature = partner.key.sign(octets.as_bytes()).unwrap();
    let signature = escape(&forge::base64_bytes(&signature));
    format!("/idp/personnel/slo/redirect?{octets}&Signature={signature}")
}
