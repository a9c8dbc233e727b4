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

/// Sums of rows by a word of theirs, and whether there were more than are counted.
type Groups = (Vec<Document>, bool);

/// When totals were counted last, of all documents that hold such.
pub(super) fn counted_at(documents: &[Document]) -> Option<Timestamp> {
    let totals = documents.iter().filter(|document| [CLIENTS, RISKS].contains(&codec::text(document, "_id").as_str()));
    totals.filter_map(|document| codec::maybe_time(document, "counted_at")).max()
}

fn applied(checkpoints: &[Checkpoint]) -> i64 {
    checkpoints.iter().map(|checkpoint| checkpoint.events).sum()
}

/// What is counted of each group of clients, the tier its id.
fn client_sums() -> Document {
    doc! {
        "n": { "$sum": 1 },
        "total": { "$sum": "$total_revenue_generated" },
        "invoices": { "$sum": "$invoices" },
        "revenue": { "$sum": "$revenue" },
    }
}

/// What is counted of each group of stock at risk, the category its id.
fn risk_sums() -> Document {
    let valued = doc! { "$cond": [{ "$gt": ["$potential_loss_amount", Bson::Null] }, 1, 0] };
    doc! { "n": { "$sum": 1 }, "valued": { "$sum": valued }, "loss": { "$sum": "$potential_loss_amount" } }
}

fn client_figures((groups, cut): Groups) -> ClientFigures {
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
    ClientFigures { shares: Tier::ALL.map(share).into(), cut }
}

fn risk_figures((groups, cut): Groups) -> RiskFigures {
    let share = |category: RiskCategory| {
        let group = groups.iter().find(|group| codec::text(group, "_id") == category.name());
        let number = |field| group.map_or(0, |group| codec::integer(group, field)) as u64;
        let loss = group.and_then(|group| codec::maybe_double(group, "loss")).unwrap_or_default();
        RiskShare { category, rows: number("n"), valued: number("valued"), loss }
    };
    RiskFigures { shares: RiskCategory::ALL.map(share).into(), cut }
}

impl MongoStore {
    /// Counts what all clients and all stock at risk amount to and writes it, unless somebody wrote what was counted later.
    pub(super) async fn write_totals(&self) -> Result<()> {
        // Before the rows are counted: the totals are never older than they claim to be.
        let events = applied(&self.read_checkpoints().await?);
        let clients = self.count_clients(&Select::everything()).await?;
        let risks = self.count_risks(&Select::everything()).await?;
        let update = |(id, (groups, cut)): (&str, Groups)| {
            let fields =
                doc! { "events": events, "counted_at": codec::date(Timestamp::now()), "groups": groups, "cut": cut };
            let not_later = doc! { "_id": id, "events": { "$not": { "$gt": events } } };
            doc! { "q": not_later, "u": { "$set": fields }, "upsert": true }
        };
        self.update_many(names::VIEWS, &[(CLIENTS, clients), (RISKS, risks)].map(update)).await.map(drop)
    }

    /// Totals as they were counted last; nothing where they may be too old.
    async fn totals(&self, id: &str) -> Result<Option<Groups>> {
        let Some(document) = self.find_one(names::VIEWS, doc! { "_id": id }).await? else { return Ok(None) };
        let age = Timestamp::now().millis() - codec::maybe_time(&document, "counted_at").unwrap_or_default().millis();
        let stands =
            age < RECENT_MILLIS || codec::integer(&document, "events") == applied(&self.read_checkpoints().await?);
        let Ok(groups) = document.get_array("groups") else { return Ok(None) };
        let groups = groups.iter().filter_map(Bson::as_document).cloned().collect();
        Ok(stands.then_some((groups, document.get_bool("cut").unwrap_or_default())))
    }

    async fn count_clients(&self, select: &Select<ClientRow>) -> Result<Groups> {
        let tiers = Tier::ALL.map(Tier::name);
        self.figures(names::CLIENTS, select, ("loyalty_tier", &tiers), client_sums()).await
    }

    async fn count_risks(&self, select: &Select<RiskRow>) -> Result<Groups> {
        let categories = RiskCategory::ALL.map(RiskCategory::name);
        self.figures(names::RISKS, select, ("risk_category", &categories), risk_sums()).await
    }

    /// What the selected clients amount to; all of them, as they were counted last.
    pub(super) async fn figures_of_clients(&self, select: &Select<ClientRow>) -> Result<ClientFigures> {
        let published = if select.is_all() { self.totals(CLIENTS).await? } else { None };
        Ok(client_figures(match published {
            Some(groups) => groups,
            None => self.count_clients(select).await?,
        }))
    }

    /// What the selected stock at risk amounts to; all of it, as it was counted last.
    pub(super) async fn figures_of_risks(&self, select: &Select<RiskRow>) -> Result<RiskFigures> {
        let published = if select.is_all() { self.totals(RISKS).await? } else { None };
        Ok(risk_figures(match published {
            Some(groups) => groups,
            None => self.count_risks(select).await?,
        }))
    }
}
