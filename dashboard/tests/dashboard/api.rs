//! What a program reads.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::common::{API, Fake, Fault, get};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn the_status_has_the_names_of_the_contract() {
    let answer = get(Fake::loaded(), "/api/v1/status").await;
    assert_eq!(answer.header("content-type"), "application/json");
    let status = answer.json();
    assert_eq!(
        keys(&status),
        ["pipeline", "database", "counts", "events", "freshness", "views", "partitions", "workers"]
    );
    assert_eq!(status["counts"], json!({"products": 3204, "winners": 10, "risks": 130, "clients": 120}));
    let by_reason = json!({"bad_value": 1, "not_json": 2});
    assert_eq!(
        status["events"],
        json!({"applied": 412_738, "rejected": 1, "duplicates": 0, "rejected_by_reason": by_reason})
    );
    assert_eq!(status["freshness"]["read_at"], "2011-07-31T16:00:03Z");
    assert_eq!(status["views"][0]["condition"], "published");
    let expected = json!({
        "stream": "sales", "partition": 0, "next": 201_344, "pending": null, "log_end": 201_400, "lag": 56,
        "incarnation": 0, "events": 201_344, "rejected": 0, "duplicates": 0, "worker": "stock-worker-7f9c-abcde",
        "lost": [{ "incarnation": 1, "from": 7_001, "to": 7_004, "cause": "Deleted" }], "lost_offsets": 3,
    });
    assert_eq!(status["partitions"][0], expected);
    assert_eq!(status["partitions"][1]["lag"], Value::Null);
    assert_eq!(status["workers"][0]["partitions"], json!(["sales/0", "inventory/0"]));
}

#[tokio::test]
async fn the_status_of_an_empty_database_has_the_same_names() {
    let status = get(Fake::default(), "/api/v1/status").await.json();
    assert_eq!(
        keys(&status),
        ["pipeline", "database", "counts", "events", "freshness", "views", "partitions", "workers"]
    );
    assert_eq!((&status["pipeline"], &status["views"][1]["condition"]), (&Value::Null, &json!("empty")));
}

#[tokio::test]
async fn every_list_has_one_shape() {
    for fake in [Fake::loaded(), Fake::default()] {
        for path in API.iter().filter(|path| !path.ends_with("status")) {
            let answer = get(fake.clone(), path).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            let list = answer.json();
            for name in ["items", "page", "per_page", "total"] {
                assert!(list.get(name).is_some(), "{path}: {name}");
            }
            assert_eq!(list["items"].as_array().unwrap().len(), list["total"].as_u64().unwrap().min(500) as usize);
        }
    }
}

#[tokio::test]
async fn rows_have_the_field_names_of_the_views() {
    let row = |list: Value| list["items"][0].clone();
    let winner = row(get(Fake::loaded(), "/api/v1/product-winners").await.json());
    assert_eq!((&winner["ranking"], &winner["last_sale_date"]), (&json!(1), &json!("2011-07-31T15:11:00Z")));
    let risk = row(get(Fake::loaded(), "/api/v1/loss-risk-products").await.json());
    assert_eq!(risk["risk_category"], "Expiring Soon");
    let client = row(get(Fake::loaded(), "/api/v1/clients").await.json());
    assert_eq!(client["loyalty_tier"], "Gold");
    let rejected = row(get(Fake::loaded(), "/api/v1/rejected-events").await.json());
    assert_eq!(rejected["id"], "topic-raw-sales/1/3/1001");
    assert!(rejected["payload"].as_str().unwrap().starts_with("{\"invoice_id\""));
    assert_eq!(rejected["payload_cut"], false);
}

#[tokio::test]
async fn a_huge_payload_is_cut_and_says_so() {
    let mut fake = Fake::loaded();
    fake.rejected[0].payload = vec![0xFF; 1 << 20];
    let rejected = get(fake, "/api/v1/rejected-events").await.json()["items"][0].clone();
    assert_eq!(rejected["payload"].as_str().unwrap().chars().count(), 4_096);
    assert_eq!(rejected["payload_cut"], true);
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let mut seen = Vec::new();
    for page in 1..=3 {
        let list = get(Fake::loaded(), &format!("/api/v1/clients?page={page}&per_page=50")).await.json();
        assert_eq!((&list["page"], &list["per_page"], &list["total"]), (&json!(page), &json!(50), &json!(120)));
        seen.extend(list["items"].as_array().unwrap().iter().map(|row| row["client_id"].clone()));
    }
    let all = get(Fake::loaded(), "/api/v1/clients").await.json();
    assert_eq!(seen, all["items"].as_array().unwrap().iter().map(|row| row["client_id"].clone()).collect::<Vec<_>>());
}

#[tokio::test]
async fn sales_by_day_are_of_the_days_asked_for() {
    let latest = get(Fake::loaded(), "/api/v1/sales-daily").await.json();
    assert_eq!((&latest["from"], &latest["to"]), (&json!("2011-05-03"), &json!("2011-07-31")));
    let row = json!({"day": "2011-07-28", "invoices": 64, "units": -3, "revenue": 1234.5});
    assert_eq!(latest["items"], json!([row]));
    let none = get(Fake::loaded(), "/api/v1/sales-daily?from=2011-01-01&to=2011-01-31").await.json();
    assert_eq!((&none["items"], &none["total"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn a_bad_parameter_is_a_problem_that_names_it_and_what_is_allowed() {
    for (path, parameter, value) in [
        ("/api/v1/clients?page=0", "page", "0"),
        ("/api/v1/loss-risk-products?per_page=5001", "per_page", "5001"),
        ("/api/v1/rejected-events?per_page=many", "per_page", "many"),
        ("/api/v1/sales-daily?from=soon", "from", "soon"),
        ("/api/v1/sales-daily?from=2011-01-02&to=2011-01-01", "from", "2011-01-02"),
    ] {
        let answer = get(Fake::loaded(), path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        let problem = answer.json();
        assert_eq!((&problem["parameter"], &problem["value"]), (&json!(parameter), &json!(value)), "{path}");
        assert!(problem["detail"].as_str().unwrap().contains(problem["allowed"].as_str().unwrap()), "{path}");
        assert_eq!((&problem["status"], &problem["type"]), (&json!(400), &json!("about:blank")), "{path}");
    }
}

#[tokio::test]
async fn a_failing_database_is_a_problem() {
    for path in API {
        for (fault, status) in [(Fault::Unreachable, 503), (Fault::Silent, 503), (Fault::Refused, 500)] {
            let answer = get(Fake::faulty(fault), path).await;
            assert_eq!(answer.status.as_u16(), status, "{path}");
            assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
            assert_eq!(answer.json()["status"], status, "{path}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_not_there_is_a_problem() {
    for path in ["/api/v1", "/api/v1/nothing", "/api/v2/status"] {
        let answer = get(Fake::loaded(), path).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::NOT_FOUND, "application/problem+json"));
    }
}
