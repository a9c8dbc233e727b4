//! Events as a shop would send them.

use serde_json::{Value, json};

/// A sale of one product at a price.
pub fn sale(invoice: &str, day: &str, product: &str, quantity: i64, price: &str) -> Value {
    let items = json!([{ "product_id": product, "quantity": quantity, "unit_price": price }]);
    json!({ "invoice_id": invoice, "client_id": "c1", "timestamp": day, "items": items })
}

/// A product's full record, bought for 1.00.
pub fn stock(product: &str, day: &str, quantity: i64) -> Value {
    json!({
        "product_id": product, "name": product, "buy_price": "1.00", "sell_price": "2.00",
        "quantity": quantity, "updated_at": day,
    })
}
