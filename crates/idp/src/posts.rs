//! For which of their posts a person comes: `GET` and `POST /idp/<realm>/affectation` (D16).
//!
//! Where the operator wants it, whoever holds several posts says for which one they come before anybody is answered.
//! What depends on a post is then said of that one alone, until they choose another or sign out.

use actix_web::HttpResponse;
use actix_web::web::Data;
use directory::{Person, Post};
use saml::Moment;
use serde::{Deserialize, Serialize};
use web::{Event, Form, Lang, Page, Query, Refused, Session, Visit};

use crate::flow::{self, Flow, Named, name, stale, without_cookies};
use crate::next::Step;
use crate::realm::Realm;
use crate::release::{ALL, Chosen};
use crate::session::SignedOn;

/// Where it is, under a realm.
pub(crate) const AT: &str = "/affectation";
const FORM: &str = "post";

/// In which of their posts somebody is here.
enum Here<'a> {
    /// As it stands.
    Known(Chosen<'a>),
    /// They have to say: in which of these.
    Unsaid(Vec<&'a Post>),
}

/// The posts of a person, each once.
fn held(person: &Person) -> Vec<&Post> {
    let mut held: Vec<&Post> = Vec::new();
    for post in &person.posts {
        if held.iter().all(|one| one.id() != post.id()) {
            held.push(post);
        }
    }
    held
}

/// Those of `held` that open a service, by a rule that is asked of each; all of them where none does, which is then
/// open to the person for another reason.
fn opening(held: Vec<&Post>, opens: impl Fn(&Post) -> bool) -> Vec<&Post> {
    let some: Vec<&Post> = held.iter().copied().filter(|post| opens(post)).collect();
    if some.is_empty() { held } else { some }
}

/// In which of `open` somebody is here who chose `post` before. Where one alone opens the service, it is that one.
fn here<'a>(open: Vec<&'a Post>, post: Option<&str>) -> Here<'a> {
    if post == Some(ALL) {
        return Here::Known(Chosen::All);
    }
    let before = open.iter().find(|one| post == Some(one.id().as_str()));
    match (before, open.as_slice()) {
        (Some(one), _) | (None, [one]) => Here::Known(Chosen::One(one)),
        _ => Here::Unsaid(open),
    }
}

/// The same, of a person who is on the way to the service of `flow`.
fn of<'a>(
    realm: &Realm,
    flow: &Flow,
    (person, session): (&'a Person, &SignedOn),
    now: Moment,
) -> Here<'a> {
    let held = held(person);
    // A program cannot be asked.
    if !realm.parts.choose_post || held.len() < 2 || flow.client.is_some() {
        return Here::Known(Chosen::Unasked);
    }
    let opens = |post: &Post| {
        let alone = Person {
            posts: vec![post.clone()],
            ..person.clone()
        };
        (realm.access)(&flow.service, &alone, now.date_naive())
    };
    here(opening(held, opens), session.post.as_deref())
}

/// In which post the person of a session is said to be here.
pub(crate) fn chosen<'a>(
    realm: &Realm,
    flow: &Flow,
    who: (&'a Person, &SignedOn),
    now: Moment,
) -> Chosen<'a> {
    match of(realm, flow, who, now) {
        Here::Known(chosen) => chosen,
        // Who has not said yet is not answered for.
        Here::Unsaid(_) => Chosen::Unasked,
    }
}

/// Whether the person of this session has to say it.
pub(crate) async fn is_left(
    visit: &Visit,
    realm: &Realm,
    flow: &Flow,
    session: Option<&SignedOn>,
) -> Result<bool, Refused> {
    let Some(session) = session.filter(|_| realm.parts.choose_post) else {
        return Ok(false);
    };
    let now = visit.edge().now();
    let person = realm.people.find(&session.person, now).await?;
    Ok(person
        .is_some_and(|person| matches!(of(realm, flow, (&*person, session), now), Here::Unsaid(_))))
}

/// « Pour quelle affectation venez-vous ? »
#[derive(Serialize)]
pub(crate) struct PostPage {
    action: String,
    /// The flow that waits, and its service; empty for who changes what they chose.
    flow: String,
    sp: String,
    posts: Vec<Offered>,
    /// How many they hold, of which only those are offered that open the service.
    held: usize,
    /// Whether all of them were chosen before.
    all: bool,
    expired: bool,
    tutoie: bool,
    #[serde(skip)]
    form_action: Option<String>,
}

/// A post to choose.
#[derive(Serialize)]
struct Offered {
    id: String,
    place: String,
    /// What they are there; empty where nobody says it.
    function: String,
    uai: String,
    /// Whether it was chosen before.
    current: bool,
}

impl Page for PostPage {
    const TEMPLATE: &'static str = "idp-post.html";

