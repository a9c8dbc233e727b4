//! How an import ends: a file of which nothing or only a part was sent never ends with 0, and says why.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Process, eventually, holds, http};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../input/tests/cases").join(name)
}

/// `up` with that file, with the addresses of its page and its broker.
async fn up(file: &Path) -> (Process, String, String) {
    let mut up = Process::start(["up", "--listen", "127.0.0.1:0", "--input", file.to_str().unwrap()]);
    let address = |line: &str| line.split_once("http://").unwrap().1.to_owned();
    let page = address(&up.says("page ").await);
    let broker = up.says("broker ").await.split_whitespace().nth(1).unwrap().to_owned();
    (up, page, broker)
}

async fn import(broker: &str, file: &Path, more: &[&str]) -> (i32, String) {
    let arguments = ["import", file.to_str().unwrap(), "--kafka", broker];
    Process::start(arguments.iter().chain(more)).outcome().await
}

async fn client(page: &str, id: &str) -> Result<Value, String> {
    let clients = http::all(page, "/api/v1/clients").await;
    let found = clients.into_iter().find(|client| client["client_id"] == id);
    found.ok_or_else(|| format!("there is no client {id}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_ends_with_0_only_when_all_of_it_was_sent() {
    let (mut up, page, broker) = up(&case("base.csv")).await;
    up.says("counted   ").await;
    let folder = std::env::temp_dir().join(format!("stockstream-files-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let empty = folder.join("empty.csv");
    let header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n";
    std::fs::write(&empty, header).unwrap();
    let refused = folder.join("refused.csv");
    std::fs::write(
        &refused,
        format!("{header}71,A,x,0,2026-05-01,1,71\n72,A,x,1,2026-05-01,-1,71\n73,A,x,1,2026-05-01,1,71\n"),
    )
    .unwrap();
    let again = folder.join("again.csv");
    let rows =
        "74,A,x,1,2025-05-01,1,71\n74,A,x,1,2026-05-01,1,71\n75, A,x,1,2026-05-01,1,71\n76,A,x,1,2026-05-01,1,71\n";
    std::fs::write(&again, format!("{header}{rows}")).unwrap();
    let mapped: &[&str] = &["--map", "Invoice=invoice_id", "--map", "Price=unit_price"];
    for (file, more, exit_code, words) in [
        (case("clients_roundtrip.xlsx"), &[][..], 2, "exported, as eligible_promo shows"),
        (case("latin1.csv"), &[], 2, "--encoding"),
        (case("latin1.csv"), &["--encoding", "windows-1252"], 0, "2 events sent"),
        (case("latin1.csv"), &["--encoding", "latin-9000"], 2, "\"latin-9000\" is no encoding"),
        (case("cr_only.csv"), &[], 0, "1 events sent"),
        (case("old.xls"), &[], 2, "old Excel format"),
        (case("semicolon.csv"), &[], 2, "';'"),
        (case("hidden_sheet.xlsx"), &[], 0, "sheet Lists was not read: it is hidden"),
        (case("retail2_two_sheets.xlsx"), mapped, 0, "3 events sent"),
        (case("sales_plus_products.xlsx"), &[], 0, "4 events sent"),
        (case("broken_line.csv"), &[], 3, "1 good rows of the same invoices were held back"),
        (case("errors.xlsx"), &[], 3, "nothing was sent"),
        (case("retail1_us.csv"), &[], 3, "write the year first"),
        (case("year_typo.csv"), &[], 3, "lies in the future"),
        (empty.clone(), &[], 3, "nothing was sent"),
        (refused.clone(), &["--check"], 3, "1 events would be sent"),
        (refused.clone(), &[], 3, "2 of 3 rows cannot become an event"),
        (again.clone(), &["--check"], 3, "the time of the same invoice in line 2"),
        (again.clone(), &[], 3, "product_id \" A\", \"A\""),
        (case("latin1.csv"), &["--check", "--encoding", "windows-1252"], 0, "2 events would be sent"),
    ] {
        let (code, said) = import(&broker, &file, more).await;
        assert!(code == exit_code && said.contains(words), "{} {more:?}: {code}, {words:?}: {said}", file.display());
    }
    std::fs::remove_dir_all(folder).unwrap();
    let of_base = client(&page, "17001").await.unwrap();
    assert_eq!(of_base["total_revenue_generated"], 16.0, "what was exported is not counted again");
    eventually("the client of the broken file has what was sent", async || {
        let found = client(&page, "9").await?;
        // 2.10 of broken_line.csv and 4.20 of cr_only.csv.
        holds(found["total_revenue_generated"] == 6.3, || found.to_string())
    })
    .await;
    eventually("what was checked is not sent, and what workers would refuse is not either", async || {
        let found = client(&page, "71").await?;
        let status = http::json(&page, "/api/v1/status").await?;
        let is_exact = found["total_revenue_generated"] == 3.0 && status["events"]["rejected"] == 0;
        holds(is_exact, || format!("{found} {}", status["events"]))
    })
    .await;
    up.signal("TERM");
    assert_eq!(up.ended().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_that_was_mistyped_makes_nothing_else_old() {
    let (mut up, page, _) = up(&case("year_typo.csv")).await;
    up.says("lies in the future: check the year").await;
    up.says("counted   ").await;
    eventually("both products are shown as of the second day", async || {
        let status = http::json(&page, "/api/v1/status").await?;
        let winners = http::all(&page, "/api/v1/product-winners").await;
        let dead = winners.iter().filter(|row| row["is_dead_stock"] == true).count();
        holds(winners.len() == 2 && dead == 0, || format!("{winners:?} {status}"))
    })
    .await;
    up.signal("TERM");
    let (code, said) = up.outcome().await;
    assert_eq!(code, 3, "{said}");
}
