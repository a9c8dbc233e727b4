use stockstream_model::event::EventKind;

use super::*;
use crate::reconcile::{
    fixtures::{Fixture, PARTITIONS, at, find, heartbeat, id, settled, stalls, suspended, waits, workers},
    observed::DeploymentFacts,
};

#[test]
fn positions_lag_and_counts_are_told() {
    let said = Fixture::ready().status();
    assert_eq!((said.lag, said.events, said.rejected), (Some(63), Some(90), Some(9)));
    assert_eq!(
        (said.topics_ready.as_deref(), said.workers_ready.as_deref(), said.replicas),
        (Some("3/3"), Some("2/2"), 2)
    );
    assert_eq!(said.partitions.len(), 9);
    let first = &said.partitions[0];
    assert_eq!((&*first.id, first.next, first.log_end), ("sales/0", 100, Some(107)));
    assert_eq!(said.group_id.as_deref(), Some("stockstream.shop.stock"));
    assert_eq!(said.database.as_deref(), Some("stock_management"));
    assert!(said.selector.unwrap().contains("app.kubernetes.io/component=worker"));
    let fresh = Fixture::fresh(&[EventKind::Sales]).status();
    assert_eq!((fresh.topics_ready.as_deref(), fresh.workers_ready.as_deref()), (Some("2/3"), Some("0/2")));
    assert_eq!((fresh.lag, fresh.partitions.len()), (None, 0));
    assert_eq!(fresh.topics[0].command.as_deref(), Some("kafka-topics.sh --create"));
}

#[test]
fn what_cannot_be_asked_for_stays_as_it_was_last_known() {
    let before = Fixture::ready().status();
    let away = Fixture::ready()
        .kafka_fails(waits("BrokerUnreachable", "gone"))
        .with(|fixture| fixture.facts.database = Err(waits("DatabaseUnreachable", "gone")))
        .after(&before)
        .status();
    assert_eq!((away.events, away.rejected, &away.partitions), (before.events, before.rejected, &before.partitions));
    assert_eq!((away.lag, away.topics_ready.as_deref()), (None, Some("0/3")));
    assert_eq!(away.topics[0].topic_id, before.topics[0].topic_id);
    assert_eq!(away.database, before.database);
}

#[test]
fn times_of_conditions_are_kept_until_they_change() {
    let before = Fixture::ready().status();
    let later = Fixture::ready().after(&before).with(|fixture| fixture.now = at(99)).status();
    assert_eq!(later, before, "a steady pipeline says the same");
    let away = Fixture::ready().kafka_fails(waits("BrokerUnreachable", "gone")).after(&before);
    let away = away.with(|fixture| fixture.now = at(99)).status();
    for (name, seconds) in
        [("Ready", 99), ("TopicsReady", 99), ("Reconciling", 99), ("DatabaseReady", 0), ("Stalled", 0)]
    {
        let since = find(&away, name).last_transition_time.0.as_second();
        assert_eq!(since, at(seconds).millis() / 1_000, "{name}");
    }
}

#[test]
fn what_happened_to_topics_since_the_start_is_shown() {
    let said = Fixture::ready().with(|fixture| {
        fixture.facts.topics.as_mut().unwrap()[1].partitions = Some(PARTITIONS + 2);
        fixture.facts.database.as_mut().unwrap().checkpoints[0].incarnation = 1;
    });
    let message = find(&said.status(), "TopicsReady").message.clone();
    assert!(message.contains("topic-raw-sales (3 partitions, made anew since the start"), "{message}");
    assert!(message.contains("topic-inventory-updates (5 partitions, 2 of them added"), "{message}");
}

#[test]
fn a_status_is_written_when_it_says_something_new_and_not_too_often_when_it_merely_moves() {
    let before = Fixture::ready().status();
    assert!(needs_write(None, &before, 0));
    assert!(!needs_write(Some(&before), &before, u64::MAX), "nothing changed");
    let moved = Fixture::ready()
        .after(&before)
        .with(|fixture| *fixture.facts.log_ends.get_mut(&id(EventKind::Sales, 1)).unwrap() += 5);
    assert!(!needs_write(Some(&before), &moved.status(), 29));
    assert!(needs_write(Some(&before), &moved.status(), 30));
    let changes: [fn(&mut Fixture); 5] = [
        |fixture| fixture.pipeline.metadata.generation = Some(3),
        |fixture| *fixture = fixture.clone().without(&[EventKind::Sales]),
        |fixture| fixture.facts.topics.as_mut().unwrap()[0].partitions = Some(9),
        |fixture| fixture.facts.workers = Some(DeploymentFacts { ready: 1, ..settled(2) }),
        |fixture| fixture.facts.workers = Some(DeploymentFacts { replicas: 3, ..settled(2) }),
    ];
    for change in changes {
        assert!(needs_write(Some(&before), &Fixture::ready().after(&before).with(change).status(), 0));
    }
}

/// When a scene is looked at again.
fn again(fixture: &Fixture) -> u64 {
    requeue_after(&fixture.pipeline, &fixture.facts, &fixture.decide(), &fixture.status(), fixture.now).as_secs()
}

#[test]
fn missing_topics_are_looked_for_soon_what_lags_in_a_quarter_and_the_rest_in_half_a_minute() {
    assert_eq!(again(&Fixture::ready()), 15, "it has events to apply, and may stop to move");
    let applied = |fixture: &mut Fixture| fixture.facts.log_ends.values_mut().for_each(|end| *end = 100);
    assert_eq!(again(&Fixture::ready().with(applied)), 30);
    assert_eq!(again(&Fixture::fresh(&[EventKind::Sales])), 5);
    assert_eq!(again(&Fixture::fresh(&[EventKind::Sales]).with(suspended)), 30, "nothing waits for them");
    assert_eq!(again(&Fixture::ready().kafka_fails(stalls("SignInRefused", ""))), 30);
    let starting = |fixture: &mut Fixture| workers(fixture, DeploymentFacts { ready: 0, ..settled(2) });
    assert_eq!(again(&Fixture::ready().with(applied).with(starting)), 30, "the watch tells when they are ready");
}

