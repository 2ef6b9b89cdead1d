use super::*;

fn file(lang: Lang, text: &str) -> WordFile {
    WordFile {
        lang,
        shown: format!("{}.toml", lang.as_str()),
        text: text.to_owned(),
    }
}

fn parse(fr: &str, en: &str, theme: &[(Lang, &str)]) -> Result<Words, Vec<String>> {
    let theme: Vec<WordFile> = theme
        .iter()
        .map(|(lang, text)| WordFile {
            shown: "theme.toml".to_owned(),
            ..file(*lang, text)
        })
        .collect();
    match Words::gather(&[file(Lang::Fr, fr), file(Lang::En, en)], &theme) {
        (words, faults) if faults.is_empty() => Ok(words),
        (_, faults) => Err(faults),
    }
}

#[test]
fn words_are_flattened_and_typeset() {
    let words = parse(
        "[a]\nb = \"C'est où ? « là »\"\n\"b.tu\" = \"Tu\"\n[a.c]\ntitle = \"{n} fois\"",
        "[a]\nb = \"It's there?\"\n[a.c]\ntitle = \"{n} times\"",
        &[],
    )
    .unwrap();
    assert_eq!(
        words.find(Lang::Fr, "a.b"),
        Some("C’est où\u{202f}? «\u{a0}là\u{a0}»")
    );
    assert_eq!(words.find(Lang::En, "a.b"), Some("It’s there?"));
    assert_eq!(words.say(Lang::Fr, true, "a.b"), Some("Tu"));
    assert_eq!(words.say(Lang::En, true, "a.b"), Some("It’s there?"));
    assert_eq!(words.find(Lang::Fr, "a.none"), None);
    assert!(words.any_begins("a.") && !words.any_begins("b"));
}

#[test]
fn every_fault_is_found_at_once_with_its_line() {
    let faults = parse(
        "[a]\nb = 1\nc = \"{x}\"\nd = \"\"\nf = \"{\"\n\"g.tu\" = \"\"\n\"c.tu\" = \"\"",
        "[a]\nc = \"{y}\"\ne = \"\"",
        &[],
    )
    .unwrap_err();
    for expected in [
        "fr.toml:2: a.b is not a text",
        "fr.toml:4: a.d has no English",
        "fr.toml:5: a.f has a brace without its other half",
        "fr.toml:6: a.g.tu stands without a.g",
        "fr.toml:7: a.c.tu has other {placeholders} than a.c (fr.toml:3)",
        "en.toml:2: a.c has other {placeholders} than the French (fr.toml:3)",
        "en.toml:3: a.e has no French",
    ] {
        assert!(
            faults.iter().any(|fault| fault == expected),
            "{expected}: {faults:#?}"
        );
    }
    assert_eq!(faults.len(), 7, "{faults:#?}");
    let faults = parse("[a]\nb = \"1\"\nb = \"2\"\n[", "[a]\nb = \"1\"", &[]).unwrap_err();
    assert!(
        faults.iter().any(|fault| fault.starts_with("fr.toml:3:")),
        "{faults:#?}"
    );
    assert!(
        faults.iter().any(|fault| fault.starts_with("fr.toml:4:")),
        "{faults:#?}"
    );
}

#[test]
fn a_theme_changes_the_words_it_names_and_no_other() {
    let (fr, en) = (
        "[a]\nb = \"{n} un\"\nc = \"deux\"",
        "[a]\nb = \"{n} one\"\nc = \"two\"",
    );
    let words = parse(
        fr,
        en,
        &[(Lang::Fr, "[a]\nc = \"douze\"\n\"c.tu\" = \"toi\"")],
    )
    .unwrap();
    assert_eq!(words.find(Lang::Fr, "a.c"), Some("douze"));
    assert_eq!(words.say(Lang::Fr, true, "a.c"), Some("toi"));
    assert_eq!(words.find(Lang::Fr, "a.b"), Some("{n} un"));
    assert_eq!(words.find(Lang::En, "a.c"), Some("two"));
    let faults = parse(fr, en, &[(Lang::En, "[a]\nd = \"three\"\nb = \"one\"")]).unwrap_err();
    assert!(
        faults.iter().any(|f| f == "theme.toml:2: no page says a.d"),
        "{faults:#?}"
    );
    assert!(
        faults
            .iter()
            .any(|f| f.starts_with("theme.toml:3: a.b has other {placeholders}")),
        "{faults:#?}"
    );
}

#[test]
fn placeholders_are_filled_or_refused() {
    let value = |name: &str| (name == "n").then(|| "3".into());
    assert_eq!(fill("{n} fois {n}", value).unwrap(), "3 fois 3");
    assert!(fill("{m}", value).is_err());
    assert!(fill("{n", value).is_err());
}
