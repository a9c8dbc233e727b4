//! Sign-in by OpenID Connect, with a real provider: the npm package `oidc-provider`. `STOCKSTREAM_BROWSER` names the folder it
//! is in (`hack/browser.sh`).

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::harness::{
    Process, eventually, holds, http, needed, playwright,
    ports::free_port,
    provider::{Browser, Provider, SECRET},
    secrets::Secrets,
};

const ROLES: &str = "stock-admins=Administrator,staff=User";

/// The page and its provider, of which either can be started anew at the same place.
struct Shop {
    folder: String,
    files: PathBuf,
    ports: [u16; 2],
}

impl Shop {
    fn new(name: &str) -> Option<Self> {
        let folder = needed("STOCKSTREAM_BROWSER")?;
        let files = std::env::temp_dir().join(format!("stockstream-oidc-{name}-{}", std::process::id()));
        fs::create_dir_all(&files).unwrap();
        fs::write(files.join("secret"), format!("{SECRET}\n")).unwrap();
        fs::write(files.join("key"), "k".repeat(48)).unwrap();
        Some(Self { folder, files, ports: [free_port(), free_port()] })
    }

    /// Where readers find it: another site than the provider's.
    fn page(&self) -> String {
        format!("http://localhost:{}", self.ports[0])
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports[0])
    }

    fn provider(&self, claims: &str) -> Provider {
        Provider::start(&self.folder, self.ports[1], &self.page(), claims)
    }

    async fn serve(&self, roles: &str) -> Process {
        self.serve_with("http", roles, None).await
    }

    async fn serve_with(&self, scheme: &str, roles: &str, authorities: Option<&str>) -> Process {
        let file = |name: &str| self.files.join(name).display().to_string();
        let flags = [
            "up".to_owned(),
            "--rate=1".to_owned(),
            format!("--listen={}", self.address()),
            "--auth=oidc".to_owned(),
            format!("--oidc-issuer={scheme}://127.0.0.1:{}", self.ports[1]),
            "--oidc-client-id=stock".to_owned(),
            format!("--oidc-client-secret-file={}", file("secret")),
            format!("--session-key-file={}", file("key")),
            format!("--public-url={}", self.page()),
            "--oidc-scopes=openid,profile,groups".to_owned(),
            format!("--group-role={roles}"),
        ];
        let authorities = authorities.map(|file| format!("--oidc-ca-file={file}"));
        let mut page = Process::start_logging(flags.into_iter().chain(authorities), Some("trace"));
        page.says("page ").await;
        page
    }

    async fn status(&self, browser: &mut Browser, path: &str) -> u16 {
        browser.ask(&format!("{}{path}", self.page()), None).await.status
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.files);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_comes_with_a_group_of_the_provider_and_goes_with_it() {
    let Some(shop) = Shop::new("roles") else { return };
    let page = shop.page();
    let (_provider, mut up) = (shop.provider("userinfo"), shop.serve(ROLES).await);
    let (mut ann, mut bob) = (Browser::default(), Browser::default());
    let to_sign_in = ann.ask(&format!("{page}/clients?q=a"), None).await;
    assert_eq!(to_sign_in.leads_to().unwrap(), format!("{page}/sign-in?next=%2Fclients%3Fq%3Da"));
    let entered = ann.sign_in(&page, "ann", "%2Fclients%3Fq%3Da").await;
    assert_eq!(entered.leads_to().unwrap(), format!("{page}/clients?q=a"), "{}", entered.body);
    let cookies: Vec<_> = entered.headers("set-cookie").collect();
    assert!(cookies.iter().all(|cookie| cookie.contains("HttpOnly; SameSite=Lax")), "{cookies:?}");
    assert!(cookies[1].starts_with("stockstream-sign-in=;"), "that sign-in is over: {cookies:?}");
    assert_eq!(shop.status(&mut ann, "/").await, 200);
    let elsewhere = bob.sign_in(&page, "bob", "%2F%2Fevil.example").await;
    assert_eq!(elsewhere.leads_to().unwrap(), format!("{page}/product-winners"));
    assert_eq!(shop.status(&mut bob, "/rejected-events").await, 403);
    for (name, words) in [
        ("eve", "knows you as eve, but none of your groups has a role here (guests). Ask whoever runs"),
        ("nil", "knows you as nil but names no group of yours"),
    ] {
        let mut browser = Browser::default();
        let refused = browser.sign_in(&page, name, "").await;
        assert!(refused.status == 403 && refused.body.contains(words), "{}", refused.body);
        assert_eq!(shop.status(&mut browser, "/clients").await, 303, "{name} has no session");
    }
    let (status, problem) = http::get(&shop.address(), "/api/v1/status").await.unwrap();
    let problem: Value = serde_json::from_str(&problem).unwrap();
    assert!(status == 401 && problem["detail"].as_str().unwrap().contains("Sign in at /sign-in."), "{problem}");

    up.signal("TERM");
    let (code, said) = up.outcome().await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("no group has a role") && said.contains("stock-admins"), "{said}");
    let key = "k".repeat(48);
    let cookies = ann.cookies.values().filter(|value| value.len() > 20).map(|value| ("a cookie", value.as_str()));
    Secrets::new(cookies.chain([("the client's secret", SECRET), ("the key of sessions", &key)]))
        .are_not_in("the page", &said);
    // The sessions outlast it, and are worth what their group is worth now.
    up = shop.serve("stock-admins=Administrator").await;
    assert_eq!(shop.status(&mut ann, "/").await, 200);
    assert_eq!(shop.status(&mut bob, "/product-winners").await, 303, "his group has no role any more");
    drop(up);
    let _up = shop.serve("stock-admins=User").await;
    assert_eq!(shop.status(&mut ann, "/rejected-events").await, 403, "hers has a lesser one");
    let out = ann.ask(&format!("{page}/sign-out"), Some("")).await;
    let way_out = out.headers("refresh").next().unwrap();
    assert!(way_out.contains("/session/end?client_id=stock&post_logout_redirect_uri="), "{way_out}");
    assert!(!way_out.contains("id_token_hint"), "the process that had her token is no more: {way_out}");
    assert_eq!(shop.status(&mut ann, "/product-winners").await, 303);
    let mut anew = Browser::default();
    anew.sign_in(&page, "ann", "").await;
    let out = anew.ask(&format!("{page}/sign-out"), Some("")).await;
    let way_out = out.headers("refresh").next().unwrap();
    assert!(way_out.contains("&id_token_hint=ey"), "{way_out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_browser_that_began_a_sign_in_can_end_it_and_once() {
    let Some(shop) = Shop::new("once") else { return };
    let page = shop.page();
    let (_provider, _up) = (shop.provider("id_token"), shop.serve(ROLES).await);
    let mut ann = Browser::default();
    let back = ann.led_back(&page, "ann", "").await;
    let state = back.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let (host, name) = (page.strip_prefix("http://").unwrap().to_owned(), "stockstream-sign-in".to_owned());
    let cookie = ann.cookies[&(host.clone(), name.clone())].clone();
    // Another browser, another state, a cookie in which a byte differs: each with a code that is still good.
    let other = Browser::default();
    let mut tampered = ann.clone();
    let last = if cookie.ends_with('A') { "B" } else { "A" };
    tampered.cookies.insert((host.clone(), name.clone()), format!("{}{last}", &cookie[..cookie.len() - 1]));
    let mut begun_anew = ann.clone();
    begun_anew.ask(&format!("{page}/sign-in/start"), None).await;
    for (mut browser, url) in [
        (other, back.clone()),
        (ann.clone(), back.replace(state, &state.chars().rev().collect::<String>())),
        (ann.clone(), back.replace("state=", "x=")),
        (ann.clone(), back.replace("iss=", "iss=https%3A%2F%2Fevil.example%2F")),
        (tampered, back.clone()),
        (begun_anew, back.clone()),
    ] {
        let refused = browser.ask(&url, None).await;
        assert!(refused.status == 400 && refused.body.contains("was not begun in this browser"), "{}", refused.body);
        assert_eq!(shop.status(&mut browser, "/clients").await, 303);
    }
    let before = ann.clone();
    assert_eq!(ann.ask(&back, None).await.leads_to().unwrap(), format!("{page}/"));
    let mut again = before;
    let refused = again.ask(&back, None).await;
    assert!(refused.status == 502 && refused.body.contains("did not succeed"), "a code is good once: {}", refused.body);
    assert_eq!(shop.status(&mut again, "/clients").await, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_is_told_and_those_who_are_signed_in_go_on() {
    let Some(shop) = Shop::new("away") else { return };
    let page = shop.page();
    let mut up = shop.serve(ROLES).await;
    let start = format!("{page}/sign-in/start");
    let away = Browser::default().ask(&start, None).await;
    assert!(away.status == 503 && away.body.contains("does not answer, so nobody can sign in now"), "{}", away.body);
    up.says("gave no answer").await;
    let provider = shop.provider("id_token");
    eventually("the provider is found", async || {
        let answer = Browser::default().ask(&start, None).await;
        holds(answer.status == 303, || answer.body.clone())
    })
    .await;
    let mut ann = Browser::default();
    assert_eq!(ann.sign_in(&page, "ann", "").await.status, 303);
    drop(provider);
    eventually("the provider is missed", async || {
        let answer = Browser::default().ask(&start, None).await;
        holds(answer.status == 503, || answer.head.clone())
    })
    .await;
    assert_eq!(shop.status(&mut ann, "/").await, 200);
    // It comes back with other keys, of which it tells by their names.
    let _provider = shop.provider("id_token");
    eventually("its new keys are asked for", async || {
        let start = Browser::default().ask(&start, None).await;
        holds(start.status == 303, || start.body.clone())?;
        let entered = Browser::default().sign_in(&page, "bob", "").await;
        holds(entered.status == 303, || entered.body.clone())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_by_tls_is_believed_by_the_authority_that_is_named_alone() {
    let Some(shop) = Shop::new("tls") else { return };
    let certificates = shop.files.join("certificates");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../hack/certs.sh");
    assert!(std::process::Command::new(script).arg(&certificates).status().unwrap().success());
    let place = |name: &str| certificates.join(name).display().to_string();
    let start = format!("{}/sign-in/start", shop.page());
    for (shown, authorities, expected) in [
        ("server", Some("ca.crt"), None),
        ("server", Some("unknown-ca.crt"), Some("UnknownIssuer")),
        ("server", None, Some("UnknownIssuer")),
        ("expired", Some("ca.crt"), Some("expired")),
        ("wrong-host", Some("ca.crt"), Some("not valid for name")),
    ] {
        let _provider = Provider::start_by_tls(&shop.folder, shop.ports[1], &shop.page(), &place(shown));
        let authorities = authorities.map(place);
        let mut up = shop.serve_with("https", ROLES, authorities.as_deref()).await;
        let answer = Browser::default().ask(&start, None).await;
        match expected {
            None => assert!(answer.leads_to().is_some_and(|to| to.starts_with("https://127.0.0.1")), "{}", answer.body),
            Some(words) => {
                assert_eq!(answer.status, 503, "{shown} {authorities:?}");
                let said = up.says("gave no answer").await;
                assert!(said.contains(words), "{shown} {authorities:?}: {said}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_a_provider_in_a_browser() {
    let Some(shop) = Shop::new("browser") else { return };
    let (_provider, page) = (shop.provider("id_token"), shop.serve(ROLES).await);
    let tests = [("BROWSER_TESTS", "*.oidc.mjs")];
    playwright::run(&shop.folder, "browser-oidc", &shop.page(), &tests, || page.said().join("\n")).await;
}
