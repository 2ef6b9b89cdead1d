use chrono::{DateTime, Utc};

use super::account;
use crate::places::{AT_MOST, Arrival, KEPT};
use crate::{Directory, Realm};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

/// A place is new once, to one person; a year later it is so again.
pub(super) async fn all(directory: &Directory) {
    let keep = async |login| {
        let kept = directory.accounts.keep(account(Realm::Parent, login)).await;
        kept.unwrap().id
    };
    let (one, other) = (keep("traveller").await, keep("neighbour").await);
    let places = &directory.places;
    let arrive = async |person: &str, place: &str, seconds| {
        let arrival = places.arrive(person, place, at(seconds)).await.unwrap();
        (arrival.is_new, arrival.is_proven)
    };
    assert_eq!(
        arrive(&one, "home", 0).await,
        (false, true),
        "the first one"
    );
    assert_eq!(arrive(&one, "home", 1).await, (false, true));
    assert_eq!(arrive(&one, "train", 2).await, (true, false));
    assert_eq!(
        arrive(&one, "train", 200_000).await,
        (false, false),
        "told once"
    );
    places.prove(&one, "train").await.unwrap();
    assert_eq!(arrive(&one, "train", 200_001).await, (false, true));
    assert_eq!(arrive(&other, "train", 3).await, (false, true), "another's");
    // Of those that arrive at once, one is new.
    let both = tokio::join!(
        places.arrive(&one, "hotel", at(4)),
        places.arrive(&one, "hotel", at(4))
    );
    let new = [both.0, both.1].map(|arrival| arrival.unwrap().is_new);
    assert_eq!(new.iter().filter(|is_new| **is_new).count(), 1);
    // Those that were not seen for longest go first; and all do after a year.
    for number in 0..AT_MOST {
        let name = number.to_string();
        let arrival = places.arrive(&one, &name, at(300_000 + i64::from(number)));
        assert!(arrival.await.unwrap().is_new);
    }
    assert_eq!(arrive(&one, "home", 400_000).await, (true, false));
    let later = at(400_001) + KEPT;
    let arrival = places.arrive(&one, "home", later).await.unwrap();
    assert_eq!(
        arrival,
        Arrival {
            is_new: false,
            is_proven: true
        }
    );
}
