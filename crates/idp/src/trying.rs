//! Trying a service: a sign-on of somebody who does not exist, from the request to what the service would read,
//! with what came of each check (X02).
//!
//! # Invariants
//!
//! * Nobody is signed on and nothing is sent. No session, flow or participant is made.
//! * What is composed is signed with a key that is made for the moment and published nowhere: no service takes it,
//!   ours included, whoever gets hold of it. Our own key is looked at only for what it would sign with.
//! * It is decided by the same functions as an answer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use directory::Person;
use directory::fonctions::Fonctions;
use saml::examine::{Check, Known, Verdict, examine};
use saml::metadata::{Entity, IndexedEndpoint, SpRole};
use saml::names::PASSWORD;
use saml::response::{Response, ResponseExpected, ResponsePlan, compose_for};
use saml::{
    Binding, KeyKind, MessageId, Moment, NameIdFormat, Received, Refusal, Rules, SigningKey,
    attribute, keys,
};

use crate::answer;
use crate::policy::{Encrypt, Policy};
use crate::realm::RealmParts;
use crate::release::{self, Asking, Chosen, Decision, Outcome};

mod page;

pub(crate) use page::{TryPage, show};

/// What a try is made of.
pub struct Trial<'a> {
    /// The realm that would answer.
    pub realm: &'a RealmParts,
    /// What functions mean.
    pub fonctions: &'a Fonctions,
    /// The service.
    pub service: (&'a Entity, &'a SpRole),
    /// What was decided for it.
    pub policy: &'a Policy,
    /// Whether it is one of this deployment.
    pub is_own: bool,
    /// Whether the catalogue opens it to the person.
    pub is_open: bool,
    /// Somebody of [`crate::synthetic`].
    pub person: &'a Person,
    /// The rules of the deployment.
    pub rules: &'a Rules,
    /// The moment.
    pub now: Moment,
    /// Chance, for the identifiers of messages.
    pub chance: [u8; 20],
}

/// What came of a try.
#[derive(Debug)]
pub struct Tried {
    /// Each check, in the order of a sign-on.
    pub steps: Vec<Step>,
    /// What would be sent and kept back.
    pub decisions: Vec<Decision>,
    /// The answer as the service would read it once decrypted, indented; `None`: there would be none.
    pub response: Option<String>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Step {
    /// The key of its words.
    pub word: String,
    /// Where it is written.
    pub clause: &'static str,
    /// One of [`Verdict::WORDS`].
    pub verdict: &'static str,
    /// What was found.
    pub found: Option<String>,
    /// The code of why it fails, where a message would be refused for it.
    pub code: Option<&'static str>,
}

impl Tried {
    /// Whether the person would be signed on with everything the service needs.
    pub fn passes(&self) -> bool {
        self.response.is_some() && self.steps.iter().all(|step| step.verdict != "fails")
    }
}

impl Step {
    /// Names of what is checked before there is an answer; words `idp.try-…`.
    pub const NAMES: [&'static str; 7] = [
        "acs",
        "open",
        "required",
        "asked",
        "identifier",
        "signing",
        "encryption",
    ];

    fn own(name: &str, clause: &'static str, verdict: &'static str, found: String) -> Self {
        Self {
            word: format!("idp.try-{name}"),
            clause,
            verdict,
            found: (!found.is_empty()).then_some(found),
            code: None,
        }
    }

    /// A check of the answer itself.
    fn of(check: &Check) -> Self {
        Self {
            word: format!("viewer.check-{}", check.name),
            clause: check.clause,
            verdict: check.verdict.word(),
            found: check.found.clone().filter(|found| !found.is_empty()),
            code: check.verdict.refusal().map(Refusal::code),
        }
    }

