//! Several values under one key, whoever adds them at the same moment.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Away, Drawer, Shelf};

/// One room of a shelf in which a key holds a few values, each for a time of its own.
///
/// Every value has a place of its own: two who add at once never write over one another.
pub struct Several<T> {
    drawer: Drawer<T>,
    places: u32,
}

impl<T: Serialize + DeserializeOwned + PartialEq> Several<T> {
    /// The drawer called `room` on `shelf`, with at most `places` values under a key.
    pub fn new(shelf: Arc<dyn Shelf>, room: &'static str, places: u32) -> Self {
        Self {
            drawer: Drawer::new(shelf, room),
            places,
        }
    }

    /// Adds `value` for `keep` unless it is there; `false`: there is no place left.
    pub async fn add(&self, key: &str, value: &T, keep: Duration) -> Result<bool, Away> {
        for place in 0..self.places {
            let at = at(key, place);
            if let Some(found) = self.drawer.get(&at).await? {
                if found == *value {
                    return Ok(true);
                }
            } else if self.drawer.put_once(&at, value, keep).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// All values, in the order of their places, each once.
    pub async fn all(&self, key: &str) -> Result<Vec<T>, Away> {
        let mut found: Vec<T> = Vec::new();
        for place in 0..self.places {
            // What ended leaves its place empty, and others stay behind it.
            if let Some(value) = self.drawer.get(&at(key, place)).await?
                && !found.contains(&value)
            {
                found.push(value);
            }
        }
        Ok(found)
    }
}

fn at(key: &str, place: u32) -> String {
    format!("{key} {place}")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use chrono::DateTime;

    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    fn several(places: u32) -> (Several<String>, Arc<AtomicI64>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(1_800_000_000));
        let read = Arc::clone(&clock);
        let shelf = crate::embedded(
            &folder.path().join("shelf"),
            Arc::new(move || DateTime::from_timestamp(read.load(Ordering::SeqCst), 0).unwrap()),
        );
        let several = Several::new(shelf.unwrap(), "several", places);
        (several, clock, folder)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_many_who_add_at_once_none_is_lost() {
        let (several, _, _folder) = several(16);
        let several = Arc::new(several);
        let adding = (0..16).map(|number| {
            let several = Arc::clone(&several);
            tokio::spawn(async move { several.add("k", &number.to_string(), LONG).await.unwrap() })
        });
        for added in adding.collect::<Vec<_>>() {
            assert!(added.await.unwrap());
        }
        let mut all = several.all("k").await.unwrap();
        all.sort_by_key(|value| value.parse::<u32>().unwrap());
        let wanted: Vec<String> = (0..16).map(|number| number.to_string()).collect();
        assert_eq!(all, wanted);
        assert!(!several.add("k", &"more".to_owned(), LONG).await.unwrap());
        assert!(several.all("another").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_is_there_is_added_once_and_what_ended_hides_nothing() {
        let (several, clock, _folder) = several(4);
        let (brief, long) = ("brief".to_owned(), "long".to_owned());
        several.add("k", &brief, LONG / 2).await.unwrap();
        for _ in 0..3 {
            assert!(several.add("k", &long, LONG).await.unwrap());
        }
        let both = [brief, long.clone()];
        assert_eq!(several.all("k").await.unwrap(), both);
        clock.fetch_add(400, Ordering::SeqCst);
        several.add("k", &long, LONG).await.unwrap();
        assert_eq!(several.all("k").await.unwrap(), [long]);
    }
}
