//! What taking in a rentrée costs: accounts of an AAF file, into SQLite.

use std::fmt::Write;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::{Duration, Instant};

use directory::fonctions::Fonctions;
use directory::import::Aaf;
use directory::{Directory, DirectoryKeys, Hashing, Outcome, Wanted};
use web::Edge;

use super::{Row, bare};
use crate::commands::{Refusal, account};

/// Least accounts that are taken in within a second.
const PER_SECOND: f64 = 4000.0;

/// Two rows, of so many accounts.
pub(super) fn rows(accounts: u32) -> Result<Vec<Row>, Refusal> {
    let folder = tempfile::tempdir().map_err(|why| Refusal::of(why.to_string()))?;
    let file = folder.path().join("eleves.xml");
    std::fs::write(&file, pupils(accounts)).map_err(|why| Refusal::of(why.to_string()))?;
    let started = Instant::now();
    let read = open(&file)?.count();
    let reading = started.elapsed();
    let taking = actix_web::rt::System::new().block_on(take(folder.path(), &file))?;
    let each = bare::light()?;
    let hashing = each * accounts;
    let full = bare::hash()? * accounts;
    let rate = f64::from(accounts) / taking.as_secs_f64().max(f64::EPSILON);
    Ok(vec![
        Row {
            what: format!("{accounts} pupils of an AAF file taken in, SQLite, all or none"),
            took: format!("{} ms, {rate:.0} a second", taking.as_millis()),
            limit: format!("{} ms to read its {read} requests", reading.as_millis()),
            aim: Some((format!("over {PER_SECOND:.0} a second"), rate > PER_SECOND)),
        },
        Row {
            what: "of it, hashing their first passwords, CPU".to_owned(),
            took: format!("{} ms ({} µs each)", hashing.as_millis(), each.as_micros()),
            limit: format!(
                "{} s at the cost of a password that was chosen",
                full.as_secs()
            ),
            aim: None,
        },
    ])
}

fn open(file: &Path) -> Result<Aaf<BufReader<File>>, Refusal> {
    let file = File::open(file).map_err(|why| Refusal::of(why.to_string()))?;
    Ok(Aaf::of(BufReader::new(file)))
}

async fn take(folder: &Path, file: &Path) -> Result<Duration, Refusal> {
    let failed = |why: directory::Fault| Refusal::of(why.to_string());
    let directory = directory(folder).await.map_err(failed)?;
    let wanted = Wanted {
        keeps_passwords: true,
        fonctions: Fonctions::default(),
        draw: account::fresh_password,
        now: Edge::system_clock()(),
    };
    let started = Instant::now();
    let mut arrivals = directory.arrivals(wanted).await.map_err(failed)?;
    for record in open(file)? {
        if let Outcome::Refused(rules) = arrivals.take(record).await.map_err(failed)? {
            return Err(Refusal::of(format!("the measure's own file: {rules:?}")));
        }
    }
    arrivals.keep().await.map_err(failed)?;
    Ok(started.elapsed())
}

async fn directory(folder: &Path) -> Result<Directory, directory::Fault> {
    let keys = DirectoryKeys {
        numen: [1; 32],
        factors: [2; 32],
    };
    let hashing = Hashing {
        memory_kib: 19456,
        passes: 2,
        at_once: 1,
    };
    let file = folder.join("accounts.db");
    directory::sqlite(&file, keys, hashing, Edge::system_dice()).await
}

/// A school and its pupils, of whom some share their names.
fn pupils(many: u32) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"ISO-8859-15\"?>\n<ficAlimMENESR>\n<addRequest>\
        <operationalAttributes><attr name=\"categorieStructure\"><value>EtabEducNat</value></attr>\
        </operationalAttributes><identifier><id>1</id></identifier><attributes>\
        <attr name=\"ENTStructureUAI\"><value>9990203S</value></attr>\
        <attr name=\"ENTStructureNomCourant\"><value>COLLEGE</value></attr></attributes></addRequest>\n"
        .to_owned();
    for number in 0..many {
        let (name, day) = (number % 9973, number % 28 + 1);
        // Writing to a String never fails.
        writeln!(
            text,
            "<addRequest><operationalAttributes><attr name=\"categoriePersonne\"><value>Eleve</value>\
             </attr></operationalAttributes><identifier><id>{number}</id></identifier><attributes>\n\
             <attr name=\"sn\"><value>Nom{name}</value></attr>\n\
             <attr name=\"givenName\"><value>Ana</value></attr>\n\
             <attr name=\"ENTPersonDateNaissance\"><value>{day:02}/03/2012</value></attr>\n\
             <attr name=\"ENTPersonStructRattach\"><value>1</value></attr>\n\
             <attr name=\"ENTEleveClasses\"><value>1$6A</value></attr></attributes></addRequest>"
        )
        .ok();
    }
    text.push_str("</ficAlimMENESR>\n");
    text
}
