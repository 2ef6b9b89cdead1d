//! What the documentation says of the tests is true.

use std::collections::BTreeSet;

use visits::house::root;

/// Every function name that stands under a test attribute in this crate's tests.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    // The rooms' own tests count for the profiles' lines; features need the front door.
    let mut folders = vec![root().join("tests/tests"), root().join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let mut marked = false;
            for line in text.lines().map(str::trim) {
                let marks = ["#[test]", "#[tokio::test", "#[actix_web::test"];
                if marks.iter().any(|mark| line.starts_with(mark)) {
                    marked = true;
                } else if marked && line.contains("fn ") {
                    let name = line.split("fn ").nth(1).unwrap().split('(').next().unwrap();
                    names.insert(name.to_owned());
                    marked = false;
                }
            }
        }
    }
    names
}

/// The function's own name: ``` `saml` attacks::documents::a_doctype_is_refused ``` ends with it.
fn name(cell: &str) -> &str {
    let last = cell.trim().rsplit([' ', ':']).next().unwrap_or_default();
    last.trim_matches('`')
}

/// Rows of a table: cells, trimmed.
fn rows(document: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(root().join("docs").join(document)).unwrap();
    text.lines()
        .filter(|line| {
            line.starts_with("| ")
                && !line.starts_with("| id |")
                && !line.starts_with("| number |")
                && !line.starts_with("| no. |")
        })
        .map(|line| {
            line.trim_matches('|')
                .split(" | ")
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .collect()
}

fn assert_named(document: &str, state: usize, expected: usize) {
    let known = tests();
    assert!(known.len() > 50, "the tests were found");
    let rows = rows(document);
    assert_eq!(rows.len(), expected, "{document}");
    let mut works = 0;
    for row in rows {
        let named: Vec<&str> = row
            .get(state + 1)
            .map(|cell| {
                cell.split(',')
                    .map(name)
                    .filter(|n| !n.is_empty())
                    .collect()
            })
            .unwrap_or_default();
        for name in &named {
            assert!(
                known.contains(*name),
                "{document} {}: no test is called {name}",
                row[0]
            );
        }
        let first = row[state].split(':').next().unwrap_or_default();
        assert!(
            matches!(first, "works" | "partly" | "not yet"),
            "{document} {}: {:?} is no state",
            row[0],
            row[state]
        );
        if first == "works" {
            works += 1;
            assert!(
                !named.is_empty(),
                "{document} {}: works, and no test says so",
                row[0]
            );
        }
    }
    assert!(works > 0);
}

#[test]
fn every_feature_that_works_names_a_test_that_exists() {
    assert_named("features.md", 3, 168);
}

#[test]
fn every_conformance_line_that_works_names_a_test_that_exists() {
    assert_named("conformance.md", 2, 158);
}

#[test]
fn every_number_of_both_profiles_stands_once_and_in_its_order() {
    let parts = [
        ("IIP-G", 3),
        ("IIP-MD", 12),
        ("IIP-SSO", 7),
        ("IIP-ALG", 8),
        ("IIP-EXT", 1),
        ("IIP-SP", 17),
        ("IIP-IDP", 21),
        ("SDP-G", 4),
        ("SDP-MD", 12),
        ("SDP-ALG", 1),
        ("SDP-SP", 39),
        ("SDP-IDP", 33),
    ];
    let all = parts.map(|(part, last)| (1..=last).map(move |n| format!("{part}{n:02}")));
    let all: Vec<String> = all.into_iter().flatten().collect();
    let found: Vec<String> = rows("conformance.md")
        .into_iter()
        .map(|row| row[0].clone())
        .collect();
    assert_eq!(found, all);
}

#[test]
fn every_promise_of_security_names_a_test_that_exists() {
    let known = tests();
    // The promises are numbered; the readers that are fuzzed stand in a table of their own.
    let mut rows = rows("security.md");
    rows.retain(|row| row[0].starts_with(|c: char| c.is_ascii_digit()));
    let mut numbers = BTreeSet::new();
    for row in &rows {
        assert_eq!(row.len(), 4, "{row:?}");
        numbers.insert(row[0].clone());
        let named: Vec<&str> = row[3]
            .split(',')
            .map(name)
            .filter(|n| !n.is_empty())
            .collect();
        assert!(!named.is_empty(), "security.md {}: no test", row[0]);
        for name in named {
            assert!(
                known.contains(name),
                "security.md {}: no test is called {name}",
                row[0]
            );
        }
    }
    for number in 1..=25 {
        assert!(
            numbers.contains(&number.to_string()),
            "security.md: no {number}"
        );
    }
}

#[test]
fn every_attack_names_a_test_on_each_side_or_says_why_it_has_none() {
    let known = tests();
    let attacks: Vec<_> = rows("security.md")
        .into_iter()
        .filter(|row| row.len() == 3 && row[0] != "attack")
        .collect();
    assert!(attacks.len() >= 18, "{}", attacks.len());
    for row in attacks {
        for side in &row[1..] {
            let named: Vec<&str> = side.split('`').skip(1).step_by(2).collect();
            let says_why = side.starts_with("a request h");
            assert_eq!(says_why, named.is_empty(), "{}: {side}", row[0]);
            for name in named.into_iter().map(name) {
                assert!(known.contains(name), "{}: no test is called {name}", row[0]);
            }
        }
    }
}
