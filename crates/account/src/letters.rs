//! The letters of this room: a code, a login, and what was changed (A15).

use chrono::TimeDelta;
use directory::Person;
use directory::recovery::SENT;
use mail::Letter;
use web::{Refused, Visit};

use crate::{Account, refusals};

/// How long it is worth telling somebody that something was changed.
const NEWS: TimeDelta = TimeDelta::days(2);

/// What a letter says.
pub(crate) enum Kind {
    /// A code, to set a new password.
    Code(String),
    /// The login.
    Login,
    /// To the professional address: a code was sent elsewhere.
    CodeAsked,
    /// To the professional address: a code was asked for, and there is nowhere to send it.
    NoContact,
    /// The password was changed.
    Changed,
    /// To a new recovery address: the code that confirms it.
    Confirm(String),
    /// Second factors or recovery codes were changed.
    Factors,
    /// The recovery contact was changed.
    ContactChanged,
    /// What the help desk did.
    Desk(&'static str),
}

impl Kind {
    /// Its words: `account.letter-<stem>-subject` and `-text`.
    fn stem(&self) -> &'static str {
        match self {
            Self::Code(_) => "code",
            Self::Login => "login",
            Self::CodeAsked => "asked",
            Self::NoContact => "nowhere",
            Self::Changed => "changed",
            Self::Confirm(_) => "confirm",
            Self::ContactChanged => "contact",
            Self::Factors => "factors",
            Self::Desk(_) => "desk",
        }
    }
}

/// The letter in the visitor's language.
pub(crate) fn compose(visit: &Visit, person: &Person, to: &str, kind: &Kind) -> Letter {
    let edge = visit.edge();
    let tutoie = person.realm == directory::Realm::Eleve;
    let name = format!("{} {}", person.given_name, person.surname);
    let code = match kind {
        Kind::Code(code) | Kind::Confirm(code) => code.as_str(),
        _ => "",
    };
    let change = edge.public_url().join("/compte/mot-de-passe");
    let portal = edge.public_url().join("/portail/");
    let help = edge.public_url().join("/compte/aide");
    let minutes = SENT.num_minutes().to_string();
    let when = edge.now().format("%d/%m/%Y %H:%M UTC").to_string();
    let values = [
        ("name", name.as_str()),
        ("login", &person.login),
        ("code", code),
        ("minutes", &minutes),
        ("change", &change),
        ("portal", &portal),
        ("help", &help),
        ("when", &when),
        ("reference", visit.reference().as_str()),
    ];
    let say = |part: &str| {
        let what = match kind {
            Kind::Desk(what) if part == "text" => format!("desk-{what}"),
            kind => kind.stem().to_owned(),
        };
        let key = format!("account.letter-{what}-{part}");
        edge.say((visit.lang(), tutoie), &key, &values)
    };
    let end = edge.say((visit.lang(), tutoie), "account.letter-end", &values);
    Letter {
        to: to.to_owned(),
        subject: say("subject"),
        text: format!("{}\n\n{end}\n", say("text")),
    }
}

/// Sends it to the person's professional address, if they have one.
pub(crate) fn send_to_work(
    visit: &Visit,
    account: &Account,
    person: &Person,
    kind: &Kind,
) -> Result<(), Refused> {
    let Some(mail) = &person.mail else {
        return Ok(());
    };
    send(visit, account, (person, mail), kind)
}

/// Sends it there.
pub(crate) fn send(
    visit: &Visit,
    account: &Account,
    (person, to): (&Person, &str),
    kind: &Kind,
) -> Result<(), Refused> {
    let letter = compose(visit, person, to, kind);
    let until = visit.edge().now() + NEWS;
    let taken = account.parts.post.take(letter, until);
    taken.map(drop).map_err(refusals::post)
}

/// Tells a person everywhere they are reached what was changed. What cannot be sent stops nobody: the
/// change is made, and the journal hears of the letter.
pub(crate) async fn tell_everywhere(
    visit: &Visit,
    account: &Account,
    person: &Person,
    kind: &Kind,
) {
    let places = account.parts.directory.reached_at(person).await;
    for place in places.unwrap_or_default() {
        if let Err(why) = send(visit, account, (person, &place), kind) {
            let event = web::Event::new("account.letter.failed");
            visit.tell(
                event
                    .with("person", person.id.as_str())
                    .with("story", why.story),
            );
        }
    }
}
