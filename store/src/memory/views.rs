use std::{cmp::Reverse, collections::BTreeSet};

use stockstream_model::{
    Day, Money, Timestamp,
    analytics::{Tier, client_worth},
    documents::{
        Checkpoint, ClientRow, ClientState, DailyRow, DatabaseServer, PartitionId, RejectedEvent, RiskCategory,
        RiskRow, View, Winner,
    },
    settings::ClientTiers,
};

use super::{Inner, MemoryStore};
use crate::{
    Select, StoreError,
    select::Selectable,
    view_store::{
        BATCHES, CATEGORIES, ChangeProbe, ClientDetail, ClientFigures, LATEST, Page, ProductDetail, RejectedSelect,
        Rejections, RiskFigures, RiskShare, Status, TierShare, ViewStore,
    },
};

type Result<T> = std::result::Result<T, StoreError>;

impl ViewStore for MemoryStore {
    async fn status(&self) -> Result<Status> {
        let (inner, read_at) = (self.lock(), Timestamp::now());
        let mut rejections = Rejections::new();
        let mut rejected: Vec<_> = inner.rejected.values().collect();
        rejected.sort_by_key(|event| std::cmp::Reverse(event.rejected_at));
        for event in rejected.into_iter().take(LATEST) {
            *rejections.entry(event.reason.name().to_owned()).or_default() += 1;
        }
        let pointer = inner.view(View::ProductWinners).pointer;
        Ok(Status {
            pipeline: inner.owner.as_ref().map(|owner| owner.name.clone()),
            products: inner.products.len() as u64,
            winners: inner.rankings.get(&pointer).map_or(0, |rows| rows.len() as u64),
            risks: inner.risks.len() as u64,
            clients: inner.clients.len() as u64,
            views: inner.views.values().cloned().collect(),
            checkpoints: inner.checkpoints(),
            workers: inner.alive_workers(read_at),
            rejections,
            server: Some(DatabaseServer::MEMORY),
            settings: Some(self.analytics.clone()),
            read_at,
        })
    }

    async fn pulse(&self) -> Result<ChangeProbe> {
        let inner = self.lock();
        Ok(ChangeProbe {
            views: inner.views.values().cloned().collect(),
            checkpoints: inner.checkpoints(),
            workers: inner.alive_workers(Timestamp::now()),
            counted_at: None,
        })
    }

    async fn positions(&self, of: &BTreeSet<PartitionId>) -> Result<Vec<Checkpoint>> {
        let inner = self.lock();
        let mut checkpoints = inner.checkpoints();
        checkpoints.retain(|checkpoint| of.contains(&checkpoint.id));
        Ok(checkpoints)
    }

    async fn product_winners(&self) -> Result<Vec<Winner>> {
        let inner = self.lock();
        let pointer = inner.view(View::ProductWinners).pointer;
        Ok(inner.rankings.get(&pointer).cloned().unwrap_or_default())
    }

    async fn loss_risk_products(&self, select: impl Into<Select<RiskRow>> + Send) -> Result<Page<RiskRow>> {
        let rows = self.lock().risk_rows().collect();
        Ok(select.into().pick(rows))
    }

    async fn clients(&self, select: impl Into<Select<ClientRow>> + Send) -> Result<Page<ClientRow>> {
        Ok(select.into().pick(self.lock().client_rows(&self.analytics.clients)))
    }

    async fn risk_figures(&self, select: &Select<RiskRow>) -> Result<RiskFigures> {
        let categories = RiskCategory::ALL.map(RiskCategory::name);
        let select = figured(select, "risk_category", &categories);
        let (rows, _) = select.matching(self.lock().risk_rows().collect());
        let share = |category| {
            let of_it = || rows.iter().filter(move |row| row.risk_category == category);
            let losses = || of_it().filter_map(|row| row.potential_loss_amount);
            let (all, valued) = (of_it().count() as u64, losses().count() as u64);
            RiskShare { category, rows: all, valued, loss: losses().sum::<f64>() + 0.0 }
        };
        Ok(RiskFigures { shares: RiskCategory::ALL.map(share).into(), cut: false })
    }

