//! `/compte/otp/jeton`: a hardware token becomes its owner's by its serial number and a code it shows; they choose
//! the PIN that goes before its codes.

use actix_web::HttpResponse;
use actix_web::web::Data;
use directory::Fault;
use directory::factors::{AT_MOST, Proof};
use directory::tokens::{Claim, LONGEST_SERIAL, pin};
use serde::{Deserialize, Serialize};
use web::{Badge, Form, Page, Refused, Visit};

use crate::factors::{Proven, told};
use crate::home::sample_badge;
use crate::{Account, otp, refusals};

const FORM: &str = "account-token";
const PATH: &str = "/compte/otp/jeton";

/// « Activer une clé OTP par son numéro de série »
#[derive(Serialize)]
pub(crate) struct TokenPage {
    badge: Badge,
    pupil: bool,
    notice: &'static str,
    serial: String,
    /// Whether there is a list to go back to.
    has_one: bool,
}

impl Page for TokenPage {
    const TEMPLATE: &'static str = "account-token.html";

    fn samples() -> Vec<Self> {
        ["", "expired", "wrong", "pin", "pins"]
            .map(|notice| Self {
                badge: sample_badge(),
                pupil: notice == "pin",
                notice,
                serial: if notice.is_empty() { "" } else { "FT0042" }.to_owned(),
                has_one: notice == "wrong",
            })
            .into()
    }

    fn user(&self) -> Option<Badge> {
        Some(self.badge.clone())
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Typed {
    csrf: Option<String>,
    numero: Option<String>,
    otp: Option<String>,
    pin: Option<String>,
    confirmation: Option<String>,
}

/// `GET`: the form.
pub(crate) async fn show(visit: Visit, account: Data<Account>) -> Result<HttpResponse, Refused> {
    match account.proven(&visit, PATH).await? {
        Ok(proven) if proven.factors.len() >= AT_MOST => Ok(visit.see_other("/compte/otp")),
        Ok(proven) => page(&visit, &proven, ("", "")),
        Err(asked) => Ok(asked),
    }
}

/// `POST`: takes the token.
pub(crate) async fn claim(
    visit: Visit,
    account: Data<Account>,
    Form(typed): Form<Typed>,
) -> Result<HttpResponse, Refused> {
    let proven = match account.proven(&visit, PATH).await? {
        Ok(proven) => proven,
        Err(asked) => return Ok(asked),
    };
    let serial: String = typed.numero.unwrap_or_default();
    let serial: String = serial.chars().take(LONGEST_SERIAL).collect();
    if visit.check_csrf(FORM, typed.csrf.as_deref()).is_err() {
        return page(&visit, &proven, ("expired", &serial));
    }
    let chosen = typed.pin.unwrap_or_default();
    let Some(chosen) = pin(&chosen) else {
        return page(&visit, &proven, ("pin", &serial));
    };
    if typed.confirmation.as_deref().map(str::trim) != Some(chosen) {
        return page(&visit, &proven, ("pins", &serial));
    }
    let code = typed.otp.unwrap_or_default();
    let claim = Claim {
        serial: &serial,
        code: &code,
        pin: chosen,
    };
    let person = proven.signed.person.id.as_str();
    let tokens = &account.parts.directory.tokens;
    let proof = match tokens.claim(person, &claim, visit.edge().now()).await {
        // Ten are there: another window was faster.
        Err(Fault::Unfit { .. }) => return Ok(visit.see_other("/compte/otp")),
        proof => proof.map_err(refusals::away)?,
    };
    match proof {
        Proof::Right(_) => otp::activated(&visit, &account, &proven).await,
        Proof::Used(_) | Proof::Wrong => {
            told(&visit, person, "refused");
            page(&visit, &proven, ("wrong", &serial))
        }
        Proof::Wait(seconds) => {
            told(&visit, person, "throttled");
            Err(refusals::wait(seconds))
        }
    }
}

fn page(
    visit: &Visit,
    proven: &Proven,
    (notice, serial): (&'static str, &str),
) -> Result<HttpResponse, Refused> {
    visit.page(&TokenPage {
        badge: proven.signed.badge.clone(),
        pupil: proven.signed.tutoie(),
        notice,
        serial: serial.to_owned(),
        has_one: !proven.factors.is_empty(),
    })
}
