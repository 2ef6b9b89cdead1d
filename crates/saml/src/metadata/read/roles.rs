//! `IDPSSODescriptor` and `SPSSODescriptor`.

use super::address::{endpoint, is_link};
use super::entity::extensions;
use super::{ALG, IDPDISC, MD, ReadPolicy, SHIBMD};
use crate::encryption::{EncryptionKey, read_method};
use crate::metadata::{
    Algorithms, Endpoint, IdpRole, IndexedEndpoint, IndexedEndpointUrl, RequestedAttribute,
    SigningMethod, SpRole,
};
use crate::reader::{self, DS, Element, SAMLP, XML_SPACE};
use crate::{Binding, Moment, NameIdFormat, Refusal, VerifyingKey};

/// The first role called `name` that speaks SAML 2.0 and is not past.
pub(super) fn find<'a, 'i: 'a>(
    entity: Element<'a, 'i>,
    name: &'static str,
    now: Moment,
) -> Result<Option<Element<'a, 'i>>, Refusal> {
    for role in reader::children(entity, MD, name) {
        let protocols = reader::attribute(role, "protocolSupportEnumeration").unwrap_or_default();
        let speaks = protocols.split(XML_SPACE).any(|protocol| protocol == SAMLP);
        let ends = reader::instant(role, "validUntil")?;
        if speaks && ends.is_none_or(|ends| ends > now) {
            return Ok(Some(role));
        }
    }
    Ok(None)
}

/// Reads an identity provider's role; `entity` because scopes may stand beside it, too.
pub(super) fn idp(
    role: Element<'_, '_>,
    entity: Element<'_, '_>,
    policy: &ReadPolicy<'_>,
) -> Result<IdpRole, Refusal> {
    let signing_keys = signing_keys(role);
    if signing_keys.is_empty() {
        return Err(Refusal::SigningKeyMissing);
    }
    let sso = endpoints(role, "SingleSignOnService", policy)?;
    if sso.is_empty() {
        return Err(Refusal::SignOnMissing);
    }
    Ok(IdpRole {
        signing_keys,
        encryption_keys: encryption_keys(role),
        sso,
        slo: endpoints(role, "SingleLogoutService", policy)?,
        artifact_resolution: indexed(role, "ArtifactResolutionService", policy)?,
        wants_signed_requests: reader::boolean(role, "WantAuthnRequestsSigned")?.unwrap_or(false),
        name_id_formats: name_id_formats(role),
        scopes: extensions(role)
            .chain(extensions(entity))
            .filter_map(scope)
            .collect(),
        error_url: reader::attribute(role, "errorURL")
            .filter(|url| is_link(url))
            .map(str::to_owned),
        algorithms: algorithms(role, entity),
    })
}

/// Reads a service provider's role.
pub(super) fn sp(
    role: Element<'_, '_>,
    entity: Element<'_, '_>,
    policy: &ReadPolicy<'_>,
) -> Result<SpRole, Refusal> {
    let acs = indexed(role, "AssertionConsumerService", policy)?;
    if acs.is_empty() {
        return Err(Refusal::ConsumerMissing);
    }
    Ok(SpRole {
        signing_keys: signing_keys(role),
        encryption_keys: encryption_keys(role),
        acs,
        slo: endpoints(role, "SingleLogoutService", policy)?,
        signs_requests: reader::boolean(role, "AuthnRequestsSigned")?.unwrap_or(false),
        wants_signed_assertions: reader::boolean(role, "WantAssertionsSigned")?.unwrap_or(false),
        name_id_formats: name_id_formats(role),
        discovery: discovery(role, policy)?,
        requested_attributes: requested_attributes(role)?,
        attribute_services: attribute_services(role)?,
        algorithms: algorithms(role, entity),
    })
}

