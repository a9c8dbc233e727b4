//! Nothing that is printed, served or stored tells a secret: a whole run at its most talkative, and every way to be refused.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use stockstream_model::event::EventKind;

use crate::harness::{
    Process, TestEnv, both,
    events::stock,
    http, sample,
    secrets::Secrets,
    secured::Secured,
    session::{Answer, FORM, Session},
    users::line,
};

const PASSWORD: &str = "correct horse battery";
const MISTYPED: &str = "incorrect horse battery";
const KEY: &str = "a-key-of-sessions-that-nobody-else-may-know";
/// What a service does not take for a password.
const WRONG: &str = "Wrong-Word-20260501";

const WORKER: [&str; 4] = ["/healthz", "/readyz", "/metrics", "/status"];
const PAGE: [&str; 16] = [
    "/",
    "/product-winners",
    "/loss-risk-products",
    "/clients",
    "/charts",
    "/rejected-events",
    "/enter",
    "/enter/client",
    "/export/clients/csv",
    "/api/v1/status",
    "/api/v1/clients",
    "/metrics",
    "/healthz",
    "/readyz",
    "/sign-in",
    "/no-such-page",
];

async fn env() -> Option<(Secured, TestEnv)> {
    Some((Secured::new()?, TestEnv::new(json!({ "analytics": { "asOf": "LatestEvent" } })).await?))
}

/// A command at its most talkative.
fn at_trace(env: &TestEnv, command: &str, changed: Value, more: &[&str]) -> Process {
    let file = env.settings(changed);
    let common = [command, "--listen", "127.0.0.1:0", "--config", file.to_str().unwrap()];
    Process::start_logging([&common[..], more].concat(), Some("trace"))
}

