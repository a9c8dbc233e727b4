//! Deduplication simulated: of several sales of an invoice one counts, whole and for good, whatever strikes.
//!
//! Which of them counts depends on who comes first, so each sale sells a product of its own besides: by these it is seen
//! which sales counted. They must be as far apart as the window says, every other must be near to one of them, and all
//! that is kept must be what one pass over them alone gives.

use std::collections::HashSet;

use stockstream_model::documents::{Checkpoint, PartitionStatus};

use crate::{flush::deduplicate::forget_once, simulation::*};

const MINUTE: i64 = 60_000;
const WITHIN: i64 = 20 * MINUTE;
const PARTITIONS: usize = 2;

#[derive(Clone, Debug)]
enum Act {
    Step(Step),
    /// A worker stands still between claim and apply, and is given up for dead.
    Stall(usize),
    /// Whatever stands still goes on.
    Wake,
    /// The publisher forgets what is old.
    Forget,
}

/// A sale: gap, invoice, minutes off its turn, whether it is good.
type Sold = (i64, i64, i64, bool);

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => step(PARTITIONS).prop_map(Act::Step),
        2 => (0..WORKERS).prop_map(Act::Stall),
        2 => Just(Act::Wake),
        2 => Just(Act::Forget),
    ]
}

fn sold() -> impl Strategy<Value = Vec<Sold>> {
    prop::collection::vec((1..3_i64, 0..6_i64, -25..25_i64, prop::bool::weighted(0.9)), 0..25)
}

/// Sales that go on for hours, a little out of order in each partition, or wildly so.
fn log(partition: i32, wild: bool, sold: Vec<Sold>) -> (PartitionId, Vec<Entry>) {
    let mut offset = 0;
    let entry = |(turn, (gap, invoice, off, good)): (i64, Sold)| {
        offset += gap;
        let off = if wild { 20 * off } else { off };
        let at = 1_700_000_000_000 + (10 * turn + off) * MINUTE;
        let quantity = i64::from(good);
        let payload = format!(
            r#"{{"invoice_id":{invoice},"client_id":"c{invoice}","timestamp":"2026-01-0{}","total_amount":{},"items":[{{"product_id":"{}","quantity":1}},{{"product_id":"p{invoice}","quantity":{quantity}}}]}}"#,
            invoice + 1,
            offset + 1,
            own_product(partition, offset),
        );
        Entry { offset, at, payload }
    };
    (PartitionId { stream: EventKind::Sales, partition }, (0..).zip(sold).map(entry).collect())
}

fn own_product(partition: i32, offset: i64) -> String {
    format!("of {partition}/{offset}")
}

/// What the workers of a case go by: all the same window, or each its own or none.
fn windows() -> impl Strategy<Value = [Option<HumanDuration>; WORKERS]> {
    let own =
        || prop_oneof![Just(None), (1..60_u64).prop_map(|minutes| Some(HumanDuration::from_millis(minutes * 60_000)))];
    prop_oneof![
        3 => Just([Some(HumanDuration::from_millis(WITHIN as u64)); WORKERS]),
        1 => [own(), own(), own()],
    ]
}

/// What every worker goes by.
fn by_windows(windows: [Option<HumanDuration>; WORKERS]) -> [Rules; WORKERS] {
    windows.map(|deduplicate| Rules { deduplicate, ..Rules::default() })
}

/// A worker's claim that stands still between claim and apply.
type Stalled = (usize, Flusher<MemoryStore>, Claim, FoldedBatch);

impl Simulation {
    /// By any worker's settings.
    async fn forget(&self) {
        let Some(within) = self.workers.iter().find_map(|worker| worker.rules.deduplicate) else { return };
        let positions = self.positions().await;
        let status = |(id, position): (&PartitionId, &Position)| {
            let log = &self.logs.iter().find(|(of, _)| of == id).unwrap().1;
            let log_end = log.last().map_or(0, |entry| entry.offset + 1);
            PartitionStatus { id: *id, next: position.next, log_end: Some(log_end) }
        };
        let partitions = positions.partitions.iter().map(status).collect();
        let beat = Heartbeat { partitions, ..heartbeat("who tells where logs end") };
        self.store.heartbeat(&beat).await.unwrap();
        forget_once(&*self.store, within).await.unwrap();
    }

