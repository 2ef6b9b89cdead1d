//! Documents as an attacker would send them: genuine ones of ours, changed; and others of any shape,
//! signed with the identity provider's key by xmlsec, so that nothing but the rule under test stands
//! in their way.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::pkey::PKey;
use samael::crypto::{CryptoProvider, XmlSec};
use saml::encryption::Encryption;
use saml::keys::generate;
use saml::response::{
    Attribute, Login, NameId, Response, ResponseExpected, ResponsePlan, SignWhat,
};
use saml::{EntityId, KeyKind, MessageId, Moment, NameIdFormat, Received, Refusal, SigningKey};

pub(crate) const IDP: &str = "https://idp.example/idp";
pub(crate) const SP: &str = "https://sp.example/sp";
pub(crate) const ACS: &str = "https://sp.example/sp/saml/acs";
pub(crate) const REQUEST: &str = "_request";

/// A key pair with what xmlsec wants of it.
pub(crate) struct Key {
    pub(crate) signing: SigningKey,
    der: Vec<u8>,
}

impl Key {
    fn new(kind: KeyKind) -> Self {
        let pair = generate(kind, "test", [1; 16], now(), 30).unwrap();
        let private = PKey::private_key_from_pem(pair.key_pem.as_bytes()).unwrap();
        Self {
            signing: SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).unwrap(),
            der: private.private_key_to_der().unwrap(),
        }
    }

    /// Fills in the first signature of `xml`, a template.
    pub(crate) fn sign(&self, xml: &str) -> String {
        XmlSec::sign_xml(xml, &self.der).unwrap()
    }
}

/// The identity provider's key.
pub(crate) static RSA: LazyLock<Key> = LazyLock::new(|| Key::new(KeyKind::Rsa2048));
/// Its other key.
pub(crate) static EC: LazyLock<Key> = LazyLock::new(|| Key::new(KeyKind::P256));
/// Somebody else's key.
pub(crate) static STRANGER: LazyLock<Key> = LazyLock::new(|| Key::new(KeyKind::Rsa2048));

