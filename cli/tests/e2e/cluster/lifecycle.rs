//! A pipeline's life: from `helm install` to `helm uninstall`, with all that happens in between. One test after the other
//! would install the same again, so it is one story.

use std::path::Path;

use serde_json::json;
use stockstream_model::{analytics::Tier, event::EventKind};
use stockstream_store::{Paging, ViewStore};

use super::{
    kube::{Kube, alone},
    pipeline::{Pipeline, WORKERS},
    secured,
};
use crate::harness::{TestEnv, both, compare, data_set, events::sale, eventually, holds, http, oracle};

const ALL: Paging = Paging { page: 1, per_page: 1_000_000 };

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_lives_from_install_to_uninstall() {
    let (Some(kube), Some(file)) = (Kube::new(), data_set()) else { return };
    let _alone = alone().await;
    let Some(env) = TestEnv::without_topics(json!({})).await else { return };
    let (system, shop) = (kube.restricted_namespace("stockstream"), kube.restricted_namespace("shop"));
    kube.chart("install", &system.name, &[]);
    let stock = Pipeline { kube: kube.clone(), namespace: &shop.name };

    waits_for_secret_and_topics(&env, &stock).await;
    counts_while_workers_come_and_go(&env, &stock, &file).await;
    shows_the_page(&stock, &file).await;
    follows_new_thresholds(&env, &stock).await;
    rolls_for_a_new_secret_without_its_operator(&env, &stock, &system.name).await;
    stops_and_goes_on(&env, &stock).await;
    stops_at_a_mistyped_database(&env, &stock).await;
    goes_on_when_deleted_and_applied_again(&env, &stock).await;
    kube.chart("upgrade", &system.name, &["--set", "podAnnotations.upgraded=yes"]);
    refuses_a_second_owner_of_the_database(&kube, &env).await;
    secured::counts_and_keeps_secrets(&kube, &system.name).await;

    kube.helm(&["uninstall", "stockstream", "-n", "stockstream", "--wait"]);
    assert!(stock.status()["conditions"].is_array(), "resource and definition stay");
    stock.has_workers(2).await; // and so does what it describes
}

async fn waits_for_secret_and_topics(env: &TestEnv, stock: &Pipeline<'_>) {
    stock.apply(env, both(Pipeline::kafka_by_name(env), json!({ "analytics": { "asOf": "LatestEvent" } })));
    let said = stock.is("DatabaseReady", "False", Some("SecretMissing")).await;
    assert!(said.contains("mongo"), "{said}");
    stock.secret(&Pipeline::uri_by_name(env));
    // Bare names, of Services that are in the pipeline's namespace and not in the operator's.
    let said = stock.is("TopicsReady", "Unknown", Some("BrokerUnreachable")).await;
    assert!(said.contains("kafka-0.kafka"), "{said}");
    let said = stock.is("DatabaseReady", "Unknown", Some("DatabaseUnreachable")).await;
    assert!(said.contains("mongo:"), "{said}");
    stock.services(env);
    let said = stock.is("TopicsReady", "False", Some("TopicMissing")).await;
    assert!(said.contains(env.setting("/kafka/topics/sales/name")), "{said}");
    let topics = stock.status()["topics"].take();
    let command = topics[0]["command"].as_str().unwrap_or_default();
    assert!(command.contains("kafka-topics.sh") && command.contains("--create"), "{topics}");
    assert!(stock.deployment().is_none(), "no worker starts before its topics are there");
    for (stream, partitions) in [(EventKind::Sales, 6), (EventKind::Inventory, 3), (EventKind::Clients, 1)] {
        env.kafka.create(stream, partitions, &[]).await;
    }
    stock.ready().await;
    stock.has_workers(1).await;
    assert_eq!(stock.status()["partitions"].as_array().map(Vec::len), Some(10), "positions are pinned before Ready");
}

async fn counts_while_workers_come_and_go(env: &TestEnv, stock: &Pipeline<'_>, file: &Path) {
    let import = env.import(file);
    stock.scale(3);
    stock.has_workers(3).await;
    for pod in stock.kube.pods(stock.namespace, WORKERS).iter().take(2) {
        stock.kube.kubectl(&["-n", stock.namespace, "delete", pod, "--grace-period=0", "--force", "--wait=false"]);
    }
    stock.scale(2);
    let (code, said) = import.outcome().await;
    assert_eq!(code, 0, "{said}");
    let checkpoints = env.applied().await;
    compare::whole(env, &oracle::expected(file), &checkpoints).await;
    stock.has_workers(2).await;
    stock.ready().await;
    eventually("the status tells the events", async || {
        let status = stock.status();
        let events: i64 = checkpoints.iter().map(|checkpoint| checkpoint.events).sum();
        holds(status["events"] == events && status["lag"] == 0, || status.to_string())
    })
    .await;
}

async fn shows_the_page(stock: &Pipeline<'_>, file: &Path) {
    compare::views(&oracle::expected(file), &stock.shown().await).unwrap();
}

async fn follows_new_thresholds(env: &TestEnv, stock: &Pipeline<'_>) {
    stock.change(&json!({ "analytics": { "clients": { "silver": "1", "gold": "2", "promo": "3" } } }));
    eventually("every client's tier is that of the new thresholds", async || {
        let clients = env.store.clients(ALL).await.unwrap().items;
        let wanted = |revenue: f64| {
            if revenue >= 2.0 {
                Tier::Gold
            } else if revenue >= 1.0 {
                Tier::Silver
            } else {
                Tier::Bronze
            }
        };
        let wrong = clients.iter().find(|client| client.loyalty_tier != wanted(client.total_revenue_generated));
        holds(!clients.is_empty() && wrong.is_none(), || format!("{wrong:?}"))
    })
    .await;
    stock.ready().await;
}

