//! What people do on the pages, in a real browser: the tests of `dashboard/browser`, against the binary, a real Kafka and a
//! database that the page can only read.

use serde_json::json;
use tokio::process::Command;

use crate::harness::{EventKind, Process, TestEnv, events::sale, kafka::Event, needed, playwright, users::line};

const ROLES: [&str; 3] = ["Administrator", "Accountant", "User"];

/// Some of everything that pages show.
async fn fill(env: &TestEnv) {
    for (client, name) in [("C1", "Ann"), ("C2", "Bob")] {
        let record = json!({ "client_id": client, "name": name, "email": format!("{name}@example.com") });
        env.kafka.produce(EventKind::Clients, &record).await;
    }
    for product in 1..=12 {
        let (id, day) = (format!("A{product}"), format!("2026-05-{:02}", product + 10));
        let stock = json!({
            "product_id": id, "name": format!("Lamp {product}"), "category": "Lamps", "buy_price": "1.00",
            "sell_price": "3.00", "quantity": 10 * product, "updated_at": day, "expiry_date": "2026-06-10",
        });
        env.kafka.produce(EventKind::Inventory, &stock).await;
        let mut sold = sale(&format!("I{product}"), &day, &id, 400 * product, "3.00");
        sold["client_id"] = if product == 1 { json!("C2") } else { json!("C1") };
        env.kafka.produce(EventKind::Sales, &sold).await;
    }
    let bad = Event { payload: Some(b"this is not JSON"), ..Event::default() };
    env.kafka.send(EventKind::Sales, &bad).await;
    env.applied().await;
}

/// What the database counts of the page's user: each of its commands is a call of one of these.
const READS: [&str; 6] = [
    "aggregate_cursor_first_page",
    "binary_extended_version",
    "count_query",
    "cursor_get_more",
    "distinct_query",
    "find_cursor_first_page",
];

/// By which a page finds out at its start whether its user may write: once each, on no document.
const PROBES: [&str; 2] = ["delete", "update"];

/// Holds the server's own counters of operations against what a page may do.
async fn only_read() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../hack/mongodb.sh");
    let told = Command::new(script).arg("operations").output().await.unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told = String::from_utf8(told.stdout).unwrap();
    let operations: Vec<_> = told.lines().map(|line| line.split_once(' ').unwrap()).collect();
    let (probes, others): (Vec<_>, Vec<_>) = operations.iter().partition(|(name, _)| PROBES.contains(name));
    assert!(others.iter().all(|(name, _)| READS.contains(name)), "the page wrote:\n{told}");
    assert!(probes.len() == 2 && probes[0].1 == probes[1].1, "pages try each once:\n{told}");
    let finds = operations.iter().find(|(name, _)| *name == "find_cursor_first_page");
    assert!(finds.is_some_and(|(_, count)| count.parse::<u64>().unwrap() > 100), "nothing was counted:\n{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_do_their_work_in_a_browser() {
    let Some(folder) = needed("STOCKSTREAM_BROWSER") else { return };
    let Some(port) = needed("MONGO_RO_PORT") else { return };
    let Some(env) = TestEnv::new(json!({ "analytics": { "asOf": "2026-06-01" } })).await else { return };
    let mut worker = env.worker();
    worker.ready().await;
    fill(&env).await;

    let password = format!("{}-{}", env.name(), std::process::id());
    let users: String = ROLES.map(|role| line(&role.to_lowercase(), role, &password).unwrap()).concat();
    let users = env.file("users", &users);
    let read_only = format!("mongodb://127.0.0.1:{port}/{}", env.name());
    let settings = env.settings(json!({ "mongodb": { "uri": read_only } }));
    let arguments = ["dashboard", "--enter", "--listen", "127.0.0.1:0", "--auth", "password", "--users-file", &users];
    let mut page = Process::start(arguments.into_iter().chain(["--config", settings.to_str().unwrap()]));
    let address = page.address().await;

    let reader = |role: &str| (role.to_owned(), json!({ "name": role.to_lowercase(), "password": password }));
    let readers: serde_json::Map<_, _> = ROLES.iter().map(|role| reader(role)).collect();
    let readers = json!(readers).to_string();
    let place = format!("http://{address}");
    playwright::run(&folder, "browser", &place, &[("READERS", &readers)], || page.said().join("\n")).await;
    assert!(!page.said().join("\n").contains(&password), "the password is in the log");
    only_read().await;
}
