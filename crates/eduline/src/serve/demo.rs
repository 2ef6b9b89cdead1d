//! The demo: accounts with a public password, on a loopback address only (the settings see to it).

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::time::sleep;
use directory::Directory;

use crate::commands::{Refusal, account};
use crate::say;
use crate::settings::Settings;

/// How soon a server of accounts that is away is asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// The password of every demo account (the contract's).
pub(crate) const PASSWORD: &str = "Kq7-vTz4-mWx9";

/// Makes the demo accounts that are missing; when nobody answers, as soon as somebody does.
pub(super) async fn populate(
    settings: &Arc<Settings>,
    directory: &Directory,
) -> Result<(), Refusal> {
    if directory.accounts.ready().await.is_ok() {
        return account::import_missing(directory, &settings.server.demo_accounts, PASSWORD).await;
    }
    let (settings, directory) = (Arc::clone(settings), directory.clone());
    actix_web::rt::spawn(async move {
        while directory.accounts.ready().await.is_err() {
            sleep(AGAIN).await;
        }
        let file = &settings.server.demo_accounts;
        if let Err(Refusal(why)) = account::import_missing(&directory, file, PASSWORD).await {
            tracing::warn!(?why, "there are no demo accounts");
        }
    });
    Ok(())
}

/// Addresses, accounts, how to stop.
pub(super) fn tell(settings: &Settings) {
    let at = |path: &str| settings.server.public_url.join(path);
    say::line(&format!(
        "\nEduline is open.\n\n  portal     {}\n  discovery  {}\n  viewer     {}\n",
        at("/portail/"),
        at("/wayf/"),
        at("/magistere/")
    ));
    let file = &settings.server.demo_accounts;
    match account::read_csv(file, PASSWORD) {
        Ok(accounts) => {
            say::line(&format!(
                "Demo accounts, all with the password {PASSWORD}:\n"
            ));
            for account in &accounts {
                let person = &account.person;
                say::line(&format!(
                    "  {:<11} {:<13} {} {}",
                    person.realm.as_str(),
                    person.login,
                    person.given_name,
                    person.surname
                ));
            }
            for (realm, login, seed) in account::read_seeds(file).unwrap_or_default() {
                let seed = directory::otp::base32(&seed);
                say::line(&format!(
                    "\n  {}/{login} is asked for a one-time code; the seed for an authenticator is \
                     {seed}",
                    realm.as_str()
                ));
            }
        }
        Err(refusal) => refusal.0.iter().for_each(|why| say::complain(why)),
    }
    if settings.mail.smtp.is_none() {
        let folder = settings.mail.folder.display();
        say::line(&format!(
            "\nLetters (codes, notices) are put in {folder}/*.eml"
        ));
    }
    say::line("\nStop with Ctrl-C.\n");
}
