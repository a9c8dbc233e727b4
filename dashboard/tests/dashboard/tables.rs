//! What a reader searches, filters, orders, pages and takes along.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::common::{Fake, Fault, get};

/// The pages that have tables to select from.
const LISTS: [&str; 3] = ["/product-winners", "/loss-risk-products", "/clients"];

/// What stands in the heads of the rows, in order.
fn heads(body: &str) -> Vec<&str> {
    let cells = body.split("<th scope=\"row\"").skip(1);
    cells.map(|cell| cell.split_once("id=").unwrap().1.split_once('"').unwrap().0).collect()
}

async fn page(path: &str) -> String {
    let page = get(Fake::loaded(), path).await;
    assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
    page.body
}

#[tokio::test]
async fn a_search_finds_names_and_ids_and_says_when_nothing_matches() {
    assert_eq!(heads(&page("/clients?q=14007").await), ["14007"]);
    let named = page("/clients?q=client+7+SONS").await;
    assert!(heads(&named).contains(&"14007") && !heads(&named).contains(&"14001"));
    for (path, nothing) in [("/clients?q=.*", "No client is"), ("/loss-risk-products?q=%24where", "No batch is")] {
        let body = page(path).await;
        assert!(body.contains("Nothing matches") && body.contains(nothing) && !body.contains("<table"), "{path}");
        assert!(body.contains(">Clear search and filters</a>"), "{path}");
    }
    let evil = page("/clients?q=%22%3E%3Cscript%3E").await;
    assert!(!evil.contains("<script>") && evil.contains("value=\"&#34;&#62;&#60;script&#62;\""));
}

#[tokio::test]
async fn a_search_that_did_not_look_at_everything_says_so() {
    let fake = Fake { searched: Some(20_000), ..Fake::loaded() };
    let body = get(fake.clone(), "/clients?q=sons").await.body;
    assert!(body.contains("Not everything was looked at") && body.contains("only the first 20,000"));
    assert_eq!(get(fake, "/api/v1/clients?q=sons").await.json()["searched"], 20_000);
    assert!(!page("/clients?q=sons").await.contains("Not everything"));
    assert!(get(Fake::loaded(), "/api/v1/clients?q=sons").await.json().get("searched").is_none());
}

#[tokio::test]
async fn filters_leave_out_what_does_not_fit_and_can_be_removed_one_by_one() {
    let gold = page("/clients?loyalty_tier=Gold&invoices_min=500").await;
    assert_eq!(heads(&gold), ["14001", "14002", "14003", "14004"]);
    assert!(gold.contains("Remove the filter </span>Tier: Gold "));
    assert!(
        gold.contains("href=\"/clients?invoices_min=500\"") && gold.contains("href=\"/clients?loyalty_tier=Gold\"")
    );
    assert!(gold.contains("value=\"Gold\" checked") && !gold.contains("value=\"Silver\" checked"));
    let risks = page("/loss-risk-products?risk_category=Expired&risk_category=Dead+Stock&stock_quantity_max=50").await;
    assert!(risks.contains(">Expired</span>") && !risks.contains("<span class=\"tag warn\">Expiring Soon</span>"));
    let dead = page("/product-winners?is_dead_stock=true").await;
    assert_eq!(heads(&dead).len(), 2);
    assert_eq!(heads(&page("/clients?eligible_promo=true").await).len(), 27);
    assert_eq!(heads(&page("/product-winners?product_category=Home+decoration&total_profit_min=20000").await).len(), 3);
}

