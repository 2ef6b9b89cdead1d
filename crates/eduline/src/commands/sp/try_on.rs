//! `eduline sp try`: a sign-on of somebody who does not exist, with what came of each check, in French (X02).

use directory::{Person, Realm};
use idp::synthetic;
use idp::trying::{Step, Trial, Tried};
use saml::EntityId;
use serde_json::{Value, json};
use web::{Edge, Event, Journal, Lang};

use super::preview;
use crate::cli::TryOf;
use crate::commands::Refusal;
use crate::commands::saml::{french, visible};
use crate::house::{self, decided::Decided};
use crate::keyring::KeyRing;
use crate::say::Voice;
use crate::settings::Settings;

/// Tries a service that is known; exit code 1 when the person would not get in, or not with all that is needed.
pub(super) fn run(settings: &Settings, asked: &TryOf) -> Result<(), Refusal> {
    let tried = tried(settings, asked)?;
    let passes = tried.passes();
    Voice::of(asked.print.json).tell(&lines(&tried), &described(&tried, asked));
    tell(settings, asked, passes)?;
    if passes {
        Ok(())
    } else {
        Err(Refusal(Vec::new()))
    }
}

fn tried(settings: &Settings, asked: &TryOf) -> Result<Tried, Refusal> {
    let id = EntityId::parse(&asked.id).map_err(|why| Refusal::of(why.to_string()))?;
    let fonctions = house::read_fonctions(settings)?;
    let person = person(&asked.kind, &fonctions)?;
    let mut realms = settings.idp.realms.iter();
    let realm = realms.find(|one| one.realm == person.realm);
    let realm = realm.ok_or_else(|| Refusal::of(format!("{}: no such realm here", asked.kind)))?;
    let ring = KeyRing::of(settings);
    let keys = house::HeldKeys::of(ring.clone());
    let parts = house::realm_parts(settings, (&ring, &keys), realm)?;
    let snapshot = house::known(settings, &ring)?;
    let Some((entity, role)) = snapshot.service(&id) else {
        return Err(Refusal::of(format!("{id} is not known as a service")));
    };
    let policy = Decided::read(settings)?.of(&id);
    let now = Edge::system_clock()();
    let mut chance = [0; 20];
    Edge::system_dice()(&mut chance);
    let trial = Trial {
        realm: &parts,
        fonctions: &fonctions,
        service: (entity, role),
        policy: &policy,
        is_own: house::own_services(settings)?.contains(&id),
        is_open: house::access(settings, &fonctions)?(&id, &person, now.date_naive()),
        person: &person,
        rules: &settings.rules,
        now,
        chance,
    };
    Ok(trial.run())
}

/// `realm` or `personnel/function`.
fn person(kind: &str, fonctions: &directory::fonctions::Fonctions) -> Result<Person, Refusal> {
    let (realm, function) = kind.split_once('/').unwrap_or((kind, ""));
    let unknown = || Refusal::of(format!("{kind}: expected a realm, or personnel/<function>"));
    let realm = Realm::parse(realm).ok_or_else(unknown)?;
    let mut people = synthetic::people(realm, fonctions).into_iter();
    let is_meant = |person: &Person| {
        let mut posts = person.posts.iter();
        function.is_empty() || posts.any(|post| post.function == function)
    };
    people.find(is_meant).ok_or_else(unknown)
}

fn said(word: &str) -> String {
    web::word(Lang::Fr, word).unwrap_or_else(|| word.to_owned())
}

fn lines(tried: &Tried) -> Vec<String> {
    let end = if tried.passes() {
        "try-passes"
    } else {
        "try-fails"
    };
    let response = tried.response.iter().flat_map(|text| text.lines());
    let response = response.map(visible);
    let gap = || std::iter::once(String::new());
    let steps = tried.steps.iter().flat_map(line);
    steps
        .chain(gap())
        .chain(response)
        .chain(gap())
        .chain([said(&format!("idp.{end}"))])
        .collect()
}

fn line(step: &Step) -> Vec<String> {
    let mark = match step.verdict {
        "holds" => "✓",
        "fails" => "✗",
        "past" => "◷",
        _ => "·",
    };
    let found = step.found.as_deref();
    let found = found.map_or_else(String::new, |found| format!(" : {}", visible(found)));
    let mut lines = vec![format!(
        "{mark} {}{found}  ({})",
        said(&step.word),
        step.clause
    )];
    lines.extend(
        step.code
            .map(|code| format!("    {} [{code}]", french(code))),
    );
    lines
}

fn described(tried: &Tried, asked: &TryOf) -> Value {
    let attributes = tried.decisions.iter().map(preview::described);
    json!({
        "entityID": asked.id,
        "kind": asked.kind,
        "passes": tried.passes(),
        "checks": tried.steps,
        "attributes": attributes.collect::<Vec<_>>(),
        "response": tried.response,
    })
}

fn tell(settings: &Settings, asked: &TryOf, passes: bool) -> Result<(), Refusal> {
    let place = &settings.journal;
    let journal = Journal::open(place.folder.clone(), "command", place.keep_days)
        .map_err(|why| Refusal::of(format!("{}: {why}", place.folder.display())))?;
    let event = Event::new("idp.try")
        .with("sp", asked.id.as_str())
        .with("passes", passes.to_string());
    journal.tell(Edge::system_clock()(), None, &event);
    journal.flush();
    Ok(())
}
