use stockstream_model::event::Stream;

use crate::{
    reconcile::scenes::{Scene, id, settled, stalls, waits},
    resource::Autoscaling,
};

fn workers(scene: &Scene) -> Option<i32> {
    scene.decide().workers
}

fn suspended(scene: Scene) -> Scene {
    scene.with(|scene| scene.pipeline.spec.suspend = true)
}

fn autoscaled(scene: Scene) -> Scene {
    let rules = Autoscaling { min_replicas: 1, max_replicas: 9, target_lag: 10 };
    scene.with(|scene| scene.pipeline.spec.workers.autoscaling = Some(rules))
}

#[test]
fn workers_start_only_when_everything_is_good_and_the_start_is_pinned() {
    assert_eq!(workers(&Scene::fresh(&[])), Some(2));
    assert_eq!(workers(&Scene::fresh(&[Stream::Clients])), None);
    let unpinned = Scene::fresh(&[]).with(|scene| scene.facts.database.as_mut().unwrap().start = None);
    assert_eq!(workers(&unpinned), None);
    for spoil in spoils() {
        assert_eq!(workers(&Scene::fresh(&[]).with(spoil)), None);
    }
}

/// Everything that can go wrong outside of the cluster.
fn spoils() -> Vec<fn(&mut Scene)> {
    vec![
        |scene| scene.facts.topics = Err(waits("BrokerUnreachable", "")),
        |scene| scene.facts.topics = Err(stalls("SignInRefused", "")),
        |scene| *scene = scene.clone().without(&[Stream::Sales]),
        |scene| scene.facts.database = Err(waits("DatabaseUnreachable", "")),
        |scene| scene.facts.database = Err(stalls("DatabaseChanged", "")),
        |scene| scene.validated.kafka = Some(waits("SecretMissing", "")),
        |scene| scene.validated.mongodb = Some(waits("SecretMissing", "")),
    ]
}

#[test]
fn workers_that_run_stay_as_they_are_whatever_goes_wrong_outside() {
    for spoil in spoils() {
        assert_eq!(workers(&Scene::ready().with(spoil)), None, "neither changed nor scaled");
        assert_eq!(workers(&autoscaled(Scene::ready()).with(spoil)), None);
    }
}

#[test]
fn suspending_is_always_obeyed_and_makes_nothing_that_was_not_there() {
    assert_eq!(workers(&suspended(Scene::ready())), Some(0));
    assert_eq!(workers(&suspended(Scene::fresh(&[]))), None);
    for spoil in spoils() {
        assert_eq!(workers(&suspended(Scene::ready()).with(spoil)), Some(0));
    }
}

#[test]
fn workers_follow_the_lag_within_partitions_when_that_is_asked_for() {
    let scene = autoscaled(Scene::ready());
    assert_eq!(workers(&scene), Some(2), "the cool-down begins when scaling does");
    let status = scene.status();
    let later = scene.after(&status).with(|scene| scene.now = scene.now.plus_millis(31_000));
    assert_eq!(workers(&later), Some(3), "a lag of 63 asks for seven, and there are three partitions");
    let forgotten = |scene: &mut Scene| scene.facts.log_ends.retain(|known, _| *known != id(Stream::Clients, 2));
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
    let found = |reason: &'static str| move |scene: &mut Scene| scene.facts.database = Err(stalls(reason, ""));
    for reason in ["DatabaseChanged", "DatabaseOwned"] {
        assert!(Scene::ready().with(found(reason)).decide().holds_dashboard);
        assert!(!Scene::fresh(&[]).with(found(reason)).decide().holds_dashboard, "there is none");
    }
    assert!(!Scene::ready().decide().holds_dashboard);
    assert!(!Scene::ready().with(found("SignInRefused")).decide().holds_dashboard);
}

#[test]
fn the_dashboard_needs_only_its_database_and_is_never_taken_away_for_a_problem() {
    let dashboard = |scene: Scene| scene.decide().dashboard;
    assert_eq!(dashboard(Scene::fresh(&Stream::ALL)), Some(1));
    assert_eq!(dashboard(suspended(Scene::ready())), Some(1));
    let away = |scene: &mut Scene| scene.facts.database = Err(waits("DatabaseUnreachable", ""));
    assert_eq!(dashboard(Scene::fresh(&[]).with(away)), Some(1));
    let other = |scene: &mut Scene| scene.facts.database = Err(stalls("DatabaseOwned", ""));
    assert_eq!(dashboard(Scene::fresh(&[]).with(other)), None);
    assert_eq!(dashboard(Scene::ready().with(other)), Some(1));
    let no_secret = |scene: &mut Scene| scene.validated.dashboard_problem = Some(waits("SecretMissing", ""));
    assert_eq!(dashboard(Scene::fresh(&[]).with(no_secret)), None);
    assert_eq!(dashboard(Scene::ready().with(no_secret)), Some(1));
    assert_eq!(dashboard(Scene::ready().with(|scene| scene.pipeline.spec.dashboard.enabled = false)), None);
}
