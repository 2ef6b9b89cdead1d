//! `eduline idp`: identity providers of others, registered by hand.
//!
//! Each stands behind one profile: the tile of the discovery service that leads to it, and what the
//! portal takes its people for. What the provider says of itself never decides that.

use saml::VerifyingKey;
use saml::metadata::Entity;
use serde_json::{Value, json};

use super::Refusal;
use super::registered::{self, Registered};
use crate::cli::Idp;
use crate::say::Voice;
use crate::settings::Settings;

/// The end of the name of the file that says the profile.
const PROFILE: &str = "profile";

/// Runs the subcommand.
pub(crate) fn run(settings: &Settings, command: &Idp) -> Result<(), Refusal> {
    match command {
        Idp::Add {
            metadata,
            profile,
            print,
        } => {
            let added = add(settings, metadata, profile)?;
            let mut lines = vec![format!("registered {} behind {profile}", added.entity.id)];
            lines.extend(warnings(&added.entity));
            Voice::of(print.json).tell(&lines, &described(&added));
            Ok(())
        }
        Idp::List(print) => {
            let (all, faults) = registered::all(settings);
            let providers: Vec<Value> = all
                .iter()
                .filter(|one| is_provider(&one.entity))
                .map(described)
                .collect();
            let line = |one: &Value| {
                let text = |name: &str| one[name].as_str().unwrap_or("-").to_owned();
                format!("{:<12}{}", text(PROFILE), text("entityID"))
            };
            let lines: Vec<String> = providers.iter().map(line).collect();
            Voice::of(print.json).tell(&lines, &json!(providers));
            if faults.is_empty() {
                Ok(())
            } else {
                Err(Refusal(faults))
            }
        }
        Idp::Show { id, print } => {
            let described = described(&registered::find(settings, id, is_provider)?);
            Voice::of(print.json).tell(&registered::lines(&described), &described);
            Ok(())
        }
        Idp::Remove { id } => {
            let found = registered::find(settings, id, is_provider)?;
            let removed = registered::forget(&found)?;
            Voice::Plain.tell(&[format!("removed {removed}")], &Value::Null);
            Ok(())
        }
    }
}

fn add(settings: &Settings, from: &str, profile: &str) -> Result<Registered, Refusal> {
    let tiles = settings.wayf.profiles.iter().map(|one| one.id.as_str());
    if !tiles.clone().any(|tile| tile == profile) {
        let tiles: Vec<&str> = tiles.collect();
        return Err(Refusal::of(format!(
            "{profile:?} is no profile of the discovery service: expected one of {}",
            tiles.join(", ")
        )));
    }
    let (entity, xml) = registered::one_of(settings, from)?;
    if !is_provider(&entity) {
        return Err(Refusal::of(format!(
            "{from}: {} is no identity provider",
            entity.id
        )));
    }
    registered::keep(settings, (entity, &xml), (PROFILE, profile))
}

fn is_provider(entity: &Entity) -> bool {
    entity.idp.is_some()
}

/// What will not work as it may have been meant.
fn warnings(entity: &Entity) -> Vec<String> {
    let no_scope = entity.idp.iter().any(|role| role.scopes.is_empty());
    let no_name = entity.ui.display_name("fr").is_none();
    let all = [
        (
            no_scope,
            "it declares no shibmd:Scope: what it says with a scope (subject-id, eduPersonPrincipalName) is not believed",
        ),
        (
            no_name,
            "it has no mdui:DisplayName: people are shown its host",
        ),
    ];
    let met = all.into_iter().filter(|(is_so, _)| *is_so);
    met.map(|(_, text)| format!("note: {text}")).collect()
}

fn described(one: &Registered) -> Value {
    let role = one.entity.idp.as_ref();
    let sso: Vec<&str> = role
        .into_iter()
        .flat_map(|role| &role.sso)
        .map(|at| at.location.as_str())
        .collect();
    let keys: Vec<&str> = role
        .into_iter()
        .flat_map(|role| &role.signing_keys)
        .map(VerifyingKey::fingerprint)
        .collect();
    let scopes: Vec<&str> = role
        .into_iter()
        .flat_map(|role| &role.scopes)
        .map(String::as_str)
        .collect();
    let profile = std::fs::read_to_string(one.path.with_extension(PROFILE)).ok();
    json!({
        "entityID": one.entity.id.as_str(),
        "name": one.entity.ui.display_name("fr"),
        "profile": profile.as_deref().map(str::trim),
        "sso": sso,
        "signing_keys": keys,
        "scopes": scopes,
        "file": one.path.display().to_string(),
    })
}
