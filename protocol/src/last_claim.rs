//! The claim that changed a product last, as the product names it: by it, whoever knows how far each lane was finds what changed
//! since, whichever worker changed it.

use std::ops::RangeInclusive;

use crate::positions::LaneId;

/// Bits of a claim's sequence number. At ten claims a second, a lane takes 3,000 years to use them up.
const SEQ_BITS: u32 = 40;

/// A claim as one number: those of a lane lie side by side, in their order.
pub fn last_claim(lane: LaneId, seq: i64) -> i64 {
    (i64::from(lane) << SEQ_BITS) | (seq & ((1 << SEQ_BITS) - 1))
}

/// The claims of a lane behind the one, up to the other.
pub fn claims_since(lane: LaneId, after: i64, up_to: i64) -> RangeInclusive<i64> {
    last_claim(lane, after) + 1..=last_claim(lane, up_to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_of_a_lane_are_those_between_and_no_other_lane_is_among_them() {
        let since = claims_since(3, 5, 8);
        assert_eq!(since.clone().count(), 3);
        assert!([6, 7, 8].iter().all(|seq| since.contains(&last_claim(3, *seq))));
        assert!(!since.contains(&last_claim(3, 5)) && !since.contains(&last_claim(3, 9)));
        assert!((0..5).filter(|lane| *lane != 3).all(|lane| !since.contains(&last_claim(lane, 7))));
        assert!(claims_since(3, 8, 8).is_empty());
        assert!(last_claim(2, (1 << 40) - 1) < last_claim(3, 0));
    }
}
