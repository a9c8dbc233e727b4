//! A database that a worker of the version before lanes left in the middle of a claim, and the statements that it had sent: a server
//! may still carry them out when the claim was finished by others. `data/before-lanes.json` was recorded from that version
//! behind a proxy, which kept the last statement back until the worker was killed.

use std::{collections::BTreeMap, fs};

use bson::Document;
use serde::Deserialize;
use serde_json::{Value, json};
use stockstream_model::event::EventKind;

use crate::harness::{TestEnv, kafka::Event, sample};

/// What was recorded.
#[derive(Deserialize)]
struct Recorded {
    /// The events of each topic, in order.
    events: BTreeMap<String, Vec<String>>,
    /// The database after the worker's end.
    collections: BTreeMap<String, Vec<Document>>,
    /// What the worker sent for its open claim, in order.
    statements: Vec<Statement>,
}

#[derive(Deserialize)]
struct Statement {
    was_applied: bool,
    command: Document,
}

const STREAMS: [(&str, EventKind); 3] =
    [("sales", EventKind::Sales), ("inventory", EventKind::Inventory), ("clients", EventKind::Clients)];

impl Recorded {
    fn read() -> Self {
        serde_json::from_str(&fs::read_to_string(sample("data/before-lanes.json")).unwrap()).unwrap()
    }

    /// Sends the events and puts the documents where the worker left them, of these topics.
    async fn restore(&self, env: &TestEnv) {
        let ids = env.kafka.topic_ids();
        for (name, stream) in STREAMS {
            for payload in &self.events[name] {
                let event = Event { payload: Some(payload.as_bytes()), partition: Some(0), timestamp: None };
                env.kafka.send(stream, &event).await;
            }
        }
        for (collection, documents) in &self.collections {
            let mut documents = documents.clone();
            for document in &mut documents {
                let of =
                    document.get_str("_id").ok().and_then(|id| STREAMS.iter().find(|(name, _)| id.starts_with(name)));
                if let Some((_, stream)) = of.filter(|_| collection == "checkpoints") {
                    document.insert("topic_id", ids.get(stream).cloned());
                }
            }
            if !documents.is_empty() {
                env.database.raw.collection::<Document>(collection).insert_many(documents).await.unwrap();
            }
        }
    }

    /// Has the server carry out what the worker sent, once more.
    async fn replay(&self, env: &TestEnv) {
        for Statement { command, .. } in &self.statements {
            // What it refuses it refuses: a key that is there already.
            env.database.raw.run_command(command.clone()).await.unwrap();
        }
    }
}

/// Units of products, and what clients brought, in 1/10,000.
async fn totals(env: &TestEnv) -> Value {
    let all = env.snapshot().await;
    let products: BTreeMap<_, _> = all.products.iter().map(|product| (&product.product_id, product.units)).collect();
    let clients: BTreeMap<_, _> =
        all.clients.iter().map(|client| (&client.client_id, client.revenue.to_string())).collect();
    json!({ "products": products, "clients": clients })
}

#[tokio::test(flavor = "multi_thread")]
async fn late_statements_of_a_claim_that_others_finished_change_nothing() {
    let settings = json!({ "sales": { "deduplicate": { "within": "30d" } }, "analytics": { "asOf": "2026-02-01" } });
    let Some(env) = TestEnv::without_topics(settings).await else { return };
    for (_, stream) in STREAMS {
        env.kafka.create(stream, 1, &[]).await;
    }
    let recorded = Recorded::read();
    let late = recorded.statements.iter().filter(|statement| !statement.was_applied).count();
    assert!(late > 0 && late < recorded.statements.len(), "the claim was applied in part");
    recorded.restore(&env).await;

    let _worker = env.worker();
    env.applied().await;
    let clients = |ann: &str| json!({ "ann": ann, "bob": "4", "cid": "7" });
    assert_eq!(
        totals(&env).await,
        json!({ "products": { "tea": 5 + 2 - 1 + 3, "jam": 1 + 2, "nut": 4 }, "clients": clients("22.5") })
    );
    // Invoices are forgotten once they are old, and then remembered again; none of them comes twice here.
    let changing = ["workers", "meta", "positions", "views", "product_winners", "loss_risk_products", "invoices"];
    let before = env.database.everything_but(&changing).await;
    recorded.replay(&env).await;
    assert_eq!(env.database.everything_but(&changing).await, before);

    let items = [json!({ "product_id": "tea", "quantity": 10, "unit_price": "2.00" })];
    let more = json!({ "invoice_id": "6", "client_id": "ann", "timestamp": "2026-01-11T09:00:00Z", "items": items });
    env.kafka.produce(EventKind::Sales, &more).await;
    env.applied().await;
    recorded.replay(&env).await;
    assert_eq!(
        totals(&env).await,
        json!({ "products": { "tea": 19, "jam": 3, "nut": 4 }, "clients": clients("42.5") })
    );
}
