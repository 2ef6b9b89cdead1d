//! Second factors as rows. Whatever takes a code is one immediate transaction: of two processes that
//! are shown the same code, one takes it.

use chrono::{DateTime, Utc};

use super::database::{Database, On, Row, Transaction, query};
use super::{away, fresh_id};
use crate::factors::{
    AT_MOST, BEGUN, By, CODES, Device, FREE, Factor, Factors, Kind, LONGEST_S, Proof,
};
use crate::otp::{self, Generator, Hash, State, Verdict};
use crate::{Dice, DirectoryKeys, Fault};

pub(super) struct Kept {
    pub(super) database: Database,
    pub(super) keys: DirectoryKeys,
    pub(super) dice: Dice,
}

/// What [`Kept::open`] reads.
const OPENED: &str = "id, seed, hash, digits, period, drift, last, pin";

/// A row with its seed in clear.
struct Opened {
    id: String,
    generator: Generator,
    state: State,
    /// What goes before its codes, hashed.
    pin: Option<String>,
}

impl Kept {
    pub(super) fn of(database: Database, (keys, dice): (DirectoryKeys, Dice)) -> Self {
        Self {
            database,
            keys,
            dice,
        }
    }

    fn open(&self, row: &Row) -> Result<Opened, Fault> {
        let id: String = row.try_get("id").map_err(away)?;
        let closed: String = row.try_get("seed").map_err(away)?;
        let number = |column: &str| row.try_get::<i64, _>(column).map_err(away);
        let hash: String = row.try_get("hash").map_err(away)?;
        let seed = self.keys.open_seed(&id, &closed)?;
        Ok(Opened {
            generator: Generator {
                seed: seed.to_vec(),
                hash: Hash::parse(&hash),
                digits: u32::try_from(number("digits")?).unwrap_or_default(),
                period_s: u32::try_from(number("period")?).unwrap_or_default(),
            },
            state: State {
                drift: number("drift")?,
                last: number("last")?,
            },
            pin: row.try_get("pin").map_err(away)?,
            id,
        })
    }

    /// What of the digits is a code, or two: all of them, or those after the PIN.
    fn after_pin<'d>(&self, one: &Opened, digits: &'d str) -> Result<Option<&'d str>, Fault> {
        let Some(pin) = &one.pin else {
            return Ok(Some(digits));
        };
        let code = usize::try_from(one.generator.digits).unwrap_or(usize::MAX);
        for length in [code, 2 * code] {
            let at = digits.len().checked_sub(length);
            let parts = at.and_then(|at| digits.split_at_checked(at));
            if let Some((typed, code)) = parts
                && self.keys.pin(&one.id, typed)? == *pin
            {
                return Ok(Some(code));
            }
        }
        Ok(None)
    }

    async fn insert<'a>(
        &self,
        on: impl Into<On<'a>>,
        (person, session): (&str, Option<&str>),
        device: &Device,
        now: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let id = fresh_id(&self.dice);
        let seed = self.keys.close_seed(&id, &device.seed, &self.dice)?;
        query(
            "INSERT INTO factor (id, person, kind, name, seed, hash, digits, period, created, \
             active, session) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(id)
        .bind(person.to_owned())
        .bind(device.kind.as_str())
        .bind(device.name.clone())
        .bind(seed)
        .bind(device.hash.as_str())
        .bind(i64::from(device.digits))
        .bind(i64::from(device.period_s))
        .bind(now.timestamp())
        .bind(i64::from(session.is_none()))
        .bind(session.map(str::to_owned))
        .execute(on)
        .await
        .map(drop)
        .map_err(away)
    }

    /// Takes a recovery code; how many are left when it was one.
    async fn take_code(
        &self,
        on: &mut Transaction,
        person: &str,
        digits: &str,
    ) -> Result<Option<usize>, Fault> {
        let taken = query("DELETE FROM recovery_code WHERE person = $1 AND code = $2")
            .bind(person.to_owned())
            .bind(self.keys.recovery_code(person, digits)?)
            .execute(&mut *on)
            .await
            .map_err(away)?;
        if taken == 0 {
            return Ok(None);
        }
        codes_left(on, person).await.map(Some)
    }

    /// What the digits come to for the person's active factors and recovery codes; what is right is
    /// taken.
    async fn judge(
        &self,
        on: &mut Transaction,
        (person, digits): (&str, &str),
        now: DateTime<Utc>,
    ) -> Result<Proof, Fault> {
        let rows = query(sqlx::AssertSqlSafe(format!(
            "SELECT {OPENED} FROM factor WHERE person = $1 AND active = 1 AND kind <> $2"
        )))
        .bind(person.to_owned())
        .bind(Kind::Passkey.as_str())
        .fetch_all(&mut *on)
        .await
        .map_err(away)?;
        let mut used = None;
        for row in &rows {
            let one = self.open(row)?;
            let Some(digits) = self.after_pin(&one, digits)? else {
                continue;
            };
            match one.generator.verdict(one.state, digits, now.timestamp()) {
                Verdict::Right(state) => {
                    advance(on, &one.id, state, now).await?;
                    return Ok(Proof::Right(By::Factor(one.id)));
                }
                Verdict::Used(seconds) => used = Some(seconds),
                Verdict::Wrong => {}
            }
        }
        if let Some(seconds) = used {
            return Ok(Proof::Used(seconds));
        }
        let left = self.take_code(on, person, digits).await?;
        Ok(left.map_or(Proof::Wrong, |left| Proof::Right(By::RecoveryCode(left))))
    }

    /// What the digits come to for the activation that the session began.
    async fn activate(
        &self,
        on: &mut Transaction,
        (person, session): (&str, &str),
        (name, digits): (&str, &str),
        now: DateTime<Utc>,
    ) -> Result<Proof, Fault> {
        let row = begun(on, person, session, now).await?;
        let Some(row) = row else {
            return Ok(Proof::Wrong);
        };
        if count(on, person).await? >= AT_MOST {
            return Err(Fault::Unfit {
                login: person.to_owned(),
                reason: format!("{AT_MOST} factors are there already"),
            });
        }
        let one = self.open(&row)?;
        let Verdict::Right(state) = one.generator.verdict(one.state, digits, now.timestamp())
        else {
            return Ok(Proof::Wrong);
        };
        query(
            "UPDATE factor SET active = 1, session = NULL, name = $2, created = $3 WHERE id = $1",
        )
        .bind(one.id.clone())
        .bind(name.to_owned())
        .bind(now.timestamp())
        .execute(&mut *on)
        .await
        .map_err(away)?;
        advance(on, &one.id, state, now).await?;
        Ok(Proof::Right(By::Factor(one.id)))
    }
}

