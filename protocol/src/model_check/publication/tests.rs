use stockstream_model::settings::OnEmptyResult;

use super::{Guarding, Publication};
use crate::model_check::{Known, Left, holds, is_missed};

/// Two publishers and a result that comes back.
fn two() -> Publication {
    Publication {
        publishers: 2,
        truths: &[&[1], &[2], &[1]],
        policy: OnEmptyResult::Keep,
        left: Left { crashes: 0, unheard: 0 },
        reads: false,
        without: None,
        ended: Known::default(),
    }
}

#[test]
fn two_publishers_and_a_result_that_comes_back() {
    holds(two());
}

#[test]
fn one_may_die_or_lose_an_acknowledgement() {
    for left in [Left { crashes: 1, unheard: 0 }, Left { crashes: 0, unheard: 1 }] {
        holds(Publication { left, truths: &[&[1], &[2]], ..two() });
    }
}

#[test]
fn results_that_are_empty() {
    for policy in [OnEmptyResult::Keep, OnEmptyResult::Clear] {
        holds(Publication { policy, truths: &[&[], &[1], &[]], ..two() });
    }
}

#[test]
fn a_reader_has_one_whole_ranking() {
    holds(Publication { reads: true, truths: &[&[1, 2], &[3]], ..two() });
}

#[test]
fn three_publishers() {
    holds(Publication { publishers: 3, truths: &[&[1]], ..two() });
}

#[test]
#[ignore = "looks at more than a million states"]
fn the_same_within_wider_bounds() {
    holds(Publication { truths: &[&[1, 2], &[3], &[1, 2]], ..two() });
    holds(Publication { left: Left { crashes: 1, unheard: 1 }, truths: &[&[1], &[2]], ..two() });
}

#[test]
fn no_guard_can_be_left_out() {
    for (without, truths) in [
        (Guarding::Claim, &[&[1_u8] as &[u8], &[2]] as &[&[u8]]),
        (Guarding::Unsaid, &[&[1], &[2], &[1]]),
        (Guarding::Note, &[&[], &[1]]),
        (Guarding::Forward, &[&[1], &[2]]),
        (Guarding::ViewFirst, &[&[1], &[2]]),
        (Guarding::Reread, &[&[1, 2], &[3]]),
    ] {
        let reads = without == Guarding::Reread;
        is_missed(without, Publication { without: Some(without), truths, reads, ..two() });
    }
}
