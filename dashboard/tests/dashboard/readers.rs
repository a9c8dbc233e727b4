//! What readers choose: language, light or dark, a screen on a wall, a range of days; and what they see when the
//! database is away.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use stockstream_dashboard::router;
use stockstream_model::documents::DailyRow;
use tower::ServiceExt;

use crate::common::{Answer, Fake, Fault, PAGES, changing::Changing, get, options, send};

async fn with(path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers
        .iter()
        .fold(Request::get(path).header("host", "localhost"), |request, (name, value)| request.header(*name, *value));
    send(Fake::loaded(), options(), request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn numbers_dates_and_texts_are_in_the_language_of_the_reader() {
    for (language, parts) in [
        (
            "fr",
            ["<html lang=\"fr\"", "81\u{202f}234,57", "31/07/2011", "Meilleurs produits</h1>", "Chiffre d’affaires"],
        ),
        ("de", ["<html lang=\"de\"", "81.234,57", "31.07.2011", "Beste Produkte</h1>", "Umsatz"]),
        ("en", ["<html lang=\"en\"", "81,234.57", "2011-07-31", "Product winners</h1>", "Revenue"]),
    ] {
        let said = with(&format!("/product-winners?lang={language}"), &[("accept-language", "es")]).await;
        let kept = with("/product-winners", &[("cookie", &format!("a=b; lang={language}"))]).await;
        let preferred = with("/product-winners", &[("accept-language", &format!("{language}-XX, es;q=0.5"))]).await;
        for (page, how) in [(&said, "said"), (&kept, "kept"), (&preferred, "preferred")] {
            for part in parts {
                assert!(page.body.contains(part), "{language} {how}: {part}");
            }
            assert_eq!(page.header("vary"), "Accept-Language, Cookie");
        }
        assert!(said.header("set-cookie").starts_with(&format!("lang={language};")), "{language}");
        assert_eq!((kept.header("set-cookie"), preferred.header("set-cookie")), ("", ""));
    }
}

#[tokio::test]
async fn the_data_of_the_shop_and_of_programs_is_never_translated() {
    let mut fake = Fake::loaded();
    fake.winners[0].product_name = Some("Revenue".into());
    let request = |path: &str| Request::get(path).header("host", "localhost").header("accept-language", "fr");
    let page = send(fake, options(), request("/product-winners").body(Body::empty()).unwrap()).await;
    assert!(page.body.contains(">Revenue</a>"));
    let json = send(Fake::loaded(), options(), request("/api/v1/product-winners").body(Body::empty()).unwrap()).await;
    assert!(json.body.contains("\"total_profit\":81234.565") && !json.header("vary").contains("anguage"));
    let csv = send(Fake::loaded(), options(), request("/export/clients/csv").body(Body::empty()).unwrap()).await;
    assert!(csv.body.contains("279489.02"));
}

#[tokio::test]
async fn every_page_is_there_in_every_language_and_for_a_wall_screen() {
    for path in PAGES.into_iter().chain(["/product?id=22423", "/client?id=14001", "/nothing"]) {
        for language in ["en", "fr", "de"] {
            let sign = if path.contains('?') { '&' } else { '?' };
            let page = get(Fake::loaded(), &format!("{path}{sign}lang={language}&kiosk=1&theme=dark")).await;
            let head = format!("<html lang=\"{language}\" data-theme=\"dark\">");
            assert!(page.body.contains(&head) && page.body.contains("<body class=\"kiosk\">"), "{path} {language}");
            assert!(page.body.contains("<noscript><meta http-equiv=\"refresh\" content=\"30\">"), "{path} {language}");
        }
    }
}

#[tokio::test]
async fn light_or_dark_is_kept_without_a_script() {
    let page = with("/clients?q=a%26b&theme=dark", &[]).await;
    assert!(page.header("set-cookie").starts_with("theme=dark; Path=/; Max-Age=31536000; SameSite=Lax"));
    // The other choices keep what was asked for.
    assert!(page.body.contains("href=\"/clients?q=a%26b&#38;theme=light\""));
    assert!(with("/clients", &[("cookie", "theme=light")]).await.body.contains("data-theme=\"light\""));
    assert!(with("/clients", &[("cookie", "theme=\"><script>")]).await.body.contains("data-theme=\"system\""));
}

fn year() -> Fake {
    let first = "2010-08-01".parse::<stockstream_model::Day>().unwrap().number();
    let day = |number: i32| {
        let day = stockstream_model::Day::from_number(first + number);
        DailyRow { day, invoices: 2, units: 10, revenue: f64::from(number) }
    };
    Fake { days: (0..365).filter(|number| number % 7 != 6).map(day).collect(), ..Fake::loaded() }
}

#[tokio::test]
async fn sales_are_drawn_over_the_range_that_the_reader_chooses() {
    for (range, bars, first) in [
        ("", 90, "2011-05-03"),
        ("?range=7d", 7, "2011-07-25"),
        ("?range=1y", 53, "2010-07-26"),
        ("?range=all", 53, "2010-07-26"),
        ("?from=2011-01-01&to=2011-01-31", 31, "2011-01-01"),
    ] {
        let page = get(year(), &format!("/charts{range}")).await;
        assert_eq!(page.status, StatusCode::OK, "{range}");
        assert_eq!(page.body.matches("<svg role=\"img\"").count(), 3, "{range}");
        assert_eq!(page.body.matches("class=\"hit\"").count(), 3 * bars, "{range}");
        // The same numbers in a table, one row for each bar.
        assert_eq!(page.body.matches("<th scope=\"row\"").count(), bars, "{range}");
        assert!(page.body.contains(&format!("<title>{first}: ")), "{range}");
    }
    let week = get(year(), "/charts?range=7d").await.body;
    for part in ["Revenue", "2,164.00", "<title>2011-07-28: 361.00</title>", "<title>2011-07-30: 0</title>"] {
        assert!(week.contains(part), "{part}");
    }
    let bad = get(year(), "/charts?range=2w").await;
    assert!(bad.status == StatusCode::BAD_REQUEST && bad.body.contains("one of 7d, 30d, 90d, 1y, all"));
}

#[tokio::test]
async fn days_without_sales_say_where_there_are_some() {
    let page = get(year(), "/charts?until=today&range=7d").await.body;
    assert!(page.contains("No sales in these days") && page.contains("The last sale was on 2011-07-31."));
    assert!(get(Fake::default(), "/charts").await.body.contains("No sales yet"));
}

#[tokio::test]
async fn a_product_shows_its_sales_over_time() {
    let page = get(Fake::loaded(), "/product?id=22423").await.body;
    assert!(page.contains("Sales over time") && page.contains("<title>2011-07-10: 20.00</title>"));
    assert_eq!(page.matches("class=\"hit\"").count(), 3 * 10);
}

#[tokio::test]
async fn rejected_events_are_filtered_and_show_what_came() {
    let all = get(Fake::loaded(), "/rejected-events").await.body;
    assert!(all.contains("12 events") && all.contains("<details><summary><code>"));
    let some = get(Fake::loaded(), "/rejected-events?reason=bad_value&topic=topic-raw-sales&partition=3").await.body;
    assert!(some.contains("1–4 of 4 events") && some.contains("<option selected>bad_value</option>"));
    let none = get(Fake::loaded(), "/rejected-events?partition=9").await.body;
    assert!(none.contains("Nothing matches") && none.contains("Clear the filters"));
    for (said, allowed) in [
        ("reason=bad", "one of empty, not_json"),
        ("partition=-1", "a whole number from 0"),
        ("from=2026-01-02&to=2026-01-01", "a day up to 2026-01-01"),
    ] {
        let page = get(Fake::loaded(), &format!("/rejected-events?{said}")).await;
        assert!(page.status == StatusCode::BAD_REQUEST && page.body.contains(allowed), "{said}");
    }
    let json = get(Fake::loaded(), "/api/v1/rejected-events?reason=empty").await.json();
    assert_eq!(json["total"], 4);
}

#[tokio::test]
async fn the_settings_in_force_are_shown() {
    let page = get(Fake::loaded(), "/").await.body;
    for part in ["Settings in force", "Gold from", "20,000.00", "Expiring soon within", "7 days"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(get(Fake::default(), "/").await.body.contains("No pipeline has written to this database yet"));
}

async fn ask(router: &Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).header("host", "localhost").body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    (status, String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn the_last_known_numbers_are_shown_with_their_age_while_the_database_is_away() {
    const AWAY: &str = "The database does not answer: these are the last known numbers";
    for fault in [Fault::Unreachable, Fault::Silent] {
        let store = Arc::new(Changing::new(Fake::loaded()));
        let router = router(Arc::clone(&store), options());
        for path in PAGES {
            assert!(!ask(&router, path).await.1.contains(AWAY), "{path}");
        }
        store.change(|fake| fake.fault = Some(fault));
        for path in PAGES {
            let (status, page) = ask(&router, path).await;
            assert!(status == StatusCode::OK && page.contains(AWAY), "{path}");
            assert!(page.contains("data-away=\"true\"") && page.contains("just now)"), "{path}");
        }
        assert!(ask(&router, "/clients").await.1.contains("279,489.02"));
        // In the reader's language too, though it was asked for in another.
        assert!(ask(&router, "/clients?lang=de").await.1.contains("279.489,02"));
        // What was never read cannot be shown, and programs are told that nothing is known.
        for path in ["/clients?q=other", "/api/v1/clients", "/api/v1/status", "/export/clients/csv"] {
            assert_eq!(ask(&router, path).await.0, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        }
        store.change(|fake| fake.fault = None);
        for path in PAGES {
            assert!(!ask(&router, path).await.1.contains(AWAY), "{path}");
        }
    }
}

#[tokio::test]
async fn a_database_that_refuses_is_not_hidden_behind_old_numbers() {
    let store = Arc::new(Changing::new(Fake::loaded()));
    let router = router(Arc::clone(&store), options());
    ask(&router, "/clients").await;
    store.change(|fake| fake.fault = Some(Fault::Refused));
    assert_eq!(ask(&router, "/clients").await.0, StatusCode::INTERNAL_SERVER_ERROR);
}
