//! Words: `words/<lang>.toml`, flattened to keys, set in the typography of their language.

use std::collections::{BTreeMap, BTreeSet};

use crate::Lang;

/// The words of both languages.
#[derive(Debug, Default)]
pub(crate) struct Words {
    fr: BTreeMap<String, String>,
    en: BTreeMap<String, String>,
}

impl Words {
    /// Reads both files; every fault at once.
    pub(crate) fn parse(fr: &str, en: &str) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let mut read = |lang: Lang, text: &str| {
            let mut words = BTreeMap::new();
            match text.parse::<toml::Table>() {
                Ok(table) => flatten("", &table, &mut words, &mut |key| {
                    faults.push(format!("words/{}.toml: {key} is not a text", lang.as_str()));
                }),
                Err(why) => faults.push(format!("words/{}.toml: {why}", lang.as_str())),
            }
            words
        };
        let (french, english) = (read(Lang::Fr, fr), read(Lang::En, en));
        compare(&french, &english, &mut faults);
        if !faults.is_empty() {
            return Err(faults);
        }
        let set = |words: BTreeMap<String, String>, lang: Lang| {
            words
                .into_iter()
                .map(|(key, text)| (key, typeset(&text, lang)))
                .collect()
        };
        Ok(Self {
            fr: set(french, Lang::Fr),
            en: set(english, Lang::En),
        })
    }

    /// The text of a key.
    pub(crate) fn find(&self, lang: Lang, key: &str) -> Option<&str> {
        let words = match lang {
            Lang::Fr => &self.fr,
            Lang::En => &self.en,
        };
        words.get(key).map(String::as_str)
    }

    /// The text of a key, `tu` form first when the page addresses a pupil.
    pub(crate) fn say(&self, lang: Lang, tutoie: bool, key: &str) -> Option<&str> {
        tutoie
            .then(|| self.find(lang, &format!("{key}.tu")))
            .flatten()
            .or_else(|| self.find(lang, key))
    }
}

fn flatten(
    before: &str,
    table: &toml::Table,
    words: &mut BTreeMap<String, String>,
    not_a_text: &mut impl FnMut(&str),
) {
    for (name, value) in table {
        let key = if before.is_empty() {
            name.clone()
        } else {
            format!("{before}.{name}")
        };
        match value {
            toml::Value::String(text) => {
                words.insert(key, text.clone());
            }
            toml::Value::Table(inner) => flatten(&key, inner, words, not_a_text),
            _ => not_a_text(&key),
        }
    }
}

/// Both languages hold the same keys and the same placeholders. English has no "tu".
fn compare(fr: &BTreeMap<String, String>, en: &BTreeMap<String, String>, faults: &mut Vec<String>) {
    for (key, text) in fr {
        match en.get(key) {
            None if key.ends_with(".tu") => {}
            None => faults.push(format!("words/en.toml: {key} is missing")),
            Some(english) if placeholders(english) != placeholders(text) => {
                faults.push(format!(
                    "words: {key} has other {{placeholders}} in English than in French"
                ));
            }
            Some(_) => {}
        }
    }
    for key in en.keys().filter(|key| !fr.contains_key(*key)) {
        faults.push(format!("words/fr.toml: {key} is missing"));
    }
}

fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}'))
        .map(|(name, _)| name)
        .collect()
}

/// Apostrophes are curly; in French, `; ! ?` take a narrow no-break space before them, `:` and the
/// inside of « » a no-break space (Imprimerie nationale).
fn typeset(text: &str, lang: Lang) -> String {
    let text = text.replace('\'', "\u{2019}");
    if lang == Lang::En {
        return text;
    }
    text.replace(" ;", "\u{202f};")
        .replace(" !", "\u{202f}!")
        .replace(" ?", "\u{202f}?")
        .replace(" :", "\u{a0}:")
        .replace("« ", "«\u{a0}")
        .replace(" »", "\u{a0}»")
}

/// Fills in `{name}` placeholders.
pub(crate) fn fill<'a>(
    text: &str,
    value: impl Fn(&str) -> Option<std::borrow::Cow<'a, str>>,
) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, then)) = after.split_once('}') else {
            return Err(format!("a brace is not closed in {text:?}"));
        };
        out.push_str(&value(name).ok_or_else(|| format!("{{{name}}} is not given"))?);
        rest = then;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_flattened_and_typeset() {
        let words = Words::parse(
            "[a]\nb = \"C'est où ? « là »\"\n\"b.tu\" = \"Tu\"\n[a.c]\ntitle = \"{n} fois\"",
            "[a]\nb = \"It's there?\"\n[a.c]\ntitle = \"{n} times\"",
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
    }

    #[test]
    fn every_fault_is_found_at_once() {
        let faults = Words::parse(
            "[a]\nb = 1\nc = \"{x}\"\nd = \"\"",
            "[a]\nc = \"{y}\"\ne = \"\"",
        )
        .unwrap_err();
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert!(Words::parse("[", "").is_err());
    }

    #[test]
    fn placeholders_are_filled_or_refused() {
        let value = |name: &str| (name == "n").then(|| "3".into());
        assert_eq!(fill("{n} fois {n}", value).unwrap(), "3 fois 3");
        assert!(fill("{m}", value).is_err());
        assert!(fill("{n", value).is_err());
    }
}
