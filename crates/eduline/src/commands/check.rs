//! `eduline check`: everything that would go wrong later, said now, all at once.

use std::path::Path;

use serde_json::json;

use super::{Refusal, account};
use crate::cli::{Json, Which};
use crate::house;
use crate::house::decided::Decided;
use crate::keyring::{self, Bunch, KeyRing, Secret};
use crate::say::Voice;
use crate::settings::{self, AccountsPlace, Settings};

/// Looks at the settings in `file` and at everything they name.
pub(crate) fn run(file: &Path, print: &Json) -> Result<(), Refusal> {
    let (settings, faults) = settings::read(file, std::env::vars());
    let mut told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let mut warned = Vec::new();
    if let Some(settings) = &settings {
        warned = warnings(settings);
        told.extend(faults_of_keys(settings));
        told.extend(faults_of_pages(settings));
        told.extend(faults_of_catalogue(settings));
        told.extend(house::added::read(settings).1);
        told.extend(house::followed::sources(settings).1);
    }
    match (told.is_empty(), Voice::of(print.json)) {
        (true, voice) => {
            let warnings = warned.iter().map(|one| format!("warning: {one}"));
            let lines: Vec<String> = warnings.chain(["no fault".to_owned()]).collect();
            voice.tell(&lines, &json!({ "faults": [], "warnings": warned }));
            Ok(())
        }
        (false, Voice::Plain) => Err(Refusal(told)),
        (false, Voice::Json) => {
            Voice::Json.tell(&[], &json!({ "faults": told, "warnings": warned }));
            Err(Refusal(Vec::new()))
        }
    }
}

/// Keys and secrets; the demo makes those that are missing by itself.
fn faults_of_keys(settings: &Settings) -> Vec<String> {
    let ring = KeyRing::of(settings);
    let names = KeyRing::names();
    let keys = names
        .iter()
        .filter(|name| !settings.server.demo || ring.key_file(name).exists())
        .filter_map(|name| {
            let bunch = ring.bunch(name);
            let opening = |bunch: Bunch| bunch.opening_keys().map(drop);
            if keyring::opens(name) {
                bunch.and_then(opening).err()
            } else {
                bunch.err()
            }
        });
    let secrets = Secret::ALL
        .into_iter()
        .filter(|secret| !settings.server.demo || ring.secret_file(*secret).exists())
        .filter_map(|secret| ring.secret(secret).err());
    let away = names
        .iter()
        .filter_map(|name| ring.bunch(name).ok())
        .flat_map(|bunch| bunch.held_faults());
    // IIP-ALG08: a key none of whose algorithms is left signs nothing.
    let idle = names
        .iter()
        .filter_map(|name| ring.bunch(name).ok())
        .filter_map(|bunch| {
            let refusal = settings.rules.signer(bunch.current()).err()?;
            Some(format!("the key {} cannot sign: {refusal}", bunch.name()))
        });
    let faults = keys.chain(secrets).map(|fault| fault.to_string());
    faults.chain(away).chain(idle).collect()
}

/// What is right, and had better come to an end.
fn warnings(settings: &Settings) -> Vec<String> {
    let mut warned = Decided::read(settings).map_or_else(|_| Vec::new(), |one| one.warnings());
    if let AccountsPlace::Postgres(server) = &settings.directory.place
        && server.is_overheard()
    {
        warned.push(
            "directory.tls = false: passwords and names of accounts cross the network in clear"
                .to_owned(),
        );
    }
    warned
}

/// Every page of every room, with its samples, in every language, under this deployment's theme.
fn faults_of_pages(settings: &Settings) -> Vec<String> {
    let theme = settings.theme.as_deref();
    let mut faults = Vec::new();
    if let Some(folder) = theme.filter(|folder| !folder.is_dir()) {
        faults.push(format!(
            "{}: no such folder (theme.folder)",
            folder.display()
        ));
    }
    faults.extend(web::check(&house::samples(Which::All), theme));
    faults
}

/// The functions of the staff, the applications they open, what was decided for services, and the
/// demo's accounts.
fn faults_of_catalogue(settings: &Settings) -> Vec<String> {
    let mut faults = Vec::new();
    let mut keep = |refused: Refusal| faults.extend(refused.0);
    let fonctions = house::read_fonctions(settings).map_err(&mut keep).ok();
    if let Some(fonctions) = &fonctions {
        let desk = settings.account.desk_functions.iter();
        let unknown = desk.filter(|id| fonctions.find(id).is_none());
        keep(Refusal(
            unknown
                .map(|id| format!("account.desk_functions: no function is called {id:?}"))
                .collect(),
        ));
        let trees = settings.directory.trees.iter();
        let codes = trees.flat_map(|tree| &tree.functions);
        let unknown = codes.filter(|(_, id)| fonctions.find(id).is_none());
        keep(Refusal(
            unknown
                .map(|(_, id)| format!("directory.ldap.functions: no function is called {id:?}"))
                .collect(),
        ));
    }
    if let Err(refused) = house::read_catalogue(settings, fonctions.as_ref()) {
        keep(refused);
    }
    match Decided::read(settings) {
        Ok(decided) => keep(Refusal(decided.faults(&settings.rules))),
        Err(refused) => keep(refused),
    }
    if settings.server.demo
        && let Err(refused) = account::read_csv(&settings.server.demo_accounts, "")
            .and_then(|_| account::read_seeds(&settings.server.demo_accounts))
    {
        keep(refused);
    }
    faults
}
