use super::*;
use stockstream_model::event::Stream;

const ID: PartitionId = PartitionId { stream: Stream::Sales, partition: 3 };
const EPOCH: i32 = 4;

fn at(next: i64, pending: Option<i64>) -> Checkpoint {
    let cluster_id = Some("one".into());
    Checkpoint { pending, cluster_id, version: 7, ..Checkpoint::new(ID, next, Some("A".into())) }
}

/// The same with the epoch of the last record known.
fn known(next: i64, pending: Option<i64>) -> Checkpoint {
    let epoch = LeaderEpoch { at: pending.unwrap_or(next), value: EPOCH };
    Checkpoint { epoch: Some(epoch), ..at(next, pending) }
}

fn log(first: i64, end: i64, id: Option<&str>) -> LogFacts {
    let cluster_id = Some("one".into());
    LogFacts { first, end, topic_id: id.map(str::to_owned), cluster_id, epoch: EpochCheck::Unknown }
}

fn cut(first: i64, end: i64, at: i64) -> LogFacts {
    LogFacts { epoch: EpochCheck::Cut(at), ..log(first, end, Some("A")) }
}

fn read(position: i64) -> Resume {
    Resume::Read { position, until: None, note: None }
}

const FAIL: (OnLostOffsets, OnRecreatedTopic) = (OnLostOffsets::Fail, OnRecreatedTopic::Fail);
const RESUME: (OnLostOffsets, OnRecreatedTopic) = (OnLostOffsets::Resume, OnRecreatedTopic::Fail);
const RESTART: (OnLostOffsets, OnRecreatedTopic) = (OnLostOffsets::Fail, OnRecreatedTopic::Restart);

fn after(
    checkpoint: &Checkpoint,
    log: &LogFacts,
    (on_lost_offsets, on_recreated_topic): (OnLostOffsets, OnRecreatedTopic),
) -> Resume {
    let ids =
        KafkaIds { replaced_topics: ["old".into()].into(), replaced_clusters: ["zero".into()].into(), cluster: None };
    resume(checkpoint, log, &Policy { on_lost_offsets, on_recreated_topic, ids: &ids })
}

