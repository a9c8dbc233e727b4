//! The broker stopped or killed, and started again.

use std::fmt;

use super::Scenario;
use crate::harness::SeededRng;

pub struct Broker {
    kill: bool,
    before: u64,
    after: u64,
}

impl Broker {
    pub fn draw(rng: &mut SeededRng) -> Self {
        Self { kill: rng.between(0, 3) > 0, before: rng.between(10, 100), after: rng.between(1, 100) }
    }

    pub async fn inject(&self, scenario: &mut Scenario) {
        scenario
            .while_producing(async |stage| {
                stage.produced(self.before).await;
                if self.kill {
                    stage.services().kill_broker();
                } else {
                    stage.services().stop_broker();
                }
                stage.services().start_broker();
                stage.produced(self.after).await;
            })
            .await;
    }
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after {} events, and started", if self.kill { "killed" } else { "stopped" }, self.before)
    }
}
