//! Positions: made once, moved by compare-and-set.

use stockstream_model::{
    documents::{Checkpoint, FoldRules, KafkaIds, LeaderEpoch, PartitionId},
    settings::Span,
};
use stockstream_store::{StateStore, ViewStore};

use super::{
    bed::Bed,
    events::{CLIENTS, MORE_SALES, SALES, STOCK, time},
    flow::{next_of, position, writer},
};

fn at(id: PartitionId, next: i64) -> Checkpoint {
    Checkpoint::new(id, next, None)
}

async fn a_checkpoint_is_made_once(bed: &impl Bed) {
    let store = bed.worker().await;
    store.create_checkpoints(&[]).await.unwrap();
    store.create_checkpoints(&[at(CLIENTS, 5), at(SALES, 7)]).await.unwrap();
    let other = bed.worker().await;
    other.create_checkpoints(&[at(MORE_SALES, 1), at(SALES, 9)]).await.unwrap();
    let all = [at(SALES, 7), at(MORE_SALES, 1), at(CLIENTS, 5)];
    assert_eq!(store.checkpoints().await.unwrap(), all, "in the order of partitions");
    let positions = store.positions(&[CLIENTS, STOCK, SALES].into()).await.unwrap();
    assert_eq!(positions, [at(SALES, 7), at(CLIENTS, 5)], "of those that are asked for");
    assert_eq!(store.positions(&[].into()).await.unwrap(), []);
}

async fn what_is_swapped_in_is_read_back_whole(bed: &impl Bed) {
    let store = bed.worker().await;
    let id = PartitionId { partition: 12, ..SALES };
    let full = Checkpoint {
        id,
        incarnation: 2,
        topic_id: Some("$topic.id".into()),
        cluster_id: Some("cluster.$id".into()),
        next: 1 << 60,
        pending: Some((1 << 60) + 3),
        epoch: Some(LeaderEpoch { at: (1 << 60) + 3, value: i32::MAX }),
        version: 1,
        writer: writer(),
        events: 1 << 53,
        rejected: (1 << 53) + 1,
        duplicates: (1 << 53) + 3,
        deduplicate: Some(Span::from_millis(86_400_001)),
        fold: FoldRules { version: 7, future_tolerance: Some(Span::from_millis(172_800_001)) },
        forgotten: Some(time("2026-04-30T11:59:59.999Z")),
        latest_event: Some(time("1969-12-31T23:59:59.999Z")),
        generation: 3,
        since: 5,
        updated_at: time("2026-05-01T12:00:00.001Z"),
    };
    position(&*store, id).await;
    assert_eq!(store.swap_checkpoints(std::slice::from_ref(&full)).await.unwrap(), [true]);
    assert_eq!(store.checkpoints().await.unwrap(), std::slice::from_ref(&full));
    let bare = Checkpoint {
        pending: None,
        epoch: None,
        deduplicate: None,
        fold: FoldRules { version: 7, future_tolerance: None },
        forgotten: None,
        topic_id: None,
        cluster_id: None,
        latest_event: None,
        ..next_of(&full)
    };
    assert_eq!(store.swap_checkpoints(std::slice::from_ref(&bare)).await.unwrap(), [true]);
    assert_eq!(store.checkpoints().await.unwrap(), [bare], "what is left out is cleared");
}

async fn only_who_knows_the_version_swaps(bed: &impl Bed) {
    let store = bed.worker().await;
    let zero = position(&*store, SALES).await;
    let one = Checkpoint { next: 10, ..next_of(&zero) };
    let too_late = Checkpoint { next: 20, ..next_of(&zero) };
    let too_early = Checkpoint { next: 30, ..next_of(&next_of(&one)) };
    assert_eq!(store.swap_checkpoints(std::slice::from_ref(&one)).await.unwrap(), [true]);
    assert_eq!(store.swap_checkpoints(&[too_late]).await.unwrap(), [false]);
    assert_eq!(store.swap_checkpoints(&[too_early]).await.unwrap(), [false]);
    assert_eq!(store.checkpoints().await.unwrap(), [one]);
}

