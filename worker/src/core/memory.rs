//! How much memory a batch takes, and how much it may take under the memory limit of the process.
//!
//! The figures are upper bounds of what an allocator hands out, at the moment when a map doubles; `worker/tests/memory.rs`
//! holds them against a counting allocator.

use stockstream_model::settings::Limits;
use stockstream_store::Changes;

use super::fold::DeferredSale;

const MIB: u64 = 1 << 20;

/// A change of a product: its place in the map, which holds three times as many while it doubles.
const PRODUCT: usize = 512;
/// What a stock record keeps besides: the batch's own change, and the record in the product's.
const STOCK: usize = 1_280;
const CLIENT: usize = 384;
const DAY: usize = 256;
/// A rejected event besides its payload.
const REJECTED: usize = 640;
/// A sale that may be a copy, besides its payload.
const HELD: usize = 256;
/// How much a byte becomes at least of a record that is read and not folded yet.
const WAITING: usize = 2;
/// And at most: of a sale of a thousand products that are new.
const DENSEST: usize = 24;
/// At so many products is looked to find how many days a product of the batch has.
const LOOKED_AT: usize = 64;

/// Of so many days a batch holds sales at most, each day counted by each folding thread. All days of a product are in one statement,
/// which the server takes up to 16 MiB: some 1.5 KiB a day. What is read meanwhile comes on top.
const MOST_DAYS: usize = 1_000;

/// Program, runtime, driver, encoded commands and the publisher.
const PROGRAM: u64 = 128 * MIB;
/// What librdkafka needs besides the payloads in its queue: a header for each of 100,000 messages
/// (`queued.min.messages`), and a fetch that is being unpacked.
const CLIENT_QUEUE: u64 = 48 * MIB;
/// The most payload that is fetched ahead.
const FETCHED_AHEAD: u64 = 16 * MIB;
/// The least, below which fetching would wait for folding.
const LEAST_FETCHED_AHEAD: u64 = 4 * MIB;
/// The most bytes of one fetch, as the broker keeps them. All of a fetch is unpacked at once, whatever the queue holds by then, and a
/// byte may become 255 (LZ4).
const FETCH: u64 = 4 * MIB;
/// The least: a broker sends a batch that is larger all the same.
const LEAST_FETCH: u64 = MIB / 8;
/// Every batch may take so much: without that nothing would move.
const LEAST_BATCH: u64 = 8 * MIB;

/// Bytes of memory that changes take at most, about.
pub fn of_changes(changes: &Changes) -> usize {
    of_keys(changes) + changes.rejections.len() * REJECTED
}

/// The same without what was refused.
fn of_keys(changes: &Changes) -> usize {
    let Changes { products, inventory, clients, daily, rejections: _ } = changes;
    products.len() * PRODUCT
        + spilled_days(changes)
        + inventory.len() * STOCK
        + clients.len() * CLIENT
        + daily.len() * DAY
}

/// The same of sales that are held.
pub fn of_held(held: &[DeferredSale]) -> usize {
    held.len() * HELD
}

/// The same of so many bytes of records that are not folded yet, by what became of those before them.
pub fn of_waiting(bytes: usize, memory: usize, folded: usize) -> usize {
    bytes * (memory / folded.max(1)).clamp(WAITING, DENSEST)
}

/// Days beyond a product's first lie on the heap. Counting them all would be reading the whole batch each time, so the average
/// of some products stands for all.
fn spilled_days(changes: &Changes) -> usize {
    let products = &changes.products;
    let step = products.len() / LOOKED_AT + 1;
    let looked_at = products.values().step_by(step);
    let (count, bytes) = looked_at.fold((0, 0), |(count, bytes), product| {
        let days = &product.days;
        // Its capacity is a power of two.
        let spilled = if days.spilled() { 2 * size_of_val(days.as_slice()) } else { 0 };
        (count + 1, bytes + spilled)
    });
    (bytes * products.len()).checked_div(count).unwrap_or_default()
}

/// What is in a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Keys that it changes.
    pub keys: usize,
    /// Bytes of events that it stands for.
    pub bytes: usize,
    /// Bytes of memory that it takes.
    pub memory: usize,
    /// Days on which something was sold.
    pub days: usize,
}

/// How much of the process's memory goes where. Two batches are in memory at once: one is folded while the one before is
/// flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// How many keys a batch may hold.
    pub keys: usize,
    /// How many bytes of events it may stand for.
    pub bytes: usize,
    /// How many bytes of memory it may take; `None` where the process has no limit.
    pub memory: Option<u64>,
    /// How many bytes of payload Kafka's client may fetch ahead.
    pub fetched_ahead: u64,
    /// How many bytes one fetch may bring, packed as they are.
    pub fetch: u64,
    /// The process's limit.
    pub limit: Option<u64>,
}

