//! What all clients amount to: counted by the publisher, so that a page reads one document and not every client.

use bson::{Bson, Document, doc};
use stockstream_model::{
    Money, Timestamp,
    analytics::Tier,
    documents::{Checkpoint, ClientRow},
};

use super::{MongoStore, Result, codec, names};
use crate::{ClientFigures, Select, TierShare};

/// The document, beside those of the views.
pub(super) const ID: &str = "client_totals";
/// While a publisher is at work, what it counted is no older; otherwise who asks counts.
const RECENT_MILLIS: i64 = 60_000;

/// The events that were applied when the totals were counted, if that document holds them.
pub(super) fn counted_events(document: &Document) -> Option<i64> {
    (codec::text(document, "_id") == ID).then(|| codec::integer(document, "events"))
}

fn applied(checkpoints: &[Checkpoint]) -> i64 {
    checkpoints.iter().map(|checkpoint| checkpoint.events).sum()
}

fn encoded(figures: &ClientFigures) -> Vec<Bson> {
    let share = |share: &TierShare| {
        let TierShare { tier, clients, revenue, invoices, invoiced } = *share;
        let invoiced = invoiced.units();
        doc! { "tier": tier.name(), "clients": clients as i64, "revenue": revenue, "invoices": invoices, "invoiced": invoiced }
    };
    figures.shares.iter().map(|one| share(one).into()).collect()
}

fn decoded(document: &Document) -> Option<ClientFigures> {
    let shares = document.get_array("shares").ok()?;
    let share = |tier: Tier| {
        let of_it =
            shares.iter().filter_map(Bson::as_document).find(|share| codec::text(share, "tier") == tier.name())?;
        Some(TierShare {
            tier,
            clients: codec::integer(of_it, "clients") as u64,
            revenue: codec::maybe_double(of_it, "revenue")?,
            invoices: codec::integer(of_it, "invoices"),
            invoiced: Money::from_units(codec::integer(of_it, "invoiced")),
        })
    };
    let shares = Tier::ALL.into_iter().map(share).collect::<Option<_>>()?;
    Some(ClientFigures { shares, cut: document.get_bool("cut").unwrap_or_default() })
}

impl MongoStore {
    /// Counts what all clients amount to and writes it, unless somebody wrote what was counted later.
    pub(super) async fn write_client_totals(&self) -> Result<()> {
        // Before the clients are counted: the totals are never older than they claim to be.
        let events = applied(&self.read_checkpoints().await?);
        let figures = self.count_clients(&Select::everything()).await?;
        let fields = doc! {
            "events": events,
            "counted_at": codec::date(Timestamp::now()),
            "shares": encoded(&figures),
            "cut": figures.cut,
        };
        let not_later = doc! { "_id": ID, "events": { "$not": { "$gt": events } } };
        let update = doc! { "q": not_later, "u": { "$set": fields }, "upsert": true };
        self.update_many(names::VIEWS, &[update]).await.map(drop)
    }

    /// What all clients amount to, as it was counted last; nothing where that may be too old.
    pub(super) async fn client_totals(&self) -> Result<Option<ClientFigures>> {
        let Some(document) = self.find_one(names::VIEWS, doc! { "_id": ID }).await? else { return Ok(None) };
        let age = Timestamp::now().millis() - codec::maybe_time(&document, "counted_at").unwrap_or_default().millis();
        let stands = age < RECENT_MILLIS || counted_events(&document) == Some(applied(&self.read_checkpoints().await?));
        Ok(decoded(&document).filter(|_| stands))
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
}
