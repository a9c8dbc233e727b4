//! Days that move out of products: found all the time, in whatever order sales come and movers work.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use bson::{Document, doc};
use stockstream_model::{
    Day,
    event::Item,
    settings::{Secret, Settings},
};
use stockstream_protocol::product_days::MOST_LIVE_DAYS;
use stockstream_relay::{Answer, Relay, Request};
use stockstream_store::{MongoStore, StateStore, ViewStore, inspect::Inspect};

use super::{
    events::{Body, SALES, line, sale},
    flow::flush,
    test_env::{Mongo, TestEnv, settings},
};

fn keeping(history_days: u32) -> Settings {
    let mut settings = settings();
    settings.analytics.history_days = history_days;
    settings
}

fn on(day: i32, items: Vec<Item<'static>>) -> Body {
    Body::Sale(sale(&Day::from_number(day).to_string(), items))
}

/// A sale of so many on each of these days.
async fn sell(store: &impl StateStore, product: &str, days: impl IntoIterator<Item = i32>, units: i64) {
    let sales = days.into_iter().map(|day| on(day, vec![line(product, units, "2")])).collect();
    flush(store, SALES, sales).await;
}

async fn move_all(store: &impl StateStore) {
    while store.move_days(3).await.unwrap() > 0 {}
}

/// Units by day, as the page of the product shows them.
async fn days(store: &impl ViewStore, product: &str) -> BTreeMap<i32, i64> {
    let product = store.product(product).await.unwrap().unwrap().product;
    product.days.into_iter().map(|(day, totals)| (day.number(), totals.units)).collect()
}

async fn days_are_found_wherever_they_are(env: &impl TestEnv) {
    let store = env.worker_with(&keeping(90)).await;
    let mut wanted = BTreeMap::new();
    for day in 20_000..20_060 {
        sell(&*store, "tea", [day], 1).await;
        wanted.insert(day, 1);
        if day % 7 == 0 {
            // What comes late is added to days that moved, also to the last one.
            for late in [20_000, day - 6, day] {
                sell(&*store, "tea", [late], 10).await;
                *wanted.entry(late).or_insert(0) += 10;
            }
        }
        if day % 5 == 0 {
            move_all(&*store).await;
        }
        assert_eq!(days(&*store, "tea").await, wanted, "after {day}");
    }
    let whole = store.snapshot().await.unwrap().products.swap_remove(0);
    assert_eq!(whole, store.product("tea").await.unwrap().unwrap().product);
    assert_eq!((whole.units, whole.days.len()), (wanted.values().sum::<i64>(), wanted.len()));
}

async fn many_products_move_a_few_at_once(env: &impl TestEnv) {
    let store = env.worker_with(&keeping(366)).await;
    for week in 0..6 {
        let of_day = |day| on(day, (0..25).map(|n| line(&format!("p{n:02}"), i64::from(day % 5) + n, "1")).collect());
        flush(&*store, SALES, (week * 7..week * 7 + 7).map(|day| of_day(20_000 + day)).collect()).await;
    }
    let before = store.snapshot().await.unwrap();
    move_all(&*store).await;
    assert_eq!(store.snapshot().await.unwrap(), before);
    assert_eq!(store.move_days(100).await.unwrap(), 0, "nothing is left to move");
}

async fn what_is_behind_the_history_is_dropped_and_stays_away(env: &impl TestEnv) {
    let store = env.worker_with(&keeping(10)).await;
    sell(&*store, "tea", 20_000..20_020, 1).await;
    move_all(&*store).await;
    let ten = |to: i32| (to - 9..=to).map(|day| (day, 1)).collect::<BTreeMap<_, _>>();
    assert_eq!(days(&*store, "tea").await, ten(20_019));
    // Late for what is dropped, and for what is kept.
    sell(&*store, "tea", [20_001, 20_012], 5).await;
    sell(&*store, "tea", 20_020..20_021, 1).await;
    move_all(&*store).await;
    let mut wanted = ten(20_020);
    *wanted.get_mut(&20_012).unwrap() += 5;
    assert_eq!(days(&*store, "tea").await, wanted);
    sell(&*store, "tea", 20_100..20_120, 1).await;
    move_all(&*store).await;
    sell(&*store, "tea", [20_012, 20_015, 20_105], 5).await;
    assert_eq!(days(&*store, "tea").await, ten(20_119));
    assert_eq!(store.snapshot().await.unwrap().products[0].units, 20 + 10 + 1 + 20 + 15, "the totals have all of it");
}

