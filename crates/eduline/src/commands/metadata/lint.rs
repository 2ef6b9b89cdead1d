//! `eduline metadata lint`: what is wrong with a document, and on which line, in French: it is read
//! by whoever wrote the metadata, in a school or a company of the académie.

use saml::metadata::{Document, Entity, ReadPolicy};
use saml::{Moment, Refusal as Broken};
use serde_json::{Value, json};
use web::Edge;

use crate::cli::Json;
use crate::commands::saml::french;
use crate::commands::{Refusal, registered};
use crate::say::Voice;
use crate::settings::Settings;

/// One thing that was found.
pub(crate) struct Finding {
    line: Option<u64>,
    entity: Option<String>,
    pub(crate) is_error: bool,
    /// `EDU-2xxx` for what is refused.
    code: &'static str,
    /// In French.
    reason: String,
    /// The rule, and what was found, as the journal would say it.
    detail: String,
}

/// Looks at a document: exit code 1 when something in it would be refused.
pub(super) fn run(settings: &Settings, from: &str, print: &Json) -> Result<(), Refusal> {
    let xml = registered::text_of(settings, from, super::LONGEST)?;
    let (read, findings) = look(settings, &xml);
    let entities = read.len();
    let errors = findings.iter().filter(|one| one.is_error).count();
    let lines = findings.iter().map(|one| one.told(from));
    let total = format!(
        "{from} : {entities} entité(s) lisible(s), {errors} erreur(s), {} avertissement(s)",
        findings.len() - errors
    );
    let lines: Vec<String> = lines.chain([total]).collect();
    let value = json!({
        "entities": entities,
        "findings": findings.iter().map(Finding::value).collect::<Vec<_>>(),
    });
    Voice::of(print.json).tell(&lines, &value);
    if errors == 0 {
        Ok(())
    } else {
        Err(Refusal(Vec::new()))
    }
}

/// The entities that can be read of a document, and all there is to say of it, by lines.
pub(crate) fn look(settings: &Settings, xml: &str) -> (Vec<Entity>, Vec<Finding>) {
    let now = Edge::system_clock()();
    let policy = ReadPolicy {
        pinned: &[],
        now,
        horizon_days: None,
        loopback_http: !settings.server.public_url.is_https(),
    };
    match saml::metadata::read(xml, &policy) {
        Err(why) => (Vec::new(), vec![of_document(&why)]),
        Ok(document) => {
            let findings = findings(xml, &document, now);
            (document.entities, findings)
        }
    }
}

impl Finding {
    /// Something else that is to be said of an entity, and the rule behind it.
    pub(crate) fn about(entity: &Entity, xml: &str, reason: String, rule: &'static str) -> Self {
        Self {
            line: line_of(xml, entity.id.as_str()),
            entity: Some(entity.id.to_string()),
            is_error: false,
            code: "",
            reason,
            detail: rule.to_owned(),
        }
    }

    /// A line for a person.
    pub(crate) fn told(&self, from: &str) -> String {
        let level = if self.is_error {
            "erreur"
        } else {
            "avertissement"
        };
        let line = self.line.map_or(String::new(), |line| format!(":{line}"));
        let entity = self.entity.as_deref().unwrap_or("document");
        let detail = if self.detail.is_empty() {
            String::new()
        } else {
            format!(" [{}]", format!("{} {}", self.code, self.detail).trim())
        };
        format!("{from}{line}: {level} : {entity} : {}{detail}", self.reason)
    }

    /// For a program.
    pub(crate) fn value(&self) -> Value {
        json!({
            "line": self.line,
            "entityID": self.entity,
            "level": if self.is_error { "error" } else { "warning" },
            "code": self.code,
            "reason": self.reason,
            "detail": self.detail,
        })
    }
}

fn of_document(why: &Broken) -> Finding {
    let said = why.to_string();
    Finding {
        line: line_in(&said),
        entity: None,
        is_error: true,
        code: why.code(),
        reason: french(why.code()),
        detail: format!("{said} ({})", why.clause()),
    }
}

