//! What of the database changed, told from fingerprints of its parts. Pure.

use std::{fmt, str::FromStr};

use serde::Serialize;
use stockstream_model::event::EventKind;
use stockstream_store::ChangeProbe;

/// A part of what is shown, that changes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    /// The state of the pipeline.
    Status,
    /// The ranking.
    Winners,
    /// Stock at risk.
    Risks,
    /// Clients.
    Clients,
    /// Totals, stock and records of products.
    Products,
    /// Sales by day.
    Sales,
    /// Rejected events.
    Rejected,
}

impl Part {
    const ALL: [Self; 7] =
        [Self::Status, Self::Winners, Self::Risks, Self::Clients, Self::Products, Self::Sales, Self::Rejected];
}

/// A fingerprint of every part. It is its own name: whoever has seen it, here or from another dashboard of the same
/// database, can be told what changed since without anybody remembering what was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprints([u32; Part::ALL.len()]);

impl Fingerprints {
    /// Those of what the database tells.
    pub(crate) fn of(pulse: &ChangeProbe) -> Self {
        Self(Part::ALL.map(|part| digest(part, pulse)))
    }

    /// The parts that are not as they were.
    pub(crate) fn changed_since(&self, then: Option<&Self>) -> Vec<Part> {
        let differs = |index: &usize| then.is_none_or(|then| then.0[*index] != self.0[*index]);
        (0..Part::ALL.len()).filter(differs).map(|index| Part::ALL[index]).collect()
    }
}

/// A fingerprint of all that a part is made of. The time of a heartbeat and of a check is left out: as long as nothing
/// else changes, there is nothing new to be seen.
fn digest(part: Part, pulse: &ChangeProbe) -> u32 {
    let positions = |streams: &[EventKind]| {
        let of_it = pulse.checkpoints.iter().filter(|checkpoint| streams.contains(&checkpoint.id.stream));
        of_it.map(|checkpoint| (checkpoint.id, checkpoint.incarnation, checkpoint.next)).collect::<Vec<_>>()
    };
    let views = |name: &str| {
        let shown = pulse.views.iter().filter(|view| name.is_empty() || view.view.name() == name);
        shown
            .map(|view| (view.view, view.pointer, view.published_at, view.rows, view.condition, &view.why, view.since))
            .collect::<Vec<_>>()
    };
    let workers = || {
        pulse.workers.iter().map(|worker| {
            let rate = worker.events_per_second.to_bits();
            (&worker.worker, worker.generation, worker.publisher, rate, &worker.partitions, &worker.problems)
        })
    };
    let told = match part {
        Part::Status => {
            let rejected: Vec<_> = pulse.checkpoints.iter().map(|checkpoint| checkpoint.rejected).collect();
            let workers: Vec<_> = workers().collect();
            format!("{:?} {:?} {rejected:?} {workers:?}", positions(&EventKind::ALL), views(""))
        }
        Part::Winners => format!("{:?}", views("product_winners")),
        Part::Risks => format!("{:?} {:?}", views("loss_risk_products"), pulse.counted_at),
        Part::Clients => format!("{:?} {:?}", positions(&[EventKind::Sales, EventKind::Clients]), pulse.counted_at),
        Part::Products => format!("{:?} {:?}", positions(&[EventKind::Sales, EventKind::Inventory]), views("")),
        Part::Sales => format!("{:?}", positions(&[EventKind::Sales])),
        Part::Rejected => {
            format!("{:?}", pulse.checkpoints.iter().map(|one| (one.id, one.rejected)).collect::<Vec<_>>())
        }
    };
    let hash = fnv1a(told.as_bytes());
    (hash ^ (hash >> 32)) as u32
}

impl fmt::Display for Fingerprints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|digest| write!(f, "{digest:08x}"))
    }
}

impl FromStr for Fingerprints {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut digests = [0; Part::ALL.len()];
        if text.len() != digests.len() * 8 {
            return Err(());
        }
        for (index, digest) in digests.iter_mut().enumerate() {
            let hex = text.get(index * 8..index * 8 + 8).ok_or(())?;
            *digest = u32::from_str_radix(hex, 16).map_err(drop)?;
        }
        Ok(Self(digests))
    }
}

/// FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/): no security, only that other content has another name.
pub(crate) const fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0100_0000_01b3);
        index += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use stockstream_model::{
        Timestamp,
        documents::{Checkpoint, Heartbeat, PartitionId, View, ViewState},
    };

    use super::*;

    fn pulse() -> ChangeProbe {
        let checkpoint = |stream| Checkpoint::new(PartitionId { stream, partition: 0 }, 7, None);
        let worker = Heartbeat { worker: "a".into(), generation: 1, publisher: true, ..Heartbeat::default() };
        ChangeProbe {
            views: View::ALL.map(ViewState::new).into(),
            checkpoints: EventKind::ALL.map(checkpoint).into(),
            workers: vec![worker],
            counted_at: Some(Timestamp::default()),
        }
    }

    fn changed(change: impl Fn(&mut ChangeProbe)) -> Vec<Part> {
        let mut after = pulse();
        change(&mut after);
        Fingerprints::of(&after).changed_since(Some(&Fingerprints::of(&pulse())))
    }

    fn checkpoint(pulse: &mut ChangeProbe, stream: EventKind) -> &mut Checkpoint {
        pulse.checkpoints.iter_mut().find(|checkpoint| checkpoint.id.stream == stream).unwrap()
    }

    #[test]
    fn what_changed_is_told_apart() {
        use Part::{Clients, Products, Rejected, Risks, Sales, Status, Winners};
        let view = |pulse: &mut ChangeProbe, view| {
            pulse.views.iter_mut().find(|state| state.view == view).unwrap().pointer += 1;
        };
        assert_eq!(changed(|pulse| checkpoint(pulse, EventKind::Sales).next += 1), [Status, Clients, Products, Sales]);
        assert_eq!(changed(|pulse| checkpoint(pulse, EventKind::Clients).next += 1), [Status, Clients]);
        assert_eq!(changed(|pulse| checkpoint(pulse, EventKind::Inventory).rejected += 1), [Status, Rejected]);
        assert_eq!(changed(|pulse| view(pulse, View::ProductWinners)), [Status, Winners, Products]);
        assert_eq!(changed(|pulse| view(pulse, View::LossRiskProducts)), [Status, Risks, Products]);
        assert_eq!(changed(|pulse| pulse.workers.clear()), [Status]);
        assert_eq!(changed(|pulse| pulse.counted_at = None), [Risks, Clients]);
    }

    #[test]
    fn a_sign_of_life_alone_changes_nothing() {
        assert_eq!(changed(|pulse| pulse.workers[0].at = Timestamp::from_millis(5_000)), []);
        assert_eq!(changed(|pulse| pulse.views[0].checked_at = Some(Timestamp::from_millis(5_000))), []);
    }

    #[test]
    fn to_whoever_has_seen_nothing_everything_is_new() {
        assert_eq!(Fingerprints::of(&pulse()).changed_since(None), Part::ALL);
    }

    #[test]
    fn they_are_read_as_they_are_written() {
        let digests = Fingerprints::of(&pulse());
        assert_eq!(digests.to_string().parse(), Ok(digests));
        for text in ["", "00", &"g".repeat(56), &"é".repeat(28), &"0".repeat(57)] {
            assert_eq!(text.parse::<Fingerprints>(), Err(()), "{text}");
        }
    }
}
