//! A page is a type with samples, beside its handler; its template holds form only.

use serde::Serialize;

/// The visitor's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
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

    /// Whether its script may ask the browser where its visitor is (Permissions-Policy `geolocation`); the browser asks
    /// the visitor.
    fn asks_place(&self) -> bool {
        false
    }

    /// The form this page is made by, if it is to be kept. For pages without a badge and without a
    /// token of a form.
    fn mould(&self) -> Option<Mould<'_, Self>>
    where
        Self: Sized,
    {
        None
    }
}

/// How a page is told apart from others of its form, and what is put into its gaps.
///
/// For pages that are shown at every sign-on, whose fields are put in place and nothing else: the
/// form is rendered once, with [`gap`]s where values stand, and kept; a page is then the pieces with
/// its values between them.
pub struct Mould<'a, P> {
    /// Pages whose templates branch alike have the same shape.
    pub shape: u8,
    /// A page of that shape with `gap(0)`, `gap(1)`… for its values.
    pub blank: P,
    /// What goes into the gaps.
    pub values: Vec<Filling<'a>>,
}

/// What goes into a gap.
pub enum Filling<'a> {
    /// Text, escaped.
    Text(&'a str),
    /// What holds no markup, whatever it says (base64): as it is.
    Plain(&'a str),
}

/// What stands in a page for the value of that number, at most 99: characters of private use, which
/// no escaping touches.
pub fn gap(number: u8) -> String {
    format!("\u{E000}{number:02}\u{E001}")
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