#[tokio::test]
async fn a_click_on_a_title_orders_by_it_and_another_turns_it_round() {
    let first = page("/clients?q=sons").await;
    let header = |body: &str, title: &str| {
        let heads = body.split("<th scope=\"col\"").skip(1);
        heads.map(|head| head.split_once("</th>").unwrap().0.to_owned()).find(|head| head.contains(title)).unwrap()
    };
    assert!(header(&first, "Revenue").contains("aria-sort=\"descending\""));
    assert_eq!(first.matches("aria-sort").count(), 1);
    let invoices = header(&first, "Invoices");
    assert!(invoices.contains("href=\"/clients?q=sons&#38;sort=-invoices&#38;per_page=50\""), "{invoices}");
    let ordered = page("/clients?q=sons&sort=-invoices").await;
    assert!(header(&ordered, "Invoices").contains("aria-sort=\"descending\""));
    assert!(header(&ordered, "Invoices").contains("sort=invoices&#38;"));
    for list in LISTS {
        let body = page(list).await;
        assert_eq!(body.matches("aria-sort").count(), 1, "{list}");
        assert_eq!(body.matches("<th scope=\"col\"").count(), body.matches("class=\"arrow\"").count(), "{list}");
    }
    let ascending = page("/loss-risk-products?sort=stock_quantity&per_page=500").await;
    let descending = page("/loss-risk-products?sort=-stock_quantity&per_page=500").await;
    assert!(heads(&ascending).iter().rev().eq(heads(&descending).iter()));
}

#[tokio::test]
async fn tiers_are_ordered_by_rank() {
    let body = page("/clients?sort=loyalty_tier&per_page=500").await;
    let tags: Vec<_> = body.split("<span class=\"tag ").skip(1).map(|tag| tag.split_once('"').unwrap().0).collect();
    let tiers: Vec<_> = tags.into_iter().filter(|tag| ["bronze", "silver", "gold"].contains(tag)).collect();
    assert!(tiers.is_sorted_by_key(|tier| ["bronze", "silver", "gold"].iter().position(|one| one == tier)));
}

#[tokio::test]
async fn columns_are_those_that_were_chosen_and_stay_so() {
    let body = page("/product-winners?columns=average_roi_pct&columns=total_cost").await;
    assert_eq!(body.matches("<th scope=\"col\"").count(), 3);
    for part in ["Return %", ">Cost<", "columns=average_roi_pct%2Ctotal_cost", "REGENCY CAKESTAND"] {
        assert!(body.contains(part), "{part}");
    }
    assert!(!body.contains(">Turnover<svg"));
    // A form sends all that is shown anyway: that is nothing said.
    let said = "sort=-total_revenue_generated&columns=loyalty_tier&columns=total_revenue_generated&columns=invoices\
                &columns=eligible_promo&columns=last_purchase_date&columns=email&columns=phone";
    let shown = |page: String| page.split_once("<main").unwrap().1.split_once("</main>").unwrap().0.to_owned();
    assert_eq!(shown(page(&format!("/clients?{said}")).await), shown(page("/clients").await));
}

#[tokio::test]
async fn pages_keep_what_was_said() {
    let body = page("/clients?q=sons&sort=name&per_page=25&page=2").await;
    assert!(body.contains("26\u{2013}50 of 80 clients") && body.contains("Page 2 of 4"));
    assert!(body.contains("rel=\"next\" href=\"/clients?q=sons&#38;sort=name&#38;page=3&#38;per_page=25\""));
    assert!(body.contains("<option selected>25</option>"));
    let beyond = page("/clients?q=sons&page=9").await;
    assert!(beyond.contains("The list ends with page 2") && beyond.contains("/clients?q=sons&#38;page=2"));
}

#[tokio::test]
async fn a_form_works_without_a_script_and_every_input_has_a_name_for_people() {
    for list in LISTS {
        let body = page(list).await;
        assert!(body.contains(&format!("method=\"get\" action=\"{list}\"")), "{list}");
        assert!(!body.contains("<script>") && !body.contains(" style=") && !body.contains(" onclick"), "{list}");
        let inputs = body.split("<input").skip(1).map(|input| input.split_once('>').unwrap().0);
        for input in inputs.filter(|input| !input.contains("type=\"checkbox\"")) {
            let id = input.split_once(" id=\"").map(|(_, id)| id.split_once('"').unwrap().0);
            let labelled = id.is_some_and(|id| body.contains(&format!("<label for=\"{id}\"")));
            assert!(labelled || input.contains("aria-label="), "{list}: {input}");
        }
        let ids: Vec<_> = body.split(" id=\"").skip(1).map(|id| id.split_once('"').unwrap().0).collect();
        let mut unique = ids.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(ids.len(), unique.len(), "{list}: {ids:?}");
    }
}

