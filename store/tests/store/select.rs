//! Selecting rows of the views: search, filters, orders, pages and figures, the same on both stores.

use bson::{Document, doc};
use stockstream_model::{
    Money,
    analytics::Tier,
    documents::{ClientRow, Kind, RiskCategory, RiskRow, Row},
    event::ClientRecord,
};
use stockstream_protocol::risk::RiskUpdate;
use stockstream_store::{
    ClientFigures, Paging, RiskFigures, RiskShare, Select, StateStore, TierShare, ViewStore,
    select::{Filter, MAX_SCAN, Order, Search, Selectable, Test},
};

use super::{
    events::{Body, CLIENTS, SALES, bought, client, money, time},
    flow::{flush, flush_all},
    test_env::{Mongo, TestEnv, settings},
    views::at_risk,
};

const ALL: Paging = Paging { page: 1, per_page: 1_000 };
const NAMES: [Option<&str>; 7] = [
    None,
    Some("Regency Cakestand"),
    Some("BAG a.b*c"),
    Some("Küche $where"),
    Some(""),
    Some("cake (x|y)"),
    Some("[a]\\d"),
];

fn all<R: Row>() -> Select<R> {
    ALL.into()
}

fn by<R: Row>(name: &str, descending: bool) -> Option<Order<R>> {
    Some(Order { field: R::field(name).unwrap(), descending })
}

fn is<R: Row>(name: &str, test: Test) -> Filter<R> {
    Filter { field: R::field(name).unwrap(), test }
}

fn words<R: Row>(name: &str, words: &[&str]) -> Filter<R> {
    is(name, Test::OneOf(words.iter().map(|&word| word.to_owned()).collect()))
}

/// Rows among which every value is missing somewhere, and occurs twice somewhere.
fn risks() -> Vec<RiskRow> {
    let row = |n: i64| {
        let numbered = |every: i64, value: f64| (n % every != 0).then_some(value);
        let category = RiskCategory::ALL[(n % 5 % 3) as usize];
        RiskRow {
            product_name: NAMES[(n % 7) as usize].map(str::to_owned),
            product_category: (n % 4 != 0).then(|| if n % 3 == 0 { "Küche" } else { "Home" }.into()),
            stock_quantity: n * 37 % 11,
            purchase_price: numbered(5, (n % 6) as f64 / 4.0),
            selling_price: numbered(7, (n % 4) as f64),
            potential_loss_amount: numbered(6, (n % 9 - 2) as f64 * 2.5),
            potential_profit_loss: numbered(8, (n % 3 - 1) as f64),
            risk_category: category,
            expiry_date: (category != RiskCategory::DeadStock).then(|| time(&format!("2026-03-{:02}", n % 8 + 1))),
            days_until_expiry: (category != RiskCategory::DeadStock).then_some(n % 8 - 4),
            last_movement_date: time(&format!("2026-01-{:02}", n % 10 + 1)),
            days_since_last_movement: 60 - n % 10,
            ..at_risk(&format!("p{}", n / 2), (n % 2 == 1).then_some("B.1"), None)
        }
    };
    (0..47).map(row).collect()
}

fn selects<R: Selectable>(filters: Vec<Vec<Filter<R>>>) -> Vec<Select<R>> {
    let orders = R::FIELDS.iter().flat_map(|field| [false, true].map(|descending| Some(Order { field, descending })));
    let mut selects: Vec<_> = orders.chain([None]).map(|order| Select { order, ..all() }).collect();
    for search in [
        "cake",
        "CAKE regency",
        "p1",
        ".",
        "a.b*",
        "*",
        "$where",
        "KÜCHE",
        "(x|y)",
        "[a]\\d",
        "\\",
        "home b.1",
        "none",
        "e1",
    ] {
        for order in [None, by(R::FIELDS[1].name, true), by(R::INDEXED[1], false)] {
            selects.push(Select { search: Search::new(search), order, ..all() });
        }
    }
    for filters in filters {
        for order in [None, by(R::INDEXED[0], false), by(R::INDEXED[1], true), by(R::FIELDS[2].name, true)] {
            selects.push(Select { filters: filters.clone(), order: order.clone(), ..all() });
            selects.push(Select { filters: filters.clone(), order, search: Search::new("e"), ..all() });
        }
    }
    selects
}

