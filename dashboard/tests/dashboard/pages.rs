//! What a person sees.

use axum::http::StatusCode;
use stockstream_model::documents::{DatabaseServer, Deployment, View, ViewCondition, ViewState};

use crate::common::{Fake, Fault, PAGES, get, options, raw, send};

#[tokio::test]
async fn every_page_has_a_language_a_heading_and_a_name() {
    for (fake, what) in [(Fake::loaded(), "loaded"), (Fake::default(), "empty")] {
        for path in PAGES {
            let page = get(fake.clone(), path).await;
            assert_eq!(page.status, StatusCode::OK, "{path} {what}");
            assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
            for part in ["<html lang=\"en\"", "· Stockstream</title>", "aria-current=\"page\"", "href=\"#content\""] {
                assert!(page.body.contains(part), "{path} {what}: {part}");
            }
            assert_eq!(page.body.matches("<h1>").count(), 1, "{path} {what}");
            let body = &page.body;
            assert!(
                !body.contains("<script>")
                    && !body.contains("style=\"")
                    && !body.contains(" onclick=")
                    && !body.contains(" onload="),
                "{path} {what}"
            );
        }
    }
}

#[tokio::test]
async fn tables_have_captions_and_scopes_and_numbers_people_can_read() {
    for (path, parts) in [
        ("/", ["412,738", "3 s ago", "unknown", "198,534", "7,004", "deleted before it was read"].as_slice()),
        ("/product-winners", &["81,234.57", "13,033", "2011-07-31", "REGENCY CAKESTAND", "idle 36 days, dead stock"]),
        ("/loss-risk-products", &["10,080.00", "Expiring Soon", "12 days past", "3 days left", "B-0002"]),
        ("/clients", &["279,489.02", "2,100", "2011-07-28 12:08:00", "Gold", "Client 1 &#38; Sons"]),
        ("/rejected-events", &["partition 3, offset 1,001, incarnation 1", "bad_value", "items[2].quantity"]),
    ] {
        let page = get(Fake::loaded(), path).await;
        for part in parts {
            assert!(page.body.contains(part), "{path}: {part}");
        }
        let body = &page.body;
        assert_eq!(body.matches("<table").count(), body.matches("<caption").count(), "{path}");
        assert!(body.contains("scope=\"col\"") && body.contains("scope=\"row\""), "{path}");
    }
}

#[tokio::test]
async fn an_empty_list_says_what_that_means_and_what_to_do() {
    for (path, title, topic) in [
        ("/", "No events yet", "topic-raw-sales"),
        ("/product-winners", "No events yet", "topic-inventory-updates"),
        ("/loss-risk-products", "No events yet", "topic-inventory-updates"),
        ("/clients", "No clients yet", "topic-clients"),
        ("/rejected-events", "No rejected events", ""),
    ] {
        let page = get(Fake::default(), path).await;
        assert!(page.body.contains(title) && page.body.contains(topic), "{path}");
    }
}

#[tokio::test]
async fn empty_views_of_a_running_pipeline_say_why_nothing_is_listed() {
    let fake = Fake { winners: Vec::new(), risks: Vec::new(), ..Fake::loaded() };
    assert!(get(fake.clone(), "/product-winners").await.body.contains("No product is ranked yet"));
    assert!(get(fake, "/loss-risk-products").await.body.contains("Of 3,204 known products"));
}

#[tokio::test]
async fn a_view_that_is_kept_says_why_and_since_when() {
    let mut fake = Fake::loaded();
    fake.status.views = vec![ViewState {
        condition: ViewCondition::Kept,
        why: Some("no product has a <known> cost".into()),
        since: Some("2011-07-31T12:00:00Z".parse().unwrap()),
        ..ViewState::new(View::ProductWinners)
    }];
    for path in ["/", "/product-winners"] {
        let page = get(fake.clone(), path).await;
        assert!(page.body.contains("kept since 2011-07-31 12:00:00 UTC (4 h ago)"), "{path}");
        assert!(page.body.contains("no product has a &#60;known&#62; cost"), "{path}");
    }
    assert!(!get(fake, "/loss-risk-products").await.body.contains("kept since"));
}

