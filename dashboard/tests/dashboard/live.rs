//! Pages that keep themselves new.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, BodyDataStream},
    http::{Request, StatusCode},
};
use futures_util::StreamExt;
use stockstream_dashboard::{router, serve};
use stockstream_model::documents::View;
use stockstream_store::MemoryStore;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::common::{Fake, Fault, PAGES, get, options};

/// Long enough for anything that comes at all; only a test that fails waits for so long.
const LONG: Duration = Duration::from_secs(20);

struct Listener {
    body: BodyDataStream,
    text: String,
}

impl Listener {
    async fn new(router: &Router, path: &str) -> Self {
        let request = Request::get(path).header("host", "localhost").body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next whole event, or comment; none at the end of the stream.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(event);
            }
            let bytes = timeout(LONG, self.body.next()).await.unwrap()?;
            self.text.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap());
        }
    }

    async fn change(&mut self) -> String {
        loop {
            let event = self.next().await.unwrap();
            if event.contains("event: change") {
                return event;
            }
        }
    }
}

fn id(event: &str) -> &str {
    event.lines().find_map(|line| line.strip_prefix("id: ")).unwrap()
}

/// A fake whose state a test changes, and which counts how often it is asked.
async fn changing() -> (Arc<crate::common::changing::Changing>, Router) {
    let store = Arc::new(crate::common::changing::Changing::new(Fake::loaded()));
    (Arc::clone(&store), router(store, options()))
}

