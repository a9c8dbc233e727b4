//! Rows such as a shop has.

use stockstream_model::{
    Timestamp,
    analytics::Tier,
    documents::{
        Cause, Checkpoint, ClientRow, DatabaseServer, DayTotals, Deployment, Heartbeat, InventoryState, LostRange,
        PartitionId, PartitionStatus, ProductRecord, ProductState, RejectedEvent, RiskCategory, RiskRow, Version, View,
        ViewCondition, ViewState, Winner,
    },
    event::{EventKind, Reason},
    settings::{Analytics, Weights},
};
use stockstream_store::{ProductDetail, Status};

const NAMES: [&str; 6] = [
    "REGENCY CAKESTAND 3 TIER",
    "WHITE HANGING HEART T-LIGHT HOLDER",
    "PARTY BUNTING",
    "JUMBO BAG RED RETROSPOT",
    "ASSORTED COLOUR BIRD ORNAMENT",
    "RABBIT NIGHT LIGHT",
];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn winner(ranking: u32) -> Winner {
    let scale = 1.0 / f64::from(ranking);
    Winner {
        ranking,
        product_id: format!("{}", 22_400 + ranking * 23),
        product_name: (ranking != 7).then(|| NAMES[ranking as usize % 6].into()),
        product_category: (!ranking.is_multiple_of(3)).then(|| "Home decoration".into()),
        selling_price: Some(12.75),
        purchase_price: Some(6.38),
        minimum_margin_threshold: None,
        total_profit: 81_234.565 * scale,
        total_revenue: 163_469.13 * scale,
        total_cost: 82_234.565 * scale,
        units_sold: 13_033 / i64::from(ranking),
        average_profit_margin_pct: Some(49.69),
        average_roi_pct: Some(98.78),
        contribution_margin_pct: None,
        sales_velocity: 54.305 * scale,
        stock_turnover: (!ranking.is_multiple_of(4)).then_some(3.21),
        days_in_stock: i64::from(ranking) * 4 - 4,
        is_dead_stock: ranking > 8,
        performance_score: 40_633.57 * scale,
        last_sale_date: at("2011-07-31T15:11:00Z"),
        analysis_timestamp: at("2011-07-31T16:00:00Z"),
        analysis_source: "stockstream".into(),
    }
}

pub fn risk(number: i64) -> RiskRow {
    let category = RiskCategory::ALL[number as usize % 3];
    let expiry = (category != RiskCategory::DeadStock).then(|| at("2011-08-03"));
    RiskRow {
        product_id: format!("{}", 20_000 + number),
        product_name: (number % 5 != 0).then(|| NAMES[number as usize % 6].into()),
        product_category: Some("Kitchen".into()),
        stock_quantity: 4_800 / number,
        purchase_price: Some(2.1),
        selling_price: Some(4.25),
        potential_loss_amount: Some(10_080.0 / number as f64),
        potential_profit_loss: (number % 4 != 0).then(|| 10_320.0 / number as f64),
        risk_category: category,
        expiry_date: expiry,
        days_until_expiry: expiry.map(|_| if category == RiskCategory::Expired { -12 } else { 3 }),
        last_movement_date: at("2011-06-01"),
        days_since_last_movement: 60,
        batch_number: (number % 2 == 0).then(|| format!("B-{number:04}")),
        analysis_timestamp: at("2011-07-31T16:00:00Z"),
        analysis_source: "stockstream".into(),
    }
}

pub fn client(number: i64) -> ClientRow {
    let revenue = 279_489.02 / number as f64;
    ClientRow {
        client_id: format!("{}", 14_000 + number),
        name: (number % 3 != 0).then(|| format!("Client {number} & Sons")),
        email: (number % 2 == 0).then(|| format!("orders@client{number}.example")),
        phone: (number % 4 == 0).then(|| "+44 20 7946 0000".into()),
        total_revenue_generated: revenue,
        loyalty_tier: if number < 10 {
            Tier::Gold
        } else if number < 30 {
            Tier::Silver
        } else {
            Tier::Bronze
        },
        eligible_promo: revenue >= 10_000.0,
        invoices: 2_100 / number,
        last_purchase_date: (number != 5).then(|| at("2011-07-28T12:08:00Z")),
    }
}

/// The first winner, as the database has it.
pub fn product() -> ProductDetail {
    let price = |text: &str| Some(text.parse().unwrap());
    let record = ProductRecord {
        name: Some(NAMES[1].into()),
        category: Some("Home decoration".into()),
        buy_price: price("1.2"),
        sell_price: price("2"),
        min_margin_threshold: price("15"),
    };
    let sold =
        |invoices, units, revenue: &str| DayTotals { invoices, units, revenue: revenue.parse().unwrap(), unpriced: 0 };
    let batch = |number: Option<&str>, quantity, expiry: Option<&str>| InventoryState {
        product_id: "22423".into(),
        batch_number: number.map(str::to_owned),
        quantity,
        expiry_date: expiry.map(at),
        movement: at("2011-06-01"),
        record: record.clone(),
        version: Version::default(),
    };
    ProductDetail {
        product: ProductState {
            product_id: "22423".into(),
            units: 30,
            revenue: "60".parse().unwrap(),
            uncosted: 30,
            first_sale: Some(at("2011-07-01T09:00:00Z")),
            last_sale: Some(at("2011-07-10T15:11:00Z")),
            days: [(at("2011-07-01").day(), sold(2, 20, "40")), (at("2011-07-10").day(), sold(1, 10, "20"))].into(),
            record: Some(record.clone()),
            version: Some(Version::default()),
            stock_sum: 40,
            stock_count: 2,
            ..ProductState::default()
        },
        stock: vec![batch(None, 12, None), batch(Some("B-7"), 4_800, Some("2011-08-03"))],
        risks: vec![RiskRow { product_id: "22423".into(), batch_number: Some("B-7".into()), ..risk(1) }],
        weights: Some(Weights::default()),
    }
}

