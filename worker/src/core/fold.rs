//! From events to changes, one per key: the map-side combine.

use stockstream_model::{
    Timestamp,
    documents::{
        ClientRecordFields, FoldRules, InventoryChange, InventoryState, PartitionId, ProductRecord, RejectedEvent,
        Version,
    },
    event::{ClientRecord, EventKind, InventoryRecord, Rejection, decode_client, decode_inventory, decode_sale},
};
use stockstream_protocol::positions::Counters;
use stockstream_store::{Changes, batch::Key};

use crate::core::sale_buffer::SaleBuffer;

/// A record as Kafka delivers it, with what identifies it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The partition.
    pub id: PartitionId,
    /// The incarnation of its log.
    pub incarnation: i64,
    /// The topic's name.
    pub topic: &'a str,
    /// The offset.
    pub offset: i64,
    /// The record's Kafka timestamp, if it has one.
    pub produced_at: Option<Timestamp>,
    /// The value.
    pub payload: &'a [u8],
}

/// Folds records into changes. The changes have all of them once it is [finished](Self::finish).
#[derive(Debug)]
#[must_use]
pub struct Folder<'a> {
    changes: &'a mut Changes,
    rules: FoldRules,
    lines: SaleBuffer,
}

impl<'a> Folder<'a> {
    /// Folds into these changes, by the rules that their claim carries.
    pub fn new(changes: &'a mut Changes, rules: FoldRules) -> Self {
        Self { changes, rules, lines: SaleBuffer::new(rules) }
    }

    /// Folds a record: an accepted event changes keys, a refused one is kept as rejected. Returns the rejection, for the log.
    pub fn fold(&mut self, record: &Record<'_>, counters: &mut Counters, now: Timestamp) -> Option<Rejection> {
        let Self { changes, rules, lines } = self;
        let Record { produced_at, payload, .. } = *record;
        let event_time = match record.id.stream {
            EventKind::Sales => decode_sale(payload).and_then(|sale| {
                rules.check(&sale, produced_at)?;
                Ok(Some(lines.take_in(changes, &sale)))
            }),
            EventKind::Inventory => decode_inventory(payload).and_then(|stock| {
                rules.check(&stock, produced_at)?;
                Ok(fold_inventory(changes, record, &stock))
            }),
            EventKind::Clients => decode_client(payload).and_then(|client| {
                rules.check(&client, produced_at)?;
                Ok(fold_client(changes, record, &client))
            }),
        };
        count(changes, record, event_time, counters, now)
    }

    /// Holds a sale until it is known to be no duplicate; one that is refused is kept as rejected, as if it had been folded.
    pub fn hold(
        &mut self,
        held: &mut Vec<DeferredSale>,
        record: &Record<'_>,
        counters: &mut Counters,
        now: Timestamp,
    ) -> Option<Rejection> {
        let Record { id, offset, produced_at, payload, .. } = *record;
        let sale = decode_sale(payload).and_then(|sale| {
            self.rules.check(&sale, produced_at)?;
            let invoice = Key::from(sale.invoice_id.as_str());
            held.push(DeferredSale { id, offset, produced_at, invoice, payload: payload.into() });
            Ok(None)
        });
        count(self.changes, record, sale, counters, now)
    }

    /// Folds a sale that was held.
    pub fn fold_held(&mut self, held: &DeferredSale, counters: &mut Counters) {
        if let Ok(sale) = decode_sale(&held.payload) {
            counters.latest_event = counters.latest_event.max(Some(self.lines.take_in(self.changes, &sale)));
        }
    }

    /// Adds what was gathered.
    pub fn finish(mut self) {
        self.lines.settle(self.changes);
    }
}

/// Counts a record that was accepted, with its event's time if that has one, or refused.
fn count(
    changes: &mut Changes,
    record: &Record<'_>,
    accepted: Result<Option<Timestamp>, Rejection>,
    counters: &mut Counters,
    now: Timestamp,
) -> Option<Rejection> {
    counters.events += 1;
    match accepted {
        Ok(at) => {
            counters.latest_event = counters.latest_event.max(at);
            None
        }
        Err(rejection) => {
            counters.rejected += 1;
            changes.rejections.push(rejected(record, &rejection, now));
            Some(rejection)
        }
    }
}

