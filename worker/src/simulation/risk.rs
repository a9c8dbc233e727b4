//! Stock at risk, whoever publishes it: after any turn at rest, the view is what evaluating all stock at once gives.

use std::collections::BTreeMap;

use proptest::prelude::*;
use stockstream_model::{
    Day,
    analytics::{ProductFacts, risk_row},
    documents::{InventoryState, RiskRow, View, ViewCondition},
    settings::{AsOf, LossRisk, OnEmptyResult},
};
use stockstream_protocol::{
    publication::PublishOutcome,
    risk::{Bounds, RiskUpdate, StockKey},
};
use stockstream_store::{Paging, ViewStore};

use crate::{publish::Publisher, simulation::*};

const PUBLISHERS: usize = 2;
/// So little is held at once that a handful of batches takes several parts.
const BOUNDS: Bounds = Bounds { at_once: 2, changed_at_once: 2, of_products: 3, held: 1 };

/// What happens next.
#[derive(Clone, Debug)]
enum Turn {
    /// Something that changes stock.
    Events(Step),
    /// A publisher takes its turn.
    Publish { publisher: usize },
    /// It takes over the role, with these settings.
    TakeOver { publisher: usize, rules: usize },
    /// One that nobody knows of dies once it has claimed a revision, written a row that is wrong and deleted another. What it had
    /// under way takes effect later.
    Die { batch: usize },
    /// What was under way takes effect.
    Late,
}

/// The settings that publishers may have.
fn rules(index: usize) -> LossRisk {
    let (expiring_within_days, idle_days) = [(7, 30), (0, 5), (20, 10), (0, 25)][index];
    let on_empty_result = if index == 1 { OnEmptyResult::Clear } else { OnEmptyResult::Keep };
    LossRisk { expiring_within_days, idle_days, on_empty_result }
}

fn turn() -> impl Strategy<Value = Turn> {
    let publisher = 0..PUBLISHERS;
    prop_oneof![
        8 => step(4).prop_map(Turn::Events),
        5 => publisher.clone().prop_map(|publisher| Turn::Publish { publisher }),
        1 => (publisher, 0..4_usize).prop_map(|(publisher, rules)| Turn::TakeOver { publisher, rules }),
        1 => (0..9_usize).prop_map(|batch| Turn::Die { batch }),
        1 => Just(Turn::Late),
    ]
}

