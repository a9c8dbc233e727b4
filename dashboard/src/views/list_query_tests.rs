use stockstream_model::documents::{ClientRow, RiskRow, Row, Winner};

use super::*;
use crate::request::query::tests::parameters;

const ROWS: PerPage = PerPage { default: 50, max: 500 };

fn selection<R: ListView>(pairs: &[(&str, &str)]) -> ListQuery<R> {
    ListQuery::of(&parameters(pairs), ROWS).unwrap()
}

fn refused<R: ListView + std::fmt::Debug>(pairs: &[(&str, &str)]) -> BadParameter {
    ListQuery::<R>::of(&parameters(pairs), ROWS).unwrap_err()
}

#[test]
fn an_address_is_understood_and_written_again() {
    for (pairs, address) in [
        ([].as_slice(), "/clients"),
        (&[("q", "a&b"), ("sort", "-invoices")], "/clients?q=a%26b&sort=-invoices"),
        (&[("loyalty_tier", "Gold"), ("loyalty_tier", "Silver")], "/clients?loyalty_tier=Gold&loyalty_tier=Silver"),
        (&[("eligible_promo", "false")], "/clients?eligible_promo=false"),
        (
            &[("total_revenue_generated_min", "-1.5"), ("total_revenue_generated_max", "1e3")],
            "/clients?total_revenue_generated_min=-1.5&total_revenue_generated_max=1000",
        ),
        (
            &[("last_purchase_date_min", "2026-01-01"), ("last_purchase_date_max", "2026-01-01")],
            "/clients?last_purchase_date_min=2026-01-01&last_purchase_date_max=2026-01-01",
        ),
        (&[("columns", "email"), ("columns", "phone,email")], "/clients?columns=email%2Cphone"),
        (&[("q", ""), ("sort", ""), ("invoices_min", ""), ("unknown", "x")], "/clients"),
    ] {
        assert_eq!(selection::<ClientRow>(pairs).address().to_string(), address);
    }
}

#[test]
fn a_day_that_ends_a_range_is_in_it_whole() {
    let Test::Within(from, to) =
        &selection::<ClientRow>(&[("last_purchase_date_min", "2026-01-01"), ("last_purchase_date_max", "2026-01-02")])
            .select
            .filters[0]
            .test
            .clone()
    else {
        panic!("no range of times")
    };
    assert_eq!(to.unwrap().millis() - from.unwrap().millis(), 2 * 86_400_000 - 1);
}

#[test]
fn what_cannot_be_used_is_named_with_what_is_allowed() {
    for (pairs, parameter, allowed) in [
        ([("q", "a\u{7}b")].as_slice(), "q", "at most 100 characters"),
        (&[("q", &"x".repeat(101))], "q", "at most 100 characters"),
        (&[("sort", "$where")], "sort", "client_id, name, email"),
        (&[("sort", "--invoices")], "sort", "client_id, name, email"),
        (&[("columns", "name,passwords")], "columns", "client_id, name, email"),
        (&[("loyalty_tier", "gold")], "loyalty_tier", "Bronze, Silver, Gold"),
        (&[("eligible_promo", "yes")], "eligible_promo", "true or false"),
        (&[("invoices_min", "many")], "invoices_min", "a number such as"),
        (&[("invoices_min", "NaN")], "invoices_min", "a number such as"),
        (&[("invoices_min", "3"), ("invoices_max", "2")], "invoices_min", "a number up to 2, which invoices_max says"),
        (&[("last_purchase_date_max", "soon")], "last_purchase_date_max", "a day such as"),
        (
            &[("last_purchase_date_min", "2026-01-02"), ("last_purchase_date_max", "2026-01-01")],
            "last_purchase_date_min",
            "a day up to 2026-01-01",
        ),
        (&[("per_page", "501")], "per_page", "from 1 to 500"),
    ] {
        let bad = refused::<ClientRow>(pairs);
        assert_eq!(bad.parameter, parameter, "{pairs:?}");
        assert!(bad.allowed.contains(allowed), "{pairs:?}: {}", bad.allowed);
    }
    let many: Vec<_> = (0..51).map(|_| ("product_category", "x")).collect();
    assert_eq!(refused::<RiskRow>(&many).parameter, "product_category");
}

#[test]
fn chosen_columns_come_with_those_that_name_the_row() {
    let names = |selection: &ListQuery<Winner>| selection.fields().iter().map(|field| field.name).collect::<Vec<_>>();
    let chosen = selection(&[("columns", "total_cost,ranking")]);
    assert_eq!(names(&chosen), ["ranking", "product_id", "product_name", "product_category", "total_cost"]);
    assert!(
        names(&selection(&[])).contains(&"performance_score") && !names(&selection(&[])).contains(&"analysis_source")
    );
}

#[test]
fn neighbours_keep_what_was_said() {
    let here = selection::<ClientRow>(&[("q", "x"), ("loyalty_tier", "Gold"), ("page", "3"), ("per_page", "20")]);
    assert_eq!(here.address_of_page(4).to_string(), "/clients?q=x&loyalty_tier=Gold&page=4&per_page=20");
    assert_eq!(here.address_without(Some("loyalty_tier")).to_string(), "/clients?q=x");
    assert_eq!(here.address_of_all().to_string(), "/clients");
    let order = Order { field: ClientRow::field("name").unwrap(), descending: false };
    assert_eq!(here.address_by(order).to_string(), "/clients?q=x&loyalty_tier=Gold&sort=name&per_page=20");
}
