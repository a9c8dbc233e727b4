//! From events to changes, one per key: the map-side combine.

use stockstream_model::{
    Timestamp,
    documents::{
        ClientRecordFields, FoldRules, InventoryChange, InventoryState, PartitionId, ProductRecord, RejectedEvent,
        Version,
    },
    event::{ClientRecord, InventoryRecord, Rejection, Stream, decode_client, decode_inventory, decode_sale},
};
use stockstream_store::{Range, batch::Key};

use super::lines::Lines;

/// A record as Kafka delivers it, with what identifies it.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// The partition.
    pub id: PartitionId,
    /// The topic's name.
    pub topic: &'a str,
    /// The offset.
    pub offset: i64,
    /// The record's Kafka timestamp, if it has one.
    pub produced_at: Option<Timestamp>,
    /// The value.
    pub payload: &'a [u8],
}

/// Folds records into the range of their partition. The range has all of them once this is dropped.
#[derive(Debug)]
pub struct Folder<'a> {
    range: &'a mut Range,
    rules: FoldRules,
    lines: Lines,
}

impl<'a> Folder<'a> {
    /// Folds into that range, by the rules that its claim carries.
    pub fn new(range: &'a mut Range, rules: FoldRules) -> Self {
        Self { range, rules, lines: Lines::new(rules) }
    }

    /// Folds a record: an accepted event changes keys, a refused one is kept as rejected. Moves the range's end behind it.
    /// Returns the rejection, for the log.
    pub fn fold(&mut self, record: &Record<'_>, now: Timestamp) -> Option<Rejection> {
        let Self { range, rules, lines } = self;
        let Record { produced_at, payload, .. } = *record;
        let event_time = match record.id.stream {
            Stream::Sales => decode_sale(payload).and_then(|sale| {
                rules.check(&sale, produced_at)?;
                Ok(Some(lines.take_in(range, &sale)))
            }),
            Stream::Inventory => decode_inventory(payload).and_then(|stock| {
                rules.check(&stock, produced_at)?;
                Ok(fold_inventory(range, record, &stock))
            }),
            Stream::Clients => decode_client(payload).and_then(|client| {
                rules.check(&client, produced_at)?;
                Ok(fold_client(range, record, &client))
            }),
        };
        took(range, record, event_time, now)
    }

    /// Holds a sale; one that is refused is kept as rejected, as if it had been folded.
    pub fn hold(&mut self, held: &mut Vec<Held>, record: &Record<'_>, now: Timestamp) -> Option<Rejection> {
        let Record { offset, produced_at, payload, .. } = *record;
        let sale = decode_sale(payload).and_then(|sale| {
            self.rules.check(&sale, produced_at)?;
            let invoice = Key::from(sale.invoice_id.as_str());
            held.push(Held { offset, produced_at, invoice, payload: payload.into() });
            Ok(None)
        });
        took(self.range, record, sale, now)
    }

    /// Folds a sale that was held.
    pub fn fold_held(&mut self, held: &Held) {
        if let Ok(sale) = decode_sale(&held.payload) {
            self.range.latest_event = self.range.latest_event.max(Some(self.lines.take_in(self.range, &sale)));
        }
    }
}

impl Drop for Folder<'_> {
    fn drop(&mut self) {
        self.lines.settle(self.range);
    }
}

/// Counts a record that was accepted, with its event's time if that has one, or refused.
fn took(
    range: &mut Range,
    record: &Record<'_>,
    accepted: Result<Option<Timestamp>, Rejection>,
    now: Timestamp,
) -> Option<Rejection> {
    range.end = record.offset + 1;
    range.events += 1;
    match accepted {
        Ok(at) => {
            range.latest_event = range.latest_event.max(at);
            None
        }
        Err(rejection) => {
            range.rejected += 1;
            range.rejections.push(rejected(range.incarnation, record, &rejection, now));
            Some(rejection)
        }
    }
}

/// A sale that is folded only once it is known to be no copy.
#[derive(Clone, Debug)]
pub struct Held {
    /// The offset.
    pub offset: i64,
    /// The record's Kafka timestamp, if it has one.
    pub produced_at: Option<Timestamp>,
    /// Its invoice.
    pub invoice: Key,
    payload: Box<[u8]>,
}

fn version(range: &Range, record: &Record<'_>, updated_at: Option<Timestamp>) -> Version {
    let at = updated_at.or(record.produced_at).unwrap_or_default();
    Version { at, incarnation: range.incarnation, partition: record.id.partition, offset: record.offset }
}

