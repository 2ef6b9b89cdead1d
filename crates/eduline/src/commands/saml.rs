//! `eduline saml`: what can be said of a message, for whoever brings a service in.

use saml::Refusal as Broken;
use saml::examine::{Check, Examined, Known, Verdict, examine};
use serde_json::{Value, json};
use web::{Edge, Lang};

use super::{Refusal, registered};
use crate::cli::Saml;
use crate::house;
use crate::keyring::KeyRing;
use crate::say::Voice;
use crate::settings::Settings;

/// As much as a page takes: a message has at most 256 kB, its base64 a third more.
const LONGEST: u64 = 1 << 20;

/// Runs the subcommand.
pub(crate) fn run(settings: &Settings, command: &Saml) -> Result<(), Refusal> {
    let Saml::Decode { file, print } = command;
    let pasted = registered::text_of(settings, file, LONGEST)?;
    let known = house::known(settings, &KeyRing::of(settings))?;
    let known = Known {
        entity: &|id| known.entity(id).cloned(),
        now: Edge::system_clock()(),
        rules: &settings.rules,
        loopback_http: !settings.server.public_url.is_https(),
    };
    let seen = examine(&pasted, &known).map_err(|why| {
        let said = french(why.code());
        Refusal::of(format!("{} {said} [{why} ({})]", why.code(), why.clause()))
    })?;
    Voice::of(print.json).tell(&lines(&seen), &described(&seen));
    let is_broken = |check: &Check| matches!(check.verdict, Verdict::Fails(_));
    if seen.checks.iter().any(is_broken) {
        Err(Refusal(Vec::new()))
    } else {
        Ok(())
    }
}

/// What a code says, in French and in plain words: whoever reads it is in a school or a company of the
/// académie.
pub(crate) fn french(code: &str) -> String {
    said("saml", code)
}

fn said(table: &str, key: &str) -> String {
    let found = web::word(Lang::Fr, &format!("{table}.{key}"));
    found.unwrap_or_else(|| key.to_owned())
}

fn lines(seen: &Examined) -> Vec<String> {
    let wrapped = seen.wrapped.iter().map(|one| one.word());
    let wrapped = wrapped.collect::<Vec<_>>().join(" > ");
    let kind = said("viewer", &format!("decoder-kind-{}", seen.what.name()));
    let head = match wrapped.as_str() {
        "" => kind,
        wrapped => format!("{kind} [{wrapped}]"),
    };
    let rules = seen.checks.iter().flat_map(rule);
    let pretty = seen.pretty.lines().map(visible);
    let gap = || std::iter::once(String::new());
    std::iter::once(head)
        .chain(gap())
        .chain(pretty)
        .chain(gap())
        .chain(rules)
        .collect()
}

fn rule(check: &Check) -> Vec<String> {
    let mark = match check.verdict {
        Verdict::Holds => "✓",
        Verdict::Fails(_) => "✗",
        Verdict::Past(_) => "◷",
        Verdict::Unknown => "·",
    };
    let name = said("viewer", &format!("check-{}", check.name));
    let found = check.found.as_deref().filter(|found| !found.is_empty());
    let found = found.map_or_else(String::new, |found| format!(" : {}", visible(found)));
    let mut lines = vec![format!("{mark} {name}{found}  ({})", check.clause)];
    lines.extend(check.verdict.refusal().map(why));
    lines
}

fn why(broken: &Broken) -> String {
    let code = broken.code();
    format!(
        "    {} [{code} {}]",
        french(code),
        visible(&broken.to_string())
    )
}

/// What somebody else wrote never moves the cursor of a terminal.
pub(crate) fn visible(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

fn described(seen: &Examined) -> Value {
    let check = |check: &Check| {
        let refusal = check.verdict.refusal();
        json!({
            "name": check.name,
            "clause": check.clause,
            "verdict": check.verdict.word(),
            "found": check.found,
            "code": refusal.map(Broken::code),
            "reason": refusal.map(|why| french(why.code())),
            "detail": refusal.map(ToString::to_string),
        })
    };
    json!({
        "kind": seen.what.name(),
        "wrapped": seen.wrapped.iter().map(|one| one.word()).collect::<Vec<_>>(),
        "relay_state": seen.relay_state,
        "checks": seen.checks.iter().map(check).collect::<Vec<_>>(),
        "document": seen.pretty,
    })
}

#[cfg(test)]
mod tests {
    use saml::examine::{NAMES, What, Wrapping};

    use super::*;

    #[test]
    fn everything_that_can_be_said_has_words_in_both_languages() {
        let codes = Broken::CODES.iter().map(|(code, _)| format!("saml.{code}"));
        let names = NAMES.iter().map(|name| format!("viewer.check-{name}"));
        let words = Verdict::WORDS
            .iter()
            .map(|word| format!("viewer.verdict-{word}"));
        let wraps = Wrapping::WORDS
            .iter()
            .map(|word| format!("viewer.decoder-wrapped-{word}"));
        let kinds = [
            What::AuthnRequest,
            What::Response,
            What::LogoutRequest,
            What::LogoutResponse,
            What::Metadata,
            What::Other,
        ];
        let kinds = kinds
            .iter()
            .map(|what| format!("viewer.decoder-kind-{}", what.name()));
        for key in codes.chain(names).chain(words).chain(wraps).chain(kinds) {
            for lang in [Lang::Fr, Lang::En] {
                assert!(web::word(lang, &key).is_some(), "{key}");
            }
        }
    }

    #[test]
    fn a_line_is_one_line_whatever_a_message_says() {
        let check = Check {
            name: "issuer",
            clause: "SAML Core",
            verdict: Verdict::Unknown,
            found: Some("a\u{1b}[31m\nb".to_owned()),
        };
        let told = rule(&check).join("");
        assert!(!told.contains(['\u{1b}', '\n']), "{told:?}");
    }
}
