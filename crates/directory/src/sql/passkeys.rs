//! Passkeys as rows: factors, whose seed is the passkey itself under the same cipher, so that nobody
//! who only writes to the database makes one.

use chrono::{DateTime, Utc};

use super::database::{On, Row, query};
use super::factors::{Kept, count};
use super::{away, fresh_id};
use crate::Fault;
use crate::factors::{AT_MOST, Kind};
use crate::passkeys::{Passkey, Passkeys, Place, Used, Wrong};

impl Kept {
    fn passkey(&self, row: &Row) -> Result<(String, Passkey), Fault> {
        let id: String = row.try_get("id").map_err(away)?;
        let closed: String = row.try_get("seed").map_err(away)?;
        let opened = self.keys.open_seed(&id, &closed)?;
        let passkey = serde_json::from_slice(&opened);
        let passkey = passkey.map_err(|why| Fault::Away(format!("a passkey: {why}")))?;
        Ok((id, passkey))
    }

    fn closed(&self, id: &str, passkey: &Passkey) -> Result<String, Fault> {
        let text = serde_json::to_vec(passkey);
        let text = text.map_err(|why| Fault::Away(format!("a passkey: {why}")))?;
        self.keys.close_seed(id, &text, &self.dice)
    }

    async fn passkeys<'a>(
        &self,
        on: impl Into<On<'a>>,
        person: &str,
    ) -> Result<Vec<(String, Passkey)>, Fault> {
        let rows =
            query("SELECT id, seed FROM factor WHERE person = $1 AND active = 1 AND kind = $2")
                .bind(person.to_owned())
                .bind(Kind::Passkey.as_str())
                .fetch_all(on)
                .await
                .map_err(away)?;
        rows.iter().map(|row| self.passkey(row)).collect()
    }
}

#[async_trait::async_trait]
impl Passkeys for Kept {
    async fn of(&self, person: &str) -> Result<Vec<Passkey>, Fault> {
        let found = self.passkeys(&self.database, person).await?;
        Ok(found.into_iter().map(|(_, passkey)| passkey).collect())
    }

    async fn add(
        &self,
        person: &str,
        (name, passkey): (&str, &Passkey),
        now: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let unfit = |reason: String| Fault::Unfit {
            login: person.to_owned(),
            reason,
        };
        let begin = self.database.begin(person);
        let mut transaction = begin.await.map_err(away)?;
        if count(&mut transaction, person).await? >= AT_MOST {
            return Err(unfit(format!("{AT_MOST} factors are there already")));
        }
        let there = self.passkeys(&mut transaction, person).await?;
        let is_there = |(_, one): &(String, Passkey)| one.credential == passkey.credential;
        if there.iter().any(is_there) {
            return Err(unfit("this passkey is there already".to_owned()));
        }
        let id = fresh_id(&self.dice);
        let closed = self.closed(&id, passkey)?;
        query(
            "INSERT INTO factor (id, person, kind, name, seed, hash, digits, period, created, active) \
             VALUES ($1, $2, $3, $4, $5, 'sha256', 0, 0, $6, 1)",
        )
        .bind(id)
        .bind(person.to_owned())
        .bind(Kind::Passkey.as_str())
        .bind(name.to_owned())
        .bind(closed)
        .bind(now.timestamp())
        .execute(&mut transaction)
        .await
        .map_err(away)?;
        transaction.commit().await.map_err(away)
    }

    async fn prove(
        &self,
        person: &str,
        (place, used): (&Place, &Used),
        verified: bool,
        now: DateTime<Utc>,
    ) -> Result<Result<(), Wrong>, Fault> {
        let named = |theirs: Vec<(String, Passkey)>| {
            let mut theirs = theirs.into_iter();
            theirs.find(|(_, one)| one.credential == used.credential)
        };
        // What a stranger sends takes no lock.
        match named(self.passkeys(&self.database, person).await?) {
            None => return Ok(Err(Wrong::Key)),
            Some((_, passkey)) => {
                if let Err(wrong) = used.check(place, &passkey, verified) {
                    return Ok(Err(wrong));
                }
            }
        }
        let begin = self.database.begin(person);
        let mut transaction = begin.await.map_err(away)?;
        let Some((id, passkey)) = named(self.passkeys(&mut transaction, person).await?) else {
            return Ok(Err(Wrong::Key));
        };
        let passkey = match used.check(place, &passkey, verified) {
            Ok((passkey, _)) => passkey,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let closed = self.closed(&id, &passkey)?;
        query("UPDATE factor SET seed = $2, last_used = $3 WHERE id = $1")
            .bind(id)
            .bind(closed)
            .bind(now.timestamp())
            .execute(&mut transaction)
            .await
            .map_err(away)?;
        transaction.commit().await.map_err(away)?;
        Ok(Ok(()))
    }
}