both!(
    days_are_found_wherever_they_are,
    many_products_move_a_few_at_once,
    what_is_behind_the_history_is_dropped_and_stays_away,
);

async fn products_stay_small_and_blocks_behind_the_history_are_deleted(env: &Mongo) {
    let store = env.worker_with(&keeping(40)).await;
    for week in 0..30 {
        sell(&*store, "tea", (0..7).map(|day| 15_000 + week * 7 + day), 1).await;
        move_all(&*store).await;
        let product = env.documents("products").await.swap_remove(0);
        assert!(product.get_document("days").unwrap().len() <= MOST_LIVE_DAYS, "{product}");
        assert!(!product.contains_key("moving") && !product.contains_key("crowded"), "{product}");
        let blocks = env.documents("product_days").await;
        assert!(blocks.len() <= 3, "{blocks:?}");
        assert_eq!(product.get_document("moved").map_or(0, Document::len), blocks.len(), "{product}");
    }
    assert_eq!(days(&*store, "tea").await, (15_170..15_210).map(|day| (day, 1)).collect());
}

/// A worker of a shorter history applies sales of days that one of a longer history keeps.
async fn days_that_a_worker_of_a_shorter_history_applies_are_whole(env: &Mongo) {
    let (long, short) = (env.worker_with(&keeping(90)).await, env.worker_with(&keeping(5)).await);
    sell(&*long, "tea", [20_000], 1).await;
    sell(&*short, "tea", [20_000, 20_010], 5).await;
    sell(&*short, "jam", [20_000, 20_010], 5).await;
    assert_eq!(days(&*long, "tea").await, [(20_000, 6), (20_010, 5)].into());
    assert_eq!(days(&*long, "jam").await, [(20_000, 5), (20_010, 5)].into());
    assert_eq!(days(&*short, "tea").await, [(20_010, 5)].into());
}

/// Between the first and the last step of a move a product is sold on many days more, and not again.
async fn a_product_that_is_crowded_again_when_its_move_ends_moves_once_more(env: &Mongo) {
    let relay = Relay::to(&env.host()).await.unwrap();
    let mut settings = keeping(366);
    let store = env.worker_with(&settings).await;
    sell(&*store, "tea", 20_000..20_020, 1).await;
    settings.mongodb.uri = Some(Secret::new(relay.uri(env.uri())));
    let mover = MongoStore::connect(&settings).await.unwrap();
    let _frozen_alone = relay.fail(u64::MAX, |request| request.is("update", "product_days"), Answer::code(13));
    mover.move_days(100).await.unwrap_err();
    sell(&*store, "tea", 20_020..20_040, 1).await;
    move_all(&*store).await;
    let product = env.documents("products").await.swap_remove(0);
    assert!(product.get_document("days").unwrap().len() <= MOST_LIVE_DAYS, "{product}");
    assert!(!product.contains_key("crowded"), "{product}");
    assert_eq!(days(&*store, "tea").await, (20_000..20_040).map(|day| (day, 1)).collect());
}

/// As a version before this wrote them: all days in the product, and nothing said of moves.
async fn days_of_versions_before_move_too(env: &Mongo) {
    let store = env.worker_with(&keeping(366)).await;
    sell(&*store, "tea", 20_000..20_100, 3).await;
    let products = env.raw.collection::<Document>("products");
    products.update_many(doc! {}, doc! { "$unset": { "crowded": "" } }).await.unwrap();
    let mut wanted: BTreeMap<i32, i64> = (20_000..20_100).map(|day| (day, 3)).collect();
    assert_eq!(days(&*store, "tea").await, wanted);
    assert_eq!(store.move_days(100).await.unwrap(), 0, "what is not sold is not rewritten");
    sell(&*store, "tea", [20_050], 1).await;
    *wanted.get_mut(&20_050).unwrap() += 1;
    assert_eq!(store.move_days(100).await.unwrap(), 1);
    assert_eq!(days(&*store, "tea").await, wanted);
    let product = env.documents("products").await.swap_remove(0);
    assert_eq!(product.get_document("days").unwrap().len(), 2);
}

