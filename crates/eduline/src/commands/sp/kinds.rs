//! What each kind of person would send to a service that is not known yet: made-up people, one of each function and
//! realm, or those who are named.

use directory::Person;
use idp::RealmParts;
use idp::policy::Policy;
use idp::release::{self, Asking, Chosen, Decision, Outcome, Rule};
use saml::metadata::Entity;
use serde_json::{Value, json};
use web::{Edge, Lang};

use super::preview;
use crate::commands::Refusal;
use crate::house;
use crate::keyring::KeyRing;
use crate::settings::Settings;

/// People for whom the same is decided, and what that is.
pub(super) struct Shown {
    realm: &'static str,
    /// Functions, or logins.
    who: Vec<String>,
    decisions: Vec<Decision>,
}

/// What would be sent by `people`, or by one made-up person of each kind. Nothing where the keys of the deployment
/// are not made yet.
pub(super) async fn of(
    settings: &Settings,
    (entity, policy): (&Entity, &Policy),
    people: &[String],
) -> Result<Vec<Shown>, Refusal> {
    let mut named = Vec::new();
    for user in people {
        named.push(preview::person(settings, user).await?);
    }
    let fonctions = house::read_fonctions(settings)?;
    let ring = KeyRing::of(settings);
    let keys = house::HeldKeys::of(ring.clone());
    let Some(role) = &entity.sp else {
        return Ok(Vec::new());
    };
    let asking = Asking {
        service: &entity.id,
        requested: &role.requested_attributes,
        entity_attributes: &entity.attributes,
        policy,
        is_own: false,
        post: Chosen::Unasked,
        now: Edge::system_clock()().date_naive(),
    };
    let mut all: Vec<Shown> = Vec::new();
    for one in &settings.idp.realms {
        let Ok(parts) = house::realm_parts(settings, (&ring, &keys), one) else {
            continue;
        };
        let here: Vec<Person> = if people.is_empty() {
            idp::synthetic::people(one.realm, &fonctions)
        } else {
            let here = named.iter().filter(|person| person.realm == one.realm);
            here.cloned().collect()
        };
        for person in here {
            let decisions = release::decide(&person, &asking, &parts, &fonctions);
            let who = called(&person, people.is_empty(), &fonctions);
            add(&mut all, &parts, who, decisions);
        }
    }
    Ok(all)
}

fn called(
    person: &Person,
    is_made_up: bool,
    fonctions: &directory::fonctions::Fonctions,
) -> String {
    let post = person.posts.first().filter(|_| is_made_up);
    let function = post.and_then(|post| fonctions.find(&post.function));
    match function {
        Some(function) => function.libelle_m.clone(),
        None if is_made_up => String::new(),
        None => person.login.clone(),
    }
}

/// With those for whom the same is decided, whatever the values are.
fn add(all: &mut Vec<Shown>, parts: &RealmParts, who: String, decisions: Vec<Decision>) {
    let realm = parts.realm.as_str();
    let alike = |a: &Decision, b: &Decision| {
        (a.wire, a.rule, a.outcome.held_back()) == (b.wire, b.rule, b.outcome.held_back())
    };
    let same = all.iter_mut().find(|shown| {
        let pairs = shown.decisions.iter().zip(&decisions);
        shown.realm == realm && shown.decisions.len() == decisions.len() && { pairs }
            .all(|(a, b)| alike(a, b))
    });
    match same {
        Some(shown) => shown.who.push(who),
        None => all.push(Shown {
            realm,
            who: vec![who],
            decisions,
        }),
    }
}

impl Shown {
    /// For a person, in French.
    pub(super) fn lines(&self) -> Vec<String> {
        let who = self.who.join(", ");
        let head = if who.is_empty() {
            format!("  {} :", self.realm)
        } else {
            format!("  {} ({who}) :", self.realm)
        };
        let rows = self.decisions.iter().map(row);
        let nothing = self.decisions.is_empty().then(|| "    rien".to_owned());
        std::iter::once(head).chain(rows).chain(nothing).collect()
    }

    /// For a program.
    pub(super) fn value(&self) -> Value {
        let attributes = self.decisions.iter().map(preview::described);
        json!({
            "realm": self.realm,
            "who": self.who,
            "attributes": attributes.collect::<Vec<_>>(),
        })
    }
}

fn row(decision: &Decision) -> String {
    let said = |key: &str| web::word(Lang::Fr, &format!("idp.preview-{key}")).unwrap_or_default();
    let name = decision.wire.short;
    let mut why = said(&format!("rule-{}", decision.rule.word()));
    if let Rule::Category(uri) = decision.rule {
        why = format!("{why} {uri}");
    }
    match &decision.outcome {
        Outcome::Sent(values) => format!("    {name:<26}{}  [{why}]", values.join(" ; ")),
        other => {
            let held = said(&format!("held-{}", other.held_back().unwrap_or_default()));
            format!("    {name:<26}-  [{} : {held} ; {why}]", said("not-sent"))
        }
    }
}
