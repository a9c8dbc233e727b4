//! `stockstream up --input`: broker, worker, store and page in one process, asked through the page's JSON API.

use std::path::Path;

use crate::harness::{
    Process,
    compare::{self, Shown},
    data_set, eventually, http, oracle, sample,
};

async fn shown(address: &str) -> Shown {
    Shown {
        winners: http::all(address, "/api/v1/product-winners").await,
        risks: http::all(address, "/api/v1/loss-risk-products").await,
        clients: http::all(address, "/api/v1/clients").await,
    }
}

async fn up(file: &Path, exit_code: i32) {
    let mut up = Process::start(["up", "--listen", "127.0.0.1:0", "--input", file.to_str().unwrap()]);
    let page = up.says("page ").await;
    let (_, address) = page.split_once("http://").unwrap();
    up.says("counted ").await;
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
    assert_eq!(code, exit_code, "{said}");
    assert!(said.contains("best client"), "it ends with a summary: {said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parts_in_one_process_show_what_the_oracle_says() {
    let Some(file) = data_set() else { return };
    up(&file, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_rows_need_no_service_either() {
    up(&sample("data/odd-rows.csv"), 3).await;
}
