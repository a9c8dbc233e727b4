//! What all clients and all stock at risk amount to: counted by the publisher, so that a page reads one document and not
//! every row.

use std::sync::LazyLock;

use bson::{Bson, Document, doc};
use stockstream_model::{
    Money, Timestamp,
    analytics::Tier,
    documents::{Checkpoint, ClientRow, RiskCategory, RiskRow, View},
};

use crate::{
    ClientFigures, Page, RiskFigures, RiskShare, Select, StateStore, TierShare,
    mongo::{
        MongoStore, Result,
        codec::{self, views},
        names,
        views::aggregates::{Aggregation, Groups},
    },
    select::Selectable,
};

/// The documents, beside those of the views.
const CLIENTS: &str = "client_totals";
const RISKS: &str = "risk_totals";
const OF_CLIENTS: Totals<'_> = Totals { collection: names::CLIENTS, published: CLIENTS, clock: Clock::Events };
const OF_RISKS: Totals<'_> = Totals { collection: names::RISKS, published: RISKS, clock: Clock::Pointer };
/// While a publisher is at work, what it counted is no older; otherwise who asks counts.
const RECENT_MILLIS: i64 = 60_000;

/// Where rows are, and what they amount to in all.
#[derive(Clone, Copy)]
struct Totals<'a> {
    collection: &'a str,
    published: &'a str,
    clock: Clock,
}

/// What grows whenever the rows change: what was counted at less is older.
#[derive(Clone, Copy)]
enum Clock {
    /// How many events were applied.
    Events,
    /// The revision of stock at risk that is shown: its rows change with the day, too, and some time after the events.
    Pointer,
}

impl Clock {
    fn field(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Pointer => "pointer",
        }
    }
}

/// When totals were counted last, of all documents that hold such.
pub(crate) fn counted_at(documents: &[Document]) -> Option<Timestamp> {
    let totals = documents.iter().filter(|document| [CLIENTS, RISKS].contains(&codec::text(document, "_id").as_str()));
    totals.filter_map(|document| codec::maybe_time(document, "counted_at")).max()
}

fn applied(checkpoints: &[Checkpoint]) -> i64 {
    checkpoints.iter().map(|checkpoint| checkpoint.events).sum()
}

/// What is counted of the clients of each tier.
fn client_sums() -> Aggregation<'static> {
    static TIERS: LazyLock<Vec<&str>> = LazyLock::new(|| Tier::ALL.map(Tier::name).into());
    let each = doc! {
        "n": { "$sum": 1 },
        "total": { "$sum": "$total_revenue_generated" },
        "invoices": { "$sum": "$invoices" },
        "revenue": { "$sum": "$revenue" },
    };
    Aggregation { field: "loyalty_tier", words: &TIERS, each }
}

