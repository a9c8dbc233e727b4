use stockstream_model::settings::{OnLostOffsets, OnRecreatedTopic};

use super::{
    Guard, Lanes,
    world::{Bounds, Left},
};
use crate::exhaustive::{holds, is_missed};

const LEFT: Left = Left { steals: 1, crashes: 0, unheard: 0, late: 0, trims: 0, recreations: 0, returns: 0, cuts: 0 };

const BOUNDS: Bounds = Bounds {
    workers: 2,
    lanes: 2,
    partitions: 1,
    length: 1,
    there: 1,
    left: LEFT,
    on_lost_offsets: OnLostOffsets::Resume,
    on_recreated_topic: OnRecreatedTopic::Restart,
};

fn each_event_counts_once(bounds: Bounds) {
    holds(Lanes::new(bounds, None));
}

fn whatever_is_set_for_lost_offsets(bounds: Bounds) {
    for on_lost_offsets in [OnLostOffsets::Resume, OnLostOffsets::Fail] {
        each_event_counts_once(Bounds { on_lost_offsets, ..bounds });
    }
}

#[test]
fn two_workers_on_one_partition() {
    each_event_counts_once(BOUNDS);
    each_event_counts_once(Bounds { length: 2, ..BOUNDS });
}

#[test]
fn a_worker_that_dies_and_one_that_loses_acknowledgements() {
    each_event_counts_once(Bounds { length: 2, left: Left { crashes: 1, ..LEFT }, ..BOUNDS });
    each_event_counts_once(Bounds { left: Left { unheard: 1, ..LEFT }, ..BOUNDS });
}

#[test]
fn writes_that_take_effect_late() {
    each_event_counts_once(Bounds { left: Left { late: 1, ..LEFT }, ..BOUNDS });
}

#[test]
fn two_partitions_in_one_batch() {
    each_event_counts_once(Bounds { partitions: 2, ..BOUNDS });
}

#[test]
fn a_topic_that_is_recreated() {
    for on_recreated_topic in [OnRecreatedTopic::Restart, OnRecreatedTopic::Fail] {
        each_event_counts_once(Bounds { on_recreated_topic, left: Left { recreations: 1, ..LEFT }, ..BOUNDS });
    }
}

#[test]
fn a_topic_that_was_replaced_and_answers_again() {
    each_event_counts_once(Bounds { left: Left { recreations: 1, returns: 1, ..LEFT }, ..BOUNDS });
}

#[test]
fn a_log_that_loses_its_end() {
    whatever_is_set_for_lost_offsets(Bounds { length: 2, there: 2, left: Left { cuts: 1, ..LEFT }, ..BOUNDS });
}

#[test]
fn events_that_are_deleted_before_they_were_read() {
    whatever_is_set_for_lost_offsets(Bounds { length: 2, there: 2, left: Left { trims: 1, ..LEFT }, ..BOUNDS });
}

#[test]
#[ignore = "visits tens of millions of states, for many minutes"]
fn the_same_within_wider_bounds() {
    let three = Bounds { workers: 3, lanes: 3, ..BOUNDS };
    let pair = Bounds { partitions: 2, ..BOUNDS };
    for bounds in [
        three,
        Bounds { workers: 3, ..BOUNDS },
        Bounds { length: 2, left: Left { unheard: 1, late: 1, ..LEFT }, ..BOUNDS },
        Bounds { length: 2, left: Left { steals: 2, crashes: 1, ..LEFT }, ..BOUNDS },
        Bounds { length: 2, there: 2, ..pair },
        Bounds { left: Left { unheard: 1, ..LEFT }, ..pair },
        Bounds { left: Left { late: 1, ..LEFT }, ..pair },
        Bounds { left: Left { crashes: 1, ..LEFT }, ..pair },
        Bounds { left: Left { recreations: 1, ..LEFT }, ..pair },
        Bounds { left: Left { recreations: 1, late: 1, ..LEFT }, ..BOUNDS },
        Bounds { left: Left { recreations: 1, trims: 1, ..LEFT }, ..BOUNDS },
        Bounds { length: 2, there: 2, left: Left { cuts: 1, trims: 1, ..LEFT }, ..BOUNDS },
        Bounds { length: 3, there: 3, left: Left { cuts: 1, ..LEFT }, ..BOUNDS },
        Bounds { length: 2, there: 2, left: Left { cuts: 1, late: 1, ..LEFT }, ..BOUNDS },
    ] {
        whatever_is_set_for_lost_offsets(bounds);
    }
}

#[test]
fn no_rule_can_be_left_out() {
    let late = Bounds { left: Left { late: 1, ..LEFT }, ..BOUNDS };
    let unheard = Bounds { left: Left { unheard: 1, ..LEFT }, ..BOUNDS };
    let recreated = Bounds { left: Left { recreations: 1, ..LEFT }, ..BOUNDS };
    let returned = Bounds { left: Left { recreations: 1, returns: 1, ..LEFT }, ..BOUNDS };
    let cut = Bounds { length: 2, there: 2, left: Left { cuts: 1, ..LEFT }, ..BOUNDS };
    let pair = Bounds { partitions: 2, ..BOUNDS };
    let fail = Bounds { on_lost_offsets: OnLostOffsets::Fail, length: 3, ..cut };
    let late_pair = Bounds { partitions: 2, ..late };
    let two = Bounds { length: 2, ..BOUNDS };
    for (without, bounds) in [
        (Guard::ClaimSeq, late_pair),
        (Guard::ClaimLaneClosed, late_pair),
        (Guard::ClaimIncarnation, recreated),
        (Guard::ClaimNext, BOUNDS),
        (Guard::ClaimPending, BOUNDS),
        (Guard::ClaimFrozen, fail),
        (Guard::ExactOutcome, late_pair),
        (Guard::WholeBatch, pair),
        (Guard::PositionsFirst, two),
        (Guard::Topics, recreated),
        (Guard::Mark, BOUNDS),
        (Guard::MarkIsStrict, BOUNDS),
        (Guard::EqualMark, unheard),
        (Guard::Completion, two),
        (Guard::OwnLane, pair),
        (Guard::OwnPartitions, pair),
        (Guard::SeqIsKept, BOUNDS),
        (Guard::NamedFirst, cut),
        (Guard::Epoch, cut),
        (Guard::Returned, returned),
    ] {
        is_missed(without, Lanes::new(bounds, Some(without)));
    }
}
