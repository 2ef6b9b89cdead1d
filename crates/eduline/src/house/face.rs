//! What our entities say of themselves in their metadata, and of those who run them.

use saml::metadata::{Contact, ContactKind, Imprint, Localized, Logo, Registration, Ui};

use crate::settings::{Face, Names, Settings};

/// The logo's size, pixels: 4 to 3, as discovery services lay logos out.
const LOGO: (u32, u32) = (160, 120);

/// What an entity of ours shows of itself.
pub(super) fn ui(settings: &Settings, face: &Face) -> Ui {
    let public_url = &settings.server.public_url;
    let organization = &settings.organization;
    let at = |path: &str| public_url.join(path);
    let information = organization.information.clone();
    let privacy = organization.privacy.clone();
    let name = organization.name.as_ref();
    Ui {
        display_names: localized(&face.name),
        descriptions: localized(&face.description),
        keywords: Vec::new(),
        logos: vec![Logo {
            url: at(web::LOGO),
            lang: None,
            width: LOGO.0,
            height: LOGO.1,
        }],
        information_urls: everywhere(&information.unwrap_or_else(|| at("/portail/"))),
        privacy_urls: everywhere(&privacy.unwrap_or_else(|| at("/mentions-legales"))),
        technical_contact: organization.contact.clone(),
        organization: name.map(|name| name.fr.clone()),
    }
}

/// Who stands behind a service of ours.
pub(super) fn imprint(settings: &Settings) -> Imprint {
    let organization = &settings.organization;
    let contact = |kind, mail: &Option<String>| {
        let mail = mail.clone()?;
        Some(Contact { kind, mail })
    };
    let contacts = [
        contact(ContactKind::Support, &organization.support),
        contact(ContactKind::Security, &organization.security),
    ];
    let ourselves = || settings.server.public_url.origin().to_owned();
    let policy = organization.registration_policy.as_deref();
    Imprint {
        organization: organization
            .name
            .as_ref()
            .map(localized)
            .unwrap_or_default(),
        contacts: contacts.into_iter().flatten().collect(),
        registration: Some(Registration {
            authority: organization.registrar.clone().unwrap_or_else(ourselves),
            policies: policy.map(everywhere).unwrap_or_default(),
        }),
        attributes: Vec::new(),
    }
}

/// Who stands behind a realm, with what is certified of it.
pub(super) fn realm_imprint(settings: &Settings) -> Imprint {
    let organization = &settings.organization;
    let said = [
        (
            "urn:oasis:names:tc:SAML:attribute:assurance-certification",
            &organization.assurance,
        ),
        (
            "http://macedir.org/entity-category",
            &organization.categories,
        ),
    ];
    let said = said.into_iter().filter(|(_, values)| !values.is_empty());
    Imprint {
        attributes: said
            .map(|(name, values)| (name.to_owned(), values.clone()))
            .collect(),
        ..imprint(settings)
    }
}

fn localized(names: &Names) -> Vec<Localized> {
    let names = [("fr", &names.fr), ("en", &names.en)];
    let said = names.into_iter().filter(|(_, text)| !text.is_empty());
    said.map(|(lang, text)| Localized {
        lang: lang.to_owned(),
        text: text.clone(),
    })
    .collect()
}

/// One address, whatever the reader's language.
fn everywhere(address: &str) -> Vec<Localized> {
    localized(&Names {
        fr: address.to_owned(),
        en: address.to_owned(),
    })
}
