//! Each claim once, whoever applies it and how often.

use stockstream_model::documents::{Checkpoint, PartitionId};
use stockstream_protocol::{claim::Claim, update::Update};
use stockstream_store::{Guard, PositionStore, StateStore, inspect::Inspect};

use super::{
    events::{Body, MORE_SALES, SALES, STOCK, bought, stock},
    flow::{apply, changes, changes_of, claim, claim_all, complete, flush, guard, positions, recreate, try_complete},
    test_env::TestEnv,
};

fn sales(count: usize) -> Vec<Body> {
    (0..count).map(|n| bought(&format!("c{:02}", n % 20), "2026-03-01", "1")).collect()
}

async fn what_clients_bought(store: &impl Inspect) -> Vec<(String, i64)> {
    store.snapshot().await.unwrap().clients.into_iter().map(|client| (client.client_id, client.invoices)).collect()
}

/// Every client with that many invoices.
fn each(invoices: i64) -> Vec<(String, i64)> {
    (0..20).map(|n| (format!("c{n:02}"), invoices)).collect()
}

async fn a_claim_that_was_applied_is_told_so_everywhere(env: &impl TestEnv) {
    let (store, other) = (env.worker().await, env.worker().await);
    let claim = claim_all(&*store, &[(SALES, 40), (STOCK, 1), (MORE_SALES, 20)]).await;
    let parts = vec![(SALES, sales(40)), (STOCK, vec![Body::Stock(stock("of ", 5))]), (MORE_SALES, sales(20))];
    let (changes, guard) = (changes(&claim, parts), guard(&claim));
    let report = store.apply(&changes, &guard).await.unwrap();
    // 20 clients, a product, a batch, a day; one change for all partitions.
    assert_eq!((report.changed, report.already), (23, 0));
    let once = store.snapshot().await.unwrap();
    for worker in [&store, &other] {
        let report = worker.apply(&changes, &guard).await.unwrap();
        assert_eq!((report.changed, report.already, report.superseded), (0, 23, false));
    }
    complete(&*other, &claim).await;
    let report = store.apply(&changes, &guard).await.unwrap();
    assert_eq!((report.changed, report.already), (0, 23), "one that is complete finds its own marks too");
    assert_eq!(store.snapshot().await.unwrap(), once);
    assert_eq!(what_clients_bought(&*store).await, each(3));
}

async fn a_claim_applied_in_part_is_finished_by_another(env: &impl TestEnv) {
    let (store, other) = (env.worker().await, env.worker().await);
    flush(&*store, SALES, sales(20)).await;
    let claimed = claim(&*store, SALES, 60).await;
    let whole = changes_of(&claimed, sales(40));
    let mut part = whole.clone();
    part.clients.retain(|client, _| client.ends_with('1') || client.ends_with('3'));
    part.daily.clear();
    store.apply(&part, &guard(&claimed)).await.unwrap();
    let found = Claim::open_in(&positions(&*other, &[]).await, claimed.lane).unwrap();
    assert_eq!(found, claimed, "what another finds is the claim");
    let report = other.apply(&whole, &guard(&found)).await.unwrap();
    assert_eq!((report.changed, report.already), (17, 5));
    complete(&*other, &claimed).await;
    assert_eq!(what_clients_bought(&*store).await, each(3));
    let day = store.snapshot().await.unwrap().daily[0].1;
    assert_eq!((day.invoices, day.revenue.to_string().as_str()), (60, "60"));
}

async fn lanes_do_not_share_marks(env: &impl TestEnv) {
    let store = env.worker().await;
    let mut claims = Vec::new();
    for partition in 0..12 {
        claims.push(claim(&*store, PartitionId { partition, ..SALES }, 20).await);
    }
    assert_eq!(claims.iter().map(|claim| claim.lane).collect::<Vec<_>>(), (0..12).collect::<Vec<_>>());
    for claim in &claims {
        let report = apply(&*store, claim, sales(20)).await;
        assert_eq!((report.changed, report.already), (22, 0));
    }
    for claim in &claims {
        complete(&*store, claim).await;
    }
    assert_eq!(what_clients_bought(&*store).await, each(12));
}

