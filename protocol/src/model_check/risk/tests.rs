use stockstream_model::settings::OnEmptyResult;

use super::{Guarding, Risk, world::Truth};
use crate::model_check::{Known, Left, holds, is_missed};

const NONE: Truth = [None, None];
const A: Truth = [Some(1), None];
const B: Truth = [None, Some(1)];
const BOTH: Truth = [Some(1), Some(1)];

/// Two publishers, and a batch whose row comes back.
fn two() -> Risk {
    Risk {
        publishers: &[0, 0],
        truths: &[BOTH, B, BOTH],
        policy: OnEmptyResult::Keep,
        both_orders: false,
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
    holds(Risk { left: Left { crashes: 1, unheard: 0 }, truths: &[A, B], ..two() });
    holds(Risk { left: Left { crashes: 0, unheard: 1 }, truths: &[NONE, A], ..two() });
}

#[test]
fn results_that_are_empty() {
    for policy in [OnEmptyResult::Keep, OnEmptyResult::Clear] {
        holds(Risk { policy, truths: &[NONE, A, NONE], both_orders: true, ..two() });
    }
}

#[test]
fn publishers_of_other_settings() {
    holds(Risk { publishers: &[0, 1], truths: &[A, BOTH], ..two() });
}

#[test]
fn one_publisher_and_results_of_all_kinds() {
    for policy in [OnEmptyResult::Keep, OnEmptyResult::Clear] {
        let left = Left { crashes: 1, unheard: 1 };
        let truths = &[NONE, BOTH, [Some(2), None], NONE, B];
        holds(Risk { publishers: &[0], policy, left, truths, ..two() });
    }
}

#[test]
#[ignore = "looks at many millions of states"]
fn the_same_within_wider_bounds() {
    let wide = || Risk { both_orders: true, ..two() };
    holds(wide());
    for policy in [OnEmptyResult::Keep, OnEmptyResult::Clear] {
        holds(Risk { policy, truths: &[A, NONE, B], ..wide() });
    }
    for truths in [&[A, B], &[BOTH, B]] {
        holds(Risk { left: Left { crashes: 0, unheard: 1 }, truths, ..wide() });
    }
    holds(Risk { left: Left { crashes: 1, unheard: 1 }, truths: &[A, B], ..two() });
    holds(Risk { truths: &[A, B, NONE, BOTH], ..two() });
    holds(Risk { publishers: &[0, 0, 0], truths: &[A, B], ..two() });
}

#[test]
fn no_guard_can_be_left_out() {
    let none = Left::default();
    let one_dies = Left { crashes: 1, unheard: 0 };
    let one_unheard = Left { crashes: 0, unheard: 1 };
    is_missed(Guarding::Base, Risk { without: Some(Guarding::Base), publishers: &[0, 1], truths: &[A, BOTH], ..two() });
    for (without, truths, left) in [
        (Guarding::Claim, &[A, B] as &[Truth], none),
        (Guarding::Revision, &[BOTH, B, BOTH], none),
        (Guarding::Again, &[BOTH, B], one_unheard),
        (Guarding::Doubt, &[BOTH, B, BOTH], one_dies),
        (Guarding::Tidy, &[B, BOTH, B], one_dies),
        (Guarding::Held, &[A, B], none),
        (Guarding::Kept, &[A, NONE, B], none),
        (Guarding::ViewFirst, &[A, BOTH], none),
    ] {
        is_missed(without, Risk { without: Some(without), truths, left, ..two() });
    }
}