    async fn client_figures(&self, select: &Select<ClientRow>) -> Result<ClientFigures> {
        let inner = self.lock();
        let select = figured(select, "loyalty_tier", &Tier::ALL.map(Tier::name));
        let (rows, _) = select.matching(inner.client_rows(&self.analytics.clients));
        let share = |tier| {
            let of_it = || rows.iter().filter(move |row| row.loyalty_tier == tier);
            let invoiced = of_it().filter_map(|row| Some(inner.clients.get(&row.client_id)?.value.revenue.units()));
            TierShare {
                tier,
                clients: of_it().count() as u64,
                revenue: of_it().map(|row| row.total_revenue_generated).sum::<f64>() + 0.0,
                invoices: of_it().map(|row| row.invoices).sum(),
                invoiced: Money::from_units(invoiced.fold(0, i64::saturating_add)),
            }
        };
        Ok(ClientFigures { shares: Tier::ALL.map(share).into(), cut: false })
    }

    async fn risk_categories(&self) -> Result<Vec<String>> {
        let inner = self.lock();
        let names: BTreeSet<_> = inner.risk_rows().filter_map(|row| row.product_category).collect();
        Ok(names.into_iter().take(CATEGORIES).collect())
    }

    async fn product(&self, id: &str) -> Result<Option<ProductDetail>> {
        let inner = self.lock();
        let of_it = (id.to_owned(), None)..;
        let stock = inner.inventory.range(of_it.clone()).take_while(|((product, _), _)| product == id);
        let risks = inner.risks.range(of_it).take_while(|((product, _), _)| product == id);
        Ok(inner.products.get(id).map(|doc| ProductDetail {
            product: doc.value.clone(),
            stock: stock.filter_map(|(_, doc)| doc.value.clone()).take(BATCHES as usize).collect(),
            risks: risks.map(|(_, standing)| standing.row.clone()).take(BATCHES as usize).collect(),
            weights: Some(self.analytics.product_winners.weights),
        }))
    }

    async fn client(&self, id: &str) -> Result<Option<ClientDetail>> {
        let inner = self.lock();
        Ok(inner.clients.get(id).map(|doc| ClientDetail {
            row: row(&doc.value, &self.analytics.clients),
            before: doc.value.record.base_revenue,
            invoiced: doc.value.revenue,
            stated: doc.value.record.tier,
            recorded_at: doc.value.version.map(|version| version.at),
        }))
    }

    async fn sales_daily(&self, from: Day, to: Day) -> Result<Vec<DailyRow>> {
        let row = |(day, totals): (&Day, &super::Marked<stockstream_model::documents::DayTotals>)| DailyRow {
            day: *day,
            invoices: totals.value.invoices,
            units: totals.value.units,
            revenue: totals.value.revenue.to_f64(),
        };
        Ok(if from > to { Vec::new() } else { self.lock().daily.range(from..=to).map(row).collect() })
    }

    async fn rejected_events(&self, select: impl Into<RejectedSelect> + Send) -> Result<Page<RejectedEvent>> {
        let select = select.into();
        let mut events: Vec<_> =
            self.lock().rejected.values().filter(|event| select.has_day_of(event)).cloned().collect();
        events.sort_by_cached_key(|event| (Reverse(event.rejected_at), event.id()));
        let searched = (select.has_filters() && events.len() > LATEST).then_some(LATEST as u64);
        events.truncate(if select.has_filters() { LATEST } else { events.len() });
        events.retain(|event| select.takes(event));
        Ok(Page { searched, ..select.paging.part(events) })
    }
}

/// The question whose rows are summed up: the order is nothing to them, and by a word all are known.
fn figured<R: Selectable>(select: &Select<R>, field: &str, words: &[&str]) -> Select<R> {
    Select { order: None, whole: select.whole || select.words_of(field, words).is_some(), ..select.clone() }
}

impl Inner {
    fn risk_rows(&self) -> impl Iterator<Item = RiskRow> + '_ {
        self.risks.values().map(|standing| standing.row.clone())
    }

    fn client_rows(&self, rules: &ClientTiers) -> Vec<ClientRow> {
        self.clients.values().map(|doc| row(&doc.value, rules)).collect()
    }
}

fn row(client: &ClientState, rules: &ClientTiers) -> ClientRow {
    let worth = client_worth(client.record.base_revenue, client.revenue, client.record.tier, rules);
    ClientRow {
        client_id: client.client_id.clone(),
        name: client.record.name.clone(),
        email: client.record.email.clone(),
        phone: client.record.phone.clone(),
        total_revenue_generated: worth.total.to_f64(),
        loyalty_tier: worth.tier,
        eligible_promo: worth.promo,
        invoices: client.invoices,
        last_purchase_date: client.last_purchase,
    }
}
