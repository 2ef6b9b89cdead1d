//! Words: `words/<lang>.toml`, flattened to keys, set in the typography of their language.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::Lang;

/// A word file: whose words, what faults call it, and what it says.
pub(crate) struct WordFile {
    pub(crate) lang: Lang,
    pub(crate) shown: String,
    pub(crate) text: String,
}

/// The words of both languages.
#[derive(Debug, Default)]
pub(crate) struct Words {
    fr: Table,
    en: Table,
}

type Table = BTreeMap<String, Word>;

#[derive(Debug)]
struct Word {
    text: String,
    /// `<file>:<line>`.
    place: String,
}

impl Words {
    /// Reads our own files, then the theme's, whose words take the place of ours one by one: what can be
    /// said, and every fault of the rest.
    pub(crate) fn gather(own: &[WordFile], theme: &[WordFile]) -> (Self, Vec<String>) {
        let mut faults = Vec::new();
        let mut words = Self::default();
        for file in own {
            let found = read(file, &mut faults);
            words.table_mut(file.lang).extend(found);
        }
        for file in theme {
            for (key, word) in read(file, &mut faults) {
                let base = key.strip_suffix(".tu").unwrap_or(&key);
                if words.find(file.lang, base).is_some() {
                    words.table_mut(file.lang).insert(key, word);
                } else {
                    faults.push(format!("{}: no page says {key}", word.place));
                }
            }
        }
        words.compare(&mut faults);
        for lang in [Lang::Fr, Lang::En] {
            for word in words.table_mut(lang).values_mut() {
                word.text = typeset(&word.text, lang);
            }
        }
        (words, faults)
    }

    /// The text of a key.
    pub(crate) fn find(&self, lang: Lang, key: &str) -> Option<&str> {
        self.table(lang).get(key).map(|word| word.text.as_str())
    }

    /// The text of a key, `tu` form first when the page addresses a pupil.
    pub(crate) fn say(&self, lang: Lang, tutoie: bool, key: &str) -> Option<&str> {
        tutoie
            .then(|| self.find(lang, &format!("{key}.tu")))
            .flatten()
            .or_else(|| self.find(lang, key))
    }

    /// Whether some key begins so, in both languages.
    pub(crate) fn any_begins(&self, start: &str) -> bool {
        [&self.fr, &self.en].into_iter().all(|table| {
            let from = table.range(start.to_owned()..).next();
            from.is_some_and(|(key, _)| key.starts_with(start))
        })
    }

    fn table(&self, lang: Lang) -> &Table {
        match lang {
            Lang::Fr => &self.fr,
            Lang::En => &self.en,
        }
    }

    fn table_mut(&mut self, lang: Lang) -> &mut Table {
        match lang {
            Lang::Fr => &mut self.fr,
            Lang::En => &mut self.en,
        }
    }

    /// Both languages hold the same keys, and a key the same placeholders wherever it is said.
    /// English has no "tu".
    fn compare(&self, faults: &mut Vec<String>) {
        for (key, word) in &self.fr {
            match (self.en.get(key), key.strip_suffix(".tu")) {
                (None, None) => faults.push(format!("{}: {key} has no English", word.place)),
                (None, Some(base)) => self.compare_address(key, base, word, faults),
                (Some(english), _) if english.placeholders() != word.placeholders() => {
                    faults.push(format!(
                        "{}: {key} has other {{placeholders}} than the French ({})",
                        english.place, word.place
                    ));
                }
                (Some(_), _) => {}
            }
        }
        for (key, word) in &self.en {
            if !self.fr.contains_key(key) {
                faults.push(format!("{}: {key} has no French", word.place));
            }
        }
    }

    fn compare_address(&self, key: &str, base: &str, word: &Word, faults: &mut Vec<String>) {
        match self.fr.get(base) {
            None => faults.push(format!("{}: {key} stands without {base}", word.place)),
            Some(formal) if formal.placeholders() != word.placeholders() => faults.push(format!(
                "{}: {key} has other {{placeholders}} than {base} ({})",
                word.place, formal.place
            )),
            Some(_) => {}
        }
    }
}

impl Word {
    fn placeholders(&self) -> BTreeSet<&str> {
        self.text
            .split('{')
            .skip(1)
            .filter_map(|part| part.split_once('}'))
            .map(|(name, _)| name)
            .collect()
    }
}

fn read(file: &WordFile, faults: &mut Vec<String>) -> Table {
    let place = |at: usize| format!("{}:{}", file.shown, line_of(&file.text, at));
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        faults.push(format!("{}: {}", place(at), error.message()));
    }
    let mut words = Table::new();
    flatten("", table.get_ref(), &mut |key, value| {
        let place = place(value.span().start);
        match value.get_ref() {
            DeValue::String(text) if text.matches('{').count() != text.matches('}').count() => {
                faults.push(format!("{place}: {key} has a brace without its other half"));
            }
            DeValue::String(text) => {
                let text = text.clone().into_owned();
                words.insert(key, Word { text, place });
            }
            _ => faults.push(format!("{place}: {key} is not a text")),
        }
    });
    words
}

fn flatten(
    before: &str,
    table: &DeTable<'_>,
    found: &mut impl FnMut(String, &Spanned<DeValue<'_>>),
) {
    for (name, value) in table {
        let name = name.get_ref();
        let key = if before.is_empty() {
            name.clone().into_owned()
        } else {
            format!("{before}.{name}")
        };
        match value.get_ref() {
            DeValue::Table(inner) => flatten(&key, inner, found),
            _ => found(key, value),
        }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.matches('\n').count() + 1
}

/// The typography of every sentence that is shown: apostrophes are curly; in French, `; ! ?` take a
/// narrow no-break space before them, `:` and the inside of « » a no-break space (Imprimerie
/// nationale).
pub fn typeset(text: &str, lang: Lang) -> String {
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
    value: impl Fn(&str) -> Option<Cow<'a, str>>,
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
mod tests;