/// What a role declares of how it verifies; where it says nothing, what its entity does (Metadata
/// Profile for Algorithm Support 2.1: each of the two kinds by itself).
fn algorithms(role: Element<'_, '_>, entity: Element<'_, '_>) -> Algorithms {
    let of = |name: &'static str| {
        let inside = |element| {
            let all = extensions(element).filter(move |one| reader::is(*one, ALG, name));
            all.collect::<Vec<_>>()
        };
        let own = inside(role);
        if own.is_empty() { inside(entity) } else { own }
    };
    let named =
        |method: &Element<'_, '_>| reader::attribute(*method, "Algorithm").map(str::to_owned);
    let bits =
        |method, name| reader::attribute(method, name).and_then(|text| text.trim().parse().ok());
    let signing = of("SigningMethod").into_iter().filter_map(|method| {
        Some(SigningMethod {
            algorithm: named(&method)?,
            least_bits: bits(method, "MinKeySize"),
            most_bits: bits(method, "MaxKeySize"),
        })
    });
    Algorithms {
        signing: signing.collect(),
        digests: of("DigestMethod").iter().filter_map(named).collect(),
    }
}

/// Keys for signing, or for anything (IIP-MD11).
fn signing_keys(role: Element<'_, '_>) -> Vec<VerifyingKey> {
    let mut keys = Vec::new();
    for key in descriptors(role, "signing").flat_map(certified) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// Keys for encryption, or for anything, with what may be done with each. A method that cannot be
/// read is left out alone. A key that nobody says is meant to encrypt for, and that cannot be, is
/// one to sign with.
fn encryption_keys(role: Element<'_, '_>) -> Vec<EncryptionKey> {
    let mut keys: Vec<EncryptionKey> = Vec::new();
    for descriptor in descriptors(role, "encryption") {
        let methods: Vec<_> = reader::children(descriptor, MD, "EncryptionMethod")
            .filter_map(|method| read_method(method).ok())
            .collect();
        let is_meant = reader::attribute(descriptor, "use").is_some();
        let usable = certified(descriptor).into_iter();
        for key in usable.filter(|key| is_meant || key.is_rsa()) {
            let methods = methods.clone();
            let found = EncryptionKey { key, methods };
            if !keys.contains(&found) {
                keys.push(found);
            }
        }
    }
    keys
}

fn descriptors<'a, 'i: 'a>(
    role: Element<'a, 'i>,
    wanted: &'a str,
) -> impl Iterator<Item = Element<'a, 'i>> {
    reader::children(role, MD, "KeyDescriptor")
        .filter(move |key| reader::attribute(*key, "use").is_none_or(|used| used == wanted))
}

/// The keys of a descriptor. One that cannot be read is left out alone: an entity may publish,
/// beside the key it uses, one that only others can.
fn certified(descriptor: Element<'_, '_>) -> Vec<VerifyingKey> {
    reader::children(descriptor, DS, "KeyInfo")
        .flat_map(|info| reader::children(info, DS, "X509Data"))
        .flat_map(|data| reader::children(data, DS, "X509Certificate"))
        .filter_map(|certificate| reader::value(certificate).ok())
        .filter_map(|text| VerifyingKey::from_certificate(&text).ok())
        .collect()
}

/// Endpoints by bindings that are known here; others are passed over.
fn endpoints(
    role: Element<'_, '_>,
    name: &str,
    policy: &ReadPolicy<'_>,
) -> Result<Vec<Endpoint>, Refusal> {
    reader::children(role, MD, name)
        .filter_map(|element| binding(element).map(|binding| (element, binding)))
        .map(|(element, binding)| {
            let response = reader::attribute(element, "ResponseLocation");
            Ok(Endpoint {
                binding,
                location: location(element, policy)?,
                response_location: response
                    .map(|location| endpoint(location, policy.loopback_http))
                    .transpose()?,
            })
        })
        .collect()
}

fn indexed(
    role: Element<'_, '_>,
    name: &str,
    policy: &ReadPolicy<'_>,
) -> Result<Vec<IndexedEndpoint>, Refusal> {
    reader::children(role, MD, name)
        .filter_map(|element| binding(element).map(|binding| (element, binding)))
        .map(|(element, binding)| {
            Ok(IndexedEndpoint {
                binding,
                location: location(element, policy)?,
                index: index(element)?,
                is_default: reader::boolean(element, "isDefault")?.unwrap_or(false),
            })
        })
        .collect()
}

