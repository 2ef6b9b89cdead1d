//! The page: a code, or where one is activated.

use chrono::{DateTime, Utc};
use saml::EntityId;
use serde::Serialize;
use web::Page;

use super::mailed::Offer;
use crate::flow::name;
use crate::passkey::Ask;
use crate::realm::Realm;

pub(super) const FORM: &str = "second-factor";

/// « Deuxième vérification »
#[derive(Serialize)]
pub(crate) struct SecondFactorPage {
    action: String,
    flow: String,
    sp: String,
    service: Option<String>,
    notice: &'static str,
    /// Seconds until the next code, when the last one was used.
    wait: u32,
    activate: Option<Activate>,
    other_profile: String,
    passkey: Option<Ask>,
    mail: Option<Offer>,
    tutoie: bool,
}

/// There is no factor yet.
#[derive(Serialize)]
struct Activate {
    at: &'static str,
    /// Until when it can be put off: for machines and for people.
    until: Option<(String, String)>,
}

/// What the page asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// A code.
    Code,
    /// That a factor is activated, and until when that can be put off.
    Activation(Option<DateTime<Utc>>),
}

/// What is said before everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    None,
    /// The form was too old.
    Expired,
    Wrong,
    /// The code is not the one that was sent.
    WrongMail,
    /// The code was taken before: seconds until the next.
    Used(u32),
}

impl SecondFactorPage {
    pub(super) fn of(
        realm: &Realm,
        (flow, service): (&str, &EntityId),
        named: Option<&str>,
        (notice, asks): (Notice, Asks),
        (passkey, mail): (Option<Ask>, Option<Offer>),
    ) -> Self {
        Self {
            action: realm.path("/second-factor"),
            flow: flow.to_owned(),
            sp: service.to_string(),
            service: named.map(str::to_owned),
            notice: notice.word(),
            wait: match notice {
                Notice::Used(seconds) => seconds,
                _ => 0,
            },
            activate: match asks {
                Asks::Code => None,
                Asks::Activation(until) => Some(Activate::until(until)),
            },
            other_profile: realm.path(&format!("/other?{}", name(flow, service))),
            passkey,
            mail,
            tutoie: realm.tutoie(),
        }
    }
}

impl Activate {
    fn until(until: Option<DateTime<Utc>>) -> Self {
        Self {
            at: "/compte/otp",
            until: until.map(|until| {
                let machine = until.format("%Y-%m-%d").to_string();
                (machine, until.format("%d/%m/%Y").to_string())
            }),
        }
    }
}

impl Notice {
    fn word(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Expired => "expired",
            Self::Wrong => "wrong",
            Self::WrongMail => "mail-wrong",
            Self::Used(0) => "used-now",
            Self::Used(_) => "used",
        }
    }
}

impl Page for SecondFactorPage {
    const TEMPLATE: &'static str = "idp-second-factor.html";

    fn samples() -> Vec<Self> {
        let day = DateTime::from_timestamp(1_796_800_000, 0);
        let page = |notice: Notice, asks: Asks| Self {
            action: "/idp/personnel/second-factor".to_owned(),
            flow: "f".to_owned(),
            sp: "https://eduline.example/portail".to_owned(),
            service: (notice != Notice::Wrong).then(|| "Portail des applications".to_owned()),
            notice: notice.word(),
            wait: 12,
            activate: match asks {
                Asks::Code => None,
                Asks::Activation(until) => Some(Activate::until(until)),
            },
            other_profile: "/idp/personnel/other".to_owned(),
            passkey: (notice == Notice::None && asks == Asks::Code).then(Ask::sample),
            mail: None,
            tutoie: notice == Notice::Wrong,
        };
        let mailed = |notice, is_sent| Self {
            mail: Some(Offer::sample(is_sent)),
            ..page(notice, Asks::Activation(day))
        };
        vec![
            page(Notice::None, Asks::Code),
            page(Notice::Expired, Asks::Code),
            page(Notice::Wrong, Asks::Code),
            page(Notice::Used(12), Asks::Code),
            page(Notice::Used(0), Asks::Code),
            page(Notice::None, Asks::Activation(day)),
            page(Notice::None, Asks::Activation(None)),
            mailed(Notice::None, false),
            mailed(Notice::None, true),
            mailed(Notice::WrongMail, true),
            page(Notice::Wrong, Asks::Activation(day)),
        ]
    }

    fn tutoie(&self) -> bool {
        self.tutoie
    }
}