#[tokio::test(start_paused = true)]
async fn what_changes_is_told_and_nothing_else() {
    let (store, router) = changing().await;
    let mut listener = Listener::new(&router, "/live").await;
    let opened = listener.next().await.unwrap();
    assert!(opened.contains("retry: 2000") && opened.contains(": live"), "{opened}");
    let all = listener.change().await;
    assert!(all.contains(r#""status","winners","risks","clients","products","sales","rejected"#), "{all}");
    store.change(|fake| {
        fake.status.views.iter_mut().find(|view| view.view == View::ProductWinners).unwrap().pointer += 1;
    });
    let change = listener.change().await;
    assert!(change.contains(r#"{"changed":["status","winners","products"],"away":false}"#), "{change}");
    assert_ne!(id(&change), id(&all));
}

#[tokio::test(start_paused = true)]
async fn where_nothing_changes_there_is_nothing_but_a_sign_of_life() {
    let (store, router) = changing().await;
    let mut listener = Listener::new(&router, "/live").await;
    listener.change().await;
    let begun = tokio::time::Instant::now();
    for _ in 0..4 {
        store.change(|fake| fake.status.workers.iter_mut().for_each(|worker| worker.at = worker.at.plus_millis(5_000)));
        assert_eq!(listener.next().await.unwrap(), ":");
    }
    assert!(begun.elapsed() >= Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_hears_what_changed_meanwhile() {
    let (store, router) = changing().await;
    let mut listener = Listener::new(&router, "/live").await;
    let seen = id(&listener.change().await).to_owned();
    drop(listener);
    store.change(|fake| fake.status.checkpoints[0].rejected += 1);
    let mut again = Listener::new(&router, &format!("/live?since={seen}")).await;
    let change = again.change().await;
    assert!(change.contains(r#"{"changed":["status","rejected"],"away":false}"#), "{change}");
    // Whoever has seen it all hears nothing at all.
    let mut same = Listener::new(&router, &format!("/live?since={}", id(&change))).await;
    assert!(same.next().await.unwrap().contains(": live"));
    assert_eq!(same.next().await.unwrap(), ":");
}

#[tokio::test(start_paused = true)]
async fn a_page_says_what_it_has_seen_so_that_it_is_not_fetched_twice() {
    let (_, router) = changing().await;
    let mut listener = Listener::new(&router, "/live").await;
    let seen = id(&listener.change().await).to_owned();
    let request = Request::get("/clients").header("host", "localhost").body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let page = std::str::from_utf8(&body).unwrap();
    assert!(page.contains(&format!("data-live=\"clients\" data-state=\"{seen}\"")));
}

#[tokio::test(start_paused = true)]
async fn a_database_that_goes_away_and_comes_back_is_told() {
    let (store, router) = changing().await;
    let mut listener = Listener::new(&router, "/live").await;
    listener.change().await;
    store.change(|fake| fake.fault = Some(Fault::Unreachable));
    assert!(listener.change().await.contains(r#"{"changed":[],"away":true}"#));
    store.change(|fake| fake.fault = None);
    assert!(listener.change().await.contains(r#"{"changed":[],"away":false}"#));
}

#[tokio::test(start_paused = true)]
async fn two_hundred_readers_cost_one_look_at_the_database() {
    let (store, router) = changing().await;
    let mut listeners = Vec::new();
    for _ in 0..200 {
        listeners.push(Listener::new(&router, "/live").await);
    }
    for listener in &mut listeners {
        listener.change().await;
    }
    let (asked, begun) = (store.asked.load(Ordering::SeqCst), tokio::time::Instant::now());
    for listener in &mut listeners {
        assert_eq!(listener.next().await.unwrap(), ":");
    }
    let looks = begun.elapsed().as_millis() / 400;
    let asked = u128::try_from(store.asked.load(Ordering::SeqCst) - asked).unwrap();
    assert!(asked > 10 && asked <= looks + 1, "{asked} in {looks} intervals");
    // When all have left, the database is soon left alone too.
    drop(listeners);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let asked = store.asked.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(store.asked.load(Ordering::SeqCst), asked);
    // And looked at again for the next one.
    Listener::new(&router, "/live").await.change().await;
}

#[tokio::test(start_paused = true)]
async fn so_many_may_listen_and_no_more() {
    let (_, router) = changing().await;
    let mut listeners = Vec::new();
    for _ in 0..2_000 {
        listeners.push(Listener::new(&router, "/live").await);
    }
    let refused = || async {
        let request = Request::get("/live").header("host", "localhost").body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap()
    };
    let response = refused().await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert!(std::str::from_utf8(&body).unwrap().contains("2000 pages are live already"));
    listeners.pop();
    assert_eq!(refused().await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_stream_ends_at_once_when_the_server_does() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let router = router(Arc::new(MemoryStore::new(stockstream_model::settings::Analytics::default())), options());
    let server = tokio::spawn(serve(listener, router, shutdown.clone()));
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let (mut text, mut part) = (String::new(), [0; 4_096]);
    while !text.contains("event: change") {
        let length = timeout(LONG, connection.read(&mut part)).await.unwrap().unwrap();
        assert!(length > 0, "{text}");
        text.push_str(std::str::from_utf8(&part[..length]).unwrap());
    }
    let begun = std::time::Instant::now();
    shutdown.cancel();
    timeout(LONG, server).await.unwrap().unwrap().unwrap();
    // A stream that does not end holds the server up for the five seconds that requests under way are given.
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn every_page_names_its_script_with_a_nonce_of_its_own() {
    let nonce = |page: &crate::common::Answer| {
        let (_, nonce) = page.body.split_once("nonce=\"").unwrap();
        nonce.split_once('"').unwrap().0.to_owned()
    };
    for path in PAGES.into_iter().chain(["/nothing"]) {
        let (one, other) = (get(Fake::loaded(), path).await, get(Fake::loaded(), path).await);
        assert_eq!(one.body.matches("<script").count(), 1, "{path}");
        assert!(nonce(&one).len() == 32 && nonce(&one) != nonce(&other), "{path}");
        let policy = one.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
        assert!(policy.ends_with(&format!("script-src 'nonce-{}'; connect-src 'self'", nonce(&one))), "{policy}");
    }
    let script = get(Fake::loaded(), "/assets/live.js").await;
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
}
