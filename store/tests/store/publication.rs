//! Publishing a ranking: revisions are claimed, rows written, the pointer moved forward.

use stockstream_model::{
    Timestamp,
    documents::{View, ViewCondition, ViewState, Winner},
};
use stockstream_store::{StateStore, ViewStore};

use super::{events::time, test_env::TestEnv};

const VIEW: View = View::ProductWinners;

pub fn winner(ranking: u32, product: &str) -> Winner {
    Winner {
        ranking,
        product_id: product.into(),
        product_name: Some("$name".into()),
        product_category: None,
        selling_price: Some(0.1),
        purchase_price: None,
        minimum_margin_threshold: Some(0.0001),
        total_profit: -1e17,
        total_revenue: 0.1 + 0.2,
        total_cost: f64::MIN_POSITIVE,
        units_sold: (1 << 53) + 1,
        average_profit_margin_pct: Some(-12.5),
        average_roi_pct: None,
        contribution_margin_pct: Some(1.0 / 3.0),
        sales_velocity: 2.0,
        stock_turnover: None,
        days_in_stock: -1,
        is_dead_stock: true,
        performance_score: 1e-300,
        last_sale_date: time("2026-03-01T12:00:00.001Z"),
        analysis_timestamp: time("1969-03-01"),
        analysis_source: "stockstream".into(),
    }
}

pub fn published(revision: i64, rows: i64) -> ViewState {
    ViewState {
        view: VIEW,
        revision,
        pointer: revision,
        condition: ViewCondition::Published,
        why: None,
        since: Some(time("2026-03-01")),
        checked_at: Some(Timestamp::from_millis(revision)),
        published_at: Some(Timestamp::from_millis(revision)),
        rows,
        as_of: Some("2026-03-02".parse().unwrap()),
        fence: 3,
    }
}

/// The view before anything was published, after so many claims.
fn claimed(revision: i64) -> ViewState {
    ViewState { revision, ..ViewState::new(VIEW) }
}

async fn a_revision_is_claimed_by_one_publisher(env: &impl TestEnv) {
    let (a, b) = (env.worker().await, env.worker().await);
    for seen in 0..20 {
        let (by_a, by_b) = tokio::join!(a.claim_revision(VIEW, seen), b.claim_revision(VIEW, seen));
        assert!(by_a.unwrap() != by_b.unwrap(), "both or none claimed");
        assert_eq!(a.view(VIEW).await.unwrap().revision, seen + 1);
    }
    assert!(!a.claim_revision(VIEW, 7).await.unwrap());
    assert!(!a.claim_revision(VIEW, 21).await.unwrap());
    let view = b.view(VIEW).await.unwrap();
    assert_eq!(view, claimed(20), "the pointer stays");
    assert_eq!(b.view(View::LossRiskProducts).await.unwrap().revision, 0);
}

async fn the_pointer_moves_only_forward(env: &impl TestEnv) {
    let (store, other) = (env.worker().await, env.worker().await);
    for seen in 0..3 {
        assert!(store.claim_revision(VIEW, seen).await.unwrap());
    }
    assert!(store.publish_revision(&claimed(1), &published(2, 5)).await.unwrap());
    let standing = ViewState { revision: 3, ..published(2, 5) };
    assert_eq!(other.view(VIEW).await.unwrap(), standing, "the last claimed revision stays");
    assert!(!other.publish_revision(&standing, &published(1, 9)).await.unwrap());
    assert!(
        store.publish_revision(&claimed(1), &published(2, 5)).await.unwrap(),
        "an acknowledgement that was lost does no harm"
    );
    assert_eq!(other.view(VIEW).await.unwrap(), standing);
    assert!(other.publish_revision(&standing, &published(3, 7)).await.unwrap());
    assert_eq!(store.view(VIEW).await.unwrap(), published(3, 7));
    assert!(!store.publish_revision(&published(3, 7), &published(2, 5)).await.unwrap());
}

async fn what_is_said_of_a_view_moves_no_pointer(env: &impl TestEnv) {
    let store = env.worker().await;
    store.claim_revision(VIEW, 0).await.unwrap();
    store.publish_revision(&claimed(0), &published(1, 5)).await.unwrap();
    store.claim_revision(VIEW, 1).await.unwrap();
    let seen = ViewState { revision: 2, ..published(1, 5) };
    let kept = ViewState {
        condition: ViewCondition::Kept,
        why: Some("$nothing.is ranked".into()),
        since: Some(time("2026-03-03")),
        checked_at: Some(time("2026-03-04")),
        as_of: None,
        ..published(9, 5)
    };
    assert!(store.update_view_status(&seen, &kept).await.unwrap());
    let wanted = ViewState { revision: 2, pointer: 1, ..kept };
    assert_eq!(store.view(VIEW).await.unwrap(), wanted);
    assert!(store.update_view_status(&wanted, &ViewState { why: None, ..wanted.clone() }).await.unwrap());
    assert_eq!(store.view(VIEW).await.unwrap(), ViewState { why: None, ..wanted }, "what is left out is cleared");
}

