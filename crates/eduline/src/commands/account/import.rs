//! `eduline account import`: accounts from files, all of them or none; a first password for each who comes.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use directory::import::{Aaf, Ldif, Record, Table, Wording};
use directory::{Arrivals, Attributes, Directory, Outcome, Realm, Rule, Wanted};
use serde_json::{Value, json};
use web::Edge;

use self::sheet::Sheet;
use super::{away, fresh_password, give_seeds, parse_realm, read_seeds};
use crate::cli::{self, Format};
use crate::commands::Refusal;
use crate::house;
use crate::say::{self, Voice};
use crate::settings::Settings;

mod french;
pub(crate) mod sheet;

/// Faults that are told one by one; the others are counted.
const TOLD: usize = 1000;
/// Records between two words of progress.
const STEP: usize = 500;

type Records = Box<dyn Iterator<Item = Record>>;

/// What came of it so far.
#[derive(Default)]
struct Tally {
    records: usize,
    come: usize,
    changed: usize,
    same: usize,
    gone: usize,
    refused: usize,
    is_broken: bool,
    faults: Vec<Value>,
    more_faults: usize,
}

/// Runs the subcommand.
pub(super) async fn run(
    (settings, directory): (&Settings, &Directory),
    asked: &cli::Import,
) -> Result<(), Refusal> {
    let files = in_order(&asked.files);
    let opened: Result<Vec<(Records, String)>, Refusal> = files
        .iter()
        .map(|file| Ok((open(settings, asked, file)?, file.display().to_string())))
        .collect();
    let opened = opened?;
    let mut seeds = Vec::new();
    for file in &files {
        if format(asked, file)? == Format::Csv {
            // What cannot be read as a whole is told line by line below.
            seeds.extend(read_seeds(file).unwrap_or_default());
        }
    }
    let mut sheet = Sheet::of(settings, asked)?;
    let wanted = Wanted {
        keeps_passwords: asked.keep_passwords,
        fonctions: house::read_fonctions(settings)?,
        draw: fresh_password,
        now: Edge::system_clock()(),
    };
    let mut arrivals = directory.arrivals(wanted).await.map_err(away)?;
    let mut tally = Tally::default();
    for (records, name) in opened {
        take_all(&mut arrivals, (records, &name), (&mut tally, &mut sheet)).await?;
    }
    say::progress("");
    let is_refused = tally.is_broken || (tally.refused > 0 && !asked.skip);
    if is_refused || asked.dry_run {
        drop(arrivals);
        drop(sheet);
        if asked.print.json || !is_refused {
            tally.tell(asked, &[]);
        }
        return if is_refused {
            Err(tally.refusal(asked))
        } else {
            Ok(())
        };
    }
    arrivals.keep().await.map_err(away)?;
    let accounts = sheet.publish()?;
    give_seeds(directory, &seeds).await?;
    tally.tell(asked, &accounts);
    if !asked.print.json {
        tally
            .faults_told()
            .iter()
            .for_each(|fault| say::complain(fault));
    }
    Ok(())
}

/// Schools before their people, whatever the shell thinks of their names.
fn in_order(files: &[PathBuf]) -> Vec<PathBuf> {
    let mut files = files.to_vec();
    let is_of_schools = |file: &Path| {
        let name = file.file_name().unwrap_or_default();
        name.to_string_lossy().contains("EtabEducNat")
    };
    files.sort_by_key(|file| !is_of_schools(file));
    files
}

fn format(asked: &cli::Import, file: &Path) -> Result<Format, Refusal> {
    let ending = file.extension().unwrap_or_default().to_ascii_lowercase();
    match (asked.format, ending.to_str()) {
        (Some(format), _) => Ok(format),
        (None, Some("csv")) => Ok(Format::Csv),
        (None, Some("ldif")) => Ok(Format::Ldif),
        (None, Some("xml")) => Ok(Format::Aaf),
        _ => Err(Refusal::of(format!(
            "{}: what is it? --format csv, ldif or aaf",
            file.display()
        ))),
    }
}

