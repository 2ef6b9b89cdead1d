//! Hardware tokens as rows. One that becomes a factor is closed anew for the row of that factor; when the
//! factor goes, the token remembers which codes were taken.

use chrono::{DateTime, Utc};

use super::database::{Row, Transaction, query};
use super::factors::{Kept, account_for, count, drop_factor, standing, tidied, wait};
use super::{away, fresh_id};
use crate::Fault;
use crate::factors::{AT_MOST, By, Kind, Proof};
use crate::otp::{Generator, Hash, State, Verdict};
use crate::tokens::{self, Claim, NewToken, Token, Tokens};

/// The row a seed is closed for: no factor is called so.
fn sealed_for(serial: &str) -> String {
    format!("token/{serial}")
}

async fn find(on: &mut Transaction, serial: &str) -> Result<Option<Row>, Fault> {
    query("SELECT serial, seed, hash, digits, period, drift, last, person, id FROM token WHERE serial = $1")
        .bind(tokens::serial(serial))
        .fetch_optional(on)
        .await
        .map_err(away)
}

/// Its factor goes, if it became one.
async fn release(on: &mut Transaction, row: &Row) -> Result<(), Fault> {
    let person: Option<String> = row.try_get("person").map_err(away)?;
    let factor: Option<String> = row.try_get("id").map_err(away)?;
    if let (Some(person), Some(factor)) = (person, factor) {
        drop_factor(on, &person, &factor).await?;
    }
    Ok(())
}

impl Kept {
    /// The token as it stands, for whoever makes it theirs.
    fn generator(&self, row: &Row) -> Result<(Generator, State), Fault> {
        let number = |column: &str| row.try_get::<i64, _>(column).map_err(away);
        let serial: String = row.try_get("serial").map_err(away)?;
        let closed: String = row.try_get("seed").map_err(away)?;
        let hash: String = row.try_get("hash").map_err(away)?;
        let seed = self.keys.open_seed(&sealed_for(&serial), &closed)?;
        let generator = Generator {
            seed: seed.to_vec(),
            hash: Hash::parse(&hash),
            digits: u32::try_from(number("digits")?).unwrap_or_default(),
            period_s: u32::try_from(number("period")?).unwrap_or_default(),
        };
        let state = State {
            drift: number("drift")?,
            last: number("last")?,
        };
        Ok((generator, state))
    }

    async fn put(&self, on: &mut Transaction, token: &NewToken) -> Result<bool, Fault> {
        let serial = tokens::serial(&token.serial);
        let place = sealed_for(&serial);
        let done = query(
            "INSERT INTO token (serial, seed, hash, digits, period, last) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (serial) DO NOTHING",
        )
        .bind(serial)
        .bind(self.keys.close_seed(&place, &token.seed, &self.dice)?)
        .bind(token.hash.as_str())
        .bind(i64::from(token.digits))
        .bind(i64::from(token.period_s))
        .bind(i64::from(token.counter) - 1)
        .execute(on)
        .await
        .map_err(away)?;
        Ok(done == 1)
    }

    /// The token becomes a factor.
    async fn adopt(
        &self,
        on: &mut Transaction,
        (person, pin): (&str, &str),
        (row, generator, state): (&Row, &Generator, State),
        now: DateTime<Utc>,
    ) -> Result<String, Fault> {
        let serial: String = row.try_get("serial").map_err(away)?;
        let id = fresh_id(&self.dice);
        query(
            "INSERT INTO factor (id, person, kind, name, seed, hash, digits, period, drift, last, \
             created, last_used, active, pin) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, 1, $12)",
        )
        .bind(id.clone())
        .bind(person.to_owned())
        .bind(Kind::Token.as_str())
        .bind(serial.clone())
        .bind(self.keys.close_seed(&id, &generator.seed, &self.dice)?)
        .bind(generator.hash.as_str())
        .bind(i64::from(generator.digits))
        .bind(i64::from(generator.period_s))
        .bind(state.drift)
        .bind(state.last)
        .bind(now.timestamp())
        .bind(self.keys.pin(&id, pin)?)
        .execute(&mut *on)
        .await
        .map_err(away)?;
        // Of two who hold its number and a code, one gets it.
        let text = "UPDATE token SET person = $2, id = $3 WHERE serial = $1 AND id IS NULL";
        let done = query(text)
            .bind(serial)
            .bind(person.to_owned())
            .bind(id.clone())
            .execute(on)
            .await
            .map_err(away)?;
        if done != 1 {
            return Err(Fault::Away(
                "the token became somebody else's at this moment".to_owned(),
            ));
        }
        Ok(id)
    }

