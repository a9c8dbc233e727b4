use super::*;

fn trouble(message: &str, stalled: bool) -> Trouble {
    Trouble { reason: "NotApplied", message: message.into(), stalled }
}

fn condition<'a>(status: &'a PipelineStatus, name: &str) -> &'a Condition {
    status.conditions.iter().find(|condition| condition.type_ == name).unwrap()
}

#[test]
fn a_trouble_makes_the_pipeline_not_ready_and_says_whether_a_person_must_act() {
    for (stalled, reconciling, stuck) in [(false, "True", "False"), (true, "False", "True")] {
        let status = with_error(None, PipelineStatus::default(), &trouble("quota", stalled), Some(3), Timestamp::now());
        let ready = condition(&status, "Ready");
        assert_eq!(
            (ready.status.as_str(), ready.reason.as_str(), ready.message.as_str()),
            ("False", "NotApplied", "quota")
        );
        assert_eq!(condition(&status, "Reconciling").status, reconciling);
        assert_eq!(condition(&status, "Stalled").status, stuck);
        assert!(status.observed_generation == Some(3) && ready.observed_generation == Some(3));
    }
}

#[test]
fn a_condition_that_stays_as_it_is_keeps_since_when() {
    let at = |seconds: i64| Timestamp::default().plus_millis(seconds * 1_000);
    let first = with_error(None, PipelineStatus::default(), &trouble("one", false), Some(1), at(100));
    let second = with_error(Some(&first), PipelineStatus::default(), &trouble("two", true), Some(1), at(200));
    assert_eq!(condition(&second, "Ready").last_transition_time, time(at(100)));
    assert_eq!(condition(&second, "Stalled").last_transition_time, time(at(200)));
}

#[test]
fn what_was_written_last_is_believed_until_the_watch_shows_it() {
    let statuses = StatusCache::default();
    let meta = |version: &str| ObjectMeta {
        name: Some("stock".into()),
        namespace: Some("shop".into()),
        resource_version: Some(version.into()),
        ..ObjectMeta::default()
    };
    let (old, new) = (PipelineStatus::default(), PipelineStatus { replicas: 2, ..PipelineStatus::default() });
    assert_eq!(statuses.standing(&meta("9"), Some(&old)), Some(old.clone()));
    let written = Written { at: Instant::now(), unseen: Some((Some(10), new.clone())) };
    statuses.0.lock().insert(PipelineKey::new("shop", "stock"), written);
    assert_eq!(statuses.standing(&meta("9"), Some(&old)), Some(new.clone()));
    assert_eq!(statuses.standing(&meta("9"), None), Some(new));
    assert_eq!(statuses.standing(&meta("10"), Some(&old)), Some(old.clone()), "what is shown is as new");
    assert_eq!(statuses.standing(&meta("11"), None), None, "somebody removed it");
}
