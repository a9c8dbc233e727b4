//! A reader that never rests. Once the ranking was full it must never be found empty, or short by whoever follows the
//! pointer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bson::{Document, doc};
use futures_util::TryStreamExt;
use stockstream_store::{MongoStore, ViewStore};
use tokio::task::JoinHandle;

use crate::harness::TestEnv;

/// Rows of a whole ranking.
pub const FULL: usize = 10;
/// After a read that the database did not answer.
const PAUSE: Duration = Duration::from_millis(100);
/// Between two reads: the campaign is about writers.
const REST: Duration = Duration::from_millis(20);

/// Reads all the time, on connections of its own.
pub struct Reader {
    done: Arc<AtomicBool>,
    reads: Arc<AtomicU64>,
    task: JoinHandle<Result<(), String>>,
}

impl Reader {
    /// Begins once the ranking is full.
    pub async fn of(env: &TestEnv) -> Self {
        let (done, reads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let store = env.another_store().await.without_retry();
        let raw = env.another_database().await.collection("product_winners");
        let task = tokio::spawn(read(store, raw, Arc::clone(&done), Arc::clone(&reads)));
        Self { done, reads, task }
    }

    /// What it has found wrong so far.
    pub async fn check(&mut self) {
        if self.task.is_finished() {
            let found = (&mut self.task).await.unwrap();
            panic!("the reader stopped: {found:?}");
        }
    }

    /// Ends it. How often it read.
    pub async fn end(self) -> u64 {
        self.done.store(true, Ordering::Relaxed);
        self.task.await.unwrap().unwrap();
        self.reads.load(Ordering::Relaxed)
    }
}

async fn read(
    store: MongoStore,
    raw: mongodb::Collection<Document>,
    done: Arc<AtomicBool>,
    reads: Arc<AtomicU64>,
) -> Result<(), String> {
    while !done.load(Ordering::Relaxed) {
        let rows: Result<Vec<Document>, _> = async { raw.find(doc! {}).await?.try_collect().await }.await;
        let (Ok(rows), Ok(ranking)) = (rows, store.product_winners().await) else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let read = reads.fetch_add(1, Ordering::Relaxed);
        let ranks: Vec<usize> = ranking.iter().map(|row| row.ranking as usize).collect();
        if rows.len() < FULL || ranks != (1..=FULL).collect::<Vec<_>>() {
            return Err(format!("read {read} of product_winners found {} rows and the ranking {ranks:?}", rows.len()));
        }
        tokio::time::sleep(REST).await;
    }
    Ok(())
}
