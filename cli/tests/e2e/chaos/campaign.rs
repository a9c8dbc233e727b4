//! A schedule of faults from beginning to end.

use std::{collections::BTreeMap, time::Instant};

use serde_json::{Value, json};

use super::{
    fault::{Fault, Kind},
    feed::Feed,
    plan::plan,
    proxies::Proxies,
    scenario::{FaultTargets, Scenario, settings},
    services::Services,
};
use crate::harness::{SeededRng, TestEnv, both, data_set, needed};

/// At most so many faults strike between two rests.
const BETWEEN_RESTS: u64 = 3;

/// Says where a campaign stands, if it fails there.
struct Progress {
    seed: u64,
    number: usize,
    fault: String,
}

impl Drop for Progress {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- chaos: seed {} failed at fault {}: {}", self.seed, self.number, self.fault);
        }
    }
}

async fn run(mut scenario: Scenario, seed: u64, faults: &[Fault]) {
    let began = Instant::now();
    let mut progress = Progress { seed, number: 0, fault: "none yet".into() };
    let (mut rng, mut rests, mut struck) = (SeededRng::new(!seed), 0, BTreeMap::<_, usize>::new());
    let mut left = 1;
    for (number, fault) in (1..).zip(faults) {
        progress.number = number;
        progress.fault = fault.to_string();
        println!("chaos: {:>5} s, fault {number} of {}: {fault}", began.elapsed().as_secs(), faults.len());
        fault.inject(&mut scenario).await;
        *struck.entry(fault.kind().name()).or_default() += 1;
        left -= 1;
        if left == 0 || number == faults.len() {
            scenario.rest().await;
            rests += 1;
            left = rng.between(1, BETWEEN_RESTS + 1);
        }
    }
    let (events, restarted) = (scenario.stage.count(), scenario.stage.workers.restarted);
    let reads = scenario.end().await;
    println!(
        "chaos: seed {seed}: {} faults {struck:?}, {events} events, {rests} rests, {reads} reads, {restarted} workers ended \
         themselves, in {} s: all equal",
        faults.len(),
        began.elapsed().as_secs()
    );
}

/// The kinds that leave shared services alone.
const GENTLE: [Kind; 9] = [
    Kind::Point,
    Kind::Kill,
    Kind::Stop,
    Kind::Rebalance,
    Kind::Grow,
    Kind::Poison,
    Kind::Errors,
    Kind::Recreate,
    Kind::Trim,
];

#[tokio::test(flavor = "multi_thread")]
async fn a_few_faults_of_every_gentle_kind_leave_no_trace() {
    const SEED: u64 = 20_110_731;
    let Some(env) = TestEnv::without_topics(settings()).await else { return };
    let scenario = Scenario::set(env, Feed::new(SEED, None, (40, 60), false), SEED, None).await;
    let mut rng = SeededRng::new(SEED);
    let faults: Vec<Fault> = GENTLE.iter().map(|kind| Fault::draw(*kind, &mut rng)).collect();
    run(scenario, SEED, &faults).await;
}

fn number(variable: &str, otherwise: u64) -> u64 {
    let value = std::env::var(variable).ok().filter(|value| !value.is_empty());
    value.map_or(otherwise, |value| value.parse().unwrap_or_else(|_| panic!("{variable} is no number: {value}")))
}

/// Where a part of the log is lost, a sale may be lost and its copy not, and odd events have few ids: of those the oracle cannot
/// say what is a copy.
const WITHOUT_COPIES: [Kind; 6] = [Kind::Recreate, Kind::Trim, Kind::Wipe, Kind::Cut, Kind::Cluster, Kind::Poison];

fn kinds(copies: bool) -> Vec<Kind> {
    let only = std::env::var("CHAOS_ONLY").unwrap_or_default();
    let kind = |name: &str| {
        let known = Kind::ALL.map(Kind::name).join(", ");
        Kind::from_name(name).unwrap_or_else(|| panic!("there is no kind {name:?} of faults, but {known}"))
    };
    let mut kinds: Vec<Kind> = if only.is_empty() { Kind::ALL.into() } else { only.split(',').map(kind).collect() };
    kinds.retain(|kind| !copies || !WITHOUT_COPIES.contains(kind));
    kinds
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "stops and wipes the services it is given: run hack/chaos.sh"]
async fn campaign() {
    needed("CHAOS_SEED").expect("hack/chaos.sh gives a seed");
    let (seed, count) = (number("CHAOS_SEED", 0), number("CHAOS_FAULTS", 200));
    let copies = number("CHAOS_COPIES", 0) > 0;
    println!("chaos: seed {seed}, {count} faults{}", if copies { ", some sales sent twice" } else { "" });
    let faults = plan(seed, count as usize, &kinds(copies));
    let mut more: Value = json!({ "limits": { "sessionTimeout": "2s" } });
    if copies {
        more["sales"] = json!({ "deduplicate": { "within": "24h" } });
    }
    let env = TestEnv::without_topics(both(settings(), more)).await.expect("hack/chaos.sh starts services");
    let feed = Feed::new(seed, data_set(), (200, 400), !copies);
    let targets = FaultTargets { services: Services::of_environment(), proxies: Proxies::of_environment().await };
    let scenario = Scenario::set(env, feed, seed, Some(targets)).await;
    run(scenario, seed, &faults).await;
}
