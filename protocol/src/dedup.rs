//! Which sales of an invoice count, where copies do not.
//!
//! An invoice's document names the sales that count, and names only grow in number until they are forgotten. A second
//! request for a sale, under the claim of the first request, gets the same answer: a sale that counts finds its own
//! name, and a copy the name that it is a copy of. A name is forgotten only once every claim that stands or may come
//! overlooks it.

use compact_str::CompactString as Key;
use stockstream_model::{Timestamp, settings::HumanDuration};

use crate::claim::ClaimedRange;

/// A sale that counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CountedSale {
    /// The topic's incarnation.
    pub incarnation: i64,
    /// The number of its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its time, as its claim told it.
    pub at: Timestamp,
}

impl CountedSale {
    fn is(&self, other: &Self) -> bool {
        (self.incarnation, self.partition, self.offset) == (other.incarnation, other.partition, other.offset)
    }
}

/// What a claim says of duplicates in one of its ranges. It is written with the claim, so that whoever finishes it decides alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DedupWindow {
    /// How far apart duplicates lie at most.
    pub within: HumanDuration,
    /// Invoices from before are overlooked.
    pub forgotten: Option<Timestamp>,
    /// When it was claimed.
    pub claimed_at: Timestamp,
}

impl DedupWindow {
    /// The time of a sale: its Kafka timestamp, but not later than the claim and not earlier than what is forgotten, so
    /// that a clock gone wild neither keeps an invoice for ever nor lets it be forgotten at once. Without a timestamp, the
    /// claim's.
    pub fn time(&self, produced_at: Option<Timestamp>) -> Timestamp {
        let at = produced_at.map_or(self.claimed_at, |at| at.min(self.claimed_at));
        self.forgotten.map_or(at, |forgotten| at.max(forgotten))
    }

    fn is_copy(&self, sale: &CountedSale, of: &CountedSale) -> bool {
        let apart = sale.at.millis().abs_diff(of.at.millis());
        self.forgotten.is_none_or(|forgotten| of.at >= forgotten) && apart <= self.within.millis()
    }
}

/// A sale of a claimed range that may be a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DedupCandidate {
    /// Its invoice.
    pub invoice: Key,
    /// Itself, as it will be named if it counts.
    pub sale: CountedSale,
    /// The rule of its claim.
    pub rule: DedupWindow,
}

impl DedupCandidate {
    /// The sale at an offset of a partition's range that is claimed under that rule.
    pub fn new(
        invoice: Key,
        partition: i32,
        range: &ClaimedRange,
        rule: DedupWindow,
        (offset, produced_at): (i64, Option<Timestamp>),
    ) -> Self {
        let sale = CountedSale { incarnation: range.incarnation, partition, offset, at: rule.time(produced_at) };
        Self { invoice, sale, rule }
    }
}

/// Decides which of the sales of one invoice count, in this order, beside those that are named. Returns an answer for each,
/// and the names to add: only once they stand do the answers hold.
pub fn decide(named: &[CountedSale], asking: &[&DedupCandidate]) -> (Vec<bool>, Vec<CountedSale>) {
    let mut added: Vec<CountedSale> = Vec::new();
    let answer = |asking: &&DedupCandidate| {
        let DedupCandidate { sale, rule, .. } = asking;
        let mut all = named.iter().chain(&added);
        if all.clone().any(|name| name.is(sale)) {
            return true;
        }
        let counts = !all.any(|name| rule.is_copy(sale, name));
        if counts {
            added.push(sale.clone());
        }
        counts
    };
    let answers = asking.iter().map(answer).collect();
    (answers, added)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn ms(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn rule(forgotten: Option<i64>) -> DedupWindow {
        DedupWindow {
            within: HumanDuration::from_millis(HOUR as u64),
            forgotten: forgotten.map(ms),
            claimed_at: ms(100 * HOUR),
        }
    }

    fn asking(offset: i64, at: i64, rule: DedupWindow) -> DedupCandidate {
        let sale = CountedSale { incarnation: 0, partition: 0, offset, at: rule.time(Some(ms(at))) };
        DedupCandidate { invoice: "i".into(), sale, rule }
    }

    fn asked(named: &[CountedSale], asking: &[DedupCandidate]) -> (Vec<bool>, Vec<i64>) {
        let (answers, added) = decide(named, &asking.iter().collect::<Vec<_>>());
        (answers, added.iter().map(|name| name.offset).collect())
    }

    #[test]
    fn the_first_of_a_window_counts_before_it_and_behind() {
        let of = |offset, at| asking(offset, at, rule(None));
        let sales = [of(1, 50 * HOUR), of(2, 51 * HOUR), of(3, 49 * HOUR), of(4, 51 * HOUR + 1), of(5, 49 * HOUR - 1)];
        assert_eq!(asked(&[], &sales), (vec![true, false, false, true, true], vec![1, 4, 5]));
    }

    #[test]
    fn who_asks_again_gets_the_same_answer_whatever_was_named_since() {
        let of = |offset, at| asking(offset, at, rule(None));
        let first = of(1, 50 * HOUR);
        let (copy, later) = (of(2, 50 * HOUR + 5), of(3, 51 * HOUR + 3));
        let named = [first.sale.clone(), later.sale.clone()];
        assert_eq!(asked(&named, &[first, copy, later]), (vec![true, false, true], vec![]));
    }

    #[test]
    fn what_is_forgotten_is_overlooked_also_where_it_still_stands() {
        let named = [asking(1, 50 * HOUR, rule(None)).sale];
        assert_eq!(asked(&named, &[asking(2, 50 * HOUR, rule(Some(50 * HOUR)))]), (vec![false], vec![]));
        assert_eq!(asked(&named, &[asking(2, 50 * HOUR, rule(Some(50 * HOUR + 1)))]), (vec![true], vec![2]));
    }

    #[test]
    fn a_time_lies_between_what_is_forgotten_and_the_claim() {
        let rule = rule(Some(50 * HOUR));
        let times = [Some(49 * HOUR), Some(51 * HOUR), Some(101 * HOUR), None];
        let told = times.map(|at| rule.time(at.map(ms)).millis() / HOUR);
        assert_eq!(told, [50, 51, 100, 100]);
    }
}
