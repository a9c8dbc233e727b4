//! The database stopped or killed, whole or in part, and started again.

use std::fmt;

use super::Scenario;
use crate::harness::SeededRng;

#[derive(Clone, Copy, Debug)]
enum How {
    Stop,
    KillFront,
    KillPostgres,
    KillBoth,
}

pub struct Database {
    how: How,
    before: u64,
    away: u64,
    after: u64,
}

impl Database {
    pub fn draw(rng: &mut SeededRng) -> Self {
        let how = *rng.one(&[How::Stop, How::KillFront, How::KillPostgres, How::KillBoth]);
        let (before, away, after) = (rng.between(10, 100), rng.between(1, 200), rng.between(1, 100));
        Self { how, before, away, after }
    }

    pub async fn inject(&self, scenario: &mut Scenario) {
        scenario
            .while_producing(async |stage| {
                stage.produced(self.before).await;
                let services = stage.services();
                match self.how {
                    How::Stop => services.stop_database(),
                    How::KillFront => services.kill_front(),
                    How::KillPostgres => services.kill_postgres(),
                    How::KillBoth => {
                        services.kill_postgres();
                        services.kill_front();
                    }
                }
                stage.produced(self.away).await;
                stage.services().start_database();
                stage.produced(self.after).await;
            })
            .await;
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} after {} events, away for {}, and started", self.how, self.before, self.away)
    }
}