    /// A worker claims what it has, and stands still.
    async fn stall(&mut self, worker: usize) -> Option<Stalled> {
        let (claim, folding) = self.claim(worker).await?;
        let Worker { shared, lane, .. } = &self.workers[worker];
        let flusher = Flusher::new(Arc::clone(&self.store), Arc::clone(shared), Arc::clone(lane), Topics::default());
        Some((worker, flusher, claim, folding))
    }

    async fn act(&mut self, act: Act, stalled: &mut Vec<Stalled>) {
        match act {
            Act::Step(step) => self.step(step).await,
            Act::Stall(worker) => stalled.extend(self.stall(worker).await),
            Act::Wake => {
                for (_, mut flusher, claim, folding) in stalled.drain(..) {
                    flusher.carry_out(claim, folding).await;
                }
            }
            Act::Forget => self.forget().await,
        }
    }
}

/// The sales that counted, by what they sold of their own.
fn counted(logs: &Logs, found: &Snapshot) -> HashSet<(i32, i64)> {
    let all = logs.iter().flat_map(|(id, log)| log.iter().map(|entry| (id.partition, entry.offset)));
    let sold: HashSet<&str> = found.products.iter().map(|product| product.product_id.as_str()).collect();
    all.filter(|(partition, offset)| sold.contains(own_product(*partition, *offset).as_str())).collect()
}

/// The logs with those sales alone that counted, and what was refused.
fn only(logs: &Logs, counted: &HashSet<(i32, i64)>) -> Logs {
    let of = |id: &PartitionId, log: &[Entry]| {
        let kept = |entry: &&Entry| counted.contains(&(id.partition, entry.offset)) || !is_good(entry);
        log.iter().filter(kept).cloned().collect()
    };
    logs.iter().map(|(id, log)| (*id, of(id, log))).collect()
}

