//! The fields of the events, and the names that columns have for them.

use serde_json::Value;

/// A field of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in the event.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether an event without it is refused.
    pub needed: bool,
    /// Other names that columns have for it, as [`plain`] makes them.
    also: &'static [&'static str],
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An id.
    Id,
    /// Words.
    Text,
    /// A whole number.
    Whole,
    /// An amount of money.
    Money,
    /// A point in time, or a day.
    Time,
    /// A loyalty tier.
    Tier,
}

const fn field(name: &'static str, kind: Kind, also: &'static [&'static str]) -> Field {
    Field { name, kind, needed: false, also }
}

const fn needed(name: &'static str, kind: Kind, also: &'static [&'static str]) -> Field {
    Field { name, kind, needed: true, also }
}

/// Of a product and batch in stock.
pub const PRODUCT: &[Field] = &[
    needed("product_id", Kind::Id, &["id", "productno", "productcode", "stockcode", "sku"]),
    field("name", Kind::Text, &["productname", "description"]),
    field("category", Kind::Text, &["productcategory"]),
    field("buy_price", Kind::Money, &["purchaseprice", "cost", "unitcost"]),
    field("sell_price", Kind::Money, &["sellingprice", "price", "unitprice"]),
    field("min_margin_threshold", Kind::Money, &["minimummarginthreshold"]),
    needed("quantity", Kind::Whole, &["stockquantity", "stock", "qty"]),
    field("last_movement", Kind::Time, &["lastmovementdate"]),
    field("expiry_date", Kind::Time, &["expirydate", "expires"]),
    field("batch_no", Kind::Id, &["batchnumber", "batch"]),
    field("created_at", Kind::Time, &["created"]),
    field("updated_at", Kind::Time, &["updated"]),
];

/// Of a client.
pub const CLIENT: &[Field] = &[
    needed("client_id", Kind::Id, &["id", "clientno", "customerid", "customerno"]),
    field("name", Kind::Text, &["clientname", "customername"]),
    field("email", Kind::Text, &["emailaddress", "mail"]),
    field("phone", Kind::Text, &["phonenumber", "telephone"]),
    field("total_revenue_generated", Kind::Money, &["totalrevenue", "revenue"]),
    field("loyalty_tier", Kind::Tier, &["tier"]),
    field("updated_at", Kind::Time, &["updated"]),
];

/// Of an invoice, without its lines.
pub const SALE: &[Field] = &[
    needed("invoice_id", Kind::Id, &["id", "invoiceno", "invoicenumber"]),
    field("client_id", Kind::Id, &["clientno", "customerid", "customerno"]),
    needed("timestamp", Kind::Time, &["invoicedate", "date", "saledate"]),
    field("total_amount", Kind::Money, &["total", "amount"]),
];

/// Of a line of an invoice.
pub const LINE: &[Field] = &[
    needed("product_id", Kind::Id, &["productno", "productcode", "stockcode", "sku"]),
    needed("quantity", Kind::Whole, &["qty"]),
    field("unit_price", Kind::Money, &["price", "sellingprice"]),
    field("unit_cost", Kind::Money, &["cost", "purchaseprice"]),
];

/// Whether some event has a field of that name.
pub fn known(name: &str) -> bool {
    [PRODUCT, CLIENT, SALE, LINE].into_iter().flatten().any(|field| field.name == name)
}

/// A name of a column or sheet without what people write differently: case, spaces, signs.
pub fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl Field {
    /// Whether a column of that name, which [`plain`] made, holds it.
    pub fn is_called(&self, name: &str) -> bool {
        plain(self.name) == name || self.also.contains(&name)
    }

    /// What counts of a cell or an input: of an id every sign, else what is between the spaces. Spaces alone are nothing.
    pub fn text<'a>(&self, written: &'a str) -> &'a str {
        let trimmed = written.trim();
        if self.kind == Kind::Id && !trimmed.is_empty() { written } else { trimmed }
    }

    /// What the event says where somebody wrote this. What is no number stays a text, for the decoder to refuse.
    pub fn value(&self, written: &str) -> Value {
        let text = self.text(written);
        match self.kind {
            Kind::Whole => whole(text).map_or_else(|| text.into(), Value::from),
            _ => text.into(),
        }
    }
}

/// What is wrong with a whole number that people of some countries write for a thousand times as much, as in `1.000`.
pub(crate) fn two_meanings(text: &str) -> Option<String> {
    let (whole, zeros) = text.split_once('.')?;
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let is_group = (1..=3).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    let is_meant = zeros == "000" && is_group && !digits.starts_with('0');
    is_meant.then(|| format!("{text:?} may mean {whole} or {whole}000: write it without a point"))
}

/// A whole number, also when a program wrote it as `6.0`.
fn whole(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let only_zeros = !fraction.is_empty() && fraction.bytes().all(|digit| digit == b'0');
    (only_zeros && two_meanings(text).is_none()).then(|| whole.parse().ok()).flatten()
}