async fn stock_at_risk_is_selected_alike_everywhere(env: &impl TestEnv) {
    let (store, rows) = (env.worker().await, risks());
    store.update_risk(&RiskUpdate { revision: 1, upsert: rows.clone(), delete: Vec::new() }).await.unwrap();
    let selects = selects::<RiskRow>(vec![
        vec![words("risk_category", &["Expired", "Dead Stock"])],
        vec![words("product_category", &["Küche"])],
        vec![words("product_category", &["$where", "{\"$ne\":null}"])],
        vec![words("product_id", &["p3"])],
        vec![is("potential_loss_amount", Test::Between(Some(0.0), Some(7.5)))],
        vec![is("stock_quantity", Test::Between(None, Some(4.0))), words("risk_category", &["Expiring Soon"])],
        vec![is("days_until_expiry", Test::Between(Some(-1.0), None))],
        vec![is("expiry_date", Test::Within(Some(time("2026-03-02")), Some(time("2026-03-05"))))],
        vec![is("last_movement_date", Test::Within(None, Some(time("2026-01-04"))))],
    ]);
    for select in selects {
        let (found, wanted) = (store.loss_risk_products(&select).await.unwrap(), select.pick(rows.clone()));
        assert_eq!(found, wanted, "{select:?}");
        let figures = figures(&select.matching(rows.clone()).0);
        assert_eq!(store.risk_figures(&select).await.unwrap(), figures, "{select:?}");
        assert_eq!(store.risks_with_figures(&select).await.unwrap(), (found, figures), "{select:?}");
    }
}

fn figures(rows: &[RiskRow]) -> RiskFigures {
    let share = |category| {
        let rows = rows.iter().filter(|row| row.risk_category == category);
        let losses: Vec<_> = rows.clone().filter_map(|row| row.potential_loss_amount).collect();
        RiskShare {
            category,
            rows: rows.count() as u64,
            valued: losses.len() as u64,
            loss: losses.iter().sum::<f64>() + 0.0,
        }
    };
    RiskFigures { shares: RiskCategory::ALL.map(share).into(), cut: false }
}

async fn clients(store: &impl StateStore) {
    let record = |n: i64| {
        let fields = ClientRecord {
            name: NAMES[(n % 7) as usize].map(Into::into),
            email: (n % 3 == 0).then(|| format!("e{}@x.example", n % 4).into()),
            phone: (n % 5 == 0).then(|| "1".into()),
            loyalty_tier: Some(Tier::ALL[(n % 3) as usize]),
            ..client(&format!("p{n}"))
        };
        Body::Client(ClientRecord { total_revenue_generated: money(&format!("{}", n % 8 * 4_000)), ..fields })
    };
    let sold = |n: i64| bought(&format!("p{}", n % 15), &format!("2026-03-{:02}", n % 6 + 1), "0.25");
    let parts = vec![(CLIENTS, (0..32).map(record).collect()), (SALES, (0..40).map(sold).collect())];
    flush_all(store, parts).await;
}

