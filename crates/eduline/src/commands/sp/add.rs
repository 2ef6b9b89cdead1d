//! `eduline sp add`: what was understood of a service, what is wrong with it, and what each kind of person would send
//! to it are said first, in French; then it is saved, unless somebody says no (X01).

use std::io::IsTerminal;

use idp::policy::Policy;
use saml::attribute;
use saml::metadata::Entity;
use serde_json::{Value, json};
use web::{Edge, Event, Journal};

use super::{Registration, is_service, kinds, understood};
use crate::cli::{Decisions, NewService};
use crate::commands::Refusal;
use crate::commands::metadata::lint::{self, Finding};
use crate::commands::registered::{self, Registered};
use crate::house::decided::file_of;
use crate::house::followed::{self, Followed};
use crate::house::known;
use crate::keyring::KeyRing;
use crate::say::{self, Voice};
use crate::settings::Settings;

/// A certificate that ends sooner is worth a word, days.
const SOON: i64 = 60;

/// Runs the subcommand.
pub(super) async fn run(settings: &Settings, asked: &NewService) -> Result<(), Refusal> {
    let policy = decided(&asked.decisions)?;
    let xml = registered::text_of(settings, &asked.metadata, registered::LONGEST)?;
    let (entities, mut findings) = lint::look(settings, &xml);
    let entity = one_service(asked, entities, &findings)?;
    findings.extend(advice(settings, &entity, &xml));
    let follow = asked
        .follow
        .then(|| Followed::at(&entity.id, &asked.metadata));
    let follow = follow.transpose().map_err(Refusal::of)?;
    is_free(settings, asked, &entity)?;
    let shown = kinds::of(settings, (&entity, &policy), &asked.people).await?;
    let voice = Voice::of(asked.print.json);
    voice.tell_plain(&report(asked, &entity, &findings, &shown));
    let is_saved = !asked.saving.dry_run && is_agreed(asked);
    let path = file_of(&settings.registered(), &entity.id);
    let registration = if is_saved {
        let kept = save(settings, (entity, &xml), &policy, follow.as_ref())?;
        tell(settings, &kept, asked)?;
        Registration::of(kept, policy)
    } else {
        Registration::of(Registered { entity, path }, policy)
    };
    let mut whole = registration.described();
    let parts = [
        ("saved", json!(is_saved)),
        (
            "understood",
            understood::value(&registration.registered.entity),
        ),
        ("findings", findings.iter().map(Finding::value).collect()),
        ("preview", shown.iter().map(kinds::Shown::value).collect()),
    ];
    if let Some(whole) = whole.as_object_mut() {
        whole.extend(parts.map(|(name, value): (_, Value)| (name.to_owned(), value)));
    }
    let id = &registration.registered.entity.id;
    let end = if is_saved {
        format!("registered {id}")
    } else {
        format!("not registered {id}")
    };
    voice.tell(&[end], &whole);
    if is_saved || asked.saving.dry_run {
        Ok(())
    } else {
        Err(Refusal(Vec::new()))
    }
}

/// The one service of a document that is all good; every fault of another, with its line and its rule.
fn one_service(
    asked: &NewService,
    mut entities: Vec<Entity>,
    findings: &[Finding],
) -> Result<Entity, Refusal> {
    let from = &asked.metadata;
    let faults: Vec<&Finding> = findings.iter().filter(|one| one.is_error).collect();
    if !faults.is_empty() {
        if asked.print.json {
            let faults: Value = faults.iter().map(|one| one.value()).collect();
            Voice::Json.tell(&[], &json!({"saved": false, "findings": faults}));
        }
        return Err(Refusal(faults.iter().map(|one| one.told(from)).collect()));
    }
    let entity = match (entities.pop(), entities.is_empty()) {
        (Some(entity), true) => entity,
        (Some(_), false) => {
            return Err(Refusal::of(format!(
                "{from}: holds several entities: register them one by one, or make it a source \
                 (`eduline metadata source add`)"
            )));
        }
        (None, _) => return Err(Refusal::of(format!("{from}: holds no entity"))),
    };
    if is_service(&entity) {
        Ok(entity)
    } else {
        let id = &entity.id;
        Err(Refusal::of(format!("{from}: {id} is no service provider")))
    }
}

/// Nobody takes the place of another unasked.
fn is_free(settings: &Settings, asked: &NewService, entity: &Entity) -> Result<(), Refusal> {
    let id = &entity.id;
    if settings.is_own(id) {
        return Err(Refusal::of(format!("{id} is one of our own")));
    }
    if !asked.saving.replace && file_of(&settings.registered(), id).exists() {
        return Err(Refusal::of(format!(
            "{id} is registered already: `eduline sp show` says as what, --replace takes its place"
        )));
    }
    Ok(())
}

