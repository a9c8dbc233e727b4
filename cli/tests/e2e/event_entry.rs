//! What an Accountant enters in the page, through a real Kafka and worker into a real database.

use serde_json::json;

use crate::harness::{
    Process, TestEnv, eventually, holds, http,
    relay::Relay,
    secured::{Login, Secured},
    session::{Answer, FORM, Session},
};

/// Waits until a submission is counted; the page that says so.
async fn counted(address: &str, place: &str) -> String {
    eventually("the submission is counted", async || {
        let (status, page) = http::get(address, place).await?;
        holds(status == 200 && page.contains("Sent and counted"), || page.clone())?;
        Ok(page)
    })
    .await
}

fn dashboard(env: &TestEnv, changed: serde_json::Value) -> Process {
    let file = env.settings(changed);
    Process::start(["dashboard", "--enter", "--listen", "127.0.0.1:0", "--config", file.to_str().unwrap()])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_by_form_is_counted_and_audited_and_nothing_of_what_was_typed_is_logged() {
    let Some(env) = TestEnv::new(json!({})).await else { return };
    let mut worker = env.worker();
    worker.ready().await;
    let mut page = dashboard(&env, json!({}));
    let address = page.address().await;
    let reader = Session::new(&address);
    let client = "client_id=C1&name=Ann+Secretperson&email=ann%40example.com&loyalty_tier=Gold";
    let Answer { status, place, body, .. } = reader.send("/enter/client", client).await;
    assert_eq!(status, 303, "{body}");
    counted(&address, &place).await;
    let sale = "invoice_id=I1&client_id=C1&timestamp=2026-05-01+12:30&lines=2&items[0].product_id=A&items[0].quantity=2&\
                items[0].unit_price=2.50&items[1].product_id=B&items[1].quantity=1&items[1].unit_price=1";
    let Answer { status, place, body, .. } = reader.send("/enter/sale", sale).await;
    assert_eq!(status, 303, "{body}");
    let sent = counted(&address, &place).await;
    assert!(sent.contains("counted after") && sent.contains("Sale I1"), "{sent}");
    let (_, client) = http::get(&address, "/client?id=C1").await.unwrap();
    assert!(client.contains("Ann Secretperson") && client.contains("6.00"), "{client}");

    let audit = page.says("events entered").await;
    assert!(audit.contains("\"target\":\"audit\"") && audit.contains("anybody (nobody signs in)"), "{audit}");
    let all = page.said().join("\n");
    assert!(all.contains("sale I1") && all.contains(&format!("{}_sales/", env.name())), "{all}");
    assert!(!all.contains("Secretperson") && !all.contains("ann@example.com"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_file_with_bad_rows_the_good_ones_count_and_the_bad_ones_are_marked() {
    let Some(env) = TestEnv::new(json!({})).await else { return };
    let mut worker = env.worker();
    worker.ready().await;
    let mut page = dashboard(&env, json!({}));
    let address = page.address().await;
    let file = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n\
        1,A,Lamp,2,2026-05-01,2.5,7\n1,B,Card,1,2026-05-01,1,7\n2,A,Lamp,many,2026-05-01,2.5,7\n3,A,Lamp,1,2026-05-01,-1,7\n";
    let reader = Session::new(&address);
    let Answer { status, place, body, .. } = reader.upload("may.csv", file).await;
    assert_eq!(status, 303, "{body}");
    let (_, preview) = http::get(&address, &place).await.unwrap();
    assert!(preview.contains("1 sale; 2 bad rows") && preview.contains(">many<"), "{preview}");
    assert!(env.kafka.ends().values().all(|end| *end == 0), "nothing is sent before it is confirmed");
    let Answer { status, place: sent, body, .. } = reader.post(&place, FORM, "").await;
    assert_eq!(status, 303, "{body}");
    counted(&address, &sent).await;
    let Answer { status, place: again, .. } = reader.post(&place, FORM, "").await;
    assert_eq!((status, again), (303, sent), "confirmed twice, sent once");
    let checkpoints = env.applied().await;
    let (events, rejected): (i64, i64) =
        checkpoints.iter().fold((0, 0), |sum, c| (sum.0 + c.events, sum.1 + c.rejected));
    assert_eq!((events, rejected), (1, 0));
    let (_, client) = http::get(&address, "/client?id=7").await.unwrap();
    assert!(client.contains("6.00"), "{client}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_broker_is_away_the_form_is_kept_and_counts_once_when_it_is_back() {
    let Some(env) = TestEnv::new(json!({})).await else { return };
    let mut worker = env.worker();
    worker.ready().await;
    // Brokers advertise themselves, so a relay shows only the first connection; it is all that is needed to find nobody.
    let server = env.setting("/kafka/bootstrapServers/0").to_owned();
    let relay = Relay::to(&server, false).await;
    let mut page = dashboard(&env, json!({ "kafka": { "bootstrapServers": [relay.address] } }));
    let address = page.address().await;
    let reader = Session::new(&address);
    let token = reader.token("/enter/client").await;
    let body = format!("form={token}&do=send&client_id=C9&name=Ann");
    let Answer { status, body: away, .. } = reader.post("/enter/client", FORM, &body).await;
    assert_eq!(status, 503, "{away}");
    assert!(away.contains("Nothing was sent") && away.contains(&relay.address), "{away}");
    assert!(away.contains("value=\"C9\"") && away.contains("value=\"Ann\"") && away.contains(&token), "{away}");
    relay.set_open(true);
    let Answer { status, place, body: page, .. } = reader.post("/enter/client", FORM, &body).await;
    assert_eq!(status, 303, "{page}");
    assert_eq!(reader.post("/enter/client", FORM, &body).await.place, place);
    counted(&address, &place).await;
    assert_eq!(env.kafka.ends().values().sum::<i64>(), 1, "sent once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kafka_refuses_the_forms_is_said_in_the_page_and_in_the_log_and_the_right_to_write_is_enough() {
    let (Some(secured), Some(env)) = (Secured::new(), TestEnv::new(json!({})).await) else { return };
    let login = Login::new(&env);
    login.at_the_broker("Word-1");
    login.in_the_file("Typo-1");
    let mut worker = env.worker();
    worker.ready().await;
    let mut page = dashboard(&env, login.settings(&secured));
    let address = page.address().await;
    let reader = Session::new(&address);
    let token = reader.token("/enter/client").await;
    let form = format!("form={token}&do=send&client_id=C9&name=Ann");
    let send = async || reader.post("/enter/client", FORM, &form).await;
    let refused = async |words: &[&str]| {
        let Answer { status, body: page, .. } = send().await;
        assert_eq!(status, 503, "{page}");
        assert!(page.contains("Nothing was sent") && page.contains("value=\"Ann\""), "{page}");
        assert!(words.iter().all(|word| page.contains(word)), "{words:?}: {page}");
    };
    refused(&[&secured.sasl_ssl, "refuses the sign-in", "kafka.security.sasl"]).await;
    login.in_the_file("Word-1");
    let topic = env.setting("/kafka/topics/clients/name");
    refused(&["kafka-acls.sh", "--operation Write", topic]).await;
    login.allow("Describe", false);
    refused(&["kafka-acls.sh", "--operation Write", topic]).await;
    let many = format!("form={}", reader.token("/enter").await);
    let Answer { status, body, .. } = reader.post("/enter/test-data", FORM, &many).await;
    assert!(status == 503 && body.contains("Nothing was sent") && body.contains("--operation Write"), "{body}");
    login.allow("Write", false);
    let Answer { status, place, body, .. } = send().await;
    assert_eq!(status, 303, "{body}");
    counted(&address, &place).await;
    assert_eq!(env.kafka.ends().values().sum::<i64>(), 1, "sent once");
    let said = page.said();
    let refusals: Vec<_> = said.iter().filter(|line| line.contains("events not entered")).collect();
    assert_eq!(refusals.len(), 4, "{said:?}");
    assert!(refusals[0].contains("refuses the sign-in") && refusals[2].contains("--operation Write"), "{refusals:?}");
    assert!(!said.iter().any(|line| line.contains("Word-1") || line.contains("Typo-1")), "a password is told");
}
