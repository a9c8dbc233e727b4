//! Whether a partition moves while its log grows, and what is in the way if it does not. Pure: what is observed and the time
//! are passed in.

use stockstream_model::Timestamp;

/// After so long without progress a partition is stalled.
const PATIENCE_MS: i64 = 10_000;
/// A flush may take longer than that while nothing is wrong.
const FLUSH_PATIENCE_MS: i64 = 15_000;

/// What is observed of a partition at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The next offset to fetch: unlike the others it passes the markers of transactions, of which no event comes.
    pub position: i64,
    /// Behind the last event that was read.
    pub read: i64,
    /// Behind the last event that is applied.
    pub applied: i64,
    /// What is known of its log.
    pub log: Log,
    /// Since when a flush is under way, if one is.
    pub flush_since: Option<Timestamp>,
    /// Whether nothing is fetched, as the batch is full.
    pub paused: bool,
}

/// What is known of a partition's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    /// Where it ends.
    Ends {
        /// The end as it was asked for a moment ago.
        asked: i64,
        /// The end that came with what was fetched last.
        fetched: i64,
        /// What of it may be read, as that fetch told: no further than the first transaction that is open.
        stable: i64,
    },
    /// No broker leads it.
    NoLeader,
    /// Nobody can be asked, and why.
    Unknown(String),
}

/// What keeps a partition from moving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stall {
    /// Nothing is fetched although the log goes on. Why, only reading it tells.
    Fetch { position: i64, end: i64 },
    /// A transaction is open.
    Transaction { stable: i64, end: i64 },
    /// No broker leads it.
    NoLeader,
    /// Nobody can be asked, and why.
    Unknown(String),
    /// A flush does not end.
    Flush { since: Timestamp },
    /// What was read is not handed to a flush.
    Unapplied { applied: i64, read: i64 },
}

/// Follows a partition from one look to the next.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    position: i64,
    stable: i64,
    applied: i64,
    /// When each of these last made progress, or had nothing left to do.
    fetched_at: Timestamp,
    stable_at: Timestamp,
    applied_at: Timestamp,
    answered_at: Timestamp,
}

impl Track {
    /// Begins now: what was before is not known.
    pub fn new(now: Timestamp) -> Self {
        let (fetched_at, stable_at, applied_at, answered_at) = (now, now, now, now);
        Self { position: i64::MIN, stable: i64::MIN, applied: i64::MIN, fetched_at, stable_at, applied_at, answered_at }
    }

