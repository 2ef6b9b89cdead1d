//! What people type, and whom they mean.

use super::*;

/// Names parted by `|`, keywords, domains.
const ORGANISATIONS: &[(&str, &str, &str)] = &[
    (
        "Université Lumière Lyon 2|Lumière University Lyon 2",
        "psychologie",
        "univ-lyon2.fr",
    ),
    ("Université Claude Bernard Lyon 1", "", "univ-lyon1.fr"),
    ("Université Jean Moulin Lyon III", "", "univ-lyon3.fr"),
    ("Académie de Lille", "rectorat nord", "ac-lille.fr"),
    ("Académie de Lyon", "rectorat rhone", "ac-lyon.fr"),
    (
        "Université de Lille|University of Lille",
        "ulille",
        "univ-lille.fr",
    ),
    (
        "Centrale Lille Institut",
        "école d'ingénieurs",
        "centralelille.fr",
    ),
    (
        "Université de Versailles Saint-Quentin-en-Yvelines",
        "",
        "uvsq.fr",
    ),
    (
        "Université Jean Monnet Saint-Étienne",
        "",
        "univ-st-etienne.fr",
    ),
    (
        "École nationale supérieure d'arts et métiers",
        "ensam",
        "ensam.eu",
    ),
    ("Ville de Lille", "", "mairie-lille.fr"),
    (
        "Université Toulouse - Jean Jaurès",
        "mirail",
        "univ-tlse2.fr",
    ),
    (
        "Rheinische Friedrich-Wilhelms-Universität Bonn|University of Bonn",
        "",
        "uni-bonn.de",
    ),
    ("Lillebonne Formation", "", "lillebonne.example"),
];

fn index() -> Index {
    let owned: Vec<[Vec<&str>; 3]> = ORGANISATIONS
        .iter()
        .map(|(names, keywords, domains)| {
            [
                names.split('|').collect(),
                keywords.split(' ').collect(),
                vec![*domains],
            ]
        })
        .collect();
    Index::of(owned.iter().map(|[names, keywords, domains]| Described {
        names,
        keywords,
        domains,
        host: "",
    }))
}

fn found(query: &str) -> Vec<&'static str> {
    let found = index().search(query, 20, |_| true);
    let best: Vec<_> = found
        .best
        .iter()
        .map(|at| ORGANISATIONS[*at].0.split('|').next().unwrap())
        .collect();
    assert_eq!(best.len(), found.total);
    best
}

#[test]
fn everyone_is_found_by_what_they_are_called() {
    for (query, first) in [
        ("univ lyon 2", "Université Lumière Lyon 2"),
        ("LYON2", "Université Lumière Lyon 2"),
        ("lyon 3", "Université Jean Moulin Lyon III"),
        ("ac lille", "Académie de Lille"),
        ("ac-lille.fr", "Académie de Lille"),
        ("rectorat de lille", "Académie de Lille"),
        ("lille", "Ville de Lille"),
        ("universite de lille", "Université de Lille"),
        ("university lille", "Université de Lille"),
        ("UVSQ", "Université de Versailles Saint-Quentin-en-Yvelines"),
        (
            "st quentin",
            "Université de Versailles Saint-Quentin-en-Yvelines",
        ),
        ("st etienne", "Université Jean Monnet Saint-Étienne"),
        ("saint étienne", "Université Jean Monnet Saint-Étienne"),
        (
            "arts metiers",
            "École nationale supérieure d'arts et métiers",
        ),
        ("mairie de lille", "Ville de Lille"),
        ("mirail", "Université Toulouse - Jean Jaurès"),
        ("bonn", "Rheinische Friedrich-Wilhelms-Universität Bonn"),
    ] {
        assert_eq!(
            found(query).first(),
            Some(&first),
            "{query}: {:?}",
            found(query)
        );
    }
}

