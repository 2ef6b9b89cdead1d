//! `eduline sp`: service providers registered by hand, and what was decided for each.

use idp::policy::Policy;
use saml::metadata::Entity;
use serde_json::{Value, json};

use super::Refusal;
use super::registered::{self, Registered};
use crate::cli::Sp;
use crate::house::decided::beside_metadata;
use crate::house::followed;
use crate::say::Voice;
use crate::settings::Settings;

mod add;
mod kinds;
mod preview;
mod snippet;
mod try_on;
mod understood;

pub(crate) use snippet::MAKES;

/// Runs the subcommand.
pub(crate) async fn run(settings: &Settings, command: &Sp) -> Result<(), Refusal> {
    match command {
        Sp::Add(asked) => add::run(settings, asked).await,
        Sp::List(print) => {
            let (all, faults) = registered(settings);
            let lines: Vec<String> = all
                .iter()
                .map(|one| one.registered.entity.id.to_string())
                .collect();
            let values: Vec<Value> = all.iter().map(Registration::described).collect();
            Voice::of(print.json).tell(&lines, &json!(values));
            if faults.is_empty() {
                Ok(())
            } else {
                Err(Refusal(faults))
            }
        }
        Sp::Show { id, print } => {
            let found = find(settings, id)?;
            let described = found.described();
            Voice::of(print.json).tell(&registered::lines(&described), &described);
            Ok(())
        }
        Sp::Remove { id } => {
            let found = find(settings, id)?;
            let removed = registered::forget(&found.registered)?;
            Voice::Plain.tell(&[format!("removed {removed}")], &Value::Null);
            Ok(())
        }
        Sp::Try(asked) => try_on::run(settings, asked),
        Sp::Snippet(asked) => snippet::run(settings, asked),
        Sp::Preview { user, id, print } => preview::run(settings, (user, id), print).await,
    }
}

/// A service that is registered.
struct Registration {
    registered: Registered,
    /// What the operator decided for it.
    policy: Policy,
}

impl Registration {
    fn of(registered: Registered, policy: Policy) -> Self {
        Self { registered, policy }
    }

    fn described(&self) -> Value {
        let sp = self.registered.entity.sp.as_ref();
        let asked: Vec<&str> = sp
            .into_iter()
            .flat_map(|role| &role.requested_attributes)
            .map(|attribute| attribute.name.as_str())
            .collect();
        let acs: Vec<&str> = sp
            .into_iter()
            .flat_map(|role| &role.acs)
            .map(|acs| acs.location.as_str())
            .collect();
        let keys: Vec<&str> = sp
            .into_iter()
            .flat_map(|role| &role.signing_keys)
            .map(saml::VerifyingKey::fingerprint)
            .collect();
        json!({
            "entityID": self.registered.entity.id.as_str(),
            "name": self.registered.entity.ui.display_name("fr"),
            "acs": acs,
            "signing_keys": keys,
            "asks_for": asked,
            "decided": self.policy,
            "follows": followed::beside(&self.registered.path).ok().flatten().map(|one| one.url),
            "file": self.registered.path.display().to_string(),
        })
    }
}

/// Every service registered, and what is wrong with the files that hold nothing good.
fn registered(settings: &Settings) -> (Vec<Registration>, Vec<String>) {
    let (entities, mut faults) = registered::all(settings);
    let mut all = Vec::new();
    for one in entities.into_iter().filter(|one| is_service(&one.entity)) {
        match beside_metadata(&one.path) {
            Ok(policy) => all.push(Registration::of(one, policy)),
            Err(why) => faults.extend(why.0),
        }
    }
    (all, faults)
}

fn find(settings: &Settings, id: &str) -> Result<Registration, Refusal> {
    let one = registered::find(settings, id, is_service)?;
    let policy = beside_metadata(&one.path)?;
    Ok(Registration::of(one, policy))
}

fn is_service(entity: &Entity) -> bool {
    entity.sp.is_some()
}
