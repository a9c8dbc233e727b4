//! The second database and workers, killed at any moment.

use super::{
    feed::Feed,
    scenario::{Scenario, settings},
};
use crate::harness::{SeededRng, TestEnv, secantusdb::SecantusDb};

const SEED: u64 = 20_261_128;
const KILLS: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_database_and_workers_that_are_killed_leave_no_trace() {
    let Some(server) = SecantusDb::start() else { return };
    let Some(env) = TestEnv::on(&server.uri(), settings()).await else { return };
    let mut scenario = Scenario::set(env, Feed::new(SEED, None, (40, 60), false), SEED, None).await;
    let mut rng = SeededRng::new(SEED);
    for number in 0..KILLS {
        let (before, away, after) = (rng.between(10, 100), rng.between(1, 60), rng.between(1, 60));
        scenario
            .while_producing(async |stage| {
                stage.produced(before).await;
                // The worker first, or the database: each may be in the middle of something.
                if number % 2 == 0 {
                    stage.workers.replace(&stage.env, number, &[]);
                }
                server.kill();
                stage.produced(away).await;
                if number % 2 == 1 {
                    stage.workers.replace(&stage.env, number, &[]);
                }
                server.up();
                stage.produced(after).await;
            })
            .await;
        scenario.rest().await;
    }
    assert!(scenario.end().await > 0, "the reader read nothing");
}
