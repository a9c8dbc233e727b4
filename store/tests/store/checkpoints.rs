//! The checkpoints of versions before lanes, and what readers see of positions.

use bson::{Document, doc};
use stockstream_model::{
    Timestamp,
    documents::{Checkpoint, FoldRules, KafkaIds, LeaderEpoch, PartitionId},
    settings::HumanDuration,
};
use stockstream_store::{
    CheckpointStore, PositionStore, StateStore, ViewStore,
    checkpoints::{is_sealed, sealed},
};

use super::{
    events::{CLIENTS, MORE_SALES, SALES, STOCK, time},
    flow::{claim, complete, flush, positions},
    test_env::{Mongo, TestEnv},
};

async fn readers_see_the_positions_by_partition(env: &impl TestEnv) {
    let store = env.worker().await;
    assert_eq!(store.checkpoints().await.unwrap(), []);
    positions(&*store, &[CLIENTS, SALES]).await;
    let claimed = claim(&*store, SALES, 7).await;
    complete(&*store, &claimed).await;
    claim(&*store, CLIENTS, 5).await;
    let at = |of: &Checkpoint| (of.id, of.next, of.pending);
    let all: Vec<_> = store.checkpoints().await.unwrap().iter().map(at).collect();
    assert_eq!(all, [(SALES, 7, None), (CLIENTS, 0, Some(5))], "in the order of partitions");
    let some = ViewStore::positions(&*store, &[CLIENTS, STOCK].into()).await.unwrap();
    assert_eq!(some.iter().map(at).collect::<Vec<_>>(), [(CLIENTS, 0, Some(5))], "of those that are asked for");
    assert_eq!(ViewStore::positions(&*store, &[].into()).await.unwrap(), []);
}

fn full(id: PartitionId) -> Checkpoint {
    Checkpoint {
        id,
        incarnation: 2,
        topic_id: Some("$topic.id".into()),
        cluster_id: Some("cluster.$id".into()),
        next: 1 << 60,
        pending: Some((1 << 60) + 3),
        epoch: Some(LeaderEpoch { at: (1 << 60) + 3, value: i32::MAX }),
        version: 2,
        writer: "of before".into(),
        events: 1 << 53,
        rejected: (1 << 53) + 1,
        duplicates: (1 << 53) + 3,
        lost: Vec::new(),
        lost_offsets: 0,
        deduplicate: Some(HumanDuration::from_millis(86_400_001)),
        fold: FoldRules { version: 2, future_tolerance: Some(HumanDuration::from_millis(172_800_001)) },
        forgotten: Some(time("2026-04-30T11:59:59.999Z")),
        latest_event: Some(time("1969-12-31T23:59:59.999Z")),
        generation: 3,
        since: 5,
        updated_at: time("2026-05-01T12:00:00.001Z"),
    }
}

async fn a_checkpoint_of_before_is_read_whole_and_moved_by_who_knows_its_version(env: &Mongo) {
    let (store, other) = (env.worker().await, env.worker().await);
    store.seal_new(&[SALES]).await.unwrap();
    let first = store.old_checkpoints().await.unwrap().swap_remove(0);
    let full = Checkpoint { version: first.version + 1, ..full(SALES) };
    assert!(store.write_old_checkpoint(&full).await.unwrap());
    assert!(store.write_old_checkpoint(&full).await.unwrap(), "known by its writer");
    assert_eq!(store.old_checkpoints().await.unwrap(), std::slice::from_ref(&full));
    let another = Checkpoint { writer: "another".into(), ..full.clone() };
    assert!(!other.write_old_checkpoint(&another).await.unwrap());
    let too_early = Checkpoint { version: full.version + 2, ..another };
    assert!(!other.write_old_checkpoint(&too_early).await.unwrap());
    // A version before rules were named completes it and claims what comes next: it leaves the field, of which it knows nothing.
    let checkpoints = env.raw.collection::<Document>("checkpoints");
    let by_another =
        doc! { "$set": { "next": 5_i64, "pending": 9_i64, "version": full.version + 2, "writer": "of before that" } };
    checkpoints.update_one(doc! { "_id": "sales/0" }, by_another).await.unwrap();
    let standing = async || store.old_checkpoints().await.unwrap().swap_remove(0);
    assert_eq!((standing().await.pending, standing().await.fold), (Some(9), FoldRules::FIRST));
    checkpoints.update_one(doc! { "_id": "sales/0" }, doc! { "$unset": { "fold": "" } }).await.unwrap();
    assert_eq!(standing().await.fold, FoldRules::FIRST);
}

