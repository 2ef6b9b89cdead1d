//! The page: who asks, what would be sent, what is missing, and three ways on.

use saml::NameIdFormat;
use serde::Serialize;
use web::{Page, Visit};

use super::Prospect;
use crate::flow::Flow;
use crate::realm::Realm;
use crate::release::{Decision, Outcome};

pub(super) const FORM: &str = "idp-information";
/// What the field that keeps an attribute back is called, before its short name.
pub(super) const DECLINE: &str = "decline-";
/// Something that a service requires is missing.
pub(super) const MISSING: &str = "EDU-4008";

/// « Ce que … recevra »
#[derive(Serialize)]
pub(crate) struct InformationPage {
    action: String,
    flow: String,
    sp: String,
    shown: String,
    service: Service,
    /// Stem of what the name identifier is called, if there is one.
    identifier: Option<&'static str>,
    attributes: Vec<Row>,
    missing: Vec<Lack>,
    /// Code of what is missing.
    code: Option<&'static str>,
    refused: bool,
    remember: bool,
    notice: Notice,
    /// Who helps.
    contact: Option<String>,
    releases: String,
    tutoie: bool,
    #[serde(skip)]
    form_action: Option<String>,
}

/// What is said before everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Notice {
    None,
    /// The form was too old.
    Expired,
    /// What would be sent is not what was shown.
    Changed,
}

/// The service that asks, as its metadata shows it.
#[derive(Serialize)]
struct Service {
    name: String,
    /// It has a name of its own; else its entityID stands for one.
    is_named: bool,
    id: String,
    description: Option<String>,
    privacy: Option<String>,
}

/// One attribute by its short name, and the very values.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    values: Vec<String>,
    /// The service can do without, and the person may keep it back.
    optional: bool,
    /// They did so before.
    declined: bool,
}

/// One that is missing, and the stem of the reason.
#[derive(Serialize)]
struct Lack {
    name: &'static str,
    reason: &'static str,
}

impl InformationPage {
    pub(super) fn of(
        visit: &Visit,
        realm: &Realm,
        (id, flow): (&str, &Flow),
        ((prospect, before), refused, notice): ((&Prospect, &[String]), bool, Notice),
    ) -> Self {
        let optional = prospect.said.optional();
        let rows = prospect.said.decisions.iter().filter_map(Row::of);
        let rows = rows.map(|row| Row {
            optional: optional.contains(&row.name),
            declined: before.iter().any(|name| name == row.name),
            ..row
        });
        let missing: Vec<Lack> = prospect.missing().into_iter().map(Lack::of).collect();
        let name_id = prospect.said.name_id.as_ref();
        let contact = realm.parts.ui.technical_contact.as_deref();
        Self {
            action: realm.path("/information"),
            flow: id.to_owned(),
            sp: flow.service.to_string(),
            shown: prospect.mark(realm, flow),
            service: Service::of(visit, realm, flow),
            identifier: name_id.map(|name_id| match name_id.format {
                NameIdFormat::Persistent => "lasting",
                NameIdFormat::EmailAddress => "mail",
                _ => "passing",
            }),
            attributes: rows.collect(),
            code: (!missing.is_empty()).then_some(MISSING),
            missing,
            refused,
            remember: prospect.can_be_remembered(),
            notice,
            contact: contact.map(|mail| mail.trim_start_matches("mailto:").to_owned()),
            releases: realm.path("/releases"),
            tutoie: realm.tutoie(),
            form_action: flow.form_action(),
        }
    }
}

impl Service {
    fn of(visit: &Visit, realm: &Realm, flow: &Flow) -> Self {
        let lang = visit.lang().as_str();
        let snapshot = realm.federation.snapshot();
        let ui = snapshot.entity(&flow.service).map(|entity| &entity.ui);
        let name = ui.and_then(|ui| ui.display_name(lang));
        let id = flow.service.to_string();
        Self {
            name: name.map_or_else(|| id.clone(), str::to_owned),
            is_named: name.is_some(),
            id,
            description: ui.and_then(|ui| ui.description(lang)).map(str::to_owned),
            privacy: ui.and_then(|ui| ui.privacy_url(lang)).map(str::to_owned),
        }
    }
}

impl Row {
    fn of(decision: &Decision) -> Option<Self> {
        let Outcome::Sent(values) = &decision.outcome else {
            return None;
        };
        Some(Self {
            name: decision.wire.short,
            values: values.clone(),
            optional: false,
            declined: false,
        })
    }
}

impl Lack {
    fn of(decision: &Decision) -> Self {
        Self {
            name: decision.wire.short,
            reason: match decision.outcome {
                Outcome::Minor => "minor",
                Outcome::Withheld => "withheld",
                Outcome::ForeignScope => "scope",
                Outcome::Empty
                | Outcome::Sent(_)
                | Outcome::NotSignalled
                | Outcome::TooLong
                | Outcome::Declined => "empty",
            },
        }
    }
}

impl Page for InformationPage {
    const TEMPLATE: &'static str = "idp-information.html";

    fn samples() -> Vec<Self> {
        vec![
            sample("lasting", false),
            Self {
                identifier: None,
                attributes: Vec::new(),
                remember: false,
                notice: Notice::Expired,
                ..sample("mail", true)
            },
            Self {
                notice: Notice::Changed,
                contact: None,
                ..lacking(false)
            },
            lacking(true),
        ]
    }

    fn form_action(&self) -> Option<String> {
        self.form_action.clone()
    }

    fn tutoie(&self) -> bool {
        self.tutoie
    }
}

fn sample(identifier: &'static str, bare: bool) -> InformationPage {
    let id = "https://service.example/sp".to_owned();
    let text = |text: &str| (!bare).then(|| text.to_owned());
    let row = |name, values: &[&str]| Row {
        name,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        optional: values.len() > 1,
        declined: bare,
    };
    InformationPage {
        action: "/idp/personnel/information".to_owned(),
        flow: "f".to_owned(),
        sp: id.clone(),
        shown: "m".to_owned(),
        service: Service {
            name: text("Bibliothèque").unwrap_or_else(|| id.clone()),
            is_named: !bare,
            id,
            description: text("Des livres pour la classe"),
            privacy: text("https://service.example/donnees"),
        },
        identifier: Some(identifier),
        attributes: vec![
            row("mail", &["anne.martin@ac-demo.example"]),
            row("FrEduRne", &["9990101F", "9990102G"]),
        ],
        missing: Vec::new(),
        code: None,
        refused: false,
        remember: true,
        notice: Notice::None,
        contact: Some("aide@ac-demo.example".to_owned()),
        releases: "/idp/personnel/releases".to_owned(),
        tutoie: bare,
        form_action: None,
    }
}

fn lacking(refused: bool) -> InformationPage {
    let reasons = [
        ("mail", "empty"),
        ("title", "withheld"),
        ("sn", "minor"),
        ("eduPersonPrincipalName", "scope"),
    ];
    let missing = reasons.map(|(name, reason)| Lack { name, reason });
    InformationPage {
        missing: missing.into(),
        code: Some(MISSING),
        refused,
        tutoie: refused,
        ..sample("passing", false)
    }
}
