use crate::keys::generate;
use crate::metadata::{Document, Listing, ReadPolicy};
use crate::{Binding, KeyKind, Moment, Refusal, SigningKey};

mod left_out;
mod offers;
mod signatures;

const HEAD: &str = r#"xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui" xmlns:shibmd="urn:mace:shibboleth:metadata:1.0" xmlns:idpdisc="urn:oasis:names:tc:SAML:profiles:SSO:idp-discovery-protocol" xmlns:mdattr="urn:oasis:names:tc:SAML:metadata:attribute" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion""#;
const SAML2: &str = r#"protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol""#;
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

/// Reads; what streams by must say the same.
fn read(xml: &str, policy: &ReadPolicy<'_>) -> Result<Document, Refusal> {
    let read = super::read(xml, policy);
    crate::metadata::scan::tests::agrees(xml, policy, &read);
    read
}

fn now() -> Moment {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn key() -> SigningKey {
    let pair = generate(KeyKind::P256, "federation", [4; 16], now(), 1).unwrap();
    SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap()
}

fn policy() -> ReadPolicy<'static> {
    ReadPolicy {
        pinned: &[],
        now: now(),
        horizon_days: None,
        loopback_http: false,
    }
}

fn open(xml: &str) -> Document {
    read(xml, &policy()).unwrap()
}

fn refusal(xml: &str, policy: &ReadPolicy<'_>) -> Refusal {
    match read(xml, policy) {
        Ok(document) => panic!("taken, with {} entities", document.entities.len()),
        Err(refusal) => refusal,
    }
}

fn group(content: &str) -> String {
    format!("<md:EntitiesDescriptor {HEAD}>{content}</md:EntitiesDescriptor>")
}

fn entity(id: &str, content: &str) -> String {
    format!("<md:EntityDescriptor {HEAD} entityID=\"{id}\">{content}</md:EntityDescriptor>")
}

fn acs(location: &str) -> String {
    format!("<md:AssertionConsumerService Binding=\"{POST}\" Location=\"{location}\" index=\"0\"/>")
}

fn sp(content: &str) -> String {
    format!("<md:SPSSODescriptor {SAML2}>{content}</md:SPSSODescriptor>")
}

fn idp(content: &str) -> String {
    format!("<md:IDPSSODescriptor {SAML2}>{content}</md:IDPSSODescriptor>")
}

fn certificate(key: &SigningKey, attributes: &str) -> String {
    format!(
        "<md:KeyDescriptor{attributes}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n{}\n\
         </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>",
        key.certificate()
    )
}

fn sso(location: &str) -> String {
    format!("<md:SingleSignOnService Binding=\"{REDIRECT}\" Location=\"{location}\"/>")
}

fn good_sp(id: &str) -> String {
    entity(id, &sp(&acs("https://sp.example/acs")))
}

#[test]
fn an_identity_provider_is_read() {
    let key = key();
    let xml = entity(
        "https://idp.example",
        &format!(
            "<md:Extensions><shibmd:Scope>entity.example</shibmd:Scope></md:Extensions>{}<md:Organization>\
             <md:OrganizationName xml:lang=\"en\">AL</md:OrganizationName><md:OrganizationDisplayName xml:lang=\"en\">Academy</md:OrganizationDisplayName>\
             <md:OrganizationDisplayName xml:lang=\"fr\">Académie</md:OrganizationDisplayName></md:Organization>\
             <md:ContactPerson contactType=\"technical\"><md:EmailAddress>mailto:t@idp.example</md:EmailAddress></md:ContactPerson>",
            idp(&format!(
                "<md:Extensions><shibmd:Scope regexp=\"false\">idp.example</shibmd:Scope>\
                 <shibmd:Scope regexp=\"true\">^.*$</shibmd:Scope><shibmd:Scope regexp=\"1\">.+</shibmd:Scope>\
                 <shibmd:Scope>a@b</shibmd:Scope><mdui:UIInfo><mdui:DisplayName xml:lang=\"fr\"> Fournisseur </mdui:DisplayName>\
                 <mdui:Logo width=\"80\" height=\"60\">https://idp.example/logo.png</mdui:Logo>\
                 <mdui:Logo width=\"80\" height=\"60\">javascript:alert(1)</mdui:Logo>\
                 <mdui:InformationURL xml:lang=\"fr\">javascript:alert(1)</mdui:InformationURL></mdui:UIInfo></md:Extensions>{}{}",
                certificate(&key, ""),
                sso("https://idp.example/sso"),
            ))
            .replace("SAML:2.0:protocol\"", "SAML:2.0:protocol urn:oasis:names:tc:SAML:1.1:protocol\" errorURL=\"https://idp.example/error\" WantAuthnRequestsSigned=\"true\"")
        ),
    );
    let document = open(&xml);
    assert_eq!(document.left_out, []);
    let entity = &document.entities[0];
    let role = entity.idp.as_ref().unwrap();
    assert_eq!(role.scopes, ["idp.example", "entity.example"]);
    assert_eq!(
        role.sso_at(Binding::Redirect),
        Some("https://idp.example/sso")
    );
    assert_eq!(role.signing_keys, [key.verifying()]);
    assert_eq!(role.error_url.as_deref(), Some("https://idp.example/error"));
    assert!(role.wants_signed_requests);
    assert_eq!(entity.ui.display_name("fr"), Some("Fournisseur"));
    assert_eq!(entity.ui.logos.len(), 1);
    assert_eq!(entity.ui.information_urls, []);
    assert_eq!(
        entity.ui.technical_contact.as_deref(),
        Some("t@idp.example")
    );
    assert_eq!(entity.ui.organization.as_deref(), Some("Académie"));
}

