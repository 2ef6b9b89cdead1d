//! What the directory tells of people who are unlocked ([`directory::notices`]), by a desk or by command: what was
//! typed wrong for them on these pages is forgotten, too.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::sleep;
use chrono::TimeDelta;
use directory::notices::{Notice, What};
use web::Refused;

use crate::{Account, refusals};

/// How often the directory is asked.
const LOOK: Duration = Duration::from_secs(1);
/// What was counted longer ago is forgotten by itself.
const BACK: TimeDelta = TimeDelta::minutes(15);

/// Hears it as long as the process lives.
pub(crate) async fn listen(account: Arc<Account>) {
    let mut last = 0;
    loop {
        let oldest = account.parts.edge.now() - BACK;
        let told = account.parts.directory.notices.since(last, oldest).await;
        for (number, notice) in told.unwrap_or_default() {
            let is_heard =
                notice.what != What::Unlocked || account.forgive(number, &notice).await.is_ok();
            // What could not be kept is heard once more.
            if !is_heard {
                break;
            }
            last = number;
        }
        sleep(LOOK).await;
    }
}

impl Account {
    /// Whatever the person was called when it was typed. Several processes do the same with the same mark.
    async fn forgive(&self, number: i64, notice: &Notice) -> Result<(), Refused> {
        let found = self.parts.directory.accounts.person(&notice.person).await;
        let Some(person) = found.map_err(refusals::away)? else {
            return Ok(());
        };
        for name in std::iter::once(&person.login).chain(&person.mail) {
            let subject = format!("{}/{name}", person.realm.as_str());
            self.passwords.forgive(&subject, number).await?;
        }
        Ok(())
    }
}