/// `idpdisc:DiscoveryResponse` (Identity Provider Discovery 2.5).
fn discovery(
    role: Element<'_, '_>,
    policy: &ReadPolicy<'_>,
) -> Result<Vec<IndexedEndpointUrl>, Refusal> {
    extensions(role)
        .filter(|extension| reader::is(*extension, IDPDISC, "DiscoveryResponse"))
        .filter(|response| reader::attribute(*response, "Binding") == Some(IDPDISC))
        .map(|response| {
            Ok(IndexedEndpointUrl {
                location: location(response, policy)?,
                index: index(response)?,
                is_default: reader::boolean(response, "isDefault")?.unwrap_or(false),
            })
        })
        .collect()
}

fn binding(element: Element<'_, '_>) -> Option<Binding> {
    reader::attribute(element, "Binding").and_then(Binding::from_uri)
}

fn location(element: Element<'_, '_>, policy: &ReadPolicy<'_>) -> Result<String, Refusal> {
    endpoint(reader::required(element, "Location")?, policy.loopback_http)
}

fn index(element: Element<'_, '_>) -> Result<u16, Refusal> {
    reader::number(element, "index")?.ok_or(Refusal::Missing { what: "index" })
}

fn name_id_formats(role: Element<'_, '_>) -> Vec<NameIdFormat> {
    reader::children(role, MD, "NameIDFormat")
        .filter_map(|format| reader::uri_value(format).ok())
        .map(|uri| NameIdFormat::from_uri(&uri))
        .collect()
}

/// A scope that is a name. One that is a pattern is never used: a pattern too wide speaks for others
/// (SDP-IDP14).
fn scope(extension: Element<'_, '_>) -> Option<String> {
    let is_scope = reader::is(extension, SHIBMD, "Scope")
        && matches!(reader::boolean(extension, "regexp"), Ok(None | Some(false)));
    if !is_scope {
        return None;
    }
    let text = reader::uri_value(extension).ok()?;
    let is_name = !text.is_empty() && !text.contains(|c: char| c == '@' || c.is_whitespace());
    is_name.then_some(text)
}

/// The attributes of the default service, or of the first (SAML Metadata 2.4.4.1).
fn requested_attributes(role: Element<'_, '_>) -> Result<Vec<RequestedAttribute>, Refusal> {
    let services = || reader::children(role, MD, "AttributeConsumingService");
    let is_default = |service: &Element<'_, '_>| {
        matches!(reader::boolean(*service, "isDefault"), Ok(Some(true)))
    };
    let Some(service) = services().find(is_default).or_else(|| services().next()) else {
        return Ok(Vec::new());
    };
    requested(service)
}

/// The attributes of every service that has an index.
fn attribute_services(
    role: Element<'_, '_>,
) -> Result<Vec<(u16, Vec<RequestedAttribute>)>, Refusal> {
    reader::children(role, MD, "AttributeConsumingService")
        .filter_map(|service| {
            let index = reader::number(service, "index").ok().flatten()?;
            Some((index, service))
        })
        .map(|(index, service)| Ok((index, requested(service)?)))
        .collect()
}

fn requested(service: Element<'_, '_>) -> Result<Vec<RequestedAttribute>, Refusal> {
    reader::children(service, MD, "RequestedAttribute")
        .map(|attribute| {
            Ok(RequestedAttribute {
                name: reader::required(attribute, "Name")?.to_owned(),
                name_format: reader::attribute(attribute, "NameFormat")
                    .unwrap_or(crate::names::ATTRNAME_UNSPECIFIED)
                    .to_owned(),
                friendly_name: reader::attribute(attribute, "FriendlyName").map(str::to_owned),
                required: reader::boolean(attribute, "isRequired")?.unwrap_or(false),
            })
        })
        .collect()
}
