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