async fn clients_are_selected_alike_everywhere(env: &impl TestEnv) {
    let store = env.worker().await;
    clients(&*store).await;
    let rows = store.clients(ALL).await.unwrap().items;
    assert_eq!(rows.len(), 32);
    let selects = selects::<ClientRow>(vec![
        vec![words("loyalty_tier", &["Gold"])],
        vec![words("loyalty_tier", &["Gold", "Bronze"]), is("eligible_promo", Test::Is(false))],
        vec![is("eligible_promo", Test::Is(true))],
        vec![words("client_id", &["p1", "p2", "p"])],
        vec![is("total_revenue_generated", Test::Between(Some(4_000.0), Some(12_000.5)))],
        vec![is("invoices", Test::Between(None, Some(2.0)))],
        vec![is("last_purchase_date", Test::Within(Some(time("2026-03-03")), None))],
    ]);
    for select in selects {
        let (found, wanted) = (store.clients(&select).await.unwrap(), select.pick(rows.clone()));
        assert_eq!(found, wanted, "{select:?}");
        let figures = store.client_figures(&select).await.unwrap();
        assert_eq!(store.clients_with_figures(&select).await.unwrap(), (found, figures.clone()), "{select:?}");
        let counted: Vec<_> = figures.shares.iter().map(|share| (share.tier, share.clients, share.revenue)).collect();
        let (matching, _) = select.matching(rows.clone());
        let wanted = Tier::ALL.map(|tier| {
            let rows = matching.iter().filter(|row| row.loyalty_tier == tier);
            (tier, rows.clone().count() as u64, rows.map(|row| row.total_revenue_generated).sum::<f64>() + 0.0)
        });
        assert_eq!(counted, wanted, "{select:?}");
    }
}

async fn clients_amount_to_what_they_brought_and_bought(env: &impl TestEnv) {
    let store = env.worker().await;
    let empty = store.client_figures(&all()).await.unwrap();
    let none = |tier| TierShare { tier, clients: 0, revenue: 0.0, invoices: 0, invoiced: Money::ZERO };
    assert_eq!(empty, ClientFigures { shares: Tier::ALL.map(none).into(), cut: false });
    let record = ClientRecord { total_revenue_generated: money("30000"), ..client("ann") };
    flush(&*store, CLIENTS, vec![Body::Client(record)]).await;
    let sales = [("ann", "5.5"), ("ann", "2"), ("bob", "1.25")];
    flush(&*store, SALES, sales.map(|(who, amount)| bought(who, "2026-03-01", amount)).into()).await;
    let shares = store.client_figures(&all()).await.unwrap().shares;
    assert_eq!(
        shares,
        [
            TierShare {
                clients: 1,
                revenue: 1.25,
                invoices: 1,
                invoiced: "1.25".parse().unwrap(),
                ..none(Tier::Bronze)
            },
            none(Tier::Silver),
            TierShare {
                clients: 1,
                revenue: 30_007.5,
                invoices: 2,
                invoiced: "7.5".parse().unwrap(),
                ..none(Tier::Gold)
            },
        ]
    );
}

async fn pages_of_any_order_follow_each_other_without_gap_or_overlap(env: &impl TestEnv) {
    let (store, rows) = (env.worker().await, risks());
    store.update_risk(&RiskUpdate { revision: 1, upsert: rows.clone(), delete: Vec::new() }).await.unwrap();
    for field in RiskRow::FIELDS {
        for descending in [false, true] {
            let select = |page, per_page| Select {
                order: Some(Order { field, descending }),
                paging: Paging { page, per_page },
                ..all()
            };
            let whole = select(1, 100).pick(rows.clone()).items;
            let mut paged = Vec::new();
            for number in 1..=6 {
                let page = store.loss_risk_products(select(number, 9)).await.unwrap();
                assert_eq!(page.total, 47);
                paged.extend(page.items);
            }
            assert_eq!(paged, whole, "{} {descending}", field.name);
            for paging in [(7, 9), (u64::MAX, u64::MAX), (1 << 40, 1 << 40), (1, 0)] {
                let page = store.loss_risk_products(select(paging.0, paging.1)).await.unwrap();
                assert_eq!((page.items, page.total), (Vec::new(), 47), "{} {paging:?}", field.name);
            }
        }
    }
}

