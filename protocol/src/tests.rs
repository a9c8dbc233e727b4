//! Single decisions. What they add up to is checked by `model_check`.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::collections::BTreeMap;

use stockstream_model::{
    Timestamp,
    documents::{EpochCheck, KafkaIds, LeaderEpoch, PartitionId},
    event::EventKind,
    settings::{OnLostOffsets, OnRecreatedTopic},
};

use crate::{
    claim::{Claim, ClaimOutcome, ClaimRequest, MarkVerdict, accepts, blocking_lanes, choose_lane, judge_mark},
    log::{Decision, LogState, Policy, decide, remainder},
    positions::{Cause, ClaimRules, Counters, Derivation, LOST_RANGES, Lane, Lost, OffsetRange, Position, Positions},
    update::Update,
};

fn id(partition: i32) -> PartitionId {
    PartitionId { stream: EventKind::Sales, partition }
}

/// That of the settings of the worker that claims.
const GENERATION: i64 = 3;
const OURS: Derivation = Derivation { generation: GENERATION, since: 0 };

fn positions(partitions: i32) -> Positions {
    let position = |partition| (id(partition), Position::starting_at(10, Some("A".into()), None));
    let lanes = [(0, Lane { holder: Some("w".into()), seq: 4, derivation: OURS, ..Lane::default() })];
    Positions { partitions: (0..partitions).map(position).collect(), lanes: lanes.into(), ..Positions::default() }
}

fn claim(positions: &Positions, partitions: &[i32]) -> ClaimRequest {
    let read = partitions.iter().map(|partition| (id(*partition), (20, None))).collect();
    ClaimRequest::of_batch(positions, 0, "w", (ClaimRules::default(), GENERATION), &read).unwrap()
}

#[test]
fn a_batch_over_several_partitions_is_one_claim_and_one_completion() {
    let mut standing = positions(3);
    let request = claim(&standing, &[0, 2]);
    let claim = request.claim.clone();
    assert_eq!((claim.seq, claim.partitions.len()), (5, 2));
    assert!(Update::Claim(request.clone()).apply(&mut standing));
    assert!(!Update::Claim(request).apply(&mut standing), "it is open already");
    assert_eq!(Claim::open_in(&standing, 0).unwrap().partitions, claim.partitions);
    let counters = Counters { events: 10, rejected: 1, ..Counters::default() };
    let completion = Update::Complete(claim.completion(GENERATION, |_| (counters, None)));
    assert!(completion.apply(&mut standing) && !completion.apply(&mut standing));
    let next: Vec<_> = standing.partitions.values().map(|position| (position.next, position.counters.events)).collect();
    assert_eq!(next, [(20, 10), (10, 0), (20, 10)]);
    assert_eq!(standing.lanes[&0], Lane { holder: Some("w".into()), seq: 5, derivation: OURS, ..Lane::default() });
}

#[test]
fn a_claim_that_was_not_acknowledged_is_open_may_be_sent_again_waits_for_others_or_never_comes() {
    let before = positions(2);
    let claim = claim(&before, &[0, 1]);
    assert_eq!(claim.outcome(&before), ClaimOutcome::Retry);
    let mut open = before.clone();
    assert!(Update::Claim(claim.clone()).apply(&mut open));
    assert_eq!(claim.outcome(&open), ClaimOutcome::Open);
    // An earlier claim of the same holder took effect late: it has the same number, and is another one.
    let mut late = before.clone();
    let mut earlier = claim.clone();
    earlier.claim.partitions.retain(|partition, _| *partition == id(0));
    assert!(Update::Claim(earlier).apply(&mut late));
    assert_eq!(claim.outcome(&late), ClaimOutcome::Blocked([0].into()));
    // So has one over the same ranges, which is finished by other rules.
    let (mut late, mut earlier) = (before.clone(), claim.clone());
    earlier.claim.rules.claimed_at = Timestamp::from_millis(7);
    assert!(Update::Claim(earlier).apply(&mut late));
    assert_eq!(claim.outcome(&late), ClaimOutcome::Blocked([0].into()));
    let mut taken = before.clone();
    taken.lanes.get_mut(&0).unwrap().holder = Some("other".into());
    assert_eq!(claim.outcome(&taken), ClaimOutcome::Rejected);
    let mut moved = before;
    moved.partitions.get_mut(&id(1)).unwrap().next = 12;
    assert_eq!(claim.outcome(&moved), ClaimOutcome::Rejected);
}

