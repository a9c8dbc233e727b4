use stockstream_model::event::EventKind;

use crate::{
    reconcile::fixtures::{Fixture, id, settled, stalls, waits},
    resource::Autoscaling,
};

fn workers(fixture: &Fixture) -> Option<i32> {
    fixture.decide().workers
}

fn suspended(fixture: Fixture) -> Fixture {
    fixture.with(|fixture| fixture.pipeline.spec.suspend = true)
}

fn autoscaled(fixture: Fixture) -> Fixture {
    let rules = Autoscaling { min_replicas: 1, max_replicas: 9, target_lag: 10 };
    fixture.with(|fixture| fixture.pipeline.spec.workers.autoscaling = Some(rules))
}

#[test]
fn workers_start_only_when_everything_is_good_and_the_start_is_pinned() {
    assert_eq!(workers(&Fixture::fresh(&[])), Some(2));
    assert_eq!(workers(&Fixture::fresh(&[EventKind::Clients])), None);
    let unpinned = Fixture::fresh(&[]).with(|fixture| fixture.facts.database.as_mut().unwrap().start = None);
    assert_eq!(workers(&unpinned), None);
    for spoil in spoils() {
        assert_eq!(workers(&Fixture::fresh(&[]).with(spoil)), None);
    }
}

/// Everything that can go wrong outside of the cluster.
fn spoils() -> Vec<fn(&mut Fixture)> {
    vec![
        |fixture| fixture.facts.topics = Err(waits("BrokerUnreachable", "")),
        |fixture| fixture.facts.topics = Err(stalls("SignInRefused", "")),
        |fixture| *fixture = fixture.clone().without(&[EventKind::Sales]),
        |fixture| fixture.facts.database = Err(waits("DatabaseUnreachable", "")),
        |fixture| fixture.facts.database = Err(stalls("DatabaseChanged", "")),
        |fixture| fixture.validated.kafka = Some(waits("SecretMissing", "")),
        |fixture| fixture.validated.mongodb = Some(waits("SecretMissing", "")),
    ]
}

#[test]
fn workers_that_run_stay_as_they_are_whatever_goes_wrong_outside() {
    for spoil in spoils() {
        assert_eq!(workers(&Fixture::ready().with(spoil)), None, "neither changed nor scaled");
        assert_eq!(workers(&autoscaled(Fixture::ready()).with(spoil)), None);
    }
}

#[test]
fn suspending_is_always_obeyed_and_makes_nothing_that_was_not_there() {
    assert_eq!(workers(&suspended(Fixture::ready())), Some(0));
    assert_eq!(workers(&suspended(Fixture::fresh(&[]))), None);
    for spoil in spoils() {
        assert_eq!(workers(&suspended(Fixture::ready()).with(spoil)), Some(0));
    }
}

#[test]
fn workers_follow_the_lag_within_partitions_when_that_is_asked_for() {
    let fixture = autoscaled(Fixture::ready());
    assert_eq!(workers(&fixture), Some(2), "the cool-down begins when scaling does");
    let status = fixture.status();
    let later = fixture.after(&status).with(|fixture| fixture.now = fixture.now.plus_millis(31_000));
    assert_eq!(workers(&later), Some(3), "a lag of 63 asks for seven, and there are three partitions");
    let forgotten =
        |fixture: &mut Fixture| fixture.facts.log_ends.retain(|known, _| *known != id(EventKind::Clients, 2));
    let unknown = later.clone().with(forgotten);
    assert_eq!(workers(&unknown), Some(2));
    let status = later.status();
    assert_eq!(status.scaled.as_ref().map(|scaled| scaled.replicas), Some(3));
    let suspended = suspended(later.after(&status));
    assert_eq!(suspended.status().scaled, status.scaled, "it goes on from there");
    let resumed = suspended.with(|fixture| {
        fixture.pipeline.spec.suspend = false;
        fixture.facts.workers = Some(settled(0));
    });
    assert_eq!(workers(&resumed), Some(3));
}

#[test]
fn a_dashboard_that_stands_is_not_led_to_another_database() {
    let found = |reason: &'static str| move |fixture: &mut Fixture| fixture.facts.database = Err(stalls(reason, ""));
    for reason in ["DatabaseChanged", "DatabaseOwned"] {
        assert!(Fixture::ready().with(found(reason)).decide().holds_dashboard);
        assert!(!Fixture::fresh(&[]).with(found(reason)).decide().holds_dashboard, "there is none");
    }
    assert!(!Fixture::ready().decide().holds_dashboard);
    assert!(!Fixture::ready().with(found("SignInRefused")).decide().holds_dashboard);
}

#[test]
fn the_dashboard_needs_only_its_database_and_is_never_taken_away_for_a_problem() {
    let dashboard = |fixture: Fixture| fixture.decide().dashboard;
    assert_eq!(dashboard(Fixture::fresh(&EventKind::ALL)), Some(1));
    assert_eq!(dashboard(suspended(Fixture::ready())), Some(1));
    let away = |fixture: &mut Fixture| fixture.facts.database = Err(waits("DatabaseUnreachable", ""));
    assert_eq!(dashboard(Fixture::fresh(&[]).with(away)), Some(1));
    let other = |fixture: &mut Fixture| fixture.facts.database = Err(stalls("DatabaseOwned", ""));
    assert_eq!(dashboard(Fixture::fresh(&[]).with(other)), None);
    assert_eq!(dashboard(Fixture::ready().with(other)), Some(1));
    let no_secret = |fixture: &mut Fixture| fixture.validated.dashboard_problem = Some(waits("SecretMissing", ""));
    assert_eq!(dashboard(Fixture::fresh(&[]).with(no_secret)), None);
    assert_eq!(dashboard(Fixture::ready().with(no_secret)), Some(1));
    assert_eq!(dashboard(Fixture::ready().with(|fixture| fixture.pipeline.spec.dashboard.enabled = false)), None);
}
