//! Asking Sentinels where the primary is. That a replica takes its place is tried through the front door.

use super::*;

#[tokio::test]
async fn a_primary_that_no_sentinel_knows_is_away() {
    let mut at = RedisAt {
        url: "redis://:s3cret@house".to_owned(),
        sentinels: vec![format!("redis://127.0.0.1:{}", free_port())],
        replicas: 0,
    };
    is_away_soon(&redis(&at).await.unwrap()).await;
    let server = Server::start();
    // A server is no Sentinel.
    at.sentinels.push(server.url());
    let shelf = redis(&at).await.unwrap();
    is_away_soon(&shelf).await;
    let told = shelf.ready().await.unwrap_err().to_string();
    assert!(!told.contains("s3cret"), "{told}");
    at.sentinels = vec!["paper".to_owned()];
    assert!(!at.is_address() && redis(&at).await.is_err());
}
