//! Pages that are printed on paper: the same templates and words, outside of any visit.

use std::path::Path;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Serde;

use crate::templates::{Surroundings, Templates};
use crate::{Lang, Page};

/// What prints them.
pub struct Press(Templates);

impl Press {
    /// With the theme's folder over the embedded files; every fault at once.
    pub fn load(theme: Option<&Path>) -> Result<Self, Vec<String>> {
        Templates::load(theme).map(Self)
    }

    /// What an asset says; nothing where there is none.
    pub fn asset(&self, name: &str) -> String {
        let bytes = self.0.assets.bytes(name).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The page, as strict as for visitors.
    pub fn print<P: Page>(&self, page: &P, lang: Lang) -> Result<String, String> {
        let around = Surroundings {
            lang,
            tutoie: page.tutoie(),
            path: "",
            here: "",
            reference: "",
            user: None,
            csrf: Arc::new(|_| String::new()),
        };
        let value = Value::from(Serde(page));
        let printed = self.0.render(P::TEMPLATE, value, &around);
        printed.map_err(|why| why.to_string())
    }
}