    fn samples() -> Vec<Self> {
        let offered = |place: &str, function: &str, current| Offered {
            id: "enseignant_2d.9990203S".to_owned(),
            place: place.to_owned(),
            function: function.to_owned(),
            uai: "9990203S".to_owned(),
            current,
        };
        [false, true]
            .map(|changes| Self {
                action: "/idp/personnel/affectation".to_owned(),
                flow: if changes { "" } else { "f" }.to_owned(),
                sp: if changes {
                    ""
                } else {
                    "https://eduline.example/portail"
                }
                .to_owned(),
                posts: vec![
                    offered(
                        "Collège <Marie-Curie>",
                        "Professeure du second degré",
                        changes,
                    ),
                    offered(
                        "Lycée polyvalent régional Louis-Pasteur de Villeneuve-d'Ascq",
                        "",
                        false,
                    ),
                ],
                held: if changes { 2 } else { 3 },
                all: changes,
                expired: changes,
                tutoie: changes,
                form_action: None,
            })
            .into()
    }

    fn tutoie(&self) -> bool {
        self.tutoie
    }

    fn form_action(&self) -> Option<String> {
        self.form_action.clone()
    }
}

/// Somebody who has a post to choose.
struct Waiting {
    session: Session<SignedOn>,
    /// How many posts they hold.
    held: usize,
    offered: Vec<(Post, String)>,
}

impl Waiting {
    /// Who waits with `flow`; without one, who comes to change what they chose. `None`: there is nothing to choose.
    async fn find(
        visit: &Visit,
        realm: &Realm,
        flow: Option<&Flow>,
    ) -> Result<Option<Self>, Refused> {
        let Some(session) = realm
            .session(visit)
            .await?
            .filter(|_| realm.parts.choose_post)
        else {
            return Ok(None);
        };
        if let Some(flow) = flow
            && flow.step(visit, realm, Some(&session.value)).await? != Step::Choose
        {
            return Ok(None);
        }
        let now = visit.edge().now();
        let Some(person) = realm.people.find(&session.value.person, now).await? else {
            return Ok(None);
        };
        let all = held(&person);
        let held = all.len();
        let offered = match flow.map(|flow| of(realm, flow, (&*person, &session.value), now)) {
            None => all,
            Some(Here::Unsaid(some)) => some,
            Some(Here::Known(_)) => Vec::new(),
        };
        let called = |post: &Post| function(realm, &person, post, visit.lang());
        let offered = offered.into_iter().map(|post| (post.clone(), called(post)));
        let offered: Vec<_> = offered.collect();
        Ok((offered.len() > 1).then_some(Self {
            session,
            held,
            offered,
        }))
    }

    /// What was chosen, where it can be.
    fn takes(&self, choice: Option<&str>) -> Option<String> {
        let choice = choice?;
        let is_held = self.offered.iter().any(|(post, _)| post.id() == choice);
        (choice == ALL || is_held).then(|| choice.to_owned())
    }

    fn page(
        &self,
        visit: &Visit,
        realm: &Realm,
        flow: Option<(&str, &Flow)>,
        expired: bool,
    ) -> Result<HttpResponse, Refused> {
        let before = self.session.value.post.as_deref();
        let posts = self.offered.iter().map(|(post, function)| Offered {
            id: post.id(),
            place: Some(&post.place)
                .filter(|place| !place.is_empty())
                .unwrap_or(&post.uai)
                .clone(),
            function: function.clone(),
            uai: post.uai.clone(),
            current: before == Some(post.id().as_str()),
        });
        visit.page(&PostPage {
            action: realm.path(AT),
            flow: flow.map(|(id, _)| id.to_owned()).unwrap_or_default(),
            sp: flow
                .map(|(_, flow)| flow.service.to_string())
                .unwrap_or_default(),
            posts: posts.collect(),
            held: self.held,
            all: before == Some(ALL),
            expired,
            tutoie: realm.tutoie(),
            form_action: flow.and_then(|(_, flow)| flow.form_action()),
        })
    }
}

/// What somebody is in a post, as it is said of them.
fn function(realm: &Realm, person: &Person, post: &Post, lang: Lang) -> String {
    let Some(held) = realm.fonctions.find(&post.function) else {
        return String::new();
    };
    match (lang, person.title.as_str()) {
        (Lang::En, _) => held.libelle_en.clone(),
        (Lang::Fr, "M.") => held.libelle_m.clone(),
        (Lang::Fr, "Mme") => held.libelle_f.clone(),
        (Lang::Fr, _) if held.libelle_m == held.libelle_f => held.libelle_m.clone(),
        (Lang::Fr, _) => format!("{} / {}", held.libelle_m, held.libelle_f),
    }
}

