//! A page is a type with samples, beside its handler; its template holds form only.

use serde::Serialize;

/// The visitor's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// Français.
    Fr,
    /// English.
    En,
}

impl Lang {
    /// `fr` or `en`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "en",
        }
    }
}

/// Who is signed in, for the header and for `data-user`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Badge {
    /// The login (uid, else subject-id, else the name identifier).
    pub login: String,
    /// The name to greet.
    pub name: String,
    /// Where "Se déconnecter" posts to (a path of ours).
    pub logout: String,
}

/// A page. In its template: `page.<field>`, `t("key", name=value)` for words, `asset("theme.css")`,
/// `csrf("form name")`, `lang`, `path` (of this request), `reference`, and `user` (the badge).
/// The title is the word `<template stem>.title`, unless the visit gives another.
pub trait Page: Serialize {
    /// The template, under `templates/pages/`.
    const TEMPLATE: &'static str;

    /// Samples that together show every branch of the template; rendered strictly in every
    /// language by a test and by `eduline check`.
    fn samples() -> Vec<Self>
    where
        Self: Sized;

    /// Who is signed in.
    fn user(&self) -> Option<Badge> {
        None
    }

    /// Whether the page addresses a pupil: words are then looked up under `<key>.tu` first.
    fn tutoie(&self) -> bool {
        false
    }

    /// Where the forms of this page may lead, in place of our own addresses: CSP `form-action`
    /// sources parted by spaces. Browsers hold every redirection that follows a form to it too, so a
    /// page whose form ends on another site names that site, or `https:` where it may be any.
    fn form_action(&self) -> Option<String> {
        None
    }
}

/// One page sample, type erased.
#[derive(Clone)]
pub struct Sample {
    /// The template.
    pub template: &'static str,
    /// The sample's number.
    pub number: usize,
    /// What [`Page`] said.
    pub user: Option<Badge>,
    /// What [`Page`] said.
    pub tutoie: bool,
    /// The page's fields.
    pub page: minijinja::Value,
}

impl Sample {
    /// The samples of one page type.
    pub fn of<P: Page>() -> Vec<Self> {
        P::samples()
            .into_iter()
            .enumerate()
            .map(|(number, page)| Self {
                template: P::TEMPLATE,
                number,
                user: page.user(),
                tutoie: page.tutoie(),
                page: minijinja::Value::from(minijinja::value::Serde(&page)),
            })
            .collect()
    }
}
