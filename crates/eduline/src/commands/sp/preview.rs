//! `eduline sp preview`: what a person would send to a service, and which rule decided (R09).

use directory::{Person, Realm};
use idp::release::{self, Asking, Chosen, Decision, Outcome, Rule};
use saml::EntityId;
use serde_json::{Value, json};
use web::Edge;

use crate::cli::Json;
use crate::commands::Refusal;
use crate::house::{self, decided::Decided};
use crate::keyring::KeyRing;
use crate::say::Voice;
use crate::settings::Settings;

/// Decides as the identity provider would at this moment, and says so.
pub(super) async fn run(
    settings: &Settings,
    (user, id): (&str, &str),
    print: &Json,
) -> Result<(), Refusal> {
    let service = EntityId::parse(id).map_err(|why| Refusal::of(why.to_string()))?;
    let person = person(settings, user).await?;
    let realm = settings
        .idp
        .realms
        .iter()
        .find(|one| one.realm == person.realm)
        .ok_or_else(|| Refusal::of(format!("no realm is called {}", person.realm.as_str())))?;
    let ring = KeyRing::of(settings);
    let keys = house::HeldKeys::of(ring.clone());
    let parts = house::realm_parts(settings, (&ring, &keys), realm)?;
    let snapshot = house::known(settings, &ring)?;
    let Some((entity, role)) = snapshot.service(&service) else {
        return Err(Refusal::of(format!("{id} is not known as a service")));
    };
    let policy = Decided::read(settings)?.of(&service);
    let asking = Asking {
        service: &service,
        requested: &role.requested_attributes,
        entity_attributes: &entity.attributes,
        policy: &policy,
        is_own: house::own_services(settings)?.contains(&service),
        post: Chosen::Unasked,
        now: Edge::system_clock()().date_naive(),
    };
    let fonctions = house::read_fonctions(settings)?;
    let decisions = release::decide(&person, &asking, &parts, &fonctions);
    let lines: Vec<String> = decisions.iter().flat_map(lines).collect();
    let values: Vec<Value> = decisions.iter().map(described).collect();
    let whole = json!({
        "person": format!("{}/{}", person.realm.as_str(), person.login),
        "entityID": id,
        "attributes": values,
    });
    Voice::of(print.json).tell(&lines, &whole);
    Ok(())
}

/// `login` is one of the staff; others are `realm/login`.
pub(super) async fn person(settings: &Settings, user: &str) -> Result<Person, Refusal> {
    let (realm, login) = user.split_once('/').unwrap_or(("personnel", user));
    let realm =
        Realm::parse(realm).ok_or_else(|| Refusal::of(format!("no realm is called {realm:?}")))?;
    let directory = house::open_directory(settings, false).await?;
    let found = directory.accounts.find(realm, login).await;
    found
        .map_err(|why| Refusal::of(why.to_string()))?
        .ok_or_else(|| Refusal::of(format!("{user}: no such account, or it is disabled")))
}

fn rule(rule: Rule) -> String {
    match rule {
        Rule::Signalled => "the service signals this identifier".to_owned(),
        Rule::Requested => "its metadata asks for it".to_owned(),
        Rule::Added => "the operator adds it".to_owned(),
        Rule::Category(uri) => format!("its category {uri}"),
        Rule::Default => "it asks for nothing".to_owned(),
    }
}

/// Why nothing is sent, in words for people.
fn held_back(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Sent(_) => "",
        Outcome::Empty => "this person has none",
        Outcome::Minor => "not of a minor",
        Outcome::Withheld => "the operator withholds it",
        Outcome::NotSignalled => "it signals another identifier",
        Outcome::ForeignScope => "a value has a scope that is not ours",
        Outcome::TooLong => "longer than 256 characters, which services need not take",
        Outcome::Declined => "this person keeps it back",
    }
}

fn lines(decision: &Decision) -> Vec<String> {
    let name = decision.wire.short;
    let rule = rule(decision.rule);
    let needed = if decision.required { ", required" } else { "" };
    match &decision.outcome {
        Outcome::Sent(values) => values
            .iter()
            .map(|value| format!("{name:<28}{value}    ({rule}{needed})"))
            .collect(),
        other => {
            let why = held_back(other);
            vec![format!("{name:<28}-    ({rule}{needed}; {why})")]
        }
    }
}

pub(super) fn described(decision: &Decision) -> Value {
    let values: &[String] = match &decision.outcome {
        Outcome::Sent(values) => values,
        _ => &[],
    };
    json!({
        "name": decision.wire.short,
        "saml_name": decision.wire.name,
        "rule": rule(decision.rule),
        "required": decision.required,
        "values": values,
        "held_back": decision.outcome.held_back(),
    })
}
