//! Settings, words, templates and functions read again while visitors come and go: a house made of what
//! is written now opens at the same door, then the one that stood lets its visits finish. What has faults
//! is refused as at a start, loudly, and the house that stands goes on.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use web::{Edge, Event};

use super::admin::Shown;
use super::watch::Seen;
use super::{Open, Start, notify, own_base};
use crate::commands::Refusal;
use crate::settings::{self, Settings};

/// The folders of a theme.
const THEME: [&str; 5] = ["", "pages", "parts", "words", "assets"];

/// The files that a house is made of, as they were when it was made. Keys, metadata, the catalogue and
/// what was decided for services have a watch of their own.
pub(super) struct Changes {
    files: Vec<Seen>,
    /// Whether something was another at the last look: an editor may still be writing.
    unsettled: bool,
}

impl Changes {
    pub(super) fn of(file: &Path, settings: &Settings) -> Self {
        let mut files = vec![
            Seen::of_file(file.to_path_buf()),
            Seen::of_file(settings.idp.fonctions.clone()),
        ];
        let texts = &settings.account.texts;
        files.extend(texts.charter_files.iter().cloned().map(Seen::of_file));
        files.extend(texts.folder.iter().cloned().map(Seen::of_folder));
        if let Some(theme) = &settings.theme {
            let folders = THEME.iter().map(|name| theme.join(name));
            files.extend(folders.map(Seen::of_folder));
        }
        Self {
            files,
            unsettled: false,
        }
    }

    /// Whether something is another than it was, and has not changed since the last look.
    pub(super) fn are_there(&mut self) -> bool {
        let mut has_changed = false;
        for file in &mut self.files {
            has_changed |= file.has_changed();
        }
        let is_settled = self.unsettled && !has_changed;
        self.unsettled = has_changed;
        is_settled
    }
}

/// The house that is open afterwards: a new one, or the same.
pub(super) fn again(open: Open, start: &Start, listener: &TcpListener, shown: &Shown) -> Open {
    let edge = open.house.edge.clone();
    match next(&open, start, listener) {
        Ok(next) => {
            shown.show(&next.house);
            open.give_way();
            tracing::info!("the settings were read again and are in force");
            notify::say("STATUS=the settings were read again and are in force");
            told(&edge, "taken", Event::new("settings.taken"));
            next
        }
        Err(Refusal(faults)) => {
            tracing::error!(
                ?faults,
                "what was written is refused; the last good settings stand"
            );
            notify::say("STATUS=what was written is refused; the last good settings stand");
            let event = Event::new("settings.refused");
            told(&edge, "refused", event.with("faults", faults.join("; ")));
            open
        }
    }
}

fn told(edge: &Edge, result: &'static str, event: Event) {
    edge.count("eduline_settings_read_total", &[("result", result)]);
    let is_refused = u64::from(result == "refused");
    let metrics = edge.metrics();
    metrics.gauge("eduline_settings_refused", &[], move || is_refused);
    edge.journal().tell(edge.now(), None, &event);
}

/// A house made of what is written now.
fn next(open: &Open, start: &Start, listener: &TcpListener) -> Result<Open, Refusal> {
    let settings = settings::load(&start.file, std::env::vars())?;
    let fixed = open.settings.fixed();
    let other: Vec<String> = fixed
        .into_iter()
        .zip(settings.fixed())
        .filter(|(stands, written)| stands != written)
        .map(|((name, _), _)| format!("{name} changes with a restart only"))
        .collect();
    if !other.is_empty() {
        return Err(Refusal(other));
    }
    let address = listener.local_addr().map_err(super::refused)?;
    let base = own_base(&settings, start.which, address);
    let house = open.house.again(&settings, start.which, &base)?;
    Open::new(listener, Arc::new(settings), house)
}