async fn words_are_ordered_by_rank_and_within_a_word_by_what_counts(env: &impl TestEnv) {
    let store = env.worker().await;
    clients(&*store).await;
    let first = |descending| Select { order: by("loyalty_tier", descending), ..all::<ClientRow>() };
    let tiers = |rows: &[ClientRow]| rows.iter().map(|row| row.loyalty_tier).collect::<Vec<_>>();
    let found = store.clients(first(true)).await.unwrap().items;
    assert!(tiers(&found).is_sorted_by(|a, b| a >= b), "{found:?}");
    let gold: Vec<_> = found.iter().filter(|row| row.loyalty_tier == Tier::Gold).collect();
    assert!(gold.is_sorted_by(|a, b| a.total_revenue_generated >= b.total_revenue_generated), "{gold:?}");
    let mut turned = store.clients(first(false)).await.unwrap().items;
    turned.reverse();
    assert_eq!(turned, found);
    assert!(matches!(ClientRow::field("loyalty_tier").unwrap().kind, Kind::Word(["Bronze", "Silver", "Gold"])));
}

/// Those of all clients are told as they were published last; whoever has seen more counts them anew.
async fn totals_of_all_clients_are_the_published_ones(env: &impl TestEnv) {
    let (store, other) = (env.worker().await, env.worker().await);
    clients(&*store).await;
    let counted = store.client_figures(&all()).await.unwrap();
    store.publish_totals().await.unwrap();
    assert_eq!(store.client_figures(&all()).await.unwrap(), counted);
    flush(&*store, SALES, vec![bought("new", "2026-03-01", "1")]).await;
    assert_eq!(store.client_figures(&all()).await.unwrap(), counted, "they are counted some time after the events");
    other.publish_totals().await.unwrap();
    let now = store.client_figures(&all()).await.unwrap();
    let clients = |figures: &ClientFigures| figures.shares.iter().map(|share| share.clients).sum::<u64>();
    assert_eq!(clients(&now), clients(&counted) + 1);
    assert!(store.pulse().await.unwrap().counted_at.is_some(), "a reader hears of it");
}

/// What was counted before another publisher counted later rows is not written over what that one counted.
async fn totals_that_were_counted_at_later_rows_stay(env: &Mongo) {
    let store = env.worker().await;
    flush(&*store, SALES, vec![bought("ann", "2026-03-01", "1")]).await;
    store.publish_totals().await.unwrap();
    let views = env.raw.collection::<Document>("views");
    for (id, clock) in [("client_totals", "events"), ("risk_totals", "pointer")] {
        let later = doc! { "$set": { clock: 99_i64, "groups": [] } };
        assert_eq!(views.update_one(doc! { "_id": id }, later).await.unwrap().matched_count, 1);
        store.publish_totals().await.unwrap();
        let stands = views.find_one(doc! { "_id": id }).await.unwrap().unwrap();
        assert_eq!((stands.get_i64(clock).unwrap(), stands.get_array("groups").unwrap().len()), (99, 0), "{id}");
    }
}

async fn categories_are_those_that_occur(env: &impl TestEnv) {
    let store = env.worker().await;
    assert_eq!(store.risk_categories().await.unwrap(), [""; 0]);
    store.update_risk(&RiskUpdate { revision: 1, upsert: risks(), delete: Vec::new() }).await.unwrap();
    assert_eq!(store.risk_categories().await.unwrap(), ["Home", "Küche"]);
}

