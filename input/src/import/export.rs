//! Lists that Stockstream itself exported: what stands in them was computed from events, and would be counted again.

use std::path::Path;

use super::error::{ExportedSnafu, ImportError, place};
use crate::entry::plain;

/// Columns that only our views have, and that are computed; as [`plain`] makes them.
const COMPUTED: [&str; 12] = [
    "eligiblepromo",
    "totalprofit",
    "performancescore",
    "salesvelocity",
    "stockturnover",
    "isdeadstock",
    "riskcategory",
    "potentiallossamount",
    "potentialprofitloss",
    "dayssincelastmovement",
    "analysistimestamp",
    "analysissource",
];
/// Columns of the view of clients that other lists may have too.
const OF_CLIENTS: [&str; 2] = ["invoices", "lastpurchasedate"];
/// What a client's record says of figures: the view computes both from the invoices.
const FIGURES: [&str; 5] = ["totalrevenuegenerated", "totalrevenue", "revenue", "loyaltytier", "tier"];
/// Names of the views, and of the sheets that they are exported to.
const SHEETS: [&str; 5] =
    ["productwinners", "lossriskproducts", "productwinnersexport", "lossriskproductsexport", "clientsexport"];

/// Why a header is refused, if it is that of a list which Stockstream exported.
pub(super) fn refused(path: &Path, sheet: Option<&str>, header: &[String]) -> Option<ImportError> {
    let place = place(path, sheet);
    let sign = match sheet {
        Some(sheet) if SHEETS.contains(&plain(sheet).as_str()) => sheet,
        _ => sign(header)?,
    };
    Some(ExportedSnafu { place, sign }.build())
}

/// The column that shows it. Of clients, a list without figures to count again may come back.
fn sign(header: &[String]) -> Option<&String> {
    let has = |names: &[&str]| header.iter().find(|column| names.contains(&plain(column).as_str()));
    let of_clients = has(&["clientid"]).is_some();
    if of_clients && has(&FIGURES).is_none() {
        return None;
    }
    has(&COMPUTED).or_else(|| has(&OF_CLIENTS).filter(|_| of_clients))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(sheet: Option<&str>, header: &str) -> bool {
        let header: Vec<_> = header.split(',').map(str::to_owned).collect();
        refused(Path::new("x.xlsx"), sheet, &header).is_some()
    }

    #[test]
    fn a_view_is_known_by_what_was_computed() {
        for (sheet, header) in [
            (Some("clients"), "client_id,name,loyalty_tier,total_revenue_generated,invoices,eligible_promo"),
            (Some("Clients"), "client_id,name,total_revenue_generated,last_purchase_date"),
            (Some("clients export"), "client_id,name,total_revenue_generated"),
            (Some("product-winners"), "product_id,product_name"),
            (Some("Products"), "product_id,stock_quantity,risk_category"),
            (None, "ranking,product_id,total_profit"),
        ] {
            assert!(is_refused(sheet, header), "{header}");
        }
        for (sheet, header) in [
            (Some("Clients"), "client_id,name,loyalty_tier,total_revenue_generated"),
            (Some("clients"), "client_id,name,email,invoices,last_purchase_date,eligible_promo"),
            (Some("Products"), "product_id,quantity,category"),
            (None, "InvoiceNo,StockCode"),
        ] {
            assert!(!is_refused(sheet, header), "{header}");
        }
    }
}
