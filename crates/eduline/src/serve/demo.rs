//! The demo: accounts with a public password, on a loopback address only (the settings see to it).

use directory::Directory;

use crate::commands::{Refusal, account};
use crate::say;
use crate::settings::Settings;

/// Makes the demo accounts that are missing.
pub(super) async fn populate(settings: &Settings, directory: &Directory) -> Result<(), Refusal> {
    account::import_missing(directory, &settings.server.demo_accounts).await?;
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
    match account::read_csv(&settings.server.demo_accounts) {
        Ok(accounts) => {
            say::line("Demo accounts:\n");
            for account in &accounts {
                let person = &account.person;
                say::line(&format!(
                    "  {:<11} {:<13} {:<14} {} {}",
                    person.realm.as_str(),
                    person.login,
                    account.password,
                    person.given_name,
                    person.surname
                ));
            }
        }
        Err(refusal) => refusal.0.iter().for_each(|why| say::complain(why)),
    }
    say::line("\nStop with Ctrl-C.\n");
}