pub fn rejected(offset: i64) -> RejectedEvent {
    let (reason, path, message, payload) = match offset % 3 {
        0 => (Reason::NotJson, "", "expected `,` or `}` at line 1 column 28", br#"{"invoice_id":"536365","cl"#.to_vec()),
        1 => (
            Reason::BadValue,
            "items[2].quantity",
            "is 0; write a whole number other than zero, negative for a return",
            br#"{"invoice_id":"536366","timestamp":"2011-07-28T12:08:00Z","items":[{"product_id":"22633","quantity":0}]}"#
                .repeat(6),
        ),
        _ => (Reason::Empty, "", "the record has no value", Vec::new()),
    };
    RejectedEvent {
        topic: "topic-raw-sales".into(),
        incarnation: offset % 2,
        partition: 3,
        offset: 1_000 + offset,
        reason,
        path: path.into(),
        message: message.into(),
        payload,
        produced_at: Some(at("2011-07-28T12:08:00Z")),
        rejected_at: at("2011-07-28T12:08:01Z"),
    }
}

pub fn loaded_status() -> Status {
    let id = |stream, partition| PartitionId { stream, partition };
    let checkpoint = |stream, partition: i32, next| Checkpoint {
        next,
        pending: (partition == 1).then_some(next + 512),
        events: next,
        rejected: i64::from(partition),
        latest_event: Some(at("2011-07-31T15:11:00Z")),
        updated_at: at("2011-07-31T16:00:00Z"),
        ..Checkpoint::new(id(stream, partition), next, None)
    };
    let told = |stream, partition, next, log_end| PartitionStatus { id: id(stream, partition), next, log_end };
    let worker = |name: &str, publisher, partitions, problems: &[&str]| Heartbeat {
        worker: name.into(),
        started_at: at("2011-07-31T10:00:00Z"),
        at: at("2011-07-31T15:59:58Z"),
        generation: 1,
        publisher,
        events_per_second: 812.375,
        freshness_ms: publisher.then_some(1_234),
        partitions,
        problems: problems.iter().map(|&problem| problem.into()).collect(),
        stalls: Vec::new(),
        warnings: Vec::new(),
    };
    Status {
        pipeline: Some("shop/stock".into()),
        products: 3_204,
        winners: 10,
        risks: 130,
        clients: 120,
        views: View::ALL.map(published).into(),
        checkpoints: vec![
            Checkpoint {
                lost: vec![LostRange { incarnation: 1, from: 7_001, to: 7_004, cause: Some(Cause::Deleted) }],
                lost_offsets: 3,
                ..checkpoint(EventKind::Sales, 0, 201_344)
            },
            checkpoint(EventKind::Sales, 1, 198_022),
            checkpoint(EventKind::Inventory, 0, 9_001),
            checkpoint(EventKind::Clients, 0, 4_372),
        ],
        workers: vec![
            worker(
                "stock-worker-7f9c-abcde",
                true,
                vec![
                    told(EventKind::Sales, 0, 201_300, Some(201_400)),
                    told(EventKind::Inventory, 0, 9_001, Some(9_001)),
                ],
                &[],
            ),
            worker(
                "stock-worker-7f9c-fghij",
                false,
                vec![told(EventKind::Sales, 1, 198_000, None)],
                &[
                    "sales/1: offsets 198,534 to 199,000 are no longer in Kafka; set onLostOffsets to Resume to go on behind them",
                ],
            ),
        ],
        rejections: [("bad_value".to_owned(), 1), ("not_json".to_owned(), 2)].into(),
        server: Some(DatabaseServer {
            deployment: Deployment::ReplicaSet,
            set: Some("rs0".into()),
            version: Some("8.0.4".into()),
            durable: None,
        }),
        settings: Some(Analytics::default()),
        read_at: at("2011-07-31T16:00:03Z"),
    }
}

fn published(view: View) -> ViewState {
    ViewState {
        revision: 42,
        pointer: 42,
        condition: ViewCondition::Published,
        since: Some(at("2011-07-01T00:00:00Z")),
        checked_at: Some(at("2011-07-31T16:00:02Z")),
        published_at: Some(at("2011-07-31T15:58:00Z")),
        rows: if view == View::ProductWinners { 10 } else { 130 },
        as_of: Some(at("2011-07-31").day()),
        ..ViewState::new(view)
    }
}
