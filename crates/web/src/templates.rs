//! Templates, words and assets: embedded, each overridable by a file of the theme's folder.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use minijinja::value::{Kwargs, Serde};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value, context};
use rust_embed::RustEmbed;

use crate::assets::Assets;
use crate::words::{WordFile, Words, fill};
use crate::{Badge, Lang, Sample};

mod literals;
mod moulds;

pub(crate) use moulds::{Form, Key, gap_here, gap_reference};

#[derive(RustEmbed)]
#[folder = "../../templates/"]
struct Embedded;

/// Everything a page is made of.
pub(crate) struct Templates {
    theme: Option<PathBuf>,
    environment: Environment<'static>,
    pub(crate) words: Arc<Words>,
    pub(crate) assets: Arc<Assets>,
    pub(crate) moulds: moulds::Moulds,
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
    let (templates, mut faults) = Templates::gather(theme);
    let rendered = templates.faults(samples).into_iter();
    // A page that cannot be read cannot be rendered either: it is told once.
    let new = |fault: &String| !faults.iter().any(|known| fault.starts_with(known));
    let new: Vec<String> = rendered.filter(new).collect();
    faults.extend(new);
    faults
}

fn source(theme: Option<&Path>, name: &str) -> Option<Vec<u8>> {
    let overridden = theme.and_then(|folder| std::fs::read(folder.join(name)).ok());
    overridden.or_else(|| Embedded::get(name).map(|file| file.data.into_owned()))
}

/// What faults call a file: the theme's own where it overrides ours.
fn shown(theme: Option<&Path>, name: &str) -> String {
    let overridden = theme.map(|folder| folder.join(name));
    match overridden.filter(|path| path.is_file()) {
        Some(path) => path.display().to_string(),
        None => format!("templates/{name}"),
    }
}

fn utf8(shown: &str, bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|_| format!("{shown}: not UTF-8"))
}

/// Names of the files of a folder, embedded or the theme's.
fn names(theme: Option<&Path>, folder: &str) -> BTreeSet<String> {
    let prefix = format!("{folder}/");
    let embedded = Embedded::iter();
    let embedded = embedded.filter_map(|name| name.strip_prefix(&prefix).map(str::to_owned));
    let theirs = theme.and_then(|theme| std::fs::read_dir(theme.join(folder)).ok());
    let theirs = theirs.into_iter().flatten().flatten();
    embedded
        .chain(theirs.filter_map(|entry| entry.file_name().into_string().ok()))
        .collect()
}

/// Our words and the theme's, whose words take the place of ours one by one: a theme names the
/// académie without repeating everything else.
fn words(theme: Option<&Path>, faults: &mut Vec<String>) -> Words {
    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    for lang in [Lang::Fr, Lang::En] {
        let name = format!("words/{}.toml", lang.as_str());
        let embedded = Embedded::get(&name).map(|file| file.data.into_owned());
        let path = theme.map(|folder| folder.join(&name));
        let overlay =
            path.and_then(|path| Some((path.display().to_string(), std::fs::read(path).ok()?)));
        let embedded = embedded.map(|bytes| (format!("templates/{name}"), bytes));
        for (files, found) in [(&mut own, embedded), (&mut theirs, overlay)] {
            let Some((shown, bytes)) = found else {
                continue;
            };
            match utf8(&shown, bytes) {
                Ok(text) => files.push(WordFile { lang, shown, text }),
                Err(fault) => faults.push(fault),
            }
        }
    }
    let (words, found) = Words::gather(&own, &theirs);
    faults.extend(found);
    words
}

/// A word of our own tables, for what has no edge: the command line.
pub fn word(lang: Lang, key: &str) -> Option<String> {
    static OWN: OnceLock<Words> = OnceLock::new();
    let own = OWN.get_or_init(|| words(None, &mut Vec::new()));
    own.find(lang, key).map(str::to_owned)
}

fn assets(theme: Option<&Path>, faults: &mut Vec<String>) -> Assets {
    let mut assets = Assets::default();
    for name in names(theme, "assets") {
        let bytes = source(theme, &format!("assets/{name}")).unwrap_or_default();
        faults.extend(assets.add(&name, bytes).err());
    }
    assets
}

impl Templates {
    /// Loads everything; every fault at once.
    pub(crate) fn load(theme: Option<&Path>) -> Result<Self, Vec<String>> {
        match Self::gather(theme) {
            (loaded, faults) if faults.is_empty() => Ok(loaded),
            (_, faults) => Err(faults),
        }
    }

    /// Everything that can be loaded, and every fault of the rest.
    fn gather(theme: Option<&Path>) -> (Self, Vec<String>) {
        let mut faults = Vec::new();
        let words = words(theme, &mut faults);
        let assets = assets(theme, &mut faults);
        let environment = environment(theme.map(Path::to_path_buf));
        for name in names(theme, "pages") {
            if Embedded::get(&format!("pages/{name}")).is_none() {
                let file = shown(theme, &format!("pages/{name}"));
                faults.push(format!("{file}: takes the place of no page"));
            } else if let Err(why) = environment.get_template(&format!("pages/{name}")) {
                faults.push(place(theme, &why));
            }
        }
        let loaded = Self {
            theme: theme.map(Path::to_path_buf),
            environment,
            words: Arc::new(words),
            assets: Arc::new(assets),
            moulds: moulds::Moulds::default(),
        };
        faults.extend(loaded.unknown_names());
        (loaded, faults)
    }

    /// Words and assets that a template names outright and that are not there: found wherever they
    /// stand, also where no sample leads.
    fn unknown_names(&self) -> Vec<String> {
        let theme = self.theme.as_deref();
        let files = ["pages", "parts"].into_iter().flat_map(|folder| {
            let names = names(theme, folder).into_iter();
            names.map(move |name| format!("{folder}/{name}"))
        });
        let mut faults = Vec::new();
        for name in files.chain(["layout.html".to_owned()]) {
            let text = source(theme, &name).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let said = literals::calls(&text, "t");
            let unsaid = said.into_iter().filter(|call| !self.has_word(call));
            let shown_assets = literals::calls(&text, "asset");
            let unshown = shown_assets
                .into_iter()
                .filter(|call| call.whole && self.assets.path(call.text).is_none());
            for call in unsaid.chain(unshown) {
                let file = shown(theme, &name);
                faults.push(format!("{file}:{}: there is no {}", call.line, call.text));
            }
        }
        faults
    }

    fn has_word(&self, call: &literals::Call<'_>) -> bool {
        if !call.whole {
            return self.words.any_begins(call.text);
        }
        let in_both = |lang| self.words.find(lang, call.text).is_some();
        in_both(Lang::Fr) && in_both(Lang::En)
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
                        place(self.theme.as_deref(), &why),
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

/// `<file>:<line>: why`, down to the first cause.
fn place(theme: Option<&Path>, why: &Error) -> String {
    let mut innermost: &Error = why;
    let mut source = std::error::Error::source(why);
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<Error>() {
            innermost = error;
        }
        source = cause.source();
    }
    let name = innermost
        .name()
        .map_or_else(|| "a template".to_owned(), |name| shown(theme, name));
    let line = innermost
        .line()
        .map_or_else(String::new, |line| format!(":{line}"));
    let detail = innermost
        .detail()
        .map_or_else(|| innermost.kind().to_string(), str::to_owned);
    format!("{name}{line}: {detail}")
}

#[cfg(test)]
mod tests;