async fn who_lost_its_lane_changes_nothing_once_that_went_on(env: &impl TestEnv) {
    let (zombie, heir) = (env.worker().await, env.worker().await);
    let claimed = claim(&*zombie, SALES, 40).await;
    let stale = changes_of(&claimed, sales(40));
    let lane = claimed.lane;
    let (expected, holder) = (Some("a worker".to_owned()), "its heir".to_owned());
    assert!(heir.update_positions(&Update::AcquireLane { lane, expected, holder }).await.unwrap());
    assert!(!heir.apply(&stale, &guard(&claimed)).await.unwrap().superseded, "the heir finishes the claim");
    complete(&*heir, &claimed).await;
    flush(&*heir, SALES, sales(20)).await;
    let before = heir.snapshot().await.unwrap();
    let report = zombie.apply(&stale, &guard(&claimed)).await.unwrap();
    assert_eq!((report.superseded, report.changed), (true, 0));
    assert!(!try_complete(&*zombie, &claimed).await);
    assert_eq!(heir.snapshot().await.unwrap(), before);
    // The heir is in the middle of its next claim, of which the zombie's keys hold nothing yet.
    let next = claim(&*heir, SALES, 80).await;
    assert_eq!(next.lane, lane);
    let report = zombie.apply(&stale, &guard(&claimed)).await.unwrap();
    assert_eq!((report.superseded, report.changed), (true, 0));
    apply(&*heir, &next, sales(20)).await;
    complete(&*heir, &next).await;
    assert_eq!(what_clients_bought(&*heir).await, each(4));
}

async fn a_topic_that_was_recreated_counts_from_its_beginning(env: &impl TestEnv) {
    let store = env.worker().await;
    flush(&*store, SALES, sales(40)).await;
    recreate(&*store, SALES).await;
    let claimed = claim(&*store, SALES, 20).await;
    for (changed, already) in [(22, 0), (0, 22)] {
        let report = apply(&*store, &claimed, sales(20)).await;
        assert_eq!((report.changed, report.already), (changed, already));
    }
    complete(&*store, &claimed).await;
    assert_eq!(what_clients_bought(&*store).await, each(3), "old totals stay");
}

async fn a_claim_of_a_version_before_lanes_is_finished_by_its_own_marks(env: &impl TestEnv) {
    let (store, other) = (env.worker().await, env.worker().await);
    let before = Checkpoint { pending: Some(20), ..Checkpoint::new(SALES, 0, None) };
    let of_before = Guard::of_checkpoint(&before);
    let claimed = claim(&*store, SALES, 20).await;
    let changes = changes_of(&claimed, sales(20));
    for (worker, changed, already) in [(&store, 22, 0), (&other, 0, 22)] {
        let report = worker.apply(&changes, &of_before).await.unwrap();
        assert_eq!((report.changed, report.already), (changed, already));
    }
    // Of a lane's claim the documents know nothing, whatever marks of before they carry.
    apply(&*store, &claimed, sales(20)).await;
    let later = Checkpoint { pending: Some(40), ..Checkpoint::new(SALES, 20, None) };
    other.apply(&changes, &Guard::of_checkpoint(&later)).await.unwrap();
    assert!(store.apply(&changes, &of_before).await.unwrap().superseded, "a worker of before went on");
    assert_eq!(what_clients_bought(&*store).await, each(3));
}

both!(
    a_claim_that_was_applied_is_told_so_everywhere,
    a_claim_applied_in_part_is_finished_by_another,
    lanes_do_not_share_marks,
    who_lost_its_lane_changes_nothing_once_that_went_on,
    a_topic_that_was_recreated_counts_from_its_beginning,
    a_claim_of_a_version_before_lanes_is_finished_by_its_own_marks,
);
