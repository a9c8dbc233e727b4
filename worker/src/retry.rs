//! A step that the database refuses is done again until it is done.

use std::time::Duration;

use stockstream_store::StoreError;

use crate::state::WorkerState;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// Pauses that grow.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Backoff {
    /// The pause before the next try.
    pub fn pause(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST);
        pause
    }
}

/// Does a step of a flush until it is done. The store tries again by itself what may pass; what it gives up (a right that was
/// taken away, an index that somebody made, a document that it calls invalid) keeps a worker that is at work from nothing but
/// waiting: nothing of a claim may be left out.
pub(crate) async fn persist<T, F: Future<Output = Result<T, StoreError>>>(
    shared: &WorkerState,
    step: &'static str,
    attempt: impl Fn() -> F,
) -> T {
    let mut backoff = Backoff::default();
    loop {
        match attempt().await {
            Ok(done) => {
                shared.problems.recovered(step);
                shared.problems.remove(step);
                return done;
            }
            Err(error) => {
                let pause = backoff.pause();
                // What only a person can mend in the data keeps no new version from rolling out.
                if error.is_final() {
                    shared.problems.add(step, error.to_string());
                } else {
                    shared.problems.retrying(step, error.to_string());
                }
                let retry_in_ms = pause.as_millis() as u64;
                tracing::error!(step, %error, retry_in_ms, "a flush waits; trying again");
                tokio::time::sleep(pause).await;
            }
        }
    }
}
