use std::collections::HashSet;

use super::{Refusal, Said};

#[test]
fn codes_are_unique_ordered_and_of_this_room() {
    let codes: Vec<&str> = Refusal::CODES.iter().map(|(code, _)| *code).collect();
    let distinct: HashSet<&&str> = codes.iter().collect();
    assert_eq!(distinct.len(), codes.len());
    assert!(codes.is_sorted());
    assert!(
        codes
            .iter()
            .all(|code| code.len() == 8 && code.starts_with("EDU-2"))
    );
}

#[test]
fn every_refusal_cites_its_clause() {
    assert!(Refusal::CODES.iter().all(|(_, clause)| !clause.is_empty()));
}

#[test]
fn what_a_message_said_is_cut_and_cannot_write_lines_of_the_journal() {
    let story = Refusal::Transform {
        algorithm: Said::new("x\nEDU-0000 \u{1b}[31m\""),
    }
    .to_string();
    assert!(story.contains(r#""x\nEDU-0000 \u{1b}[31m\"""#), "{story}");
    let long = Said::new(&"é".repeat(100_000));
    assert_eq!(long.as_str().chars().count(), 161);
}
