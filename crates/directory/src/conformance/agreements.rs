use chrono::{DateTime, Utc};

use super::account;
use crate::{Directory, Realm};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

pub(super) async fn all(directory: &Directory) {
    let kept = directory.accounts.keep(account(Realm::Parent, "agrees"));
    let id = kept.await.unwrap().id;
    let archive = &directory.agreements;
    assert_eq!(archive.agreed(&id, "one").await.unwrap(), None);
    archive.agree(&id, ("one", "Un"), at(1)).await.unwrap();
    // What was accepted is accepted once, and its text is the one of then.
    archive.agree(&id, ("one", "Autre"), at(2)).await.unwrap();
    archive.agree(&id, ("two", "Deux"), at(3)).await.unwrap();
    archive
        .agree("other", ("two", "Deux"), at(4))
        .await
        .unwrap();
    assert_eq!(archive.agreed(&id, "one").await.unwrap(), Some(at(1)));
    assert_eq!(archive.agreed("other", "one").await.unwrap(), None);
    let listed = archive.list(&id).await.unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|one| (one.digest.as_str(), one.text.as_str(), one.at))
        .collect();
    assert_eq!(listed, [("two", "Deux", at(3)), ("one", "Un", at(1))]);
    assert!(archive.list("nobody").await.unwrap().is_empty());
}