#[test]
fn keys_for_signing_are_those_that_say_so_or_say_nothing() {
    let (one, two, three) = (key(), key(), key());
    let keys = format!(
        "{}{}{}<md:KeyDescriptor use=\"signing\"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>AAAA\
         </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>\
         <md:KeyDescriptor><ds:KeyInfo><ds:KeyName>x</ds:KeyName></ds:KeyInfo></md:KeyDescriptor>",
        certificate(&one, " use=\"signing\""),
        certificate(&two, " use=\"encryption\""),
        certificate(&three, ""),
    );
    let xml = entity(
        "https://idp.example",
        &idp(&format!("{keys}{}", sso("https://idp.example/sso"))),
    );
    let document = open(&xml);
    let role = document.entities[0].idp.as_ref().unwrap();
    assert_eq!(role.signing_keys, [one.verifying(), three.verifying()]);
}

#[test]
fn an_expired_certificate_still_counts() {
    let pair = generate(KeyKind::P256, "old", [5; 16], Moment::UNIX_EPOCH, 1).unwrap();
    let old = SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap();
    let role = idp(&format!(
        "{}{}",
        certificate(&old, ""),
        sso("https://idp.example/sso")
    ));
    let document = open(&entity("https://idp.example", &role));
    assert_eq!(document.entities.len(), 1);
}

#[test]
fn unknown_extensions_block_nothing() {
    let role = sp(&format!(
        "<md:Extensions><x:y xmlns:x=\"urn:x\" z=\"1\">text<x:deep/></x:y><saml:Assertion ID=\"_a\"/></md:Extensions>\
         <md:KeyDescriptor use=\"encryption\"><ds:KeyInfo><x:other xmlns:x=\"urn:x\"/></ds:KeyInfo><md:EncryptionMethod Algorithm=\"urn:x\"/></md:KeyDescriptor>\
         <!-- a comment -->{}",
        acs("https://sp.example/acs")
    ));
    let xml = entity("https://sp.example", &format!("{role}<md:AdditionalMetadataLocation namespace=\"urn:x\">https://x.example</md:AdditionalMetadataLocation>"))
        .replace(" entityID", " x:extra=\"1\" xmlns:x=\"urn:x\" entityID");
    let document = open(&format!(
        "<?xml version=\"1.0\"?>\n<!-- metadata -->\n{xml}"
    ));
    assert_eq!(document.entities.len(), 1);
}

#[test]
fn a_group_gives_its_entities_no_longer_life_than_its_own() {
    let xml = |until: &str| {
        group(&format!(
            "<md:EntitiesDescriptor validUntil=\"{until}\">{}</md:EntitiesDescriptor>",
            good_sp("https://a.example")
                .replace(" entityID", " validUntil=\"2027-01-01T00:00:00Z\" entityID"),
        ))
    };
    let document = open(&xml("2026-12-01T00:00:00Z"));
    assert_eq!(
        document.entities[0].valid_until,
        Some("2026-12-01T00:00:00Z".parse().unwrap())
    );
    let document = open(&xml("2027-12-01T00:00:00Z"));
    assert_eq!(
        document.entities[0].valid_until,
        Some("2027-01-01T00:00:00Z".parse().unwrap())
    );
    let document = open(&xml("2026-11-01T00:00:00Z"));
    assert_eq!(document.entities.len(), 0);
    assert_eq!(document.left_out[0].reason.code(), "EDU-2703");
}