    /// Takes in what is observed now. What keeps the partition from moving, if something has for long enough.
    pub fn look(&mut self, seen: &Seen, now: Timestamp) -> Option<Stall> {
        let is_over = |since: Timestamp, patience: i64| now.millis() - since.millis() >= patience;
        if self.applied != seen.applied || seen.applied >= seen.read {
            (self.applied, self.applied_at) = (seen.applied, now);
        }
        let moved = self.position != seen.position;
        self.position = seen.position;
        let flush = seen.flush_since.filter(|_| seen.applied < seen.read);
        let in_the_log = match &seen.log {
            Log::Ends { asked, fetched, stable } => {
                self.answered_at = now;
                // The end was asked for before the fetch: only where nothing is fetched it is further.
                let is_fetched = fetched >= asked;
                let (end, readable) = if is_fetched { (*fetched, *stable) } else { (*asked, *asked) };
                if moved || seen.position >= readable || seen.paused {
                    self.fetched_at = now;
                }
                let is_open = is_fetched && *stable < *fetched && seen.position >= *stable;
                if self.stable != *stable || !is_open {
                    (self.stable, self.stable_at) = (*stable, now);
                }
                if is_over(self.fetched_at, PATIENCE_MS) {
                    Some(Stall::Fetch { position: seen.position, end })
                } else if is_over(self.stable_at, PATIENCE_MS) {
                    Some(Stall::Transaction { stable: *stable, end })
                } else {
                    None
                }
            }
            lost => {
                // What is fetched all the same shows that it can be.
                if moved {
                    self.answered_at = now;
                }
                (self.fetched_at, self.stable_at) = (now, now);
                let is_over = is_over(self.answered_at, PATIENCE_MS);
                is_over.then(|| match lost {
                    Log::Unknown(why) => Stall::Unknown(why.clone()),
                    _ => Stall::NoLeader,
                })
            }
        };
        // Where Kafka does not answer, a flush that asks it for the topics' ids waits too.
        if matches!(in_the_log, Some(Stall::Unknown(_))) {
            return in_the_log;
        }
        match flush {
            Some(since) if is_over(since, FLUSH_PATIENCE_MS) => Some(Stall::Flush { since }),
            None if is_over(self.applied_at, PATIENCE_MS) && seen.applied < seen.read => {
                Some(Stall::Unapplied { applied: seen.applied, read: seen.read })
            }
            _ => in_the_log,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    /// A partition that is read, applied and fetched up to an offset, of a log that ends there.
    fn at_end(offset: i64) -> Seen {
        let log = Log::Ends { asked: offset, fetched: offset, stable: offset };
        Seen { position: offset, read: offset, applied: offset, log, flush_since: None, paused: false }
    }

    fn ends(asked: i64, fetched: i64, stable: i64) -> Log {
        Log::Ends { asked, fetched, stable }
    }

    /// What is found at each of these seconds, the first being when it begins to be so.
    fn found(seen: impl Fn(i64) -> Seen, seconds: impl IntoIterator<Item = i64>) -> Vec<Option<Stall>> {
        let mut track = Track::new(at(0));
        track.look(&at_end(5), at(0));
        seconds.into_iter().map(|second| track.look(&seen(second), at(second))).collect()
    }

    #[test]
    fn what_is_at_the_end_of_its_log_is_well_for_ever() {
        assert!(found(|_| at_end(5), (1..100).step_by(2)).iter().all(Option::is_none));
    }

    #[test]
    fn what_moves_is_well_however_far_behind_it_is() {
        let seen =
            |second: i64| Seen { log: ends(900, 900, 900), read: second, applied: second - 1, ..at_end(5 + second) };
        assert!(found(seen, 1..100).iter().all(Option::is_none));
    }

    #[test]
    fn what_is_not_fetched_although_its_log_goes_on_stalls_after_ten_seconds() {
        // The broker answers, with what cannot be read; or does not answer any more.
        for log in [ends(9, 9, 9), ends(9, 5, 5)] {
            let found = found(|_| Seen { log: log.clone(), ..at_end(5) }, [2, 9, 10, 12]);
            let stall = Some(Stall::Fetch { position: 5, end: 9 });
            assert_eq!(found, [None, None, stall.clone(), stall], "{log:?}");
        }
    }

    #[test]
    fn markers_of_transactions_are_no_lag() {
        // Offset 5 is an event, 6 the marker that ends its transaction: read and applied stay at 6, the position does not.
        let seen = |_| Seen { read: 6, applied: 6, ..at_end(7) };
        assert!(found(seen, (1..100).step_by(2)).iter().all(Option::is_none));
    }

    #[test]
    fn an_open_transaction_is_named_as_one() {
        let seen = |_| Seen { log: ends(9, 9, 5), ..at_end(5) };
        let stall = Some(Stall::Transaction { stable: 5, end: 9 });
        assert_eq!(found(seen, [2, 9, 10]), [None, None, stall]);
        // Also while others go on to append.
        let grows = |second: i64| Seen { log: ends(8 + second, 9 + second, 5), ..at_end(5) };
        assert_eq!(found(grows, [2, 9]), [None, None]);
        assert!(matches!(found(grows, [2, 9, 12]).last(), Some(Some(Stall::Transaction { stable: 5, .. }))));
        // One after the other is no stall.
        let ended = |second: i64| Seen { log: ends(second + 9, second + 9, second), ..at_end(second) };
        assert!(found(ended, 1..100).iter().all(Option::is_none));
    }

    #[test]
    fn a_leader_that_is_away_is_named_and_so_is_what_nobody_answers() {
        for (log, stall) in [
            (Log::NoLeader, Stall::NoLeader),
            (Log::Unknown("failed to reach Kafka".into()), Stall::Unknown("failed to reach Kafka".into())),
        ] {
            let found = found(|_| Seen { log: log.clone(), ..at_end(5) }, [2, 9, 10]);
            assert_eq!(found, [None, None, Some(stall)]);
        }
        // Where only the question is not answered, and events come all the same, nothing stalls.
        let seen = |second: i64| Seen { log: Log::Unknown(String::new()), read: 5, applied: 5, ..at_end(5 + second) };
        assert!(found(seen, 1..60).iter().all(Option::is_none));
    }

    #[test]
    fn a_flush_that_does_not_end_is_named_and_a_long_one_is_not() {
        let seen = |_| Seen { applied: 5, flush_since: Some(at(1)), ..at_end(9) };
        assert_eq!(found(seen, [2, 14, 15]), [None, None, None]);
        assert_eq!(found(seen, [2, 14, 16]), [None, None, Some(Stall::Flush { since: at(1) })]);
        // The flush of others is none of its business.
        assert_eq!(found(|_| Seen { flush_since: Some(at(1)), ..at_end(5) }, [2, 40]), [None, None]);
    }

    #[test]
    fn kafka_that_is_away_is_the_cause_also_of_a_flush_that_waits_for_it() {
        let log = Log::Unknown("failed to reach Kafka".into());
        let seen = |_| Seen { applied: 5, flush_since: Some(at(1)), log: log.clone(), ..at_end(9) };
        assert!(matches!(found(seen, [2, 20])[1], Some(Stall::Unknown(_))));
    }

    #[test]
    fn a_full_batch_waits_for_its_flush_and_not_for_kafka() {
        let flushes = |second: i64| Some(at(second - second % 7));
        let seen = |second: i64| Seen {
            paused: true,
            read: 40,
            applied: second / 7,
            flush_since: flushes(second),
            log: ends(900, 90, 90),
            ..at_end(50)
        };
        assert!(found(seen, 1..60).iter().all(Option::is_none));
    }

    #[test]
    fn what_is_read_and_never_handed_to_a_flush_is_named() {
        let seen = |_| Seen { read: 9, log: ends(9, 9, 9), position: 9, ..at_end(5) };
        assert_eq!(found(seen, [2, 9, 10]), [None, None, Some(Stall::Unapplied { applied: 5, read: 9 })]);
    }

    #[test]
    fn what_moves_again_is_well_at_once() {
        let seen = |second: i64| if second < 20 { Seen { log: ends(9, 9, 9), ..at_end(5) } } else { at_end(9) };
        assert_eq!(found(seen, [1, 11, 20]), [None, Some(Stall::Fetch { position: 5, end: 9 }), None]);
    }
}
