//! Whether memory stays as it is: what a server holds after the first twentieth of very many sign-ons, and after
//! all of them.

use std::time::Duration;

use super::server::Server;
use super::{By, Row, address, ask, megabytes, register_plain};
use crate::commands::Refusal;
use crate::keyring::{KeyRing, PORTAL};

/// Sign-ons of one session: then somebody else comes, with a browser and a session of their own.
const EACH: u32 = 500;
/// How much more than before is still the same: what lies on the shelves until it expires, and is not yet on
/// disk, is more at one moment than at another.
const MOST_MORE: f64 = 1.1;

/// One row, of so many sign-ons with P-256 keys.
pub(super) fn row(times: u32) -> Result<Row, Refusal> {
    let mut server = Server::start(&[("EDULINE__KEYS__KIND", "p-256")])?;
    register_plain(&server)?;
    // Anew: the first start makes the demo's accounts, and what hashing took is given back late.
    server.again()?;
    std::thread::sleep(Duration::from_secs(3));
    let at_rest = megabytes(server.resident_kb());
    let key = KeyRing::at(&server.data().join("keys")).key(PORTAL)?;
    let early = (times / 20).max(1);
    let mut then = 0.0;
    let mut visitor = server.visitor();
    for number in 0..times {
        if number.is_multiple_of(EACH) {
            visitor = server.visitor();
            visitor.sign_in("personnel", "amartin")?;
        }
        let address = address(&server, By::Plain, number, &key);
        ask(
            &visitor,
            &address.map_err(|why| Refusal::of(why.to_string()))?,
        )?;
        if number + 1 == early {
            then = megabytes(server.resident_kb());
        }
    }
    let now = megabytes(server.resident_kb());
    let ratio = now / then;
    Ok(Row {
        what: format!("memory of `serve all` after {early} and after {times} sign-ons, p-256"),
        took: format!("{then:.1} MB and {now:.1} MB"),
        limit: format!("{at_rest:.1} MB before the first"),
        aim: Some((
            format!("at most {MOST_MORE} × (is {ratio:.2} ×)"),
            ratio <= MOST_MORE,
        )),
    })
}