#[tokio::test]
async fn what_the_database_is_and_does_not_promise_is_said_in_every_language() {
    let server = |deployment, set: Option<&str>, durable| DatabaseServer {
        deployment,
        set: set.map(str::to_owned),
        version: None,
        durable,
    };
    for (server, path, parts) in [
        (server(Deployment::ReplicaSet, Some("rs<0>"), None), "/", ["replica set rs&#60;0&#62;", "<dd>unknown</dd>"]),
        (server(Deployment::Sharded, None, Some(true)), "/?lang=de", ["Shards hinter mongos", "<dd>ja</dd>"]),
        (server(Deployment::Standalone, None, None), "/", ["The database is a server alone", "gone with its disk"]),
        (
            server(Deployment::Standalone, None, None),
            "/?lang=de",
            ["Die Datenbank ist ein einzelner Server", "Was er bestätigt hat"],
        ),
        (
            server(Deployment::Standalone, None, None),
            "/?lang=fr",
            ["La base de données est un serveur isolé", "perdu avec son disque"],
        ),
        (
            server(Deployment::ReplicaSet, None, Some(false)),
            "/",
            ["The database keeps nothing on disk", "a replica set"],
        ),
    ] {
        let mut fake = Fake::loaded();
        fake.status.server = Some(server.clone());
        let page = get(fake, path).await;
        for part in parts {
            assert!(page.body.contains(part), "{server:?}: {part}");
        }
        let promised = matches!(server, DatabaseServer { deployment, durable, .. }
            if deployment != Deployment::Standalone && durable != Some(false));
        let warns = ["a server alone</strong>", "nothing on disk</strong>"].iter().any(|part| page.body.contains(part));
        assert!(!(promised && warns), "{server:?}");
    }
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_said_with_what_to_do() {
    for fault in [Fault::Unreachable, Fault::Silent] {
        for path in PAGES {
            let page = get(Fake::faulty(fault), path).await;
            assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert_eq!(page.header("retry-after"), "10");
            for part in ["The database does not answer</h1>", "check that ", "tries again every 10 s"] {
                assert!(page.body.contains(part), "{path}: {part}");
            }
        }
    }
}

#[tokio::test]
async fn a_database_that_refuses_is_a_fault_named_in_its_words() {
    for path in PAGES {
        let page = get(Fake::faulty(Fault::Refused), path).await;
        assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert!(page.body.contains("Failed to find in MongoDB: no such &#60;command&#62;"), "{path}");
    }
}

#[tokio::test]
async fn markup_in_data_is_shown_as_text() {
    let evil = "<script>alert(\"1\")</script>";
    let mut fake = Fake::loaded();
    fake.winners[0].product_name = Some(evil.into());
    fake.winners[1].product_id = "\"><img src=x>".into();
    fake.risks[0].batch_number = Some(evil.into());
    fake.clients[0].email = Some(evil.into());
    fake.rejected[0].payload = evil.into();
    fake.rejected[1].message = evil.into();
    fake.status.workers[0].problems = vec![evil.into()];
    fake.status.pipeline = Some(evil.into());
    for path in PAGES {
        let page = get(fake.clone(), path).await;
        // The charts have no text of the shop's.
        assert!(page.body.contains("&#60;script&#62;") || path == "/charts", "{path}");
        assert!(!page.body.contains("<script>") && !page.body.contains("<img"), "{path}");
    }
    let missing = get(fake, "/%3Cscript%3E").await;
    assert!(!missing.body.contains("<script>"));
}

#[tokio::test]
async fn lists_are_paged_with_links_to_the_neighbours() {
    let first = get(Fake::loaded(), "/clients").await.body;
    assert!(first.contains("1\u{2013}50 of 120 clients") && first.contains("Page 1 of 3"));
    assert!(first.contains("rel=\"next\" href=\"/clients?page=2&#38;per_page=50\"") && !first.contains("rel=\"prev\""));
    let last = get(Fake::loaded(), "/clients?page=3&per_page=50").await.body;
    assert!(last.contains("101\u{2013}120 of 120 clients"));
    assert!(last.contains("rel=\"prev\" href=\"/clients?page=2&#38;per_page=50\"") && !last.contains("rel=\"next\""));
    let beyond = get(Fake::loaded(), "/clients?page=9").await;
    assert!(beyond.status == StatusCode::OK && beyond.body.contains("The list ends with page 3"));
}

#[tokio::test]
async fn a_bad_page_number_is_named_with_what_is_allowed() {
    for path in ["/clients?page=0", "/loss-risk-products?per_page=501", "/rejected-events?page=x", "/?refresh=-1"] {
        let page = get(Fake::loaded(), path).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(page.body.contains("allowed is a whole number from"), "{path}");
    }
}

#[tokio::test]
async fn the_status_page_reloads_itself_as_the_reader_wishes() {
    let options = || stockstream_dashboard::Options { refresh: Some(std::time::Duration::from_secs(30)), ..options() };
    for (path, seconds) in [("/", Some(30)), ("/?refresh=5", Some(5)), ("/?refresh=0", None)] {
        let request =
            axum::http::Request::get(path).header("host", "localhost").body(axum::body::Body::empty()).unwrap();
        let page = send(Fake::loaded(), options(), request).await;
        let hint = seconds.map(|seconds| format!("http-equiv=\"refresh\" content=\"{seconds}\""));
        match hint {
            Some(hint) => assert!(page.body.contains(&hint), "{path}"),
            None => assert!(!page.body.contains("http-equiv=\"refresh\""), "{path}"),
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_pipeline_heads_the_status_page() {
    let mut fake = Fake::loaded();
    assert!(get(fake.clone(), "/").await.body.contains("Worker stock-worker-7f9c-fghij has a problem"));
    fake.status.workers[1].problems = vec!["sales/1 does not move: no broker leads topic-raw-sales/1".into()];
    for (path, title) in [
        ("/", "Partition sales/1 does not move"),
        ("/?lang=fr", "La partition sales/1 n’avance pas"),
        ("/?lang=de", "Partition sales/1 kommt nicht voran"),
    ] {
        let page = get(fake.clone(), path).await.body;
        assert!(page.contains(title) && page.contains("no broker leads topic-raw-sales/1"), "{path}: {page}");
    }
    fake.status.workers.clear();
    fake.status.pipeline = Some("other/stock".into());
    let page = get(fake, "/").await.body;
    assert!(page.contains("No worker gives a sign of life"));
    assert!(page.contains("This database belongs to pipeline other/stock"));
}

#[tokio::test]
async fn a_page_that_is_not_there_is_a_page_too() {
    let page = get(Fake::loaded(), "/nothing").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.body.contains("Not found</h1>") && page.body.contains("There is nothing at /nothing."));
}

#[tokio::test]
async fn a_first_view_is_small_over_the_wire_and_of_this_host_alone() {
    for path in PAGES {
        let page = get(Fake::loaded(), path).await.body;
        let mut sum = 0;
        let parts = page.split(['"', '\'']).filter(|part| part.starts_with("/assets/"));
        for part in parts.chain([path]) {
            let (headers, body) = raw(Fake::loaded(), part, ("accept-encoding", "gzip")).await;
            assert_eq!(headers["content-encoding"], "gzip", "{part}");
            sum += body.len();
        }
        assert!((1_000..15_000).contains(&sum), "{path} takes {sum} bytes");
        for elsewhere in ["src=\"http", "href=\"http", "src=\"//", "href=\"//"] {
            assert!(!page.contains(elsewhere), "{path} has {elsewhere}");
        }
    }
}