/// `GET`: the posts to choose from, when the decider wants one said, or when somebody comes to change it.
pub(crate) async fn show(
    visit: Visit,
    realm: Data<Realm>,
    Query(named): Query<Named>,
) -> Result<HttpResponse, Refused> {
    let flow = realm.flow(&visit, &named).await?;
    if flow.is_none() && named.flow.is_some() {
        return stale(&visit, &realm, &named);
    }
    let of = flow.as_ref().map(|(_, flow)| flow);
    let Some(waiting) = Waiting::find(&visit, &realm, of).await? else {
        return Ok(go_on(&visit, &realm, flow.as_ref()));
    };
    let flow = flow.as_ref().map(|(id, flow)| (id.as_str(), flow));
    waiting.page(&visit, &realm, flow, false)
}

/// What the form sends.
#[derive(Deserialize)]
pub(crate) struct Typed {
    csrf: Option<String>,
    flow: Option<String>,
    sp: Option<String>,
    /// The id of a post, or [`ALL`].
    post: Option<String>,
}

/// `POST`: the session remembers it.
pub(crate) async fn choose(
    visit: Visit,
    realm: Data<Realm>,
    Form(typed): Form<Typed>,
) -> Result<HttpResponse, Refused> {
    let named = Named {
        flow: typed.flow.filter(|id| !id.is_empty()),
        sp: typed.sp.filter(|id| !id.is_empty()),
        first: None,
    };
    if !visit.browser_is_known() {
        return Err(without_cookies(&visit, &realm, &named));
    }
    let flow = realm.flow(&visit, &named).await?;
    if flow.is_none() && named.flow.is_some() {
        return stale(&visit, &realm, &named);
    }
    let of = flow.as_ref().map(|(_, flow)| flow);
    let Some(mut waiting) = Waiting::find(&visit, &realm, of).await? else {
        return Ok(go_on(&visit, &realm, flow.as_ref()));
    };
    let expired = visit.check_csrf(FORM, typed.csrf.as_deref()).is_err();
    let choice = waiting.takes(typed.post.as_deref());
    let Some(choice) = choice.filter(|_| !expired) else {
        let flow = flow.as_ref().map(|(id, flow)| (id.as_str(), flow));
        return waiting.page(&visit, &realm, flow, expired);
    };
    let said = if choice == ALL { "all" } else { "one" };
    waiting.session.value.post = Some(choice);
    realm.sessions.replace(&visit, &waiting.session).await?;
    let mut event = Event::new("idp.post")
        .with("person", waiting.session.value.person.as_str())
        .with("choice", said);
    if let Some((id, flow)) = &flow {
        event = event
            .with("flow", id.as_str())
            .with("request", flow.request_id());
    }
    visit.tell(event);
    let labels = [("realm", realm.parts.realm.as_str()), ("choice", said)];
    realm.edge.count("eduline_posts_chosen_total", &labels);
    Ok(go_on(&visit, &realm, flow.as_ref()))
}

/// Back to the decider; who came without a flow signs on at the portal, which learns what was chosen.
fn go_on(visit: &Visit, realm: &Realm, flow: Option<&(String, Flow)>) -> HttpResponse {
    match flow {
        Some((id, flow)) => {
            visit.see_other(&realm.path(&format!("/continue?{}", name(id, &flow.service))))
        }
        None => visit.see_other(&flow::begin(&realm.parts.portal, realm)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posts() -> [Post; 3] {
        ["A", "B", "C"].map(|uai| Post {
            function: "f".to_owned(),
            uai: uai.to_owned(),
            place: String::new(),
        })
    }

    #[test]
    fn d16_one_is_asked_only_where_there_is_a_choice_left() {
        let all = posts();
        let word = |open: &[&Post], post: Option<&str>| match here(open.to_vec(), post) {
            Here::Known(Chosen::One(one)) => one.uai.clone(),
            Here::Known(Chosen::All) => "all".to_owned(),
            Here::Known(Chosen::Unasked) => "unasked".to_owned(),
            Here::Unsaid(some) => format!("{} to choose", some.len()),
        };
        let [a, b, c] = &all;
        assert_eq!(word(&[a, b, c], None), "3 to choose");
        assert_eq!(word(&[a, b, c], Some("f.B")), "B");
        assert_eq!(word(&[a, b], Some("f.C")), "2 to choose", "C opens it not");
        assert_eq!(word(&[a], Some("f.C")), "A", "the only one that does");
        assert_eq!(word(&[a], None), "A");
        assert_eq!(word(&[a], Some(ALL)), "all");
        assert_eq!(word(&[a, b], Some("f.X")), "2 to choose", "not held");
    }

    #[test]
    fn d16_what_none_of_them_opens_is_open_in_all() {
        let all = posts();
        let held = || all.iter().collect::<Vec<_>>();
        let of = |opens: &dyn Fn(&Post) -> bool| opening(held(), opens).len();
        assert_eq!(of(&|_| true), 3);
        assert_eq!(of(&|post| post.uai == "B"), 1);
        assert_eq!(of(&|_| false), 3);
    }
}