async fn begun(
    on: &mut Transaction,
    person: &str,
    session: &str,
    now: DateTime<Utc>,
) -> Result<Option<Row>, Fault> {
    query(sqlx::AssertSqlSafe(format!(
        "SELECT {OPENED} FROM factor \
         WHERE person = $1 AND session = $2 AND active = 0 AND created > $3"
    )))
    .bind(person.to_owned())
    .bind(session.to_owned())
    .bind((now - BEGUN).timestamp())
    .fetch_optional(on)
    .await
    .map_err(away)
}

pub(super) async fn count(on: &mut Transaction, person: &str) -> Result<usize, Fault> {
    let row = query("SELECT count(*) FROM factor WHERE person = $1 AND active = 1")
        .bind(person.to_owned())
        .fetch_one(on)
        .await
        .map_err(away)?;
    let count: i64 = row.try_get(0).map_err(away)?;
    Ok(usize::try_from(count).unwrap_or_default())
}

async fn codes_left<'a>(on: impl Into<On<'a>>, person: &str) -> Result<usize, Fault> {
    let row = query("SELECT count(*) FROM recovery_code WHERE person = $1")
        .bind(person.to_owned())
        .fetch_one(on)
        .await
        .map_err(away)?;
    let left: i64 = row.try_get(0).map_err(away)?;
    Ok(usize::try_from(left).unwrap_or_default())
}

async fn advance(
    on: &mut Transaction,
    id: &str,
    state: State,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    query("UPDATE factor SET drift = $2, last = $3, last_used = $4 WHERE id = $1")
        .bind(id.to_owned())
        .bind(state.drift)
        .bind(state.last)
        .bind(now.timestamp())
        .execute(on)
        .await
        .map(drop)
        .map_err(away)
}

/// Failures in a row, and until when nothing is looked at.
pub(super) async fn standing(on: &mut Transaction, person: &str) -> Result<(u32, i64), Fault> {
    let row = query("SELECT failures, until FROM factor_standing WHERE person = $1")
        .bind(person.to_owned())
        .fetch_optional(on)
        .await
        .map_err(away)?;
    let Some(row) = row else {
        return Ok((0, 0));
    };
    let failures: i64 = row.try_get(0).map_err(away)?;
    let until = row.try_get(1).map_err(away)?;
    Ok((u32::try_from(failures).unwrap_or(u32::MAX), until))
}

