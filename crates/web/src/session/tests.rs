use super::*;
use crate::scene::Scene;

const IDLE_S: i64 = 3600;
const WHOLE_S: i64 = 3 * 3600;

struct House {
    scene: Scene,
    sessions: Sessions<String>,
    shelf: Arc<dyn store::Shelf>,
    _folder: tempfile::TempDir,
}

fn house() -> House {
    let scene = Scene::at("https://eduline.example");
    let folder = tempfile::tempdir().unwrap();
    let hands = scene.edge.clone();
    let clock: store::Clock = Arc::new(move || hands.now());
    let shelf = store::embedded(&folder.path().join("shelf"), clock).unwrap();
    let seconds = |s: i64| Duration::from_secs(s.unsigned_abs());
    let sessions = Sessions::new(
        Arc::clone(&shelf),
        "test-sessions",
        "test".to_owned(),
        seconds(IDLE_S),
        seconds(WHOLE_S),
    );
    House {
        scene,
        sessions,
        shelf,
        _folder: folder,
    }
}

type Cookies = Vec<(String, String)>;

impl House {
    async fn open(&self, cookies: &Cookies, value: &str) -> (Session<String>, Cookies) {
        let opened = self.scene.visit(cookies, async |visit| {
            self.sessions.open(&visit, value.to_owned()).await.unwrap()
        });
        opened.await
    }

    async fn current(&self, cookies: &Cookies) -> Option<Session<String>> {
        let seen = self.scene.visit(cookies, async |visit| {
            self.sessions.current(&visit).await.unwrap()
        });
        seen.await.0
    }

    async fn close(&self, cookies: &Cookies) -> (Option<Session<String>>, Cookies) {
        let closed = self.scene.visit(cookies, async |visit| {
            self.sessions.close(&visit).await.unwrap()
        });
        closed.await
    }
}

#[actix_web::test]
async fn a_session_is_found_again_by_its_cookie_alone() {
    let house = house();
    let (session, cookies) = house.open(&Vec::new(), "anne").await;
    let (name, token) = cookies[0].clone();
    assert_eq!((name.as_str(), token.len()), ("__Host-test", 43));
    assert!(
        !session.key.contains(&token),
        "the shelf never sees the token"
    );
    let found = house.current(&cookies).await.unwrap();
    assert_eq!(
        (found.value.as_str(), found.key),
        ("anne", session.key.clone())
    );
    for wrong in [
        "",
        "x",
        &token[1..],
        &format!("{token}x"),
        &session.key[..43],
        &"A".repeat(43),
    ] {
        let cookies = vec![(name.clone(), wrong.to_owned())];
        assert!(house.current(&cookies).await.is_none(), "{wrong}");
    }
    let unprefixed = vec![("test".to_owned(), token)];
    assert!(
        house.current(&unprefixed).await.is_none(),
        "another name, another cookie"
    );
}

#[actix_web::test]
async fn opening_another_closes_the_one_before() {
    let house = house();
    let (_, before) = house.open(&Vec::new(), "anne").await;
    let (_, after) = house.open(&before, "anne again").await;
    assert_ne!(before, after, "a fresh token");
    assert!(house.current(&before).await.is_none());
    assert_eq!(house.current(&after).await.unwrap().value, "anne again");
}

#[actix_web::test]
async fn closing_removes_the_cookie_and_what_was_kept() {
    let house = house();
    let (_, cookies) = house.open(&Vec::new(), "anne").await;
    let (closed, out) = house.close(&cookies).await;
    assert_eq!(closed.unwrap().value, "anne");
    assert_eq!(out, [("__Host-test".to_owned(), String::new())]);
    assert!(house.current(&cookies).await.is_none());
    assert!(house.close(&cookies).await.0.is_none(), "twice is no fault");
    assert!(house.close(&Vec::new()).await.0.is_none(), "nor is never");
}

#[actix_web::test]
async fn a_visit_starts_the_idle_time_anew_and_none_lasts_past_its_end() {
    let house = house();
    let (_, left_alone) = house.open(&Vec::new(), "left alone").await;
    let (_, visited) = house.open(&Vec::new(), "visited").await;
    for _ in 0..3 {
        house.scene.later(IDLE_S - 10);
        assert!(house.current(&visited).await.is_some());
    }
    assert!(
        house.current(&left_alone).await.is_none(),
        "idle for too long"
    );
    house.scene.later(40);
    assert!(house.current(&visited).await.is_none(), "open for too long");
}

#[actix_web::test]
async fn what_it_holds_can_be_replaced() {
    let house = house();
    let (mut session, cookies) = house.open(&Vec::new(), "before").await;
    session.value = "after".to_owned();
    let replaced = house.scene.visit(&cookies, async |visit| {
        house.sessions.replace(&visit, &session).await.unwrap();
    });
    assert!(replaced.await.1.is_empty(), "the token stays");
    assert_eq!(house.current(&cookies).await.unwrap().value, "after");
}

#[actix_web::test]
async fn a_visit_that_read_it_before_it_was_closed_does_not_bring_it_back() {
    let house = house();
    let (session, cookies) = house.open(&Vec::new(), "anne").await;
    house.close(&cookies).await;
    let late = house.scene.visit(&cookies, async |visit| {
        house.sessions.replace(&visit, &session).await.unwrap();
    });
    late.await;
    assert!(house.current(&cookies).await.is_none());
    let kept = house
        .shelf
        .get("test-sessions", &session.key)
        .await
        .unwrap();
    assert_eq!(kept, None);
}

#[actix_web::test]
async fn what_another_release_wrote_is_no_session_and_no_dead_end() {
    let house = house();
    let (_, cookies) = house.open(&Vec::new(), "anne").await;
    let next: Sessions<Vec<u64>> = Sessions::new(
        Arc::clone(&house.shelf),
        "test-sessions",
        "test".to_owned(),
        Duration::from_secs(60),
        Duration::from_secs(60),
    );
    let seen = house.scene.visit(&cookies, async |visit| {
        assert!(next.current(&visit).await.unwrap().is_none());
        next.open(&visit, vec![1]).await.unwrap();
    });
    let ((), renewed) = seen.await;
    let seen = house.scene.visit(&renewed, async |visit| {
        assert!(next.current(&visit).await.unwrap().is_some());
    });
    seen.await;
    let (_, cookies) = house.open(&Vec::new(), "anne").await;
    let seen = house.scene.visit(&cookies, async |visit| {
        assert!(next.close(&visit).await.unwrap().is_none());
    });
    seen.await;
    assert!(
        house.current(&cookies).await.is_none(),
        "closed all the same"
    );
}