async fn a_search_looks_at_the_first_rows_only_and_says_so(env: &impl TestEnv) {
    let mut settings = settings();
    settings.limits.updates_per_command = 5_000;
    let store = env.worker_with(&settings).await;
    let row = |n: u64| RiskRow {
        purchase_price: Some((n % 7) as f64),
        ..at_risk(&format!("p{n:05}"), None, Some((MAX_SCAN - n.min(MAX_SCAN)) as f64))
    };
    let rows: Vec<_> = (0..MAX_SCAN + 2).map(row).collect();
    store.update_risk(&RiskUpdate { revision: 1, upsert: rows.clone(), delete: Vec::new() }).await.unwrap();
    let last_seen = format!("P{:05}", MAX_SCAN - 1);
    let beyond = format!("p{:05}", MAX_SCAN + 1);
    for (word, found) in [(&last_seen, 1), (&beyond, 0)] {
        let page = store.loss_risk_products(Select { search: Search::new(word), ..all() }).await.unwrap();
        assert_eq!((page.total, page.items.len(), page.searched), (found, found as usize, Some(MAX_SCAN)), "{word}");
    }
    let by_price = Select { order: by("purchase_price", true), ..all() };
    let page = store.loss_risk_products(&by_price).await.unwrap();
    assert_eq!((page.total, page.searched), (MAX_SCAN, Some(MAX_SCAN)));
    assert_eq!(page, by_price.pick(rows.clone()));
    let by_name = Select { order: by("product_name", true), ..all() };
    env.vacuum().await;
    let page = store.loss_risk_products(&by_name).await.unwrap();
    assert_eq!(page.searched, None, "an index orders all of them");
    // Pages far from the first, in the nearer and the further half, the last one not full.
    for (name, descending) in [("potential_loss_amount", true), ("product_name", false)] {
        for page in [101, 102, 201, 202] {
            let select = Select { order: by(name, descending), paging: Paging { page, per_page: 100 }, ..all() };
            // How many there are in all is the server's own count, which may lag and count a row twice for some seconds.
            let (found, wanted) = (store.loss_risk_products(&select).await.unwrap(), select.pick(rows.clone()));
            assert_eq!((found.items, found.searched), (wanted.items, None), "{name}, {page}");
        }
    }
    filters_look_no_further(&*store, &rows).await;
    let counted: u64 = store.risk_figures(&all()).await.unwrap().shares.iter().map(|share| share.rows).sum();
    assert_eq!(counted, MAX_SCAN + 2);
}

/// Where an index finds few enough they are all looked at, also behind the window; otherwise the first ones, but for a file.
async fn filters_look_no_further(store: &impl ViewStore, rows: &[RiskRow]) {
    let all_in_stock = is("stock_quantity", Test::Between(Some(1.0), None));
    let worthless = is("potential_loss_amount", Test::Between(None, Some(0.0)));
    let dear = is("purchase_price", Test::Between(Some(6.0), None));
    let dearest = |rows: u64| (0..rows).filter(|n| n % 7 == 6).count() as u64;
    for (filters, order, total, searched) in [
        (vec![all_in_stock.clone()], None, MAX_SCAN, Some(MAX_SCAN)),
        (vec![all_in_stock.clone()], by("stock_quantity", true), MAX_SCAN + 2, None),
        (vec![all_in_stock.clone(), worthless], by("purchase_price", false), 2, None),
        (vec![all_in_stock.clone(), dear.clone()], None, dearest(MAX_SCAN), Some(MAX_SCAN)),
        (vec![dear.clone(), words("risk_category", &["Expired"])], None, 0, None),
    ] {
        let select = Select { filters, order, ..all() };
        let page = store.loss_risk_products(&select).await.unwrap();
        assert_eq!((page.total, page.searched), (total, searched), "{select:?}");
        assert_eq!(page, select.pick(rows.to_vec()), "{select:?}");
        assert_eq!(store.risks_with_figures(&select).await.unwrap().0, page, "{select:?}");
    }
    let file = Select { filters: vec![dear], order: by("purchase_price", true), whole: true, ..all() };
    let page = store.loss_risk_products(&file).await.unwrap();
    assert_eq!((page.total, page.searched), (dearest(MAX_SCAN + 2), None));
    assert_eq!(page, file.pick(rows.to_vec()));
}

both!(
    stock_at_risk_is_selected_alike_everywhere,
    clients_are_selected_alike_everywhere,
    clients_amount_to_what_they_brought_and_bought,
    pages_of_any_order_follow_each_other_without_gap_or_overlap,
    words_are_ordered_by_rank_and_within_a_word_by_what_counts,
    categories_are_those_that_occur,
    a_search_looks_at_the_first_rows_only_and_says_so,
);

mod totals {
    use super::{totals_of_all_clients_are_the_published_ones, totals_that_were_counted_at_later_rows_stay};
    mongodb_only!(totals_of_all_clients_are_the_published_ones, totals_that_were_counted_at_later_rows_stay);
}
