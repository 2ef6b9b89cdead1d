//! The process is killed while it writes, again and again; what it had acknowledged stands.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use super::*;

/// Long enough to fill several pages, and to tell whether it is whole.
fn value(key: &str) -> Vec<u8> {
    let times = key.bytes().map(usize::from).sum::<usize>() % 900;
    format!("<{}>", format!("{key} ").repeat(times)).into_bytes()
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nshelf {line}").unwrap();
}

/// Run by the test below in a process of its own: writes, and says so once it is acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "the child of `what_was_acknowledged_survives_kill_9`"]
async fn child_that_writes_until_killed() {
    let Some(path) = std::env::var_os("SHELF_CHILD") else {
        return;
    };
    let round = std::env::var("SHELF_ROUND").unwrap();
    let (clock, _) = hand_clock();
    let shelf = embedded(Path::new(&path), clock).unwrap();
    let writers: Vec<_> = (0..6)
        .map(|writer| {
            let (shelf, round) = (Arc::clone(&shelf), round.clone());
            tokio::spawn(async move {
                for n in 0.. {
                    write_one(&*shelf, &format!("{round}.{writer}.{n}"), n).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn write_one(shelf: &dyn Shelf, key: &str, n: u64) {
    if n.is_multiple_of(2) {
        shelf.put("kill", key, value(key), LONG).await.unwrap();
    } else {
        assert!(shelf.put_once("kill", key, value(key), LONG).await.unwrap());
    }
    say(&format!("kept {key}"));
    if n.is_multiple_of(3) {
        say(&format!("taking {key}"));
        assert_eq!(shelf.take("kill", key).await.unwrap(), Some(value(key)));
        say(&format!("took {key}"));
    }
}

/// What the child said it did.
#[derive(Default)]
struct Said {
    kept: BTreeSet<String>,
    taking: BTreeSet<String>,
    took: BTreeSet<String>,
}

fn start(path: &Path, round: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture"])
        .arg("embedded::tests::kill::child_that_writes_until_killed")
        .env("SHELF_CHILD", path)
        .env("SHELF_ROUND", round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Lets a child write for a while, kills it, and listens to the end of what it said.
fn one_life(path: &Path, round: u64, said: &mut Said) {
    let mut child = start(path, round);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut hear = |line: &str| {
        let Some(said_of) = line.strip_prefix("shelf ") else {
            return false;
        };
        let (what, key) = said_of.split_once(' ').unwrap();
        match what {
            "kept" => said.kept.insert(key.to_owned()),
            "taking" => said.taking.insert(key.to_owned()),
            "took" => said.took.insert(key.to_owned()),
            other => panic!("{other}"),
        }
    };
    // From its first word on, another while each time: the kill falls anywhere in a commit.
    while !hear(&lines.next().unwrap().unwrap()) {}
    let killer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_micros(700 * (round * 37 % 101)));
        child.kill().unwrap();
        child.wait().unwrap();
    });
    for line in lines.map_while(Result::ok) {
        hear(&line);
    }
    killer.join().unwrap();
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shelf.redb");
    let mut said = Said::default();
    for round in 0..24 {
        one_life(&path, round, &mut said);
        let all = everything(&file::at(&path).unwrap());
        for (key, kept) in &all {
            let key = key.strip_prefix("kill\u{1f}").unwrap();
            assert_eq!(*kept, value(key), "{key} is half written");
            assert!(!said.took.contains(key), "{key} was taken, and is back");
        }
        for key in said.kept.difference(&said.taking) {
            assert!(all.contains_key(&full_key("kill", key)), "{key} is lost");
        }
    }
    assert!(
        said.kept.len() > 200 && said.took.len() > 50,
        "{}",
        said.kept.len()
    );
}
