//! What holds for every response, to any client.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};

use crate::common::{API, Answer, Fake, Fault, PAGES, get, options, send};

async fn ask(method: Method, path: &str, host: Option<&str>) -> Answer {
    let request = Request::builder().method(method).uri(path);
    let request = host.into_iter().fold(request, |request, host| request.header("host", host));
    send(Fake::loaded(), options(), request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let others = ["/healthz", "/readyz", "/assets/style.css", "/nothing", "/api/nothing", "/clients?page=x"];
    for path in PAGES.into_iter().chain(API).chain(others) {
        for (method, host) in [(Method::GET, "localhost"), (Method::POST, "localhost"), (Method::GET, "evil.example")] {
            let answer = ask(method, path, Some(host)).await;
            let policy = answer.header("content-security-policy");
            let (policy, scripts) = policy.split_once("; script-src").unwrap_or((policy, ""));
            assert_eq!(
                policy,
                "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
                 frame-ancestors 'none'",
                "{path}"
            );
            let is_page = answer.header("content-type").starts_with("text/html");
            assert_eq!(is_page, !scripts.is_empty(), "{path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
            if !path.starts_with("/assets") {
                assert_eq!(answer.header("cache-control"), "no-store", "{path}");
            }
        }
    }
}

#[tokio::test]
async fn only_reading_exists() {
    for path in PAGES.into_iter().chain(API).chain(["/healthz", "/readyz", "/assets/style.css"]) {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS, Method::TRACE] {
            let answer = ask(method.clone(), path, Some("localhost")).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(answer.header("allow"), "GET, HEAD", "{method} {path}");
        }
        let head = ask(Method::HEAD, path, Some("localhost")).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0), "{path}");
    }
}

#[tokio::test]
async fn another_host_name_is_refused_with_a_sentence() {
    let page = ask(Method::GET, "/", Some("evil.example:8080")).await;
    assert_eq!(page.status, StatusCode::MISDIRECTED_REQUEST);
    assert!(page.body.contains("does not answer to the host name evil.example") && !page.body.contains("Products"));
    let problem = ask(Method::GET, "/api/v1/clients", Some("evil.example")).await;
    assert_eq!((problem.status.as_u16(), problem.header("content-type")), (421, "application/problem+json"));
    assert_eq!(ask(Method::GET, "/", None).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(ask(Method::GET, "/", Some("no host")).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(ask(Method::GET, "http://evil.example/", Some("localhost")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_allowed_host_name_is_answered() {
    let options = stockstream_dashboard::Options { allowed_hosts: vec!["stock.example".into()], ..options() };
    let request = Request::get("/").header("host", "stock.example").body(Body::empty()).unwrap();
    assert_eq!(send(Fake::loaded(), options, request).await.status, StatusCode::OK);
}

#[tokio::test]
async fn probes_are_answered_under_any_host_name() {
    assert_eq!(ask(Method::GET, "/healthz", Some("10.1.2.3:8080")).await.status, StatusCode::OK);
    assert_eq!(ask(Method::GET, "/readyz", Some("10.1.2.3:8080")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_dashboard_without_a_database_lives_and_is_not_ready() {
    for fault in [Fault::Unreachable, Fault::Silent, Fault::Refused] {
        assert_eq!(get(Fake::faulty(fault), "/healthz").await.status, StatusCode::OK);
        let ready = get(Fake::faulty(fault), "/readyz").await;
        assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(ready.body.starts_with("not ready: ") && !ready.body.contains("mongo.example"));
    }
}

#[tokio::test]
async fn the_stylesheet_is_cached_for_as_long_as_its_address_stays() {
    let page = get(Fake::loaded(), "/").await.body;
    let address = page.split_once("rel=\"stylesheet\" href=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    let sheet = get(Fake::loaded(), &address).await;
    assert_eq!((sheet.status, sheet.header("content-type")), (StatusCode::OK, "text/css; charset=utf-8"));
    assert!(sheet.header("cache-control").contains("immutable") && sheet.body.contains("light-dark("));
    assert_eq!(get(Fake::loaded(), "/assets/style.css?v=old").await.header("cache-control"), "no-cache");
    let again = Request::get("/assets/style.css").header("host", "localhost");
    let again = again.header("if-none-match", sheet.header("etag")).body(Body::empty()).unwrap();
    assert_eq!(send(Fake::loaded(), options(), again).await.status, StatusCode::NOT_MODIFIED);
}
