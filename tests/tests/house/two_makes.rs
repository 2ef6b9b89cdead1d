//! Two service providers of different make in one browser: one password for both, and one logout.

use visits::peers::{Mellon, Peer, Pysaml, Setup, Wish};
use visits::{Client, House, PASSWORD};

use crate::peers::{LOGOUT, answers, end_of_logout, press, states, values};

/// Both, with somebody signed on: at the first with a password, at the second without.
fn in_both() -> (House, Mellon, Pysaml, Client) {
    let house = House::start();
    let mellon = Mellon::registered(&house, Setup::default());
    let pysaml = Pysaml::registered(&house, Setup::default());
    let client = house.client();
    let known = mellon.sign_on(&client, "amartin", PASSWORD);
    assert_eq!(values(&known, "sn"), ["Martin"]);
    let page = pysaml.ask(&client, Wish::Plain);
    assert!(answers(&page), "no password is asked for: {}", page.body);
    client.deliver(&page);
    let told = pysaml.known(&client).expect("signed on");
    assert_eq!(values(&told, "sn"), ["Martin"]);
    assert_ne!(told.name_id, known.name_id, "nobody compares");
    (house, mellon, pysaml, client)
}

#[test]
fn s03_mellon_and_pysaml_hear_of_one_logout() {
    let (_house, mellon, pysaml, client) = in_both();
    let end = end_of_logout(&client, &press(&client), &[]);
    assert_eq!(
        states(&end),
        ["done"; 2],
        "{} {} {}",
        end.body,
        mellon.complaints(),
        pysaml.complaints()
    );
    assert_eq!(mellon.known(&client), None);
    assert_eq!(pysaml.known(&client), None);
    assert!(client.get(LOGOUT).field("csrf").is_none());
}

#[test]
fn s05_a_stopped_mellon_leaves_pysaml_its_logout() {
    let (_house, mut mellon, pysaml, client) = in_both();
    let broken = mellon.page();
    mellon.stop();
    let end = end_of_logout(&client, &press(&client), &[&broken]);
    let mut said = states(&end);
    said.sort();
    assert_eq!(said, ["done", "failed"], "{}", end.body);
    assert_eq!(pysaml.known(&client), None);
}

#[test]
fn s05_a_stopped_pysaml_leaves_mellon_its_logout() {
    let (_house, mellon, mut pysaml, client) = in_both();
    let broken = pysaml.page();
    pysaml.stop();
    let end = end_of_logout(&client, &press(&client), &[&broken]);
    let mut said = states(&end);
    said.sort();
    assert_eq!(said, ["done", "failed"], "{}", end.body);
    assert_eq!(mellon.known(&client), None);
}
