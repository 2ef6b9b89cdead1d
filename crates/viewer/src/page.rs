//! What was received, laid out to be read.

use chrono::SecondsFormat;
use saml::attribute::{ALL, Wire};
use saml::examine::{NAMES, Verdict};
use saml::names::{ATTRNAME_BASIC, ATTRNAME_URI, PASSWORD, REFEDS_MFA};
use saml::response::{Attribute, Login, NameId, SignWhat};
use saml::{EntityId, Moment, NameIdFormat};
use serde::Serialize;
use sp::{Evidence, Seen, SignedIn};
use web::{Badge, Page};

use crate::decoder::Rule;

/// « Bonjour … » and everything one assertion said.
#[derive(Debug, Serialize)]
pub(crate) struct ReceivedPage {
    badge: Badge,
    pupil: bool,
    portal: Option<String>,
    provider: Provider,
    name_id: Option<Identifier>,
    attributes: Vec<Row>,
    proof: Proof,
    /// Every check, where they were kept.
    rules: Vec<Rule>,
}

/// The identity provider that spoke.
#[derive(Debug, Serialize)]
struct Provider {
    id: String,
    name: Option<String>,
}

/// `NameID`. `word` names its format among the words, when it is one of the standard's.
#[derive(Debug, Serialize)]
struct Identifier {
    value: String,
    format: String,
    word: Option<&'static str>,
}

/// One attribute. `word` names it among the words, when it is known.
#[derive(Debug, Serialize)]
struct Row {
    word: Option<String>,
    short: String,
    name: String,
    format: String,
    values: Vec<String>,
}

/// Why it is believed.
#[derive(Debug, Serialize)]
struct Proof {
    /// Word of what was signed.
    signed: &'static str,
    key: Option<String>,
    /// Of the certificate of that key, SHA-256.
    certificate: Option<String>,
    algorithms: Vec<String>,
    encrypted: bool,
    context: Option<String>,
    /// Word of the context, when it is known.
    context_word: Option<&'static str>,
    authenticated: Instant,
    received: Instant,
    session_ends: Option<Instant>,
    session_index: Option<String>,
    assertion: String,
}

/// A moment, for machines and for people.
#[derive(Debug, Serialize)]
struct Instant {
    machine: String,
    shown: String,
}

impl ReceivedPage {
    /// The page of a session that was opened at that moment.
    pub(crate) fn of(badge: Badge, signed_in: &SignedIn, opened: Moment) -> Self {
        Self {
            badge,
            pupil: signed_in.is_pupil(),
            portal: None,
            provider: Provider {
                id: signed_in.provider.to_string(),
                name: None,
            },
            name_id: signed_in.login.name_id.as_ref().map(Identifier::of),
            attributes: signed_in.login.attributes.iter().map(Row::of).collect(),
            proof: Proof::of(signed_in, opened),
            rules: rules(signed_in),
        }
    }

    /// Names the provider as it calls itself.
    pub(crate) fn named(mut self, provider: Option<String>) -> Self {
        self.provider.name = provider;
        self
    }

    /// Leads back to the portal.
    pub(crate) fn back_to(mut self, portal: Option<String>) -> Self {
        self.portal = portal;
        self
    }
}

impl Identifier {
    fn of(name_id: &NameId) -> Self {
        Self {
            value: name_id.value.clone(),
            format: name_id.format.uri().to_owned(),
            word: match name_id.format {
                NameIdFormat::Persistent => Some("viewer.format-persistent"),
                NameIdFormat::Transient => Some("viewer.format-transient"),
                NameIdFormat::EmailAddress => Some("viewer.format-mail"),
                NameIdFormat::Unspecified => Some("viewer.format-unspecified"),
                _ => None,
            },
        }
    }
}

