//! Who stands behind an entity of ours: whom to write to, and who registered it.

use super::{Localized, Ui};
use crate::Refusal;
use crate::writer::{MD, MDRPI, REMD, Writer};

/// What is published of those who run an entity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imprint {
    /// The name of the organisation by language; empty: [`Ui::organization`], in French.
    pub organization: Vec<Localized>,
    /// Whom to write to, beside [`Ui::technical_contact`].
    pub contacts: Vec<Contact>,
    /// Who registered the entity.
    pub registration: Option<Registration>,
    /// Entity attributes: name and values.
    pub attributes: Vec<(String, Vec<String>)>,
}

/// `ContactPerson` (SAML Metadata 2.3.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// What they are there for.
    pub kind: ContactKind,
    /// An address, without `mailto:`.
    pub mail: String,
}

/// What a contact is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactKind {
    /// Whoever looks after the entity.
    Technical,
    /// Whoever helps its people.
    Support,
    /// Whoever answers in an incident (REFEDS Security Contact Metadata Extension 1.0).
    Security,
}

/// `mdrpi:RegistrationInfo` (SAML V2.0 Metadata Extensions for Registration and Publication 2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// `registrationAuthority`: a URI.
    pub authority: String,
    /// `RegistrationPolicy` by language: addresses.
    pub policies: Vec<Localized>,
}

impl ContactKind {
    /// `contactType`, `remd:contactType` where there is one, and what such a contact is called
    /// (`GivenName`: the security contact must have one).
    fn words(self) -> (&'static str, Option<&'static str>, &'static str) {
        match self {
            Self::Technical => ("technical", None, "Technical contact"),
            Self::Support => ("support", None, "Support"),
            Self::Security => (
                "other",
                Some("http://refeds.org/metadata/contactType/security"),
                "Security contact",
            ),
        }
    }
}

/// Who registered it.
pub(super) fn registration(w: &mut Writer, imprint: &Imprint) -> Result<(), Refusal> {
    let Some(registration) = &imprint.registration else {
        return Ok(());
    };
    let authority = [("registrationAuthority", registration.authority.as_str())];
    w.open(MDRPI, "RegistrationInfo", &authority)?;
    for policy in &registration.policies {
        let lang = [("xml:lang", policy.lang.as_str())];
        w.leaf(MDRPI, "RegistrationPolicy", &lang, &policy.text)?;
    }
    w.close();
    Ok(())
}

/// The organisation's names, by language.
pub(super) fn names<'a>(ui: &'a Ui, imprint: &'a Imprint) -> Vec<(&'a str, &'a str)> {
    if imprint.organization.is_empty() {
        let name = ui.organization.as_deref();
        return name.map(|name| ("fr", name)).into_iter().collect();
    }
    let names = imprint.organization.iter();
    names
        .map(|name| (name.lang.as_str(), name.text.as_str()))
        .collect()
}

/// The technical contact (SDP-MD11), then the others.
pub(super) fn contacts(w: &mut Writer, ui: &Ui, imprint: &Imprint) -> Result<(), Refusal> {
    let technical = ui.technical_contact.iter();
    let technical = technical.map(|mail| (ContactKind::Technical, mail));
    let others = imprint.contacts.iter();
    let others = others.map(|contact| (contact.kind, &contact.mail));
    for (kind, mail) in technical.chain(others) {
        let (used, refeds, name) = kind.words();
        let mut start = vec![("contactType", used)];
        start.extend(refeds.map(|uri| ("remd:contactType", uri)));
        if refeds.is_some() {
            w.open_declaring(MD, "ContactPerson", REMD, &start)?;
        } else {
            w.open(MD, "ContactPerson", &start)?;
        }
        w.leaf(MD, "GivenName", &[], name)?;
        w.leaf(MD, "EmailAddress", &[], &format!("mailto:{mail}"))?;
        w.close();
    }
    Ok(())
}