impl Budget {
    /// What the settings say, and a memory limit of the process if it has one.
    pub fn new(limits: &Limits, limit: Option<u64>) -> Self {
        let fetched_ahead = limit.map_or(FETCHED_AHEAD, fetched_ahead);
        let memory = limit.map(|limit| batch(limit).max(LEAST_BATCH));
        let fetch = limit.map_or(FETCH, |limit| (limit / 2_048).clamp(LEAST_FETCH, FETCH));
        Self { keys: limits.batch_keys, bytes: limits.batch_bytes, memory, fetched_ahead, fetch, limit }
    }

    /// Whether a batch may take nothing more.
    pub fn is_full(&self, filled: Filled) -> bool {
        filled.keys >= self.keys
            || filled.bytes >= self.bytes
            || filled.days >= MOST_DAYS
            || self.memory.is_some_and(|memory| filled.memory as u64 >= memory)
    }

    /// Whether the keys of these changes are more than one batch may take. What was refused is no key.
    pub fn is_exceeded(&self, changes: &Changes) -> bool {
        changes.keys() - changes.rejections.len() > self.keys.max(1)
            || self.memory.is_some_and(|memory| of_keys(changes) as u64 > memory)
    }

    /// The least limit under which even the smallest batches fit, where this one is below it.
    pub fn least_limit(&self) -> Option<u64> {
        self.limit.filter(|limit| batch(*limit) < LEAST_BATCH)?;
        (1..).map(|part| part * 16 * MIB).find(|limit| batch(*limit) >= LEAST_BATCH)
    }
}

fn fetched_ahead(limit: u64) -> u64 {
    (limit / 16).clamp(LEAST_FETCHED_AHEAD, FETCHED_AHEAD)
}

/// What is left for each of two batches, less a quarter that an allocator cannot use.
fn batch(limit: u64) -> u64 {
    // What is fetched is there twice while it is unpacked.
    let others = PROGRAM + CLIENT_QUEUE + 2 * fetched_ahead(limit);
    limit.saturating_sub(others) / 4 * 3 / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(limit_mib: u64) -> Option<u64> {
        Budget::new(&Limits::default(), Some(limit_mib * MIB)).memory.map(|memory| memory / MIB)
    }

    #[test]
    fn two_batches_and_all_else_fit_the_limit() {
        for limit in [256, 300, 512, 1_024, 4_096, 65_536] {
            let budget = Budget::new(&Limits::default(), Some(limit * MIB));
            let batch = budget.memory.unwrap();
            assert!(2 * batch + PROGRAM + CLIENT_QUEUE + 2 * budget.fetched_ahead <= limit * MIB, "{limit}");
            assert_eq!(budget.least_limit(), None, "{limit}");
        }
        assert_eq!((memory(256), memory(512), memory(1_024)), (Some(18), Some(114), Some(306)));
        let fetch = |limit: Option<u64>| Budget::new(&Limits::default(), limit).fetch;
        assert_eq!([Some(64 * MIB), Some(1_024 * MIB), None].map(fetch), [LEAST_FETCH, MIB / 2, FETCH]);
    }

    #[test]
    fn without_a_limit_the_settings_stand() {
        let budget = Budget::new(&Limits::default(), None);
        let Limits { batch_keys, batch_bytes, .. } = Limits::default();
        assert!(!budget.is_full(Filled { keys: batch_keys - 1, bytes: batch_bytes - 1, memory: usize::MAX, days: 0 }));
        assert!(budget.is_full(Filled { keys: batch_keys, ..Filled::default() }));
        assert!(budget.is_full(Filled { bytes: batch_bytes, ..Filled::default() }));
        assert!(budget.is_full(Filled { days: MOST_DAYS, ..Filled::default() }));
        assert_eq!((budget.fetched_ahead, budget.least_limit()), (FETCHED_AHEAD, None));
    }

    #[test]
    fn what_a_claim_is_finished_by_fits_the_limit_too() {
        let changes = |keys: usize| Changes {
            clients: (0..keys).map(|n| (format!("c{n}").into(), Default::default())).collect(),
            ..Changes::default()
        };
        let budget = Budget::new(&Limits::default(), Some(256 * MIB));
        let fitting = budget.memory.unwrap() as usize / CLIENT;
        assert!(!budget.is_exceeded(&changes(fitting)) && budget.is_exceeded(&changes(fitting + 1)));
        assert!(!Budget::new(&Limits::default(), None).is_exceeded(&changes(fitting + 1)));
    }

    #[test]
    fn a_limit_that_is_too_small_leaves_the_least_batch_and_names_one_that_is_not() {
        let budget = Budget::new(&Limits::default(), Some(64 * MIB));
        assert_eq!((budget.memory, budget.fetched_ahead), (Some(LEAST_BATCH), LEAST_FETCHED_AHEAD));
        let least = budget.least_limit().unwrap();
        assert!(least > 64 * MIB && Budget::new(&Limits::default(), Some(least)).least_limit().is_none(), "{least}");
        assert!(budget.is_full(Filled { memory: LEAST_BATCH as usize, ..Filled::default() }));
    }
}
