//! Submissions under way: whoever ends the process waits for them, or what became of them would stand in no log.

use std::{future::Future, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

/// A sender tells what became of events within this.
const LONGEST: Duration = Duration::from_secs(40);

/// Submissions under way.
#[derive(Clone, Debug, Default)]
pub struct InFlight(TaskTracker);

impl InFlight {
    /// Begins one, which comes to its end also when the reader goes away.
    pub(crate) fn spawn<F>(&self, submission: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.0.spawn(submission)
    }

    /// Waits until each is acknowledged or told to have failed, for at most 40 s. To be asked once the dashboard is no
    /// longer served.
    pub async fn finish(&self) {
        self.0.close();
        if !self.0.is_empty() {
            info!(submissions = self.0.len(), "waiting for events that are being sent");
        }
        if tokio::time::timeout(LONGEST, self.0.wait()).await.is_err() {
            warn!(
                target: "audit", submissions = self.0.len(),
                "the dashboard ends while events are being sent: whether they are in Kafka is not known; look for them there"
            );
        }
    }
}
