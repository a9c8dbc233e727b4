//! What all clients and all stock at risk amount to: counted by the publisher, so that a page reads one document and not
//! every row.

use bson::{Bson, Document, doc};
use stockstream_model::{
    Money, Timestamp,
    analytics::Tier,
    documents::{Checkpoint, ClientRow, RiskCategory, RiskRow},
};

use super::{MongoStore, Result, codec, names};
use crate::{ClientFigures, RiskFigures, RiskShare, Select, TierShare};

/// The documents, beside those of the views.
const CLIENTS: &str = "client_totals";
const RISKS: &str = "risk_totals";
/// While a publisher is at work, what it counted is no older; otherwise who asks counts.
const RECENT_MILLIS: i64 = 60_000;

/// When totals were counted last, of all documents that hold such.
pub(super) fn counted_at(documents: &[Document]) -> Option<Timestamp> {
    let totals = documents.iter().filter(|document| [CLIENTS, RISKS].contains(&codec::text(document, "_id").as_str()));
    totals.filter_map(|document| codec::maybe_time(document, "counted_at")).max()
}

fn applied(checkpoints: &[Checkpoint]) -> i64 {
    checkpoints.iter().map(|checkpoint| checkpoint.events).sum()
}

fn client_share(share: &TierShare) -> Document {
    let TierShare { tier, clients, revenue, invoices, invoiced } = *share;
    let invoiced = invoiced.units();
    doc! { "of": tier.name(), "clients": clients as i64, "revenue": revenue, "invoices": invoices, "invoiced": invoiced }
}

fn risk_share(share: &RiskShare) -> Document {
    let RiskShare { category, rows, valued, loss } = *share;
    doc! { "of": category.name(), "rows": rows as i64, "valued": valued as i64, "loss": loss }
}

/// The share of that name in a document.
fn share<'a>(document: &'a Document, name: &str) -> Option<&'a Document> {
    let shares = document.get_array("shares").ok()?.iter();
    shares.filter_map(Bson::as_document).find(|share| codec::text(share, "of") == name)
}

impl MongoStore {
    /// Counts what all clients and all stock at risk amount to and writes it, unless somebody wrote what was counted later.
    pub(super) async fn write_totals(&self) -> Result<()> {
        // Before the rows are counted: the totals are never older than they claim to be.
        let events = applied(&self.read_checkpoints().await?);
        let clients = self.count_clients(&Select::everything()).await?;
        let risks = self.count_risks(&Select::everything()).await?;
        let shares = [
            (CLIENTS, clients.shares.iter().map(client_share).collect::<Vec<_>>(), clients.cut),
            (RISKS, risks.shares.iter().map(risk_share).collect(), risks.cut),
        ];
        let update = |(id, shares, cut): (&str, Vec<Document>, bool)| {
            let fields =
                doc! { "events": events, "counted_at": codec::date(Timestamp::now()), "shares": shares, "cut": cut };
            let not_later = doc! { "_id": id, "events": { "$not": { "$gt": events } } };
            doc! { "q": not_later, "u": { "$set": fields }, "upsert": true }
        };
        self.update_many(names::VIEWS, &shares.map(update)).await.map(drop)
    }

    /// Totals as they were counted last; nothing where they may be too old.
    async fn totals(&self, id: &str) -> Result<Option<Document>> {
        let Some(document) = self.find_one(names::VIEWS, doc! { "_id": id }).await? else { return Ok(None) };
        let age = Timestamp::now().millis() - codec::maybe_time(&document, "counted_at").unwrap_or_default().millis();
        let stands =
            age < RECENT_MILLIS || codec::integer(&document, "events") == applied(&self.read_checkpoints().await?);
        Ok(Some(document).filter(|_| stands))
    }

    /// What all clients amount to, as it was counted last.
    pub(super) async fn client_totals(&self) -> Result<Option<ClientFigures>> {
        let Some(document) = self.totals(CLIENTS).await? else { return Ok(None) };
        let of_tier = |tier: Tier| {
            let share = share(&document, tier.name())?;
            Some(TierShare {
                tier,
                clients: codec::integer(share, "clients") as u64,
                revenue: codec::maybe_double(share, "revenue")?,
                invoices: codec::integer(share, "invoices"),
                invoiced: Money::from_units(codec::integer(share, "invoiced")),
            })
        };
        let shares: Option<Vec<_>> = Tier::ALL.into_iter().map(of_tier).collect();
        let cut = document.get_bool("cut").unwrap_or_default();
        Ok(shares.map(|shares| ClientFigures { shares, cut }))
    }

    /// What all stock at risk amounts to, as it was counted last.
    pub(super) async fn risk_totals(&self) -> Result<Option<RiskFigures>> {
        let Some(document) = self.totals(RISKS).await? else { return Ok(None) };
        let of_category = |category: RiskCategory| {
            let share = share(&document, category.name())?;
            Some(RiskShare {
                category,
                rows: codec::integer(share, "rows") as u64,
                valued: codec::integer(share, "valued") as u64,
                loss: codec::maybe_double(share, "loss")?,
            })
        };
        let shares: Option<Vec<_>> = RiskCategory::ALL.into_iter().map(of_category).collect();
        let cut = document.get_bool("cut").unwrap_or_default();
        Ok(shares.map(|shares| RiskFigures { shares, cut }))
    }

    /// What the selected clients amount to, counted now.
    pub(super) async fn count_clients(&self, select: &Select<ClientRow>) -> Result<ClientFigures> {
        let sums = doc! {
            "n": { "$sum": 1 },
            "total": { "$sum": "$total_revenue_generated" },
            "invoices": { "$sum": "$invoices" },
            "revenue": { "$sum": "$revenue" },
        };
        let tiers = Tier::ALL.map(Tier::name);
        let (groups, cut) = self.figures(names::CLIENTS, select, ("loyalty_tier", &tiers), sums).await?;
        let share = |tier: Tier| {
            let group = groups.iter().find(|group| codec::text(group, "_id") == tier.name());
            let number = |field| group.map_or(0, |group| codec::integer(group, field));
            TierShare {
                tier,
                clients: number("n") as u64,
                revenue: group.and_then(|group| codec::maybe_double(group, "total")).unwrap_or_default(),
                invoices: number("invoices"),
                invoiced: Money::from_units(number("revenue")),
            }
        };
        Ok(ClientFigures { shares: Tier::ALL.map(share).into(), cut })
    }

    /// What the selected stock at risk amounts to, counted now.
    pub(super) async fn count_risks(&self, select: &Select<RiskRow>) -> Result<RiskFigures> {
        let valued = doc! { "$cond": [{ "$gt": ["$potential_loss_amount", Bson::Null] }, 1, 0] };
        let sums = doc! {
            "n": { "$sum": 1 },
            "valued": { "$sum": valued },
            "loss": { "$sum": "$potential_loss_amount" },
        };
        let categories = RiskCategory::ALL.map(RiskCategory::name);
        let (groups, cut) = self.figures(names::RISKS, select, ("risk_category", &categories), sums).await?;
        let share = |category: RiskCategory| {
            let group = groups.iter().find(|group| codec::text(group, "_id") == category.name());
            let number = |field| group.map_or(0, |group| codec::integer(group, field)) as u64;
            let loss = group.and_then(|group| codec::maybe_double(group, "loss")).unwrap_or_default();
            RiskShare { category, rows: number("n"), valued: number("valued"), loss }
        };
        Ok(RiskFigures { shares: RiskCategory::ALL.map(share).into(), cut })
    }
}
