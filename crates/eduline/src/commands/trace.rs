//! `eduline trace`: the story of one login, from the reference on an error page.

use std::fmt::Write;

use serde_json::Value;
use web::{Journal, Reference};

use super::Refusal;
use crate::cli::Trace;
use crate::say::Voice;
use crate::settings::Settings;

/// Runs the subcommand.
pub(crate) fn run(settings: &Settings, command: &Trace) -> Result<(), Refusal> {
    let typed = command.reference.join(" ");
    let reference = Reference::parse(&typed)
        .ok_or_else(|| Refusal::of(format!("{typed:?} is not a reference (K7QP-3MXD)")))?;
    let folder = &settings.journal.folder;
    let events = Journal::trace(folder, &reference)
        .map_err(|why| Refusal::of(format!("{}: {why}", folder.display())))?;
    if events.is_empty() {
        return Err(Refusal::of(format!(
            "no event of {} is in {} (kept {} days)",
            reference.as_str(),
            folder.display(),
            settings.journal.keep_days
        )));
    }
    let lines: Vec<String> = events.iter().map(told).collect();
    Voice::of(command.print.json).tell(&lines, &Value::Array(events));
    Ok(())
}

/// One event as a line: when, who, what, then the rest as it was written.
fn told(event: &Value) -> String {
    const FIRST: [&str; 4] = ["at", "service", "event", "v"];
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let field = |name: &str| event.get(name).map(text).unwrap_or_default();
    let mut line = format!(
        "{:<24} {:<7} {:<26}",
        field("at"),
        field("service"),
        field("event")
    );
    for (name, value) in event.as_object().into_iter().flatten() {
        if !FIRST.contains(&name.as_str()) {
            // Writing to a String never fails.
            write!(line, " {name}={}", quoted(&text(value))).ok();
        }
    }
    line
}

/// A value that could be mistaken for several, between quotes; control characters never reach the
/// terminal.
fn quoted(text: &str) -> String {
    if text.is_empty()
        || text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '"')
    {
        format!("{text:?}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::told;
    use serde_json::json;

    #[test]
    fn an_event_is_one_line_that_no_value_can_break() {
        let event = json!({
            "at": "2026-11-23T10:00:00.000Z", "service": "portal", "event": "sp.request.sent",
            "entity": "a b\n\u{1b}[31mfake", "n": 3,
        });
        let line = told(&event);
        assert!(line.starts_with("2026-11-23T10:00:00.000Z portal  sp.request.sent"));
        assert!(line.contains(r#"entity="a b\n\u{1b}[31mfake""#), "{line}");
        assert!(line.contains("n=3"));
        assert_eq!(line.lines().count(), 1);
    }
}
