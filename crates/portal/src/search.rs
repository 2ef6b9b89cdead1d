//! Finding an application by a few letters, whatever their accents and case.

use crate::catalogue::Application;

/// Longest search, characters: nobody types more, and everything is compared with it.
const LONGEST: usize = 80;

/// A search: every word of it must be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Search {
    /// As it was typed.
    pub(crate) text: String,
    words: Vec<String>,
}

impl Search {
    /// What was typed; nothing when nothing was.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text: String = text.trim().chars().take(LONGEST).collect();
        let words: Vec<String> = fold(&text).split_whitespace().map(str::to_owned).collect();
        (!words.is_empty()).then_some(Self { text, words })
    }

    /// Whether it finds the application: by its name, its id, its heading or its description, in
    /// either language.
    pub(crate) fn finds(&self, application: &Application) -> bool {
        let text = fold(&words_of(application));
        self.words.iter().all(|word| text.contains(word))
    }
}

/// Everything an application is found by.
pub(crate) fn words_of(application: &Application) -> String {
    [
        &application.nom,
        &application.id,
        &application.rubrique,
        &application.rubrique_en,
        &application.description,
        &application.description_en,
    ]
    .map(String::as_str)
    .join(" ")
}

/// Lower case, without the accents of French, apostrophes and dashes as spaces.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        match character {
            'à' | 'â' | 'ä' | 'á' | 'ã' => folded.push('a'),
            'ç' => folded.push('c'),
            'é' | 'è' | 'ê' | 'ë' => folded.push('e'),
            'î' | 'ï' | 'í' => folded.push('i'),
            'ô' | 'ö' | 'ó' | 'õ' => folded.push('o'),
            'ù' | 'û' | 'ü' | 'ú' => folded.push('u'),
            'ÿ' => folded.push('y'),
            'ñ' => folded.push('n'),
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            '\'' | '’' | '-' | '\u{a0}' | '\u{202f}' => folded.push(' '),
            // An accent written as a character of its own.
            '\u{300}'..='\u{36f}' => {}
            other => folded.push(other),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_case_and_apostrophes_do_not_count() {
        for (typed, folded) in [
            ("Éléa", "elea"),
            ("E\u{301}le\u{301}a", "elea"),
            ("ÉVALUATION", "evaluation"),
            ("l’école", "l ecole"),
            ("Sœur-Noël", "soeur noel"),
        ] {
            assert_eq!(fold(typed), folded, "{typed}");
        }
    }

    #[test]
    fn nothing_is_no_search_and_a_long_one_is_cut() {
        for nothing in ["", "  ", "\u{a0}", "-'"] {
            assert_eq!(Search::parse(nothing), None, "{nothing:?}");
        }
        let long = Search::parse(&"é".repeat(500)).unwrap();
        assert_eq!(long.text.chars().count(), LONGEST);
    }
}
