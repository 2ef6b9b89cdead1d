//! What the operator writes in Markdown: charters, and pages to read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use account::Leaf;
use directory::Realm;
use web::Written;

use super::section::Section;

/// The texts, and the files they stand in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Texts {
    /// What the people of a realm accept.
    pub(crate) charters: HashMap<Realm, Arc<Written>>,
    /// What everybody may read, in the order of the files' names.
    pub(crate) pages: Vec<Leaf>,
    /// The files of the charters.
    pub(crate) charter_files: Vec<PathBuf>,
    /// The folder of the pages.
    pub(crate) folder: Option<PathBuf>,
}

/// Where the charter of a realm is named.
fn key(realm: Realm) -> &'static str {
    match realm {
        Realm::Personnel => "charter_personnel",
        Realm::Eleve => "charter_eleve",
        Realm::Parent => "charter_parent",
        Realm::Partenaire => "charter_partenaire",
    }
}

/// `account.pages` and `account.charter_…`.
pub(super) fn read(section: &mut Section<'_>, folder: &Path) -> Texts {
    let mut texts = Texts::default();
    let pages = section.parsed("pages", |name| match name {
        "" => Ok((None, Vec::new())),
        name => pages(&folder.join(name)).map(|pages| (Some(folder.join(name)), pages)),
    });
    (texts.folder, texts.pages) = pages.unwrap_or_default();
    for realm in Realm::ALL {
        let read = section.parsed(key(realm), |name| match name {
            "" => Ok(None),
            name => text(&folder.join(name)).map(|text| Some((folder.join(name), text))),
        });
        if let Some((file, charter)) = read.flatten() {
            texts.charter_files.push(file);
            texts.charters.insert(realm, Arc::new(charter));
        }
    }
    texts
}

fn text(file: &Path) -> Result<Written, String> {
    let text = std::fs::read_to_string(file).map_err(|why| why.to_string())?;
    Written::parse(&text).map_err(|faults| format!("{}: {}", file.display(), faults.join("; ")))
}

/// Every `.md` of the folder; every fault of every one.
fn pages(folder: &Path) -> Result<Vec<Leaf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|why| why.to_string())?;
    let files = entries.flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    files.sort();
    let (mut pages, mut faults) = (Vec::new(), Vec::new());
    for file in files {
        let stem = file.file_stem().and_then(|stem| stem.to_str());
        // Figures in front put the files in order, and are no part of the name.
        let name = stem.unwrap_or_default();
        let name = name.trim_start_matches(|c: char| c.is_ascii_digit());
        let name = name.trim_start_matches('-').to_owned();
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_free = pages.iter().all(|leaf: &Leaf| leaf.name != name);
        if name.is_empty() || !name.chars().all(fits) || !is_free {
            let file = file.display();
            faults.push(format!(
                "{file}: a name is of a-z 0-9 -, after figures, and another than the others'"
            ));
            continue;
        }
        match text(&file) {
            Ok(written) => pages.push(Leaf { name, written }),
            Err(why) => faults.push(why),
        }
    }
    if faults.is_empty() {
        Ok(pages)
    } else {
        Err(faults.join("; "))
    }
}
