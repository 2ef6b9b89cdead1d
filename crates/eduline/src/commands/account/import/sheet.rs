//! Where first passwords are told: on letters, one page for each person; or, without letters, on the
//! terminal. Nothing of it is to be seen before the accounts are there.

use std::io::{BufRead, BufReader, Seek, Write};
use std::path::{Path, PathBuf};

use directory::{Person, Realm};
use serde::Serialize;
use serde_json::Value;
use tempfile::NamedTempFile;
use web::{Lang, Page, Press};

use super::super::{line, made};
use crate::cli;
use crate::commands::Refusal;
use crate::say;
use crate::settings::Settings;

/// A part of the letters.
#[derive(Serialize)]
#[serde(tag = "part", rename_all = "lowercase")]
pub(crate) enum Paper {
    /// What comes before them.
    Head {
        /// How they look.
        style: String,
    },
    /// One page.
    Letter(Letter),
    /// What comes after them.
    Foot,
}

/// A letter.
#[derive(Serialize)]
pub(crate) struct Letter {
    realm: &'static str,
    name: String,
    login: String,
    code: String,
    place: Option<String>,
    class: Option<String>,
    address: String,
}

impl Page for Paper {
    const TEMPLATE: &'static str = "account-paper.html";

    fn samples() -> Vec<Self> {
        let letter = |realm, class: Option<&str>| {
            Self::Letter(Letter {
                realm,
                name: "Jeanne Bernard".to_owned(),
                login: "jeanne.bernard".to_owned(),
                code: "wm4x-Kq7p-tz9d-hv2c".to_owned(),
                place: class.map(|_| "Collège Marie-Curie".to_owned()),
                class: class.map(str::to_owned),
                address: "https://eduline.example/portail/".to_owned(),
            })
        };
        let style = String::new();
        vec![
            Self::Head { style },
            letter("eleve", Some("6A")),
            letter("parent", None),
            letter("personnel", None),
            Self::Foot,
        ]
    }

    fn tutoie(&self) -> bool {
        matches!(self, Self::Letter(letter) if letter.realm == Realm::Eleve.as_str())
    }
}

/// What is told, until it may be.
pub(super) struct Sheet {
    file: Option<NamedTempFile>,
    letters: Option<Letters>,
    is_json: bool,
    is_empty: bool,
}

struct Letters {
    press: Press,
    to: PathBuf,
    address: String,
}

impl Sheet {
    /// As it was asked for; on a trial nothing is told.
    pub(super) fn of(settings: &Settings, asked: &cli::Import) -> Result<Self, Refusal> {
        let mut sheet = Self {
            file: None,
            letters: None,
            is_json: asked.print.json,
            is_empty: true,
        };
        if asked.dry_run {
            return Ok(sheet);
        }
        let Some(to) = &asked.letters else {
            sheet.file = Some(NamedTempFile::new().map_err(failed)?);
            return Ok(sheet);
        };
        if to.exists() {
            let to = to.display();
            return Err(Refusal::of(format!("{to}: letters are there already")));
        }
        let folder = to.parent().filter(|folder| *folder != Path::new(""));
        let folder = folder.unwrap_or(Path::new("."));
        // For its owner's eyes only, and in the folder it is to be in.
        let file = NamedTempFile::new_in(folder)
            .map_err(|why| Refusal::of(format!("{}: {why}", folder.display())))?;
        sheet.file = Some(file);
        let press = Press::load(settings.theme.as_deref()).map_err(Refusal)?;
        let style = press.asset("paper.css");
        let address = settings.server.public_url.join("/portail/");
        let to = to.clone();
        sheet.letters = Some(Letters { press, to, address });
        sheet.print(&Paper::Head { style })?;
        Ok(sheet)
    }

    /// Tells one more person's first password.
    pub(super) fn add(
        &mut self,
        person: &Person,
        password: &str,
        class: Option<String>,
    ) -> Result<(), Refusal> {
        self.is_empty = false;
        if let Some(letters) = &self.letters {
            let place = person.posts.first().map(|post| post.place.clone());
            let letter = Letter {
                realm: person.realm.as_str(),
                name: format!("{} {}", person.given_name, person.surname),
                login: person.login.clone(),
                code: password.to_owned(),
                place,
                class,
                address: letters.address.clone(),
            };
            return self.print(&Paper::Letter(letter));
        }
        let text = if self.is_json {
            made(person, Some(password)).to_string()
        } else {
            format!("{}  {password}", line(person))
        };
        self.write(&format!("{text}\n"))
    }

    fn print(&mut self, paper: &Paper) -> Result<(), Refusal> {
        let Some(letters) = &self.letters else {
            return Ok(());
        };
        let text = letters.press.print(paper, Lang::Fr).map_err(Refusal::of)?;
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> Result<(), Refusal> {
        match &mut self.file {
            Some(file) => file.write_all(text.as_bytes()).map_err(failed),
            None => Ok(()),
        }
    }

    /// They are there: now it may be seen. What is for a program is given back.
    pub(super) fn publish(mut self) -> Result<Vec<Value>, Refusal> {
        self.print(&Paper::Foot)?;
        let Some(mut file) = self.file else {
            return Ok(Vec::new());
        };
        if let Some(letters) = self.letters {
            if self.is_empty {
                return Ok(Vec::new());
            }
            let to = letters.to.display().to_string();
            let moved = file.persist_noclobber(&letters.to);
            let moved = moved.map_err(|why| Refusal::of(format!("{to}: {why}")))?;
            moved.sync_all().map_err(failed)?;
            if !self.is_json {
                say::line(&format!("lettres à imprimer : {to}"));
            }
            return Ok(Vec::new());
        }
        file.rewind().map_err(failed)?;
        let mut values = Vec::new();
        for text in BufReader::new(file.as_file()).lines() {
            let text = text.map_err(failed)?;
            if self.is_json {
                values.push(serde_json::from_str(&text).unwrap_or_default());
            } else {
                say::line(&text);
            }
        }
        Ok(values)
    }
}

fn failed(why: std::io::Error) -> Refusal {
    Refusal::of(why.to_string())
}