/// Whether it is a step of a move.
fn moves(request: &Request) -> bool {
    let first = request.body().get_array("updates").ok().and_then(|all| all.first()?.as_document().cloned());
    let filter = first.and_then(|update| update.get_document("q").ok().cloned()).unwrap_or_default();
    let of_product = filter.contains_key("moves") || filter.contains_key("moving.number");
    request.collection() == "product_days" && request.command() != "find"
        || request.is("update", "products") && of_product
}

/// Every command of every move takes effect once more, at any time after it.
async fn what_movers_sent_changes_nothing_when_it_comes_again(env: &Mongo) {
    let relay = Relay::to(&env.host()).await.unwrap();
    let sent: Arc<Mutex<Vec<Document>>> = Arc::default();
    let heard = Arc::clone(&sent);
    relay.answer(u64::MAX, move |request| {
        if moves(request) {
            let is_of_it = |field: &str| ["update", "updates", "delete", "deletes", "ordered"].contains(&field);
            let command = request.body().into_iter().filter(|(field, _)| is_of_it(field)).collect();
            heard.lock().unwrap().push(command);
        }
        None
    });
    let mut settings = keeping(60);
    settings.mongodb.uri = Some(Secret::new(relay.uri(env.uri())));
    let store = MongoStore::connect(&settings).await.unwrap();
    store.prepare(&settings.pipeline).await.unwrap();
    for first in (20_000..20_110).step_by(10) {
        for product in ["tea", "jam"] {
            sell(&store, product, (first..first + 10).chain([first - 20, first - 55]), 1).await;
        }
        let before = store.snapshot().await.unwrap();
        move_all(&store).await;
        let all = sent.lock().unwrap().clone();
        assert!(all.len() >= 3);
        for command in all.into_iter().rev() {
            env.raw.run_command(command).await.unwrap();
        }
        assert_eq!(store.snapshot().await.unwrap(), before, "from {first} on");
    }
}

/// A product's own total and its days are of one moment, whatever moves meanwhile.
async fn a_reader_never_finds_a_day_twice_or_not_at_all(env: &Mongo) {
    let store = env.worker_with(&keeping(366)).await;
    sell(&*store, "tea", [20_000], 1).await;
    let done = AtomicBool::new(false);
    let sell_and_move = async {
        for round in 0..40 {
            sell(&*store, "tea", (0..MOST_LIVE_DAYS as i32 + 2).map(|day| 20_000 + (round * 7 + day * 3) % 90), 1)
                .await;
            tokio::join!(move_all(&*store), move_all(&*store));
        }
        done.store(true, Ordering::Relaxed);
    };
    let reading = async {
        let mut reads = 0;
        while !done.load(Ordering::Relaxed) {
            let product = store.product("tea").await.unwrap().unwrap().product;
            assert_eq!(product.days.values().map(|day| day.units).sum::<i64>(), product.units, "{product:?}");
            reads += 1;
        }
        reads
    };
    let ((), reads) = tokio::join!(sell_and_move, reading);
    assert!(reads > 0);
}

async fn days_that_somebody_deleted_are_named_and_not_left_out(env: &Mongo) {
    let store = env.worker_with(&keeping(366)).await;
    sell(&*store, "tea", 20_000..20_040, 1).await;
    move_all(&*store).await;
    env.raw.collection::<Document>("product_days").delete_one(doc! {}).await.unwrap();
    let refused = store.product("tea").await.unwrap_err().to_string();
    assert!(["products", "tea", "product_days", "restore"].iter().all(|word| refused.contains(word)), "{refused}");
}

mod only {
    use super::*;
    mongodb_only!(
        products_stay_small_and_blocks_behind_the_history_are_deleted,
        days_that_a_worker_of_a_shorter_history_applies_are_whole,
        a_product_that_is_crowded_again_when_its_move_ends_moves_once_more,
        days_of_versions_before_move_too,
        what_movers_sent_changes_nothing_when_it_comes_again,
        a_reader_never_finds_a_day_twice_or_not_at_all,
        days_that_somebody_deleted_are_named_and_not_left_out,
    );
}
