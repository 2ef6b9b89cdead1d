//! Forms of pages that are shown at every sign-on: rendered once, filled ever after.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::HtmlEscape;

use crate::Lang;
use crate::page::{Filling, gap};

/// Forms that are kept: addresses are few, and what makes more of them than this has something else
/// in mind.
const MOST: usize = 256;
/// What the surroundings leave open in a form, beside the values of its page.
const HERE: u8 = 98;
const REFERENCE: u8 = 99;

/// What makes a form another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) template: &'static str,
    pub(crate) shape: u8,
    pub(crate) lang: Lang,
    pub(crate) tutoie: bool,
    pub(crate) path: String,
}

/// A form: text, and the number of the gap after each piece.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pieces: Vec<(String, u8)>,
    end: String,
}

/// The forms of one set of templates.
#[derive(Default)]
pub(crate) struct Moulds(Mutex<HashMap<Key, Arc<Form>>>);

impl Moulds {
    pub(crate) fn find(&self, key: &Key) -> Option<Arc<Form>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).map(Arc::clone)
    }

    pub(crate) fn keep(&self, key: Key, form: Form) -> Arc<Form> {
        let form = Arc::new(form);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST {
            kept.insert(key, Arc::clone(&form));
        }
        form
    }
}

/// What stands for the address of this page in a form.
pub(crate) fn gap_here() -> String {
    gap(HERE)
}

/// What stands for the reference in a form.
pub(crate) fn gap_reference() -> String {
    gap(REFERENCE)
}

impl Form {
    /// Cuts what was rendered at its gaps.
    pub(crate) fn cut(rendered: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = rendered;
        while let Some((before, (number, after))) = rest
            .split_once('\u{E000}')
            .and_then(|(before, after)| Some((before, after.split_once('\u{E001}')?)))
        {
            pieces.push((before.to_owned(), number.parse().unwrap_or(u8::MAX)));
            rest = after;
        }
        let end = rest.to_owned();
        Self { pieces, end }
    }

    /// The page, with its values in place.
    pub(crate) fn fill(&self, values: &[Filling<'_>], here: &str, reference: &str) -> String {
        let lengths = values.iter().map(|value| match value {
            Filling::Text(text) | Filling::Plain(text) => text.len(),
        });
        let own = self.pieces.iter().map(|(piece, _)| piece.len());
        let length: usize = own.chain(lengths).sum();
        let mut page = String::with_capacity(length + self.end.len() + 2 * here.len() + 64);
        for (piece, number) in &self.pieces {
            page.push_str(piece);
            // Writing to a String never fails.
            match (*number, values.get(usize::from(*number))) {
                (HERE, _) => write!(page, "{}", HtmlEscape(here)),
                (REFERENCE, _) => write!(page, "{}", HtmlEscape(reference)),
                (_, Some(Filling::Text(text))) => write!(page, "{}", HtmlEscape(text)),
                (_, Some(Filling::Plain(text))) => page.write_str(text),
                (_, None) => Ok(()),
            }
            .ok();
        }
        page.push_str(&self.end);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_cut_at_its_gaps_and_filled_in_any_order() {
        let rendered = format!("<a>{}<b>{}{}<c>", gap(1), gap(0), gap_here());
        let form = Form::cut(&rendered);
        let values = [Filling::Text("<&\"'/>"), Filling::Plain("PHg+/=")];
        assert_eq!(
            form.fill(&values, "/x?a=1&", "K7QP-3MXD"),
            "<a>PHg+/=<b>&lt;&amp;&quot;&#x27;&#x2f;&gt;&#x2f;x?a=1&amp;<c>"
        );
        assert_eq!(Form::cut("plain").fill(&[], "", ""), "plain");
    }

    #[test]
    fn what_is_filled_in_is_not_cut_again() {
        let first = gap(1);
        let form = Form::cut(&format!("<{}>{first}", gap(0)));
        let values = [Filling::Text(&first), Filling::Text("x")];
        assert_eq!(form.fill(&values, "", ""), format!("<{}>x", gap(1)));
    }
}
