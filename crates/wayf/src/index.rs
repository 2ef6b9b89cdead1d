//! An index of who may be chosen: every name in every language, keywords, and domains (D09).
//!
//! # Invariants
//!
//! * Immutable: it is made anew when the federation changes, and readers keep the one they have.
//! * A search costs no more than one look at every word and every entry, whatever is typed.
//! * All terms must be found (AND). Slips of the finger are forgiven only where nothing is found as
//!   it was typed.

pub(crate) mod fold;
mod near;

use std::collections::BTreeMap;

use federation::Listing;

/// Most terms of a search; what is typed after them is not looked at.
const MOST_TERMS: usize = 8;
/// Longest search, characters.
const LONGEST_SEARCH: usize = 120;
/// Most words kept of one entry: metadata with ten thousand keywords spoils nobody's search.
const MOST_WORDS: usize = 96;

/// What is known of one entry.
#[derive(Debug, Clone, Copy, Default)]
pub struct Described<'a> {
    /// Its names, in any language.
    pub names: &'a [&'a str],
    /// What else it is called.
    pub keywords: &'a [&'a str],
    /// The domains of its people.
    pub domains: &'a [&'a str],
    /// The host of its name in the federation.
    pub host: &'a str,
}

/// The index. Entries are known by their place in the list it was made of.
#[derive(Debug, Default)]
pub struct Index {
    /// Every word, in order, one after the other.
    text: String,
    words: Vec<Word>,
    /// Who has a word, and how much it counts for them.
    places: Vec<(u32, u8)>,
    /// The names, as they are compared with the whole of what was typed.
    names: Vec<Box<str>>,
}

#[derive(Debug)]
struct Word {
    start: usize,
    end: usize,
    letters: u64,
    first: usize,
    last: usize,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// How many there are.
    pub total: usize,
    /// The best of them, the best first.
    pub best: Vec<usize>,
}

/// What a word counts for, by where it stands.
const NAME: u8 = 8;
const INITIALS: u8 = 7;
const DOMAIN: u8 = 5;
const KEYWORD: u8 = 4;
const HOST: u8 = 2;

impl Index {
    /// An index of entities by what their metadata says: names, keywords, scopes and `mdui:DomainHint`.
    pub fn of_listings<'a>(listings: impl IntoIterator<Item = &'a Listing>) -> Self {
        let texts: Vec<([Vec<&str>; 3], &str)> = listings
            .into_iter()
            .map(|listing| {
                let names = listing.names.iter().map(|name| &*name.text);
                let keywords = listing.keywords.iter().map(|word| &*word.text);
                let scopes = listing.scopes.iter().map(|scope| &**scope);
                let hints = listing.hints.domains.iter().map(String::as_str);
                let domains = scopes.chain(hints);
                let described = [names.collect(), keywords.collect(), domains.collect()];
                (described, host(listing.id.as_str()))
            })
            .collect();
        Self::of(
            texts
                .iter()
                .map(|([names, keywords, domains], host)| Described {
                    names,
                    keywords,
                    domains,
                    host,
                }),
        )
    }

    /// An index of these entries.
    pub fn of<'a>(entries: impl IntoIterator<Item = Described<'a>>) -> Self {
        let mut vocabulary: BTreeMap<String, Vec<(u32, u8)>> = BTreeMap::new();
        let mut names = Vec::new();
        for (number, entry) in (0_u32..).zip(entries) {
            for (word, weight) in weighed(&entry) {
                vocabulary.entry(word).or_default().push((number, weight));
            }
            let folded = entry.names.iter().map(|name| fold::words(name).join(" "));
            names.push(folded.collect::<Vec<_>>().join("\n").into_boxed_str());
        }
        let mut index = Self {
            names,
            ..Self::default()
        };
        for (word, places) in vocabulary {
            let (start, first) = (index.text.len(), index.places.len());
            index.text.push_str(&word);
            index.places.extend(places);
            index.words.push(Word {
                start,
                end: index.text.len(),
                letters: near::letters(&word),
                first,
                last: index.places.len(),
            });
        }
        index.text.shrink_to_fit();
        index.words.shrink_to_fit();
        index.places.shrink_to_fit();
        index
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// What it takes in memory, bytes.
    pub fn size(&self) -> usize {
        let names: usize = self.names.iter().map(|name| name.len()).sum();
        self.text.capacity()
            + self.words.capacity() * size_of::<Word>()
            + self.places.capacity() * size_of::<(u32, u8)>()
            + self.names.capacity() * size_of::<Box<str>>()
            + names
    }

    /// The entries that have every term of `query` and that `admits` lets pass, at most `most`.
    /// Nothing is found where nothing is asked.
    pub fn search(&self, query: &str, most: usize, admits: impl Fn(usize) -> bool) -> Found {
        let query: String = query.chars().take(LONGEST_SEARCH).collect();
        let typed = fold::words(&query);
        let telling = typed.iter().filter(|word| !fold::is_small(word));
        let mut terms: Vec<&str> = telling.map(String::as_str).take(MOST_TERMS).collect();
        if terms.is_empty() {
            terms = typed.iter().map(String::as_str).take(MOST_TERMS).collect();
        }
        if terms.is_empty() {
            return Found::default();
        }
        let whole = typed.join(" ");
        let mut found = self.all_of(&terms, false);
        found.retain(|(entry, _)| admits(*entry));
        if found.is_empty() {
            found = self.all_of(&terms, true);
            found.retain(|(entry, _)| admits(*entry));
        }
        for (entry, score) in &mut found {
            *score += self.fit(*entry, &whole);
        }
        let total = found.len();
        let better = |a: &(usize, u32), b: &(usize, u32)| {
            let length = |entry: usize| self.names.get(entry).map_or(0, |name| name.len());
            let by_length = || length(a.0).cmp(&length(b.0));
            b.1.cmp(&a.1).then_with(by_length).then(a.0.cmp(&b.0))
        };
        if most > 0 && total > most {
            found.select_nth_unstable_by(most - 1, better);
            found.truncate(most);
        }
        found.sort_unstable_by(better);
        found.truncate(most);
        Found {
            total,
            best: found.into_iter().map(|(entry, _)| entry).collect(),
        }
    }

    /// What an entry gains for how well one of its names fits everything that was typed.
    fn fit(&self, entry: usize, whole: &str) -> u32 {
        let names = self.names.get(entry).map_or("", |names| names);
        let fits = names
            .split('\n')
            .map(|name| match name.strip_prefix(whole) {
                Some("") => 200,
                Some(rest) if rest.starts_with(' ') => 60,
                Some(_) => 12,
                None => 0,
            });
        fits.max().unwrap_or(0)
    }

    /// The entries that have every term, with what that is worth.
    fn all_of(&self, terms: &[&str], forgiving: bool) -> Vec<(usize, u32)> {
        let mut board = Board::of(self.names.len());
        for term in terms {
            self.mark(term, 3, &mut board);
            for other in fold::others(term) {
                self.mark(other, 2, &mut board);
            }
            if forgiving {
                self.mark_near(term, &mut board);
            }
            board.next();
        }
        board.standing()
    }

    /// Marks who has a word that begins with `term`; the whole word counts for more.
    fn mark(&self, term: &str, worth: u32, board: &mut Board) {
        let from = self.words.partition_point(|word| self.word(word) < term);
        for word in self.words.iter().skip(from) {
            let Some(rest) = self.word(word).strip_prefix(term) else {
                break;
            };
            let worth = if rest.is_empty() { worth * 2 } else { worth };
            board.mark(self.places_of(word), worth);
        }
    }

    fn mark_near(&self, term: &str, board: &mut Board) {
        let most = near::forgiven(term.chars().count());
        if most == 0 {
            return;
        }
        let letters = near::letters(term);
        for word in &self.words {
            let missing = (letters & !word.letters).count_ones();
            // A letter outside ASCII is several bytes, and so several bits.
            if usize::try_from(missing).is_ok_and(|missing| missing > most * 2) {
                continue;
            }
            if near::distance(term, self.word(word), most).is_some() {
                board.mark(self.places_of(word), 1);
            }
        }
    }

    fn word(&self, word: &Word) -> &str {
        self.text.get(word.start..word.end).unwrap_or_default()
    }

    fn places_of(&self, word: &Word) -> &[(u32, u8)] {
        self.places.get(word.first..word.last).unwrap_or_default()
    }
}

