use std::{
    ops::Range,
    time::{Duration, Instant},
};

use clap::Args;
use stockstream_model::{
    Day, Money, Timestamp,
    documents::{DayTotals, ProductChange},
    settings::Settings,
};
use stockstream_store::{Changes, Guard, MongoStore, StateStore, batch::Key};

use crate::{Result, percentiles::Percentiles};

/// Sales of one day of every product, applied to an empty database's products: some without a history, some with all of it in their
/// documents, as versions before moves had it, and some whose history moved.
#[derive(Args)]
pub(crate) struct Apply {
    /// How many products of each
    #[arg(long, default_value_t = 10_000)]
    products: u64,
    /// For how many days they were sold before
    #[arg(long, default_value_t = 120)]
    history: i32,
    /// How often; the median is told
    #[arg(long, default_value_t = 7)]
    rounds: usize,
}

impl Apply {
    pub async fn run(&self, settings: &Settings) -> Result<()> {
        let mut settings = settings.clone();
        settings.analytics.history_days = self.history as u32 + 1;
        let store = MongoStore::connect(&settings).await?;
        store.prepare(&settings.pipeline).await?;
        let today = Timestamp::now().day().number();
        let before = today - self.history..today;
        let mut seq = 0;
        let mut apply = async |of: &str, days: Range<i32>| -> Result<Duration> {
            seq += 1;
            let (changes, began) = (self.sales(of, days), Instant::now());
            store.apply(&changes, &Guard::of_claim(0, seq)).await?;
            Ok(began.elapsed())
        };
        apply("moved", before.clone()).await?;
        let began = Instant::now();
        while store.move_days(200).await? > 0 {}
        println!(
            "moved: {} days of {} products in {:.1} s",
            self.history,
            self.products,
            began.elapsed().as_secs_f64()
        );
        apply("whole", before).await?;
        apply("none", today..today + 1).await?;
        let kinds = ["none", "whole", "moved"];
        let mut took = [const { Vec::new() }; 3];
        for _ in 0..self.rounds {
            for (of, took) in kinds.iter().zip(&mut took) {
                took.push(apply(of, today..today + 1).await?);
            }
        }
        let medians = took.map(|took| Percentiles::new(took).at(0.5) / 1e3);
        for (of, median) in kinds.iter().zip(medians) {
            let rate = self.products as f64 / median;
            println!("history {of}: {rate:.0} products/s, {:.2} of those without", medians[0] / median);
        }
        Ok(())
    }

    fn sales(&self, of: &str, days: Range<i32>) -> Changes {
        let mut change = ProductChange::default();
        let totals = DayTotals { invoices: 3, units: 7, revenue: Money::from_whole(20), ..DayTotals::default() };
        for day in days.map(Day::from_number) {
            change.sold_at(day.start());
            change.day(day).add(&totals);
        }
        let mut changes = Changes::default();
        changes.products.extend((0..self.products).map(|n| (Key::from(format!("{of}-{n}")), change.clone())));
        changes
    }
}
