//! Keeping metadata fresh while a process serves.

use std::sync::Arc;
use std::time::Duration;

use crate::house::{House, missing};
use crate::settings::Settings;

/// The longest a start waits for its own metadata before it says that it listens: other processes
/// of the deployment may start later.
const PATIENCE: Duration = Duration::from_millis(2500);

/// Reads metadata again and again for as long as the process lives.
pub(super) fn spawn(settings: &Settings, house: &House) {
    let federation = Arc::clone(&house.federation);
    let edge = house.edge.clone();
    let pause = settings.federation.refresh;
    actix_web::rt::spawn(async move {
        loop {
            let snapshot = federation.refresh(edge.now()).await;
            let wait = if missing(&snapshot).is_some() {
                Duration::from_secs(1)
            } else {
                pause
            };
            actix_web::rt::time::sleep(wait).await;
        }
    });
}

/// Waits until everything answers, or patience ends.
pub(super) async fn until_ready(house: &House) {
    let step = Duration::from_millis(5);
    let mut waited = Duration::ZERO;
    while waited < PATIENCE && !house.edge.unready().await.is_empty() {
        actix_web::rt::time::sleep(step).await;
        waited += step;
    }
}
