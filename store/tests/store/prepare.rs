//! Claiming a database, and where a pipeline starts.

use futures_util::future::join_all;
use stockstream_model::documents::{StartPositions, View, ViewState};
use stockstream_store::{StateStore, StoreError, ViewStore};

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

both!(
    a_database_is_prepared_as_often_as_one_likes,
    several_workers_prepare_a_database_at_once,
    a_second_pipeline_is_refused_by_name,
    a_prepared_database_has_two_empty_views,
    where_a_pipeline_starts_is_written_once,
);
