use std::cmp::Reverse;

use stockstream_model::{
    Day, Money, Timestamp,
    analytics::client_worth,
    documents::{ClientRow, ClientState, DailyRow, RejectedEvent, RiskRow, View, Winner},
    settings::ClientTiers,
};

use super::MemoryStore;
use crate::{
    StoreError,
    view_store::{Page, Paging, Rejections, Status, ViewStore},
};

type Result<T> = std::result::Result<T, StoreError>;

impl ViewStore for MemoryStore {
    async fn status(&self) -> Result<Status> {
        let (inner, read_at) = (self.lock(), Timestamp::now());
        let mut rejections = Rejections::new();
        for event in inner.rejected.values() {
            *rejections.entry(event.reason.name().to_owned()).or_default() += 1;
        }
        let pointer = inner.view(View::ProductWinners).pointer;
        Ok(Status {
            pipeline: inner.pipeline.clone(),
            products: inner.products.len() as u64,
            winners: inner.rankings.get(&pointer).map_or(0, |rows| rows.len() as u64),
            risks: inner.risks.len() as u64,
            clients: inner.clients.len() as u64,
            views: inner.views.values().cloned().collect(),
            checkpoints: inner.checkpoints.values().cloned().collect(),
            workers: inner.alive_workers(read_at),
            rejections,
            read_at,
        })
    }

    async fn product_winners(&self) -> Result<Vec<Winner>> {
        let inner = self.lock();
        let pointer = inner.view(View::ProductWinners).pointer;
        Ok(inner.rankings.get(&pointer).cloned().unwrap_or_default())
    }

    async fn loss_risk_products(&self, paging: Paging) -> Result<Page<RiskRow>> {
        let mut rows: Vec<_> = self.lock().risks.values().cloned().collect();
        let loss = |row: &RiskRow| row.potential_loss_amount.unwrap_or(f64::NEG_INFINITY);
        rows.sort_by(|a, b| loss(b).total_cmp(&loss(a)).then_with(|| a.key().cmp(&b.key())));
        Ok(page(rows, paging))
    }

    async fn clients(&self, paging: Paging) -> Result<Page<ClientRow>> {
        let inner = self.lock();
        let rules = &self.analytics.clients;
        let mut ranked: Vec<_> = inner.clients.values().map(|doc| (total(&doc.value), &doc.value)).collect();
        ranked.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.client_id.cmp(&y.client_id)));
        Ok(page(ranked, paging).map(|(_, client)| row(client, rules)))
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

    async fn rejected_events(&self, paging: Paging) -> Result<Page<RejectedEvent>> {
        let mut events: Vec<_> = self.lock().rejected.values().cloned().collect();
        events.sort_by_cached_key(|event| (Reverse(event.rejected_at), event.id()));
        Ok(page(events, paging))
    }
}

/// What is shown, and what MongoDB therefore sorts by.
fn total(client: &ClientState) -> f64 {
    Money::from_units(client.record.base_revenue.units().saturating_add(client.revenue.units())).to_f64()
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

fn page<T>(rows: Vec<T>, paging: Paging) -> Page<T> {
    let total = rows.len() as u64;
    let items = rows.into_iter().skip(paging.skip() as usize).take(paging.per_page as usize).collect();
    Page { items, page: paging.page, per_page: paging.per_page, total }
}