#[test]
fn valid_until_is_bounded() {
    let until = |until: &str| {
        good_sp("https://a.example")
            .replace(" entityID", &format!(" validUntil=\"{until}\" entityID"))
    };
    let bounded = ReadPolicy {
        horizon_days: Some(14),
        ..policy()
    };
    assert!(read(&until("2026-12-07T12:00:00Z"), &bounded).is_ok());
    assert_eq!(
        refusal(&until("2026-12-07T12:00:01Z"), &bounded).code(),
        "EDU-2704"
    );
    assert_eq!(
        refusal(&good_sp("https://a.example"), &bounded),
        Refusal::ValidUntilMissing
    );
    for policy in [bounded, policy()] {
        assert_eq!(
            refusal(&until("2026-11-23T12:00:00Z"), &policy).code(),
            "EDU-2703"
        );
        assert_eq!(
            refusal(&until("2027-13-01T00:00:00Z"), &policy).code(),
            "EDU-2306"
        );
    }
}

#[test]
fn what_is_not_metadata_is_refused() {
    for (xml, code) in [
        ("", "EDU-2015"),
        ("<html/>", "EDU-2701"),
        (
            "<EntityDescriptor entityID=\"https://a.example\"/>",
            "EDU-2701",
        ),
        ("<!DOCTYPE x><x/>", "EDU-2007"),
        ("<?xml-stylesheet href=\"x\"?><x/>", "EDU-2008"),
        ("<x>&e;</x>", "EDU-2014"),
    ] {
        assert_eq!(refusal(xml, &policy()).code(), code, "{xml}");
    }
}

#[test]
fn what_discovery_needs_is_listed() {
    let rpi = "urn:oasis:names:tc:SAML:metadata:rpi";
    let hide = "http://refeds.org/category/hide-from-discovery";
    let extensions = format!(
        "<md:Extensions><rpi:RegistrationInfo xmlns:rpi=\"{rpi}\" registrationAuthority=\"https://federation.example/\"/>\
         <mdattr:EntityAttributes><saml:Attribute Name=\"http://macedir.org/entity-category\">\
         <saml:AttributeValue>{hide}</saml:AttributeValue></saml:Attribute></mdattr:EntityAttributes></md:Extensions>"
    );
    let role = idp(&format!(
        "<md:Extensions><shibmd:Scope>idp.example</shibmd:Scope><mdui:UIInfo><mdui:DisplayName xml:lang=\"fr\">Université</mdui:DisplayName>\
         <mdui:DisplayName xml:lang=\"en\">University</mdui:DisplayName><mdui:Keywords xml:lang=\"fr\">fac lyon+2</mdui:Keywords>\
         <mdui:Logo height=\"16\" width=\"16\">data:image/png;base64,AAAA</mdui:Logo>\
         <mdui:Logo height=\"60\" width=\"80\">https://idp.example/logo.png</mdui:Logo></mdui:UIInfo>\
         <mdui:DiscoHints><mdui:IPHint>192.0.2.0/24</mdui:IPHint><mdui:IPHint>nowhere</mdui:IPHint><mdui:DomainHint>IdP.example</mdui:DomainHint>\
         <mdui:GeolocationHint>geo:45.7,4.8</mdui:GeolocationHint></mdui:DiscoHints></md:Extensions>{}{}",
        certificate(&key(), ""),
        sso("https://idp.example/sso")
    ));
    let document = open(&entity(
        "https://idp.example",
        &format!("{extensions}{role}"),
    ));
    let listing = Listing::of(&document.entities[0]);
    let names: Vec<&str> = listing.names.iter().map(|name| &*name.text).collect();
    assert_eq!(names, ["Université", "University"]);
    assert_eq!(&*listing.keywords[0].text, "fac lyon+2");
    assert_eq!(listing.logos.len(), 1);
    assert!(listing.has_inline_logo && listing.is_hidden());
    assert!(listing.is_provider && !listing.is_service);
    assert_eq!(*listing.scopes, ["idp.example".into()]);
    assert_eq!(listing.hints.networks.len(), 1);
    assert_eq!(*listing.hints.domains, ["idp.example".to_owned()]);
    assert_eq!(listing.hints.places.len(), 1);
    let registrar = listing.registrar.as_deref();
    assert_eq!(registrar, Some("https://federation.example/"));
}
