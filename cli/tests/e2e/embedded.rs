//! `stockstream up --input`: broker, worker, store and page in one process, asked through the page's JSON API.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use stockstream_store::StateStore;

use crate::harness::{
    Process, TestEnv,
    compare::{self, Shown},
    data_set, database_host, eventually, holds, http, oracle,
    relay::Relay,
    sample,
};

async fn shown(address: &str) -> Shown {
    Shown {
        winners: http::all(address, "/api/v1/product-winners").await,
        risks: http::all(address, "/api/v1/loss-risk-products").await,
        clients: http::all(address, "/api/v1/clients").await,
    }
}

async fn up(file: &Path) {
    let mut up = Process::start(["up", "--listen", "127.0.0.1:0", "--input", file.to_str().unwrap()]);
    let page = up.says("page ").await;
    let (_, address) = page.split_once("http://").unwrap();
    up.says("counted   ").await;
    let expected = oracle::expected(file);
    eventually("the views are as they must be", async || compare::views(&expected, &shown(address).await)).await;

    let days: Vec<&String> = expected["daily"].as_object().unwrap().keys().collect();
    let range = format!("/api/v1/sales-daily?from={}&to={}", days[0], days[days.len() - 1]);
    let daily = http::json(address, &range).await.unwrap();
    compare::days(&expected, daily["items"].as_array().unwrap()).unwrap();
    let status = http::json(address, "/api/v1/status").await.unwrap();
    assert_eq!(status["events"]["rejected"], expected["rejected"]);
    assert_eq!(status["counts"]["products"], expected["products"].as_object().unwrap().len());

    up.signal("TERM");
    let (code, said) = up.outcome().await;
    assert_eq!(code, oracle::exit_code(&expected), "{said}");
    assert!(said.contains("best client"), "it ends with a summary: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_also_where_its_database_does_not_answer_any_more() {
    let Some(env) = TestEnv::new(json!({})).await else { return };
    let relay = Relay::to(&database_host(&env), true).await;
    let uri = env.setting("/mongodb/uri").replace(&database_host(&env), &relay.address);
    let mut up = Process::start(["up", "--listen", "127.0.0.1:0", "--mongodb", &uri]);
    up.says("a made-up shop").await;
    relay.set_open(false);
    up.signal("TERM");
    let (code, said) = up.outcome().await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("failed to reach MongoDB") && said.contains("there is no summary"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parts_in_one_process_show_what_the_oracle_says() {
    let Some(file) = data_set() else { return };
    up(&file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_typed_as_2206_is_no_reason_to_call_all_stock_dead() {
    let file = sample("data/year-typo.csv");
    let mut up = Process::start(["up", "--listen", "127.0.0.1:0", "--input", file.to_str().unwrap()]);
    let page = up.says("page ").await;
    let (_, address) = page.split_once("http://").unwrap();
    up.says("counted   ").await;
    eventually("days are counted to the last good one", async || {
        let status = http::json(address, "/api/v1/status").await?;
        let ranking =
            status["views"].as_array().unwrap().iter().find(|view| view["view"] == "product_winners").unwrap();
        holds(ranking["as_of"] == "2026-05-02", || format!("{status}"))
    })
    .await;
    let Shown { winners, risks, clients } = shown(address).await;
    assert!(risks.is_empty(), "{risks:?}");
    let last = |row: &Value, field: &str| row[field].as_str().unwrap()[..4].to_owned();
    assert!(winners.iter().all(|row| last(row, "last_sale_date") == "2026"), "{winners:?}");
    assert_eq!((&clients[0]["invoices"], last(&clients[0], "last_purchase_date").as_str()), (&2.into(), "2026"));
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_rows_need_no_service_either() {
    up(&sample("data/odd-rows.csv")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_of_its_own_is_new_each_time_and_what_comes_counts_on_top() {
    let Some(env) = TestEnv::without_topics(json!({})).await else { return };
    let (file, uri) = (sample("data/odd-rows.csv"), env.setting("/mongodb/uri"));
    let mut first = 0;
    for time in 1..=2 {
        let mut up =
            Process::start(["up", "--listen", "127.0.0.1:0", "--input", file.to_str().unwrap(), "--mongodb", uri]);
        up.says("kafka.onRecreatedTopic: Restart").await;
        up.says("counted   ").await;
        let counted: i64 = env.store.checkpoints().await.unwrap().iter().map(|checkpoint| checkpoint.events).sum();
        if time == 1 {
            first = counted;
        }
        assert!(first > 0 && counted == time * first, "{counted} events at time {time}, {first} at first");
        up.signal("TERM");
        up.outcome().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_goes_on_where_nobody_reads_what_is_said() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockstream"));
    command.args(["up", "--listen", "127.0.0.1:0"]).env_clear().stdin(Stdio::null()).stdout(Stdio::null());
    let mut up = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut page = String::new();
    BufReader::new(up.stderr.take().unwrap()).read_line(&mut page).unwrap(); // as `head -1` does, which then goes away
    let (_, address) = page.trim().split_once("http://").unwrap();
    eventually("an event is rejected, which is logged", async || {
        let status = http::json(address, "/api/v1/status").await?;
        holds(status["events"]["rejected"].as_i64() > Some(0), || format!("{status}"))
    })
    .await;
    let kill = format!("kill -TERM {}", up.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let ended = eventually("it ends", async || up.try_wait().unwrap().ok_or_else(|| "it runs".to_owned())).await;
    assert_eq!(ended.code(), Some(0));
}
