//! What a service could not do with a person, explained (REFEDS, SAML V2.0 Metadata Deployment
//! Profile for errorURL 1.0).

use chrono::DateTime;
use saml::attribute::ALL;
use saml::names::REFEDS_MFA;
use serde::Serialize;
use web::Page;

/// Characters shown of anything that a service says.
const SHOWN: usize = 200;
/// Things a service may say are missing; more are noise.
const LISTED: usize = 12;

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// The service lacks what it knows people by.
    Identification,
    /// The person did not sign on the way the service wants.
    Authentication,
    /// The person may not use the service.
    Authorization,
    /// Anything else, and what nobody knows.
    Other,
}

impl Kind {
    /// `ERRORURL_CODE`.
    fn parse(code: Option<&str>) -> Self {
        match code {
            Some("IDENTIFICATION_FAILURE") => Self::Identification,
            Some("AUTHENTICATION_FAILURE") => Self::Authentication,
            Some("AUTHORIZATION_FAILURE") => Self::Authorization,
            _ => Self::Other,
        }
    }

    /// What the journal and the counters call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Identification => "identification",
            Self::Authentication => "authentication",
            Self::Authorization => "authorization",
            Self::Other => "other",
        }
    }
}

/// The parameters of the address, as they came; a service that fills none in leaves their names.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) code: Option<String>,
    pub(crate) ts: Option<String>,
    pub(crate) rp: Option<String>,
    pub(crate) tid: Option<String>,
    pub(crate) ctx: Option<String>,
}

/// The page.
#[derive(Debug, Serialize)]
pub(crate) struct TroublePage {
    kind: Kind,
    /// What the service is called, when the federation knows it.
    service: Option<String>,
    /// What it calls itself.
    service_id: Option<String>,
    /// What it says it lacks.
    lacks: Vec<Lacking>,
    at: Option<String>,
    transaction: Option<String>,
}

/// Something a service lacks. `word` names it among the words, when it is known.
#[derive(Debug, Serialize)]
struct Lacking {
    word: Option<String>,
    text: String,
}

impl Lacking {
    fn of(text: &str) -> Self {
        let known = ALL.into_iter().find(|wire| wire.name == text);
        let word = known.map(|wire| format!("attribute.{}", wire.short));
        let word = word.or_else(|| (text == REFEDS_MFA).then(|| "portal.trouble-mfa".into()));
        Self {
            word,
            text: text.to_owned(),
        }
    }
}

impl Said {
    /// What failed.
    pub(crate) fn kind(&self) -> Kind {
        Kind::parse(filled(self.code.as_ref()).as_deref())
    }

    /// The service, as it calls itself.
    pub(crate) fn service(&self) -> Option<String> {
        filled(self.rp.as_ref())
    }

    /// What it calls what failed.
    pub(crate) fn transaction(&self) -> Option<String> {
        filled(self.tid.as_ref())
    }

    /// Seconds since 1970, as the profile wants them.
    fn at(&self) -> Option<String> {
        let seconds: i64 = filled(self.ts.as_ref())?.parse().ok()?;
        let at = DateTime::from_timestamp(seconds, 0)?;
        Some(at.format("%Y-%m-%d %H:%M:%S UTC").to_string())
    }
}

/// A parameter that says something: cut, and without what does not show.
fn filled(value: Option<&String>) -> Option<String> {
    let value = value?.trim();
    if value.is_empty() || value.starts_with("ERRORURL_") {
        return None;
    }
    let shown = value.chars().filter(|c| !c.is_control());
    Some(shown.take(SHOWN).collect())
}

impl TroublePage {
    /// The page for what a service said; `service`: what the federation calls it.
    pub(crate) fn of(said: &Said, service: Option<String>) -> Self {
        let lacks = filled(said.ctx.as_ref()).unwrap_or_default();
        Self {
            kind: said.kind(),
            service,
            service_id: said.service(),
            lacks: lacks
                .split_whitespace()
                .take(LISTED)
                .map(Lacking::of)
                .collect(),
            at: said.at(),
            transaction: said.transaction(),
        }
    }
}

impl Page for TroublePage {
    const TEMPLATE: &'static str = "portal-trouble.html";

    fn samples() -> Vec<Self> {
        let page = |code: &str, ctx: &str| {
            let said = Said {
                code: Some(code.to_owned()),
                ts: Some("1790000000".into()),
                rp: Some("https://sp.example/sp".into()),
                tid: Some("<b>_4a1".into()),
                ctx: Some(ctx.to_owned()),
            };
            Self::of(&said, Some("Magistère".into()))
        };
        let mail = saml::attribute::MAIL.name;
        vec![
            page("IDENTIFICATION_FAILURE", &format!("{mail} urn:x:other")),
            page("AUTHENTICATION_FAILURE", REFEDS_MFA),
            page("AUTHORIZATION_FAILURE", ""),
            Self::of(&Said::default(), None),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: &str) -> Said {
        let text = |text: &str| Some(text.to_owned());
        Said {
            code: text(code),
            ts: text("ERRORURL_TS"),
            rp: text("ERRORURL_RP"),
            tid: text(" "),
            ctx: text("ERRORURL_CTX"),
        }
    }

    #[test]
    fn a_service_that_fills_nothing_in_says_nothing() {
        let page = TroublePage::of(&said("ERRORURL_CODE"), None);
        assert_eq!(page.kind, Kind::Other);
        assert!(page.service_id.is_none() && page.transaction.is_none() && page.at.is_none());
        assert!(page.lacks.is_empty());
    }

    #[test]
    fn an_unknown_code_or_moment_is_none() {
        for code in ["", "authentication_failure", "X", "IDENTIFICATION_FAILURE2"] {
            assert_eq!(said(code).kind(), Kind::Other, "{code}");
        }
        for moment in ["", "-", "99999999999999999999", "2026-11-25", "1e9"] {
            let mut one = said("");
            one.ts = Some(moment.into());
            assert_eq!(one.at(), None, "{moment}");
        }
    }
}
