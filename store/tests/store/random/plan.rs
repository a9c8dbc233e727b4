//! How a history is delivered, at random: in which ranges and batches, by which worker, what is cut short, redelivered
//! or brought by a zombie.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use proptest::{collection::vec, option, prelude::*};
use stockstream_model::documents::{Checkpoint, PartitionId};
use stockstream_store::{Batch, Range, StateStore};

use super::history::{History, PARTITIONS, Partition};
use crate::store::{
    flow::{claim_all, complete_all, next_of, positions},
    fold::fold,
};

/// A batch.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which of two workers applies it.
    worker: usize,
    /// How many records of each partition it takes.
    take: [usize; PARTITIONS],
    /// Whether its ranges reach over the gaps behind their last records.
    wide: bool,
    /// Whether the other worker applied a part of it, and which.
    part: Option<u8>,
    /// Whether it is delivered once more.
    again: bool,
    /// Whether the other worker then comes with a batch from long ago, and which.
    zombie: Option<usize>,
}

pub fn any() -> impl Strategy<Value = Vec<Step>> {
    let take = prop::array::uniform6(prop_oneof![1 => Just(0_usize), 1 => 1..5_usize]);
    let step = (0..2_usize, take, any::<bool>(), option::of(any::<u8>()), any::<bool>(), option::of(0..100_usize));
    use proptest::prelude::any;
    let step =
        step.prop_map(|(worker, take, wide, part, again, zombie)| Step { worker, take, wide, part, again, zombie });
    vec(step, 0..8)
}

/// How far a partition is: the incarnation, and how many of its records are applied.
#[derive(Clone, Copy, Default)]
struct Reached {
    incarnation: usize,
    records: usize,
}

/// Delivers all of a history: by the steps, then what is left in as few batches as there can be.
pub async fn run<S: StateStore>(workers: &[Arc<S>; 2], history: &History, steps: &[Step]) {
    let rest = Step { worker: 0, take: [usize::MAX; PARTITIONS], wide: false, part: None, again: false, zombie: None };
    let mut reached = [Reached::default(); PARTITIONS];
    let mut old: Vec<(Batch, Vec<Checkpoint>)> = Vec::new();
    for step in steps.iter().chain([&rest, &rest]) {
        let (worker, other) = (&*workers[step.worker], &*workers[1 - step.worker]);
        let (batch, claims) = claimed(worker, history, step, &mut reached).await;
        if let Some(part) = step.part {
            let part: Batch = batch.iter().map(|(id, range)| (*id, part_of(range, (*id, part)))).collect();
            let report = other.apply(&part, &claims).await.unwrap();
            assert_eq!((report.already, report.lost), (0, Vec::new()));
        }
        assert_eq!(worker.apply(&batch, &claims).await.unwrap().lost, []);
        if step.again {
            let report = other.apply(&batch, &claims).await.unwrap();
            assert_eq!((report.changed, report.lost), (0, Vec::new()));
        }
        if let Some((batch, claims)) = step.zombie.and_then(|which| old.get(which % old.len().max(1))) {
            assert_eq!(other.apply(batch, claims).await.unwrap().changed, 0);
        }
        complete_all(worker, &claims).await;
        old.push((batch, claims));
    }
}

/// Claims what the step takes of each partition, and folds it.
async fn claimed(
    store: &impl StateStore,
    history: &History,
    step: &Step,
    reached: &mut [Reached; PARTITIONS],
) -> (Batch, Vec<Checkpoint>) {
    let (mut parts, mut ends) = (Vec::new(), Vec::new());
    for ((partition, take), reached) in history.partitions.iter().zip(step.take).zip(reached) {
        let left = |reached: &Reached| partition.incarnations[reached.incarnation].len() - reached.records;
        if take > 0 && left(reached) == 0 && reached.incarnation + 1 < partition.incarnations.len() {
            *reached = Reached { incarnation: reached.incarnation + 1, records: 0 };
            make_anew(store, partition).await;
        }
        let take = take.min(left(reached));
        if take > 0 {
            reached.records += take;
            parts.push((partition, reached.incarnation));
            ends.push(end(&partition.incarnations[reached.incarnation], reached.records, step.wide));
        }
    }
    let ids: Vec<_> = parts.iter().map(|(partition, _)| partition.id).collect();
    let claims = claim_all(store, &positions(store, &ids).await, &ends).await;
    let fold = |(claim, (partition, incarnation)): (&Checkpoint, &(&Partition, usize))| {
        (claim.id, fold(claim, &partition.incarnations[*incarnation]))
    };
    (claims.iter().zip(&parts).map(fold).collect(), claims)
}

/// Behind so many records, or before the one that follows them.
fn end(records: &[crate::store::fold::Record], count: usize, wide: bool) -> i64 {
    let behind = records[count - 1].offset + 1;
    if wide { records.get(count).map_or(behind, |next| next.offset) } else { behind }
}

async fn make_anew(store: &impl StateStore, partition: &Partition) {
    let standing = positions(store, &[partition.id]).await.swap_remove(0);
    let anew = Checkpoint { incarnation: standing.incarnation + 1, next: 0, ..next_of(&standing) };
    assert_eq!(store.swap_checkpoints(&[anew]).await.unwrap(), [true]);
}

/// Some keys of a range, other ones for each partition: what a worker did before it ended.
fn part_of(range: &Range, which: (PartitionId, u8)) -> Range {
    fn hit(key: &impl Hash, which: (PartitionId, u8)) -> bool {
        let mut hasher = DefaultHasher::new();
        (key, which).hash(&mut hasher);
        hasher.finish().is_multiple_of(3)
    }
    let mut part = range.clone();
    part.products.retain(|key, _| hit(key, which));
    part.inventory.retain(|key, _| hit(key, which));
    part.clients.retain(|key, _| hit(key, which));
    part.daily.retain(|key, _| hit(key, which));
    part.rejections.retain(|event| hit(&event.offset, which));
    part
}