/// What makes the workers roll, and nothing else.
fn checksums(stock: &Pipeline<'_>) -> serde_json::Value {
    stock.deployment().unwrap()["spec"]["template"]["metadata"]["annotations"].take()
}

async fn rolls_for_a_new_secret_without_its_operator(env: &TestEnv, stock: &Pipeline<'_>, system: &str) {
    let (before, totals) = (checksums(stock), env.snapshot().await);
    stock.secret(&format!("{}?appName=rotated", Pipeline::uri_by_name(env)));
    eventually("the workers begin to roll", async || {
        holds(checksums(stock) != before, || "the pods' template is the same".into())
    })
    .await;
    let operator = "app.kubernetes.io/name=stockstream,app.kubernetes.io/component=operator";
    stock.kube.kubectl(&[
        "-n",
        system,
        "delete",
        "pods",
        "-l",
        operator,
        "--grace-period=0",
        "--force",
        "--wait=false",
    ]);
    stock.kube.rolled_out(stock.namespace, "deployment/stock-worker").await;
    stock.has_workers(2).await;
    stock.ready().await;
    assert_eq!(env.snapshot().await, totals, "a roll-out leaves no trace");
}

async fn stops_and_goes_on(env: &TestEnv, stock: &Pipeline<'_>) {
    stock.change(&json!({ "suspend": true }));
    stock.is("Suspended", "True", None).await;
    stock.has_workers(0).await;
    let before: i64 = env.store.status().await.unwrap().checkpoints.iter().map(|checkpoint| checkpoint.events).sum();
    for invoice in 0..10 {
        env.kafka.produce(EventKind::Sales, &sale(&format!("late-{invoice}"), "2011-07-31", "late", 1, "2.00")).await;
    }
    let page = stock.kube.forward(stock.namespace, "svc/stock-dashboard", 80).await;
    assert_eq!(http::get(&page.address, "/").await.unwrap().0, 200, "the page stays");
    stock.change(&json!({ "suspend": false }));
    stock.ready().await;
    let checkpoints = env.applied().await;
    let events: i64 = checkpoints.iter().map(|checkpoint| checkpoint.events).sum();
    let late = env.snapshot().await.products.into_iter().find(|product| product.product_id == "late");
    assert_eq!((events - before, late.map(|product| product.units)), (10, Some(10)));
}

async fn stops_at_a_mistyped_database(env: &TestEnv, stock: &Pipeline<'_>) {
    let (before, totals) = (checksums(stock), env.snapshot().await);
    let uri = Pipeline::uri_by_name(env);
    let mistyped = format!("{}_mistyped", env.name());
    stock.secret(&uri.replace(env.name(), &mistyped));
    let said = stock.is("DatabaseReady", "False", Some("DatabaseChanged")).await;
    assert!(said.contains(&mistyped) && said.contains("acceptDatabaseId to new:"), "{said}");
    stock.is("Stalled", "True", Some("DatabaseChanged")).await;
    // The workers stay as they were; one that starts anew finds the other address in its Secret, and refuses it.
    assert_eq!(checksums(stock), before);
    let pod = stock.kube.pods(stock.namespace, WORKERS).remove(0);
    stock.kube.kubectl(&["-n", stock.namespace, "delete", &pod, "--wait=false"]);
    eventually("a worker that starts now refuses the other database", async || {
        let logs = ["-n", stock.namespace, "logs", "-l", WORKERS, "--tail=-1"];
        let said = stock.kube.attempt("kubectl", &logs, "")?;
        holds(said.contains("is not the one that this pipeline works in"), || said)
    })
    .await;
    let other = env.another_database().await.client().database(&mistyped);
    assert!(other.list_collection_names().await.unwrap().is_empty(), "nothing was written into it");
    stock.secret(&uri);
    stock.ready().await;
    stock.has_workers(2).await;
    assert_eq!(env.snapshot().await, totals);
}

async fn goes_on_when_deleted_and_applied_again(env: &TestEnv, stock: &Pipeline<'_>) {
    let totals = env.snapshot().await;
    let resource = stock.kube.get(stock.namespace, "apl/stock").unwrap();
    stock.kube.kubectl(&["-n", stock.namespace, "delete", "apl/stock"]);
    stock.apply(env, resource["spec"].clone());
    let said = stock.is("DatabaseReady", "False", Some("DatabaseOwned")).await;
    assert!(said.contains("deleted and applied again"), "{said}");
    stock.ready().await;
    stock.has_workers(2).await;
    assert_eq!(env.snapshot().await, totals);
    env.kafka.produce(EventKind::Sales, &sale("again", "2011-07-31", "late", 1, "2.00")).await;
    env.applied().await;
    let product = env.snapshot().await.products.into_iter().find(|product| product.product_id == "late");
    assert_eq!(product.map(|product| product.units), Some(11));
}

async fn refuses_a_second_owner_of_the_database(kube: &Kube, first: &TestEnv) {
    let namespace = kube.restricted_namespace("other-shop");
    let other = Pipeline { kube: kube.clone(), namespace: &namespace.name };
    let Some(env) = TestEnv::new(json!({})).await else { return };
    other.secret(first.setting("/mongodb/uri"));
    other.apply(&env, json!({}));
    let said = other.is("DatabaseReady", "False", None).await;
    assert!(said.contains("shop/stock"), "it names the owner: {said}");
    assert!(other.deployment().is_none());
    other.secret(env.setting("/mongodb/uri"));
    other.ready().await;
}