/// What is counted of the stock at risk of each category.
fn risk_sums() -> Aggregation<'static> {
    static CATEGORIES: LazyLock<Vec<&str>> = LazyLock::new(|| RiskCategory::ALL.map(RiskCategory::name).into());
    let valued = doc! { "$cond": [{ "$gt": ["$potential_loss_amount", Bson::Null] }, 1, 0] };
    let each = doc! { "n": { "$sum": 1 }, "valued": { "$sum": valued }, "loss": { "$sum": "$potential_loss_amount" } };
    Aggregation { field: "risk_category", words: &CATEGORIES, each }
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
    pub(crate) async fn write_totals(&self) -> Result<()> {
        // Before the rows are counted: the totals are never older than they claim to be.
        let (events, pointer) = tokio::try_join!(self.now_at(Clock::Events), self.now_at(Clock::Pointer))?;
        // One word after the other: the events need the server, too.
        let (of_clients, of_risks) = (client_sums(), risk_sums());
        let clients = self.figures_of_words(names::CLIENTS, of_clients.words, &of_clients, 1).await?;
        let risks = self.figures_of_words(names::RISKS, of_risks.words, &of_risks, 1).await?;
        let update = |(of, at, (groups, cut)): (Totals<'_>, i64, Groups)| {
            let clock = of.clock.field();
            let fields = doc! { clock: at, "counted_at": codec::date(Timestamp::now()), "groups": groups, "cut": cut };
            let not_later = doc! { "_id": of.published, clock: { "$not": { "$gt": at } } };
            doc! { "q": not_later, "u": { "$set": fields }, "upsert": true }
        };
        let updates = [(OF_CLIENTS, events, clients), (OF_RISKS, pointer, risks)].map(update);
        self.update_many(names::VIEWS, &updates).await.map(drop)
    }

    async fn now_at(&self, clock: Clock) -> Result<i64> {
        match clock {
            Clock::Events => Ok(applied(&self.read_checkpoints().await?)),
            Clock::Pointer => Ok(self.view(View::LossRiskProducts).await?.pointer),
        }
    }

    /// Totals as they were counted last; nothing where they may be too old.
    async fn totals(&self, of: Totals<'_>) -> Result<Option<Groups>> {
        let Some(document) = self.find_one(names::VIEWS, doc! { "_id": of.published }).await? else { return Ok(None) };
        let age = Timestamp::now().millis() - codec::maybe_time(&document, "counted_at").unwrap_or_default().millis();
        let stands =
            age < RECENT_MILLIS || codec::integer(&document, of.clock.field()) == self.now_at(of.clock).await?;
        let Ok(groups) = document.get_array("groups") else { return Ok(None) };
        let groups = groups.iter().filter_map(Bson::as_document).cloned().collect();
        Ok(stands.then_some((groups, document.get_bool("cut").unwrap_or_default())))
    }

    /// What the selected documents amount to; where nothing but words is said, as it was counted last.
    async fn figures_of<R: Selectable>(
        &self,
        of: Totals<'_>,
        select: &Select<R>,
        sums: &Aggregation<'_>,
    ) -> Result<Groups> {
        if let Some(words) = select.words_of(sums.field, sums.words)
            && let Some((mut groups, cut)) = self.totals(of).await?
        {
            groups.retain(|group| words.contains(&codec::text(group, "_id").as_str()));
            return Ok((groups, cut));
        }
        self.figures(of.collection, select, sums).await
    }

    /// A page with what all that match amount to; where no index has them, from one look at the rows.
    async fn page_and_figures<R: Selectable>(
        &self,
        of: Totals<'_>,
        select: &Select<R>,
        sums: &Aggregation<'_>,
    ) -> Result<(Page<Document>, Groups)> {
        if select.whole || select.is_in_an_index() || select.words_of(sums.field, sums.words).is_some() {
            return tokio::try_join!(self.select(of.collection, select), self.figures_of(of, select, sums));
        }
        let looked = self.look(of.collection, select, Some(sums)).await?;
        let cut = looked.page.searched.is_some();
        Ok((looked.page, (looked.groups, cut)))
    }

    /// What the selected clients amount to.
    pub(crate) async fn figures_of_clients(&self, select: &Select<ClientRow>) -> Result<ClientFigures> {
        self.figures_of(OF_CLIENTS, select, &client_sums()).await.map(client_figures)
    }

    /// What the selected stock at risk amounts to.
    pub(crate) async fn figures_of_risks(&self, select: &Select<RiskRow>) -> Result<RiskFigures> {
        self.figures_of(OF_RISKS, select, &risk_sums()).await.map(risk_figures)
    }

    /// A page of clients with what all of them amount to.
    pub(crate) async fn page_of_clients(&self, select: &Select<ClientRow>) -> Result<(Page<ClientRow>, ClientFigures)> {
        let (page, groups) = self.page_and_figures(OF_CLIENTS, select, &client_sums()).await?;
        Ok((page.map(|document| views::client_row(&document)), client_figures(groups)))
    }

    /// A page of stock at risk with what all of it amounts to.
    pub(crate) async fn page_of_risks(&self, select: &Select<RiskRow>) -> Result<(Page<RiskRow>, RiskFigures)> {
        let (page, groups) = self.page_and_figures(OF_RISKS, select, &risk_sums()).await?;
        Ok((views::risk_page(page)?, risk_figures(groups)))
    }
}