    fn refused(name: &str, clause: &'static str, why: &Refusal) -> Self {
        Self {
            code: Some(why.code()),
            ..Self::own(name, clause, "fails", why.to_string())
        }
    }
}

impl Trial<'_> {
    /// Tries it.
    pub fn run(&self) -> Tried {
        let (entity, role) = self.service;
        let asking = Asking {
            service: &entity.id,
            requested: &role.requested_attributes,
            entity_attributes: &entity.attributes,
            policy: self.policy,
            is_own: self.is_own,
            post: Chosen::Unasked,
            now: self.now.date_naive(),
        };
        let decisions = release::decide(self.person, &asking, self.realm, self.fonctions);
        let open = if self.is_open { "holds" } else { "fails" };
        let acs = self.acs();
        let mut steps = vec![
            of_acs(acs),
            Step::own("open", "applications.toml", open, String::new()),
            required(&decisions),
            asked(&decisions),
        ];
        let format = answer::identifier(self.policy, role, &decisions);
        steps.push(of_identifier(format.as_ref().ok()));
        let signing = role
            .choose_signing(self.realm.keys.now().current(), self.rules)
            .map_or_else(
                |why| Step::refused("signing", "IIP-MD10", &why),
                |key| {
                    Step::own(
                        "signing",
                        "IIP-MD10",
                        "holds",
                        key.algorithm().uri().to_owned(),
                    )
                },
            );
        steps.push(signing);
        let response = match (acs, format) {
            (Some(acs), Ok(format)) if self.is_open => {
                self.answered(acs, format, &decisions, &mut steps)
            }
            _ => None,
        };
        Tried {
            steps,
            decisions,
            response,
        }
    }

    /// Where an answer to a request goes that names no address.
    fn acs(&self) -> Option<&IndexedEndpoint> {
        let (_, role) = self.service;
        let mut all = role.acs.iter().filter(|acs| acs.binding == Binding::Post);
        let first = all.clone().next();
        all.find(|acs| acs.is_default).or(first)
    }

    /// Composes the answer, reads it as the service would, and writes it out.
    fn answered(
        &self,
        acs: &IndexedEndpoint,
        format: Option<NameIdFormat>,
        decisions: &[Decision],
        steps: &mut Vec<Step>,
    ) -> Option<String> {
        let (entity, role) = self.service;
        let key = self.passing_key()?;
        let mut chance = self.chance;
        let mut id = || {
            chance.rotate_left(7);
            MessageId::from_random(chance)
        };
        let (request, response_id, assertion_id) = (id(), id(), id());
        let mail = release::sent(decisions, attribute::MAIL);
        let about = (self.person.id.as_str(), self.person.id.as_str());
        let name_id =
            format.map(|format| answer::named(self.realm, &entity.id, about, (format, mail)));
        let plan = ResponsePlan {
            response_id: &response_id,
            assertion_id: &assertion_id,
            in_response_to: Some(&request),
            issuer: &self.realm.entity_id,
            audience: &entity.id,
            acs: &acs.location,
            now: self.now,
            lifetime_s: answer::LIFETIME_S,
            name_id: name_id.as_ref(),
            authn_instant: self.now,
            authn_context: PASSWORD,
            session_index: assertion_id.as_str(),
            session_ends: Some(self.now + answer::SESSION),
            attributes: &release::attributes(decisions, self.policy),
            sign: answer::signing(self.policy.sign, role),
        };
        steps.push(self.encrypted(&plan, &key));
        let xml = match compose_for(&plan, None, &key) {
            Ok(xml) => xml,
            Err(why) => {
                steps.push(Step::refused("signing", "IIP-MD10", &why));
                return None;
            }
        };
        let expected = ResponseExpected {
            issuer: plan.issuer,
            audience: plan.audience,
            acs: plan.acs,
            in_response_to: plan.in_response_to,
            now: plan.now,
        };
        let verified = Received::<Response>::from_form(&STANDARD.encode(&xml))
            .and_then(|received| received.verify(&[key.verifying()]));
        match verified {
            Ok(verified) => {
                let checks = verified.checks(&expected, self.rules);
                steps.extend(checks.iter().map(Step::of));
            }
            Err(why) => steps.push(Step::refused("signing", "XML Signature 3.2", &why)),
        }
        Some(self.pretty(&xml))
    }