/// A sale that is folded only once it is known to be no duplicate.
#[derive(Clone, Debug)]
pub struct DeferredSale {
    /// Its partition.
    pub id: PartitionId,
    /// The offset.
    pub offset: i64,
    /// The record's Kafka timestamp, if it has one.
    pub produced_at: Option<Timestamp>,
    /// Its invoice.
    pub invoice: Key,
    payload: Box<[u8]>,
}

fn version(record: &Record<'_>, updated_at: Option<Timestamp>) -> Version {
    let at = updated_at.or(record.produced_at).unwrap_or_default();
    Version { at, incarnation: record.incarnation, partition: record.id.partition, offset: record.offset }
}

fn fold_inventory(changes: &mut Changes, record: &Record<'_>, stock: &InventoryRecord<'_>) -> Option<Timestamp> {
    let version = version(record, stock.updated_at);
    let fields = ProductRecord {
        name: stock.name.as_deref().map(str::to_owned),
        category: stock.category.as_deref().map(str::to_owned),
        buy_price: stock.buy_price,
        sell_price: stock.sell_price,
        min_margin_threshold: stock.min_margin_threshold,
    };
    let product = changes.products.entry(Key::from(stock.product_id.as_str())).or_default();
    product.apply_record(version, fields.clone(), stock.quantity);
    let movement = stock.last_movement.or(stock.created_at).or(stock.updated_at).or(record.produced_at);
    let state = InventoryState {
        product_id: stock.product_id.to_string(),
        batch_number: stock.batch_no.as_ref().map(ToString::to_string),
        quantity: stock.quantity,
        expiry_date: stock.expiry_date,
        movement: movement.unwrap_or_default(),
        record: fields,
        version,
    };
    let change = InventoryChange { record: state };
    let key = (change.record.product_id.clone(), change.record.batch_number.clone());
    changes.inventory.entry(key).and_modify(|standing| standing.merge(&change)).or_insert(change);
    stock.updated_at.max(stock.last_movement).max(stock.created_at)
}

fn fold_client(changes: &mut Changes, record: &Record<'_>, client: &ClientRecord<'_>) -> Option<Timestamp> {
    let version = version(record, client.updated_at);
    let text = |field: &Option<std::borrow::Cow<'_, str>>| field.as_deref().map(str::to_owned);
    let fields = ClientRecordFields {
        name: text(&client.name),
        email: text(&client.email),
        phone: text(&client.phone),
        base_revenue: client.total_revenue_generated.unwrap_or_default(),
        tier: client.loyalty_tier,
    };
    changes.clients.entry(Key::from(client.client_id.as_str())).or_default().apply_record(version, fields);
    client.updated_at
}

