//! Whether time tells who has an account: tries of people who have one and of people who have none, in turns, on
//! the three pages that anybody may ask (U06). Whoever guesses by a threshold on the time an answer takes is
//! right as often as the area under the curve says: one half is chance.

use std::fmt::Write;
use std::time::{Duration, Instant};

use web::Edge;

use super::Row;
use super::server::{Server, Visitor};
use crate::commands::Refusal;

/// Farthest that the medians may lie apart.
const APART: Duration = Duration::from_millis(1);
/// Best that a guess may do, in percent.
const AUC: u32 = 55;
/// Tries before what is measured.
const WARM: u32 = 40;

/// One of the three pages.
#[derive(Clone, Copy)]
enum Asked {
    Login,
    LostPassword,
    Identifier,
}

/// A row for each page, of so many tries.
pub(super) fn rows(tries: u32) -> Result<Vec<Row>, Refusal> {
    let half = tries / 2 + WARM;
    let folder = tempfile::tempdir().map_err(|why| Refusal::of(why.to_string()))?;
    let file = folder.path().join("people.csv");
    std::fs::write(&file, people(half)).map_err(|why| Refusal::of(why.to_string()))?;
    let file = file.display().to_string();
    let server = Server::start(&[
        ("EDULINE__SERVER__DEMO_ACCOUNTS", &file),
        ("EDULINE__SERVER__PROXIES", "127.0.0.1"),
        ("EDULINE__DIRECTORY__MEMORY_KIB", "7168"),
        ("EDULINE__DIRECTORY__PASSES", "1"),
    ])?;
    [Asked::Login, Asked::LostPassword, Asked::Identifier]
        .into_iter()
        .map(|asked| row(&server, asked, half))
        .collect()
}

/// Accounts, each with a NUMEN of its own.
fn people(many: u32) -> String {
    let mut text = "realm,login,civilite,prenom,nom,mail,numen,date_naissance,affectations,delegations,groupes,\
                    roles,otp,courriel_secours\n"
        .to_owned();
    for number in 0..many {
        // Writing to a String never fails.
        writeln!(
            text,
            "personnel,known{number},,P,Nom,,09X{number:07}AAA,1970-01-01,\
             enseignant_1d:9990101F:Ecole,,,,none,known{number}@perso.example"
        )
        .ok();
    }
    text
}

fn row(server: &Server, asked: Asked, half: u32) -> Result<Row, Refusal> {
    let visitor = server.visitor();
    let form = Form::of(&visitor, server, asked)?;
    let dice = Edge::system_dice();
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for number in 0..half {
        // In pairs, either first: what the one before left behind is nobody's in particular.
        let mut chance = [0];
        dice(&mut chance);
        let [chance] = chance;
        let first_known = chance.is_multiple_of(2);
        for is_known in [first_known, !first_known] {
            let took = form.send(&visitor, number, is_known)?;
            if number >= WARM {
                let times = if is_known { &mut known } else { &mut unknown };
                times.push(took);
            }
        }
    }
    let (here, there) = (median(&mut known), median(&mut unknown));
    let auc = auc(&known, &unknown);
    let reached = here.abs_diff(there) <= APART && auc <= AUC;
    let what = match asked {
        Asked::Login => "wrong password",
        Asked::LostPassword => "lost password",
        Asked::Identifier => "find the identifier",
    };
    Ok(Row {
        what: format!(
            "{what}: who has an account, and who has none, medians of {} tries",
            known.len() * 2
        ),
        took: format!("{} µs and {} µs", here.as_micros(), there.as_micros()),
        limit: "a guess by time is right in 50 of 100 when it is chance".to_owned(),
        aim: Some((
            format!("within 1 ms, and at most {AUC} of 100 (is {auc})"),
            reached,
        )),
    })
}

/// A form that is sent again and again.
struct Form {
    asked: Asked,
    action: String,
    csrf: String,
    flow: String,
}

impl Form {
    fn of(visitor: &Visitor, server: &Server, asked: Asked) -> Result<Self, Refusal> {
        if matches!(asked, Asked::Login) {
            let (action, csrf, flow) = visitor.login_form("personnel")?.parts();
            return Ok(Self {
                asked,
                action,
                csrf,
                flow,
            });
        }
        let path = match asked {
            Asked::LostPassword => "/compte/mot-de-passe-perdu",
            _ => "/compte/identifiant",
        };
        let action = server.at(path);
        Ok(Self {
            asked,
            csrf: visitor.field(&action, "csrf")?,
            action,
            flow: String::new(),
        })
    }

    /// Sends it, from an address of its own each time, so that nobody waits.
    fn send(&self, visitor: &Visitor, number: u32, is_known: bool) -> Result<Duration, Refusal> {
        let kind = match self.asked {
            Asked::Login => 10,
            Asked::LostPassword => 11,
            Asked::Identifier => 12,
        };
        let [_, high, middle, low] = number.to_be_bytes();
        let from = format!("{kind}.{}.{middle}.{low}", high * 2 + u8::from(is_known));
        let login = if is_known { "known" } else { "stranger" };
        let login = format!("{login}{number}");
        let numen = format!("09X{number:07}{}", if is_known { "AAA" } else { "ZZZ" });
        let fields = match self.asked {
            Asked::Login => vec![
                ("csrf", self.csrf.as_str()),
                ("flow", &self.flow),
                ("username", &login),
                ("password", "Wrong-word-77"),
            ],
            _ => vec![
                ("csrf", self.csrf.as_str()),
                ("numen", &numen),
                ("nom_usuel", "Nom"),
                ("date_naissance", "01/01/1970"),
            ],
        };
        let started = Instant::now();
        visitor.post_from(&self.action, &from, fields)?;
        Ok(started.elapsed())
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Of all pairs, in how many of 100 the one time is longer than the other, whichever is longer more often.
fn auc(ones: &[Duration], others: &[Duration]) -> u32 {
    let mut longer: u64 = 0;
    for one in ones {
        for other in others {
            longer += match one.cmp(other) {
                std::cmp::Ordering::Greater => 2,
                std::cmp::Ordering::Equal => 1,
                std::cmp::Ordering::Less => 0,
            };
        }
    }
    let pairs = u64::try_from(ones.len() * others.len()).unwrap_or(1).max(1);
    let of_100 = (longer * 50).div_ceil(pairs);
    u32::try_from(of_100.max(100_u64.saturating_sub(longer * 50 / pairs))).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_is_one_half_of_what_is_the_same_and_all_of_what_is_apart() {
        let times = |from: u64| {
            (from..from + 100)
                .map(Duration::from_micros)
                .collect::<Vec<_>>()
        };
        assert_eq!(auc(&times(0), &times(0)), 50);
        assert_eq!(auc(&times(0), &times(1000)), 100);
        assert_eq!(auc(&times(1000), &times(0)), 100);
        assert!((55..70).contains(&auc(&times(0), &times(10))));
        assert_eq!(median(&mut times(0)), Duration::from_micros(50));
    }
}