/// What is taken, and an operator ought to know before it is.
fn advice(settings: &Settings, entity: &Entity, xml: &str) -> Vec<Finding> {
    let mut all = Vec::new();
    let mut add = |reason: String, rule| all.push(Finding::about(entity, xml, reason, rule));
    let Some(role) = &entity.sp else {
        return all;
    };
    let unknown = role.requested_attributes.iter();
    for one in unknown.filter(|one| attribute::find(&one.name).is_none()) {
        let name = one.friendly_name.as_ref().unwrap_or(&one.name);
        add(
            format!("demande {name}, un attribut inconnu ici : il ne sera jamais transmis"),
            "SAML Metadata 2.4.4.2",
        );
    }
    let soon = Edge::system_clock()() + chrono::Duration::days(SOON);
    let encryption = role.encryption_keys.iter().map(|one| &one.key);
    let mut keys: Vec<_> = role.signing_keys.iter().chain(encryption).collect();
    keys.dedup_by_key(|key| key.fingerprint());
    let ends = keys.iter().filter_map(|key| key.not_after());
    if let Some(end) = ends.filter(|end| *end < soon).min() {
        let day = end.format("%d/%m/%Y");
        add(
            format!("un certificat prend fin le {day} : demander dès maintenant le suivant"),
            "IIP-MD12",
        );
    }
    if role.signing_keys.is_empty() {
        add(
            "pas de clé de signature : ses demandes ne pourront pas être vérifiées, ni sa déconnexion acceptée"
                .to_owned(),
            "SAML Metadata 2.4.1.1",
        );
    }
    let elsewhere = known(settings, &KeyRing::of(settings));
    let is_known = elsewhere.is_ok_and(|known| known.service(&entity.id).is_some());
    if is_known && !file_of(&settings.registered(), &entity.id).exists() {
        add(
            "déjà connu par une source de métadonnées : deux descriptions vont coexister"
                .to_owned(),
            "SAML Metadata 2.3.2",
        );
    }
    all
}

fn report(
    asked: &NewService,
    entity: &Entity,
    findings: &[Finding],
    shown: &[kinds::Shown],
) -> Vec<String> {
    let head = |text: &str| [String::new(), text.to_owned()];
    let mut lines = vec!["Ce qui a été compris :".to_owned()];
    lines.extend(understood::lines(entity));
    if !findings.is_empty() {
        lines.extend(head("À savoir avant d'enregistrer :"));
        let told = findings.iter().map(|one| one.told(&asked.metadata));
        lines.extend(told.map(|line| format!("  {line}")));
    }
    lines.extend(head("Ce que chacun transmettrait :"));
    if shown.is_empty() {
        lines.push("  les clés n'existent pas encore : rien ne peut être montré".to_owned());
    }
    lines.extend(shown.iter().flat_map(kinds::Shown::lines));
    lines.push(String::new());
    lines
}

/// Whether whoever sits at the terminal agrees; where there is none, the command was meant as it is.
fn is_agreed(asked: &NewService) -> bool {
    let (input, output) = (std::io::stdin(), std::io::stdout());
    let is_alone =
        asked.saving.yes || asked.print.json || !input.is_terminal() || !output.is_terminal();
    if is_alone {
        return true;
    }
    say::line("Enregistrer ce service ? [o/N]");
    let mut answer = String::new();
    let read = input.read_line(&mut answer).is_ok();
    read && ["o", "oui", "y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

fn save(
    settings: &Settings,
    (entity, xml): (Entity, &str),
    policy: &Policy,
    follow: Option<&Followed>,
) -> Result<Registered, Refusal> {
    let sidecar = toml::to_string(policy).map_err(|why| Refusal::of(why.to_string()))?;
    let kept = registered::keep(settings, (entity, xml), ("toml", &sidecar))?;
    followed(&kept, follow)?;
    Ok(kept)
}

/// The journal remembers who may ask for people from now on, and by which keys.
fn tell(settings: &Settings, kept: &Registered, asked: &NewService) -> Result<(), Refusal> {
    let place = &settings.journal;
    let journal = Journal::open(place.folder.clone(), "command", place.keep_days)
        .map_err(|why| Refusal::of(format!("{}: {why}", place.folder.display())))?;
    let keys = kept.entity.sp.iter().flat_map(|role| &role.signing_keys);
    let keys: Vec<&str> = keys.map(saml::VerifyingKey::fingerprint).collect();
    let event = Event::new("sp.registered")
        .with("sp", kept.entity.id.as_str())
        .with("keys", keys.join(" "))
        .with("follows", asked.follow.to_string())
        .with("replaces", asked.saving.replace.to_string());
    journal.tell(Edge::system_clock()(), None, &event);
    journal.flush();
    Ok(())
}

/// Follows a service from now on, or no longer.
fn followed(kept: &Registered, follow: Option<&Followed>) -> Result<(), Refusal> {
    let path = kept.path.with_extension(followed::END);
    let done = match follow {
        Some(follow) => {
            let text = follow.written().map_err(Refusal::of)?;
            registered::replace(&path, &text)
        }
        None => match std::fs::remove_file(&path) {
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        },
    };
    done.map_err(|why| Refusal::of(format!("{}: {why}", path.display())))
}

/// The decisions of the command line, read as those of a file are.
fn decided(decisions: &Decisions) -> Result<Policy, Refusal> {
    let mut table = toml::Table::new();
    let mut list = |name: &str, values: &[String]| {
        let values = values.iter().cloned().map(toml::Value::String).collect();
        table.insert(name.to_owned(), toml::Value::Array(values));
    };
    list("attributes", &decisions.attributes);
    list("withheld", &decisions.withheld);
    list("weak_encryption", &decisions.weak_encryption);
    let words = [
        ("name_style", &decisions.name_style),
        ("name_id", &decisions.name_id),
        ("encrypt", &decisions.encrypt),
        ("sign", &decisions.sign),
        ("information", &decisions.information),
        ("second_factor", &decisions.second_factor),
        ("missing", &decisions.missing),
    ];
    for (name, word) in words {
        if let Some(word) = word {
            table.insert(name.to_owned(), toml::Value::String(word.clone()));
        }
    }
    if decisions.unsolicited {
        table.insert("unsolicited".to_owned(), toml::Value::Boolean(true));
    }
    table
        .try_into()
        .map_err(|why| Refusal::of(why.to_string().trim().to_owned()))
}