/// Ends it. All it said.
async fn ended(process: Process) -> String {
    process.signal("TERM");
    let (code, said) = process.outcome().await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("TRACE"), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_run_at_its_most_talkative_keeps_its_secrets() {
    let Some((secured, env)) = env().await else { return };
    let user = line("ann", "Administrator", PASSWORD).unwrap();
    let hash = user.trim().rsplit_once(':').unwrap().1;
    let [kafka, mongodb] = secured.secrets();
    let secrets = Secrets::new([
        ("Kafka's password", kafka),
        ("MongoDB's password", mongodb),
        ("a reader's password", PASSWORD),
        ("a mistyped password", MISTYPED),
        ("the hash of a password", hash),
        ("the key of sessions", KEY),
    ]);
    let all = both(secured.sasl("PLAIN", kafka), secured.database(&env));
    let mut worker = at_trace(&env, "worker", all.clone(), &[]);
    let (users, key) = (env.file("users", &user), env.file("key", KEY));
    let sign_in = ["--enter", "--auth", "password", "--users-file", &users, "--session-key-file", &key];
    let mut page = at_trace(&env, "dashboard", all.clone(), &sign_in);

    env.kafka.produce(EventKind::Inventory, &stock("a", "2026-01-01", 100)).await;
    env.kafka.produce(EventKind::Sales, &json!("no sale")).await;
    env.applied().await;
    let (served, here) = (worker.address().await, page.address().await);
    for path in WORKER {
        secrets.are_not_in(path, &http::get(&served, path).await.unwrap().1);
    }
    let nobody = Session::new(&here);
    let Answer { status, body, .. } =
        nobody.post("/sign-in", FORM, &format!("name=ann&password={}", MISTYPED.replace(' ', "+"))).await;
    assert_eq!(status, 401, "{body}");
    secrets.are_not_in("the refusal", &body);
    let reader = Session::signed_in(&here, "ann", PASSWORD).await;
    let Answer { status, body, .. } = reader.send("/enter/client", "client_id=C1&name=Ann").await;
    assert_eq!(status, 303, "{body}");
    for path in PAGE {
        secrets.are_not_in(path, &nobody.get(path).await.body);
        secrets.are_not_in(path, &reader.get(path).await.body);
    }
    for (password, status) in [(PASSWORD, 200), (MISTYPED, 401)] {
        let login = STANDARD.encode(format!("ann:{password}"));
        let headers = format!("Host: {here}\r\nAuthorization: Basic {login}");
        let answer = http::exchange(&here, "GET /api/v1/status", &headers, "").await.unwrap();
        assert_eq!(answer.status, status, "{}", answer.body);
        secrets.are_not_in("an answer to a program", &(answer.head + &answer.body));
    }
    env.applied().await;
    let (_, said) = env.import_by(&sample("data/odd-rows.csv"), all).outcome().await;
    secrets.are_not_in("the import", &said);
    secrets.are_not_in("the worker", &ended(worker).await);
    secrets.are_not_in("the page", &ended(page).await);
    let stored = env.database.everything_but(&[]).await;
    assert!(stored.len() > 5, "{:?}", stored.keys());
    secrets.are_not_in("the database", &format!("{stored:?}"));
}

/// Settings with which a command fails, and where.
fn refused(secured: &Secured, env: &TestEnv) -> Vec<(&'static str, Value)> {
    let [kafka, mongodb] = secured.secrets();
    let at = |address: &str, mut sasl: Value| {
        sasl["kafka"]["bootstrapServers"] = json!([address]);
        sasl
    };
    let closed = "127.0.0.1:1";
    vec![
        ("a wrong password of Kafka", secured.sasl("SCRAM-SHA-512", WRONG)),
        ("a wrong password of Kafka, plain", secured.sasl("PLAIN", WRONG)),
        ("an unreachable Kafka", at(closed, secured.sasl("PLAIN", kafka))),
        ("an expired certificate of Kafka", at(&secured.expired, secured.sasl("PLAIN", kafka))),
        ("a Kafka of another protocol", at(env.setting("/kafka/bootstrapServers/0"), secured.sasl("PLAIN", kafka))),
        ("a wrong password of MongoDB", secured.database_at(env, &secured.mongodb, WRONG, "ca.crt")),
        ("an unreachable MongoDB", secured.database_at(env, closed, mongodb, "ca.crt")),
        ("an expired certificate of MongoDB", secured.database_at(env, &secured.mongodb_expired, mongodb, "ca.crt")),
        ("an unknown authority of MongoDB", secured.database_at(env, &secured.mongodb, mongodb, "unknown-ca.crt")),
        ("an address of MongoDB that cannot be read", secured.database_at(env, "h:port", mongodb, "ca.crt")),
        (
            "a password that is not escaped",
            secured.database_at(env, &secured.mongodb, &format!("{WRONG}/{mongodb}"), "ca.crt"),
        ),
        ("a password in the place of its settings", json!({ "kafka": { "security": { "sasl": kafka } } })),
        (
            "an address in the place of its settings",
            json!({ "mongodb": secured.uri(env, &secured.mongodb, "me", mongodb) }),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_refused_keeps_the_secrets_too() {
    let Some((secured, env)) = env().await else { return };
    let [kafka, mongodb] = secured.secrets();
    let secrets =
        Secrets::new([("Kafka's password", kafka), ("MongoDB's password", mongodb), ("a wrong password", WRONG)]);
    for (place, changed) in refused(&secured, &env) {
        for command in ["worker", "dashboard"] {
            let mut process = at_trace(&env, command, changed.clone(), &[]);
            let said = told(&mut process, &secrets, place).await;
            assert!(!said.is_empty(), "{command}: {place}");
            secrets.are_not_in(&format!("{command} with {place}"), &said);
        }
    }
}

/// Waits until it ends by itself, or is asked what it waits for and then ended. All it said.
async fn told(process: &mut Process, secrets: &Secrets, place: &str) -> String {
    let address = crate::harness::eventually("it serves or ends", async || match process.runs() {
        true => match process.said().iter().find_map(|line| served(line)) {
            Some(address) => Ok(Some(address)),
            None => Err("it does neither".to_owned()),
        },
        false => Ok(None),
    })
    .await;
    if let Some(address) = address {
        for path in WORKER.into_iter().chain(["/", "/api/v1/status"]) {
            // One that ends meanwhile does not answer.
            let answer = http::get(&address, path).await.map_or_else(|why| why, |(_, body)| body);
            secrets.are_not_in(&format!("{path} with {place}"), &answer);
        }
        if process.runs() {
            process.signal("TERM");
        }
    }
    process.ended().await;
    process.said().join("\n")
}

fn served(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    line["message"].as_str()?.contains("served").then(|| line["address"].as_str().map(str::to_owned))?
}