impl Row {
    fn of(attribute: &Attribute) -> Self {
        // By its Name: a FriendlyName is anybody's (IIP-SP11), and shown only for want of better.
        let known = ALL.into_iter().find(|wire| wire.name == attribute.name);
        let short = known
            .map(|wire| wire.short.to_owned())
            .or_else(|| attribute.friendly_name.clone())
            .unwrap_or_else(|| attribute.name.clone());
        Self {
            word: known.map(word),
            short,
            name: attribute.name.clone(),
            format: match attribute.name_format.as_str() {
                ATTRNAME_URI => "uri".to_owned(),
                ATTRNAME_BASIC => "basic".to_owned(),
                other => other.to_owned(),
            },
            values: attribute.values.clone(),
        }
    }
}

/// The word that labels a known attribute.
fn word(wire: Wire) -> String {
    format!("attribute.{}", wire.short)
}

impl Proof {
    fn of(signed_in: &SignedIn, opened: Moment) -> Self {
        let login = &signed_in.login;
        let evidence = signed_in.evidence.clone().unwrap_or_default();
        Self {
            signed: match login.signed {
                SignWhat::Both => "viewer.signed-both",
                SignWhat::Response => "viewer.signed-response",
                SignWhat::Assertion => "viewer.signed-assertion",
            },
            key: signed_in.key.clone(),
            certificate: evidence.certificate,
            algorithms: evidence.algorithms,
            encrypted: login.encrypted,
            context: login.authn_context.clone(),
            context_word: match login.authn_context.as_deref() {
                Some(PASSWORD) => Some("viewer.context-password"),
                Some(REFEDS_MFA) => Some("viewer.context-mfa"),
                _ => None,
            },
            authenticated: Instant::of(login.authn_instant),
            received: Instant::of(opened),
            session_ends: login.session_ends.map(Instant::of),
            session_index: login.session_index.clone(),
            assertion: login.assertion_id.clone(),
        }
    }
}

/// The checks as the decoder shows them.
fn rules(signed_in: &SignedIn) -> Vec<Rule> {
    let seen = signed_in.evidence.iter().flat_map(|one| &one.checks);
    let rules = seen.map(|seen: &Seen| Rule {
        name: seen.name.clone(),
        clause: seen.clause.clone(),
        verdict: Verdict::WORDS
            .into_iter()
            .find(|word| *word == seen.verdict)
            .unwrap_or("unknown"),
        found: seen.found.clone().filter(|found| !found.trim().is_empty()),
        code: None,
    });
    rules.collect()
}

impl Instant {
    fn of(moment: Moment) -> Self {
        Self {
            machine: moment.to_rfc3339_opts(SecondsFormat::Secs, true),
            shown: moment.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        }
    }
}

impl Page for ReceivedPage {
    const TEMPLATE: &'static str = "viewer-received.html";

    fn samples() -> Vec<Self> {
        let Ok(issuer) = EntityId::parse("https://eduline.example/idp/personnel") else {
            return Vec::new();
        };
        vec![
            sample_of_everything(issuer.clone()),
            sample_of_a_pupil(issuer.clone()),
            sample_of_little(issuer),
        ]
    }

    fn user(&self) -> Option<Badge> {
        Some(self.badge.clone())
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }
}

/// Every attribute known here and one that is not, every optional fact.
fn sample_of_everything(issuer: EntityId) -> ReceivedPage {
    let mut attributes: Vec<Attribute> = ALL
        .into_iter()
        .map(|wire| attribute(wire.name, wire.format, &["valeur"]))
        .collect();
    attributes.push(attribute(
        "urn:x:étrange",
        "urn:x:format",
        &["a", "<b>", ""],
    ));
    attributes.push(attribute("vide", ATTRNAME_BASIC, &[]));
    let login = Login {
        name_id: Some(name_id(NameIdFormat::Persistent)),
        session_ends: Some(Moment::UNIX_EPOCH),
        encrypted: true,
        ..login(issuer, attributes)
    };
    sample(login)
        .named(Some("Académie de Démonstration".into()))
        .back_to(Some("/portail/".into()))
}

/// A page that says "tu".
fn sample_of_a_pupil(issuer: EntityId) -> ReceivedPage {
    let profil = saml::attribute::PROFIL;
    let attributes = vec![attribute(profil.name, profil.format, &["eleve"])];
    sample(Login {
        signed: SignWhat::Assertion,
        authn_context: Some(REFEDS_MFA.into()),
        name_id: Some(name_id(NameIdFormat::Other("urn:x:format".into()))),
        ..login(issuer, attributes)
    })
}

