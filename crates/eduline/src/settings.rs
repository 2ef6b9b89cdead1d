//! The settings: read once, refused at once, and known to no other room.
//!
//! [`raw`] is what the file and the environment say, each value with its place; [`checked`] is what
//! that means. Every fault is reported, with file and line, before anything starts.

mod checked;
mod raw;
mod rooms;
mod section;

use std::path::{Path, PathBuf};

pub(crate) use checked::{
    Listen, Names, ProfileSettings, RealmSettings, Settings, SourcePlace, SourceSettings,
    StoreSettings,
};
pub(crate) use raw::{Fault, Place};

/// Where the settings file is when nobody says.
pub(crate) const DEFAULT_FILE: &str = "config/eduline.toml";

/// Reads the settings from `file` and from what the environment (`names and values`) overrides.
pub(crate) fn load(
    file: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Settings, Vec<Fault>> {
    let text = std::fs::read_to_string(file)
        .map_err(|why| vec![Fault::of_file(file, format!("cannot be read: {why}"))])?;
    let mut faults = Vec::new();
    let mut root = raw::parse(file, &text, &mut faults);
    raw::overlay(&mut root, environment, &mut faults);
    let folder = file.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let settings = checked::check(root, &folder, &mut faults);
    match settings {
        Some(settings) if faults.is_empty() => Ok(settings),
        _ => Err(faults),
    }
}

#[cfg(test)]
mod tests;
