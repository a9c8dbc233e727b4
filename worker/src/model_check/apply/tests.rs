use stockstream_model::settings::{OnLostOffsets, OnRecreatedTopic};

use super::{
    Apply, Guarding,
    world::{Bounds, Left},
};
use crate::model_check::{holds, is_missed};

const LEFT: Left = Left { moves: 3, crashes: 1, unheard: 0, trims: 0, remakes: 0, returns: 0, cuts: 0 };

const BOUNDS: Bounds = Bounds {
    workers: 2,
    partitions: 1,
    length: 2,
    there: 1,
    gap: None,
    left: LEFT,
    policy: OnLostOffsets::Resume,
    recreated: OnRecreatedTopic::Restart,
};

fn each_event_counts_once(bounds: Bounds) {
    holds(Apply::new(bounds, None));
}

#[test]
fn two_workers_one_of_which_may_die_or_lose_an_acknowledgement() {
    each_event_counts_once(Bounds { left: Left { unheard: 1, ..LEFT }, ..BOUNDS });
}

#[test]
fn three_workers() {
    each_event_counts_once(Bounds { workers: 3, left: Left { crashes: 0, ..LEFT }, ..BOUNDS });
}

#[test]
fn two_partitions_in_one_upsert() {
    let pair = Bounds { partitions: 2, ..BOUNDS };
    each_event_counts_once(Bounds { length: 1, left: Left { unheard: 1, ..LEFT }, ..pair });
    each_event_counts_once(Bounds { there: 2, left: Left { crashes: 0, ..LEFT }, ..pair });
}

#[test]
fn offsets_without_an_event() {
    each_event_counts_once(Bounds { length: 3, gap: Some(1), left: Left { moves: 2, ..LEFT }, ..BOUNDS });
}

#[test]
fn a_topic_that_is_made_anew() {
    each_event_counts_once(Bounds { left: Left { remakes: 1, moves: 2, ..LEFT }, ..BOUNDS });
    each_event_counts_once(Bounds { left: Left { remakes: 1, trims: 1, moves: 2, crashes: 0, ..LEFT }, ..BOUNDS });
    each_event_counts_once(Bounds {
        left: Left { remakes: 1, moves: 2, ..LEFT },
        recreated: OnRecreatedTopic::Fail,
        ..BOUNDS
    });
}

#[test]
fn a_topic_that_was_replaced_and_comes_back() {
    each_event_counts_once(Bounds { left: Left { remakes: 1, returns: 1, moves: 2, crashes: 0, ..LEFT }, ..BOUNDS });
}

#[test]
fn a_log_that_loses_its_end() {
    let cut = Bounds { there: 2, left: Left { cuts: 1, moves: 2, crashes: 0, ..LEFT }, ..BOUNDS };
    for policy in [OnLostOffsets::Resume, OnLostOffsets::Fail] {
        each_event_counts_once(Bounds { policy, ..cut });
    }
}

#[test]
fn events_that_are_deleted_before_they_were_read() {
    let trimmed = Bounds { there: 2, left: Left { trims: 1, ..LEFT }, ..BOUNDS };
    for policy in [OnLostOffsets::Resume, OnLostOffsets::Fail] {
        each_event_counts_once(Bounds { policy, ..trimmed });
    }
}

#[test]
#[ignore = "looks at many millions of states, for minutes"]
fn the_same_within_wider_bounds() {
    each_event_counts_once(Bounds { length: 3, left: Left { unheard: 1, ..LEFT }, ..BOUNDS });
    each_event_counts_once(Bounds { workers: 3, left: Left { unheard: 1, crashes: 0, ..LEFT }, ..BOUNDS });
    each_event_counts_once(Bounds { partitions: 2, there: 2, ..BOUNDS });
    each_event_counts_once(Bounds { left: Left { remakes: 1, ..LEFT }, ..BOUNDS });
    each_event_counts_once(Bounds { left: Left { remakes: 1, trims: 1, crashes: 0, ..LEFT }, ..BOUNDS });
    let cut = Bounds { there: 2, left: Left { cuts: 1, moves: 2, ..LEFT }, ..BOUNDS };
    each_event_counts_once(cut);
    each_event_counts_once(Bounds { policy: OnLostOffsets::Fail, ..cut });
    each_event_counts_once(Bounds { left: Left { trims: 1, crashes: 0, ..cut.left }, ..cut });
    each_event_counts_once(Bounds { length: 3, there: 3, ..cut });
    each_event_counts_once(Bounds { left: Left { remakes: 1, returns: 1, crashes: 0, ..LEFT }, ..BOUNDS });
    each_event_counts_once(Bounds { left: Left { remakes: 1, returns: 2, crashes: 0, ..LEFT }, ..BOUNDS });
    each_event_counts_once(Bounds { length: 3, there: 2, left: Left { trims: 2, crashes: 0, ..LEFT }, ..BOUNDS });
}

#[test]
fn no_guard_can_be_left_out() {
    let unheard = Bounds { left: Left { unheard: 1, crashes: 0, ..LEFT }, ..BOUNDS };
    let remade = Bounds { left: Left { remakes: 1, ..LEFT }, ..BOUNDS };
    let cut = Bounds { there: 2, left: Left { cuts: 1, ..LEFT }, ..BOUNDS };
    let returned = Bounds { left: Left { remakes: 1, returns: 1, crashes: 0, ..LEFT }, ..BOUNDS };
    for (without, bounds) in [
        (Guarding::Claim, BOUNDS),
        (Guarding::Mark, BOUNDS),
        (Guarding::Pending, BOUNDS),
        (Guarding::CheckpointLast, BOUNDS),
        (Guarding::Incarnation, remade),
        (Guarding::LogLast, BOUNDS),
        (Guarding::Writer, unheard),
        (Guarding::Topic, remade),
        (Guarding::NeverAgain, cut),
        (Guarding::Epoch, cut),
        (Guarding::AsClaimed, cut),
        (Guarding::Until, Bounds { length: 3, there: 3, ..cut }),
        (Guarding::Replaced, returned),
        (Guarding::NotedFirst, returned),
    ] {
        is_missed(without, Apply::new(bounds, Some(without)));
    }
}
