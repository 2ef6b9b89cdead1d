//! What the operator decided for each service: in the file of services, and beside the metadata of
//! those that are registered by hand.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use idp::policy::Policy;
use saml::{EntityId, Rules};
use sha2::{Digest, Sha256};

use crate::commands::Refusal;
use crate::keyring::hexadecimal;
use crate::settings::Settings;

/// Every decision there is, as it stood when it was read.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    folder: PathBuf,
    beside: HashMap<PathBuf, Arc<Policy>>,
    named: HashMap<EntityId, Arc<Policy>>,
    default: Arc<Policy>,
}

impl Decided {
    /// Reads them; every fault at once.
    pub(crate) fn read(settings: &Settings) -> Result<Self, Refusal> {
        let folder = settings.registered();
        let mut faults = Vec::new();
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let sidecars = entries.map(|entry| entry.path()).filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        });
        let mut beside = HashMap::new();
        for path in sidecars {
            match beside_metadata(&path.with_extension("xml")) {
                Ok(policy) => {
                    beside.insert(path.with_extension("xml"), Arc::new(policy));
                }
                Err(Refusal(why)) => faults.extend(why),
            }
        }
        let named = settings.idp.services.as_deref().map_or_else(
            || Ok(HashMap::new()),
            |file| named(file, settings.server.public_url.origin()),
        );
        let named = named.unwrap_or_else(|why| {
            faults.push(why);
            HashMap::new()
        });
        if !faults.is_empty() {
            return Err(Refusal(faults));
        }
        Ok(Self {
            folder,
            beside,
            named,
            default: Arc::default(),
        })
    }

    /// What was decided for `service`: by name in the file of services, else when it was registered.
    pub(crate) fn of(&self, service: &EntityId) -> Arc<Policy> {
        let named = self.named.get(service);
        let found = named.or_else(|| {
            (!self.beside.is_empty())
                .then(|| self.beside.get(&file_of(&self.folder, service)))
                .flatten()
        });
        Arc::clone(found.unwrap_or(&self.default))
    }

    /// Decisions that had better come to an end (IIP-ALG05).
    pub(crate) fn warnings(&self) -> Vec<String> {
        let weak = self
            .each()
            .filter(|(_, policy)| !policy.weak_encryption.is_empty());
        let mut warnings: Vec<String> = weak
            .map(|(service, _)| {
                format!(
                    "{service}: weak_encryption betrays what is sent to whoever may ask often \
                     enough; have the service declare AES-GCM and RSA-OAEP"
                )
            })
            .collect();
        warnings.sort();
        warnings
    }

    /// Decisions that the rules of the deployment leave without effect (IIP-ALG08).
    pub(crate) fn faults(&self, rules: &Rules) -> Vec<String> {
        let named = self.each().flat_map(|(service, policy)| {
            let ways = policy.weak_encryption.iter();
            ways.map(move |way| (service.clone(), *way))
        });
        let forbidden = named.filter(|(_, way)| way.uris().iter().all(|uri| rules.forbids(uri)));
        let mut faults: Vec<String> = forbidden
            .map(|(service, way)| {
                let uri = way.uris().first().copied().unwrap_or_default();
                format!("{service}: weak_encryption names {uri}, which saml.forbidden_algorithms forbids")
            })
            .collect();
        faults.sort();
        faults
    }

    /// Every decision there is, and what it is for.
    fn each(&self) -> impl Iterator<Item = (String, &Policy)> {
        let named = self.named.iter();
        let named = named.map(|(service, policy)| (service.to_string(), &**policy));
        let beside = self.beside.iter().map(|(path, policy)| {
            let sidecar = path.with_extension("toml");
            (sidecar.display().to_string(), &**policy)
        });
        named.chain(beside)
    }
}

/// The decisions beside the metadata at `path`; a service without any has the default ones.
pub(crate) fn beside_metadata(path: &Path) -> Result<Policy, Refusal> {
    let sidecar = path.with_extension("toml");
    let refused = |why: String| Refusal::of(format!("{}: {why}", sidecar.display()));
    match std::fs::read_to_string(&sidecar) {
        Ok(text) => toml::from_str(&text).map_err(|why| refused(why.to_string())),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(Policy::default()),
        Err(why) => Err(refused(why.to_string())),
    }
}

/// The file of services: a table for each, called by its entityID.
fn named(file: &Path, base: &str) -> Result<HashMap<EntityId, Arc<Policy>>, String> {
    let refused = |why: String| format!("{}: {why}", file.display());
    let text = std::fs::read_to_string(file).map_err(|why| refused(why.to_string()))?;
    let read: BTreeMap<String, Policy> =
        toml::from_str(&text).map_err(|why| refused(why.to_string()))?;
    read.into_iter()
        .map(|(name, policy)| {
            let id = EntityId::parse(&name.replace("{public_url}", base));
            id.map(|id| (id, Arc::new(policy)))
                .map_err(|why| refused(why.to_string()))
        })
        .collect()
}

/// The file of an entity: its name may hold anything, the name's digest may not.
pub(crate) fn file_of(folder: &Path, id: &EntityId) -> PathBuf {
    let digest = Sha256::digest(id.as_str().as_bytes());
    folder.join(format!("{}.xml", hexadecimal(&digest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_its_file_and_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("services.toml");
        let said = |text: &str| {
            std::fs::write(&path, text).unwrap();
            named(&path, "https://eduline.example")
        };
        let read = said("[\"{public_url}/x\"]\nunsolicited = true\n").unwrap();
        let id = EntityId::parse("https://eduline.example/x").unwrap();
        assert!(read[&id].unsolicited);
        for (text, place) in [
            ("\n[\"https://a.example\"]\ncolour = 1\n", "line 3"),
            ("[\"https://a.example\"]\nattributes = [\"shoe\"]\n", "shoe"),
            ("[\"not an entity\"]\n", "not an entity"),
            ("attributes", "line 1"),
        ] {
            let why = said(text).unwrap_err();
            assert!(
                why.contains("services.toml") && why.contains(place),
                "{why}"
            );
        }
    }
}
