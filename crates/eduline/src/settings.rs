//! The settings: read once, refused at once, and known to no other room.
//!
//! [`raw`] is what the file and the environment say, each value with its place; [`checked`] is what
//! that means. Every fault is reported, with file and line, before anything starts.

mod checked;
mod discovery;
mod organization;
mod raw;
mod rooms;
mod section;
mod texts;
mod trees;

use std::path::{Path, PathBuf};

pub(crate) use checked::{
    AccountsPlace, Face, Listen, Names, RealmSettings, Settings, SourcePlace, SourceSettings,
    StoreSettings,
};
pub(crate) use raw::Fault;

/// Where the settings file is when nobody says.
pub(crate) const DEFAULT_FILE: &str = "config/eduline.toml";

/// Reads the settings from `file` and from what the environment (names and values) overrides.
pub(crate) fn load(
    file: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Settings, Vec<Fault>> {
    match read(file, environment) {
        (Some(settings), faults) if faults.is_empty() => Ok(settings),
        (_, faults) => Err(faults),
    }
}

/// The same, with whatever could be made of settings that have faults.
pub(crate) fn read(
    file: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> (Option<Settings>, Vec<Fault>) {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(why) => {
            let fault = Fault::of_file(file, format!("cannot be read: {why}"));
            return (None, vec![fault]);
        }
    };
    parse(file, &text, environment)
}

/// The same, of a file's text.
pub(crate) fn parse(
    file: &Path,
    text: &str,
    environment: impl Iterator<Item = (String, String)>,
) -> (Option<Settings>, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut root = raw::parse(file, text, &mut faults);
    raw::overlay(&mut root, environment, &mut faults);
    let folder = file.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let settings = checked::check(root, &folder, &mut faults);
    (settings, faults)
}

#[cfg(test)]
mod tests;