#[test]
fn a_worker_finishes_what_is_open_on_its_partitions_and_in_its_own_lane() {
    let mut standing = positions(3);
    assert!(Update::Claim(claim(&standing, &[0])).apply(&mut standing));
    assert_eq!(blocking_lanes(&standing, 7, &[id(0), id(1)]), [0].into());
    assert_eq!(blocking_lanes(&standing, 7, &[id(1)]), [].into());
    assert_eq!(blocking_lanes(&standing, 0, &[id(1)]), [0].into());
}

#[test]
fn lanes_are_used_again_before_new_ones_are_made_and_only_the_dead_lose_theirs() {
    let holders = |of: &[Option<&str>]| {
        let lane = |holder: &Option<&str>| Lane { holder: holder.map(str::to_owned), ..Lane::default() };
        let lanes: BTreeMap<_, _> = (0..).zip(of.iter().map(lane)).collect();
        Positions { lanes, ..Positions::default() }
    };
    let chosen = |of: &[Option<&str>], at_most| {
        choose_lane(&holders(of), "me", |holder| holder == "alive", at_most).map(|(lane, _)| lane)
    };
    assert_eq!(chosen(&[], 2), Some(0));
    assert_eq!(chosen(&[Some("alive"), Some("me"), None], 3), Some(1));
    assert_eq!(chosen(&[Some("dead"), None], 3), Some(1));
    assert_eq!(chosen(&[Some("alive"), Some("dead")], 3), Some(1));
    assert_eq!(chosen(&[Some("alive"), Some("alive")], 3), Some(2));
    assert_eq!(chosen(&[Some("alive")], 1), None);
    let mut open = holders(&[Some("dead"), None, Some("dead")]);
    let chosen =
        |positions: &Positions, at_most| choose_lane(positions, "me", |_| false, at_most).map(|(lane, _)| lane);
    for lane in open.lanes.values_mut().take(2) {
        lane.open = true;
    }
    assert_eq!(chosen(&open, 3), Some(2), "one in which nothing is open");
    open.lanes.remove(&2);
    assert_eq!((chosen(&open, 3), chosen(&open, 2)), (Some(2), Some(0)), "a new one, while there are few");
    open.lanes.values_mut().for_each(|lane| lane.rules.fold.version = 1_000);
    assert_eq!(chosen(&open, 2), None, "this version cannot finish what is open in them");
}

#[test]
fn a_mark_says_whether_a_change_was_applied_before() {
    for (mark, accepted, verdict) in [
        (None, true, MarkVerdict::Retry),
        (Some(4), true, MarkVerdict::Retry),
        (Some(5), false, MarkVerdict::Applied),
        (Some(6), false, MarkVerdict::Superseded),
    ] {
        assert_eq!((accepts(mark, 5), judge_mark(mark, 5)), (accepted, verdict), "{mark:?}");
    }
}

fn log(first: i64, end: i64, topic: &str) -> LogState {
    LogState { first, end, topic_id: Some(topic.into()), ..LogState::default() }
}

fn policy(on_lost_offsets: OnLostOffsets, on_recreated_topic: OnRecreatedTopic, ids: &KafkaIds) -> Policy<'_> {
    Policy { on_lost_offsets, on_recreated_topic, ids, now: Timestamp::default() }
}

