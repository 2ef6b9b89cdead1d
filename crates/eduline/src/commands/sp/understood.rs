//! What was understood of a service's metadata: what will be believed of it from now on.

use saml::metadata::{Entity, SpRole};
use saml::{VerifyingKey, attribute};
use serde_json::{Value, json};

use crate::commands::saml::visible;

/// One line for each thing, in French.
pub(super) fn lines(entity: &Entity) -> Vec<String> {
    let mut all = vec![("entityID", entity.id.to_string())];
    let names = entity.ui.display_names.iter();
    all.extend(names.map(|name| ("nom", format!("{} ({})", name.text, name.lang))));
    let contact = entity.ui.technical_contact.iter();
    all.extend(contact.map(|mail| ("contact", mail.clone())));
    if let Some(role) = &entity.sp {
        all.extend(of_role(role));
    }
    let categories = entity.attributes.iter().flat_map(|(_, values)| values);
    all.extend(categories.map(|uri| ("catégorie", uri.clone())));
    all.iter()
        .map(|(name, text)| format!("  {name:<18}{}", visible(text)))
        .collect()
}

fn of_role(role: &SpRole) -> Vec<(&'static str, String)> {
    let acs = role.acs.iter().map(|acs| {
        let default = if acs.is_default { ", par défaut" } else { "" };
        let binding = short(acs.binding.uri());
        let text = format!("{}  {binding}, index {}{default}", acs.location, acs.index);
        ("réponses (ACS)", text)
    });
    let slo = role.slo.iter().map(|slo| {
        let binding = short(slo.binding.uri());
        ("déconnexion", format!("{}  {binding}", slo.location))
    });
    let discovery = role.discovery.iter();
    let discovery = discovery.map(|one| ("choix du profil", one.location.clone()));
    let signing = role
        .signing_keys
        .iter()
        .map(|one| ("clé, signature", key(one)));
    let encryption = role.encryption_keys.iter();
    let encryption = encryption.map(|one| ("clé, chiffrement", key(&one.key)));
    let formats = role.name_id_formats.iter();
    let formats = formats.map(|one| ("NameID", short(one.uri()).to_owned()));
    let attributes = role.requested_attributes.iter().map(|one| {
        let known = attribute::find(&one.name);
        let called = known.map_or(one.name.as_str(), |wire| wire.short);
        let needed = if one.required { "  indispensable" } else { "" };
        ("attribut demandé", format!("{called}{needed}"))
    });
    let signs = if role.signs_requests { "oui" } else { "non" };
    let signs = ("demandes signées", signs.to_owned());
    acs.chain(slo)
        .chain(discovery)
        .chain(signing)
        .chain(encryption)
        .chain(formats)
        .chain(attributes)
        .chain([signs])
        .collect()
}

fn key(key: &VerifyingKey) -> String {
    let day = |at: Option<saml::Moment>| {
        at.map_or_else(|| "?".to_owned(), |at| at.format("%d/%m/%Y").to_string())
    };
    let (from, until) = (day(key.not_before()), day(key.not_after()));
    format!("{}  du {from} au {until}", key.fingerprint())
}

/// The last word of a URN.
fn short(uri: &str) -> &str {
    uri.rsplit(':').next().unwrap_or(uri)
}

/// The same for a program.
pub(super) fn value(entity: &Entity) -> Value {
    let ui = &entity.ui;
    let names = ui.display_names.iter();
    let names: Vec<Value> = names
        .map(|name| json!({"lang": name.lang, "name": name.text}))
        .collect();
    let role = entity.sp.as_ref();
    let acs = role.into_iter().flat_map(|role| &role.acs).map(|acs| {
        json!({
            "location": acs.location, "binding": acs.binding.uri(),
            "index": acs.index, "default": acs.is_default,
        })
    });
    let signing = role.into_iter().flat_map(|role| &role.signing_keys);
    let signing = signing.map(|key| key_value(key, "signing"));
    let encryption = role.into_iter().flat_map(|role| &role.encryption_keys);
    let encryption = encryption.map(|one| key_value(&one.key, "encryption"));
    let requested = role.into_iter().flat_map(|role| &role.requested_attributes);
    let requested = requested.map(|one| {
        let known = attribute::find(&one.name).map(|wire| wire.short);
        json!({"name": one.name, "known_as": known, "required": one.required})
    });
    let categories = entity.attributes.iter();
    let categories = categories.map(|(name, values)| json!({"name": name, "values": values}));
    json!({
        "names": names,
        "contact": ui.technical_contact,
        "acs": acs.collect::<Vec<_>>(),
        "keys": signing.chain(encryption).collect::<Vec<_>>(),
        "requested_attributes": requested.collect::<Vec<_>>(),
        "entity_attributes": categories.collect::<Vec<_>>(),
        "signs_requests": role.is_some_and(|role| role.signs_requests),
    })
}

fn key_value(key: &VerifyingKey, purpose: &str) -> Value {
    json!({
        "use": purpose,
        "fingerprint": key.fingerprint(),
        "not_before": key.not_before().map(|at| at.to_rfc3339()),
        "not_after": key.not_after().map(|at| at.to_rfc3339()),
    })
}
