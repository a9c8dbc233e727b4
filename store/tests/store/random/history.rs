//! What Kafka holds, at random.

use proptest::{collection::vec, prelude::*, sample::select};
use stockstream_model::{
    Decimal, Timestamp,
    documents::PartitionId,
    event::EventKind,
    settings::{Settings, Weights},
};

use super::events::body;
use crate::store::{fold::Record, test_env};

/// How many partitions there are in all.
pub const PARTITIONS: usize = 6;

/// The partitions with all they hold, and the settings they are folded by.
#[derive(Clone, Debug)]
pub struct History {
    history_days: u32,
    weights: (i64, i64, i64),
    pub partitions: Vec<Partition>,
}

/// A partition, in each incarnation of its topic.
#[derive(Clone, Debug)]
pub struct Partition {
    pub id: PartitionId,
    pub incarnations: Vec<Vec<Record>>,
}

impl History {
    pub fn settings(&self) -> Settings {
        let mut settings = test_env::settings();
        settings.analytics.history_days = self.history_days;
        let (profit, velocity, idle_days) = self.weights;
        settings.analytics.product_winners.weights = Weights {
            profit: Decimal::from_units(profit),
            velocity: Decimal::from_units(velocity),
            idle_days: Decimal::from_units(idle_days),
        };
        settings
    }
}

pub fn any() -> impl Strategy<Value = History> {
    let of = |stream, number| partition(PartitionId { stream, partition: number });
    let sales = (of(EventKind::Sales, 0), of(EventKind::Sales, 1), of(EventKind::Sales, 2));
    let others = (of(EventKind::Inventory, 0), of(EventKind::Inventory, 1), of(EventKind::Clients, 0));
    let weights = select(vec![(5_000, 3_000, 2_000), (0, 0, 0), (1, 70_000, 0), (10_000, 0, 10_000)]);
    (select(vec![90, 5, 1]), weights, sales, others).prop_map(|(history_days, weights, (a, b, c), (d, e, f))| History {
        history_days,
        weights,
        partitions: vec![a, b, c, d, e, f],
    })
}

fn partition(id: PartitionId) -> impl Strategy<Value = Partition> {
    let records = (1..4_i64, 0..4_i64, body(id.stream));
    let incarnation = vec(records, 0..12).prop_map(|records| {
        let mut offset = -1;
        let at = |(gap, seconds, body)| {
            offset += gap; // a log has gaps
            Record { offset, produced_at: Timestamp::from_millis(1_767_225_600_000 + seconds * 1_000), body }
        };
        records.into_iter().map(at).collect()
    });
    vec(incarnation, 1..3).prop_map(move |incarnations| Partition { id, incarnations })
}