fn fold_inventory(range: &mut Range, record: &Record<'_>, stock: &InventoryRecord<'_>) -> Option<Timestamp> {
    let version = version(range, record, stock.updated_at);
    let fields = ProductRecord {
        name: stock.name.as_deref().map(str::to_owned),
        category: stock.category.as_deref().map(str::to_owned),
        buy_price: stock.buy_price,
        sell_price: stock.sell_price,
        min_margin_threshold: stock.min_margin_threshold,
    };
    let product = range.products.entry(Key::from(stock.product_id.as_str())).or_default();
    product.take_record(version, fields.clone(), stock.quantity);
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
    range.inventory.entry(key).and_modify(|standing| standing.merge(&change)).or_insert(change);
    stock.updated_at.max(stock.last_movement).max(stock.created_at)
}

fn fold_client(range: &mut Range, record: &Record<'_>, client: &ClientRecord<'_>) -> Option<Timestamp> {
    let version = version(range, record, client.updated_at);
    let text = |field: &Option<std::borrow::Cow<'_, str>>| field.as_deref().map(str::to_owned);
    let fields = ClientRecordFields {
        name: text(&client.name),
        email: text(&client.email),
        phone: text(&client.phone),
        base_revenue: client.total_revenue_generated.unwrap_or_default(),
        tier: client.loyalty_tier,
    };
    range.clients.entry(Key::from(client.client_id.as_str())).or_default().take_record(version, fields);
    client.updated_at
}