async fn nothing_is_said_or_shown_over_what_was_not_seen(env: &impl TestEnv) {
    let (store, other) = (env.worker().await, env.worker().await);
    store.claim_revision(VIEW, 0).await.unwrap();
    store.publish_revision(&claimed(0), &published(1, 5)).await.unwrap();
    let said = ViewState { checked_at: Some(time("2026-03-04")), ..published(1, 5) };
    assert!(other.update_view_status(&published(1, 5), &said).await.unwrap());
    let late = ViewState { condition: ViewCondition::Empty, rows: 0, ..published(1, 5) };
    for seen in [published(1, 5), claimed(1), ViewState { revision: 2, ..said.clone() }] {
        assert!(!store.update_view_status(&seen, &late).await.unwrap());
    }
    assert!(store.claim_revision(VIEW, 1).await.unwrap());
    assert!(!store.publish_revision(&published(1, 5), &published(2, 7)).await.unwrap());
    assert_eq!(store.view(VIEW).await.unwrap(), ViewState { revision: 2, ..said.clone() });
    assert!(store.publish_revision(&said, &published(2, 7)).await.unwrap());
}

async fn rankings_below_the_pointer_are_found_and_deleted(env: &impl TestEnv) {
    let store = env.worker().await;
    assert_eq!(store.ranking(1).await.unwrap(), []);
    assert!(!store.has_rankings_below(9).await.unwrap());
    let rows = [winner(1, "a"), winner(2, "b"), winner(3, "$c.d")];
    for revision in 1..=3 {
        for _ in 0..2 {
            store.insert_ranking(revision, &rows[..revision as usize]).await.unwrap();
        }
    }
    store.insert_ranking(4, &[]).await.unwrap();
    assert_eq!(store.ranking(3).await.unwrap(), rows, "by rank");
    assert!(!store.has_rankings_below(1).await.unwrap());
    assert!(store.has_rankings_below(3).await.unwrap());
    assert_eq!(store.delete_rankings_below(3).await.unwrap(), 3);
    assert!(!store.has_rankings_below(3).await.unwrap());
    assert_eq!(store.delete_rankings_below(3).await.unwrap(), 0);
    assert_eq!((store.ranking(2).await.unwrap(), store.ranking(3).await.unwrap()), (Vec::new(), rows.to_vec()));
    assert_eq!(store.delete_rankings_below(4).await.unwrap(), 3);
    assert!(!store.has_rankings_below(5).await.unwrap(), "a ranking without rows leaves nothing");
}

async fn readers_always_have_one_whole_ranking(env: &impl TestEnv) {
    const REVISIONS: i64 = 200;
    let store = env.worker().await;
    let publisher = env.worker().await;
    let publish = async {
        for revision in 1..=REVISIONS {
            let seen = publisher.view(VIEW).await.unwrap();
            assert!(publisher.claim_revision(VIEW, revision - 1).await.unwrap());
            let product = format!("of {revision}");
            let rows: Vec<_> = (1..=10).map(|ranking| winner(ranking, &product)).collect();
            publisher.insert_ranking(revision, &rows).await.unwrap();
            assert!(publisher.publish_revision(&seen, &published(revision, 10)).await.unwrap());
            publisher.delete_rankings_below(revision).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let read = async {
        let (mut seen, mut reads) = (Vec::new(), 0);
        while seen.last() != Some(&REVISIONS) {
            let ranking = store.product_winners().await.unwrap();
            if let Some(first) = ranking.first() {
                assert_eq!(ranking.iter().map(|row| row.ranking).collect::<Vec<_>>(), Vec::from_iter(1..=10));
                assert!(ranking.iter().all(|row| row.product_id == first.product_id), "mixed: {ranking:?}");
                seen.push(first.product_id.trim_start_matches("of ").parse().unwrap());
            } else {
                assert_eq!(seen, [0; 0], "a reader found the view empty");
            }
            reads += 1;
            tokio::task::yield_now().await;
        }
        assert!(seen.is_sorted(), "a reader went back: {seen:?}");
        reads
    };
    let ((), reads) = tokio::join!(publish, read);
    assert!(reads > 10, "{reads} reads");
}

both!(
    a_revision_is_claimed_by_one_publisher,
    the_pointer_moves_only_forward,
    what_is_said_of_a_view_moves_no_pointer,
    nothing_is_said_or_shown_over_what_was_not_seen,
    rankings_below_the_pointer_are_found_and_deleted,
    readers_always_have_one_whole_ranking,
);
