//! Ids that look alike. Nothing is taken from an id and none is taken for another: what a person may not see is named.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    hash::{BuildHasher, Hash, Hasher, RandomState},
};

use stockstream_model::event::{EventKind, decode_client, decode_inventory, decode_sale};

use crate::{
    OutboundEvent,
    import::{plan::Plan, summary::SimilarIds},
};

/// The ids that look alike among the events of records and the invoice lines of a file.
pub(super) fn find(records: &[OutboundEvent], lines: Option<&Plan>) -> Vec<SimilarIds> {
    let [invoices, mut products, mut clients] = of_events(records);
    // There may be many invoices: those of lines are not copied.
    let of_lines = || lines.into_iter().flat_map(|plan| plan.invoices.keys());
    let mut found = among("invoice_id", || invoices.iter().chain(of_lines()).map(String::as_str));
    if let Some(plan) = lines {
        products.extend(plan.products.iter().map(|product| product.id.as_str().to_owned()));
        clients.extend(plan.clients.iter().cloned());
    }
    found.extend(among("product_id", || products.iter().map(String::as_str)));
    found.extend(among("client_id", || clients.iter().map(String::as_str)));
    found
}

/// The ids of invoices, products and clients.
fn of_events(events: &[OutboundEvent]) -> [BTreeSet<String>; 3] {
    let mut ids: [BTreeSet<String>; 3] = Default::default();
    let [invoices, products, clients] = &mut ids;
    for OutboundEvent { stream, payload, .. } in events {
        match stream {
            EventKind::Inventory => {
                let record = decode_inventory(payload).ok();
                products.extend(record.map(|record| record.product_id.as_str().to_owned()));
            }
            EventKind::Clients => {
                let record = decode_client(payload).ok();
                clients.extend(record.map(|record| record.client_id.as_str().to_owned()));
            }
            EventKind::Sales => {
                let Ok(sale) = decode_sale(payload) else { continue };
                invoices.insert(sale.invoice_id.as_str().to_owned());
                products.extend(sale.items.iter().map(|item| item.product_id.as_str().to_owned()));
                clients.extend(sale.client_id.map(|client| client.as_str().to_owned()));
            }
        }
    }
    ids
}

/// Ids that differ are given, each once. They are looked at twice, with eight bytes kept of each.
fn among<'a, I: Iterator<Item = &'a str>>(field: &'static str, ids: impl Fn() -> I) -> Vec<SimilarIds> {
    let state = RandomState::new();
    let hash = |id: &str| {
        let mut hasher = state.build_hasher();
        seen(id).for_each(|sign| sign.hash(&mut hasher));
        hasher.finish()
    };
    let (mut once, mut twice) = (HashSet::new(), HashSet::new());
    for id in ids() {
        let hash = hash(id);
        if !once.insert(hash) {
            twice.insert(hash);
        }
    }
    let mut groups: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for id in ids().filter(|id| is_misread(id) || twice.contains(&hash(id))) {
        groups.entry(seen(id).collect()).or_default().insert(id);
    }
    let is_told = |group: &BTreeSet<&str>| group.len() > 1 || group.iter().any(|id| is_misread(id));
    let told = groups.into_values().filter(is_told);
    told.map(|group| SimilarIds { field, ids: group.into_iter().map(str::to_owned).collect() }).collect()
}

/// What a person goes by when reading an id.
pub(super) fn seen(id: &str) -> impl Iterator<Item = char> {
    id.chars().filter(|sign| !sign.is_whitespace() && !is_hidden(*sign)).flat_map(char::to_lowercase)
}

/// Whether an id has spaces at its ends, spaces of another kind, or signs that are not seen.
fn is_misread(id: &str) -> bool {
    id.trim() != id || id.chars().any(|sign| is_hidden(sign) || sign.is_whitespace() && sign != ' ')
}

/// Signs without a width: control characters, joiners, marks of direction, the byte order mark.
fn is_hidden(sign: char) -> bool {
    sign.is_control() && !sign.is_whitespace()
        || matches!(sign, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(ids: &[&str]) -> Vec<Vec<String>> {
        among("product_id", || ids.iter().copied()).into_iter().map(|alike| alike.ids).collect()
    }

    #[test]
    fn ids_that_differ_in_case_or_spaces_alone_are_named_together() {
        let ids = ["B", "A1", " A1", "a1", "A 1", "A\u{a0}1", "A1\u{200b}", "BANK CHARGES", "c", "C", "7", "70"];
        assert_eq!(
            found(&ids),
            [vec![" A1", "A 1", "A1", "A1\u{200b}", "A\u{a0}1", "a1"], vec!["C", "c"]],
            "and nothing else"
        );
    }

    #[test]
    fn an_id_is_named_alone_where_it_does_not_look_like_what_it_is() {
        for id in [" A1", "A1 ", "A\u{a0}1", "A\u{200b}1", "\tA", "A\n"] {
            assert_eq!(found(&["B", id]), [vec![id]], "{id:?}");
        }
        for id in ["A1", "a 1", "é", "日本", "#1001", "a.b"] {
            assert!(found(&["B", id]).is_empty(), "{id:?}");
        }
    }
}
