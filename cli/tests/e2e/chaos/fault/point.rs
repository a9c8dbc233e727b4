//! A worker that is killed at a point of the protocol.

use std::fmt;

use super::Scenario;
use crate::harness::{SeededRng, eventually, holds};

/// Every point at which the binary lets itself be killed, and whether only the publisher comes by.
const POINTS: [(&str, bool); 15] = [
    ("before-claim", false),
    ("after-claim", false),
    ("amid-apply", false),
    ("amid-apply", false),
    ("stock-applied", false),
    ("after-apply", false),
    ("after-complete", false),
    ("before-commit", false),
    ("revision-claimed", true),
    ("ranking-inserted", true),
    ("pointer-moved", true),
    ("risk-revision-claimed", true),
    ("risks-upserted", true),
    ("amid-days", true),
    ("amid-days", true),
];
/// So many events pass at most until the point is met.
const PATIENCE: u64 = 3_000;

pub struct Point {
    name: &'static str,
    of_publisher: bool,
    nth: u64,
    worker: u64,
}

impl Point {
    pub fn draw(rng: &mut SeededRng) -> Self {
        let (name, of_publisher) = *rng.one(&POINTS);
        Self { name, of_publisher, nth: rng.between(1, 5), worker: rng.between(0, 60) }
    }

    /// Kills one worker, or all if only the publisher comes by, and starts others that are killed at the point.
    pub async fn inject(&self, scenario: &mut Scenario) {
        scenario
            .while_producing(async |stage| {
                let at = format!("{}:{}", self.name, self.nth);
                let armed = if self.of_publisher { stage.workers.len() as u64 } else { 1 };
                for worker in 0..armed {
                    stage.workers.replace(&stage.env, self.worker + worker, &[("STOCKSTREAM_FAIL_AT", &at)]);
                }
                let until = stage.count() + PATIENCE;
                eventually("a worker meets its fail point", async || {
                    let fallen = stage.workers.restart_exited(&stage.env).await;
                    holds(fallen > 0 || stage.count() > until, || format!("{at} is not met"))
                })
                .await;
                stage.workers.disarm(&stage.env).await;
            })
            .await;
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whom = if self.of_publisher { "the publisher".to_owned() } else { format!("worker {}", self.worker % 3) };
        write!(f, "{whom} dies {} (passing {})", self.name, self.nth)
    }
}
