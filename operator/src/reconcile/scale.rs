//! Scaling by lag. Pure.
//!
//! Up at once to what the lag asks for, since one rebalance is better than several; down by half at most, and only when
//! fewer would have done for five minutes on end. An unknown lag changes nothing.

use stockstream_model::Timestamp;

use crate::resource::{Autoscaling, Scaled};

/// No change sooner after the last one: workers need this long to share the work anew.
const BEFORE_UP: i64 = 30_000;
/// Fewer must have done for so long.
const BEFORE_DOWN: i64 = 5 * 60_000;

/// How many workers, and what the next decision depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale {
    /// How many.
    pub replicas: i32,
    /// Since when.
    since: Timestamp,
    /// Since when fewer would do, if they would.
    fewer: Option<Timestamp>,
}

impl Scale {
    /// So many, from now on.
    pub fn new(replicas: i32, now: Timestamp) -> Self {
        Self { replicas, since: now, fewer: None }
    }

    /// From the status. A time that cannot be read lies far back.
    pub fn read(scaled: &Scaled) -> Self {
        let since = scaled.since.parse().unwrap_or_default();
        let fewer = scaled.fewer_since.as_ref().and_then(|text| text.parse().ok());
        Self { replicas: scaled.replicas, since, fewer }
    }

    /// For the status.
    pub fn written(&self) -> Scaled {
        let fewer_since = self.fewer.map(|time| time.to_string());
        Scaled { replicas: self.replicas, since: self.since.to_string(), fewer_since }
    }

    fn stays(self) -> Self {
        Self { fewer: None, ..self }
    }
}

