//! Claiming a database, and where a pipeline starts.

use bson::{Document, doc};
use futures_util::future::join_all;
use stockstream_model::{
    Timestamp,
    documents::{Heartbeat, StartPositions, View, ViewState},
    settings::{Pipeline, Secret},
};
use stockstream_store::{MongoStore, Progress, StateStore, StoreError, ViewStore};

use super::{
    events::{CLIENTS, SALES},
    test_env::{TestEnv, on_mongodb, pipeline, settings},
};

async fn a_database_is_prepared_as_often_as_one_likes(env: &impl TestEnv) {
    let store = env.open(&settings()).await;
    let first = store.prepare(&pipeline("shop/stock")).await.unwrap();
    store.claim_revision(View::ProductWinners, 0).await.unwrap();
    assert_eq!(store.prepare(&pipeline("shop/stock")).await.unwrap(), first);
    assert_eq!(env.open(&settings()).await.prepare(&pipeline("shop/stock")).await.unwrap(), first);
    assert_eq!(store.newest_generation().await.unwrap(), first);
    assert_eq!(store.view(View::ProductWinners).await.unwrap().revision, 1, "what stands was written over");
}

async fn several_workers_prepare_a_database_at_once(env: &impl TestEnv) {
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(env.open(&settings()).await);
    }
    let prepared = join_all(stores.iter().map(|store| async { store.prepare(&pipeline("shop/stock")).await.unwrap() }));
    let generations = prepared.await;
    assert!(generations.iter().all(|generation| *generation == generations[0] && *generation > 0), "{generations:?}");
}

async fn a_second_pipeline_is_refused_by_name(env: &impl TestEnv) {
    let store = env.worker().await;
    let refused = env.open(&settings()).await.prepare(&pipeline("shop/other")).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Owned { owner, pipeline, .. } if owner == "shop/stock" && pipeline == "shop/other")
    );
    assert!(!refused.is_transient());
    store.prepare(&pipeline("shop/stock")).await.unwrap();
    assert_eq!(store.status().await.unwrap().pipeline.as_deref(), Some("shop/stock"));
}

async fn a_prepared_database_has_two_empty_views(env: &impl TestEnv) {
    let store = env.worker().await;
    assert_eq!(store.status().await.unwrap().views, View::ALL.map(ViewState::new));
    assert_eq!(store.view(View::LossRiskProducts).await.unwrap(), ViewState::new(View::LossRiskProducts));
    assert_eq!(store.product_winners().await.unwrap(), []);
}

async fn where_a_pipeline_starts_is_written_once(env: &impl TestEnv) {
    let store = env.worker().await;
    assert_eq!(store.start_positions().await.unwrap(), None);
    let start = |next| StartPositions { next: [(SALES, next), (CLIENTS, 0)].into() };
    let other = env.worker().await;
    let starts = [start(7), start(8)];
    let (a, b) = tokio::join!(store.init_start_offsets(&starts[0]), other.init_start_offsets(&starts[1]));
    let stands = a.unwrap();
    assert_eq!(stands, b.unwrap());
    assert!(starts.contains(&stands), "{stands:?}");
    assert_eq!(store.init_start_offsets(&StartPositions::default()).await.unwrap(), stands);
    assert_eq!(other.start_positions().await.unwrap(), Some(stands));
}

async fn a_claim_owns_the_database_and_has_no_opinion_on_its_settings(env: &impl TestEnv) {
    let store = env.open(&settings()).await;
    assert_eq!(store.progress().await.unwrap(), Progress::default());
    store.claim(&pipeline("shop/stock")).await.unwrap();
    store.claim(&pipeline("shop/stock")).await.unwrap();
    let refused = env.open(&settings()).await.claim(&pipeline("shop/other")).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Owned { owner, .. } if owner == "shop/stock"), "{refused}");
    assert_eq!(store.progress().await.unwrap().owner.map(|owner| owner.name).as_deref(), Some("shop/stock"));
    // The first worker settles the generation as if nobody had been there.
    assert_eq!(store.prepare(&pipeline("shop/stock")).await.unwrap(), 1);
    store.claim(&pipeline("shop/stock")).await.unwrap();
    assert_eq!(store.newest_generation().await.unwrap(), 1);
}

