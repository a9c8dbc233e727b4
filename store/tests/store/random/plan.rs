//! How a history is delivered, at random: in which ranges and batches, by which worker, what is cut short, redelivered
//! or brought by a zombie.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use proptest::{collection::vec, option, prelude::*};
use stockstream_protocol::claim::Claim;
use stockstream_store::{Changes, StateStore};
use tokio::time::timeout;

use super::history::{History, PARTITIONS};
use crate::store::{
    flow::{claim_all, complete, guard, recreate},
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
    /// Whether a worker then moves days, and for how long before it dies: of 0, it goes on to the end.
    moves: Option<u64>,
    /// Whether the other worker then comes with a batch from long ago, and which.
    zombie: Option<usize>,
}

pub fn any() -> impl Strategy<Value = Vec<Step>> {
    let take = prop::array::uniform6(prop_oneof![1 => Just(0_usize), 1 => 1..5_usize]);
    use proptest::prelude::any;
    let (part, zombie, moves) = (option::of(any::<u8>()), option::of(0..100_usize), option::of(0..8_u64));
    let step = (0..2_usize, take, any::<bool>(), part, any::<bool>(), moves, zombie);
    let step = step.prop_map(|(worker, take, wide, part, again, moves, zombie)| Step {
        worker,
        take,
        wide,
        part,
        again,
        moves,
        zombie,
    });
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
    let rest = Step {
        worker: 0,
        take: [usize::MAX; PARTITIONS],
        wide: false,
        part: None,
        again: false,
        moves: None,
        zombie: None,
    };
    let mut reached = [Reached::default(); PARTITIONS];
    let mut old: Vec<(Changes, Claim)> = Vec::new();
    for step in steps.iter().chain([&rest, &rest]) {
        let (worker, other) = (&*workers[step.worker], &*workers[1 - step.worker]);
        let Some((changes, claim)) = claimed(worker, history, step, &mut reached).await else { continue };
        if let Some(part) = step.part {
            let report = other.apply(&part_of(&changes, part), &guard(&claim)).await.unwrap();
            assert_eq!((report.already, report.superseded), (0, false));
        }
        assert!(!worker.apply(&changes, &guard(&claim)).await.unwrap().superseded);
        if step.again {
            let report = other.apply(&changes, &guard(&claim)).await.unwrap();
            assert_eq!((report.changed, report.superseded), (0, false));
        }
        match step.moves {
            Some(0) => while worker.move_days(2).await.unwrap() > 0 {},
            // What it sent may take effect at any time.
            Some(part) => drop(timeout(Duration::from_micros(part * part * 200), worker.move_days(100)).await),
            None => {}
        }
        if let Some((changes, claim)) = step.zombie.and_then(|which| old.get(which % old.len().max(1))) {
            assert_eq!(other.apply(changes, &guard(claim)).await.unwrap().changed, 0);
        }
        complete(worker, &claim).await;
        old.push((changes, claim));
    }
}

/// Claims what the step takes of each partition, and folds it; nothing where it takes nothing.
async fn claimed(
    store: &impl StateStore,
    history: &History,
    step: &Step,
    reached: &mut [Reached; PARTITIONS],
) -> Option<(Changes, Claim)> {
    let (mut parts, mut ends) = (Vec::new(), Vec::new());
    for ((partition, take), reached) in history.partitions.iter().zip(step.take).zip(reached) {
        let left = |reached: &Reached| partition.incarnations[reached.incarnation].len() - reached.records;
        if take > 0 && left(reached) == 0 && reached.incarnation + 1 < partition.incarnations.len() {
            *reached = Reached { incarnation: reached.incarnation + 1, records: 0 };
            recreate(store, partition.id).await;
        }
        let take = take.min(left(reached));
        if take > 0 {
            reached.records += take;
            let records = &partition.incarnations[reached.incarnation];
            parts.push((partition.id, records));
            ends.push((partition.id, end(records, reached.records, step.wide)));
        }
    }
    if ends.is_empty() {
        return None;
    }
    let claim = claim_all(store, &ends).await;
    let mut changes = Changes::default();
    for (id, records) in parts {
        changes.merge(fold(id, &claim.partitions[&id], records));
    }
    Some((changes, claim))
}

/// Behind so many records, or before the one that follows them.
fn end(records: &[crate::store::fold::Record], count: usize, wide: bool) -> i64 {
    let behind = records[count - 1].offset + 1;
    if wide { records.get(count).map_or(behind, |next| next.offset) } else { behind }
}

/// Some of the keys: what a worker did before it ended.
fn part_of(changes: &Changes, which: u8) -> Changes {
    fn hit(key: &impl Hash, which: u8) -> bool {
        let mut hasher = DefaultHasher::new();
        (key, which).hash(&mut hasher);
        hasher.finish().is_multiple_of(3)
    }
    let mut part = changes.clone();
    part.products.retain(|key, _| hit(key, which));
    part.inventory.retain(|key, _| hit(key, which));
    part.clients.retain(|key, _| hit(key, which));
    part.daily.retain(|key, _| hit(key, which));
    part.rejections.retain(|event| hit(&event.offset, which));
    part
}
