//! A flush on its way through its three steps. What is written and what comes back is the caller's; what follows from it
//! is decided here.

use stockstream_model::documents::{Checkpoint, LeaderEpoch, PartitionId};

use super::position::{Stamp, Tally, claim, complete, is_as_claimed};

/// Ranges of some partitions, before their claims are written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claiming {
    wanted: Vec<Checkpoint>,
    held: Vec<Checkpoint>,
    lost: Vec<PartitionId>,
}

/// Claimed ranges, to be applied.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Applying {
    held: Vec<Checkpoint>,
    lost: Vec<PartitionId>,
}

/// Applied ranges, before their completions are written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Completing {
    done: Vec<Checkpoint>,
    lost: Vec<PartitionId>,
}

/// What became of a flush.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Landed {
    /// Completed partitions, with their checkpoints as they stand now.
    pub completed: Vec<Checkpoint>,
    /// Partitions that another worker went on with: what was folded of them is dropped.
    pub lost: Vec<PartitionId>,
}

impl Claiming {
    /// From the checkpoints, the ends of what was folded behind them, and the leader's epochs of their last records. What is
    /// claimed already is held as it stands, unless other records were read in its place.
    pub fn begin<'a>(
        parts: impl IntoIterator<Item = (&'a Checkpoint, i64, Option<LeaderEpoch>)>,
        mut stamp: impl FnMut() -> Stamp,
    ) -> Self {
        let (mut wanted, mut held, mut lost) = (Vec::new(), Vec::new(), Vec::new());
        for (checkpoint, end, epoch) in parts {
            match claim(checkpoint, end, epoch, stamp()) {
                Some(claimed) => wanted.push(claimed),
                None if is_as_claimed(checkpoint, epoch) => held.push(checkpoint.clone()),
                None => lost.push(checkpoint.id),
            }
        }
        wanted.sort_unstable_by_key(|checkpoint| checkpoint.id);
        Self { wanted, held, lost }
    }

    /// Claims to be written by compare-and-set.
    pub fn wanted(&self) -> &[Checkpoint] {
        &self.wanted
    }

    /// Takes in which of them stand; what another worker claimed first is lost to this one.
    pub fn claimed(self, stand: &[bool]) -> Applying {
        let Self { wanted, mut held, mut lost } = self;
        let (mine, others) = split(wanted, stand);
        held.extend(mine);
        lost.extend(ids(others));
        Applying { held, lost }
    }
}

impl Applying {
    /// The claims under which ranges are applied.
    pub fn held(&self) -> &[Checkpoint] {
        &self.held
    }

    /// Takes in whose claim was found void while applying; the others are complete.
    pub fn applied(
        self,
        void: &[PartitionId],
        tally: impl Fn(&PartitionId) -> Tally,
        mut stamp: impl FnMut() -> Stamp,
    ) -> Completing {
        let Self { held, mut lost } = self;
        lost.extend(void);
        let good = held.iter().filter(|claimed| !void.contains(&claimed.id));
        let done = good.map(|claimed| complete(claimed, &tally(&claimed.id), stamp())).collect();
        Completing { done, lost }
    }
}

impl Completing {
    /// Completions to be written by compare-and-set.
    pub fn done(&self) -> &[Checkpoint] {
        &self.done
    }

    /// Takes in which of them stand; what does not was completed by another worker, which went on.
    pub fn completed(self, stand: &[bool]) -> Landed {
        let Self { done, mut lost } = self;
        let (completed, others) = split(done, stand);
        lost.extend(ids(others));
        Landed { completed, lost }
    }
}

fn split(written: Vec<Checkpoint>, stand: &[bool]) -> (Vec<Checkpoint>, Vec<Checkpoint>) {
    let mut stand = stand.iter();
    written.into_iter().partition(|_| stand.next().is_some_and(|stands| *stands))
}

fn ids(checkpoints: Vec<Checkpoint>) -> Vec<PartitionId> {
    checkpoints.into_iter().map(|checkpoint| checkpoint.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::{Timestamp, event::Stream};

    fn at(partition: i32, pending: Option<i64>) -> Checkpoint {
        Checkpoint { pending, ..Checkpoint::new(PartitionId { stream: Stream::Sales, partition }, 0, None) }
    }

    fn stamp() -> Stamp {
        Stamp { writer: "w".into(), generation: 1, at: Timestamp::default() }
    }

    #[test]
    fn other_records_in_the_place_of_those_that_were_claimed_go_no_further() {
        let epoch = |value| Some(LeaderEpoch { at: 5, value });
        let claimed = Checkpoint { epoch: epoch(1), ..at(0, Some(5)) };
        let held = |read| Claiming::begin([(&claimed, 5, read)], stamp).claimed(&[]);
        assert_eq!(held(epoch(1)).held(), std::slice::from_ref(&claimed));
        let overwritten = held(epoch(2));
        assert_eq!((overwritten.held().len(), overwritten.lost), (0, vec![claimed.id]));
    }

    #[test]
    fn what_is_lost_at_any_step_goes_no_further() {
        let parts = [at(3, None), at(2, None), at(1, None), at(0, Some(5))];
        let claiming = Claiming::begin(parts.iter().map(|checkpoint| (checkpoint, 5, None)), stamp);
        let numbers = |list: &[Checkpoint]| list.iter().map(|c| c.id.partition).collect::<Vec<_>>();
        assert_eq!(numbers(claiming.wanted()), [1, 2, 3]);
        let applying = claiming.claimed(&[false, true, true]);
        assert_eq!(numbers(applying.held()), [0, 2, 3]);
        assert!(applying.held().iter().all(|claimed| claimed.pending == Some(5)));
        let tally = |_: &PartitionId| Tally { end: 5, ..Tally::default() };
        let completing = applying.applied(&[parts[1].id], tally, stamp);
        assert_eq!(numbers(completing.done()), [0, 3]);
        let Landed { completed, lost } = completing.completed(&[true, false]);
        assert_eq!((numbers(&completed), completed[0].next), (vec![0], 5));
        assert_eq!(lost.iter().map(|id| id.partition).collect::<Vec<_>>(), [1, 2, 3]);
    }
}