/// No attribute, no identifier, nothing optional.
fn sample_of_little(issuer: EntityId) -> ReceivedPage {
    let mut page = sample(Login {
        authn_context: None,
        session_index: None,
        signed: SignWhat::Response,
        ..login(issuer, Vec::new())
    });
    page.proof.key = None;
    page
}

fn sample(login: Login) -> ReceivedPage {
    let signed_in = SignedIn {
        provider: login.issuer.clone(),
        key: Some("0123456789abcdef".into()),
        evidence: login.encrypted.then(sample_of_evidence),
        login,
    };
    let badge = Badge {
        login: "amartin".into(),
        name: "Anne Martin".into(),
        logout: "/magistere/logout".into(),
    };
    ReceivedPage::of(badge, &signed_in, Moment::UNIX_EPOCH)
}

fn sample_of_evidence() -> Evidence {
    let names = NAMES.into_iter().chain(Evidence::OWN);
    let checks = names.zip(Verdict::WORDS.into_iter().cycle());
    let seen = checks.map(|(name, verdict)| Seen {
        name: name.to_owned(),
        clause: "SAML Profiles 4.1.4.2".to_owned(),
        verdict: verdict.to_owned(),
        found: (verdict != "unknown").then(|| "<script>".to_owned()),
    });
    Evidence {
        certificate: Some("00".repeat(32)),
        algorithms: vec!["http://www.w3.org/2001/04/xmldsig-more#rsa-sha256".to_owned()],
        checks: seen.collect(),
    }
}

fn login(issuer: EntityId, attributes: Vec<Attribute>) -> Login {
    Login {
        issuer,
        assertion_id: "_5e884898da280471".into(),
        replay_until: Moment::UNIX_EPOCH,
        name_id: None,
        attributes,
        authn_instant: Moment::UNIX_EPOCH,
        authn_context: Some(PASSWORD.into()),
        session_index: Some("_6b86b273ff34fce1".into()),
        session_ends: None,
        signed: SignWhat::Both,
        encrypted: false,
    }
}

fn name_id(format: NameIdFormat) -> NameId {
    NameId {
        value: "_9f86d081884c7d65".into(),
        format,
        name_qualifier: None,
        sp_name_qualifier: None,
    }
}

fn attribute(name: &str, name_format: &str, values: &[&str]) -> Attribute {
    Attribute {
        name: name.into(),
        name_format: name_format.into(),
        friendly_name: None,
        values: values.iter().map(|value| (*value).into()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_labelled_by_its_name_never_by_what_it_calls_itself() {
        let mut evil = attribute("urn:x:evil", ATTRNAME_URI, &["operateur"]);
        evil.friendly_name = Some("uid".into());
        assert_eq!(Row::of(&evil).word, None);
        let uid = saml::attribute::UID;
        let row = Row::of(&attribute(uid.name, uid.format, &["amartin"]));
        assert_eq!(
            (row.word.as_deref(), row.short.as_str()),
            (Some("attribute.uid"), "uid")
        );
    }

    #[test]
    fn values_are_shown_as_they_came_all_of_them() {
        let row = Row::of(&attribute("x", ATTRNAME_BASIC, &["a", "<b>", "a"]));
        assert_eq!(row.values, ["a", "<b>", "a"]);
        assert_eq!(row.format, "basic");
    }

    #[test]
    fn moments_are_written_for_machines_and_for_people() {
        let instant = Instant::of(Moment::UNIX_EPOCH);
        assert_eq!(instant.machine, "1970-01-01T00:00:00Z");
        assert_eq!(instant.shown, "1970-01-01 00:00:00 UTC");
    }

    #[test]
    fn a_pupil_is_told_tu() {
        let tu: Vec<bool> = ReceivedPage::samples().iter().map(Page::tutoie).collect();
        assert_eq!(tu, [false, true, false]);
    }
}
