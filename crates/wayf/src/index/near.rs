//! How far a slip of the finger is from what was meant.

/// How many slips are forgiven in a word of so many letters: none where another word is near.
pub(crate) fn forgiven(letters: usize) -> usize {
    match letters {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

/// Which letters a word has, one bit each: words that differ by more letters than slips are
/// forgiven need no closer look.
pub(crate) fn letters(word: &str) -> u64 {
    word.bytes()
        .fold(0, |bits, byte| bits | 1_u64 << (byte % 64))
}

/// How many slips part `typed` from the beginning of `word`: a letter more, less or other, or two
/// in the wrong order (optimal string alignment); `None`: more than `most`.
pub(crate) fn distance(typed: &str, word: &str, most: usize) -> Option<usize> {
    let typed: Vec<char> = typed.chars().collect();
    // Nothing further on can belong to what was typed so far.
    let word: Vec<char> = word.chars().take(typed.len() + most).collect();
    if word.len() + most < typed.len() {
        return None;
    }
    let mut above: Vec<usize> = Vec::new();
    let mut before: Vec<usize> = (0..=word.len()).collect();
    for (row, letter) in typed.iter().enumerate() {
        let mut line = Vec::with_capacity(before.len());
        line.push(row + 1);
        for (column, other) in word.iter().enumerate() {
            let at = |line: &[usize], at: usize| line.get(at).copied().unwrap_or(usize::MAX);
            let slip = usize::from(letter != other);
            let mut least = at(&before, column).saturating_add(slip);
            least = least.min(at(&before, column + 1).saturating_add(1));
            least = least.min(at(&line, column).saturating_add(1));
            let swapped = row > 0
                && column > 0
                && typed.get(row - 1) == Some(other)
                && word.get(column - 1) == Some(letter);
            if swapped {
                least = least.min(at(&above, column - 1).saturating_add(1));
            }
            line.push(least);
        }
        if line.iter().min().is_none_or(|least| *least > most) {
            return None;
        }
        above = std::mem::replace(&mut before, line);
    }
    before.into_iter().min().filter(|least| *least <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted_up_to_the_end_of_what_was_typed() {
        for (typed, word, slips) in [
            ("lille", "lille", Some(0)),
            ("lile", "lille", Some(1)),
            ("lillle", "lille", Some(1)),
            ("lilel", "lille", Some(1)),
            ("toulouze", "toulouse", Some(1)),
            ("univercit", "universite", Some(1)),
            ("uinversite", "universite", Some(1)),
            ("grenobel", "grenoble", Some(1)),
            ("bordo", "bordeaux", Some(1)),
            ("marsielle", "marseille", Some(1)),
            ("paris", "lille", None),
            ("lilleeee", "lille", None),
        ] {
            assert_eq!(distance(typed, word, 1), slips, "{typed} {word}");
        }
        assert_eq!(distance("starsbourgh", "strasbourg", 2), Some(2));
        assert_eq!(distance("", "lille", 1), Some(0));
    }

    #[test]
    fn short_words_are_taken_as_they_are() {
        assert_eq!([2, 3, 4, 7, 8, 40].map(forgiven), [0, 0, 1, 1, 2, 2]);
    }
}
