//! Several posts, one person: what they choose to be here in, without signing in again.

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Deserialize;
use sp::Sent;
use web::{Event, Form, Lang, Refused, Visit};

use crate::pages::APPLICATIONS;
use crate::{Portal, home_page};

/// The address of the form.
pub(crate) const ROLE: &str = "/portail/role";

/// The form's name, for its token.
const FORM: &str = "role";

/// Posts read of one person; more are noise.
const MOST: usize = 40;

/// A function held in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// The function's id.
    pub function: String,
    /// The UAI of the place.
    pub uai: String,
    /// What the place is called.
    pub place: String,
}

impl Post {
    /// `function$UAI$place`, as our identity provider says it.
    fn parse(value: &str) -> Option<Self> {
        let mut parts = value.splitn(3, '$').map(str::trim);
        let (function, uai) = (parts.next()?, parts.next()?);
        let place = parts.next().filter(|name| !name.is_empty()).unwrap_or(uai);
        (!function.is_empty() && !uai.is_empty()).then(|| Self {
            function: function.to_owned(),
            uai: uai.to_owned(),
            place: place.to_owned(),
        })
    }

    /// Those that can be read, each once.
    pub(crate) fn distinct(values: &[String]) -> Vec<Self> {
        let mut posts: Vec<Self> = Vec::new();
        for post in values.iter().filter_map(|value| Self::parse(value)) {
            if posts.len() < MOST && posts.iter().all(|one| one.id() != post.id()) {
                posts.push(post);
            }
        }
        posts
    }

    /// What forms and the store call it.
    pub fn id(&self) -> String {
        format!("{}.{}", self.function, self.uai)
    }
}

/// What a function is called, whoever holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// In French, of a man or a woman.
    pub fr: String,
    /// In English.
    pub en: String,
}

impl Function {
    /// Both French labels in one: what they end with alike is said once.
    pub fn called(masculine: &str, feminine: &str, english: &str) -> Self {
        let (his, hers): (Vec<&str>, Vec<&str>) = (
            masculine.split_whitespace().collect(),
            feminine.split_whitespace().collect(),
        );
        let alike = his.iter().rev().zip(hers.iter().rev());
        let alike = alike.take_while(|(one, other)| one == other).count();
        let of_his = his.len() - alike;
        let fr = if of_his == 0 {
            masculine.to_owned()
        } else {
            let his = his.get(..of_his).unwrap_or_default().join(" ");
            format!("{his} / {}", hers.join(" "))
        };
        Self {
            fr,
            en: english.to_owned(),
        }
    }
}

/// What `POST /portail/role` may be told.
#[derive(Debug, Deserialize)]
pub(crate) struct Chosen {
    csrf: Option<String>,
    /// The id of a post; empty: all of them.
    role: String,
    /// Pressed on the page of applications.
    from: Option<String>,
}

impl Chosen {
    /// The page it was pressed on.
    fn page(&self) -> &'static str {
        match self.from.as_deref() {
            Some("applications") => APPLICATIONS,
            _ => "/portail/",
        }
    }

    /// The form, for it to be kept while its person signs on.
    fn sent(&self, functions: &HashMap<String, Function>, lang: Lang) -> Sent<'_> {
        let post = self.role.split_once('.').and_then(|(function, uai)| {
            let called = functions.get(function)?;
            let called = match lang {
                Lang::Fr => &called.fr,
                Lang::En => &called.en,
            };
            Some(format!("{called}, {uai}"))
        });
        let from = self.from.clone().map(|from| ("from", from));
        Sent {
            form: FORM,
            csrf: self.csrf.as_deref(),
            action: ROLE,
            page: self.page().to_owned(),
            title: "portal.role-change",
            shown: post.map(|post| ("portal.role", post)).into_iter().collect(),
            fields: from
                .into_iter()
                .chain([("role", self.role.clone())])
                .collect(),
        }
    }
}

/// `POST /portail/role`
pub(crate) async fn choose(
    visit: Visit,
    portal: Data<Portal>,
    Form(chosen): Form<Chosen>,
) -> Result<HttpResponse, Refused> {
    let back = chosen.page();
    let Some(mut opened) = portal.open(&visit).await? else {
        let sent = chosen.sent(&portal.parts.functions, visit.lang());
        return portal.parts.service.start_with(&visit, sent).await;
    };
    if visit.check_csrf(FORM, chosen.csrf.as_deref()).is_err() {
        return home_page(&visit, &portal, &opened, true);
    }
    if opened.visitor.said.is_some() {
        // A page of before they said it at sign-on: there it is said otherwise.
        return Ok(visit.see_other(back));
    }
    let role = Some(chosen.role).filter(|id| !id.is_empty());
    let holds = |id: &String| opened.visitor.posts.iter().any(|post| post.id() == *id);
    let refused =
        |code, story| Refused::forbidden(code, "forbidden", story).way_out("portal.title", back);
    if role.as_ref().is_some_and(|id| !holds(id)) {
        return Err(refused("EDU-8004", "not a post of this person"));
    }
    let key = opened.key.clone();
    let key = key.ok_or_else(|| {
        refused(
            "EDU-8003",
            "whoever vouches for them calls them otherwise each time",
        )
    })?;
    if opened.remembered.role != role {
        opened.remembered.role = role;
        portal
            .memory
            .keep(&key, &mut opened.remembered, opened.now)
            .await?;
        visit.edge().count("eduline_portal_roles_total", &[]);
        visit.tell(Event::new("portal.role"));
    }
    Ok(visit.see_other(back))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_is_read_once_and_what_is_none_is_left_out() {
        let values = [
            "aed$9990101F$Collège A",
            "aed$9990101F$Collège A bis",
            "aed$9990203S",
            "aed",
            "$9990101F$X",
            "aed$$X",
            "",
            "cpe$9990101F$B$C",
        ];
        let posts = Post::distinct(&values.map(str::to_owned));
        let read: Vec<_> = posts
            .iter()
            .map(|one| (one.id(), one.place.as_str()))
            .collect();
        assert_eq!(
            read,
            [
                ("aed.9990101F".to_owned(), "Collège A"),
                ("aed.9990203S".to_owned(), "9990203S"),
                ("cpe.9990101F".to_owned(), "B$C"),
            ]
        );
        let many: Vec<String> = (0..100).map(|n| format!("aed${n}$X")).collect();
        assert_eq!(Post::distinct(&many).len(), MOST);
    }

    #[test]
    fn a_function_is_called_for_a_man_and_for_a_woman() {
        for (his, hers, called) in [
            (
                "Professeur des écoles",
                "Professeure des écoles",
                "Professeur / Professeure des écoles",
            ),
            ("Proviseur", "Proviseure", "Proviseur / Proviseure"),
            ("AESH", "AESH", "AESH"),
            (
                "Inspecteur",
                "Inspectrice du premier degré",
                "Inspecteur / Inspectrice du premier degré",
            ),
        ] {
            assert_eq!(Function::called(his, hers, "").fr, called);
        }
    }
}
