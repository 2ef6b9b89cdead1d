//! The post office of a process: what the settings say of letters.

use mail::{Means, Outcome, Post, PostParts, Smtp};
use web::{Edge, Event};

use super::Ground;
use crate::commands::Refusal;
use crate::keyring::Secret;

/// Opens it; the journal hears what became of each letter, never whose it was.
pub(super) fn open(ground: &Ground<'_>) -> Result<Post, Refusal> {
    let settings = &ground.settings.mail;
    let means = if let Some((smtp, tls)) = &settings.smtp {
        let smtp = Smtp::parse(smtp.reveal(), tls);
        Means::Smtp(smtp.map_err(|why| Refusal::of(format!("mail.smtp: {why}")))?)
    } else {
        if !ground.settings.server.demo {
            let folder = settings.folder.display();
            tracing::warn!(%folder, "no mail server ([mail] smtp): letters are put there and reach nobody");
        }
        Means::Folder(settings.folder.clone())
    };
    let edge = ground.edge.clone();
    let told = move |number: &str, outcome: Outcome, why: &str| {
        edge.count("eduline_letters_total", &[("result", outcome.as_str())]);
        let mut event = Event::new("mail.letter")
            .with("letter", number)
            .with("result", outcome.as_str());
        if !why.is_empty() {
            event = event.with("story", why);
        }
        edge.journal().tell(edge.now(), None, &event);
    };
    Post::open(PostParts {
        folder: settings.queue.clone(),
        key: ground.ring.secret(Secret::Letters)?,
        from: settings.from.clone(),
        means,
        clock: Edge::system_clock(),
        dice: Edge::system_dice(),
        told: std::sync::Arc::new(told),
    })
    .map_err(|why| Refusal::of(why.to_string()))
}