/// Remembers what a try came to.
pub(super) async fn account_for(
    on: &mut Transaction,
    person: &str,
    (proof, failures): (&Proof, u32),
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let (failures, until) = match proof {
        Proof::Right(_) => (0, 0),
        Proof::Wrong => {
            let failures = failures.saturating_add(1);
            let until = delay(failures).map_or(0, |seconds| now.timestamp() + seconds);
            (failures, until)
        }
        Proof::Used(_) | Proof::Wait(_) => return Ok(()),
    };
    query(
        "INSERT INTO factor_standing (person, failures, until) VALUES ($1, $2, $3) \
         ON CONFLICT (person) DO UPDATE SET failures = excluded.failures, until = excluded.until",
    )
    .bind(person.to_owned())
    .bind(i64::from(failures))
    .bind(until)
    .execute(on)
    .await
    .map(drop)
    .map_err(away)
}

/// Seconds to wait after that many failures in a row.
fn delay(failures: u32) -> Option<i64> {
    let over = failures.checked_sub(FREE)?;
    Some((1i64 << over.min(20)).min(LONGEST_S))
}

/// The digits of what was typed; anything else but spaces, dashes and dots is kept, to be wrong.
pub(super) fn tidied(typed: &str) -> String {
    typed
        .chars()
        .filter(|sign| !sign.is_whitespace() && !matches!(sign, '-' | '.' | '\u{a0}' | '\u{202f}'))
        .take(64)
        .collect()
}

#[async_trait::async_trait]
impl Factors for Kept {
    async fn list(&self, person: &str) -> Result<Vec<Factor>, Fault> {
        let rows = query(
            "SELECT id, kind, name, created, last_used FROM factor \
             WHERE person = $1 AND active = 1 ORDER BY created, id",
        )
        .bind(person.to_owned())
        .fetch_all(&self.database)
        .await
        .map_err(away)?;
        rows.iter().map(|row| read(row).map_err(away)).collect()
    }