fn stopped(checkpoint: &Checkpoint, log: &LogFacts, rules: (OnLostOffsets, OnRecreatedTopic)) -> String {
    match after(checkpoint, log, rules) {
        Resume::Stop(Stop { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

fn rewritten(
    checkpoint: &Checkpoint,
    log: &LogFacts,
    rules: (OnLostOffsets, OnRecreatedTopic),
) -> (Checkpoint, KafkaIds, String) {
    match after(checkpoint, log, rules) {
        Resume::Rewrite { checkpoint, ids, note } => (*checkpoint, ids, note.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn reads_on_where_it_was_also_when_the_broker_tells_no_id() {
    for id in [Some("A"), None] {
        assert_eq!(after(&at(5, None), &log(0, 9, id), FAIL), read(5));
    }
    assert_eq!(after(&at(5, Some(8)), &log(0, 9, Some("A")), FAIL), read(5));
    let fits = LogFacts { epoch: EpochCheck::Fits, ..log(0, 9, Some("A")) };
    assert_eq!(after(&known(5, Some(8)), &fits, FAIL), read(5));
}

#[test]
fn ids_that_were_not_known_are_taken_over_where_the_log_fits() {
    let unknown = Checkpoint { topic_id: None, cluster_id: None, ..at(5, None) };
    let (checkpoint, ids, note) = rewritten(&unknown, &log(0, 9, Some("A")), FAIL);
    assert_eq!((checkpoint.topic_id.as_deref(), checkpoint.cluster_id.as_deref()), (Some("A"), Some("one")));
    assert_eq!((checkpoint.incarnation, checkpoint.next, ids.cluster.as_deref()), (0, 5, Some("one")));
    assert_eq!(note, "");
    assert_eq!(after(&Checkpoint { pending: Some(7), ..unknown.clone() }, &log(0, 9, Some("A")), FAIL), read(5));
    assert!(stopped(&unknown, &log(0, 4, Some("A")), FAIL).contains("[4, 5)"));
}

#[test]
fn another_topic_or_cluster_counts_only_where_that_is_asked_for() {
    let other_cluster = LogFacts { cluster_id: Some("two".into()), ..log(0, 50, Some("B")) };
    let same_topic = LogFacts { topic_id: Some("A".into()), ..other_cluster.clone() };
    let no_topics = LogFacts { topic_id: None, ..other_cluster.clone() };
    for facts in [log(2, 50, Some("B")), log(0, 4, Some("B")), other_cluster, same_topic, no_topics] {
        let reason = stopped(&at(5, Some(8)), &facts, FAIL);
        assert!(reason.contains("onRecreatedTopic") && reason.contains("pipeline reset sales/3"), "{reason}");
        let (checkpoint, ids, note) = rewritten(&known(5, Some(8)), &facts, RESTART);
        assert_eq!((checkpoint.incarnation, checkpoint.next, checkpoint.pending), (1, facts.first, None));
        assert_eq!(
            (&checkpoint.topic_id, &checkpoint.cluster_id, checkpoint.epoch),
            (&facts.topic_id, &facts.cluster_id, None)
        );
        assert!(note.contains("[5, 8)"), "{note}");
        assert_eq!(ids.replaced_topics.contains("A"), facts.topic_id.as_deref() != Some("A"));
        assert_eq!(ids.replaced_clusters.contains("one"), facts.cluster_id.as_deref() != Some("one"));
    }
}

#[test]
fn what_was_replaced_and_comes_back_always_stops() {
    let cluster = LogFacts { cluster_id: Some("zero".into()), ..log(0, 50, Some("B")) };
    for facts in [log(0, 50, Some("old")), cluster] {
        assert!(stopped(&at(5, None), &facts, RESTART).contains("counted before"));
    }
}

#[test]
fn a_log_that_is_shorter_is_never_counted_again() {
    for checkpoint in [at(5, None), known(5, None)] {
        let reason = stopped(&checkpoint, &log(0, 3, Some("A")), FAIL);
        assert!(reason.contains("[3, 5) of sales/3 were counted here and are lost there"), "{reason}");
        assert!(
            stopped(&checkpoint, &log(0, 3, Some("A")), RESTART).contains("[3, 5)"),
            "the topic has an id: it is the same"
        );
        assert!(stopped(&checkpoint, &log(0, 3, Some("A")), RESUME).contains("[3, 5)"), "waits");
        assert_eq!(after(&at(5, None), &log(0, 5, Some("A")), RESUME), read(5));
    }
    assert!(stopped(&at(5, None), &log(0, 3, None), FAIL).contains("[3, 5)"));
    let (checkpoint, ..) = rewritten(&at(5, None), &log(0, 3, None), RESTART);
    assert_eq!((checkpoint.incarnation, checkpoint.next), (1, 0), "without ids, the log may be of another topic");
}

#[test]
fn a_log_that_was_cut_and_has_grown_is_told_by_the_leaders_epoch() {
    let grown = cut(0, 9, 3);
    assert!(stopped(&known(5, None), &grown, FAIL).contains("[3, 5)"));
    let (checkpoint, _, note) = rewritten(&known(5, None), &grown, RESUME);
    assert_eq!((checkpoint.incarnation, checkpoint.next, checkpoint.epoch), (0, 5, None));
    assert!(note.contains("[3, 5)") && note.contains("not counted"), "{note}");
    assert!(stopped(&known(5, None), &cut(0, 4, 3), RESUME).contains("[3, 5)"), "waits until the log has passed");
}

#[test]
fn an_epoch_counts_at_its_own_offset_alone() {
    let moved = Checkpoint { next: 7, ..known(5, None) };
    assert_eq!((known(5, None).known_epoch().map(|epoch| epoch.at), moved.known_epoch()), (Some(5), None));
    let claimed = Checkpoint { pending: Some(9), ..known(5, None) };
    assert_eq!(claimed.known_epoch().map(|epoch| epoch.at), Some(5), "of a claim that says none, that of the position");
    let fits = LogFacts { epoch: EpochCheck::Fits, ..log(0, 7, Some("A")) };
    assert!(stopped(&claimed, &fits, FAIL).contains("[7, 9)"), "that says nothing of the claim's end");
}

#[test]
fn of_a_claim_that_was_cut_what_is_left_is_applied_and_the_rest_named() {
    for facts in [log(0, 7, Some("A")), cut(0, 7, 7), cut(0, 20, 7)] {
        assert!(stopped(&known(5, Some(9)), &facts, FAIL).contains("[7, 9)"), "{facts:?}");
        let left = after(&known(5, Some(9)), &facts, RESUME);
        let Resume::Read { position: 5, until: Some(7), note: Some(note) } = left else { panic!("{left:?}") };
        assert!(note.contains("[7, 9) of sales/3 were being applied and may be counted in part"), "{note}");
    }
    let (checkpoint, _, note) = rewritten(&known(5, Some(9)), &cut(0, 20, 3), RESUME);
    assert_eq!((checkpoint.next, checkpoint.pending, checkpoint.incarnation), (9, None, 0));
    assert!(note.contains("[3, 5)") && note.contains("[5, 9)"), "{note}");
    let trimmed = after(&known(5, Some(9)), &cut(6, 8, 8), RESUME);
    assert!(matches!(trimmed, Resume::Read { position: 6, until: Some(8), .. }), "{trimmed:?}");
}

#[test]
fn lost_offsets_stop_or_are_named_and_passed_and_pending_is_never_dropped_while_any_is_left() {
    let facts = log(10, 50, Some("A"));
    assert!(stopped(&at(5, None), &facts, FAIL).contains("[5, 10)"));
    let (checkpoint, ..) = rewritten(&at(5, None), &facts, RESUME);
    assert_eq!((checkpoint.next, checkpoint.incarnation), (10, 0));
    let left = after(&at(5, Some(12)), &facts, RESUME);
    assert!(matches!(left, Resume::Read { position: 10, until: None, note: Some(note) } if note.contains("[5, 10)")));
    let (checkpoint, _, note) = rewritten(&at(5, Some(8)), &facts, RESUME);
    assert_eq!((checkpoint.next, checkpoint.pending), (10, None));
    assert!(note.contains("[5, 8)"), "{note}");
}

#[test]
fn a_new_partition_of_another_topic_or_cluster_begins_only_where_that_counts() {
    let other = PartitionId { partition: 9, ..ID };
    let ids = KafkaIds { cluster: Some("one".into()), replaced_topics: ["old".into()].into(), ..KafkaIds::default() };
    let begin = |log: &LogFacts, standing: &[Checkpoint], on_recreated_topic| {
        let policy = Policy { on_lost_offsets: OnLostOffsets::Fail, on_recreated_topic, ids: &ids };
        beginning(other, Some(7), log, standing, &policy).map(|checkpoint| checkpoint.next).map_err(|stop| stop.reason)
    };
    let (fail, restart) = (OnRecreatedTopic::Fail, OnRecreatedTopic::Restart);
    assert_eq!(begin(&log(2, 50, Some("A")), &[at(5, None)], fail), Ok(7));
    assert_eq!(begin(&log(2, 50, Some("B")), &[], fail), Ok(7));
    assert!(begin(&log(2, 50, Some("B")), &[at(5, None)], fail).is_err());
    assert_eq!(
        begin(&log(2, 50, Some("B")), &[at(5, None)], restart),
        Ok(2),
        "where the old topic was pinned means nothing"
    );
    assert!(begin(&log(2, 50, Some("old")), &[at(5, None)], restart).is_err());
    let two = LogFacts { cluster_id: Some("two".into()), ..log(2, 50, None) };
    assert!(begin(&two, &[], fail).is_err());
    assert_eq!(begin(&two, &[], restart), Ok(2));
}

#[test]
fn a_claimed_range_is_never_claimed_again() {
    let stamp = || Stamp { writer: "w".into(), generation: 1, at: Timestamp::default() };
    let epoch = |at| Some(LeaderEpoch { at, value: EPOCH });
    let claimed = claim(&at(5, None), 9, epoch(9), stamp()).unwrap();
    assert_eq!((claimed.next, claimed.pending, claimed.version, claimed.epoch), (5, Some(9), 8, epoch(9)));
    assert_eq!(claim(&at(5, None), 9, epoch(8), stamp()).unwrap().epoch, None);
    assert_eq!(claim(&claimed, 12, None, stamp()), None);
    let range = Tally { end: 9, events: 4, rejected: 1, ..Tally::default() };
    let done = complete(&claimed, &range, stamp());
    assert_eq!((done.next, done.pending, done.version, done.events, done.rejected), (9, None, 9, 4, 1));
    assert_eq!(done.known_epoch(), epoch(9), "what is claimed and applied ends in the same record");
}

#[test]
fn what_is_read_again_of_a_claim_must_end_in_the_same_record() {
    let read = |at, value| Some(LeaderEpoch { at, value });
    let claimed = known(5, Some(9));
    assert!(is_as_claimed(&claimed, read(9, EPOCH)) && is_as_claimed(&claimed, None));
    assert!(!is_as_claimed(&claimed, read(9, EPOCH + 1)));
    assert!(is_as_claimed(&claimed, read(8, EPOCH + 1)), "the last record was compacted away");
    assert!(is_as_claimed(&at(5, Some(9)), read(9, EPOCH)), "nothing is known");
}

#[test]
fn a_claim_by_a_fold_that_is_not_known_is_not_finished_by_guess() {
    let unknown = FoldRules { version: FoldRules::VERSION + 1, future_tolerance: None };
    let claimed = Checkpoint { fold: unknown, ..at(5, Some(8)) };
    for rules in [FAIL, RESUME, RESTART] {
        for facts in [log(0, 9, Some("A")), log(6, 9, Some("A")), log(0, 9, Some("B")), cut(0, 9, 7)] {
            let reason = stopped(&claimed, &facts, rules);
            assert!(reason.contains("[5, 8) of sales/3") && reason.contains("version 3"), "{reason}");
        }
    }
    let free = Checkpoint { pending: None, ..claimed };
    assert_eq!(after(&free, &log(0, 9, Some("A")), FAIL), read(5), "nothing of it is left to finish");
}
