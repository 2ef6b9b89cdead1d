//! Scoped attributes: an identity provider may only speak for its own scopes (SDP-SP17).

use saml::attribute::{PAIRWISE_ID, SCOPED_AFFILIATION, SUBJECT_ID};
use saml::response::Login;

/// The attributes whose values end in `@scope`.
const SCOPED: [&str; 3] = [SCOPED_AFFILIATION.name, SUBJECT_ID.name, PAIRWISE_ID.name];

/// Takes out of `login` the scoped values whose scope is not among `scopes` (the `shibmd:Scope` of
/// the provider's metadata), and says the names of the attributes that lost some.
pub(crate) fn strip(login: &mut Login, scopes: &[String]) -> Vec<String> {
    let mut stripped = Vec::new();
    for attribute in &mut login.attributes {
        if !SCOPED.contains(&attribute.name.as_str()) {
            continue;
        }
        let before = attribute.values.len();
        attribute.values.retain(|value| is_within(value, scopes));
        if attribute.values.len() < before {
            stripped.push(attribute.name.clone());
        }
    }
    login.attributes.retain(|attribute| {
        !attribute.values.is_empty() || !SCOPED.contains(&attribute.name.as_str())
    });
    stripped
}

/// Exactly one `@`, something before it, and a scope of the provider's after it. Scopes are domain
/// names: letters compare without case (subject-id 3.3.2).
fn is_within(value: &str, scopes: &[String]) -> bool {
    let Some((before, scope)) = value.split_once('@') else {
        return false;
    };
    !before.is_empty()
        && !scope.contains('@')
        && scopes.iter().any(|own| own.eq_ignore_ascii_case(scope))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use saml::EntityId;
    use saml::attribute::UID;
    use saml::response::{Attribute, SignWhat};

    use super::*;

    fn login(attributes: &[(&str, &[&str])]) -> Login {
        Login {
            issuer: EntityId::parse("https://idp.example/idp").unwrap(),
            assertion_id: "_a".into(),
            replay_until: DateTime::UNIX_EPOCH,
            name_id: None,
            attributes: attributes
                .iter()
                .map(|(name, values)| Attribute {
                    name: (*name).into(),
                    name_format: saml::names::ATTRNAME_URI.into(),
                    friendly_name: None,
                    values: values.iter().map(|v| (*v).into()).collect(),
                })
                .collect(),
            authn_instant: DateTime::UNIX_EPOCH,
            authn_context: None,
            session_index: None,
            session_ends: None,
            signed: SignWhat::Both,
            encrypted: false,
        }
    }

    fn scopes() -> Vec<String> {
        vec!["ac-demo.example".into(), "ecole.example".into()]
    }

    #[test]
    fn own_scopes_stay() {
        let mut seen = login(&[
            (SUBJECT_ID.name, &["amartin@ac-demo.example"]),
            (
                SCOPED_AFFILIATION.name,
                &["staff@AC-Demo.example", "member@ecole.example"],
            ),
            (UID.name, &["a@b@c"]),
        ]);
        let before = seen.clone();
        assert_eq!(strip(&mut seen, &scopes()), Vec::<String>::new());
        assert_eq!(seen, before);
    }

    #[test]
    fn foreign_scopes_are_stripped_and_an_attribute_left_bare_goes() {
        let mut seen = login(&[
            (SUBJECT_ID.name, &["amartin@rectorat.example"]),
            (PAIRWISE_ID.name, &["ab12@ac-demo.example.evil"]),
            (
                SCOPED_AFFILIATION.name,
                &["staff@evil.example", "member@ac-demo.example"],
            ),
        ]);
        let stripped = strip(&mut seen, &scopes());
        assert_eq!(
            stripped,
            [SUBJECT_ID.name, PAIRWISE_ID.name, SCOPED_AFFILIATION.name]
        );
        assert_eq!(seen.value(SUBJECT_ID.name), None);
        assert_eq!(seen.attributes.len(), 1);
        assert_eq!(
            seen.value(SCOPED_AFFILIATION.name),
            Some("member@ac-demo.example")
        );
    }

    #[test]
    fn what_is_not_one_name_at_one_scope_is_stripped() {
        for value in [
            "amartin",
            "",
            "@ac-demo.example",
            "amartin@",
            "amartin@ac-demo.example@evil.example",
            "amartin@evil.example@ac-demo.example",
            "amartin@sub.ac-demo.example",
            "amartin@ac-demo.example ",
            "amartin@ac-demo.example.",
        ] {
            let mut seen = login(&[(SUBJECT_ID.name, &[value])]);
            assert_eq!(strip(&mut seen, &scopes()), [SUBJECT_ID.name], "{value:?}");
            assert!(seen.attributes.is_empty(), "{value:?}");
        }
    }

    #[test]
    fn a_provider_without_scopes_says_nothing_scoped() {
        let mut seen = login(&[(SUBJECT_ID.name, &["amartin@ac-demo.example"])]);
        assert_eq!(strip(&mut seen, &[]), [SUBJECT_ID.name]);
    }

    #[test]
    fn an_attribute_in_two_elements_is_stripped_in_both() {
        let mut seen = login(&[
            (SUBJECT_ID.name, &["amartin@ac-demo.example"]),
            (SUBJECT_ID.name, &["root@evil.example"]),
        ]);
        assert_eq!(strip(&mut seen, &scopes()), [SUBJECT_ID.name]);
        assert_eq!(
            seen.values(SUBJECT_ID.name).collect::<Vec<_>>(),
            ["amartin@ac-demo.example"]
        );
    }
}