#[tokio::test]
async fn figures_are_of_all_that_is_selected_and_bars_have_their_numbers() {
    let winners = page("/product-winners").await;
    for part in
        ["Top performer", "WHITE HANGING HEART", "Mean margin", "49.69 %", "Mean return", "Dead stock", "Profit of the"]
    {
        assert!(winners.contains(part), "{part}");
    }
    let risks = page("/loss-risk-products?per_page=1").await;
    for part in ["Potential loss", "Mean loss", "Potential loss by category", "Batches by category", ">44<", ">43<"] {
        assert!(risks.contains(part), "{part}");
    }
    let clients = page("/clients?loyalty_tier=Silver&per_page=1").await;
    for part in ["Mean per client", "Mean sale", "Clients by tier", "<span>20</span>", "<span>0</span>"] {
        assert!(clients.contains(part), "{part}");
    }
    for body in [winners, risks, clients] {
        assert!(body.contains("<svg class=\"gauge\"") && !body.contains("NaN"));
        assert_eq!(body.matches("<svg class=\"gauge\"").count(), body.matches("aria-hidden=\"true\"><rect").count());
    }
}

#[tokio::test]
async fn what_cannot_be_said_is_a_page_or_a_problem_that_names_it() {
    for (list, said, parameter) in [
        ("/clients", "sort=%24where", "sort"),
        ("/clients", "loyalty_tier=gold", "loyalty_tier"),
        ("/loss-risk-products", "potential_loss_amount_min=much", "potential_loss_amount_min"),
        ("/loss-risk-products", "expiry_date_max=2026-02-30", "expiry_date_max"),
        ("/product-winners", "is_dead_stock=maybe", "is_dead_stock"),
        ("/product-winners", "columns=secret", "columns"),
        ("/product-winners", "page=0", "page"),
    ] {
        let page = get(Fake::loaded(), &format!("{list}?{said}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{said}");
        assert!(page.body.contains(&format!("The parameter {parameter} is")), "{said}");
        let problem = get(Fake::loaded(), &format!("/api/v1{list}?{said}")).await;
        assert_eq!(
            (problem.status, &problem.json()["parameter"]),
            (StatusCode::BAD_REQUEST, &json!(parameter)),
            "{said}"
        );
        assert_eq!(get(Fake::loaded(), &format!("/export{list}/csv?{said}")).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn programs_get_the_same_selection_with_stable_names() {
    let list =
        get(Fake::loaded(), "/api/v1/clients?loyalty_tier=Gold&sort=invoices&columns=invoices,client_id&per_page=2")
            .await
            .json();
    assert_eq!(
        list["items"],
        json!([{"invoices": 233, "client_id": "14009"}, {"invoices": 262, "client_id": "14008"}])
    );
    assert_eq!((&list["total"], &list["per_page"]), (&json!(9), &json!(2)));
    let whole = get(Fake::loaded(), "/api/v1/product-winners?q=22423").await.json();
    assert_eq!(whole["items"][0].as_object().unwrap().len(), 22);
}

#[tokio::test]
async fn files_have_exactly_what_is_selected_in_its_order_and_columns() {
    let said = "loyalty_tier=Gold&sort=invoices&columns=invoices&page=2&per_page=3";
    let file = get(Fake::loaded(), &format!("/export/clients/csv?{said}")).await;
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    let name = file.header("content-disposition");
    assert!(name.starts_with("attachment; filename=\"clients-") && name.ends_with(".csv\""), "{name}");
    let lines: Vec<_> = file.body.split("\r\n").collect();
    assert_eq!(lines.len(), 11, "a line of names, nine of rows, and the end");
    assert_eq!((lines[0], lines[1], lines[9]), ("client_id,name,invoices", "14009,,233", "14001,Client 1 & Sons,2100"));
    let json: Value = get(Fake::loaded(), &format!("/export/clients/json?{said}")).await.json();
    assert_eq!(json.as_array().unwrap().len(), 9);
    assert_eq!(json[0], json!({"client_id": "14009", "name": null, "invoices": 233}));
    let page = page(&format!("/clients?{said}")).await;
    for kind in ["csv", "json", "xlsx"] {
        let link = format!(
            "href=\"/export/clients/{kind}?loyalty_tier=Gold&#38;sort=invoices&#38;columns=invoices\" download"
        );
        assert!(page.contains(&link), "{kind}");
    }
    for path in ["/export/clients/exe", "/export/clients", "/export/nothing/csv"] {
        assert_eq!(get(Fake::loaded(), path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_name_that_looks_like_a_formula_stays_a_name() {
    let mut fake = Fake::loaded();
    fake.clients.truncate(1);
    fake.clients[0].name = Some("=HYPERLINK(\"http://evil.example\")".into());
    fake.clients[0].email = Some("+1, \"x\"\n@y".into());
    fake.clients[0].total_revenue_generated = -5.25;
    let file = get(fake, "/export/clients/csv?columns=email,total_revenue_generated").await.body;
    let row = "14001,\"'=HYPERLINK(\"\"http://evil.example\"\")\",-5.25,\"'+1, \"\"x\"\"\n@y\"\r\n";
    assert!(file.ends_with(row), "{file}");
}

#[tokio::test]
async fn a_workbook_has_the_same_and_no_formula() {
    use std::io::{Cursor, Read};
    let mut fake = Fake::loaded();
    fake.clients[0].name = Some("=1+1".into());
    let file = crate::common::bytes(fake, "/export/clients/xlsx?loyalty_tier=Gold").await;
    let mut archive = zip::ZipArchive::new(Cursor::new(file)).unwrap();
    let mut text = |name: &str| {
        let mut text = String::new();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    };
    let (sheet, strings) = (text("xl/worksheets/sheet1.xml"), text("xl/sharedStrings.xml"));
    assert_eq!(sheet.matches("<row ").count(), 10);
    assert!(!sheet.contains("<f>") && strings.contains("<t>=1+1</t>") && strings.contains("<t>loyalty_tier</t>"));
    assert!(sheet.contains("<v>279489.02</v>") && sheet.contains("t=\"b\""));
}

#[tokio::test]
async fn more_rows_than_a_file_takes_are_refused_with_what_to_do() {
    let mut fake = Fake::loaded();
    fake.clients = (0..100_001).map(|_| fake.clients[0].clone()).collect();
    let answer = get(fake, "/export/clients/csv").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.body.contains("100,001 clients are too many") && answer.body.contains("filter the list first"));
}

#[tokio::test]
async fn a_product_has_a_page_that_explains_its_score() {
    assert!(page("/product-winners").await.contains("href=\"/product?id=22423\""));
    let body = page("/product?id=22423").await;
    // 0.5 · 24 + 0.3 · 3 − 0.2 · 21, the days from 2011-07-10 to 2011-07-31.
    for part in
        ["WHITE HANGING HEART", "12.00", "0.90", "\u{2212}4.20", "8.70", "rank 1", "to 2011-07-31", "B-7", "4,800"]
    {
        assert!(body.contains(part), "{part}");
    }
    let mut fake = Fake::loaded();
    fake.products[0].product.record = None;
    assert!(get(fake, "/product?id=22423").await.body.contains("It has no score: units of it were sold without"));
    for (path, status) in [("/product?id=nothing", 404), ("/product", 400), ("/product?id=%3Cscript%3E", 404)] {
        let answer = get(Fake::loaded(), path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert!(!answer.body.contains("<script>"));
    }
}

#[tokio::test]
async fn a_client_has_a_page_that_says_what_its_worth_is_made_of() {
    assert!(page("/clients").await.contains("href=\"/client?id=14001\""));
    let body = page("/client?id=14001").await;
    for part in
        ["Client 1 &#38; Sons", "279,489.02", "the record says Silver at least", "1,000.00", "500.00", "Mean sale"]
    {
        assert!(body.contains(part), "{part}");
    }
    assert_eq!(get(Fake::loaded(), "/client?id=nobody").await.status, StatusCode::NOT_FOUND);
    assert_eq!(get(Fake::loaded(), "/client").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_said_there_too() {
    for path in ["/product?id=22423", "/client?id=14001", "/export/clients/csv", "/export/product-winners/xlsx"] {
        let answer = get(Fake::faulty(Fault::Unreachable), path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
}
