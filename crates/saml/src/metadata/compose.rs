//! Composing our own entities' metadata, in the order the schemas ask for, canonical by
//! construction.

use std::collections::HashSet;

use super::{
    Endpoint, EntityPlan, Imprint, IndexedEndpoint, Localized, Offer, RequestedAttribute, RolePlan,
    Ui, imprint,
};
use crate::encryption::{self, EncryptionMethod};
use crate::keys::{Algorithm, Digest};
use crate::names::ATTRNAME_URI;
use crate::sign::sign;
use crate::writer::{
    ALG, Attr, DS, IDPDISC, MD, MDATTR, MDUI, Ns, SAML, SHIBMD, Writer, XENC11, instant,
};
use crate::{NameIdFormat, Refusal, SigningKey};

const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";

/// Composes and signs an `EntityDescriptor`, schema-valid in order, canonical by construction.
/// Algorithm support (alg:SigningMethod, alg:DigestMethod) is always declared (IIP-MD09).
///
/// What would not be a role is not composed: one without a signing certificate, without the address
/// it is there for, or with two of the same index.
pub fn compose(plan: &EntityPlan<'_>, key: &SigningKey) -> Result<String, Refusal> {
    compose_with(plan, &Offer::default(), key)
}

/// Like [`compose`], with what the role offers beyond signing on.
pub fn compose_with(
    plan: &EntityPlan<'_>,
    offer: &Offer<'_>,
    key: &SigningKey,
) -> Result<String, Refusal> {
    is_a_role(plan)?;
    is_an_offer(offer)?;
    let nobody = Imprint::default();
    let imprint = offer.imprint.unwrap_or(&nobody);
    let mut w = Writer::with_capacity(16 * 1024);
    let valid_until = instant(plan.valid_until);
    let cache = format!("PT{}S", plan.cache_s);
    let id = plan.document_id.as_str();
    let start = w.open(
        MD,
        "EntityDescriptor",
        &[
            ("ID", id),
            ("entityID", plan.id.as_str()),
            ("validUntil", &valid_until),
            ("cacheDuration", &cache),
        ],
    )?;
    let first = w.position();
    entity_extensions(&mut w, plan, imprint)?;
    match &plan.role {
        RolePlan::Idp { .. } => idp(&mut w, plan, offer)?,
        RolePlan::Sp { .. } => sp(&mut w, plan, offer)?,
    }
    organization(&mut w, plan, imprint)?;
    imprint::contacts(&mut w, plan.ui, imprint)?;
    w.close();
    sign(&mut w, start, first, id, key)?;
    Ok(w.finish())
}

/// What the schema, or a reader as strict as ours, would refuse.
fn is_a_role(plan: &EntityPlan<'_>) -> Result<(), Refusal> {
    let why = match &plan.role {
        _ if plan.signing_certificates.is_empty() => "a role has a signing certificate",
        RolePlan::Idp { sso, .. } if sso.is_empty() => "an identity provider has a sign-on address",
        RolePlan::Sp { acs, .. } if acs.is_empty() => "a service has a consumer address",
        RolePlan::Sp { acs, discovery, .. }
            if !unique(acs.iter().map(|acs| acs.index))
                || !unique(discovery.iter().map(|response| response.index)) =>
        {
            "an index names one address"
        }
        _ => return Ok(()),
    };
    Err(Refusal::NotComposed { why })
}

fn is_an_offer(offer: &Offer<'_>) -> Result<(), Refusal> {
    if unique(offer.artifact_resolution.iter().map(|at| at.index)) {
        Ok(())
    } else {
        Err(Refusal::NotComposed {
            why: "an index names one address",
        })
    }
}

fn unique(mut indexes: impl Iterator<Item = u16>) -> bool {
    let mut seen = HashSet::new();
    indexes.all(|index| seen.insert(index))
}

/// Who registered it, entity attributes, and algorithm support (SAML V2.0 Metadata Profile for
/// Algorithm Support 2).
fn entity_extensions(
    w: &mut Writer,
    plan: &EntityPlan<'_>,
    imprint: &Imprint,
) -> Result<(), Refusal> {
    w.open(MD, "Extensions", &[])?;
    imprint::registration(w, imprint)?;
    let attributes = || plan.attributes.iter().chain(&imprint.attributes);
    if attributes().next().is_some() {
        w.open(MDATTR, "EntityAttributes", &[])?;
        for (name, values) in attributes() {
            w.open(
                SAML,
                "Attribute",
                &[("Name", name), ("NameFormat", ATTRNAME_URI)],
            )?;
            values
                .iter()
                .try_for_each(|value| w.leaf(SAML, "AttributeValue", &[], value))?;
            w.close();
        }
        w.close();
    }
    for digest in Digest::ALL {
        w.empty(ALG, "DigestMethod", &[("Algorithm", digest.uri())])?;
    }
    for algorithm in Algorithm::ALL {
        w.empty(ALG, "SigningMethod", &[("Algorithm", algorithm.uri())])?;
    }
    w.close();
    Ok(())
}

