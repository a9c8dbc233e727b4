//! Claiming a database, and where a pipeline starts.

use futures_util::future::join_all;
use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, Heartbeat, StartPositions, View, ViewState},
    settings::Secret,
};
use stockstream_store::{MongoStore, Progress, StateStore, StoreError, ViewStore};

use super::{
    bed::{Bed, pipeline, settings},
    events::{CLIENTS, SALES},
};

async fn a_database_is_prepared_as_often_as_one_likes(bed: &impl Bed) {
    let store = bed.open(&settings()).await;
    let first = store.prepare(&pipeline("shop/stock")).await.unwrap();
    store.claim_revision(View::ProductWinners, 0).await.unwrap();
    assert_eq!(store.prepare(&pipeline("shop/stock")).await.unwrap(), first);
    assert_eq!(bed.open(&settings()).await.prepare(&pipeline("shop/stock")).await.unwrap(), first);
    assert_eq!(store.newest_generation().await.unwrap(), first);
    assert_eq!(store.view(View::ProductWinners).await.unwrap().revision, 1, "what stands was written over");
}

async fn several_workers_prepare_a_database_at_once(bed: &impl Bed) {
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(bed.open(&settings()).await);
    }
    let prepared = join_all(stores.iter().map(|store| async { store.prepare(&pipeline("shop/stock")).await.unwrap() }));
    let generations = prepared.await;
    assert!(generations.iter().all(|generation| *generation == generations[0] && *generation > 0), "{generations:?}");
}

async fn a_second_pipeline_is_refused_by_name(bed: &impl Bed) {
    let store = bed.worker().await;
    let refused = bed.open(&settings()).await.prepare(&pipeline("shop/other")).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Owned { owner, pipeline, .. } if owner == "shop/stock" && pipeline == "shop/other")
    );
    assert!(!refused.is_transient());
    store.prepare(&pipeline("shop/stock")).await.unwrap();
    assert_eq!(store.status().await.unwrap().pipeline.as_deref(), Some("shop/stock"));
}

async fn a_prepared_database_has_two_empty_views(bed: &impl Bed) {
    let store = bed.worker().await;
    assert_eq!(store.status().await.unwrap().views, View::ALL.map(ViewState::new));
    assert_eq!(store.view(View::LossRiskProducts).await.unwrap(), ViewState::new(View::LossRiskProducts));
    assert_eq!(store.product_winners().await.unwrap(), []);
}

async fn where_a_pipeline_starts_is_written_once(bed: &impl Bed) {
    let store = bed.worker().await;
    assert_eq!(store.start_positions().await.unwrap(), None);
    let start = |next| StartPositions { next: [(SALES, next), (CLIENTS, 0)].into() };
    let other = bed.worker().await;
    let starts = [start(7), start(8)];
    let (a, b) = tokio::join!(store.pin_start(&starts[0]), other.pin_start(&starts[1]));
    let stands = a.unwrap();
    assert_eq!(stands, b.unwrap());
    assert!(starts.contains(&stands), "{stands:?}");
    assert_eq!(store.pin_start(&StartPositions::default()).await.unwrap(), stands);
    assert_eq!(other.start_positions().await.unwrap(), Some(stands));
}

async fn a_claim_owns_the_database_and_has_no_opinion_on_its_settings(bed: &impl Bed) {
    let store = bed.open(&settings()).await;
    assert_eq!(store.progress().await.unwrap(), Progress::default());
    store.claim(&pipeline("shop/stock")).await.unwrap();
    store.claim(&pipeline("shop/stock")).await.unwrap();
    let refused = bed.open(&settings()).await.claim(&pipeline("shop/other")).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Owned { owner, .. } if owner == "shop/stock"), "{refused}");
    assert_eq!(store.progress().await.unwrap().pipeline.as_deref(), Some("shop/stock"));
    // The first worker settles the generation as if nobody had been there.
    assert_eq!(store.prepare(&pipeline("shop/stock")).await.unwrap(), 1);
    store.claim(&pipeline("shop/stock")).await.unwrap();
    assert_eq!(store.newest_generation().await.unwrap(), 1);
}

async fn a_claim_and_workers_that_start_at_once_agree(bed: &impl Bed) {
    let (a, b, c) = (bed.open(&settings()).await, bed.open(&settings()).await, bed.open(&settings()).await);
    let name = pipeline("shop/stock");
    let (claimed, first, second) = tokio::join!(a.claim(&name), b.prepare(&name), c.prepare(&name));
    claimed.unwrap();
    assert_eq!((first.unwrap(), second.unwrap()), (1, 1));
}

async fn progress_tells_start_positions_and_workers(bed: &impl Bed) {
    let store = bed.worker().await;
    let start = StartPositions { next: [(SALES, 7), (CLIENTS, 0)].into() };
    store.pin_start(&start).await.unwrap();
    store.create_checkpoints(&[Checkpoint::new(SALES, 7, None)]).await.unwrap();
    let beat = |worker: &str, at: Timestamp| Heartbeat {
        worker: worker.into(),
        started_at: at,
        at,
        generation: 1,
        publisher: false,
        events_per_second: 0.0,
        freshness_ms: None,
        partitions: Vec::new(),
        problems: vec!["sales/0 stopped".into()],
    };
    let now = Timestamp::now();
    store.heartbeat(&beat("alive", now)).await.unwrap();
    store.heartbeat(&beat("gone", now.plus_millis(-45_000))).await.unwrap();
    let progress = store.progress().await.unwrap();
    assert_eq!(progress.start, Some(start));
    assert_eq!(progress.checkpoints, store.checkpoints().await.unwrap());
    assert_eq!(progress.workers, store.status().await.unwrap().workers);
    let workers: Vec<_> = progress.workers.iter().map(|worker| (&*worker.worker, worker.problems.len())).collect();
    assert_eq!(workers, [("alive", 1)]);
}

#[tokio::test]
async fn a_store_that_asks_once_does_not_wait_for_a_server_that_is_away() {
    let mut away = settings();
    away.mongodb.uri = Some(Secret::new("mongodb://127.0.0.1:1/none?serverSelectionTimeoutMS=50"));
    let store = MongoStore::connect(&away).await.unwrap().asking_once();
    let said = store.progress().await.unwrap_err();
    assert!(said.is_transient() && said.to_string().contains("127.0.0.1:1"), "{said}");
}

both!(
    a_claim_owns_the_database_and_has_no_opinion_on_its_settings,
    a_claim_and_workers_that_start_at_once_agree,
    progress_tells_start_positions_and_workers,
    a_database_is_prepared_as_often_as_one_likes,
    several_workers_prepare_a_database_at_once,
    a_second_pipeline_is_refused_by_name,
    a_prepared_database_has_two_empty_views,
    where_a_pipeline_starts_is_written_once,
);