fn moved(decision: Decision) -> Position {
    match decision {
        Decision::Move { position, .. } => *position,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_log_that_fits_is_read_and_one_that_does_not_is_decided_on_by_the_settings() {
    use {OnLostOffsets as Lost, OnRecreatedTopic as Recreated};
    let ids = KafkaIds::default();
    let (resume, fail) = (policy(Lost::Resume, Recreated::Restart, &ids), policy(Lost::Fail, Recreated::Fail, &ids));
    let position = Position::starting_at(10, Some("A".into()), None);
    assert_eq!(decide(&position, &log(3, 30, "A"), &fail), Decision::Read);

    let deleted = moved(decide(&position, &log(12, 30, "A"), &resume));
    assert_eq!((deleted.next, deleted.lost.offsets), (12, 2));
    let frozen = moved(decide(&position, &log(12, 30, "A"), &fail));
    assert_eq!((frozen.next, frozen.frozen.as_ref().map(|frozen| frozen.cause)), (10, Some(Cause::Deleted)));
    assert!(matches!(decide(&frozen, &log(12, 30, "A"), &fail), Decision::Wait(_)), "it is frozen already");
    let resumed = moved(decide(&frozen, &log(12, 30, "A"), &resume));
    assert_eq!((resumed.next, resumed.frozen), (12, None), "the setting clears it");

    let short = log(0, 8, "A");
    assert!(matches!(decide(&position, &short, &resume), Decision::Wait(_)), "nothing is counted again");
    let frozen = moved(decide(&position, &short, &fail));
    assert_eq!((frozen.next, frozen.frozen.as_ref().map(|frozen| frozen.cause)), (10, Some(Cause::Truncated)));
    assert_eq!(moved(decide(&frozen, &log(0, 12, "A"), &fail)).frozen, None, "the log fits again");
    let epoch = Some(LeaderEpoch { at: 10, value: 3 });
    let overwritten = LogState { epoch: EpochCheck::Cut(7), ..log(0, 30, "A") };
    let passed = moved(decide(&Position { epoch, ..position.clone() }, &overwritten, &resume));
    let lost: Vec<_> = passed.lost.ranges.iter().map(|range| (range.from, range.to, range.cause)).collect();
    assert_eq!((passed.next, passed.epoch, lost), (10, None, vec![(7, 10, Some(Cause::Truncated))]));
    assert_eq!(decide(&passed, &LogState { epoch: EpochCheck::Unknown, ..overwritten }, &resume), Decision::Read);

    let another = moved(decide(&position, &log(2, 5, "B"), &resume));
    assert_eq!((another.next, another.incarnation, another.topic_id.as_deref()), (2, 1, Some("B")));
    let frozen = moved(decide(&position, &log(2, 5, "B"), &fail));
    assert_eq!(frozen.frozen.map(|frozen| frozen.cause), Some(Cause::Recreated));
    let seen = KafkaIds { replaced_topics: ["B".to_owned()].into(), ..KafkaIds::default() };
    let returned = moved(decide(&position, &log(2, 5, "B"), &policy(Lost::Resume, Recreated::Restart, &seen)));
    assert_eq!(returned.frozen.map(|frozen| frozen.cause), Some(Cause::Returned), "whatever the settings say");
}

#[test]
fn of_a_claim_what_is_left_is_folded_and_what_is_lost_is_named() {
    use {OnLostOffsets as Lost, OnRecreatedTopic as Recreated};
    let ids = KafkaIds::default();
    let mut standing = positions(1);
    let read = [(id(0), (20, Some(LeaderEpoch { at: 20, value: 3 })))].into();
    let claim = ClaimRequest::of_batch(&standing, 0, "w", (ClaimRules::default(), GENERATION), &read).unwrap();
    assert!(Update::Claim(claim).apply(&mut standing));
    let position = &standing.partitions[&id(0)];
    let cut = |end| LogState { epoch: EpochCheck::Cut(end), ..log(0, 30, "A") };
    let range = |start, end| OffsetRange { start, end };
    for (log, fold, lost) in [
        (log(0, 30, "A"), Some(range(10, 20)), vec![]),
        (log(12, 30, "A"), Some(range(12, 20)), vec![range(10, 12)]),
        (log(25, 30, "A"), None, vec![range(10, 20)]),
        (log(0, 15, "A"), Some(range(10, 15)), vec![range(15, 20)]),
        (LogState { first: 12, ..cut(15) }, Some(range(12, 15)), vec![range(10, 12), range(15, 20)]),
        (log(0, 30, "B"), None, vec![range(10, 20)]),
    ] {
        for on_lost_offsets in [Lost::Resume, Lost::Fail] {
            let policy = policy(on_lost_offsets, Recreated::Restart, &ids);
            let left = remainder(position, &log, &policy).unwrap();
            let named: Vec<_> = left.lost.iter().map(|loss| loss.range).collect();
            assert_eq!((left.fold, &named), (fold, &lost), "{log:?}");
            let freezes = on_lost_offsets == Lost::Fail && log.topic_id.as_deref() == Some("A");
            assert!(left.lost.iter().all(|loss| loss.freeze.is_some() == freezes), "{log:?}");
        }
    }
}

#[test]
fn a_loss_of_a_claim_is_named_once_for_each_log() {
    let mut standing = positions(1);
    assert!(Update::Claim(claim(&standing, &[0])).apply(&mut standing));
    let range = OffsetRange { start: 10, end: 20 };
    let lose = |seq, incarnation, cause| Update::LoseClaimed {
        lane: 0,
        seq,
        id: id(0),
        incarnation,
        range,
        cause,
        freeze: None,
    };
    assert!(!lose(4, 0, Cause::Truncated).apply(&mut standing), "of another claim");
    assert!(lose(5, 0, Cause::Truncated).apply(&mut standing));
    assert!(!lose(5, 0, Cause::Truncated).apply(&mut standing));
    assert!(!lose(5, 0, Cause::Deleted).apply(&mut standing), "whatever another found the cause to be");
    // The topic is recreated, and its log loses the same offsets.
    let position = standing.partitions.get_mut(&id(0)).unwrap();
    position.incarnation += 1;
    assert!(lose(5, 1, Cause::Truncated).apply(&mut standing));
    let lost = &standing.partitions[&id(0)].lost;
    assert_eq!((lost.offsets, lost.ranges[0].cause, lost.ranges[1].incarnation), (20, Some(Cause::Truncated), 1));
}

#[test]
fn a_claim_knows_which_invoices_are_overlooked_and_that_never_goes_back() {
    let mut standing = positions(1);
    let at = |millis| Some(Timestamp::from_millis(millis));
    let before = standing.partitions[&id(0)].clone();
    let raise = |from: &Position, to| Update::Move {
        id: id(0),
        expected: from.clone().into(),
        position: Position { forgotten: to, ..from.clone() }.into(),
        ids: KafkaIds::default(),
    };
    let stale = claim(&standing, &[0]);
    assert!(raise(&before, at(9)).apply(&mut standing));
    assert!(!raise(&before, at(5)).apply(&mut standing), "it was raised meanwhile");
    assert_eq!(stale.outcome(&standing), ClaimOutcome::Rejected, "it would ask for what may be deleted");
    let request = claim(&standing, &[0]);
    let claim = request.claim.clone();
    assert_eq!(claim.partitions[&id(0)].forgotten, at(9));
    assert!(Update::Claim(request).apply(&mut standing));
    assert!(!raise(&standing.partitions[&id(0)].clone(), at(12)).apply(&mut standing), "a claim is open");
    assert!(Update::Complete(claim.completion(GENERATION, |_| (Counters::default(), at(7)))).apply(&mut standing));
    assert_eq!(standing.partitions[&id(0)].forgotten, at(9));
}

#[test]
fn a_lane_tells_whenever_settings_of_another_generation_derived_fields() {
    let mut standing = positions(1);
    let end = std::cell::Cell::new(20);
    let flush = |standing: &mut Positions, claimed_by: i64, completed_by: i64| {
        let read = [(id(0), (end.get(), None))].into();
        end.set(end.get() + 10);
        let request = ClaimRequest::of_batch(standing, 0, "w", (ClaimRules::default(), claimed_by), &read).unwrap();
        let claim = request.claim.clone();
        assert!(Update::Claim(request).apply(standing));
        assert!(Update::Complete(claim.completion(completed_by, |_| <_>::default())).apply(standing));
        standing.lanes[&0].derivation
    };
    assert_eq!(flush(&mut standing, GENERATION, GENERATION), OURS);
    let others = flush(&mut standing, 4, 4);
    assert_eq!((others.generation, others.since > 0), (4, true));
    // One that is finished by another derives in part by each.
    let finished = flush(&mut standing, GENERATION, 4);
    assert_eq!((finished.generation, finished.since > others.since), (4, true));
    let again = flush(&mut standing, 4, GENERATION);
    assert_eq!((again.generation, again.since > finished.since), (GENERATION, true));
    assert_eq!(flush(&mut standing, GENERATION, GENERATION), again);
}

#[test]
fn the_last_lost_ranges_are_kept_and_the_sum_of_all() {
    let mut lost = Lost::default();
    (0..40).for_each(|start| lost.add(0, OffsetRange { start, end: start + 2 }, Cause::Deleted));
    assert_eq!((lost.ranges.len(), lost.ranges.last().unwrap().from, lost.offsets), (LOST_RANGES, 39, 80));
}