#[test]
fn servers_that_are_away_are_looked_for_the_more_rarely_the_longer_they_are() {
    let kafka = |fixture: Fixture| fixture.kafka_fails(waits("BrokerUnreachable", ""));
    let mongodb =
        |fixture: Fixture| fixture.with(|fixture| fixture.facts.database = Err(waits("DatabaseUnreachable", "")));
    for away in [kafka, mongodb] as [fn(Fixture) -> Fixture; 2] {
        let first = away(Fixture::ready().after(&Fixture::ready().status())).status();
        let later = |seconds| again(&away(Fixture::ready().after(&first).with(|fixture| fixture.now = at(seconds))));
        assert_eq!([0, 10, 24, 40, 90, 9_000].map(later), [5, 5, 12, 20, 30, 30]);
    }
    let missing = Fixture::fresh(&[EventKind::Sales]);
    let since = mongodb(missing.clone()).status();
    assert_eq!(
        again(&mongodb(missing.after(&since).with(|fixture| fixture.now = at(90)))),
        5,
        "the topics are asked for"
    );
}

fn told(before: Option<&PipelineStatus>, fixture: Fixture) -> Vec<(Kind, String)> {
    let fixture = match before {
        Some(before) => fixture.after(before),
        None => fixture,
    };
    status_events(before, &fixture.status()).into_iter().map(|event| (event.kind, event.reason)).collect()
}

#[test]
fn news_are_told_once() {
    let normal = |reason: &str| (Kind::Normal, reason.to_owned());
    let warning = |reason: &str| (Kind::Warning, reason.to_owned());
    let missing = Fixture::fresh(&[EventKind::Sales]);
    assert_eq!(told(None, missing.clone()), [warning("TopicMissing")]);
    let waiting = missing.status();
    assert_eq!(told(Some(&waiting), missing), []);
    assert_eq!(told(Some(&waiting), Fixture::fresh(&[])), [normal("TopicsFound")]);
    let found = Fixture::fresh(&[]).status();
    let up = ["WorkersStarted", "DashboardStarted", "Ready"].map(normal);
    assert_eq!(told(Some(&found), Fixture::ready()), up);
    let ready = Fixture::ready().status();
    assert_eq!(told(Some(&ready), Fixture::ready()), []);
    for (change, news) in [
        (
            (|fixture| *fixture = fixture.clone().kafka_fails(stalls("SignInRefused", ""))) as fn(&mut Fixture),
            warning("SignInRefused"),
        ),
        (|fixture| fixture.facts.database = Err(stalls("DatabaseChanged", "")), warning("DatabaseChanged")),
        (|fixture| fixture.facts.database.as_mut().unwrap().id = Some("other".into()), normal("DatabaseAccepted")),
        (
            |fixture| fixture.facts.topics.as_mut().unwrap()[2].topic_id = Some("another".into()),
            warning("TopicRecreated"),
        ),
        (|fixture| fixture.facts.topics.as_mut().unwrap()[2].partitions = Some(9), normal("PartitionsAdded")),
        (suspended, normal("Suspended")),
        (
            |fixture| fixture.facts.database.as_mut().unwrap().heartbeats = vec![heartbeat(&["sales/0 stopped"])],
            warning("PartitionStopped"),
        ),
    ] {
        assert_eq!(told(Some(&ready), Fixture::ready().with(change)), [news]);
    }
    let paused = Fixture::ready().with(suspended).with(|fixture| workers(fixture, settled(0))).status();
    assert_eq!(told(Some(&paused), Fixture::ready())[1], normal("Resumed"));
}

#[test]
fn a_topic_that_was_made_anew_while_nobody_could_ask_is_noticed_afterwards() {
    let mut status = Fixture::ready().status();
    for fixture in
        [Fixture::ready().kafka_fails(waits("BrokerUnreachable", "")), Fixture::ready().without(&[EventKind::Sales])]
    {
        status = fixture.after(&status).status();
    }
    let anew =
        Fixture::ready().with(|fixture| fixture.facts.topics.as_mut().unwrap()[0].topic_id = Some("another".into()));
    assert!(told(Some(&status), anew).contains(&(Kind::Warning, "TopicRecreated".into())));
}

#[test]
fn the_dashboards_rights_are_told_beside_its_pods() {
    let said = |fixture: &Fixture| find(&fixture.status(), "DashboardAvailable").message.clone();
    let shared = Fixture::ready();
    assert!(said(&shared).contains("as the workers' user, who may write: name a user of its own"), "{}", said(&shared));
    let own = shared.with(|fixture| {
        let uri_secret_ref = fixture.pipeline.spec.mongodb.uri_secret_ref.clone();
        let own = crate::resource::DashboardMongoDb { uri_secret_ref, client_cert_secret_ref: None };
        fixture.pipeline.spec.dashboard.mongodb = Some(own);
    });
    assert!(said(&own).ends_with("it is not known whether its MongoDB user may write"), "{}", said(&own));
    let with = |writes: &[&str]| {
        let writes = writes.iter().map(|action| (*action).to_owned()).collect();
        said(&own.clone().with(|fixture| fixture.facts.reader_writes = Some(writes)))
    };
    assert!(with(&[]).ends_with("its MongoDB user may read and may not write"));
    assert!(with(&["update", "remove"]).ends_with("may also remove, update: give it the role read alone"));
}
