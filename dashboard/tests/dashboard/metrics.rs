//! What a scrape tells.

use std::sync::Arc;

use axum::{body::Body, http::Request};
use stockstream_dashboard::router;
use tower::ServiceExt;

use crate::common::{Answer, Fake, Fault, ask, options};

fn sample(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(&format!("stockstream_dashboard_{name} "))?.parse().ok())
}

#[tokio::test]
async fn requests_are_counted_by_route_and_made_up_ones_are_one() {
    let router = router(Arc::new(Fake::loaded()), options());
    for (method, path) in [
        ("GET", "/clients?q=ann"),
        ("GET", "/clients?page=x"),
        ("GET", "/clients"),
        ("GET", "/made/up/1"),
        ("GET", "/made/up/2"),
        ("BREW", "/clients"),
        ("PLAY", "/clients"),
    ] {
        ask(&router, method, path).await;
    }
    let Answer { status, body: text, .. } = ask(&router, "GET", "/metrics").await;
    assert_eq!(status, 200);
    let requests = |route: &str, method: &str, status: u16| {
        let labels = format!(r#"route="{route}",method="{method}",status="{status}""#);
        sample(&text, &format!("requests_total{{{labels}}}"))
    };
    assert_eq!(requests("/clients", "GET", 200), Some(2.0), "{text}");
    assert_eq!(requests("/clients", "GET", 400), Some(1.0), "{text}");
    assert_eq!(requests("/clients", "other", 405), Some(2.0), "{text}");
    assert_eq!(requests("none", "GET", 404), Some(2.0), "{text}");
    assert_eq!(sample(&text, r#"request_seconds_count{route="/clients"}"#), Some(5.0), "{text}");
    assert!(!text.contains("made"), "{text}");
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn a_database_that_is_away_is_told() {
    let well = router(Arc::new(Fake::loaded()), options());
    ask(&well, "GET", "/clients").await;
    let text = ask(&well, "GET", "/metrics").await.body;
    assert_eq!(sample(&text, "database_away"), Some(0.0), "{text}");
    assert!(sample(&text, r#"database_seconds_count{outcome="answered"}"#) > Some(0.0), "{text}");

    let away = router(Arc::new(Fake::faulty(Fault::Unreachable)), options());
    ask(&away, "GET", "/clients").await;
    let text = ask(&away, "GET", "/metrics").await.body;
    assert_eq!(sample(&text, "database_away"), Some(1.0), "{text}");
    assert!(sample(&text, r#"database_seconds_count{outcome="failed"}"#) > Some(0.0), "{text}");
}

#[tokio::test]
async fn pages_that_are_kept_new_are_counted() {
    let router = router(Arc::new(Fake::loaded()), options());
    let request = Request::get("/live").header("host", "localhost").body(Body::empty()).unwrap();
    let stream = router.clone().oneshot(request).await.unwrap();
    assert_eq!(sample(&ask(&router, "GET", "/metrics").await.body, "live_readers"), Some(1.0));
    drop(stream);
    assert_eq!(sample(&ask(&router, "GET", "/metrics").await.body, "live_readers"), Some(0.0));
}
