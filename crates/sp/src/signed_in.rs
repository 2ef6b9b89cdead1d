//! A person who is signed in at a service, and what is known of them.

use saml::attribute::{DISPLAY_NAME, GIVEN_NAME, PAIRWISE_ID, PROFIL, SN, SUBJECT_ID, UID};
use saml::response::Login;
use saml::{EntityId, Moment};

use crate::Evidence;

/// A person who is signed in, as their identity provider told it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SignedIn {
    /// What the identity provider said, without scoped values it has no right to.
    pub login: Login,
    /// The identity provider that was asked and that answered.
    pub provider: EntityId,
    /// The fingerprint of the key that verified the answer.
    pub key: Option<String>,
    /// Why the answer was believed, where the service keeps it.
    #[serde(default)]
    pub evidence: Option<Evidence>,
}

impl SignedIn {
    /// The login to show and to tell people apart by on one page: uid, else subject-id, else
    /// pairwise-id (SDP-SP14), else the name identifier. Two identity providers may use the same one (SDP-SP16): what a service
    /// keeps, it keeps under [`SignedIn::provider`] and this together.
    pub fn user(&self) -> &str {
        self.first(UID.name)
            .or_else(|| self.first(SUBJECT_ID.name))
            .or_else(|| self.first(PAIRWISE_ID.name))
            .or_else(|| self.login.name_id.as_ref().map(|id| id.value.as_str()))
            .unwrap_or_default()
    }

    /// The name to greet: displayName, else given name and surname, else [`SignedIn::user`]
    /// (SDP-SP18).
    pub fn name(&self) -> String {
        if let Some(name) = self.first(DISPLAY_NAME.name) {
            return name.to_owned();
        }
        match (self.first(GIVEN_NAME.name), self.first(SN.name)) {
            (Some(given), Some(surname)) => format!("{given} {surname}"),
            (Some(one), None) | (None, Some(one)) => one.to_owned(),
            (None, None) => self.user().to_owned(),
        }
    }

    /// Whether pages address the person as a pupil.
    pub fn is_pupil(&self) -> bool {
        self.first(PROFIL.name) == Some("eleve")
    }

    /// Whether the session has outlived what the identity provider allows (`SessionNotOnOrAfter`,
    /// SAML Core 2.7.2).
    pub fn is_over(&self, now: Moment) -> bool {
        self.login.session_ends.is_some_and(|ends| ends <= now)
    }

    /// The first value of an attribute that is not blank. `X` alone is the ministry's way of
    /// writing "no value".
    fn first(&self, name: &str) -> Option<&str> {
        self.login
            .values(name)
            .map(str::trim)
            .find(|value| !value.is_empty() && *value != "X")
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use saml::NameIdFormat;
    use saml::attribute::MAIL;
    use saml::response::{Attribute, NameId, SignWhat};

    use super::*;

    fn signed_in(attributes: &[(&str, &str)]) -> SignedIn {
        let provider = EntityId::parse("https://idp.example/idp").unwrap();
        SignedIn {
            login: Login {
                issuer: provider.clone(),
                assertion_id: "_a".into(),
                replay_until: DateTime::UNIX_EPOCH,
                name_id: Some(NameId {
                    value: "_opaque".into(),
                    format: NameIdFormat::Transient,
                    name_qualifier: None,
                    sp_name_qualifier: None,
                }),
                attributes: attributes
                    .iter()
                    .map(|(name, value)| Attribute {
                        name: (*name).into(),
                        name_format: saml::names::ATTRNAME_URI.into(),
                        friendly_name: Some("uid".into()),
                        values: vec![(*value).into()],
                    })
                    .collect(),
                authn_instant: DateTime::UNIX_EPOCH,
                authn_context: None,
                session_index: None,
                session_ends: None,
                signed: SignWhat::Both,
                encrypted: false,
            },
            provider,
            key: None,
            evidence: None,
        }
    }

    #[test]
    fn the_user_is_uid_else_a_subject_identifier_else_name_identifier() {
        let subject = (SUBJECT_ID.name, "a1@ac-demo.example");
        assert_eq!(
            signed_in(&[subject, (UID.name, "amartin")]).user(),
            "amartin"
        );
        assert_eq!(signed_in(&[subject]).user(), "a1@ac-demo.example");
        let pairwise = (PAIRWISE_ID.name, "b2@ac-demo.example");
        assert_eq!(signed_in(&[pairwise, subject]).user(), "a1@ac-demo.example");
        assert_eq!(signed_in(&[pairwise]).user(), "b2@ac-demo.example");
        assert_eq!(signed_in(&[]).user(), "_opaque");
        let mut nobody = signed_in(&[]);
        nobody.login.name_id = None;
        assert_eq!(nobody.user(), "");
    }

    #[test]
    fn a_friendly_name_decides_nothing() {
        // IIP-SP11: every attribute of these tests calls itself uid.
        assert_eq!(
            signed_in(&[(MAIL.name, "root@ac-demo.example")]).user(),
            "_opaque"
        );
    }

    #[test]
    fn blank_values_and_the_ministrys_x_are_no_values() {
        assert_eq!(
            signed_in(&[(UID.name, " "), (SUBJECT_ID.name, "X")]).user(),
            "_opaque"
        );
        assert_eq!(
            signed_in(&[(DISPLAY_NAME.name, "X"), (SN.name, "Martin")]).name(),
            "Martin"
        );
    }

    #[test]
    fn the_name_is_display_name_else_given_name_and_surname_else_user() {
        let parts = [(GIVEN_NAME.name, "Anne"), (SN.name, "Martin")];
        assert_eq!(signed_in(&parts).name(), "Anne Martin");
        assert_eq!(signed_in(&parts[..1]).name(), "Anne");
        assert_eq!(signed_in(&[(UID.name, "amartin")]).name(), "amartin");
        let whole = [parts[0], parts[1], (DISPLAY_NAME.name, "A. Martin")];
        assert_eq!(signed_in(&whole).name(), "A. Martin");
    }

    #[test]
    fn a_session_ends_when_the_provider_says() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let mut person = signed_in(&[]);
        assert!(!person.is_over(now));
        person.login.session_ends = Some(now);
        assert!(person.is_over(now));
        assert!(!person.is_over(now - TimeDelta::seconds(1)));
    }

    #[test]
    fn pupils_are_known_by_their_profile() {
        assert!(signed_in(&[(PROFIL.name, "eleve")]).is_pupil());
        assert!(!signed_in(&[(PROFIL.name, "parent")]).is_pupil());
    }
}
