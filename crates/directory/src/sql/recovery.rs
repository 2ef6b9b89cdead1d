//! Recovery as rows. A code is taken by one DELETE: of two processes that are shown it, one takes it.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use subtle::ConstantTimeEq;

use super::away;
use super::database::{Database, query};
use super::rows::{self, COLUMNS};
use crate::fold::fold;
use crate::identifiers::Numen;
use crate::recovery::{AT_ONCE, Claim, Recovery, bare, code};
use crate::{Dice, DirectoryKeys, Fault, Person, fit};

pub(super) struct Codes {
    database: Database,
    keys: DirectoryKeys,
    dice: Dice,
}

impl Codes {
    pub(super) fn of(database: Database, (keys, dice): (DirectoryKeys, Dice)) -> Self {
        Self {
            database,
            keys,
            dice,
        }
    }
}

/// Whom a NUMEN that nobody has is compared with: the same work, and no.
const NOBODY: &str = "nobody";

#[async_trait::async_trait]
impl Recovery for Codes {
    async fn recognise(&self, claim: &Claim) -> Result<Option<Person>, Fault> {
        let text = format!("SELECT {COLUMNS}, birth_date FROM account WHERE numen = $1");
        let row = query(sqlx::AssertSqlSafe(text))
            .bind(self.keys.numen(&claim.numen)?)
            .fetch_optional(&self.database)
            .await
            .map_err(away)?;
        let found = row.as_ref().map(rows::read).transpose()?;
        let born = match &row {
            Some(row) => row
                .try_get::<Option<String>, _>("birth_date")
                .map_err(away)?,
            None => None,
        };
        let id = found.as_ref().map_or(NOBODY, |kept| &kept.person.id);
        let surname = found.as_ref().map_or(NOBODY, |kept| &kept.person.surname);
        let claimed = self.keys.birth_date(id, claim.birth_date)?;
        let same_day = claimed
            .as_bytes()
            .ct_eq(born.unwrap_or_default().as_bytes());
        let same_name = self.keys.compared(&fold(surname))?;
        let same_name = same_name
            .as_bytes()
            .ct_eq(self.keys.compared(&fold(&claim.surname))?.as_bytes());
        let is_them: bool = (same_day & same_name).into();
        Ok(found
            .filter(|kept| is_them && kept.enabled)
            .map(|kept| kept.person))
    }

    fn counted(&self, numen: &Numen) -> Result<String, Fault> {
        self.keys.counted(numen)
    }

    async fn is_born(&self, person: &str, dates: &[NaiveDate]) -> Result<bool, Fault> {
        let row = query("SELECT birth_date FROM account WHERE id = $1")
            .bind(person.to_owned())
            .fetch_optional(&self.database)
            .await
            .map_err(away)?;
        let born = row.map(|row| row.try_get(0).map_err(away)).transpose()?;
        let born: Option<String> = born.flatten();
        for date in dates {
            if born == Some(self.keys.birth_date(person, *date)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn contact(&self, person: &str) -> Result<Option<String>, Fault> {
        let row = query("SELECT recovery FROM account WHERE id = $1")
            .bind(person.to_owned())
            .fetch_optional(&self.database)
            .await
            .map_err(away)?;
        let contact = row.map(|row| row.try_get(0).map_err(away)).transpose()?;
        Ok(contact.flatten())
    }

    async fn set_contact(&self, person: &str, mail: Option<&str>) -> Result<(), Fault> {
        let mail = mail.map(|mail| mail.trim().to_lowercase());
        if mail.as_deref().is_some_and(|mail| !fit::is_mail(mail)) {
            return Err(Fault::Unfit {
                login: person.to_owned(),
                reason: "the recovery address is not of the form name@host".to_owned(),
            });
        }
        query("UPDATE account SET recovery = $2 WHERE id = $1")
            .bind(person.to_owned())
            .bind(mail)
            .execute(&self.database)
            .await
            .map(drop)
            .map_err(away)
    }

    async fn give_code(
        &self,
        person: &str,
        worth: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<String, Fault> {
        let mut chance = [0; 10];
        (self.dice)(&mut chance);
        let code = code(chance);
        self.let_in_by(person, &code, worth, now).await?;
        Ok(code)
    }

    async fn let_in_by(
        &self,
        person: &str,
        text: &str,
        worth: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let begin = self.database.begin(person);
        let mut transaction = begin.await.map_err(away)?;
        query("DELETE FROM one_time_code WHERE until <= $1")
            .bind(now.timestamp())
            .execute(&mut transaction)
            .await
            .map_err(away)?;
        query(
            "INSERT INTO one_time_code (person, code, given, until) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (person, code) DO UPDATE SET given = excluded.given, until = excluded.until",
        )
            .bind(person.to_owned())
            .bind(self.keys.one_time_code(person, &bare(text))?)
            .bind(now.timestamp())
            .bind((now + worth).timestamp())
            .execute(&mut transaction)
            .await
            .map_err(away)?;
        query(
            "DELETE FROM one_time_code WHERE person = $1 AND code NOT IN (SELECT code FROM \
             one_time_code WHERE person = $1 ORDER BY given DESC, until DESC LIMIT $2)",
        )
        .bind(person.to_owned())
        .bind(i64::try_from(AT_ONCE).unwrap_or(1))
        .execute(&mut transaction)
        .await
        .map_err(away)?;
        transaction.commit().await.map_err(away)
    }

    async fn take_code(
        &self,
        person: &str,
        typed: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, Fault> {
        let taken =
            query("DELETE FROM one_time_code WHERE person = $1 AND code = $2 AND until > $3")
                .bind(person.to_owned())
                .bind(self.keys.one_time_code(person, &bare(typed))?)
                .bind(now.timestamp())
                .execute(&self.database)
                .await
                .map_err(away)?;
        Ok(taken == 1)
    }

    async fn forget_codes(&self, person: &str) -> Result<(), Fault> {
        query("DELETE FROM one_time_code WHERE person = $1")
            .bind(person.to_owned())
            .execute(&self.database)
            .await
            .map(drop)
            .map_err(away)
    }
}