fn rejected(incarnation: i64, record: &Record<'_>, rejection: &Rejection, now: Timestamp) -> RejectedEvent {
    RejectedEvent {
        topic: record.topic.to_owned(),
        incarnation,
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
    use stockstream_model::{Day, documents::DayTotals, event::Reason, settings::Span};

    const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000); // 2026-01-01
    const FIRST: FoldRules = FoldRules::FIRST;
    const CURRENT: FoldRules = FoldRules::checking(Span::from_millis(86_400_000));

    fn folded(stream: Stream, payloads: &[&str]) -> Range {
        folded_by(CURRENT, None, stream, payloads)
    }

    fn folded_by(rules: FoldRules, produced_at: Option<Timestamp>, stream: Stream, payloads: &[&str]) -> Range {
        let mut range = Range::default();
        let mut folder = Folder::new(&mut range, rules);
        for (offset, payload) in payloads.iter().enumerate() {
            let id = PartitionId { stream, partition: 0 };
            let record = Record { id, topic: "t", offset: offset as i64, produced_at, payload: payload.as_bytes() };
            folder.fold(&record, Timestamp::default());
        }
        drop(folder);
        range
    }

    #[test]
    fn every_line_of_an_invoice_counts_returns_included() {
        let range = folded(
            Stream::Sales,
            &[r#"{"invoice_id":"1","client_id":"c","timestamp":"2026-01-02T03:04:05Z","items":[
                {"product_id":"a","quantity":3,"unit_price":"2.50"},{"product_id":"b","quantity":1,"unit_price":10,"unit_cost":4},
                {"product_id":"a","quantity":-1,"unit_price":"2.50"}]}"#],
        );
        let (a, b) = (&range.products["a"], &range.products["b"]);
        assert_eq!(
            (a.sold().units, a.sold().revenue.to_string(), a.uncosted, a.sold().invoices),
            (2, "5".into(), 2, 1)
        );
        assert_eq!((b.sold().units, b.cost.to_string(), b.uncosted), (1, "4".into(), 0));
        let day: Day = "2026-01-02".parse().unwrap();
        assert_eq!((range.daily[&day].totals.units, range.daily[&day].totals.revenue.to_string()), (3, "15".into()));
        assert_eq!((range.clients["c"].invoices, range.clients["c"].revenue.to_string()), (1, "15".into()));
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
        let range = folded(Stream::Sales, &RETURNS);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (first, mixed) = (at("2026-01-02"), at("2026-01-05"));
        let product = |name: &str| {
            let change = &range.products[name];
            let DayTotals { invoices, units, revenue, .. } = change.sold();
            (change.sales, invoices, units, revenue.to_string())
        };
        assert_eq!(product("a"), (Some((first, first)), 1, 1, "2".into()));
        assert_eq!(product("b"), (Some((mixed, mixed)), 1, 1, "10".into()));
        assert_eq!(product("x"), (None, 0, -4, "-4".into()));
        let client = &range.clients["c"];
        assert_eq!((client.invoices, client.last_purchase, client.revenue.to_string()), (2, Some(mixed), "8".into()));
        let invoices: Vec<_> = range.daily.values().map(|day| (day.totals.invoices, day.totals.units)).collect();
        assert_eq!(invoices, [(1, 3), (1, 0), (0, -5)]);
        assert_eq!(range.latest_event, Some(at("2026-01-09")), "it happened all the same");
    }

    #[test]
    fn by_the_first_rules_a_return_is_a_sale_and_times_may_lie_ahead() {
        let range = folded_by(FIRST, Some(NOW), Stream::Sales, &RETURNS);
        let (a, x) = (&range.products["a"], &range.products["x"]);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!((a.sales, a.sold().invoices), (Some((at("2026-01-02"), at("2026-01-09"))), 3));
        assert_eq!((x.sales, x.sold().invoices), (Some((at("2026-01-09"), at("2026-01-09"))), 1));
        assert_eq!((range.clients["c"].invoices, range.clients["c"].last_purchase), (3, Some(at("2026-01-09"))));
        assert!(range.daily.values().all(|day| day.totals.invoices == 1));
        assert_eq!((range.events, range.rejected), (3, 0));
    }

    #[test]
    fn an_event_from_the_future_is_rejected_whole_and_without_a_kafka_timestamp_it_is_not_known() {
        let ahead = [
            (
                Stream::Sales,
                r#"{"invoice_id":1,"timestamp":"9206-01-01","items":[{"product_id":"a","quantity":3,"unit_price":2}]}"#,
                "timestamp",
            ),
            (Stream::Inventory, r#"{"product_id":"a","quantity":3,"last_movement":"2206-01-01"}"#, "last_movement"),
            (Stream::Clients, r#"{"client_id":"c","updated_at":"2026-01-02T00:00:00.001Z"}"#, "updated_at"),
        ];
        for (stream, payload, path) in ahead {
            let range = folded_by(CURRENT, Some(NOW), stream, &[payload]);
            assert_eq!((range.events, range.rejected, range.latest_event, range.keys()), (1, 1, None, 1));
            assert_eq!((range.rejections[0].reason, range.rejections[0].path.as_str()), (Reason::Future, path));
            assert_eq!(folded_by(CURRENT, None, stream, &[payload]).rejected, 0);
            assert_eq!(folded_by(FoldRules::default(), Some(NOW), stream, &[payload]).rejected, 0);
        }
        let mut range = Range::default();
        let (mut held, id) = (Vec::new(), PartitionId { stream: Stream::Sales, partition: 0 });
        let record = Record { id, topic: "t", offset: 0, produced_at: Some(NOW), payload: ahead[0].1.as_bytes() };
        let rejection = Folder::new(&mut range, CURRENT).hold(&mut held, &record, NOW).unwrap();
        assert_eq!((rejection.reason, held.len(), range.rejected), (Reason::Future, 0, 1), "it takes no invoice");
    }

    #[test]
    fn unpriced_units_stay_counts_and_the_stated_total_is_the_amount() {
        let range = folded(
            Stream::Sales,
            &[
                r#"{"invoice_id":"1","timestamp":"2026-01-02","total_amount":99,"items":[{"product_id":"a","quantity":3}]}"#,
            ],
        );
        let a = &range.products["a"];
        assert_eq!((a.sold().units, a.sold().unpriced, a.sold().revenue.units()), (3, 3, 0));
        assert_eq!(range.daily.values().next().unwrap().totals.revenue.to_string(), "99");
    }

    #[test]
    fn one_bad_line_rejects_the_whole_event_and_touches_nothing_else() {
        let range = folded(
            Stream::Sales,
            &[r#"{"invoice_id":"1","client_id":"c","timestamp":"2026-01-02","items":[
                {"product_id":"a","quantity":3,"unit_price":1},{"product_id":"b","quantity":0,"unit_price":1}]}"#],
        );
        assert!(range.products.is_empty() && range.clients.is_empty() && range.daily.is_empty());
        assert_eq!((range.events, range.rejected, range.end), (1, 1, 1));
        assert_eq!(range.rejections[0].path, "items[1].quantity");
    }

    #[test]
    fn the_latest_record_wins_in_any_order() {
        let (old, new) = (
            r#"{"product_id":"a","quantity":5,"name":"old","updated_at":"2026-01-01"}"#,
            r#"{"product_id":"a","quantity":7,"name":"new","updated_at":"2026-01-02"}"#,
        );
        for payloads in [[old, new], [new, old]] {
            let range = folded(Stream::Inventory, &payloads);
            let stock = range.products["a"].stock.as_ref().unwrap();
            assert_eq!((stock.sum, stock.count, stock.record.name.as_deref()), (12, 2, Some("new")));
            assert_eq!(range.inventory[&("a".to_owned(), None)].record.quantity, 7);
        }
    }
}
