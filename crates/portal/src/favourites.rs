//! « Gérer mes favoris »: choosing, and being remembered.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Deserialize;
use sp::Sent;
use web::{Event, Form, Refused, Visit};

use crate::catalogue::Catalogue;
use crate::memory::Change;
use crate::pages::{APPLICATIONS, FavouritesPage};
use crate::{Opened, Portal};

/// The address of the page.
pub(crate) const FAVOURITES: &str = "/portail/favoris";

/// The form's name, for its token.
const FORM: &str = "favourites";

/// What `POST /portail/favoris` may be told: one change, by the button that was pressed.
#[derive(Debug, Deserialize)]
pub(crate) struct Choice {
    csrf: Option<String>,
    add: Option<String>,
    remove: Option<String>,
    up: Option<String>,
    down: Option<String>,
    /// Ids parted by commas, in the order a script put them.
    order: Option<String>,
    /// The page of applications it was pressed on.
    from: Option<String>,
}

impl Choice {
    /// The change, when there is exactly one.
    fn change(&self) -> Option<Change> {
        let order = |ids: &String| Change::Order(ids.split(',').map(str::to_owned).collect());
        let named = [
            self.add.clone().map(Change::Add),
            self.remove.clone().map(Change::Remove),
            self.up.clone().map(Change::Up),
            self.down.clone().map(Change::Down),
            self.order.as_ref().filter(|ids| !ids.is_empty()).map(order),
        ];
        let mut named = named.into_iter().flatten();
        named.next().filter(|_| named.next().is_none())
    }

    /// The form, for it to be kept while its person signs on: what is hidden has no name for them yet.
    fn sent(&self, catalogue: &Catalogue) -> Sent<'_> {
        let name = |id: &str| {
            let known = catalogue.applications.iter().find(|one| one.id == id);
            let known = known.filter(|one| !one.cachee);
            known.map_or_else(|| id.to_owned(), |one| one.nom.clone())
        };
        let buttons = [
            ("add", "portal.add", &self.add),
            ("remove", "portal.remove", &self.remove),
            ("up", "portal.up", &self.up),
            ("down", "portal.down", &self.down),
        ];
        let pressed = buttons
            .iter()
            .filter_map(|(field, word, id)| Some((*field, *word, id.as_deref()?)));
        let others = [("order", &self.order), ("from", &self.from)];
        let others = others
            .iter()
            .filter_map(|(field, value)| Some((*field, (*value).clone()?)));
        Sent {
            form: FORM,
            csrf: self.csrf.as_deref(),
            action: FAVOURITES,
            page: FAVOURITES.to_owned(),
            title: "portal.favourites-manage",
            shown: pressed
                .clone()
                .map(|(_, word, id)| (word, name(id)))
                .collect(),
            fields: pressed
                .map(|(field, _, id)| (field, id.to_owned()))
                .chain(others)
                .collect(),
        }
    }

    /// Where it goes on: the page it was pressed on, when that is one of applications; else the page
    /// of favourites, at the one that was changed.
    fn back(&self) -> String {
        let named = [&self.add, &self.remove, &self.up, &self.down];
        let id = named.into_iter().flatten().next();
        let from = self.from.as_deref().filter(|from| is_of_applications(from));
        let page = from.unwrap_or(FAVOURITES);
        match id.filter(|_| self.remove.is_none() || from.is_some()) {
            Some(id) => format!("{page}#app-{id}"),
            None => page.to_owned(),
        }
    }
}

/// Whether it is an address of the page of applications, and nothing else.
fn is_of_applications(from: &str) -> bool {
    let rest = from.strip_prefix(APPLICATIONS);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('?'))
        && from
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

/// `GET /portail/favoris`
pub(crate) async fn show(visit: Visit, portal: Data<Portal>) -> Result<HttpResponse, Refused> {
    let service = &portal.parts.service;
    match portal.open(&visit).await? {
        Some(opened) => page(&visit, &portal, &opened, false),
        None => service.start(&visit, visit.path_and_query()).await,
    }
}

