//! The faults. Each is drawn with all it needs to be, so that a seed is a whole schedule.

mod broker;
mod clock;
mod cluster;
mod cut;
mod database;
mod errors;
mod grow;
mod kill;
mod network;
mod point;
mod poison;
mod rebalance;
mod recreate;
mod stop;
mod trim;
mod wipe;

use std::fmt;

use super::scenario::Scenario;
use crate::harness::SeededRng;

macro_rules! faults {
    ($($kind:ident($fault:path) $name:literal $weight:literal,)+) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $($kind),+ }

        impl Kind {
            pub const ALL: [Self; [$($weight),+].len()] = [$(Self::$kind),+];

            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),+ }
            }

            /// How often it is drawn, beside others.
            pub fn weight(self) -> usize {
                match self { $(Self::$kind => $weight),+ }
            }
        }

        /// A fault.
        pub enum Fault { $($kind($fault)),+ }

        impl Fault {
            pub fn draw(kind: Kind, rng: &mut SeededRng) -> Self {
                match kind { $(Kind::$kind => Self::$kind(<$fault>::draw(rng))),+ }
            }

            pub fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind),+ }
            }

            /// Strikes.
            pub async fn inject(&self, scenario: &mut Scenario) {
                match self { $(Self::$kind(fault) => fault.inject(scenario).await),+ }
            }
        }

        impl fmt::Display for Fault {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $(Self::$kind(fault) => write!(f, "{} {fault}", $name)),+ }
            }
        }
    };
}

faults! {
    Point(point::Point) "point" 6,
    Kill(kill::Kill) "kill" 3,
    Stop(stop::Stop) "stop" 3,
    Rebalance(rebalance::Rebalance) "rebalance" 2,
    Broker(broker::Broker) "broker" 2,
    Database(database::Database) "database" 3,
    Network(network::Network) "network" 4,
    Grow(grow::Grow) "grow" 1,
    Recreate(recreate::Recreate) "recreate" 2,
    Trim(trim::Trim) "trim" 2,
    Wipe(wipe::Wipe) "wipe" 1,
    Cut(cut::Cut) "cut" 2,
    Cluster(cluster::Cluster) "cluster" 1,
    Clock(clock::Clock) "clock" 1,
    Poison(poison::Poison) "poison" 2,
    Errors(errors::Errors) "errors" 3,
}

impl Kind {
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