/// The line that an XML reader names: "… at 12:5".
fn line_in(said: &str) -> Option<u64> {
    let (_, place) = said.rsplit_once(" at ")?;
    place.split_once(':')?.0.parse().ok()
}

fn findings(xml: &str, document: &Document, now: Moment) -> Vec<Finding> {
    let mut all: Vec<Finding> = document
        .left_out
        .iter()
        .map(|one| Finding {
            line: Some(one.line.into()),
            entity: Some(one.entity_id.clone()),
            is_error: true,
            code: one.reason.code(),
            reason: french(one.reason.code()),
            detail: format!("{} ({})", one.reason, one.reason.clause()),
        })
        .collect();
    if document.valid_until.is_none() {
        all.push(warning(
            None,
            "pas de validUntil : une source à une adresse serait refusée",
            "IIP-MD04",
        ));
    }
    for entity in &document.entities {
        let line = line_of(xml, entity.id.as_str());
        for (reason, rule) in advice(entity, now) {
            let mut finding = warning(Some(entity.id.to_string()), reason, rule);
            finding.line = line;
            all.push(finding);
        }
    }
    all.sort_by_key(|one| one.line);
    all
}

fn warning(entity: Option<String>, reason: &str, rule: &str) -> Finding {
    Finding {
        line: None,
        entity,
        is_error: false,
        code: "",
        reason: reason.to_owned(),
        detail: rule.to_owned(),
    }
}

/// The line on which an entity is named first.
fn line_of(xml: &str, id: &str) -> Option<u64> {
    let escaped = id.replace('&', "&amp;");
    let at = [escaped.as_str(), id].into_iter().find_map(|id| {
        let quoted = [format!("entityID=\"{id}\""), format!("entityID='{id}'")];
        quoted.iter().find_map(|text| xml.find(text.as_str()))
    })?;
    let before = xml.get(..at)?;
    u64::try_from(before.matches('\n').count() + 1).ok()
}

/// What is taken, and will not serve people as it might.
fn advice(entity: &Entity, now: Moment) -> Vec<(&'static str, &'static str)> {
    let (idp, sp) = (entity.idp.as_ref(), entity.sp.as_ref());
    let keys = idp.iter().flat_map(|role| &role.signing_keys);
    let mut keys = keys.chain(sp.iter().flat_map(|role| &role.signing_keys));
    let is_old = keys.any(|key| key.not_after().is_some_and(|end| end < now));
    let ui = &entity.ui;
    let all = [
        (
            is_old,
            "un certificat est expiré : accepté ici (seule la clé compte), refusé par d'autres",
            "IIP-MD12",
        ),
        (
            ui.display_names.is_empty(),
            "pas de mdui:DisplayName : les personnes verront un nom de machine",
            "MDUI 2.1.2",
        ),
        (
            ui.technical_contact.is_none(),
            "pas de contact technique : personne à prévenir en cas de panne",
            "SAML Metadata 2.3.2.2",
        ),
        (
            idp.is_some_and(|role| role.scopes.is_empty()),
            "pas de shibmd:Scope : les attributs à portée (subject-id…) ne seront pas crus",
            "SHIBMD Scope",
        ),
        (
            sp.is_some_and(|role| role.discovery.is_empty()),
            "pas de idpdisc:DiscoveryResponse : le choix du profil ne pourra pas être renvoyé à ce service",
            "IDP Discovery 2.5",
        ),
        (
            sp.is_some_and(|role| role.encryption_keys.is_empty()),
            "pas de clé de chiffrement : les assertions partiront en clair dans le navigateur",
            "SAML Metadata 2.4.1.1",
        ),
        (
            sp.is_some() && ui.privacy_urls.is_empty(),
            "pas de mdui:PrivacyStatementURL : exigée par le code de conduite (CoCo)",
            "MDUI 2.1.7",
        ),
    ];
    let met = all.into_iter().filter(|(is_so, _, _)| *is_so);
    met.map(|(_, reason, rule)| (reason, rule)).collect()
}
