//! One `EntityDescriptor`.

use super::{MD, MDATTR, MDRPI, ReadPolicy, roles, ui};
use crate::metadata::Entity;
use crate::reader::{self, Element, SAML};
use crate::{EntityId, Moment, Refusal};

/// Reads an entity that has at least one role known here.
pub(super) fn read(
    element: Element<'_, '_>,
    id: EntityId,
    valid_until: Option<Moment>,
    policy: &ReadPolicy<'_>,
) -> Result<Entity, Refusal> {
    let idp = roles::find(element, "IDPSSODescriptor", policy.now)?;
    let sp = roles::find(element, "SPSSODescriptor", policy.now)?;
    if idp.is_none() && sp.is_none() {
        return Err(Refusal::RoleMissing);
    }
    Ok(Entity {
        id,
        valid_until,
        ui: ui::read(element, idp.into_iter().chain(sp)),
        attributes: attributes(element)?,
        registrar: registrar(element),
        hints: ui::hints(idp.into_iter()),
        idp: idp
            .map(|role| roles::idp(role, element, policy))
            .transpose()?,
        sp: sp
            .map(|role| roles::sp(role, element, policy))
            .transpose()?,
    })
}

/// The extensions of an entity or of a role.
pub(super) fn extensions<'a, 'i: 'a>(
    element: Element<'a, 'i>,
) -> impl Iterator<Item = Element<'a, 'i>> {
    reader::children(element, MD, "Extensions")
        .flat_map(|extensions| extensions.children())
        .filter(Element::is_element)
}

/// `registrationAuthority` (SAML V2.0 Metadata Extensions for Registration and Publication 2.1).
fn registrar(entity: Element<'_, '_>) -> Option<String> {
    extensions(entity)
        .find(|extension| reader::is(*extension, MDRPI, "RegistrationInfo"))
        .and_then(|info| reader::attribute(info, "registrationAuthority"))
        .map(str::to_owned)
}

/// `mdattr:EntityAttributes`: names and simple values.
fn attributes(entity: Element<'_, '_>) -> Result<Vec<(String, Vec<String>)>, Refusal> {
    extensions(entity)
        .filter(|extension| reader::is(*extension, MDATTR, "EntityAttributes"))
        .flat_map(|attributes| reader::children(attributes, SAML, "Attribute"))
        .map(|attribute| {
            let values = reader::children(attribute, SAML, "AttributeValue")
                .filter_map(|value| reader::uri_value(value).ok())
                .collect();
            Ok((reader::required(attribute, "Name")?.to_owned(), values))
        })
        .collect()
}
