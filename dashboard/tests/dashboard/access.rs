//! Who may see what: every route with every role, sign-in, sessions, proxies.

use std::{
    io::Write,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{HeaderName, Method, Request, StatusCode, request::Builder},
};
use stockstream_dashboard::{AccessOptions, Authenticator, Options, ProxyHeaders, Role, SignIn, hash_password, router};
use tower::ServiceExt;

use crate::common::{API, Answer, Fake, PAGES, options, send};

const PASSWORD: &str = "correct horse battery";
const PROXY: &str = "10.0.0.1";

/// A file of its own that is gone after the test.
struct File(PathBuf);

impl File {
    fn new(name: &str, content: &str) -> Self {
        let file = Self(std::env::temp_dir().join(format!("stockstream-{}-{name}", std::process::id())));
        file.write(content);
        file
    }

    /// Exchanges the whole, as Kubernetes does with a Secret.
    fn write(&self, content: &str) {
        let next = self.0.with_extension("next");
        std::fs::write(&next, content).unwrap();
        std::fs::rename(next, &self.0).unwrap();
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn users(of: &[(&str, &str, &str)]) -> String {
    of.iter().map(|(name, role, password)| format!("{name}:{role}:{}\n", hash_password(password).unwrap())).collect()
}

fn with(access: AccessOptions) -> Options {
    Options { access: Arc::new(Authenticator::open(access).unwrap()), ..options() }
}

fn by_password(file: &File) -> Options {
    with(AccessOptions::new(SignIn::Password { users: file.0.clone() }))
}

fn by_proxy() -> Options {
    let role = |role: Role| (role.name().to_lowercase() + "s", role);
    let headers = ProxyHeaders {
        user: HeaderName::from_static("x-forwarded-user"),
        groups: HeaderName::from_static("x-forwarded-groups"),
        roles: Role::ALL.map(role).into(),
    };
    let access = AccessOptions::new(SignIn::Proxy(headers));
    with(AccessOptions { trusted_proxies: vec!["10.0.0.0/24".parse().unwrap()], ..access })
}

fn request(method: Method, path: &str, from: &str) -> Builder {
    let peer = SocketAddr::new(from.parse().unwrap(), 50_000);
    Request::builder().method(method).uri(path).header("host", "localhost").extension(ConnectInfo(peer))
}

async fn ask(options: &Options, request: Builder) -> Answer {
    send(Fake::loaded(), options.clone(), request.body(Body::empty()).unwrap()).await
}

async fn sign_in(options: &Options, name: &str, password: &str, next: &str, from: &str) -> Answer {
    let text = [("name", name), ("password", password), ("next", next)].map(|(field, value)| {
        let escaped: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        format!("{field}={escaped}")
    });
    let request = request(Method::POST, "/sign-in", from).header("content-type", "application/x-www-form-urlencoded");
    send(Fake::loaded(), options.clone(), request.body(Body::from(text.join("&"))).unwrap()).await
}

/// The cookie of an answer, as a browser sends it back.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

async fn page(options: &Options, path: &str, cookie: &str) -> Answer {
    ask(options, request(Method::GET, path, "192.0.2.1").header("cookie", cookie).header("accept", "text/html")).await
}

const EXPORTS: [&str; 3] = ["/export/product-winners/csv", "/export/loss-risk-products/json", "/export/clients/csv"];

#[tokio::test]
async fn every_route_answers_the_roles_that_it_is_for_and_nobody_else() {
    let options = by_proxy();
    let views = ["/product-winners", "/loss-risk-products", "/clients"];
    let details = ["/product?id=85123A", "/client?id=1"];
    for path in PAGES.into_iter().chain(API).chain(EXPORTS).chain(details) {
        let is_view = views.iter().any(|view| path == *view || path == format!("/api/v1{view}"));
        let is_for_all = is_view || EXPORTS.contains(&path) || details.contains(&path);
        for role in Role::ALL {
            let groups = role.name().to_lowercase() + "s";
            let who = request(Method::GET, path, PROXY).header("x-forwarded-user", "ann");
            let got = ask(&options, who.header("x-forwarded-groups", groups)).await.status;
            let may = is_for_all || role == Role::Administrator;
            let refused = if path == "/" { StatusCode::SEE_OTHER } else { StatusCode::FORBIDDEN };
            assert_eq!(got == refused, !may, "{role} {path}: {got}");
            assert!(!may || [StatusCode::OK, StatusCode::NOT_FOUND].contains(&got), "{role} {path}: {got}");
        }
        let nobody = ask(&options, request(Method::GET, path, PROXY)).await;
        assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn the_navigation_shows_what_the_reader_may_and_everybody_begins_somewhere() {
    let options = by_proxy();
    let ask_as = async |path: &'static str, group: &'static str| {
        let who = request(Method::GET, path, PROXY).header("x-forwarded-user", "ann");
        ask(&options, who.header("x-forwarded-groups", group)).await
    };
    assert_eq!(ask_as("/", "users").await.header("location"), "/product-winners");
    let user = ask_as("/clients", "users").await.body;
    assert!(user.contains("href=\"/product-winners\"") && !user.contains("href=\"/rejected-events\""));
    assert!(user.contains("Signed in as ") && user.contains("ann") && !user.contains("/sign-out"));
    assert!(ask_as("/clients", "administrators").await.body.contains("href=\"/rejected-events\""));
    let refused = ask_as("/rejected-events", "users").await;
    assert!(refused.body.contains("The role User does not include /rejected-events"));
    assert!(refused.body.contains("href=\"/product-winners\"") && !refused.body.contains("Invoice"));
}

#[tokio::test]
async fn readers_are_told_in_their_language_and_programs_in_english() {
    let file = File::new("language", &users(&[("ann", "User", PASSWORD)]));
    let options = by_password(&file);
    let page = ask(&options, request(Method::GET, "/sign-in?lang=de", "192.0.2.1")).await.body;
    assert!(page.contains(">Passwort</label>") && page.contains("<button>Anmelden</button>"), "{page}");
    let options = by_proxy();
    let ask_as_user = async |path: &'static str| {
        let who = request(Method::GET, path, PROXY).header("accept-language", "fr").header("x-forwarded-user", "ann");
        ask(&options, who.header("x-forwarded-groups", "users")).await.body
    };
    let refused = ask_as_user("/rejected-events").await;
    assert!(refused.contains("Le rôle Utilisateur ne comprend pas /rejected-events."), "{refused}");
    assert!(refused.contains("Connecté comme") && refused.contains("<small>Utilisateur</small>"), "{refused}");
    let refused = ask_as_user("/api/v1/rejected-events").await;
    assert!(refused.contains("The role User does not include /api/v1/rejected-events."), "{refused}");
}

#[tokio::test]
async fn a_reader_signs_in_and_out() {
    let file = File::new("sign-in", &users(&[("ann", "Administrator", PASSWORD), ("bob", "User", "another password")]));
    let options = by_password(&file);
    let away = page(&options, "/clients?q=a&sort=-invoices", "").await;
    assert_eq!(away.status, StatusCode::SEE_OTHER);
    assert_eq!(away.header("location"), "/sign-in?next=%2Fclients%3Fq%3Da%26sort%3D-invoices");
    let form = page(&options, away.header("location"), "").await;
    assert_eq!(form.status, StatusCode::OK);
    assert!(form.body.contains("value=\"/clients?q=a&#38;sort=-invoices\"") && !form.body.contains("<nav"));
    let entered = sign_in(&options, "ann", PASSWORD, "/clients?q=a&sort=-invoices", "192.0.2.1").await;
    assert_eq!((entered.status, entered.header("location")), (StatusCode::SEE_OTHER, "/clients?q=a&sort=-invoices"));
    let set = entered.header("set-cookie");
    assert!(set.starts_with("stockstream=") && set.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{set}");
    let cookie_of_ann = cookie(&entered);
    let seen = page(&options, "/", &format!("theme=dark; {cookie_of_ann}")).await;
    assert!(seen.status == StatusCode::OK && seen.body.contains("action=\"/sign-out\"") && seen.body.contains("ann"));
    let out = ask(&options, request(Method::POST, "/sign-out", "192.0.2.1").header("cookie", &cookie_of_ann)).await;
    assert_eq!((out.status, out.header("location")), (StatusCode::SEE_OTHER, "/sign-in"));
    assert!(out.header("set-cookie").starts_with("stockstream=;") && out.header("set-cookie").contains("Max-Age=0"));
    let of_bob = sign_in(&options, "bob", "another password", "//evil.example", "192.0.2.1").await;
    assert_eq!(of_bob.header("location"), "/product-winners");
    assert_eq!(page(&options, "/rejected-events", &cookie(&of_bob)).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn whoever_copied_the_cookie_is_signed_out_too() {
    let file = File::new("copied", &users(&[("ann", "User", PASSWORD)]));
    let options = by_password(&file);
    let [one, other] = [(); 2].map(|()| sign_in(&options, "ann", PASSWORD, "", "192.0.2.1"));
    let (one, other) = (cookie(&one.await), cookie(&other.await));
    assert_ne!(one, other);
    ask(&options, request(Method::POST, "/sign-out", "192.0.2.1").header("cookie", &one)).await;
    assert_eq!(page(&options, "/clients", &one).await.status, StatusCode::SEE_OTHER);
    let program = ask(&options, request(Method::GET, "/api/v1/clients", "192.0.2.1").header("cookie", &one)).await;
    assert_eq!(program.status, StatusCode::UNAUTHORIZED);
    assert_eq!(page(&options, "/clients", &other).await.status, StatusCode::OK, "another session of the same reader");
}

/// What a stream tells until it ends by itself.
async fn told(body: Body) -> String {
    let all = tokio::time::timeout(Duration::from_secs(600), to_bytes(body, usize::MAX)).await;
    String::from_utf8(all.unwrap().unwrap().to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_session_and_no_other() {
    let all = users(&[("ann", "User", PASSWORD), ("bob", "User", PASSWORD)]);
    let file = File::new("stream", &all);
    let options = by_password(&file);
    let router = router(Arc::new(Fake::loaded()), options.clone());
    let mut streams = Vec::new();
    for name in ["ann", "ann", "bob"] {
        let cookie = cookie(&sign_in(&options, name, PASSWORD, "", "192.0.2.1").await);
        let request = request(Method::GET, "/live", "192.0.2.1").header("cookie", &cookie).body(Body::empty());
        let response = router.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        streams.push((cookie, response.into_body()));
    }
    let (of_bob, staying) = (streams.pop().unwrap().1, streams.pop().unwrap().1);
    let (cookie, ending) = streams.pop().unwrap();
    ask(&options, request(Method::POST, "/sign-out", "192.0.2.1").header("cookie", &cookie)).await;
    assert!(told(ending).await.contains(": live"));
    file.write(all.lines().next().unwrap());
    assert!(told(of_bob).await.contains(": live"), "a user who is no more");
    let goes_on = tokio::time::timeout(Duration::from_secs(120), to_bytes(staying, usize::MAX)).await;
    assert!(goes_on.is_err(), "another session of the same reader: {goes_on:?}");
}

#[tokio::test]
async fn a_wrong_name_is_answered_as_a_wrong_password_is() {
    let file = File::new("wrong", &users(&[("ann", "User", PASSWORD)]));
    let options = by_password(&file);
    let wrong = sign_in(&options, "ann", "wrong password", "", "192.0.2.1").await;
    let unknown = sign_in(&options, "eve", "wrong password", "", "192.0.2.1").await;
    assert_eq!((wrong.status, unknown.status), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
    // But for the name that was written and the nonce of each answer.
    let told = |answer: &Answer| {
        let (before, nonce) = answer.body.split_once("nonce=\"").unwrap();
        let (nonce, _) = nonce.split_once('"').unwrap();
        assert!(!before.is_empty());
        answer.body.replace(nonce, "").replace("value=\"ann\"", "value=\"eve\"")
    };
    assert_eq!(told(&wrong), told(&unknown));
    assert!(wrong.body.contains("role=\"alert\"") && wrong.body.contains("Name or password are wrong"));
    assert!(!wrong.body.contains("wrong password") && wrong.header("set-cookie").is_empty());
    let empty = sign_in(&options, "ann", "", "", "192.0.2.1").await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.body.contains("Enter both"));
}

#[tokio::test]
async fn who_fails_too_often_waits() {
    let file = File::new("often", &users(&[("ann", "User", PASSWORD), ("bob", "User", PASSWORD)]));
    let options = by_password(&file);
    for name in ["ann", "nobody"] {
        for from in 1..=10 {
            let answer = sign_in(&options, name, "wrong", "", &format!("192.0.2.{from}")).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name} {from}");
        }
        let answer = sign_in(&options, name, PASSWORD, "", "198.51.100.7").await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{name}");
        assert!(answer.body.contains("Too many") && answer.header("retry-after").parse::<u64>().unwrap() <= 60);
    }
    assert_eq!(sign_in(&options, "bob", PASSWORD, "", "192.0.2.1").await.status, StatusCode::SEE_OTHER);
    for index in 0..30 {
        let _ = sign_in(&options, &format!("guess-{index}"), &"x".repeat(2_000), "", "203.0.113.9").await;
    }
    let same = sign_in(&options, "bob", PASSWORD, "", "203.0.113.9").await;
    assert_eq!(same.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_session_ends_with_the_user_and_with_the_password_and_takes_on_a_new_role_at_once() {
    let (ann, bob) = (("ann", "User", PASSWORD), ("bob", "User", PASSWORD));
    let file = File::new("ends", &users(&[ann, bob]));
    let options = by_password(&file);
    let cookie = cookie(&sign_in(&options, "ann", PASSWORD, "", "192.0.2.1").await);
    assert_eq!(page(&options, "/clients", &cookie).await.status, StatusCode::OK);
    let standing = std::fs::read_to_string(&file.0).unwrap();
    file.write(&standing.replace("ann:User", "ann:Administrator"));
    assert_eq!(page(&options, "/rejected-events", &cookie).await.status, StatusCode::OK);
    file.write("what a mess");
    assert_eq!(page(&options, "/clients", &cookie).await.status, StatusCode::OK);
    file.write(&users(&[("ann", "User", "a new password")]));
    assert_eq!(page(&options, "/clients", &cookie).await.status, StatusCode::SEE_OTHER);
    file.write(&standing);
    assert_eq!(page(&options, "/clients", &cookie).await.status, StatusCode::OK);
    file.write(&users(&[bob]));
    assert_eq!(page(&options, "/clients", &cookie).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn sessions_stand_on_every_pod_with_one_key_and_on_none_with_another() {
    let file = File::new("pods", &users(&[("ann", "User", PASSWORD)]));
    let key = File::new("key", &"k".repeat(48));
    let pod = |key: Option<&File>| {
        let access = AccessOptions::new(SignIn::Password { users: file.0.clone() });
        with(AccessOptions { session_key: key.map(|key| key.0.clone()), ..access })
    };
    let cookie = cookie(&sign_in(&pod(Some(&key)), "ann", PASSWORD, "", "192.0.2.1").await);
    assert_eq!(page(&pod(Some(&key)), "/clients", &cookie).await.status, StatusCode::OK);
    assert_eq!(page(&pod(None), "/clients", &cookie).await.status, StatusCode::SEE_OTHER);
    key.write("short");
    let access = AccessOptions::new(SignIn::Password { users: file.0.clone() });
    let refused = Authenticator::open(AccessOptions { session_key: Some(key.0.clone()), ..access }).unwrap_err();
    assert!(refused.contains("openssl rand") && !refused.contains("short"));
}

#[tokio::test]
async fn behind_tls_the_cookie_is_the_hosts_alone_and_browsers_are_told_to_stay_with_it() {
    let file = File::new("tls", &users(&[("ann", "User", PASSWORD)]));
    let access = AccessOptions::new(SignIn::Password { users: file.0.clone() });
    let options =
        with(AccessOptions { trusted_proxies: vec![PROXY.parse::<std::net::IpAddr>().unwrap().into()], ..access });
    let said = |from: &'static str| request(Method::GET, "/healthz", from).header("x-forwarded-proto", "https");
    assert_eq!(ask(&options, said(PROXY)).await.header("strict-transport-security"), "max-age=31536000");
    assert_eq!(ask(&options, said("192.0.2.1")).await.header("strict-transport-security"), "");
    let access = AccessOptions::new(SignIn::Password { users: file.0.clone() });
    let options = with(AccessOptions { behind_tls: true, ..access });
    let answer = sign_in(&options, "ann", PASSWORD, "", "192.0.2.1").await;
    let set = answer.header("set-cookie");
    assert!(
        set.starts_with("__Host-stockstream=") && set.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"),
        "{set}"
    );
    assert_eq!(page(&options, "/clients", &cookie(&answer)).await.status, StatusCode::OK);
    let plain = cookie(&answer).replace("__Host-", "");
    let refused = page(&options, "/nothing", &plain).await;
    assert_eq!(refused.status, StatusCode::SEE_OTHER);
    assert!(!refused.header("strict-transport-security").is_empty());
}

#[tokio::test]
async fn what_a_page_of_another_site_sends_is_refused() {
    let file = File::new("forged", &users(&[("ann", "User", PASSWORD)]));
    let options = by_password(&file);
    let cookie = cookie(&sign_in(&options, "ann", PASSWORD, "", "192.0.2.1").await);
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("origin", "null")] {
        for path in ["/sign-out", "/sign-in", "/clients"] {
            let forged = request(Method::POST, path, "192.0.2.1").header("cookie", &cookie).header(name, value);
            let answer = ask(&options, forged).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {name}: {value}");
            assert!(answer.header("set-cookie").is_empty() && answer.body.contains("another site"));
        }
        let link = request(Method::GET, "/clients", "192.0.2.1").header("cookie", &cookie).header(name, value);
        assert_eq!(ask(&options, link).await.status, StatusCode::OK);
    }
    let own = request(Method::POST, "/sign-out", "192.0.2.1").header("origin", "http://localhost");
    assert_eq!(ask(&options, own).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn programs_send_name_and_password_with_the_request() {
    let file = File::new("programs", &users(&[("robot", "User", "Aladdin:open sesame")]));
    let options = by_password(&file);
    let basic = "Basic cm9ib3Q6QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
    let api = |path: &'static str| request(Method::GET, path, "192.0.2.1");
    let asked = ask(&options, api("/api/v1/clients")).await;
    assert_eq!((asked.status, asked.header("content-type")), (StatusCode::UNAUTHORIZED, "application/problem+json"));
    assert!(asked.header("www-authenticate").starts_with("Basic "));
    let by_browser = ask(&options, api("/api/v1/clients").header("sec-fetch-mode", "cors")).await;
    assert_eq!((by_browser.status, by_browser.header("www-authenticate")), (StatusCode::UNAUTHORIZED, ""));
    for _ in 0..3 {
        let answer = ask(&options, api("/api/v1/clients").header("authorization", basic)).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (StatusCode::OK, ""));
    }
    assert_eq!(ask(&options, api("/api/v1/status").header("authorization", basic)).await.status, StatusCode::FORBIDDEN);
    assert_eq!(ask(&options, api("/clients").header("authorization", basic)).await.status, StatusCode::UNAUTHORIZED);
    let wrong = api("/api/v1/clients").header("authorization", "Basic cm9ib3Q6d3Jvbmc=");
    assert_eq!(ask(&options, wrong).await.status, StatusCode::UNAUTHORIZED);
    file.write(&users(&[("robot", "User", "a new password")]));
    let answer = ask(&options, api("/api/v1/clients").header("authorization", basic)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "what was right before is not remembered for longer");
}

#[tokio::test]
async fn headers_of_a_proxy_count_from_its_addresses_only() {
    let options = by_proxy();
    let says = |from: &'static str| {
        request(Method::GET, "/clients", from).header("x-forwarded-user", "eve").header("x-forwarded-groups", "users")
    };
    assert_eq!(ask(&options, says(PROXY)).await.status, StatusCode::OK);
    for stranger in ["10.0.1.1", "127.0.0.1", "192.0.2.1", "::1"] {
        let refused = ask(&options, says(stranger)).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{stranger}");
        assert!(refused.body.contains("trusted proxies") && !refused.body.contains("eve"));
    }
    assert_eq!(ask(&options, request(Method::GET, "/healthz", "192.0.2.1")).await.status, StatusCode::OK);
    let unnamed = SignIn::Proxy(ProxyHeaders {
        user: HeaderName::from_static("x-forwarded-user"),
        groups: HeaderName::from_static("x-forwarded-groups"),
        roles: vec![("users".into(), Role::User)],
    });
    assert!(Authenticator::open(AccessOptions::new(unnamed)).unwrap_err().contains("trusted proxies"));
}

#[tokio::test]
async fn without_a_sign_in_a_dashboard_can_be_kept_to_its_own_machine() {
    let options = with(AccessOptions::new(SignIn::Local));
    for (from, header, status) in [
        ("127.0.0.1", "x-none", StatusCode::OK),
        ("::ffff:127.0.0.1", "x-none", StatusCode::OK),
        ("::1", "x-none", StatusCode::OK),
        ("10.0.0.1", "x-none", StatusCode::FORBIDDEN),
        ("127.0.0.1", "x-forwarded-for", StatusCode::FORBIDDEN),
        ("127.0.0.1", "forwarded", StatusCode::FORBIDDEN),
    ] {
        let answer = ask(&options, request(Method::GET, "/", from).header(header, "for=192.0.2.1")).await;
        assert_eq!(answer.status, status, "{from} {header}");
        assert_eq!(ask(&options, request(Method::GET, "/readyz", from)).await.status, StatusCode::OK);
    }
    let refused = ask(&options, request(Method::GET, "/", "10.0.0.1")).await;
    assert!(refused.body.contains("port-forward") && refused.body.contains("dashboard.auth"));
}

/// Collects the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_says_who_signed_in_from_where_and_no_secret() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    // Of the whole process: what other tests write holds no secret either.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let file = File::new("log", &users(&[("ann", "User", PASSWORD)]));
    let options = by_password(&file);
    let entered = sign_in(&options, "ann", PASSWORD, "", "192.0.2.44").await;
    let shown = page(&options, "/clients", &cookie(&entered)).await;
    let refused = sign_in(&options, "ann", "mistyped secret", "", "192.0.2.45").await;
    // Typed into the wrong field.
    let swapped = sign_in(&options, PASSWORD, "ann", "", "192.0.2.46").await;
    file.write(&format!("ann:User:{PASSWORD}"));
    let _ = page(&options, "/clients", &cookie(&entered)).await;
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for words in
        ["signed in", "user=ann", "192.0.2.44", "sign-in refused", "192.0.2.45", "192.0.2.46", "cannot be used"]
    {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    assert!(text.contains("reader{name=ann"), "{text}");
    let value = cookie(&entered).split_once('=').unwrap().1.to_owned();
    for secret in [PASSWORD, "mistyped secret", "argon2id", value.as_str()] {
        for (place, text) in [("log", &text), ("page", &shown.body), ("refusal", &refused.body)] {
            assert!(!text.contains(secret), "{place}: {secret}");
        }
    }
    assert!(!swapped.body.contains("argon2id") && !format!("{options:?}").contains("argon2id"));
}