    async fn begin(
        &self,
        person: &str,
        session: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<u8>, Fault> {
        let begin = self.database.begin(person);
        let mut transaction = begin.await.map_err(away)?;
        if let Some(row) = begun(&mut transaction, person, session, now).await? {
            return Ok(self.open(&row)?.generator.seed);
        }
        // Those that nobody finished, and one that this session began long ago.
        query("DELETE FROM factor WHERE active = 0 AND (created <= $1 OR session = $2)")
            .bind((now - BEGUN).timestamp())
            .bind(session.to_owned())
            .execute(&mut transaction)
            .await
            .map_err(away)?;
        let mut seed = vec![0; otp::SEED];
        (self.dice)(&mut seed);
        let device = Device {
            kind: Kind::Application,
            name: String::new(),
            seed,
            hash: Hash::Sha1,
            digits: otp::DIGITS,
            period_s: otp::PERIOD_S,
        };
        let owner = (person, Some(session));
        self.insert(&mut transaction, owner, &device, now).await?;
        transaction.commit().await.map_err(away)?;
        Ok(device.seed)
    }

    async fn confirm(
        &self,
        (person, session): (&str, &str),
        (name, code): (&str, &str),
        now: DateTime<Utc>,
    ) -> Result<Proof, Fault> {
        let begin = self.database.begin(person);
        let mut transaction = begin.await.map_err(away)?;
        let (failures, until) = standing(&mut transaction, person).await?;
        if let Some(seconds) = wait(until, now) {
            return Ok(Proof::Wait(seconds));
        }
        let typed = (name, tidied(code));
        let typed = (typed.0, typed.1.as_str());
        let proof = self
            .activate(&mut transaction, (person, session), typed, now)
            .await?;
        account_for(&mut transaction, person, (&proof, failures), now).await?;
        transaction.commit().await.map_err(away)?;
        Ok(proof)
    }

    async fn prove(&self, person: &str, typed: &str, now: DateTime<Utc>) -> Result<Proof, Fault> {
        let begin = self.database.begin(person);
        let mut transaction = begin.await.map_err(away)?;
        let (failures, until) = standing(&mut transaction, person).await?;
        if let Some(seconds) = wait(until, now) {
            return Ok(Proof::Wait(seconds));
        }
        let digits = tidied(typed);
        let proof = self.judge(&mut transaction, (person, &digits), now).await?;
        account_for(&mut transaction, person, (&proof, failures), now).await?;
        transaction.commit().await.map_err(away)?;
        Ok(proof)
    }

    async fn remove(&self, person: &str, id: &str) -> Result<bool, Fault> {
        let begin = self.database.begin(person);
        let mut transaction = begin.await.map_err(away)?;
        let was_there = drop_factor(&mut transaction, person, id).await?;
        transaction.commit().await.map_err(away)?;
        Ok(was_there)
    }

    async fn renew_codes(&self, person: &str) -> Result<Vec<String>, Fault> {
        let begin = self.database.begin(person);
        let mut transaction = begin.await.map_err(away)?;
        forget_codes(&mut transaction, person).await?;
        let mut codes = Vec::new();
        while codes.len() < CODES {
            let code = fresh_code(&self.dice);
            if codes.contains(&code) {
                continue;
            }
            query("INSERT INTO recovery_code (person, code) VALUES ($1, $2)")
                .bind(person.to_owned())
                .bind(self.keys.recovery_code(person, &code)?)
                .execute(&mut transaction)
                .await
                .map_err(away)?;
            codes.push(code);
        }
        transaction.commit().await.map_err(away)?;
        Ok(codes)
    }

    async fn codes_left(&self, person: &str) -> Result<usize, Fault> {
        codes_left(&self.database, person).await
    }

    async fn first_asked(&self, person: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Fault> {
        let row = query(
            "INSERT INTO factor_standing (person, asked) VALUES ($1, $2) \
             ON CONFLICT (person) DO UPDATE \
             SET asked = coalesce(factor_standing.asked, excluded.asked) RETURNING asked",
        )
        .bind(person.to_owned())
        .bind(now.timestamp())
        .fetch_one(&self.database)
        .await
        .map_err(away)?;
        let asked: i64 = row.try_get(0).map_err(away)?;
        Ok(DateTime::from_timestamp(asked, 0).unwrap_or(now))
    }

    async fn excuse(&self, person: &str) -> Result<(), Fault> {
        query("UPDATE factor_standing SET failures = 0, until = 0 WHERE person = $1")
            .bind(person.to_owned())
            .execute(&self.database)
            .await
            .map(drop)
            .map_err(away)
    }

    async fn give(&self, person: &str, device: Device, now: DateTime<Utc>) -> Result<(), Fault> {
        if !(16..=64).contains(&device.seed.len()) || !matches!(device.digits, 6 | 8) {
            return Err(Fault::Unfit {
                login: person.to_owned(),
                reason: "a device has a seed of 16 to 64 bytes and codes of 6 or 8 digits"
                    .to_owned(),
            });
        }
        self.insert(&self.database, (person, None), &device, now)
            .await
    }
}

/// Removes an active factor, and the codes with the last one. A token goes back to the drawer, and knows which
/// codes were taken.
pub(super) async fn drop_factor(
    on: &mut Transaction,
    person: &str,
    id: &str,
) -> Result<bool, Fault> {
    query(
        "UPDATE token SET person = NULL, id = NULL, \
         (drift, last) = (SELECT drift, last FROM factor WHERE factor.id = token.id) \
         WHERE person = $1 AND id = $2",
    )
    .bind(person.to_owned())
    .bind(id.to_owned())
    .execute(&mut *on)
    .await
    .map_err(away)?;
    let done = query("DELETE FROM factor WHERE person = $1 AND id = $2 AND active = 1")
        .bind(person.to_owned())
        .bind(id.to_owned())
        .execute(&mut *on)
        .await
        .map_err(away)?;
    if done == 1 && count(on, person).await? == 0 {
        forget_codes(on, person).await?;
    }
    Ok(done == 1)
}

async fn forget_codes(on: &mut Transaction, person: &str) -> Result<(), Fault> {
    query("DELETE FROM recovery_code WHERE person = $1")
        .bind(person.to_owned())
        .execute(on)
        .await
        .map(drop)
        .map_err(away)
}

pub(super) fn wait(until: i64, now: DateTime<Utc>) -> Option<u32> {
    let seconds = u32::try_from(until - now.timestamp()).ok()?;
    (seconds > 0).then_some(seconds)
}

/// Ten digits: 33 bits, of which a guesser sees a few hundred tries a day.
fn fresh_code(dice: &Dice) -> String {
    let mut code = String::new();
    while code.len() < 10 {
        let mut chance = [0];
        dice(&mut chance);
        let [byte] = chance;
        // 250 = 25 × 10: what lies above would favour the first digits.
        if byte < 250 {
            code.push(char::from(b'0' + byte % 10));
        }
    }
    code
}

fn read(row: &Row) -> Result<Factor, sqlx::Error> {
    let kind: String = row.try_get("kind")?;
    let moment = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    Ok(Factor {
        id: row.try_get("id")?,
        kind: Kind::parse(&kind).unwrap_or(Kind::Application),
        name: row.try_get("name")?,
        created: moment(row.try_get("created")?),
        last_used: row.try_get::<Option<i64>, _>("last_used")?.map(moment),
    })
}
