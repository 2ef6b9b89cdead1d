//! `GET /compte/identite`: who a person is here, to read.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Serialize;
use web::{Badge, Page, Refused, Visit};

use crate::Account;
use crate::home::sample_badge;

/// « Gérer votre compte »
#[derive(Debug, Serialize)]
pub(crate) struct IdentityPage {
    badge: Badge,
    pupil: bool,
    name: String,
    login: String,
    mail: Option<String>,
    places: Vec<String>,
}

impl Page for IdentityPage {
    const TEMPLATE: &'static str = "account-identity.html";

    fn samples() -> Vec<Self> {
        let page = |pupil, mail: Option<&str>| Self {
            badge: sample_badge(),
            pupil,
            name: "Anne Martin".into(),
            login: "amartin".into(),
            mail: mail.map(str::to_owned),
            places: mail
                .map(|_| "École élémentaire Jules-Ferry".to_owned())
                .into_iter()
                .collect(),
        };
        vec![
            page(false, Some("anne.martin@ac-demo.example")),
            page(true, None),
        ]
    }

    fn user(&self) -> Option<Badge> {
        Some(self.badge.clone())
    }

    fn tutoie(&self) -> bool {
        self.pupil
    }
}

/// The page of who is signed in.
pub(crate) async fn show(visit: Visit, account: Data<Account>) -> Result<HttpResponse, Refused> {
    let signed = match account.signed(&visit).await? {
        Ok(signed) => signed,
        Err(start) => return Ok(start),
    };
    let pupil = signed.tutoie();
    let person = signed.person;
    visit.page(&IdentityPage {
        badge: signed.badge,
        pupil,
        name: format!("{} {} {}", person.title, person.given_name, person.surname)
            .trim()
            .to_owned(),
        login: person.login,
        mail: person.mail,
        places: person.posts.into_iter().map(|post| post.place).collect(),
    })
}
