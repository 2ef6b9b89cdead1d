//! People who do not exist: one of each kind, for previews and tries of a service.
//!
//! None is in the directory, and none can be: their ids are not ones it gives, their mail goes nowhere
//! (RFC 2606 2), their establishment has a number that nobody was given. They have no password and no session.

use directory::fonctions::Fonctions;
use directory::{Person, Post, Realm};

/// The number of an establishment that does not exist: its check letter holds.
const NOWHERE: &str = "0000000A";

/// Everybody of `realm` who differs by what they do: for staff one of each function, else one.
pub fn people(realm: Realm, fonctions: &Fonctions) -> Vec<Person> {
    match realm {
        Realm::Personnel => fonctions
            .ids()
            .map(|function| person(realm, function))
            .collect(),
        _ => vec![person(realm, "")],
    }
}

/// One of them; `function` counts for staff.
pub fn person(realm: Realm, function: &str) -> Person {
    let kind = match function {
        "" => realm.as_str(),
        function => function,
    };
    Person {
        id: format!("essai-{}-{kind}", realm.as_str()),
        realm,
        login: format!("essai-{kind}"),
        title: String::new(),
        given_name: "Personne".to_owned(),
        surname: "Fictive".to_owned(),
        mail: Some("personne.fictive@essai.invalid".to_owned()),
        posts: vec![Post {
            function: function.to_owned(),
            uai: NOWHERE.to_owned(),
            place: "Établissement fictif".to_owned(),
        }],
        delegations: Vec::new(),
        groups: Vec::new(),
        roles: Vec::new(),
        second_factor: "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_of_them_has_an_id_that_the_directory_gives() {
        let fonctions = include_str!("../../../config/fonctions.toml");
        let fonctions = Fonctions::parse(fonctions).unwrap();
        let all = Realm::ALL.map(|realm| people(realm, &fonctions)).concat();
        assert!(all.len() > 15);
        let of_the_directory = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
        for one in all {
            assert!(one.id.contains('-') && !one.id.chars().all(of_the_directory));
            assert!(one.mail.unwrap().ends_with(".invalid"));
        }
    }
}