fn idp(w: &mut Writer, plan: &EntityPlan<'_>, offer: &Offer<'_>) -> Result<(), Refusal> {
    let RolePlan::Idp {
        sso,
        slo,
        name_id_formats,
        scopes,
        error_url,
        wants_signed_requests,
    } = &plan.role
    else {
        return Ok(());
    };
    let wants = wants_signed_requests.to_string();
    let mut attributes: Vec<Attr<'_>> = vec![
        ("protocolSupportEnumeration", PROTOCOL),
        ("WantAuthnRequestsSigned", &wants),
    ];
    attributes.extend(error_url.map(|url| ("errorURL", url)));
    w.open(MD, "IDPSSODescriptor", &attributes)?;
    w.filled(MD, "Extensions", |w| {
        for scope in scopes {
            w.leaf(SHIBMD, "Scope", &[("regexp", "false")], scope)?;
        }
        ui_info(w, plan.ui)
    })?;
    shared(w, plan, offer, (slo, name_id_formats))?;
    endpoints(w, "SingleSignOnService", sso)?;
    w.close();
    Ok(())
}

fn sp(w: &mut Writer, plan: &EntityPlan<'_>, offer: &Offer<'_>) -> Result<(), Refusal> {
    let RolePlan::Sp {
        acs,
        slo,
        discovery,
        name_id_formats,
        requested_attributes,
    } = &plan.role
    else {
        return Ok(());
    };
    w.open(
        MD,
        "SPSSODescriptor",
        &[
            ("protocolSupportEnumeration", PROTOCOL),
            ("AuthnRequestsSigned", "true"),
            ("WantAssertionsSigned", "true"),
        ],
    )?;
    w.filled(MD, "Extensions", |w| {
        ui_info(w, plan.ui)?;
        discovery.iter().try_for_each(|response| {
            let (index, default) = (response.index.to_string(), response.is_default.to_string());
            let of = [IDPDISC.uri, &response.location, &index, &default];
            indexed(w, IDPDISC, "DiscoveryResponse", of)
        })
    })?;
    shared(w, plan, offer, (slo, name_id_formats))?;
    acs.iter()
        .try_for_each(|acs| indexed_endpoint(w, "AssertionConsumerService", acs))?;
    consuming_service(w, plan, requested_attributes)?;
    w.close();
    Ok(())
}

/// What both roles begin with, in the order of `SSODescriptorType` (SAML Metadata 2.4.2).
fn shared(
    w: &mut Writer,
    plan: &EntityPlan<'_>,
    offer: &Offer<'_>,
    (slo, name_id_formats): (&[Endpoint], &[NameIdFormat]),
) -> Result<(), Refusal> {
    keys(w, plan, offer)?;
    offer
        .artifact_resolution
        .iter()
        .try_for_each(|at| indexed_endpoint(w, "ArtifactResolutionService", at))?;
    endpoints(w, "SingleLogoutService", slo)?;
    formats(w, name_id_formats)
}

fn indexed_endpoint(
    w: &mut Writer,
    name: &'static str,
    endpoint: &IndexedEndpoint,
) -> Result<(), Refusal> {
    let (index, default) = (endpoint.index.to_string(), endpoint.is_default.to_string());
    let of = [endpoint.binding.uri(), &endpoint.location, &index, &default];
    indexed(w, MD, name, of)
}

/// An `IndexedEndpointType` (Metadata 2.2.3): binding, location, index, default.
fn indexed(w: &mut Writer, ns: Ns, name: &'static str, of: [&str; 4]) -> Result<(), Refusal> {
    let [binding, location, index, default] = of;
    w.empty(
        ns,
        name,
        &[
            ("Binding", binding),
            ("Location", location),
            ("index", index),
            ("isDefault", default),
        ],
    )
}

/// What the service asks for, under its name in each language (Metadata 2.4.4.1, 2.4.4.2: a name is
/// not optional, and the entity has one).
fn consuming_service(
    w: &mut Writer,
    plan: &EntityPlan<'_>,
    requested: &[RequestedAttribute],
) -> Result<(), Refusal> {
    if requested.is_empty() {
        return Ok(());
    }
    w.open(
        MD,
        "AttributeConsumingService",
        &[("index", "1"), ("isDefault", "true")],
    )?;
    if plan.ui.display_names.is_empty() {
        let lang = [("xml:lang", "en")];
        w.leaf(MD, "ServiceName", &lang, plan.id.as_str())?;
    }
    localized(w, MD, "ServiceName", &plan.ui.display_names)?;
    for attribute in requested {
        let required = attribute.required.to_string();
        let mut attributes: Vec<Attr<'_>> = vec![
            ("Name", &attribute.name),
            ("NameFormat", &attribute.name_format),
            ("isRequired", &required),
        ];
        attributes.extend(
            attribute
                .friendly_name
                .as_deref()
                .map(|name| ("FriendlyName", name)),
        );
        w.empty(MD, "RequestedAttribute", &attributes)?;
    }
    w.close();
    Ok(())
}