async fn a_claim_and_workers_that_start_at_once_agree(env: &impl TestEnv) {
    let (a, b, c) = (env.open(&settings()).await, env.open(&settings()).await, env.open(&settings()).await);
    let name = pipeline("shop/stock");
    let (claimed, first, second) = tokio::join!(a.claim(&name), b.prepare(&name), c.prepare(&name));
    claimed.unwrap();
    assert_eq!((first.unwrap(), second.unwrap()), (1, 1));
}

pub fn beat(worker: &str, at: Timestamp) -> Heartbeat {
    Heartbeat {
        worker: worker.into(),
        started_at: at,
        at,
        generation: 1,
        publisher: false,
        problems: vec!["sales/0 stopped".into()],
        ..Heartbeat::default()
    }
}

async fn progress_tells_start_positions_and_workers(env: &impl TestEnv) {
    let store = env.worker().await;
    let start = StartPositions { next: [(SALES, 7), (CLIENTS, 0)].into() };
    store.init_start_offsets(&start).await.unwrap();
    super::flow::positions(&*store, &[SALES]).await;
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

fn with_uid(uid: &str) -> Pipeline {
    Pipeline { uid: Some(uid.into()), ..pipeline("shop/stock") }
}

async fn a_database_has_an_id_from_its_first_claim_on(env: &impl TestEnv) {
    let (store, other) = (env.open(&settings()).await, env.open(&settings()).await);
    assert_eq!(store.progress().await.unwrap().database_id, None);
    let name = pipeline("shop/stock");
    let (one, two) = tokio::join!(store.claim(&name), other.prepare(&name));
    one.unwrap();
    two.unwrap();
    let id = store.progress().await.unwrap().database_id;
    assert!(id.as_ref().is_some_and(|id| id.len() >= 32), "{id:?}");
    store.claim(&with_uid("one")).await.unwrap();
    assert_eq!(other.progress().await.unwrap().database_id, id);
}

async fn a_database_with_another_id_than_expected_is_refused_and_nothing_is_written(env: &impl TestEnv) {
    let store = env.open(&settings()).await;
    let expects = |id: &str| Pipeline { database_id: Some(id.into()), ..with_uid("one") };
    let refused = store.prepare(&expects("another")).await.unwrap_err();
    assert!(matches!(&refused, StoreError::OtherDatabase { found: None, .. }), "{refused}");
    assert_eq!((refused.name(), refused.is_transient()), ("DatabaseChanged", false));
    assert_eq!(store.progress().await.unwrap(), Progress::default(), "an empty database stays empty");
    store.claim(&with_uid("one")).await.unwrap();
    let id = store.progress().await.unwrap().database_id.unwrap();
    store.prepare(&expects(&id)).await.unwrap();
    store.verify_owner(&expects(&id)).await.unwrap();
    for refused in [store.claim(&expects("another")).await, store.verify_owner(&expects("another")).await] {
        let refused = refused.unwrap_err();
        assert!(matches!(&refused, StoreError::OtherDatabase { found, .. } if *found == Some(id.clone())), "{refused}");
        assert!(refused.is_about_ownership());
    }
}

async fn another_pipeline_of_the_name_takes_over_only_from_one_that_shows_no_sign_of_life(env: &impl TestEnv) {
    let (store, other) = (env.open(&settings()).await, env.open(&settings()).await);
    store.prepare(&with_uid("one")).await.unwrap();
    let refused = other.claim(&with_uid("two")).await.unwrap_err();
    assert!(matches!(&refused, StoreError::OwnedByNamesake { owner, uid, .. } if owner == "one" && uid == "two"));
    assert_eq!(refused.name(), "DatabaseOwned");

    let seen = other.signs_of_life().await.unwrap();
    store.owner_heartbeat(&with_uid("one")).await.unwrap();
    assert!(!other.take_over(&with_uid("two"), &seen).await.unwrap(), "its operator is alive");
    let seen = other.signs_of_life().await.unwrap();
    store.heartbeat(&beat("worker", Timestamp::now())).await.unwrap();
    assert!(!other.take_over(&with_uid("two"), &seen).await.unwrap(), "its worker is alive");
    let seen = other.signs_of_life().await.unwrap();
    other.owner_heartbeat(&with_uid("two")).await.unwrap();
    assert_eq!(other.signs_of_life().await.unwrap(), seen, "who does not own it shows no sign of its life");
    store.verify_owner(&with_uid("one")).await.unwrap();

    let named_otherwise = Pipeline { uid: Some("two".into()), ..pipeline("shop/other") };
    assert!(!other.take_over(&named_otherwise, &seen).await.unwrap());
    assert!(other.take_over(&with_uid("two"), &seen).await.unwrap());
    other.prepare(&with_uid("two")).await.unwrap();
    for refused in [store.verify_owner(&with_uid("one")).await, store.claim(&with_uid("one")).await] {
        let refused = refused.unwrap_err();
        assert!(refused.is_about_ownership(), "{refused}");
    }
    assert!(!store.take_over(&with_uid("one"), &seen).await.unwrap(), "nothing stands as it was seen");
}

async fn a_worker_without_a_uid_works_beside_the_owner_of_its_name(env: &impl TestEnv) {
    let store = env.worker().await;
    store.claim(&with_uid("one")).await.unwrap();
    store.prepare(&pipeline("shop/stock")).await.unwrap();
    store.verify_owner(&pipeline("shop/stock")).await.unwrap();
    assert_eq!(store.progress().await.unwrap().owner.and_then(|owner| owner.uid).as_deref(), Some("one"));
    assert!(store.prepare(&pipeline("shop/other")).await.is_err());
}

#[tokio::test]
async fn a_database_from_before_there_were_ids_is_adopted() {
    on_mongodb(async |env| {
        env.worker().await;
        let meta = env.raw.collection::<Document>("meta");
        meta.delete_one(doc! { "_id": "identity" }).await.unwrap();
        meta.update_one(doc! { "_id": "pipeline" }, doc! { "$unset": { "uid": "" } }).await.unwrap();
        let store = env.open(&settings()).await;
        store.prepare(&with_uid("one")).await.unwrap();
        let progress = store.progress().await.unwrap();
        assert_eq!(progress.owner.and_then(|owner| owner.uid).as_deref(), Some("one"));
        assert!(progress.database_id.is_some());
        assert!(store.claim(&with_uid("two")).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_store_that_asks_once_does_not_wait_for_a_server_that_is_away() {
    let mut away = settings();
    away.mongodb.uri = Some(Secret::new("mongodb://127.0.0.1:1/none?serverSelectionTimeoutMS=50"));
    let store = MongoStore::connect(&away).await.unwrap().without_retry();
    let said = store.progress().await.unwrap_err();
    assert!(said.is_transient() && said.to_string().contains("127.0.0.1:1"), "{said}");
}

both!(
    a_claim_owns_the_database_and_has_no_opinion_on_its_settings,
    a_claim_and_workers_that_start_at_once_agree,
    progress_tells_start_positions_and_workers,
    a_database_has_an_id_from_its_first_claim_on,
    a_database_with_another_id_than_expected_is_refused_and_nothing_is_written,
    another_pipeline_of_the_name_takes_over_only_from_one_that_shows_no_sign_of_life,
    a_worker_without_a_uid_works_beside_the_owner_of_its_name,
    a_database_is_prepared_as_often_as_one_likes,
    several_workers_prepare_a_database_at_once,
    a_second_pipeline_is_refused_by_name,
    a_prepared_database_has_two_empty_views,
    where_a_pipeline_starts_is_written_once,
);