    async fn judge_claim(
        &self,
        on: &mut Transaction,
        (person, claim): (&str, &Claim<'_>),
        now: DateTime<Utc>,
    ) -> Result<Proof, Fault> {
        let Some(row) = find(on, claim.serial).await? else {
            return Ok(Proof::Wrong);
        };
        let theirs: Option<String> = row.try_get("person").map_err(away)?;
        let factor: Option<String> = row.try_get("id").map_err(away)?;
        if factor.is_some() || theirs.is_some_and(|one| one != person) {
            return Ok(Proof::Wrong);
        }
        if count(on, person).await? >= AT_MOST {
            return Err(Fault::Unfit {
                login: person.to_owned(),
                reason: format!("{AT_MOST} factors are there already"),
            });
        }
        let (generator, state) = self.generator(&row)?;
        let digits = tidied(claim.code);
        match generator.verdict(state, &digits, now.timestamp()) {
            Verdict::Right(state) => {
                let found = (&row, &generator, state);
                let id = self.adopt(on, (person, claim.pin), found, now).await?;
                Ok(Proof::Right(By::Factor(id)))
            }
            Verdict::Used(seconds) => Ok(Proof::Used(seconds)),
            Verdict::Wrong => Ok(Proof::Wrong),
        }
    }
}

#[async_trait::async_trait]
impl Tokens for Kept {
    async fn stock(&self, tokens: &[NewToken]) -> Result<(), Fault> {
        let begin = self.database.begin("tokens");
        let mut transaction = begin.await.map_err(away)?;
        let mut there = Vec::new();
        for token in tokens {
            if !self.put(&mut transaction, token).await? {
                there.push(token.serial.as_str());
            }
        }
        if !there.is_empty() {
            return Err(Fault::Unfit {
                login: there.join(", "),
                reason: "a token of that serial number is there already".to_owned(),
            });
        }
        transaction.commit().await.map_err(away)
    }

    async fn list(&self) -> Result<Vec<Token>, Fault> {
        let rows = query("SELECT serial, period, person, id FROM token ORDER BY serial")
            .fetch_all(&self.database)
            .await
            .map_err(away)?;
        let read = |row: &Row| {
            let period: i64 = row.try_get("period")?;
            Ok(Token {
                serial: row.try_get("serial")?,
                period_s: u32::try_from(period).unwrap_or_default(),
                person: row.try_get("person")?,
                is_active: row.try_get::<Option<String>, _>("id")?.is_some(),
            })
        };
        rows.iter().map(|row| read(row).map_err(away)).collect()
    }

    async fn bind(&self, serial: &str, person: Option<&str>) -> Result<bool, Fault> {
        let begin = self.database.begin("tokens");
        let mut transaction = begin.await.map_err(away)?;
        let Some(row) = find(&mut transaction, serial).await? else {
            return Ok(false);
        };
        let factor: Option<String> = row.try_get("id").map_err(away)?;
        match person {
            Some(_) if factor.is_some() => return Ok(false),
            Some(_) => {}
            None => release(&mut transaction, &row).await?,
        }
        query("UPDATE token SET person = $2 WHERE serial = $1")
            .bind(tokens::serial(serial))
            .bind(person.map(str::to_owned))
            .execute(&mut transaction)
            .await
            .map_err(away)?;
        transaction.commit().await.map_err(away)?;
        Ok(true)
    }

    async fn discard(&self, serial: &str) -> Result<bool, Fault> {
        let begin = self.database.begin("tokens");
        let mut transaction = begin.await.map_err(away)?;
        let Some(row) = find(&mut transaction, serial).await? else {
            return Ok(false);
        };
        release(&mut transaction, &row).await?;
        query("DELETE FROM token WHERE serial = $1")
            .bind(tokens::serial(serial))
            .execute(&mut transaction)
            .await
            .map_err(away)?;
        transaction.commit().await.map_err(away)?;
        Ok(true)
    }

    async fn claim(
        &self,
        person: &str,
        claim: &Claim<'_>,
        now: DateTime<Utc>,
    ) -> Result<Proof, Fault> {
        let begin = self.database.begin(person);
        let mut transaction = begin.await.map_err(away)?;
        let (failures, until) = standing(&mut transaction, person).await?;
        if let Some(seconds) = wait(until, now) {
            return Ok(Proof::Wait(seconds));
        }
        let proof = self.judge_claim(&mut transaction, (person, claim), now);
        let proof = proof.await?;
        account_for(&mut transaction, person, (&proof, failures), now).await?;
        transaction.commit().await.map_err(away)?;
        Ok(proof)
    }
}