fn ui_info(w: &mut Writer, ui: &Ui) -> Result<(), Refusal> {
    w.filled(MDUI, "UIInfo", |w| {
        localized(w, MDUI, "DisplayName", &ui.display_names)?;
        localized(w, MDUI, "Description", &ui.descriptions)?;
        localized(w, MDUI, "Keywords", &ui.keywords)?;
        for logo in &ui.logos {
            let (width, height) = (logo.width.to_string(), logo.height.to_string());
            let lang = logo.lang.as_deref().map(|lang| ("xml:lang", lang));
            let size = [("height", height.as_str()), ("width", width.as_str())];
            let said: Vec<_> = size.into_iter().chain(lang).collect();
            w.leaf(MDUI, "Logo", &said, &logo.url)?;
        }
        localized(w, MDUI, "InformationURL", &ui.information_urls)?;
        localized(w, MDUI, "PrivacyStatementURL", &ui.privacy_urls)
    })
}

fn localized(
    w: &mut Writer,
    ns: Ns,
    name: &'static str,
    texts: &[Localized],
) -> Result<(), Refusal> {
    texts
        .iter()
        .try_for_each(|text| w.leaf(ns, name, &[("xml:lang", &text.lang)], &text.text))
}

/// Keys to verify with, then keys to encrypt for with what we can open (IIP-MD09).
fn keys(w: &mut Writer, plan: &EntityPlan<'_>, offer: &Offer<'_>) -> Result<(), Refusal> {
    for certificate in &plan.signing_certificates {
        key_descriptor(w, "signing", certificate, &[])?;
    }
    let methods = encryption::supported();
    for certificate in &offer.encryption_certificates {
        key_descriptor(w, "encryption", certificate, &methods)?;
    }
    Ok(())
}

fn key_descriptor(
    w: &mut Writer,
    used: &str,
    certificate: &str,
    methods: &[EncryptionMethod],
) -> Result<(), Refusal> {
    w.open(MD, "KeyDescriptor", &[("use", used)])?;
    w.open(DS, "KeyInfo", &[])?;
    w.open(DS, "X509Data", &[])?;
    w.leaf(DS, "X509Certificate", &[], certificate)?;
    w.close();
    w.close();
    for method in methods {
        w.open(MD, "EncryptionMethod", &[("Algorithm", &method.algorithm)])?;
        if let Some(digest) = &method.digest {
            w.empty(DS, "DigestMethod", &[("Algorithm", digest)])?;
        }
        if let Some(mask) = &method.mask {
            w.empty(XENC11, "MGF", &[("Algorithm", mask)])?;
        }
        w.close();
    }
    w.close();
    Ok(())
}

fn formats(w: &mut Writer, formats: &[NameIdFormat]) -> Result<(), Refusal> {
    formats
        .iter()
        .try_for_each(|format| w.leaf(MD, "NameIDFormat", &[], format.uri()))
}

fn endpoints(w: &mut Writer, name: &'static str, endpoints: &[Endpoint]) -> Result<(), Refusal> {
    for endpoint in endpoints {
        let mut attributes: Vec<Attr<'_>> = vec![
            ("Binding", endpoint.binding.uri()),
            ("Location", &endpoint.location),
        ];
        attributes.extend(
            endpoint
                .response_location
                .as_deref()
                .map(|to| ("ResponseLocation", to)),
        );
        w.empty(MD, name, &attributes)?;
    }
    Ok(())
}

/// `Organization` (Metadata 2.3.2.1: an address is not optional, and the entity's name is one).
fn organization(w: &mut Writer, plan: &EntityPlan<'_>, imprint: &Imprint) -> Result<(), Refusal> {
    let names = imprint::names(plan.ui, imprint);
    if names.is_empty() {
        return Ok(());
    }
    w.open(MD, "Organization", &[])?;
    for element in ["OrganizationName", "OrganizationDisplayName"] {
        for (lang, name) in &names {
            w.leaf(MD, element, &[("xml:lang", lang)], name)?;
        }
    }
    if plan.ui.information_urls.is_empty() {
        let lang = [("xml:lang", "fr")];
        w.leaf(MD, "OrganizationURL", &lang, plan.id.as_str())?;
    }
    localized(w, MD, "OrganizationURL", &plan.ui.information_urls)?;
    w.close();
    Ok(())
}