fn is_good(entry: &Entry) -> bool {
    !entry.payload.contains(r#""quantity":0"#)
}

/// Whether what counted is far enough apart, and what did not near enough.
fn check_windows(logs: &Logs, counted: &HashSet<(i32, i64)>) -> Result<(), TestCaseError> {
    let invoice = |entry: &Entry| entry.payload.split(',').next().unwrap().to_owned();
    let all: Vec<_> = logs
        .iter()
        .flat_map(|(id, log)| log.iter().filter(|entry| is_good(entry)).map(|entry| (id.partition, entry)))
        .map(|(partition, entry)| ((partition, entry.offset), invoice(entry), entry.at))
        .collect();
    for (name, invoice, at) in &all {
        let near = |other: &&((i32, i64), String, i64)| {
            counted.contains(&other.0) && other.0 != *name && other.1 == *invoice && (other.2 - at).abs() <= WITHIN
        };
        let near: Vec<_> = all.iter().filter(near).map(|other| other.0).collect();
        if counted.contains(name) {
            prop_assert!(near.is_empty(), "{:?} counted, and so did its copies {:?}", name, near);
        } else {
            prop_assert!(!near.is_empty(), "{:?} counted for nothing, and is no copy", name);
        }
    }
    Ok(())
}

/// The logs of two partitions, by minutes and invoice.
fn fixed(minutes: [&[(i64, i64)]; PARTITIONS]) -> Logs {
    let sold = |log: &[(i64, i64)]| {
        (0..).zip(log).map(|(turn, (at, invoice))| (1, *invoice, at - 10 * turn, true)).collect::<Vec<_>>()
    };
    (0..).zip(minutes).map(|(partition, minutes)| log(partition, false, sold(minutes))).collect()
}

#[tokio::test]
async fn who_wakes_after_an_invoice_is_old_does_not_make_its_copy_count() {
    let logs = fixed([&[(20, 1), (90, 2), (35, 1)], &[(0, 1), (90, 3)]]);
    let mut simulation =
        Simulation::new(logs.clone(), by_windows([Some(HumanDuration::from_millis(WITHIN as u64)); WORKERS])).await;
    let mut stalled = Vec::new();
    let assign = |worker, partition| Act::Step(Step::Assign { worker, partition });
    let read = |worker, partition| Act::Step(Step::Read { worker, partition, records: 1 });
    let flush = |worker| Act::Step(Step::Flush { worker });
    for act in [
        [assign(1, 1), read(1, 1), flush(1)],      // the sale that counts
        [assign(0, 0), read(0, 0), Act::Stall(0)], // its copy
        [assign(2, 0), read(2, 0), flush(2)],
        [read(2, 0), flush(2), read(1, 1)],
        [flush(1), Act::Forget, Act::Wake],
    ]
    .into_iter()
    .flatten()
    {
        simulation.act(act, &mut stalled).await;
    }
    simulation.end().await; // too far from the sale to be a copy of it
    let counted = counted(&logs, &simulation.store.snapshot().await.unwrap());
    assert_eq!(counted, HashSet::from([(0, 2), (0, 3), (1, 1), (1, 2)]));
    check_windows(&logs, &counted).unwrap();
}

#[tokio::test]
async fn who_wakes_once_others_finished_its_claim_counts_nothing_that_is_forgotten_since() {
    // The second sale of each partition is so late that its invoice is forgotten at once.
    let logs = fixed([&[(0, 1), (-110, 0)], &[(0, 1), (-110, 0)]]);
    let mut simulation =
        Simulation::new(logs, by_windows([Some(HumanDuration::from_millis(WITHIN as u64)); WORKERS])).await;
    let mut stalled = Vec::new();
    let assign = |worker, partition| Act::Step(Step::Assign { worker, partition });
    let read = |worker, partition| Act::Step(Step::Read { worker, partition, records: 2 });
    for act in [assign(2, 1), assign(0, 0), read(0, 0), read(2, 1), Act::Stall(0)] {
        simulation.act(act, &mut stalled).await;
    }
    // Another worker finds the claim open and stands still before it finishes it.
    let found = simulation.positions().await;
    let claim = stalled[0].2.clone();
    for act in [Act::Step(Step::Flush { worker: 2 }), assign(0, 0), Act::Forget] {
        simulation.act(act, &mut stalled).await;
    }
    let before = simulation.store.snapshot().await.unwrap();
    simulation.act(Act::Wake, &mut stalled).await;
    assert_eq!(simulation.store.snapshot().await.unwrap(), before);
    simulation.finish(1, &found, &claim).await;
    assert_eq!(simulation.store.snapshot().await.unwrap(), before);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn of_several_sales_of_an_invoice_one_counts(
        (a, b) in (sold(), sold()),
        windows in windows(),
        wild in prop::bool::weighted(0.4),
        acts in prop::collection::vec(act(), 0..80),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let logs = vec![log(0, wild, a), log(1, wild, b)];
        let (found, checkpoints) = runtime.block_on(async {
            let mut simulation = Simulation::new(logs.clone(), by_windows(windows)).await;
            let mut stalled = Vec::new();
            for act in acts {
                simulation.act(act, &mut stalled).await;
            }
            simulation.end().await;
            // Who slept through it all changes nothing.
            simulation.act(Act::Wake, &mut stalled).await;
            (simulation.store.snapshot().await.unwrap(), simulation.store.checkpoints().await.unwrap())
        });
        let counted = counted(&logs, &found);
        prop_assert_eq!(found, runtime.block_on(plainly(&only(&logs, &counted))));
        let total = |of: fn(&Checkpoint) -> i64| checkpoints.iter().map(of).sum::<i64>();
        prop_assert_eq!(total(|c| c.events - c.rejected - c.duplicates), counted.len() as i64);
        // What is wildly late may be forgotten, but counts whole or not at all.
        if !wild && windows == [Some(HumanDuration::from_millis(WITHIN as u64)); WORKERS] {
            check_windows(&logs, &counted)?;
        }
    }
}