fn open(settings: &Settings, asked: &cli::Import, file: &Path) -> Result<Records, Refusal> {
    let format = format(asked, file)?;
    let from = File::open(file).map_err(|why| Refusal::of(format!("{}: {why}", file.display())))?;
    let from = BufReader::with_capacity(64 * 1024, from);
    Ok(match format {
        Format::Csv => Box::new(Table::of(from)),
        Format::Aaf => Box::new(Aaf::of(from)),
        Format::Ldif => {
            let realm = asked.realm.as_deref().ok_or_else(|| {
                Refusal::of("whose accounts are they? an LDIF file needs --realm")
            })?;
            let wording = wording(settings, parse_realm(realm)?)?;
            Box::new(Ldif::of(from, wording))
        }
    })
}

/// As the settings say of a tree of that realm, or as trees of académies usually are.
fn wording(settings: &Settings, realm: Realm) -> Result<Wording, Refusal> {
    let mut trees = settings.directory.trees.iter();
    if let Some(tree) = trees.find(|tree| tree.realm == realm) {
        return Ok(Wording {
            realm,
            attributes: tree.attributes.clone(),
            functions: tree.functions.clone(),
        });
    }
    Ok(Wording {
        realm,
        attributes: Attributes::default(),
        functions: house::read_fonctions(settings)?.by_title(),
    })
}

async fn take_all(
    arrivals: &mut Arrivals,
    (records, name): (Records, &str),
    (tally, sheet): (&mut Tally, &mut Sheet),
) -> Result<(), Refusal> {
    for record in records {
        let line = record.line;
        tally.records += 1;
        if tally.records.is_multiple_of(STEP) {
            say::progress(&format!("{} fiches lues", tally.records));
        }
        match arrivals.take(record).await.map_err(away)? {
            Outcome::Come {
                person,
                password,
                class,
            } => {
                tally.come += 1;
                sheet.add(&person, &password, class)?;
            }
            Outcome::Changed(_) => tally.changed += 1,
            Outcome::Same => tally.same += 1,
            Outcome::Gone => tally.gone += 1,
            Outcome::Noted => {}
            Outcome::Refused(rules) => tally.refuse((name, line), &rules),
        }
    }
    Ok(())
}

impl Tally {
    fn refuse(&mut self, (file, line): (&str, usize), rules: &[Rule]) {
        self.refused += 1;
        self.is_broken |= rules.iter().any(Rule::is_fatal);
        for rule in rules {
            if self.faults.len() < TOLD {
                self.faults.push(json!({
                    "file": file,
                    "line": line,
                    "rule": rule.name(),
                    "text": french::sentence(rule),
                }));
            } else {
                self.more_faults += 1;
            }
        }
    }

    /// `file: line N: rule: what is wrong`.
    fn faults_told(&self) -> Vec<String> {
        let text = |fault: &Value, name: &str| {
            let value = fault.get(name).cloned().unwrap_or_default();
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        let told = self.faults.iter().map(|fault| {
            let [file, line, rule, said] =
                ["file", "line", "rule", "text"].map(|name| text(fault, name));
            format!("{file}: line {line}: {rule}: {said}")
        });
        let more = (self.more_faults > 0).then(|| format!("… et {} autres", self.more_faults));
        told.chain(more).collect()
    }

    fn refusal(&self, asked: &cli::Import) -> Refusal {
        if asked.print.json {
            return Refusal(Vec::new());
        }
        let mut told = self.faults_told();
        told.push("rien n’a été importé".to_owned());
        Refusal(told)
    }

    fn tell(&self, asked: &cli::Import, accounts: &[Value]) {
        if asked.print.json {
            let value = json!({
                "dry_run": asked.dry_run,
                "new": self.come,
                "changed": self.changed,
                "same": self.same,
                "disabled": self.gone,
                "refused": self.refused,
                "faults": self.faults,
                "more_faults": self.more_faults,
                "accounts": accounts,
            });
            Voice::Json.tell(&[], &value);
            return;
        }
        let about = if asked.dry_run {
            "essai, rien n’est écrit : "
        } else {
            ""
        };
        say::line(&format!(
            "{about}{} comptes créés, {} modifiés, {} inchangés, {} désactivés, {} fiches refusées",
            self.come, self.changed, self.same, self.gone, self.refused
        ));
    }
}
