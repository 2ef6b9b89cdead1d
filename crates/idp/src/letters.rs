//! The letters of this room: a sign-in from a new place (A13), and a code (A05).

use chrono::TimeDelta;
use directory::{Person, Realm as Name};
use mail::Letter;
use web::{Event, Refused, Visit};

use crate::realm::Realm;
use crate::refusals;
use crate::whence::Whence;

/// How long it is worth telling somebody where they signed in.
const NEWS: TimeDelta = TimeDelta::days(2);

/// What a letter says.
pub(crate) enum Kind<'a> {
    /// Their password was given at a place where they never were.
    NewPlace(&'a Whence),
    /// A code that is worth something for so long.
    Code(&'a str, TimeDelta),
}

impl Kind<'_> {
    /// Its words: `idp.letter-<stem>-subject` and `-text`.
    fn stem(&self) -> &'static str {
        match self {
            Self::NewPlace(_) => "place",
            Self::Code(..) => "code",
        }
    }

    fn worth(&self) -> TimeDelta {
        match self {
            Self::NewPlace(_) => NEWS,
            Self::Code(_, worth) => *worth,
        }
    }
}

fn compose(visit: &Visit, (person, to): (&Person, &str), kind: &Kind<'_>) -> Letter {
    let edge = visit.edge();
    let how = (visit.lang(), person.realm == Name::Eleve);
    let name = format!("{} {}", person.given_name, person.surname);
    let (address, device, code) = match kind {
        Kind::NewPlace(whence) => (whence.address.as_str(), whence.device.as_str(), ""),
        Kind::Code(code, _) => ("", "", *code),
    };
    let unknown = edge.say(how, "idp.letter-device-unknown", &[]);
    let device = if device.is_empty() {
        unknown.as_str()
    } else {
        device
    };
    let change = edge.public_url().join("/compte/mot-de-passe");
    let history = edge.public_url().join("/compte/historique");
    let help = edge.public_url().join("/compte/aide");
    let minutes = kind.worth().num_minutes().to_string();
    let when = edge.now().format("%d/%m/%Y %H:%M UTC").to_string();
    let values = [
        ("name", name.as_str()),
        ("login", &person.login),
        ("address", address),
        ("device", device),
        ("code", code),
        ("minutes", &minutes),
        ("change", &change),
        ("history", &history),
        ("help", &help),
        ("when", &when),
        ("reference", visit.reference().as_str()),
    ];
    let say = |part: &str| edge.say(how, &format!("idp.letter-{part}"), &values);
    let stem = kind.stem();
    Letter {
        to: to.to_owned(),
        subject: say(&format!("{stem}-subject")),
        text: format!("{}\n\n{}\n", say(&format!("{stem}-text")), say("end")),
    }
}

/// Sends it there.
pub(crate) fn send(
    visit: &Visit,
    realm: &Realm,
    to: (&Person, &str),
    kind: &Kind<'_>,
) -> Result<(), Refused> {
    let until = visit.edge().now() + kind.worth();
    let taken = realm.post.take(compose(visit, to, kind), until);
    taken.map(drop).map_err(refusals::post)
}

/// Sends it wherever the person is reached. What cannot be sent stops nobody: the journal hears of it.
pub(crate) async fn tell(visit: &Visit, realm: &Realm, person: &Person, kind: &Kind<'_>) {
    let places = realm.directory.reached_at(person).await;
    for place in places.unwrap_or_default() {
        if let Err(why) = send(visit, realm, (person, &place), kind) {
            let event = Event::new("idp.letter.failed").with("person", person.id.as_str());
            visit.tell(event.with("story", why.story));
        }
    }
}
