//! `/compte/otp/ajouter`: an application on a phone is activated; nothing counts before a code it
//! shows was typed.

use std::fmt::Write;

use actix_web::HttpResponse;
use actix_web::web::Data;
use directory::factors::{AT_MOST, Proof};
use directory::{Fault, otp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::{Color, EcLevel, QrCode};
use serde::{Deserialize, Serialize};
use web::{Badge, Form, Page, Refused, Visit};

use crate::factors::{Proven, fresh_codes, told};
use crate::home::sample_badge;
use crate::letters::{self, Kind};
use crate::{Account, refusals};

const FORM: &str = "account-otp";
/// Letters of a name that is given to a factor.
const LONGEST_NAME: usize = 40;
/// Light modules around a code, for cameras to find it (ISO/IEC 18004, 6.3.8).
const QUIET: usize = 4;
/// RFC 3986 2.3: all but unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// « Activer votre clé OTP »
#[derive(Serialize)]
pub(crate) struct OtpPage {
    badge: Badge,
    pupil: bool,
    action: &'static str,
    notice: &'static str,
    name: String,
    /// What an application is told, as an address.
    address: String,
    /// The same as a picture.
    picture: Picture,
    /// The seed in groups of four, for who types it.
    seed: Vec<String>,
    /// Whether there is a list to go back to.
    has_one: bool,
}

/// A QR code: dark modules as an SVG path, and the side of its square.
#[derive(Debug, Serialize)]
struct Picture {
    side: usize,
    path: String,
}

impl Picture {
    /// `None`: the text is too long for a code.
    fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text.as_bytes(), EcLevel::M).ok()?;
        let width = code.width();
        let modules = code.to_colors();
        let mut path = String::new();
        for (y, row) in modules.chunks(width).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|one, other| one == other) {
                if run.first() == Some(&Color::Dark) {
                    let (x, y, n) = (x + QUIET, y + QUIET, run.len());
                    // Writing to a String never fails.
                    write!(path, "M{x} {y}h{n}v1h-{n}z").ok();
                }
                x += run.len();
            }
        }
        Some(Self {
            side: width + 2 * QUIET,
            path,
        })
    }
}

/// What applications read: the "Key Uri Format" that all of them take, with its usual values named.
fn address(issuer: &str, login: &str, seed: &str) -> String {
    let encode = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    // The label is parted by a colon, which no part may hold.
    let issuer = issuer.replace(':', " ");
    format!(
        "otpauth://totp/{issuer}:{login}?secret={seed}&issuer={issuer}&algorithm=SHA1&digits={digits}&period={period}",
        issuer = encode(&issuer),
        login = encode(login),
        digits = otp::DIGITS,
        period = otp::PERIOD_S,
    )
}

/// In groups of four letters.
fn grouped(seed: &str) -> Vec<String> {
    let letters: Vec<char> = seed.chars().collect();
    letters
        .chunks(4)
        .map(|four| four.iter().collect())
        .collect()
}

impl Page for OtpPage {
    const TEMPLATE: &'static str = "account-otp.html";

    fn samples() -> Vec<Self> {
        let seed = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
        let address = address("Académie", "amartin", seed);
        let page = |notice: &'static str, has_one: bool| Self {
            badge: sample_badge(),
            pupil: notice == "wrong",
            action: "/compte/otp/ajouter",
            notice,
            name: if has_one { "Tablette" } else { "" }.to_owned(),
            address: address.clone(),
            picture: Picture {
                side: 9,
                path: "M4 4h1v1h-1z".to_owned(),
            },
            seed: grouped(seed),
            has_one,
        };
        vec![
            page("", false),
            page("expired", false),
            page("wrong", false),
            page("wrong", true),
        ]
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
    otp: Option<String>,
    name: Option<String>,
}

impl Typed {
    pub(crate) fn of(csrf: Option<String>, otp: Option<String>, name: Option<String>) -> Self {
        Self { csrf, otp, name }
    }

    fn name(&self) -> String {
        short_name(self.name.as_deref())
    }
}

/// What its owner calls a factor: one short line.
pub(crate) fn short_name(typed: Option<&str>) -> String {
    let name = typed.unwrap_or_default().trim();
    name.chars()
        .filter(|letter| !letter.is_control())
        .take(LONGEST_NAME)
        .collect()
}

/// `GET`: the form, with the seed of this session.
pub(crate) async fn show(visit: Visit, account: Data<Account>) -> Result<HttpResponse, Refused> {
    match account.proven(&visit, "/compte/otp/ajouter").await? {
        Ok(proven) if proven.factors.len() >= AT_MOST => Ok(visit.see_other("/compte/otp")),
        Ok(proven) => page(&visit, &account, &proven, ("", "")).await,
        Err(asked) => Ok(asked),
    }
}