async fn a_swap_whose_acknowledgement_was_lost_is_known_by_its_writer(bed: &impl Bed) {
    let store = bed.worker().await;
    let one = Checkpoint { next: 10, ..next_of(&position(&*store, SALES).await) };
    assert_eq!(store.swap_checkpoints(std::slice::from_ref(&one)).await.unwrap(), [true]);
    assert_eq!(store.swap_checkpoints(std::slice::from_ref(&one)).await.unwrap(), [true]);
    let of_another = Checkpoint { writer: writer(), ..one.clone() };
    assert_eq!(bed.worker().await.swap_checkpoints(&[of_another]).await.unwrap(), [false]);
    assert_eq!(store.checkpoints().await.unwrap(), [one]);
}

async fn each_of_several_swaps_has_its_own_answer(bed: &impl Bed) {
    let store = bed.worker().await;
    let mut zeros = Vec::new();
    for id in [SALES, MORE_SALES, CLIENTS] {
        zeros.push(position(&*store, id).await);
    }
    let taken = next_of(&zeros[1]);
    assert_eq!(store.swap_checkpoints(std::slice::from_ref(&taken)).await.unwrap(), [true]);
    let missing = Checkpoint { version: 1, ..at(STOCK, 3) };
    let swaps = [next_of(&zeros[2]), missing, next_of(&zeros[1]), next_of(&zeros[0])];
    assert_eq!(store.swap_checkpoints(&swaps).await.unwrap(), [true, false, false, true]);
    let standing = store.checkpoints().await.unwrap();
    assert_eq!(standing, [swaps[3].clone(), taken, swaps[0].clone()], "and a missing one was not made");
    assert_eq!(store.swap_checkpoints(&[]).await.unwrap(), [false; 0]);
}

async fn of_two_workers_one_swaps(bed: &impl Bed) {
    let (a, b) = (bed.worker().await, bed.worker().await);
    for _ in 0..20 {
        let standing = position(&*a, SALES).await;
        let (of_a, of_b) = ([next_of(&standing)], [next_of(&standing)]);
        let (by_a, by_b) = tokio::join!(a.swap_checkpoints(&of_a), b.swap_checkpoints(&of_b));
        let (by_a, by_b) = (by_a.unwrap()[0], by_b.unwrap()[0]);
        assert!(by_a != by_b, "both or none swapped");
        let winner = if by_a { of_a } else { of_b };
        assert_eq!(a.checkpoints().await.unwrap(), winner);
    }
}

async fn ids_of_kafka_are_added_and_a_cluster_takes_the_place_of_one_that_was_replaced(bed: &impl Bed) {
    let (store, other) = (bed.worker().await, bed.worker().await);
    assert_eq!(store.kafka_ids().await.unwrap(), KafkaIds::default());
    let ids = |cluster: Option<&str>, clusters: &[&str], topics: &[&str]| KafkaIds {
        cluster: cluster.map(str::to_owned),
        replaced_clusters: clusters.iter().map(|&id| id.to_owned()).collect(),
        replaced_topics: topics.iter().map(|&id| id.to_owned()).collect(),
    };
    store.note_kafka_ids(&ids(None, &[], &["T.1"])).await.unwrap();
    store.note_kafka_ids(&ids(Some("A"), &[], &[])).await.unwrap();
    other.note_kafka_ids(&ids(Some("B"), &[], &[])).await.unwrap();
    assert_eq!(other.kafka_ids().await.unwrap(), ids(Some("A"), &[], &["T.1"]), "the first cluster stands");
    other.note_kafka_ids(&ids(Some("B"), &["A"], &["$T2", "T.1"])).await.unwrap();
    store.note_kafka_ids(&ids(Some("C"), &["A"], &[])).await.unwrap();
    assert_eq!(store.kafka_ids().await.unwrap(), ids(Some("B"), &["A"], &["$T2", "T.1"]));
}

both!(
    ids_of_kafka_are_added_and_a_cluster_takes_the_place_of_one_that_was_replaced,
    a_checkpoint_is_made_once,
    what_is_swapped_in_is_read_back_whole,
    only_who_knows_the_version_swaps,
    a_swap_whose_acknowledgement_was_lost_is_known_by_its_writer,
    each_of_several_swaps_has_its_own_answer,
    of_two_workers_one_swaps,
);
