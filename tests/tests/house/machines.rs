//! Several machines under a steady load, while one thing after the other dies. What a visitor loses is
//! counted: no session, no favourite, nothing but a 503 now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use store::{RedisAt, Shelf, redis};
use visits::client::between;
use visits::fleet::{Fleet, MACHINES};
use visits::redis::Watched;
use visits::{Answer, Client, PASSWORD};

use crate::portal::{favourites, press};

const KEEP: Duration = Duration::from_secs(120);

/// Marks, one after the other, until told to stop: those that were acknowledged, and how many were not.
async fn mark(shelf: Arc<dyn Shelf>, from: u32, stop: Arc<AtomicBool>) -> (Vec<String>, u32) {
    let (mut kept, mut refused) = (Vec::new(), 0);
    for number in from.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let key = number.to_string();
        match shelf.put_once("m", &key, vec![1], KEEP).await {
            Ok(is_new) => {
                assert!(is_new, "{key}");
                kept.push(key);
            }
            Err(_) => refused += 1,
        }
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    (kept, refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o05_a_replica_takes_the_place_of_a_primary_that_dies() {
    let mut watched = Watched::start();
    let at = |replicas| RedisAt {
        url: watched.url(),
        sentinels: watched.sentinels.clone(),
        replicas,
    };
    let (one, two) = (redis(&at(1)).await, redis(&at(1)).await);
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.count("r", "c", KEEP).await.unwrap(), 1);
    assert!(one.put_once("r", "k", vec![1], KEEP).await.unwrap());
    assert!(!two.put_once("r", "k", vec![2], KEEP).await.unwrap());
    // What too few replicas have is not kept, and nobody waits long to hear it.
    let told = redis(&at(3)).await.unwrap();
    let told = told.put("r", "few", vec![1], KEEP).await.unwrap_err();
    assert!(told.to_string().contains("of 3 replicas 2"), "{told}");

    let stop = Arc::new(AtomicBool::new(false));
    let load = |shelf: &Arc<dyn Shelf>, from| {
        tokio::spawn(mark(Arc::clone(shelf), from, Arc::clone(&stop)))
    };
    let loads = [load(&one, 0), load(&two, 1_000_000)];
    tokio::time::sleep(Duration::from_secs(1)).await;
    let died = Instant::now();
    watched.kill_primary();
    tokio::time::sleep(Duration::from_millis(200)).await;
    while one.put("r", "back", vec![1], KEEP).await.is_err() {
        assert!(died.elapsed() < Duration::from_secs(30), "not used again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.store(true, Ordering::Relaxed);
    let mut kept = Vec::new();
    for load in loads {
        let (mine, refused) = load.await.unwrap();
        assert!(refused > 0, "it was away for a while");
        kept.extend(mine);
    }
    // Every mark that was acknowledged, before, meanwhile and after, is there for whoever asks.
    assert!(kept.len() > 50, "{}", kept.len());
    for key in kept {
        assert!(
            !two.put_once("m", &key, vec![2], KEEP).await.unwrap(),
            "{key}"
        );
    }
    assert_eq!(two.take("r", "k").await.unwrap(), Some(vec![1]));
    assert_eq!(one.count("r", "c", KEEP).await.unwrap(), 2);
}

/// The whole way in, or the status at which it ended.
fn sign_on(client: &Client, login: &str) -> Result<Answer, u16> {
    let fine = |page: Answer| {
        (page.status == 200)
            .then_some(page.clone())
            .ok_or(page.status)
    };
    let page = fine(client.open("/portail/"))?;
    let page = fine(client.choose(&page, "personnel"))?;
    let page = fine(client.sign_in(&page, login, PASSWORD))?;
    assert!(page.field("SAMLResponse").is_some(), "{}", page.body);
    let home = fine(client.deliver(&page))?;
    assert_eq!(home.user().as_deref(), Some(login), "{}", home.body);
    Ok(home)
}

/// Signs on, looks around and leaves, again and again: how often all went well, and what else was said.
fn visitor(
    fleet: &Fleet,
    login: &'static str,
    stop: &Arc<AtomicBool>,
) -> JoinHandle<(u32, Vec<u16>)> {
    let new = {
        let port = fleet.port;
        move || Client::new(format!("http://localhost:{port}"))
    };
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        let (mut well, mut told) = (0, Vec::new());
        while !stop.load(Ordering::Relaxed) {
            let client = new();
            match sign_on(&client, login) {
                Ok(_) => {
                    let page = client.get("/portail/logout");
                    let csrf = page.field("csrf").unwrap_or_default();
                    let left = client.post("/portail/logout", &[("csrf", &csrf)]);
                    let fine = |status: &u16| matches!(status, 200 | 303);
                    let mut odd = [page.status, left.status].into_iter();
                    match odd.find(|status| !fine(status)) {
                        None => well += 1,
                        Some(status) => told.push(status),
                    }
                }
                Err(status) => told.push(status),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        (well, told)
    })
}

/// Everybody is still there, with what they chose.
fn all_are_there(stay: &[(Client, &str, String)], after: &str) {
    for (client, login, chosen) in stay {
        let started = Instant::now();
        let page = loop {
            let page = client.get("/portail/");
            if page.status == 200 {
                break page;
            }
            assert_eq!(page.status, 503, "{after}: {}", page.body);
            assert!(started.elapsed() < Duration::from_secs(30), "{after}");
            std::thread::sleep(Duration::from_millis(100));
        };
        assert_eq!(page.user().as_deref(), Some(*login), "{after}");
        assert_eq!(favourites(client), std::slice::from_ref(chosen), "{after}");
    }
}

#[test]
fn o05_machines_die_one_after_the_other_and_nobody_loses_a_session() {
    let mut fleet = Fleet::start();
    let mut stay = Vec::new();
    for login in ["amartin", "bleroy", "cdupont"] {
        let client = fleet.client();
        sign_on(&client, login).unwrap();
        let page = client.get("/portail/favoris");
        let first = between(&page.body, "name=\"add\" value=\"", "\"").expect("something");
        assert_eq!(press(&client, &[("add", &first)]).status, 303);
        stay.push((client, login, first));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let visitors = ["amartin", "bleroy", "dmoreau"].map(|login| visitor(&fleet, login, &stop));
    let pause = || std::thread::sleep(Duration::from_secs(1));
    pause();

    fleet.kill(0);
    pause();
    all_are_there(&stay, "a machine died");
    fleet.open(0);
    fleet.wait_for(0);
    for number in 0..MACHINES {
        fleet.stop(number);
        fleet.open(number);
        fleet.wait_for(number);
    }
    all_are_there(&stay, "every machine was started anew");
    fleet.redis.kill_primary();
    pause();
    fleet.wait_until_ready();
    all_are_there(&stay, "the primary died");
    fleet.accounts.stop();
    pause();
    all_are_there(&stay, "the accounts are away");
    fleet.accounts.go();
    fleet.wait_until_ready();
    pause();
    stop.store(true, Ordering::Relaxed);

    let (mut well, mut away) = (0, 0);
    for visitor in visitors {
        let (mine, told) = visitor.join().expect("a visitor");
        let odd: Vec<&u16> = told.iter().filter(|status| **status != 503).collect();
        assert_eq!(odd, [&0; 0], "nothing but 503: {told:?}");
        well += mine;
        away += told.len();
    }
    // Each machine answered some, the one whose clock is ahead too.
    assert!(well > 20, "{well} went well, {away} did not");
    all_are_there(&stay, "at the end");
    let journals = fleet.journals();
    assert!(!journals.contains("\"status\":500"), "a 500");
    println!("{well} visits went well, {away} were told to come again");
}
