//! Connections that are cut, slow, torn to pieces or half open.

use std::fmt;

use serde_json::{Value, json};

use super::Scenario;
use crate::{chaos::proxies::Between, harness::SeededRng};

#[derive(Clone, Debug)]
enum How {
    /// All connections end, and new ones are refused.
    Cut,
    /// Connections are there, and nothing passes any more.
    HalfOpen {
        stream: &'static str,
    },
    /// Each connection is reset after so many milliseconds.
    Reset {
        after_ms: u64,
    },
    Slow {
        ms: u64,
    },
    Narrow {
        kilobytes_per_s: u64,
    },
    /// Small pieces, each on its own.
    Sliced {
        bytes: u64,
    },
    /// Each connection ends after so many bytes: inside a message.
    Short {
        bytes: u64,
    },
}

pub struct Network {
    between: Between,
    how: How,
    away: u64,
    after: u64,
}

impl Network {
    pub fn draw(rng: &mut SeededRng) -> Self {
        let between = *rng.one(&Between::ALL);
        let how = match rng.between(0, 7) {
            0 => How::Cut,
            1 => How::HalfOpen { stream: ["upstream", "downstream"][rng.between(0, 2) as usize] },
            2 => How::Reset { after_ms: rng.between(0, 1_500) },
            3 => How::Slow { ms: rng.between(20, 400) },
            4 => How::Narrow { kilobytes_per_s: rng.between(8, 64) },
            5 => How::Sliced { bytes: rng.between(16, 256) },
            _ => How::Short { bytes: rng.between(2_000, 40_000) },
        };
        Self { between, how, away: rng.between(100, 700), after: rng.between(1, 100) }
    }

    pub async fn inject(&self, scenario: &mut Scenario) {
        scenario
            .while_producing(async |stage| {
                let proxies = stage.proxies();
                match self.toxic() {
                    Some(toxic) => proxies.poison(self.between, &toxic).await,
                    None => proxies.set_open(self.between, false).await,
                }
                stage.produced(self.away).await;
                stage.proxies().heal().await;
                stage.produced(self.after).await;
            })
            .await;
    }

    /// As toxiproxy calls it; nothing for a proxy that is closed.
    fn toxic(&self) -> Option<Value> {
        let of = |kind: &str, stream: &str, attributes: Value| {
            Some(json!({ "type": kind, "stream": stream, "attributes": attributes }))
        };
        match self.how {
            How::Cut => None,
            How::HalfOpen { stream } => of("timeout", stream, json!({ "timeout": 0 })),
            How::Reset { after_ms } => of("reset_peer", "downstream", json!({ "timeout": after_ms })),
            How::Slow { ms } => of("latency", "downstream", json!({ "latency": ms, "jitter": ms / 2 })),
            How::Narrow { kilobytes_per_s } => of("bandwidth", "downstream", json!({ "rate": kilobytes_per_s })),
            How::Sliced { bytes } => {
                of("slicer", "upstream", json!({ "average_size": bytes, "size_variation": bytes / 2, "delay": 500 }))
            }
            How::Short { bytes } => of("limit_data", "upstream", json!({ "bytes": bytes })),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} between workers and {}, for {} events", self.how, self.between.name(), self.away)
    }
}
