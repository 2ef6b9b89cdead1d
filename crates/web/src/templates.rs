//! Templates, words and assets: embedded, each overridable by a file of the theme's folder.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::value::{Kwargs, Serde};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value, context};
use rust_embed::RustEmbed;

use crate::assets::Assets;
use crate::words::{Words, fill};
use crate::{Badge, Lang, Sample};

#[derive(RustEmbed)]
#[folder = "../../templates/"]
struct Embedded;

/// Everything a page is made of.
pub(crate) struct Templates {
    environment: Environment<'static>,
    pub(crate) words: Arc<Words>,
    pub(crate) assets: Arc<Assets>,
}

/// What a template is given besides the page.
pub(crate) struct Surroundings<'a> {
    pub(crate) lang: Lang,
    pub(crate) tutoie: bool,
    pub(crate) path: &'a str,
    /// The address that `lang=…` is put after.
    pub(crate) here: &'a str,
    pub(crate) reference: &'a str,
    pub(crate) user: Option<&'a Badge>,
    /// Makes the token of a form by its name.
    pub(crate) csrf: Arc<dyn Fn(&str) -> String + Send + Sync>,
}

/// Renders every sample in every language, strictly, with the theme's folder over the embedded
/// files: every fault at once, each with its file.
pub fn check(samples: &[Sample], theme: Option<&Path>) -> Vec<String> {
    match Templates::load(theme) {
        Err(faults) => faults,
        Ok(templates) => templates.faults(samples),
    }
}

fn source(theme: Option<&Path>, name: &str) -> Option<Vec<u8>> {
    let overridden = theme.and_then(|folder| std::fs::read(folder.join(name)).ok());
    overridden.or_else(|| Embedded::get(name).map(|file| file.data.into_owned()))
}

fn text(theme: Option<&Path>, name: &str) -> Result<String, String> {
    let bytes = source(theme, name).ok_or_else(|| format!("{name}: there is no such file"))?;
    String::from_utf8(bytes).map_err(|_| format!("{name}: not UTF-8"))
}

/// Names of the files of a folder, embedded or the theme's.
fn names(theme: Option<&Path>, folder: &str) -> Vec<String> {
    let prefix = format!("{folder}/");
    let mut names: Vec<String> = Embedded::iter()
        .filter_map(|name| name.strip_prefix(&prefix).map(str::to_owned))
        .collect();
    if let Some(theme) = theme {
        let entries = std::fs::read_dir(theme.join(folder))
            .into_iter()
            .flatten()
            .flatten();
        names.extend(entries.filter_map(|entry| entry.file_name().into_string().ok()));
    }
    names.sort();
    names.dedup();
    names
}

