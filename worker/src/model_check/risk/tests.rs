use stockstream_model::settings::OnEmptyResult;

use super::{
    Guarding, Risk,
    world::{Left, Truth},
};
use crate::model_check::{Known, holds, is_missed};

const NONE: Truth = [None, None];
const A: Truth = [Some(1), None];
const B: Truth = [None, Some(1)];
const BOTH: Truth = [Some(1), Some(1)];

/// Two publishers, and a batch whose row comes back.
fn two() -> Risk {
    Risk {
        publishers: 2,
        truths: &[BOTH, B, BOTH],
        policy: OnEmptyResult::Keep,
        left: Left::default(),
        without: None,
        ended: Known::default(),
    }
}

#[test]
fn two_publishers_and_a_row_that_comes_back() {
    holds(two());
}

#[test]
fn one_may_die_or_lose_an_acknowledgement() {
    for left in [Left { crashes: 1, unheard: 0 }, Left { crashes: 0, unheard: 1 }] {
        holds(Risk { left, truths: &[A, B], ..two() });
    }
}

#[test]
fn results_that_are_empty() {
    for policy in [OnEmptyResult::Keep, OnEmptyResult::Clear] {
        holds(Risk { policy, truths: &[NONE, A, NONE], ..two() });
        holds(Risk { policy, truths: &[A, NONE, B], ..two() });
    }
}

#[test]
fn one_publisher_and_results_of_all_kinds() {
    for policy in [OnEmptyResult::Keep, OnEmptyResult::Clear] {
        let left = Left { crashes: 1, unheard: 1 };
        let truths = &[NONE, BOTH, [Some(2), None], NONE, NONE, B, A, NONE];
        holds(Risk { publishers: 1, policy, left, truths, ..two() });
    }
}

#[test]
#[ignore = "looks at more than a million states"]
fn the_same_within_wider_bounds() {
    holds(Risk { truths: &[A, B, NONE, BOTH], ..two() });
    holds(Risk { left: Left { crashes: 1, unheard: 1 }, truths: &[A, B, A], ..two() });
    holds(Risk { publishers: 3, truths: &[A, B], ..two() });
}

#[test]
fn no_guard_can_be_left_out() {
    let none = Left::default();
    let one_dies = Left { crashes: 1, unheard: 0 };
    for (without, truths, left) in [
        (Guarding::Claim, &[A, B] as &[Truth], none),
        (Guarding::Unsaid, &[NONE, A, NONE], none),
        (Guarding::Last, &[BOTH, B, BOTH], none),
        (Guarding::Revision, &[BOTH, B, BOTH], none),
        (Guarding::Doubt, &[BOTH, B, BOTH], one_dies),
        (Guarding::Tidy, &[B, BOTH, B], one_dies),
        (Guarding::Held, &[A, B], none),
        (Guarding::Base, &[A, B, A], none),
        (Guarding::Kept, &[A, NONE, B], none),
        (Guarding::ViewFirst, &[A, BOTH], none),
    ] {
        is_missed(without, Risk { without: Some(without), truths, left, ..two() });
    }
}
