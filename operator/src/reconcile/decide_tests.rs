use stockstream_model::event::EventKind;

use crate::{
    reconcile::fixtures::{Fixture, id, settled, stalls, waits},
    resource::Autoscaling,
};

fn workers(scene: &Fixture) -> Option<i32> {
    scene.decide().workers
}

fn suspended(scene: Fixture) -> Fixture {
    scene.with(|scene| scene.pipeline.spec.suspend = true)
}

fn autoscaled(scene: Fixture) -> Fixture {
    let rules = Autoscaling { min_replicas: 1, max_replicas: 9, target_lag: 10 };
    scene.with(|scene| scene.pipeline.spec.workers.autoscaling = Some(rules))
}

#[test]
fn workers_start_only_when_everything_is_good_and_the_start_is_pinned() {
    assert_eq!(workers(&Fixture::fresh(&[])), Some(2));
    assert_eq!(workers(&Fixture::fresh(&[EventKind::Clients])), None);
    let unpinned = Fixture::fresh(&[]).with(|scene| scene.facts.database.as_mut().unwrap().start = None);
    assert_eq!(workers(&unpinned), None);
    for spoil in spoils() {
        assert_eq!(workers(&Fixture::fresh(&[]).with(spoil)), None);
    }
}

/// Everything that can go wrong outside of the cluster.
fn spoils() -> Vec<fn(&mut Fixture)> {
    vec![
        |scene| scene.facts.topics = Err(waits("BrokerUnreachable", "")),
        |scene| scene.facts.topics = Err(stalls("SignInRefused", "")),
        |scene| *scene = scene.clone().without(&[EventKind::Sales]),
        |scene| scene.facts.database = Err(waits("DatabaseUnreachable", "")),
        |scene| scene.facts.database = Err(stalls("DatabaseChanged", "")),
        |scene| scene.validated.kafka = Some(waits("SecretMissing", "")),
        |scene| scene.validated.mongodb = Some(waits("SecretMissing", "")),
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
    let scene = autoscaled(Fixture::ready());
    assert_eq!(workers(&scene), Some(2), "the cool-down begins when scaling does");
    let status = scene.status();
    let later = scene.after(&status).with(|scene| scene.now = scene.now.plus_millis(31_000));
    assert_eq!(workers(&later), Some(3), "a lag of 63 asks for seven, and there are three partitions");
    let forgotten = |scene: &mut Fixture| scene.facts.log_ends.retain(|known, _| *known != id(EventKind::Clients, 2));
    let unknown = later.clone().with(forgotten);
    assert_eq!(workers(&unknown), Some(2));
    let status = later.status();
    assert_eq!(status.scaled.as_ref().map(|scaled| scaled.replicas), Some(3));
    let suspended = suspended(later.after(&status));
    assert_eq!(suspended.status().scaled, status.scaled, "it goes on from there");
    let resumed = suspended.with(|scene| {
        scene.pipeline.spec.suspend = false;
        scene.facts.workers = Some(settled(0));
    });
    assert_eq!(workers(&resumed), Some(3));
}

#[test]
fn a_dashboard_that_stands_is_not_led_to_another_database() {
    let found = |reason: &'static str| move |scene: &mut Fixture| scene.facts.database = Err(stalls(reason, ""));
    for reason in ["DatabaseChanged", "DatabaseOwned"] {
        assert!(Fixture::ready().with(found(reason)).decide().holds_dashboard);
        assert!(!Fixture::fresh(&[]).with(found(reason)).decide().holds_dashboard, "there is none");
    }
    assert!(!Fixture::ready().decide().holds_dashboard);
    assert!(!Fixture::ready().with(found("SignInRefused")).decide().holds_dashboard);
}

#[test]
fn the_dashboard_needs_only_its_database_and_is_never_taken_away_for_a_problem() {
    let dashboard = |scene: Fixture| scene.decide().dashboard;
    assert_eq!(dashboard(Fixture::fresh(&EventKind::ALL)), Some(1));
    assert_eq!(dashboard(suspended(Fixture::ready())), Some(1));
    let away = |scene: &mut Fixture| scene.facts.database = Err(waits("DatabaseUnreachable", ""));
    assert_eq!(dashboard(Fixture::fresh(&[]).with(away)), Some(1));
    let other = |scene: &mut Fixture| scene.facts.database = Err(stalls("DatabaseOwned", ""));
    assert_eq!(dashboard(Fixture::fresh(&[]).with(other)), None);
    assert_eq!(dashboard(Fixture::ready().with(other)), Some(1));
    let no_secret = |scene: &mut Fixture| scene.validated.dashboard_problem = Some(waits("SecretMissing", ""));
    assert_eq!(dashboard(Fixture::fresh(&[]).with(no_secret)), None);
    assert_eq!(dashboard(Fixture::ready().with(no_secret)), Some(1));
    assert_eq!(dashboard(Fixture::ready().with(|scene| scene.pipeline.spec.dashboard.enabled = false)), None);
}