fn rejected(record: &Record<'_>, rejection: &Rejection, now: Timestamp) -> RejectedEvent {
    RejectedEvent {
        topic: record.topic.to_owned(),
        incarnation: record.incarnation,
        partition: record.id.partition,
        offset: record.offset,
        reason: rejection.reason,
        path: rejection.path.clone(),
        message: rejection.message.clone(),
        payload: record.payload.to_vec(),
        produced_at: record.produced_at,
        rejected_at: now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockstream_model::{Day, documents::DayTotals, event::Reason, settings::HumanDuration};

    const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000); // 2026-01-01
    const FIRST: FoldRules = FoldRules::FIRST;
    const CURRENT: FoldRules = FoldRules::checking(HumanDuration::from_millis(86_400_000));

    fn folded(stream: EventKind, payloads: &[&str]) -> (Changes, Counters) {
        folded_by(CURRENT, None, stream, payloads)
    }

    fn folded_by(
        rules: FoldRules,
        produced_at: Option<Timestamp>,
        stream: EventKind,
        payloads: &[&str],
    ) -> (Changes, Counters) {
        let (mut changes, mut counters) = <(Changes, Counters)>::default();
        let mut folder = Folder::new(&mut changes, rules);
        for (offset, payload) in payloads.iter().enumerate() {
            let record = record(stream, offset as i64, produced_at, payload);
            folder.fold(&record, &mut counters, Timestamp::default());
        }
        folder.finish();
        (changes, counters)
    }

    fn record(stream: EventKind, offset: i64, produced_at: Option<Timestamp>, payload: &str) -> Record<'_> {
        let id = PartitionId { stream, partition: 0 };
        Record { id, incarnation: 0, topic: "t", offset, produced_at, payload: payload.as_bytes() }
    }

    #[test]
    fn every_line_of_an_invoice_counts_returns_included() {
        let (changes, _) = folded(
            EventKind::Sales,
            &[r#"{"invoice_id":"1","client_id":"c","timestamp":"2026-01-02T03:04:05Z","items":[
                {"product_id":"a","quantity":3,"unit_price":"2.50"},{"product_id":"b","quantity":1,"unit_price":10,"unit_cost":4},
                {"product_id":"a","quantity":-1,"unit_price":"2.50"}]}"#],
        );
        let (a, b) = (&changes.products["a"], &changes.products["b"]);
        assert_eq!(
            (a.sold().units, a.sold().revenue.to_string(), a.uncosted, a.sold().invoices),
            (2, "5".into(), 2, 1)
        );
        assert_eq!((b.sold().units, b.cost.to_string(), b.uncosted), (1, "4".into(), 0));
        let day: Day = "2026-01-02".parse().unwrap();
        assert_eq!(
            (changes.daily[&day].totals.units, changes.daily[&day].totals.revenue.to_string()),
            (3, "15".into())
        );
        assert_eq!((changes.clients["c"].invoices, changes.clients["c"].revenue.to_string()), (1, "15".into()));
    }

    /// A sale and a return of the same product to one client, a mixed event, and an event that is a return of two lines.
    const RETURNS: [&str; 3] = [
        r#"{"invoice_id":1,"client_id":"c","timestamp":"2026-01-02","items":[{"product_id":"a","quantity":3,"unit_price":2}]}"#,
        r#"{"invoice_id":2,"client_id":"c","timestamp":"2026-01-05","items":[
            {"product_id":"a","quantity":-1,"unit_price":2},{"product_id":"b","quantity":1,"unit_price":10}]}"#,
        r#"{"invoice_id":3,"client_id":"c","timestamp":"2026-01-09","items":[
            {"product_id":"a","quantity":-1,"unit_price":2},{"product_id":"x","quantity":-4,"unit_price":1}]}"#,
    ];

    #[test]
    fn a_return_is_no_sale_of_its_product_and_no_invoice() {
        let (changes, counters) = folded(EventKind::Sales, &RETURNS);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (first, mixed) = (at("2026-01-02"), at("2026-01-05"));
        let product = |name: &str| {
            let change = &changes.products[name];
            let DayTotals { invoices, units, revenue, .. } = change.sold();
            (change.sales, invoices, units, revenue.to_string())
        };
        assert_eq!(product("a"), (Some((first, first)), 1, 1, "2".into()));
        assert_eq!(product("b"), (Some((mixed, mixed)), 1, 1, "10".into()));
        assert_eq!(product("x"), (None, 0, -4, "-4".into()));
        let client = &changes.clients["c"];
        assert_eq!((client.invoices, client.last_purchase, client.revenue.to_string()), (2, Some(mixed), "8".into()));
        let invoices: Vec<_> = changes.daily.values().map(|day| (day.totals.invoices, day.totals.units)).collect();
        assert_eq!(invoices, [(1, 3), (1, 0), (0, -5)]);
        assert_eq!(counters.latest_event, Some(at("2026-01-09")), "it happened all the same");
    }

    #[test]
    fn by_the_first_rules_a_return_is_a_sale_and_times_may_lie_ahead() {
        let (changes, counters) = folded_by(FIRST, Some(NOW), EventKind::Sales, &RETURNS);
        let (a, x) = (&changes.products["a"], &changes.products["x"]);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!((a.sales, a.sold().invoices), (Some((at("2026-01-02"), at("2026-01-09"))), 3));
        assert_eq!((x.sales, x.sold().invoices), (Some((at("2026-01-09"), at("2026-01-09"))), 1));
        assert_eq!((changes.clients["c"].invoices, changes.clients["c"].last_purchase), (3, Some(at("2026-01-09"))));
        assert!(changes.daily.values().all(|day| day.totals.invoices == 1));
        assert_eq!((counters.events, counters.rejected), (3, 0));
    }

    #[test]
    fn an_event_from_the_future_is_rejected_whole_and_without_a_kafka_timestamp_it_is_not_known() {
        let ahead = [
            (
                EventKind::Sales,
                r#"{"invoice_id":1,"timestamp":"9206-01-01","items":[{"product_id":"a","quantity":3,"unit_price":2}]}"#,
                "timestamp",
            ),
            (EventKind::Inventory, r#"{"product_id":"a","quantity":3,"last_movement":"2206-01-01"}"#, "last_movement"),
            (EventKind::Clients, r#"{"client_id":"c","updated_at":"2026-01-02T00:00:00.001Z"}"#, "updated_at"),
        ];
        for (stream, payload, path) in ahead {
            let (changes, counters) = folded_by(CURRENT, Some(NOW), stream, &[payload]);
            assert_eq!((counters.events, counters.rejected, counters.latest_event, changes.keys()), (1, 1, None, 1));
            assert_eq!((changes.rejections[0].reason, changes.rejections[0].path.as_str()), (Reason::Future, path));
            assert_eq!(folded_by(CURRENT, None, stream, &[payload]).1.rejected, 0);
            assert_eq!(folded_by(FoldRules::default(), Some(NOW), stream, &[payload]).1.rejected, 0);
        }
        let (mut changes, mut counters, mut held) = <(Changes, Counters, Vec<DeferredSale>)>::default();
        let record = record(EventKind::Sales, 0, Some(NOW), ahead[0].1);
        let mut folder = Folder::new(&mut changes, CURRENT);
        let rejection = folder.hold(&mut held, &record, &mut counters, NOW).unwrap();
        assert_eq!((rejection.reason, held.len(), counters.rejected), (Reason::Future, 0, 1), "it takes no invoice");
    }

    #[test]
    fn unpriced_units_stay_counts_and_the_stated_total_is_the_amount() {
        let (changes, _) = folded(
            EventKind::Sales,
            &[
                r#"{"invoice_id":"1","timestamp":"2026-01-02","total_amount":99,"items":[{"product_id":"a","quantity":3}]}"#,
            ],
        );
        let a = &changes.products["a"];
        assert_eq!((a.sold().units, a.sold().unpriced, a.sold().revenue.units()), (3, 3, 0));
        assert_eq!(changes.daily.values().next().unwrap().totals.revenue.to_string(), "99");
    }

    #[test]
    fn one_bad_line_rejects_the_whole_event_and_touches_nothing_else() {
        let (changes, counters) = folded(
            EventKind::Sales,
            &[r#"{"invoice_id":"1","client_id":"c","timestamp":"2026-01-02","items":[
                {"product_id":"a","quantity":3,"unit_price":1},{"product_id":"b","quantity":0,"unit_price":1}]}"#],
        );
        assert!(changes.products.is_empty() && changes.clients.is_empty() && changes.daily.is_empty());
        assert_eq!((counters.events, counters.rejected), (1, 1));
        assert_eq!(changes.rejections[0].path, "items[1].quantity");
    }

    #[test]
    fn the_latest_record_wins_in_any_order() {
        let (old, new) = (
            r#"{"product_id":"a","quantity":5,"name":"old","updated_at":"2026-01-01"}"#,
            r#"{"product_id":"a","quantity":7,"name":"new","updated_at":"2026-01-02"}"#,
        );
        for payloads in [[old, new], [new, old]] {
            let (changes, _) = folded(EventKind::Inventory, &payloads);
            let stock = changes.products["a"].stock.as_ref().unwrap();
            assert_eq!((stock.sum, stock.count, stock.record.name.as_deref()), (12, 2, Some("new")));
            assert_eq!(changes.inventory[&("a".to_owned(), None)].record.quantity, 7);
        }
    }
}