/// `POST`: takes the first code.
pub(crate) async fn activate(
    visit: Visit,
    account: Data<Account>,
    Form(typed): Form<Typed>,
) -> Result<HttpResponse, Refused> {
    match account.proven(&visit, "/compte/otp/ajouter").await? {
        Ok(proven) => judge(&visit, &account, proven, typed).await,
        Err(asked) => Ok(asked),
    }
}

/// What a first code comes to.
pub(crate) async fn judge(
    visit: &Visit,
    account: &Account,
    proven: Proven,
    typed: Typed,
) -> Result<HttpResponse, Refused> {
    let name = typed.name();
    if visit.check_csrf(FORM, typed.csrf.as_deref()).is_err() {
        return page(visit, account, &proven, ("expired", &name)).await;
    }
    let signed = &proven.signed;
    let person = signed.person.id.as_str();
    let code = typed.otp.as_deref().unwrap_or_default();
    let factors = &account.parts.directory.factors;
    let proof = factors
        .confirm((person, &signed.session), (&name, code), visit.edge().now())
        .await;
    let proof = match proof {
        // Ten are there: another window was faster.
        Err(Fault::Unfit { .. }) => return Ok(visit.see_other("/compte/otp")),
        proof => proof.map_err(refusals::away)?,
    };
    match proof {
        Proof::Right(_) => activated(visit, account, &proven).await,
        Proof::Used(_) | Proof::Wrong => {
            told(visit, person, "refused");
            page(visit, account, &proven, ("wrong", &name)).await
        }
        Proof::Wait(seconds) => {
            told(visit, person, "throttled");
            Err(refusals::wait(seconds))
        }
    }
}

/// The first factor comes with recovery codes; a further one leaves those there are.
pub(crate) async fn activated(
    visit: &Visit,
    account: &Account,
    proven: &Proven,
) -> Result<HttpResponse, Refused> {
    let person = proven.signed.person.id.as_str();
    told(visit, person, "activated");
    letters::tell_everywhere(visit, account, &proven.signed.person, &Kind::Factors).await;
    let left = account.parts.directory.factors.codes_left(person).await;
    if left.map_err(refusals::away)? > 0 {
        return Ok(visit.see_other("/compte/otp"));
    }
    fresh_codes(visit, account, &proven.signed, true).await
}

pub(crate) async fn page(
    visit: &Visit,
    account: &Account,
    proven: &Proven,
    (notice, name): (&'static str, &str),
) -> Result<HttpResponse, Refused> {
    let signed = &proven.signed;
    let factors = &account.parts.directory.factors;
    let now = visit.edge().now();
    let seed = factors.begin(&signed.person.id, &signed.session, now).await;
    let seed = otp::base32(&seed.map_err(refusals::away)?);
    let service = &account.parts.service;
    let issuer = service.provider_name(&signed.provider, visit.lang());
    let issuer = issuer.unwrap_or_else(|| visit.edge().public_url().join(""));
    let address = address(&issuer, &signed.person.login, &seed);
    let picture = Picture::of(&address)
        .ok_or_else(|| Refused::away("EDU-7401", "the seed fits no QR code"))?;
    visit.page(&OtpPage {
        badge: signed.badge.clone(),
        pupil: signed.tutoie(),
        action: if proven.factors.is_empty() {
            "/compte/otp"
        } else {
            "/compte/otp/ajouter"
        },
        notice,
        name: name.to_owned(),
        address,
        picture,
        seed: grouped(&seed),
        has_one: !proven.factors.is_empty(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_read_back_by_another_hand() {
        let text = address(
            "Personnels : académie",
            "amartin",
            "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        );
        assert!(
            text.starts_with("otpauth://totp/Personnels%20%20%20acad%C3%A9mie:amartin?secret=")
        );
        let picture = Picture::of(&text).unwrap();
        let mut dark = vec![vec![false; picture.side]; picture.side];
        for run in picture.path.split('z').filter(|run| !run.is_empty()) {
            let (x, rest) = run.trim_start_matches('M').split_once(' ').unwrap();
            let (y, rest) = rest.split_once('h').unwrap();
            let (n, _) = rest.split_once('v').unwrap();
            let [x, y, n] = [x, y, n].map(|text| text.parse::<usize>().unwrap());
            dark[y][x..x + n].fill(true);
        }
        let zoom = 4;
        let side = picture.side * zoom;
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| {
            if dark[y / zoom][x / zoom] { 0 } else { 255 }
        });
        let grids = image.detect_grids();
        let (_, read) = grids[0].decode().unwrap();
        assert_eq!(read, text);
    }

    #[test]
    fn a_name_is_one_short_line() {
        let name = |name: &str| Typed::of(None, None, Some(name.to_owned())).name();
        assert_eq!(name("  Mon té\u{0}lé\nphone "), "Mon téléphone");
        assert_eq!(name(&"é".repeat(100)).chars().count(), LONGEST_NAME);
        assert_eq!(Typed::of(None, None, None).name(), "");
    }
}
