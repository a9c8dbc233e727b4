//! The commands of a worker's steps, as a relay sees them.

use bson::Document;
use stockstream_relay::Request;

/// A command of a step.
pub(crate) struct Place {
    pub name: &'static str,
    pub is: fn(&Request) -> bool,
}

fn first(request: &Request, list: &str) -> Option<Document> {
    request.body().get_array(list).ok()?.first()?.as_document().cloned()
}

/// Whether it opens a claim, or completes one.
fn moves(request: &Request, claims: bool) -> bool {
    let opens = |update: &Document| {
        let set = update.get_document("u").ok()?.get_document("$set").ok()?;
        let (_, open) = set.iter().find(|(field, _)| field.starts_with("lanes.") && field.ends_with(".open"))?;
        open.as_bool()
    };
    request.is("update", "positions") && first(request, "updates").as_ref().and_then(opens) == Some(claims)
}

fn sweeps(request: &Request, collection: &str) -> bool {
    let is_stale = |update: &Document| update.get_document("q").is_ok_and(|filter| filter.contains_key("g"));
    request.is("update", collection) && first(request, "updates").as_ref().is_some_and(is_stale)
}

fn looks_for_keys(request: &Request) -> bool {
    let by_key = |body: &Document| body.get_document("filter").is_ok_and(|filter| filter.contains_key("_id"));
    request.is("find", "products") && by_key(&request.body())
}

/// Of a flush, and of what goes on beside it or follows it.
pub(crate) const FLUSH: [Place; 16] = [
    Place { name: "claim", is: |request| moves(request, true) },
    Place { name: "take invoices", is: |request| request.is("insert", "invoices") },
    Place { name: "apply products", is: |request| request.is("update", "products") && !sweeps(request, "products") },
    Place { name: "look at marks", is: looks_for_keys },
    Place { name: "insert products", is: |request| request.is("insert", "products") },
    Place { name: "apply stock", is: |request| request.is("update", "inventory") },
    Place { name: "apply clients", is: |request| request.is("update", "clients") && !sweeps(request, "clients") },
    Place { name: "apply days", is: |request| request.is("update", "sales_daily") },
    Place { name: "keep rejected events", is: |request| request.is("insert", "rejected_events") },
    Place { name: "complete", is: |request| moves(request, false) },
    Place { name: "publish: views", is: |request| request.is("update", "views") },
    Place { name: "publish: ranking", is: |request| request.is("update", "product_winners") },
    Place { name: "publish: old ranking", is: |request| request.is("delete", "product_winners") },
    Place { name: "publish: stock at risk", is: |request| request.is("update", "loss_risk_products") },
    Place { name: "heartbeat", is: |request| request.is("update", "workers") },
    Place { name: "forget invoices", is: |request| request.is("delete", "invoices") },
];

/// Of a sweep.
pub(crate) const SWEEP: [Place; 2] = [
    Place { name: "sweep products", is: |request| sweeps(request, "products") },
    Place { name: "sweep clients", is: |request| sweeps(request, "clients") },
];

/// Whether it updates or reads products by a field.
fn names(request: &Request, field: &str) -> bool {
    let filter = match request.command() {
        "find" => request.body().get_document("filter").ok().cloned(),
        _ => first(request, "updates").and_then(|update| update.get_document("q").ok().cloned()),
    };
    request.collection() == "products" && filter.is_some_and(|filter| filter.contains_key(field))
}

/// Of a move of days.
pub(crate) const MOVE: [Place; 6] = [
    Place {
        name: "look for crowded products",
        is: |request| request.is("find", "products") && names(request, "crowded"),
    },
    Place { name: "freeze days", is: |request| request.is("update", "products") && names(request, "moves") },
    Place { name: "read what is frozen", is: |request| request.is("find", "products") && names(request, "moving") },
    Place { name: "add to blocks", is: |request| request.is("update", "product_days") },
    Place { name: "delete blocks", is: |request| request.is("delete", "product_days") },
    Place {
        name: "finish the move",
        is: |request| request.is("update", "products") && names(request, "moving.number"),
    },
];
