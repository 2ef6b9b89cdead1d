//! Words as they are compared: without case, accents and punctuation.

/// Longest text that is looked at, characters: a name, not a novel.
const LONGEST: usize = 512;
/// Longest word that is kept, bytes.
pub(crate) const LONGEST_WORD: usize = 48;

/// What each letter without its accent stands for.
const PLAIN: &[(&str, &str)] = &[
    ("a", "àáâãäåāăąǎ"),
    ("ae", "æ"),
    ("c", "çćĉċč"),
    ("d", "ďđð"),
    ("e", "èéêëēĕėęě"),
    ("g", "ĝğġģ"),
    ("h", "ĥħ"),
    ("i", "ìíîïĩīĭįı"),
    ("j", "ĵ"),
    ("k", "ķ"),
    ("l", "ĺļľŀł"),
    ("n", "ñńņňŋ"),
    ("o", "òóôõöøōŏő"),
    ("oe", "œ"),
    ("r", "ŕŗř"),
    ("s", "śŝşšș"),
    ("ss", "ß"),
    ("t", "ţťŧț"),
    ("th", "þ"),
    ("u", "ùúûüũūŭůűų"),
    ("w", "ŵ"),
    ("y", "ýÿŷ"),
    ("z", "źżž"),
];

/// The words of a text: letters and figures part from each other ("Lyon2" is "lyon" and "2"), and
/// everything else only parts.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut figures = false;
    let letters = text.chars().take(LONGEST).flat_map(char::to_lowercase);
    for letter in letters {
        // What a decomposed accent leaves (NFD).
        if ('\u{300}'..='\u{36f}').contains(&letter) {
            continue;
        }
        let is_figure = letter.is_numeric();
        if !letter.is_alphanumeric() || (is_figure != figures && !word.is_empty()) {
            keep(&mut words, &mut word);
        }
        if letter.is_alphanumeric() {
            figures = is_figure;
            push(&mut word, letter);
        }
    }
    keep(&mut words, &mut word);
    words
}

fn keep(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

fn push(word: &mut String, letter: char) {
    if word.len() >= LONGEST_WORD {
        return;
    }
    let plain = PLAIN.iter().find(|(_, marked)| marked.contains(letter));
    match plain.filter(|_| !letter.is_ascii()) {
        Some((plain, _)) => word.push_str(plain),
        None => word.push(letter),
    }
}

/// Words that say nothing of whom they name, in the languages names are written in here.
pub(crate) fn is_small(word: &str) -> bool {
    matches!(
        word,
        "a" | "an"
            | "and"
            | "au"
            | "aux"
            | "d"
            | "de"
            | "der"
            | "des"
            | "di"
            | "du"
            | "en"
            | "et"
            | "for"
            | "in"
            | "l"
            | "la"
            | "le"
            | "les"
            | "of"
            | "sur"
            | "the"
            | "und"
            | "y"
    )
}

/// What else a word is written as: abbreviations and the names people use for the thing.
pub(crate) fn others(word: &str) -> &'static [&'static str] {
    match word {
        "st" => &["saint"],
        "ste" => &["sainte"],
        "clg" => &["college"],
        "dept" | "dpt" => &["departement"],
        "fac" | "university" => &["universite"],
        "universite" => &["university"],
        "mairie" => &["ville", "commune"],
        "rectorat" => &["academie"],
        _ => &[],
    }
}

/// The number a Roman numeral says, as universities are numbered; I, V and X are letters first.
pub(crate) fn figure(word: &str) -> Option<&'static str> {
    Some(match word {
        "ii" => "2",
        "iii" => "3",
        "iv" => "4",
        "vi" => "6",
        "vii" => "7",
        "viii" => "8",
        "ix" => "9",
        "xi" => "11",
        "xii" => "12",
        "xiii" => "13",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_no_case_no_accent_and_no_sign() {
        for (text, expected) in [
            ("Université Lumière – LYON 2", "universite lumiere lyon 2"),
            ("univ-lyon2.fr", "univ lyon 2 fr"),
            ("l'École d’Œnologie", "l ecole d oenologie"),
            ("Universite\u{301}", "universite"),
            ("Łódź, Åbo, Straße", "lodz abo strasse"),
            ("Πανεπιστήμιο 東京大学", "πανεπιστήμιο 東京大学"),
            ("  --  ", ""),
            ("", ""),
        ] {
            assert_eq!(words(text).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let long = words(&"é".repeat(100_000));
        assert_eq!(long.len(), 1);
        assert!(long.first().is_some_and(|word| word.len() <= LONGEST_WORD));
    }
}
