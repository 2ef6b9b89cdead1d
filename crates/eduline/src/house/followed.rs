//! Services that are followed: their keys and addresses are what they say themselves, from day to day, at
//! an https address that the operator names beside the metadata they vouch for.

use std::path::Path;

use federation::{Location, Source, Terms};
use saml::EntityId;
use serde::{Deserialize, Serialize};

use super::decided::file_of;
use crate::settings::Settings;

/// How the file beside the metadata ends.
pub(crate) const END: &str = "follow";

/// Who is followed, and where.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Followed {
    #[serde(rename = "entityID")]
    entity: EntityId,
    /// The address.
    pub(crate) url: String,
}

impl Followed {
    /// A service that says of itself what it is at `url`.
    pub(crate) fn at(entity: &EntityId, url: &str) -> Result<Self, String> {
        if !url.starts_with("https://") {
            return Err(format!(
                "{url}: only what comes over https, with a certificate that is good for its host, can be followed"
            ));
        }
        Ok(Self {
            entity: entity.clone(),
            url: url.to_owned(),
        })
    }

    /// What its file says.
    pub(crate) fn written(&self) -> Result<String, String> {
        toml::to_string(self).map_err(|why| why.to_string())
    }

    /// The source that it is.
    fn source(&self, settings: &Settings) -> Source {
        Source {
            name: format!("followed.{}", self.entity.sha1()),
            location: Location::Url(self.url.clone()),
            pinned: Vec::new(),
            horizon_days: None,
            may_go_back: false,
            terms: Terms {
                every: settings.federation.refresh,
                only: Some(self.entity.clone()),
                is_followed: true,
                ..Terms::default()
            },
        }
    }
}

/// Whom the file beside this metadata follows, when there is one.
pub(crate) fn beside(metadata: &Path) -> Result<Option<Followed>, String> {
    let path = metadata.with_extension(END);
    let refused = |why: String| format!("{}: {why}", path.display());
    let text = match std::fs::read_to_string(&path) {
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|why| refused(why.to_string()))?,
    };
    let read: Followed = toml::from_str(&text).map_err(|why| refused(why.to_string()))?;
    let followed = Followed::at(&read.entity, &read.url).map_err(refused)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    if file_of(folder, &followed.entity) != metadata {
        return Err(refused(format!(
            "{} is not the entity beside it",
            followed.entity
        )));
    }
    Ok(Some(followed))
}

/// The sources of all that are followed, and what is wrong with the files that follow nobody.
pub(crate) fn sources(settings: &Settings) -> (Vec<Source>, Vec<String>) {
    let entries = std::fs::read_dir(settings.registered()).into_iter();
    let paths = entries.flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|end| end == END))
        .collect();
    paths.sort();
    let (mut sources, mut faults) = (Vec::new(), Vec::new());
    for path in paths {
        match beside(&path.with_extension("xml")) {
            Ok(followed) => sources.extend(followed.map(|one| one.source(settings))),
            Err(why) => faults.push(why),
        }
    }
    (sources, faults)
}