    /// A key of this moment: published nowhere, so that nobody takes what it signs.
    fn passing_key(&self) -> Option<SigningKey> {
        let mut chance = self.chance.iter().copied();
        let serial = std::array::from_fn(|_| chance.next().unwrap_or_default());
        let pair = keys::generate(KeyKind::P256, "essai", serial, self.now, 1).ok()?;
        SigningKey::from_pem(&pair.key_pem, &pair.cert_pem).ok()
    }

    /// Whether and how the answer would be encrypted: it is, and forgotten.
    fn encrypted(&self, plan: &ResponsePlan<'_>, key: &SigningKey) -> Step {
        const CLAUSE: &str = "IIP-IDP09";
        let (_, role) = self.service;
        let told = |verdict, found: &str| Step::own("encryption", CLAUSE, verdict, found.into());
        if self.policy.encrypt == Encrypt::Never {
            return told("unknown", "encrypt = \"never\"");
        }
        let chosen = role.choose_encryption_by(self.policy.legacy_encryption(), self.rules);
        match chosen {
            Ok(None) if self.policy.encrypt == Encrypt::Always => {
                told("fails", "encrypt = \"always\"")
            }
            Ok(None) => told("unknown", ""),
            Ok(Some(way)) => match compose_for(plan, Some(&way), key) {
                Ok(_) => told(
                    "holds",
                    &format!("{} {}", way.data().uri(), way.transport().uri()),
                ),
                Err(why) => Step::refused("encryption", CLAUSE, &why),
            },
            Err(why) => Step::refused("encryption", CLAUSE, &why),
        }
    }

    fn pretty(&self, xml: &str) -> String {
        let known = Known {
            entity: &|_| None,
            now: self.now,
            rules: self.rules,
            loopback_http: true,
        };
        examine(xml, &known).map_or_else(|_| xml.to_owned(), |seen| seen.pretty)
    }
}

fn of_acs(acs: Option<&IndexedEndpoint>) -> Step {
    let verdict = if acs.is_some() { "holds" } else { "fails" };
    let found = acs.map(|acs| acs.location.clone()).unwrap_or_default();
    Step::own("acs", "SAML Profiles 4.1.2", verdict, found)
}

/// What the service says it cannot do without.
fn required(decisions: &[Decision]) -> Step {
    let missing = decisions.iter().filter(|one| one.required);
    let missing = missing.filter(|one| !matches!(one.outcome, Outcome::Sent(_)));
    let missing: Vec<&str> = missing.map(|one| one.wire.short).collect();
    let verdict = if missing.is_empty() { "holds" } else { "fails" };
    Step::own(
        "required",
        "SAML Metadata 2.4.4.2",
        verdict,
        missing.join(" "),
    )
}

/// What else would be sent.
fn asked(decisions: &[Decision]) -> Step {
    let sent = decisions.iter();
    let sent = sent.filter(|one| matches!(one.outcome, Outcome::Sent(_)));
    let sent: Vec<&str> = sent.map(|one| one.wire.short).collect();
    Step::own("asked", "SAML Metadata 2.4.4.2", "unknown", sent.join(" "))
}

fn of_identifier(format: Option<&Option<NameIdFormat>>) -> Step {
    let verdict = if format.is_some() { "holds" } else { "fails" };
    let uri = format.and_then(Option::as_ref).map(NameIdFormat::uri);
    let found = uri.unwrap_or_default().to_owned();
    Step::own("identifier", "SAML Core 3.4.1.1", verdict, found)
}

/// Every verdict that a step may have.
pub(crate) const VERDICTS: [&str; 4] = Verdict::WORDS;