impl Templates {
    /// Loads everything; every fault at once.
    pub(crate) fn load(theme: Option<&Path>) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let mut word_file = |lang: &str| {
            text(theme, &format!("words/{lang}.toml")).unwrap_or_else(|fault| {
                faults.push(fault);
                String::new()
            })
        };
        let (fr, en) = (word_file("fr"), word_file("en"));
        let words = Words::parse(&fr, &en).unwrap_or_else(|found| {
            faults.extend(found);
            Words::default()
        });
        let mut assets = Assets::default();
        for name in names(theme, "assets") {
            let bytes = source(theme, &format!("assets/{name}")).unwrap_or_default();
            if let Err(fault) = assets.add(&name, bytes) {
                faults.push(fault);
            }
        }
        let environment = environment(theme.map(Path::to_path_buf));
        for name in names(theme, "pages") {
            if let Err(why) = environment.get_template(&format!("pages/{name}")) {
                faults.push(place(&why));
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            environment,
            words: Arc::new(words),
            assets: Arc::new(assets),
        })
    }

    /// Renders one page.
    pub(crate) fn render(
        &self,
        template: &str,
        page: Value,
        around: &Surroundings<'_>,
    ) -> Result<String, Error> {
        let template = self
            .environment
            .get_template(&format!("pages/{template}"))?;
        let csrf = Arc::clone(&around.csrf);
        let assets = Arc::clone(&self.assets);
        template.render(context! {
            page,
            lang => around.lang.as_str(),
            path => around.path,
            here => around.here,
            reference => around.reference,
            user => around.user.map(|badge| Value::from(Serde(badge))),
            t => self.word_function(around.lang, around.tutoie),
            csrf => Value::from_function(move |form: String| csrf(&form)),
            asset => Value::from_function(move |name: String| {
                assets.path(&name).ok_or_else(|| {
                    Error::new(ErrorKind::InvalidOperation, format!("no asset is called {name}"))
                })
            }),
        })
    }

    fn word_function(&self, lang: Lang, tutoie: bool) -> Value {
        let words = Arc::clone(&self.words);
        Value::from_function(move |key: String, values: Kwargs| {
            let refuse = |why: String| Error::new(ErrorKind::InvalidOperation, why);
            let word = words
                .say(lang, tutoie, &key)
                .ok_or_else(|| refuse(format!("words/{}.toml has no {key}", lang.as_str())))?;
            let filled = fill(word, |name| {
                values
                    .get::<Value>(name)
                    .ok()
                    .map(|value| Cow::Owned(value.to_string()))
            });
            filled.map_err(|why| refuse(format!("{key}: {why}")))
        })
    }

    /// What is wrong with these samples, in either language.
    pub(crate) fn faults(&self, samples: &[Sample]) -> Vec<String> {
        let mut faults = Vec::new();
        for sample in samples {
            for lang in [Lang::Fr, Lang::En] {
                let around = Surroundings {
                    lang,
                    tutoie: sample.tutoie,
                    path: "/sample",
                    here: "/sample?",
                    reference: "K7QP-3MXD",
                    user: sample.user.as_ref(),
                    csrf: Arc::new(|form| format!("token-of-{form}")),
                };
                if let Err(why) = self.render(sample.template, sample.page.clone(), &around) {
                    let fault = format!(
                        "{} (sample {}, {})",
                        place(&why),
                        sample.number,
                        lang.as_str()
                    );
                    faults.push(fault);
                }
            }
        }
        faults.sort();
        faults.dedup();
        faults
    }
}

fn environment(theme: Option<PathBuf>) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_loader(move |name: &str| {
        // Templates name each other by fixed names; nothing of a request comes here.
        match source(theme.as_deref(), name) {
            None => Ok(None),
            Some(bytes) => String::from_utf8(bytes)
                .map(Some)
                .map_err(|_| Error::new(ErrorKind::InvalidOperation, "the template is not UTF-8")),
        }
    });
    environment
}

/// `templates/<file>:<line>: why`, down to the first cause.
fn place(why: &Error) -> String {
    let mut innermost: &Error = why;
    let mut source = std::error::Error::source(why);
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<Error>() {
            innermost = error;
        }
        source = cause.source();
    }
    let name = innermost.name().unwrap_or("a template");
    let line = innermost
        .line()
        .map_or_else(String::new, |line| format!(":{line}"));
    let detail = innermost
        .detail()
        .map_or_else(|| innermost.kind().to_string(), str::to_owned);
    format!("templates/{name}{line}: {detail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_files_load() {
        if let Err(faults) = Templates::load(None) {
            panic!("{faults:#?}");
        }
    }

    #[test]
    fn a_theme_overrides_file_by_file_and_its_faults_are_placed() {
        let theme = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(theme.path().join("pages")).unwrap();
        std::fs::write(
            theme.path().join("pages/refused.html"),
            "\n{{ page.nothing }}",
        )
        .unwrap();
        let faults = check(
            &Sample::of::<crate::guard::RefusedPage>(),
            Some(theme.path()),
        );
        assert!(
            faults
                .iter()
                .any(|f| f.contains("templates/pages/refused.html:2")),
            "{faults:?}"
        );
        std::fs::write(theme.path().join("pages/refused.html"), "{% if %}").unwrap();
        let faults = check(&[], Some(theme.path()));
        assert!(
            faults
                .iter()
                .any(|f| f.contains("templates/pages/refused.html:1")),
            "{faults:?}"
        );
    }

    #[test]
    fn our_own_pages_render_in_both_languages() {
        let faults = check(&crate::edge::samples(), None);
        assert!(faults.is_empty(), "{faults:#?}");
    }
}