async fn a_seal_keeps_what_it_seals_and_of_two_who_seal_one_does(env: &Mongo) {
    let (a, b) = (env.worker().await, env.worker().await);
    a.seal_new(&[SALES, MORE_SALES]).await.unwrap();
    b.seal_new(&[SALES, CLIENTS]).await.unwrap();
    let all = a.old_checkpoints().await.unwrap();
    assert_eq!(all.iter().map(|of| of.id).collect::<Vec<_>>(), [SALES, MORE_SALES, CLIENTS]);
    assert!(all.iter().all(is_sealed));
    let open = Checkpoint { pending: None, version: all[0].version + 1, ..full(SALES) };
    assert!(a.write_old_checkpoint(&open).await.unwrap());
    let (of_a, of_b) = (sealed(&open, "a".into()), sealed(&open, "b".into()));
    let (by_a, by_b) = tokio::join!(a.write_old_checkpoint(&of_a), b.write_old_checkpoint(&of_b));
    assert!(by_a.unwrap() != by_b.unwrap(), "both or none sealed it");
    let standing = b.old_checkpoints().await.unwrap().swap_remove(0);
    assert!(is_sealed(&standing) && standing.next == open.next && standing.events == open.events);
}

async fn workers_and_ids_of_before_are_found(env: &Mongo) {
    let store = env.worker().await;
    assert_eq!(store.old_kafka_ids().await.unwrap(), KafkaIds::default());
    let ids = doc! { "_id": "kafka", "cluster": "C", "replaced_clusters": ["B"], "replaced_topics": ["$T.1"] };
    env.raw.collection::<Document>("meta").insert_one(ids).await.unwrap();
    let found = store.old_kafka_ids().await.unwrap();
    assert_eq!((found.cluster.as_deref(), found.replaced_topics.contains("$T.1")), (Some("C"), true));
    assert!(found.replaced_clusters.contains("B"));
    let now = Timestamp::now();
    store.heartbeat(&super::prepare::beat("of now", now)).await.unwrap();
    assert_eq!(store.old_workers().await.unwrap(), [""; 0]);
    let at = |millis| bson::DateTime::from_millis(now.millis() - millis);
    let workers = env.raw.collection::<Document>("workers");
    workers.insert_one(doc! { "_id": "of before", "at": at(0) }).await.unwrap();
    workers.insert_one(doc! { "_id": "gone", "at": at(600_000) }).await.unwrap();
    assert_eq!(store.old_workers().await.unwrap(), ["of before"]);
}

async fn positions_of_a_newer_shape_are_refused_and_take_no_claim(env: &Mongo) {
    let store = env.worker().await;
    flush(&*store, SALES, Vec::new()).await;
    let open = claim(&*store, SALES, 5).await;
    let newer = doc! { "$set": { "shape": 99_i64 } };
    env.raw.collection::<Document>("positions").update_one(doc! {}, newer).await.unwrap();
    let refused = store.load_positions().await.unwrap_err().to_string();
    assert!(refused.contains("shape 99") && refused.contains("newer Stockstream"), "{refused}");
    assert!(!super::flow::try_complete(&*store, &open).await);
}

mod seen {
    both!(readers_see_the_positions_by_partition);
    use super::*;
}

mongodb_only!(
    a_checkpoint_of_before_is_read_whole_and_moved_by_who_knows_its_version,
    a_seal_keeps_what_it_seals_and_of_two_who_seal_one_does,
    workers_and_ids_of_before_are_found,
    positions_of_a_newer_shape_are_refused_and_take_no_claim,
);