#[test]
fn slips_are_forgiven_where_nothing_else_is_found() {
    for (query, first) in [
        ("toulouze", "Université Toulouse - Jean Jaurès"),
        ("univercité lyin 2", "Université Lumière Lyon 2"),
        (
            "verssailes",
            "Université de Versailles Saint-Quentin-en-Yvelines",
        ),
        ("acdemie lyon", "Académie de Lyon"),
        (
            "uinversity bonn",
            "Rheinische Friedrich-Wilhelms-Universität Bonn",
        ),
    ] {
        assert_eq!(
            found(query).first(),
            Some(&first),
            "{query}: {:?}",
            found(query)
        );
    }
    assert_eq!(
        found("lillebon"),
        ["Lillebonne Formation"],
        "as it was typed"
    );
}

#[test]
fn every_term_is_to_be_found() {
    for query in [
        "lyon lille",
        "lille 2",
        "tokyo",
        "xyz",
        "universite toulouse lille",
        "zz",
    ] {
        assert_eq!(found(query), Vec::<&str>::new(), "{query}");
    }
    assert_eq!(found("lyon").len(), 4);
}

#[test]
fn nothing_is_asked_and_nothing_is_found() {
    for query in ["", "   ", "'-–’", "\u{301}"] {
        assert_eq!(found(query), Vec::<&str>::new(), "{query:?}");
    }
    // Only a small word: better than nothing.
    assert!(!found("la").is_empty() || !found("de").is_empty());
}

#[test]
fn only_those_admitted_are_found_and_counted() {
    let index = index();
    let lyon = index.search("lyon", 2, |_| true);
    assert_eq!((lyon.total, lyon.best.len()), (4, 2));
    let one = index.search("lyon", 20, |at| at == 2);
    assert_eq!((one.total, one.best), (1, vec![2]));
    assert_eq!(index.search("lyon", 0, |_| true).best, Vec::<usize>::new());
}

#[test]
fn what_is_hostile_costs_little() {
    let many: Vec<String> = (0..10_000).map(|n| format!("lille mot{n}")).collect();
    let keywords: Vec<&str> = many.iter().map(String::as_str).collect();
    let flood = Described {
        names: &["Organisme bavard"],
        keywords: &keywords,
        ..Described::default()
    };
    let fair = Described {
        names: &["Lille"],
        ..Described::default()
    };
    let index = Index::of([flood, fair]);
    assert!(index.words.len() <= MOST_WORDS + 1, "{}", index.words.len());
    assert_eq!(index.search("lille", 5, |_| true).best.first(), Some(&1));
    for query in ["a ".repeat(5000), "é".repeat(100_000), "\u{0}".repeat(5000)] {
        assert!(index.search(&query, 5, |_| true).best.len() <= 2);
    }
    assert_eq!(
        Index::default().search("lille", 5, |_| true),
        Found::default()
    );
}

/// Ten thousand organisations of a few hundred thousand words in all (D10): an index stays small.
#[test]
fn ten_thousand_organisations_take_little_memory() {
    let names: Vec<[String; 2]> = (0..10_000)
        .map(|n| {
            let town = format!("Ville{}", n % 977);
            [
                format!("Université de {town} {n}"),
                format!("{town} University {n}"),
            ]
        })
        .collect();
    let domains: Vec<String> = (0..10_000).map(|n| format!("univ{n}.example")).collect();
    let owned: Vec<[Vec<&str>; 2]> = names
        .iter()
        .zip(&domains)
        .map(|([fr, en], domain)| [vec![fr.as_str(), en.as_str()], vec![domain.as_str()]])
        .collect();
    let index = Index::of(owned.iter().map(|[names, domains]| Described {
        names,
        domains,
        ..Described::default()
    }));
    assert_eq!(index.len(), 10_000);
    assert!(index.size() < 8 << 20, "{} bytes", index.size());
    assert_eq!(index.search("univ ville12 9783", 5, |_| true).total, 1);
    assert_eq!(index.search("universite", 5, |_| true).total, 10_000);
}
