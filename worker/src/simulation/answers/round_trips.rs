//! What is asked of the database from an event to the ranking, and what of it is asked at once.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use stockstream_model::{Day, documents::View};
use stockstream_protocol::publication::PublishOutcome;

use crate::simulation::answers::test_env::{TestEnv, on_mongodb};

/// The commands of a step, sorted.
async fn commands<T>(env: &TestEnv, step: impl Future<Output = T>) -> (T, Vec<String>) {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&heard);
    env.relay.answer(u64::MAX, move |request| {
        if !request.is_hello() {
            told.lock().unwrap().push(format!("{} {}", request.command(), request.collection()));
        }
        None
    });
    let done = step.await;
    env.relay.heal();
    let mut heard = std::mem::take(&mut *heard.lock().unwrap());
    heard.sort();
    (done, heard)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publication_reads_nothing_twice_and_a_turn_for_nothing_reads_where_partitions_stand() {
    on_mongodb(async |env| {
        env.alone().await;
        let mut publisher = env.publisher(View::ProductWinners);
        env.round("first", false).await;
        publisher.evaluate().await.unwrap(); // sweeps, as the first one does
        let (outcome, nothing) = commands(env, publisher.evaluate()).await;
        assert_eq!((outcome.unwrap(), nothing.join(", ")), (None, "find positions, find views".into()));
        env.round("second", false).await;
        let (outcome, changed) = commands(env, publisher.evaluate()).await;
        assert_eq!(outcome.unwrap(), Some(PublishOutcome::Changed));
        let (reads, writes) = changed.split_at(5);
        assert_eq!(
            reads.join(", "),
            "delete product_winners, find positions, find product_winners, find products, find views"
        );
        assert_eq!(writes.join(", "), "update product_winners, update views, update views");
    })
    .await;
}

/// How many documents a step reads.
async fn documents<T>(env: &TestEnv, step: impl Future<Output = T>) -> (T, usize) {
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&read);
    env.relay.rewrite(move |_, answer| {
        let Ok(cursor) = answer.get_document("cursor") else { return };
        let batches = ["firstBatch", "nextBatch"].map(|batch| cursor.get_array(batch).map_or(0, Vec::len));
        counted.fetch_add(batches.iter().sum(), Ordering::Relaxed);
    });
    let done = step.await;
    env.relay.heal();
    (done, read.load(Ordering::Relaxed))
}

/// Beside so many batches at risk, turns after a flush read few documents, and leave the view right.
async fn flushes_are_published_by_themselves(at_risk: usize) {
    on_mongodb(async |env| {
        env.alone().await;
        env.round("first", false).await;
        let (expired, today): (Day, Day) = ("2026-01-01".parse().unwrap(), "2026-03-01".parse().unwrap());
        env.stock(at_risk, expired).await;
        let mut publisher = env.publisher_of_risk(today);
        let (outcome, all) = documents(env, publisher.evaluate()).await;
        assert_eq!(outcome.unwrap(), Some(PublishOutcome::Changed));
        assert!(all > at_risk, "{all} documents read");
        for round in 0..3 {
            env.round("another", false).await;
            let began = Instant::now();
            let (outcome, some) = documents(env, publisher.evaluate()).await;
            println!("{at_risk} batches at risk: {some} documents read in {:?}", began.elapsed());
            assert_eq!(outcome.unwrap(), Some(PublishOutcome::Changed));
            assert!(some <= 100, "{some} documents read in round {round}");
        }
        let (shown, wanted) = env.risks(today).await;
        assert!(shown.len() > at_risk && shown == wanted);
        // What a worker with other settings, or of another version, wrote, products alone do not tell.
        env.round("other settings", true).await;
        let (outcome, all) = documents(env, publisher.evaluate()).await;
        assert!(outcome.unwrap().is_some() && all > at_risk, "{all} documents read");
        let (shown, wanted) = env.risks(today).await;
        assert!(shown == wanted);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_flush_makes_of_stock_at_risk_is_read_and_written_by_itself() {
    flushes_are_published_by_themselves(3_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn the_same_beside_half_a_million_batches_at_risk() {
    flushes_are_published_by_themselves(500_000).await;
}

/// The relay keeps the answer for products until one for clients is there, and the other way round.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_flush_does_not_wait_for_products_before_it_writes_clients() {
    /// Long enough on any machine; never waited for where both are under way.
    const GIVE_UP: Duration = Duration::from_secs(60);
    on_mongodb(async |env| {
        env.alone().await; // a sweep writes them one after the other
        env.round("first", false).await;
        let (answered, both): (Arc<Mutex<BTreeSet<String>>>, Arc<Condvar>) = Default::default();
        let (found, kept) = (Arc::clone(&answered), Arc::clone(&both));
        env.relay.rewrite(move |request, _| {
            if request.is("update", "products") || request.is("update", "clients") {
                let mut answered = found.lock().unwrap();
                answered.insert(request.collection().to_owned());
                kept.notify_all();
                let both = || kept.wait_timeout_while(answered, GIVE_UP, |answered| answered.len() < 2).unwrap().1;
                // In place: another thread looks for answers meanwhile. What is given up is no longer both.
                if tokio::task::block_in_place(both).timed_out() {
                    found.lock().unwrap().insert("gave up".into());
                }
            }
        });
        env.round("second", false).await;
        env.relay.heal();
        assert_eq!(*answered.lock().unwrap(), ["clients", "products"].map(str::to_owned).into());
        for view in View::ALL {
            env.publisher(view).evaluate().await.unwrap();
        }
        env.check("second").await;
    })
    .await;
}