/// `POST /portail/favoris`
pub(crate) async fn choose(
    visit: Visit,
    portal: Data<Portal>,
    Form(choice): Form<Choice>,
) -> Result<HttpResponse, Refused> {
    let Some(mut opened) = portal.open(&visit).await? else {
        let catalogue = portal.parts.catalogue.load_full();
        let sent = choice.sent(&catalogue);
        return portal.parts.service.start_with(&visit, sent).await;
    };
    if visit.check_csrf(FORM, choice.csrf.as_deref()).is_err() {
        return page(&visit, &portal, &opened, true);
    }
    let change = choice.change().ok_or_else(|| {
        Refused::malformed("EDU-8001", "malformed", "not one change of favourites")
            .way_out("portal.favourites-manage", FAVOURITES)
    })?;
    portal.change(&visit, &mut opened, &change).await?;
    Ok(visit.see_other(&choice.back()))
}

pub(crate) fn page(
    visit: &Visit,
    portal: &Portal,
    opened: &Opened,
    expired: bool,
) -> Result<HttpResponse, Refused> {
    let lasting = opened.key.is_some();
    let view = opened.view(portal, visit.lang());
    visit.page(&FavouritesPage::of(
        opened.badge.clone(),
        &view,
        lasting,
        expired,
    ))
}

impl Portal {
    /// Makes the change and keeps it.
    async fn change(
        &self,
        visit: &Visit,
        opened: &mut Opened,
        change: &Change,
    ) -> Result<(), Refused> {
        let refused = |code, story| {
            Refused::forbidden(code, "forbidden", story)
                .way_out("portal.favourites-manage", FAVOURITES)
        };
        let key = opened.key.clone().ok_or_else(|| {
            refused(
                "EDU-8003",
                "whoever vouches for them calls them otherwise each time",
            )
        })?;
        let seen: Vec<String> = {
            let view = opened.view(self, visit.lang());
            let all = view.catalogue.applications.iter();
            let listed = all.filter(|one| view.lists(one));
            listed.map(|one| one.id.clone()).collect()
        };
        let is_seen = |id: &str| seen.iter().any(|one| one == id);
        if let Change::Add(id) = change
            && !is_seen(id)
        {
            return Err(refused("EDU-8002", "not an application of this person"));
        }
        if opened.remembered.change(change, &is_seen) {
            let now = self.parts.service.edge().now();
            self.memory.keep(&key, &mut opened.remembered, now).await?;
            let edge = visit.edge();
            let name = change.name();
            edge.count("eduline_portal_favourites_total", &[("change", name)]);
            visit.tell(Event::new("portal.favourites").with("change", name));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(add: Option<&str>, up: Option<&str>, from: Option<&str>) -> Choice {
        Choice {
            csrf: None,
            add: add.map(str::to_owned),
            remove: None,
            up: up.map(str::to_owned),
            down: None,
            order: Some(String::new()),
            from: from.map(str::to_owned),
        }
    }

    #[test]
    fn one_button_is_one_change() {
        let one = choice(Some("a"), None, None).change();
        assert_eq!(one, Some(Change::Add("a".into())));
        assert_eq!(choice(None, None, None).change(), None);
        assert_eq!(choice(Some("a"), Some("b"), None).change(), None);
    }

    #[test]
    fn it_goes_back_to_a_page_of_applications_or_to_its_own() {
        let back = |from| choice(Some("a"), None, Some(from)).back();
        assert_eq!(
            back("/portail/applications?categorie=formation"),
            "/portail/applications?categorie=formation#app-a"
        );
        assert_eq!(back("/portail/applications"), "/portail/applications#app-a");
        for elsewhere in [
            "",
            "https://evil.example/portail/applications",
            "//evil.example",
            "/portail/applications@evil.example",
            "/portail/applicationsx",
            "/portail/applications?a\r\nSet-Cookie: x=y",
            "/portail/applications#x",
            "/portail/logout",
        ] {
            assert_eq!(back(elsewhere), "/portail/favoris#app-a", "{elsewhere}");
        }
    }
}
