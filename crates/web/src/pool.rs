//! Where foreign bytes are checked: off the threads that answer, few at a time, and not for long.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// Answers that may wait for a place, besides those being checked. More would wait longer than a
/// visitor does.
const WAITING: usize = 64;

/// How long one visit may wait for and spend on one check.
const PATIENCE: Duration = Duration::from_secs(5);

/// A bounded pool of blocking work.
pub struct Pool {
    /// One permit for each check that runs.
    running: Arc<Semaphore>,
    /// One permit for each check that runs or waits.
    admitted: Arc<Semaphore>,
    /// How many permits there are.
    places: usize,
}

/// There was no place, or no end in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// Too many wait already.
    #[error("{WAITING} answers wait to be checked already")]
    Full,
    /// It took too long.
    #[error("an answer was not checked within {} s", PATIENCE.as_secs())]
    Late,
    /// The check died.
    #[error("the check of an answer ended without a verdict")]
    Died,
}

impl Pool {
    /// As many checks at once as this machine has cores.
    pub fn of_this_machine() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self::new(cores, WAITING)
    }

    fn new(at_once: usize, waiting: usize) -> Self {
        Self {
            running: Arc::new(Semaphore::new(at_once)),
            admitted: Arc::new(Semaphore::new(at_once + waiting)),
            places: at_once + waiting,
        }
    }

    /// How many are checked or wait for it.
    pub fn waiting(&self) -> usize {
        self.places - self.admitted.available_permits().min(self.places)
    }

    /// Runs one check. A check that is given up on keeps its place until it ends, so that hostile
    /// messages never hold more threads than there are places.
    pub async fn run<T, F>(&self, check: F) -> Result<T, Busy>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let admitted = Arc::clone(&self.admitted)
            .try_acquire_owned()
            .map_err(|_| Busy::Full)?;
        let running = Arc::clone(&self.running);
        let whole = async move {
            let place = running.acquire_owned().await.map_err(|_| Busy::Died)?;
            tokio::task::spawn_blocking(move || {
                let verdict = check();
                drop((place, admitted));
                verdict
            })
            .await
            .map_err(|_| Busy::Died)
        };
        tokio::time::timeout(PATIENCE, whole)
            .await
            .unwrap_or(Err(Busy::Late))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_check_gives_its_verdict() {
        assert_eq!(Pool::new(1, 0).run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn one_more_than_the_places_is_told_to_come_back() {
        let pool = Arc::new(Pool::new(1, 1));
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let first = Arc::clone(&pool);
        let first = tokio::spawn(async move { first.run(move || gate.recv().is_ok()).await });
        while pool.running.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let second = Arc::clone(&pool);
        let second = tokio::spawn(async move { second.run(|| true).await });
        while pool.admitted.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(pool.run(|| true).await, Err(Busy::Full));
        open.send(()).unwrap();
        assert_eq!(first.await.unwrap(), Ok(true));
        assert_eq!(second.await.unwrap(), Ok(true));
    }

    #[tokio::test]
    async fn a_check_that_dies_is_no_verdict_and_gives_its_place_back() {
        let pool = Pool::new(1, 0);
        let died: Result<(), Busy> = pool.run(|| panic!("on purpose")).await;
        assert_eq!(died, Err(Busy::Died));
        assert_eq!(pool.run(|| 1).await, Ok(1));
    }
}