pub(crate) fn now() -> Moment {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

pub(crate) fn entity(id: &str) -> EntityId {
    EntityId::parse(id).unwrap()
}

/// A genuine answer of the identity provider, of our own making.
pub(crate) fn genuine(sign: SignWhat) -> String {
    composed(sign, &RSA.signing)
}

pub(crate) fn composed(sign: SignWhat, key: &SigningKey) -> String {
    composed_for(sign, None, key)
}

pub(crate) fn composed_for(
    sign: SignWhat,
    encryption: Option<&Encryption>,
    key: &SigningKey,
) -> String {
    let [response_id, assertion_id, request] =
        ["_response", "_assertion", REQUEST].map(|id| MessageId::parse(id).unwrap());
    let name_id = NameId {
        value: "_opaque".to_owned(),
        format: NameIdFormat::Transient,
        name_qualifier: None,
        sp_name_qualifier: None,
    };
    let attributes = [Attribute {
        name: "uid".to_owned(),
        name_format: saml::names::ATTRNAME_BASIC.to_owned(),
        friendly_name: None,
        values: vec!["amartin".to_owned()],
    }];
    let plan = ResponsePlan {
        response_id: &response_id,
        assertion_id: &assertion_id,
        in_response_to: Some(&request),
        issuer: &entity(IDP),
        audience: &entity(SP),
        acs: ACS,
        now: now(),
        lifetime_s: 300,
        name_id: Some(&name_id),
        authn_instant: now(),
        authn_context: saml::names::PASSWORD,
        session_index: "_session",
        session_ends: None,
        attributes: &attributes,
        sign,
    };
    saml::response::compose_for(&plan, encryption, key).unwrap()
}

/// An answer before it is signed; `@R@` and `@A@` are where signatures go.
pub(crate) const RESPONSE: &str = r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_response" Version="2.0" IssueInstant="2026-11-23T12:00:00Z" Destination="https://sp.example/sp/saml/acs" InResponseTo="_request"><saml:Issuer>https://idp.example/idp</saml:Issuer>@R@<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status><saml:Assertion ID="_assertion" Version="2.0" IssueInstant="2026-11-23T12:00:00Z"><saml:Issuer>https://idp.example/idp</saml:Issuer>@A@<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient">_opaque</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="2026-11-23T12:05:00Z" Recipient="https://sp.example/sp/saml/acs" InResponseTo="_request"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="2026-11-23T12:00:00Z" NotOnOrAfter="2026-11-23T12:05:00Z"><saml:AudienceRestriction><saml:Audience>https://sp.example/sp</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="2026-11-23T12:00:00Z" SessionIndex="_session"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name="uid"><saml:AttributeValue>amartin</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion></samlp:Response>"#;

/// A service's metadata before it is signed; `@S@` is where its signature goes.
pub(crate) const STANDARD_ENTITY: &str = r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" ID="@ID@" entityID="https://sp.example/sp" validUntil="@UNTIL@">@S@<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://sp.example/acs" index="0"/></md:SPSSODescriptor><md:ContactPerson contactType="technical"><md:EmailAddress>mailto:technical@sp.example</md:EmailAddress></md:ContactPerson></md:EntityDescriptor>"#;

pub(crate) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
pub(crate) const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub(crate) const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
pub(crate) const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

/// A signature to be filled in.
pub(crate) fn template(id: &str) -> String {
    format!(
        r##"<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"/><ds:SignatureMethod Algorithm="{RSA_SHA256}"/><ds:Reference URI="#{id}"><ds:Transforms><ds:Transform Algorithm="{ENVELOPED}"/><ds:Transform Algorithm="{EXCLUSIVE}"/></ds:Transforms><ds:DigestMethod Algorithm="{SHA256}"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>"##
    )
}

/// An unsigned answer.
pub(crate) fn unsigned(change: &dyn Fn(String) -> String) -> String {
    change(RESPONSE.to_owned())
        .replace("@A@", "")
        .replace("@R@", "")
}

/// [`RESPONSE`], changed, then signed by the identity provider on the Response.
pub(crate) fn signed(change: &dyn Fn(String) -> String) -> String {
    signed_as(change, &|template| template)
}

/// [`signed`], with a changed signature template.
pub(crate) fn signed_as(
    change: &dyn Fn(String) -> String,
    shape: &dyn Fn(String) -> String,
) -> String {
    let xml = change(RESPONSE.to_owned()).replace("@A@", "");
    RSA.sign(&xml.replace("@R@", &shape(template("_response"))))
}

/// [`RESPONSE`], changed, then signed by the identity provider on the Assertion.
pub(crate) fn signed_assertion(change: &dyn Fn(String) -> String) -> String {
    let xml = change(RESPONSE.to_owned()).replace("@R@", "");
    RSA.sign(&xml.replace("@A@", &template("_assertion")))
}

/// What our service expects.
pub(crate) fn expected<'a>(
    issuer: &'a EntityId,
    audience: &'a EntityId,
    request: &'a MessageId,
) -> ResponseExpected<'a> {
    ResponseExpected {
        issuer,
        audience,
        acs: ACS,
        in_response_to: Some(request),
        now: now(),
    }
}

/// Our service receives `xml`.
pub(crate) fn receive(xml: &str) -> Result<Login, Refusal> {
    receive_at(xml, now())
}

pub(crate) fn receive_at(xml: &str, now: Moment) -> Result<Login, Refusal> {
    let (issuer, audience) = (entity(IDP), entity(SP));
    let request = MessageId::parse(REQUEST).unwrap();
    let expected = ResponseExpected {
        now,
        ..expected(&issuer, &audience, &request)
    };
    let keys = [EC.signing.verifying(), RSA.signing.verifying()];
    Received::<Response>::from_form(&STANDARD.encode(xml))?
        .verify(&keys)?
        .accept(&expected)
        .map(saml::Accepted::into_message)
}

/// The code under which `xml` is refused.
#[track_caller]
pub(crate) fn refused(xml: &str) -> Refusal {
    match receive(xml) {
        Ok(login) => panic!("taken: {login:?}\n{xml}"),
        Err(refusal) => refusal,
    }
}
