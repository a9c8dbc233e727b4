//! How many rows questions read, by PostgreSQL's own count behind the compatible server.

use std::io::Write;

use bson::{DateTime, Document, doc};
use stockstream_model::documents::{ClientRow, Row};
use stockstream_store::{
    MongoStore, Paging, Select, ViewStore,
    select::{Filter, MAX_SCAN, Order, Search, Test},
};

use super::test_env::{Mongo, TestEnv};

/// Three times as many as any question may look at.
const CLIENTS: u64 = 3 * MAX_SCAN;
const PAGE: Paging = Paging { page: 1, per_page: 50 };

/// How many rows of the clients were read so far; nothing where the server is not the one of `hack/mongodb.sh`.
async fn rows_read(env: &Mongo) -> Option<u64> {
    let told = env.ask_postgresql("rows").await?;
    told.lines().find_map(|line| line.strip_prefix("clients ")).map(|rows| rows.trim().parse().unwrap())
}

/// Clients of whom the greatest buy least often.
async fn fill(env: &Mongo) {
    let client = |n: u64| {
        let revenue = (CLIENTS - n) as f64;
        doc! {
            "_id": format!("c{n:06}"),
            "name": format!("Client {n}"),
            "email": email(n),
            "total_revenue_generated": revenue,
            "loyalty_tier": if n < 100 { "Gold" } else { "Bronze" },
            "eligible_promo": n < 10_000,
            "invoices": (n / 1_000) as i64,
            "revenue": (revenue * 10_000.0) as i64,
            "last_purchase_date": DateTime::from_millis((n * 7_919 % CLIENTS) as i64 * 60_000),
            "o": { "s0": n as i64 },
        }
    };
    let all: Vec<Document> = (0..CLIENTS).map(client).collect();
    for part in all.chunks(5_000) {
        env.raw.collection::<Document>("clients").insert_many(part).await.unwrap();
    }
}

fn email(n: u64) -> String {
    format!("{}@x.example", n * 7_919 % CLIENTS)
}

fn between(name: &str, min: Option<f64>, max: Option<f64>) -> Filter<ClientRow> {
    Filter { field: ClientRow::field(name).unwrap(), test: Test::Between(min, max) }
}

fn by(name: &str) -> Option<Order<ClientRow>> {
    Some(Order { field: ClientRow::field(name).unwrap(), descending: true })
}

fn of(filters: Vec<Filter<ClientRow>>) -> Select<ClientRow> {
    Select { filters, ..PAGE.into() }
}

/// Rows read for the pages of these, with their figures.
async fn cost(env: &Mongo, store: &MongoStore, selects: &[Select<ClientRow>], found: &[Option<u64>]) -> u64 {
    let before = rows_read(env).await.unwrap();
    for (select, found) in selects.iter().zip(found) {
        let (page, figures) = store.clients_with_figures(select).await.unwrap();
        let Some(found) = found else { continue };
        assert_eq!(page.total, *found, "{select:?}");
        if select.order.is_none() {
            let counted: u64 = figures.shares.iter().map(|share| share.clients).sum();
            assert_eq!(counted, *found, "{select:?}");
        }
    }
    rows_read(env).await.unwrap() - before
}

async fn no_question_reads_more_than_the_window(env: &Mongo) {
    let store = env.worker().await;
    if env.ask_postgresql("rows").await.is_none() {
        let _ = writeln!(std::io::stderr(), "the server is not that of hack/mongodb.sh: nobody counts rows, skipped");
        return;
    }
    fill(env).await;
    // Then indexes alone say which rows there are.
    env.vacuum().await;
    let everybody = of(Vec::new());
    let gold = Filter { field: ClientRow::field("loyalty_tier").unwrap(), test: Test::OneOf(vec!["Gold".into()]) };
    let dear = || between("total_revenue_generated", Some((CLIENTS - 99) as f64), None);
    let few = || between("invoices", Some(20.0), Some(20.0));
    let of_an_index = [
        everybody.clone(),
        of(vec![gold]),
        of(vec![dear()]),
        Select { order: by("invoices"), ..of(vec![few()]) },
        Select { order: by("last_purchase_date"), ..everybody.clone() },
        of(vec![few(), between("total_revenue_generated", Some(1.0), None)]),
    ];
    // How many there are in all, the server tells a little later.
    let found = [None, Some(100), Some(100), Some(1_000), None, Some(1_000)];
    let read = cost(env, &store, &of_an_index, &found).await;
    assert!(read < 5_000, "{read} rows for what indexes find");
    let promo = Filter { field: ClientRow::field("eligible_promo").unwrap(), test: Test::Is(true) };
    let many = || between("invoices", Some(1.0), None);
    let windowed = [
        Select { search: Search::new("CLIENT 59"), ..everybody.clone() },
        of(vec![promo]),
        of(vec![many()]),
        Select { search: Search::new("X.EXAMPLE"), ..of(vec![many()]) },
        Select { order: by("email"), ..everybody },
        Select { order: by("last_purchase_date"), ..of(vec![many()]) },
    ];
    let with_59 = (0..MAX_SCAN).filter(|n| n.to_string().contains("59") || email(*n).contains("59")).count() as u64;
    let found = [with_59, 10_000, 19_000, 19_000, MAX_SCAN, 19_000].map(Some);
    let read = cost(env, &store, &windowed, &found).await;
    let bound = windowed.len() as u64 * (MAX_SCAN + 200);
    assert!(read <= bound, "{read} rows, at most {bound} allowed");
}

mongodb_only!(no_question_reads_more_than_the_window);