/// The words of one entry, each with the most it counts for.
fn weighed(entry: &Described<'_>) -> BTreeMap<String, u8> {
    let mut words: BTreeMap<String, u8> = BTreeMap::new();
    let mut keep = |word: String, weight: u8| {
        let known = words.len();
        if known < MOST_WORDS || words.contains_key(&word) {
            let kept = words.entry(word).or_default();
            *kept = weight.max(*kept);
        }
    };
    let fields = [
        (entry.names, NAME),
        (entry.domains, DOMAIN),
        (entry.keywords, KEYWORD),
        (std::slice::from_ref(&entry.host), HOST),
    ];
    for (texts, weight) in fields {
        for text in texts {
            let folded = fold::words(text);
            if weight == NAME
                && let Some(initials) = initials(&folded)
            {
                keep(initials, INITIALS);
            }
            for word in folded {
                let more = fold::others(&word)
                    .iter()
                    .copied()
                    .chain(fold::figure(&word));
                for other in more {
                    keep(other.to_owned(), weight - 1);
                }
                keep(word, weight);
            }
        }
    }
    words
}

/// "uvsq", as people call a name of three telling words or more.
fn initials(words: &[String]) -> Option<String> {
    let telling = words.iter().filter(|word| !fold::is_small(word));
    let initials: String = telling.filter_map(|word| word.chars().next()).collect();
    (initials.chars().count() >= 3).then_some(initials)
}

/// Who still stands after each term.
struct Board {
    /// Terms so far.
    terms: u32,
    /// By entry: terms it has, what they are worth, and what the term at hand is worth.
    entries: Vec<(u32, u32, u32)>,
    touched: Vec<u32>,
}

impl Board {
    fn of(entries: usize) -> Self {
        Self {
            terms: 0,
            entries: vec![(0, 0, 0); entries],
            touched: Vec::new(),
        }
    }

    fn mark(&mut self, places: &[(u32, u8)], worth: u32) {
        for (number, weight) in places {
            let Some(entry) = at(&mut self.entries, *number) else {
                continue;
            };
            if entry.0 == self.terms {
                if entry.2 == 0 {
                    self.touched.push(*number);
                }
                entry.2 = entry.2.max(u32::from(*weight) * worth);
            }
        }
    }

    fn next(&mut self) {
        self.terms += 1;
        for number in self.touched.drain(..) {
            if let Some(entry) = at(&mut self.entries, number) {
                *entry = (self.terms, entry.1 + entry.2, 0);
            }
        }
    }

    fn standing(self) -> Vec<(usize, u32)> {
        let entries = self.entries.into_iter().enumerate();
        entries
            .filter(|(_, entry)| entry.0 == self.terms)
            .map(|(number, entry)| (number, entry.1))
            .collect()
    }
}

fn at(entries: &mut [(u32, u32, u32)], number: u32) -> Option<&mut (u32, u32, u32)> {
    entries.get_mut(usize::try_from(number).ok()?)
}

/// The host of an entityID.
pub(crate) fn host(id: &str) -> &str {
    let rest = id.split_once("://").map_or(id, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

#[cfg(test)]
mod tests;
