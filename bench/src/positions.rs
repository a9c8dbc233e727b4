use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use clap::Args;
use stockstream_model::{
    documents::{LeaderEpoch, PartitionId},
    event::EventKind,
    settings::Settings,
};
use stockstream_protocol::{
    claim::{Applied, Claim, ClaimRequest, ClaimedRange, Completion},
    positions::{ClaimRules, Counters, Derivation, LaneId, Position, Positions},
    update::Update,
};
use stockstream_store::{MongoStore, PositionStore, StateStore};

use crate::{Result, percentiles::Percentiles};

const LANE: LaneId = 0;
const HOLDER: &str = "bench";
/// What a claim takes of each partition.
const EVENTS: i64 = 10;

/// The two updates of a flush, and a read of the positions, with so many partitions in the document. The database must be empty.
#[derive(Args)]
pub(crate) struct PositionsOf {
    /// How many partitions of each topic are in the document
    #[arg(long, default_value_t = 1_000)]
    of_each: i32,
    /// How many of them a flush claims
    #[arg(long, default_value_t = 375)]
    claimed: usize,
    /// How many flushes; medians are told
    #[arg(long, default_value_t = 50)]
    rounds: i64,
}

impl PositionsOf {
    pub async fn run(&self, settings: &Settings) -> Result<()> {
        let store = MongoStore::connect(settings).await?;
        store.prepare(&settings.pipeline).await?;
        let ids = (0..self.of_each)
            .flat_map(|partition| EventKind::ALL.map(|stream| PartitionId { stream, partition }))
            .collect::<Vec<_>>();
        let start = |_| Position::starting_at(0, Some("A".repeat(22)), Some("B".repeat(22)));
        let first = Positions { partitions: ids.iter().map(|id| (*id, start(id))).collect(), ..Positions::default() };
        store.create_positions(&first).await?;
        done(&store, &Update::AcquireLane { lane: LANE, expected: None, holder: HOLDER.into() }).await?;
        let mut took = [const { Vec::new() }; 3];
        for seq in 1..=self.rounds {
            let (claim, completion) = flush(seq, &ids[..self.claimed.min(ids.len())]);
            let request = ClaimRequest { holder: HOLDER.into(), claim };
            took[0].push(done(&store, &Update::Claim(request)).await?);
            took[1].push(done(&store, &Update::Complete(completion)).await?);
            let began = Instant::now();
            store.load_positions().await?;
            took[2].push(began.elapsed());
        }
        let [claim, complete, read] = took.map(|took| Percentiles::new(took).at(0.5));
        println!(
            "positions of {} partitions, {} claimed: claim {claim:.1} ms, complete {complete:.1} ms, read {read:.1} ms",
            ids.len(),
            self.claimed.min(ids.len())
        );
        Ok(())
    }
}

/// Carries out an update that must succeed. How long it took.
async fn done(store: &MongoStore, update: &Update) -> Result<Duration> {
    let began = Instant::now();
    match store.update_positions(update).await? {
        true => Ok(began.elapsed()),
        false => Err("the positions are not those of this bench: give it an empty database".into()),
    }
}

/// The claim of a flush of some events of each of these partitions, and its completion.
fn flush(seq: i64, ids: &[PartitionId]) -> (Claim, Completion) {
    let (start, end) = ((seq - 1) * EVENTS, seq * EVENTS);
    let epoch = Some(LeaderEpoch { at: end, value: 0 });
    let range = ClaimedRange { incarnation: 0, start, end, epoch, forgotten: None };
    let counters = Counters { events: EVENTS, ..Counters::default() };
    let applied = Applied { end, epoch, counters, forgotten: None };
    let derivation = Derivation::default();
    let partitions: BTreeMap<_, _> = ids.iter().map(|id| (*id, range)).collect();
    let completed = ids.iter().map(|id| (*id, applied)).collect();
    (
        Claim { lane: LANE, seq, rules: ClaimRules::default(), derivation, partitions },
        Completion { lane: LANE, seq, derivation, partitions: completed },
    )
}