/// How many workers there should be, after so many before. `partitions` are those of the largest topic.
pub(super) fn scale(
    rules: &Autoscaling,
    before: Option<&Scale>,
    lag: Option<i64>,
    partitions: Option<i32>,
    now: Timestamp,
) -> Scale {
    let most = rules.max_replicas.min(partitions.unwrap_or(i32::MAX)).max(1);
    let least = rules.min_replicas.clamp(1, most);
    let Some(before) = before else { return Scale::new(least, now) };
    let within = before.replicas.clamp(least, most);
    if within != before.replicas {
        // Somebody changed the bounds: that is an order.
        return Scale::new(within, now);
    }
    let Some(lag) = lag else { return before.stays() };
    // Each takes on so much; a fraction of a worker is a worker.
    let asked = lag.max(0) / rules.target_lag.max(1) + i64::from(lag.max(0) % rules.target_lag.max(1) > 0);
    let asked = i32::try_from(asked).unwrap_or(i32::MAX).clamp(least, most);
    let age = now.millis().saturating_sub(before.since.millis());
    match asked.cmp(&before.replicas) {
        std::cmp::Ordering::Greater if age >= BEFORE_UP => Scale::new(asked, now),
        std::cmp::Ordering::Greater | std::cmp::Ordering::Equal => before.stays(),
        std::cmp::Ordering::Less => {
            let fewer = before.fewer.unwrap_or(now);
            let enough = now.millis().saturating_sub(fewer.millis()) >= BEFORE_DOWN && age >= BEFORE_DOWN;
            if enough {
                Scale::new(asked.max(before.replicas - before.replicas / 2), now)
            } else {
                Scale { fewer: Some(fewer), ..*before }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules(min: i32, max: i32, target: i64) -> Autoscaling {
        Autoscaling { min_replicas: min, max_replicas: max, target_lag: target }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000 + seconds * 1_000)
    }

    #[test]
    fn a_new_pipeline_begins_with_the_least() {
        assert_eq!(scale(&rules(2, 6, 100), None, Some(1_000), Some(6), at(0)).replicas, 2);
        assert_eq!(scale(&rules(2, 6, 100), None, None, Some(1), at(0)).replicas, 1);
    }

    #[test]
    fn it_goes_up_at_once_and_down_by_half_after_five_minutes_of_less() {
        let rules = rules(1, 8, 100);
        let start = Scale::new(1, at(0));
        let step = |before: &Scale, lag, seconds| scale(&rules, Some(before), Some(lag), Some(8), at(seconds));
        assert_eq!(step(&start, 701, 29).replicas, 1, "it was changed just now");
        let eight = step(&start, 701, 30);
        assert_eq!(eight.replicas, 8);
        let less = step(&eight, 250, 100);
        assert_eq!((less.replicas, less.fewer), (8, Some(at(100))));
        assert_eq!(step(&step(&less, 800, 380), 250, 399).fewer, Some(at(399)), "what is needed again begins anew");
        assert_eq!(step(&less, 250, 399).replicas, 8);
        let four = step(&less, 250, 400);
        assert_eq!((four.replicas, four.fewer), (4, None));
        let still = step(&four, 250, 430);
        assert_eq!(step(&still, 250, 730).replicas, 3, "not below what the lag asks for");
    }

    #[test]
    fn new_bounds_hold_at_once() {
        let standing = Scale::new(5, at(0));
        assert_eq!(scale(&rules(1, 3, 100), Some(&standing), None, Some(6), at(1)).replicas, 3);
        assert_eq!(scale(&rules(6, 9, 100), Some(&standing), None, Some(6), at(1)).replicas, 6);
        assert_eq!(scale(&rules(1, 9, 100), Some(&standing), None, Some(2), at(1)).replicas, 2);
    }

    #[test]
    fn the_state_survives_in_the_status() {
        let state = Scale { replicas: 3, since: at(5), fewer: Some(at(7)) };
        assert_eq!(Scale::read(&state.written()), state);
        let unreadable = Scaled { replicas: 3, since: "yesterday".into(), fewer_since: None };
        assert_eq!(scale(&rules(1, 4, 10), Some(&Scale::read(&unreadable)), Some(40), Some(4), at(0)).replicas, 4);
    }

    proptest! {
        #[test]
        fn never_above_partitions_nor_outside_of_bounds(
            min in 1..20, more in 0..20, target in 1..1_000_000_i64, partitions in 1..40,
            standing in proptest::option::of(0..60), lag in proptest::option::of(-5..i64::MAX), seconds in 0..10_000_i64,
        ) {
            let before = standing.map(|replicas| Scale::new(replicas, at(0)));
            let scaled = scale(&rules(min, min + more, target), before.as_ref(), lag, Some(partitions), at(seconds));
            prop_assert!(scaled.replicas >= 1 && scaled.replicas <= partitions && scaled.replicas <= min + more);
            prop_assert!(scaled.replicas >= min.min(partitions));
        }

        #[test]
        fn an_unknown_lag_changes_nothing(standing in 1..20, seconds in 0..100_000_i64, target in 1..1_000_i64) {
            let before = Scale { fewer: Some(at(0)), ..Scale::new(standing, at(0)) };
            let scaled = scale(&rules(1, 20, target), Some(&before), None, Some(20), at(seconds));
            prop_assert_eq!(scaled.replicas, standing);
        }

        #[test]
        fn changes_are_apart_by_the_cool_down_whatever_the_lag_does(
            steps in proptest::collection::vec((1..60_i64, proptest::option::of(0..5_000_i64)), 1..200),
        ) {
            let rules = rules(1, 16, 100);
            let (mut state, mut now, mut changed) = (Scale::new(4, at(0)), 0, 0);
            for (pause, lag) in steps {
                now += pause;
                let after = scale(&rules, Some(&state), lag, Some(16), at(now));
                if after.replicas != state.replicas {
                    let cool_down = if after.replicas > state.replicas { 30 } else { 300 };
                    prop_assert!(now - changed >= cool_down, "{state:?} to {after:?} at {now}");
                    prop_assert!(lag.is_some());
                    changed = now;
                }
                state = after;
            }
        }

        #[test]
        fn a_constant_lag_is_settled_on_and_then_nothing_changes(standing in 1..16, lag in 0..3_000_i64, pause in 1..45_i64) {
            let rules = rules(1, 16, 100);
            let mut state = Scale::new(standing, at(0));
            let mut seconds = 0;
            // From 16 to 1 by half: four times five minutes, and the time until that is seen.
            while seconds < 4 * (300 + 2 * 45) + 60 {
                seconds += pause;
                state = scale(&rules, Some(&state), Some(lag), Some(16), at(seconds));
            }
            prop_assert_eq!(i64::from(state.replicas), ((lag + 99) / 100).clamp(1, 16));
            for _ in 0..20 {
                seconds += 300;
                prop_assert_eq!(scale(&rules, Some(&state), Some(lag), Some(16), at(seconds)), state);
            }
        }
    }
}
