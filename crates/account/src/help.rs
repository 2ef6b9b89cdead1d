//! `/compte/aide`: « Problème ? »

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use web::{Page, Refused, Visit};

use crate::Account;

/// Whom to ask, as the operator wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Help {
    /// A telephone number.
    pub phone: Option<String>,
    /// An address of mail.
    pub mail: Option<String>,
    /// When somebody is there.
    pub hours: Option<String>,
}

/// « Problème ? »
#[derive(Debug, Serialize)]
pub(crate) struct HelpPage {
    help: Help,
}

impl Page for HelpPage {
    const TEMPLATE: &'static str = "account-help.html";

    fn samples() -> Vec<Self> {
        let whole = Help {
            phone: Some("03 20 00 00 00".into()),
            mail: Some("assistance@ac-demo.example".into()),
            hours: Some("8 h – 18 h".into()),
        };
        [whole, Help::default()].map(|help| Self { help }).into()
    }
}

/// The page.
pub(crate) async fn show(visit: Visit, account: Data<Account>) -> Result<HttpResponse, Refused> {
    let help = account.parts.help.clone();
    visit.page(&HelpPage { help })
}