fn payload(stream: EventKind) -> BoxedStrategy<String> {
    let product = 0..6;
    match stream {
        EventKind::Sales => (product, 1..28, -1..3_i64)
            .prop_map(|(product, day, quantity)| {
                let quantity = if quantity == 0 { 1 } else { quantity };
                format!(
                    r#"{{"invoice_id":1,"client_id":"c","timestamp":"2026-01-{day:02}","items":[{{"product_id":"p{product}","quantity":{quantity},"unit_price":2}}]}}"#
                )
            })
            .boxed(),
        EventKind::Inventory => (product, 0..4, 0..3_i64, 1..28, prop::option::of(1..28))
            .prop_map(|(product, batch, quantity, moved, expiry)| {
                let expiry = expiry.map_or("null".into(), |day| format!(r#""2026-01-{day:02}""#));
                format!(
                    r#"{{"product_id":"p{product}","batch_no":"b{batch}","quantity":{quantity},"buy_price":3,"expiry_date":{expiry},"last_movement":"2026-01-{moved:02}","updated_at":"2026-01-{moved:02}"}}"#
                )
            })
            .boxed(),
        EventKind::Clients => Just("not an event".to_owned()).boxed(),
    }
}

fn logs() -> impl Strategy<Value = Logs> {
    let log = |stream, partition| {
        let id = PartitionId { stream, partition };
        prop::collection::vec(payload(stream), 0..25).prop_map(move |payloads| {
            let entries =
                (1..).zip(payloads).map(|(offset, payload)| Entry { offset, at: PRODUCED + 20 * 86_400_000, payload });
            (id, entries.collect::<Vec<_>>())
        })
    };
    (log(EventKind::Sales, 0), log(EventKind::Sales, 1), log(EventKind::Inventory, 0), log(EventKind::Inventory, 1))
        .prop_map(|(a, b, c, d)| vec![a, b, c, d])
}

pub(crate) type Rows = BTreeMap<StockKey, RiskRow>;

/// All stock, evaluated at once.
pub(crate) fn evaluated(state: &Snapshot, as_of: Day, rules: &LossRisk) -> Rows {
    let facts = |id: &str| {
        let product = state.products.iter().find(|product| product.product_id == id);
        product.map(|product| ProductFacts { record: product.record.clone(), last_sale: product.last_sale })
    };
    let row = |batch: &InventoryState| {
        risk_row(batch, &facts(&batch.product_id).unwrap_or_default(), as_of, Timestamp::default(), rules)
    };
    state.inventory.iter().filter_map(row).map(|row| (row.key(), row)).collect()
}

async fn shown(store: &MemoryStore) -> Rows {
    let all = store.loss_risk_products(Paging { page: 1, per_page: 1_000 }).await.unwrap().items;
    all.into_iter().map(|row| (row.key(), RiskRow { analysis_timestamp: Timestamp::default(), ..row })).collect()
}

/// Publishers, beside the workers of a trial.
struct Publishers {
    store: Arc<MemoryStore>,
    all: Vec<(Publisher<MemoryStore>, LossRisk)>,
    late: Vec<RiskUpdate>,
}

impl Publishers {
    fn new(store: &Arc<MemoryStore>) -> Self {
        let mut publishers = Self { store: Arc::clone(store), all: Vec::new(), late: Vec::new() };
        for _ in 0..PUBLISHERS {
            let publisher = publishers.of(0);
            publishers.all.push(publisher);
        }
        publishers
    }

    fn of(&self, index: usize) -> (Publisher<MemoryStore>, LossRisk) {
        let loss_risk = rules(index);
        let analytics = Analytics { as_of: AsOf::LatestEvent, loss_risk: loss_risk.clone(), ..Analytics::default() };
        let mut publisher = Publisher::new(Arc::clone(&self.store), analytics, View::LossRiskProducts, 0);
        publisher.bounds = BOUNDS;
        (publisher, loss_risk)
    }

    /// A turn; where nothing is claimed, the view is right after it.
    async fn publish(&mut self, publisher: usize) -> Result<(), TestCaseError> {
        let before = shown(&self.store).await;
        let (publisher, rules) = &mut self.all[publisher];
        let mut outcome = publisher.evaluate().await.unwrap();
        let positions = self.store.load_positions().await.unwrap().unwrap();
        let Some(latest) = positions.latest_event() else {
            prop_assert_eq!(outcome, None, "without an event there is no day");
            return Ok(());
        };
        if !publisher.delete_orphaned_rows().await.unwrap() {
            outcome = publisher.evaluate().await.unwrap();
            prop_assert!(publisher.delete_orphaned_rows().await.unwrap(), "what came late is gone");
        }
        if matches!(outcome, None | Some(PublishOutcome::Conflict)) || positions.lanes.values().any(|lane| lane.open) {
            return Ok(());
        }
        let wanted = evaluated(&self.store.snapshot().await.unwrap(), latest.day(), rules);
        let (found, view) = (shown(&self.store).await, self.store.view(View::LossRiskProducts).await.unwrap());
        prop_assert_eq!(view.rows, found.len() as i64);
        if wanted.is_empty() && rules.on_empty_result == OnEmptyResult::Keep && !before.is_empty() {
            prop_assert_eq!((found, view.condition), (before, ViewCondition::Kept));
        } else {
            let condition = if wanted.is_empty() { ViewCondition::Empty } else { ViewCondition::Published };
            prop_assert_eq!((found, view.condition), (wanted, condition));
        }
        Ok(())
    }

    /// A publisher dies in the midst of its writes.
    async fn die(&mut self, batch: usize) {
        let view = self.store.view(View::LossRiskProducts).await.unwrap();
        assert!(self.store.claim_revision(view.view, view.revision).await.unwrap());
        let rows = shown(&self.store).await;
        let revision = view.revision + 1;
        let wrong = |row: &RiskRow| RiskRow { stock_quantity: 99, ..row.clone() };
        let some = rows.values().nth(batch % rows.len().max(1));
        let upsert: Vec<_> = some.map(wrong).into_iter().collect();
        let delete: Vec<_> = rows.keys().next().cloned().into_iter().filter(|_| rows.len() > 2).collect();
        self.store.update_risk(&RiskUpdate { revision, upsert: upsert.clone(), delete }).await.unwrap();
        let other = rows.keys().last().cloned().into_iter().filter(|_| rows.len() > 1).collect();
        let gone = upsert.into_iter().map(|row| RiskRow { batch_number: Some("never there".into()), ..row });
        self.late.push(RiskUpdate { revision, upsert: gone.collect(), delete: other });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn after_any_turn_the_view_is_what_evaluating_all_stock_gives(logs in logs(), turns in prop::collection::vec(turn(), 0..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut simulation = Simulation::new(logs, [Rules::default(); WORKERS]).await;
            let mut publishers = Publishers::new(&simulation.store);
            for turn in turns {
                match turn {
                    Turn::Events(step) => simulation.step(step).await,
                    Turn::Publish { publisher } => publishers.publish(publisher).await?,
                    Turn::TakeOver { publisher, rules } => publishers.all[publisher] = publishers.of(rules),
                    Turn::Die { batch } => publishers.die(batch).await,
                    Turn::Late => {
                        // Once another publisher has taken over and written all rows again.
                        let view = publishers.store.view(View::LossRiskProducts).await.unwrap();
                        let is_overtaken = |late: &RiskUpdate| late.revision < view.pointer;
                        if publishers.late.first().is_some_and(is_overtaken) {
                            let late = publishers.late.remove(0);
                            publishers.store.update_risk(&late).await.unwrap();
                        }
                    }
                }
            }
            simulation.end().await;
            for publisher in [0, 1, 0, 1] {
                publishers.publish(publisher).await?;
            }
            Ok::<(), TestCaseError>(())
        })?;
    }
}
