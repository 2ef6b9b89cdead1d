//! The one rule of who uses what, at the identity provider too: an application of the catalogue that
//! names its service (`sp`) is opened there to whom the portal shows it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use directory::{Person, Realm};
use idp::Access;
use portal::{Catalogue, Visitor};

/// Whom services are open to, by the catalogue as it stands. A service that no application names is
/// open to everybody.
pub(super) fn by(catalogue: &Arc<ArcSwap<Catalogue>>) -> Access {
    let catalogue = Arc::clone(catalogue);
    Arc::new(move |service, person, today| {
        let catalogue = catalogue.load();
        let mut guarding = catalogue.guarding(service.as_str()).peekable();
        if guarding.peek().is_none() {
            return true;
        }
        let visitor = seen(person, today);
        guarding.any(|application| visitor.sees(application))
    })
}

/// A person as the portal would see them, whatever post they chose to be there in.
fn seen(person: &Person, today: chrono::NaiveDate) -> Visitor {
    let posts = person.posts.iter();
    let stands = person.delegations.iter();
    let stands = stands.filter(|one| one.from <= today && today <= one.until);
    Visitor {
        profile: Some(person.realm.as_str().to_owned()),
        functions: match person.realm {
            Realm::Personnel => posts.map(|post| post.function.clone()).collect(),
            Realm::Eleve | Realm::Parent | Realm::Partenaire => Vec::new(),
        },
        delegated: stands.map(|one| one.application.clone()).collect(),
        groups: person.groups.clone(),
        ..Visitor::default()
    }
}
