//! Histories at random: however they are cut, ordered and delivered, and by whichever store, the end is the same.

mod events;
mod history;
mod plan;
mod seen;

use proptest::test_runner::{Config, TestCaseError, TestRunner};
use stockstream_model::{Money, analytics::score_base, documents::ProductState, settings::Settings};
use tokio::{runtime::Handle, task::block_in_place};

use self::{history::History, plan::Step, seen::Seen};
use super::test_env::{Memory, Mongo, TestEnv};

fn runner(cases: u32) -> TestRunner {
    let failures = Config { failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    TestRunner::new(Config { cases, ..failures })
}

/// What two workers make of a history on that test environment.
async fn outcome(env: &impl TestEnv, history: &History, steps: &[Step]) -> Seen {
    let settings = history.settings();
    let workers = [env.worker_with(&settings).await, env.worker_with(&settings).await];
    plan::run(&workers, history, steps).await;
    Seen::of(&*workers[0], &settings).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_batches_and_redelivery_leave_no_trace() {
    let cases = (history::any(), plan::any(), plan::any());
    let run = runner(256).run(&cases, |(history, one_way, another)| {
        block_in_place(|| {
            Handle::current().block_on(async {
                let one = outcome(&Memory::default(), &history, &one_way).await;
                one.same_as(&outcome(&Memory::default(), &history, &another).await)
            })
        })
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}

async fn both_stores_hold_the_same(env: &Mongo) {
    let cases = (history::any(), plan::any(), plan::any());
    let run = runner(50).run(&cases, |(history, one_way, another)| {
        block_in_place(|| {
            Handle::current().block_on(async {
                env.wipe().await;
                let seen = outcome(env, &history, &one_way).await;
                scores_are_as_computed(env, &seen, &history.settings()).await?;
                outcome(&Memory::default(), &history, &another).await.same_as(&seen)
            })
        })
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}

mongodb_only!(both_stores_hold_the_same);

/// Revenue and cost of a product together, whatever their sign.
fn turned_over(product: &ProductState) -> f64 {
    let record = product.record.clone().unwrap_or_default();
    let valued = |units: i64, price: Option<Money>| units as f64 * price.unwrap_or_default().to_f64();
    let revenue = product.revenue.to_f64().abs() + valued(product.unpriced, record.sell_price).abs();
    revenue + product.cost.to_f64().abs() + valued(product.uncosted, record.buy_price).abs()
}

/// The scores that the server derived are those of the products it holds.
async fn scores_are_as_computed(env: &Mongo, seen: &Seen, settings: &Settings) -> Result<(), TestCaseError> {
    for (product, document) in seen.snapshot.products.iter().zip(env.documents("products").await) {
        let weights = &settings.analytics.product_winners.weights;
        let wanted = score_base(product, weights);
        let found = document.get_f64("score").ok();
        let close = match (found, wanted) {
            // Amounts beyond whole numbers of 64 bits are doubles to the server, and their difference is no better.
            (Some(found), Some(wanted)) => {
                let slack = 1e-15 * weights.profit.to_f64() * turned_over(product);
                (found - wanted).abs() <= 1e-9 * wanted.abs() + slack
            }
            (found, wanted) => found == wanted,
        };
        if !close {
            return Err(TestCaseError::fail(format!("score {found:?}, not {wanted:?}, of {product:?}")));
        }
    }
    Ok(())
}
