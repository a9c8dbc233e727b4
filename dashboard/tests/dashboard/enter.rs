//! What an Accountant enters, with a sender that keeps what it was given.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request},
};
use rust_xlsxwriter::Workbook;
use serde_json::{Value, json};
use stockstream_dashboard::{NotSent, Options, Receipt, Sender, Sending, router};
use stockstream_input::OutboundEvent;
use stockstream_model::{
    documents::{Checkpoint, PartitionId},
    event::EventKind,
};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};
use tower::ServiceExt;

use crate::common::{Answer, Fake, options};

/// Keeps what it is given, and is told how to fail.
#[derive(Debug, Default)]
struct Kept {
    events: Mutex<Vec<OutboundEvent>>,
    fails: Mutex<Option<NotSent>>,
}

impl Sender for Kept {
    fn send(&self, events: Vec<OutboundEvent>) -> Sending {
        let outcome = match self.fails.lock().unwrap().clone() {
            Some(failure) => Err(failure),
            None => {
                let mut kept = self.events.lock().unwrap();
                let first = kept.len();
                let place = |at: usize| Receipt { topic: "sales".into(), partition: 0, offset: (first + at) as i64 };
                let receipts = (0..events.len()).map(place).collect();
                kept.extend(events);
                Ok(receipts)
            }
        };
        Box::pin(async { outcome })
    }
}

/// Sends nothing until it may.
#[derive(Debug)]
struct Slow(Arc<Semaphore>);

impl Sender for Slow {
    fn send(&self, events: Vec<OutboundEvent>) -> Sending {
        let may = Arc::clone(&self.0);
        Box::pin(async move {
            may.acquire().await.unwrap().forget();
            Ok((0..events.len()).map(|at| Receipt { topic: "sales".into(), partition: 0, offset: at as i64 }).collect())
        })
    }
}

impl Kept {
    fn payloads(&self) -> Vec<Value> {
        self.events.lock().unwrap().iter().map(|event| serde_json::from_slice(&event.payload).unwrap()).collect()
    }
}

struct Desk {
    router: Router,
    sent: Arc<Kept>,
}

impl Desk {
    fn new() -> Self {
        Self::over(Fake::loaded())
    }

    fn over(fake: Fake) -> Self {
        let sent = Arc::new(Kept::default());
        let sender: Arc<dyn Sender> = Arc::clone(&sent) as _;
        let options = Options { sender: Some(sender), ..options() };
        Self { router: router(Arc::new(fake), options), sent }
    }

    async fn ask(&self, method: Method, path: &str, kind: &str, body: impl Into<Body>) -> Answer {
        let request =
            Request::builder().method(method).uri(path).header("host", "localhost").header("content-type", kind);
        let request = request.header("sec-fetch-site", "same-origin").body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, "", "").await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form(fields);
        self.ask(Method::POST, path, "application/x-www-form-urlencoded", body).await
    }

    /// The token of the form at that path.
    async fn token(&self, path: &str) -> String {
        token(&self.get(path).await.body)
    }

    async fn upload(&self, name: &str, file: &[u8], mapping: &str) -> Answer {
        self.upload_in(name, file, mapping, "").await
    }

    async fn upload_in(&self, name: &str, file: &[u8], mapping: &str, encoding: &str) -> Answer {
        let mut body = Vec::new();
        for (head, value) in [
            (format!("name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream"), file),
            ("name=\"mapping\"".to_owned(), mapping.as_bytes()),
            ("name=\"encoding\"".to_owned(), encoding.as_bytes()),
        ] {
            body.extend_from_slice(format!("--cut\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes());
            body.extend_from_slice(value);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--cut--\r\n");
        self.ask(Method::POST, "/enter/upload", "multipart/form-data; boundary=cut", body).await
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "+"))).collect::<Vec<_>>().join("&")
}

fn token(page: &str) -> String {
    page.split_once("name=\"form\" value=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
}

const SALE: [(&str, &str); 9] = [
    ("invoice_id", "I-7"),
    ("client_id", "Ann"),
    ("timestamp", "2026-05-01 12:30"),
    ("lines", "2"),
    ("items[0].product_id", "A"),
    ("items[0].quantity", "2"),
    ("items[0].unit_price", "2.50"),
    ("items[1].product_id", "B"),
    ("items[1].quantity", "-1"),
];

fn sale<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    SALE.iter().chain(more).copied().collect()
}

#[tokio::test]
async fn without_a_sender_nothing_can_be_entered_and_the_page_says_how_to_change_that() {
    let page = crate::common::get(Fake::loaded(), "/enter").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("stockstream dashboard --enter"), "{}", page.body);
    assert!(!page.body.contains("<form") && !page.body.contains("href=\"/enter\""), "{}", page.body);
    assert_eq!(crate::common::get(Fake::loaded(), "/enter/sale").await.status, 404);
    let page = Desk::new().get("/").await.body;
    assert!(page.contains("<a href=\"/enter\">Enter</a>"), "{page}");
}

#[tokio::test]
async fn a_sale_by_form_is_sent_as_the_event_that_the_workers_know() {
    let desk = Desk::new();
    let token = desk.token("/enter/sale").await;
    let answer =
        desk.post("/enter/sale", &sale(&[("items[1].unit_price", "1"), ("form", &token), ("do", "send")])).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, format!("/enter/sent/{token}").as_str()));
    let expected = json!({
        "invoice_id": "I-7", "client_id": "Ann", "timestamp": "2026-05-01T12:30:00Z",
        "items": [
            {"product_id": "A", "quantity": 2, "unit_price": "2.5"},
            {"product_id": "B", "quantity": -1, "unit_price": "1"},
        ],
    });
    assert_eq!(desk.sent.payloads(), [expected]);
    let page = desk.get(&format!("/enter/sent/{token}")).await.body;
    assert!(page.contains("Sale I-7") && page.contains("partition 0, offset 0"), "{page}");
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_what_is_being_sent_but_not_for_ever() {
    for comes_to_its_end in [true, false] {
        let may = Arc::new(Semaphore::new(0));
        let options = Options { sender: Some(Arc::new(Slow(Arc::clone(&may)))), ..options() };
        let submissions = options.submissions.clone();
        let desk = Desk { router: router(Arc::new(Fake::loaded()), options), sent: Arc::default() };
        let token = desk.token("/enter/sale").await;
        let form = sale(&[("items[1].unit_price", "1"), ("form", &token), ("do", "send")]);
        let entering = desk.post("/enter/sale", &form);
        // The reader goes away in the middle.
        assert!(timeout(Duration::from_secs(1), entering).await.is_err());
        let began = Instant::now();
        assert!(timeout(Duration::from_secs(39), submissions.finish()).await.is_err(), "it is being sent");
        may.add_permits(usize::from(comes_to_its_end));
        submissions.finish().await;
        assert_eq!(began.elapsed() < Duration::from_secs(60), comes_to_its_end);
        let told = desk.get(&format!("/enter/sent/{token}")).await.body;
        assert_eq!(told.contains("partition 0, offset 0"), comes_to_its_end, "{told}");
    }
}

#[tokio::test]
async fn forms_are_in_the_language_of_the_reader_and_take_its_decimal_comma() {
    let desk = Desk::new();
    let page = desk.get("/enter/sale?lang=fr").await.body;
    for text in ["<h1>Saisir une vente</h1>", ">Numéro de facture", "Par exemple 2,55 ou 2.55", ">Ajouter une ligne<"]
    {
        assert!(page.contains(text), "{text}: {page}");
    }
    let token = token(&page);
    let fields = sale(&[("items[1].unit_price", "1,25"), ("form", &token), ("do", "send")]);
    let refused = desk.post("/enter/sale?lang=en", &fields).await;
    assert!(refused.status == 422 && refused.body.contains("value=\"1,25\""), "{}", refused.body);
    let wrong = sale(&[("items[1].unit_price", "1,2,5"), ("form", &token), ("do", "send")]);
    let refused = desk.post("/enter/sale?lang=de", &wrong).await.body;
    assert!(refused.contains("1,2,5&#34; ist keine Dezimalzahl wie 12.50"), "{refused}");
    assert_eq!(desk.post("/enter/sale?lang=fr", &fields).await.status, 303);
    assert_eq!(desk.sent.payloads()[0]["items"][1]["unit_price"], "1.25");
    let page = desk.get(&format!("/enter/sent/{token}?lang=de")).await.body;
    for text in ["Verkauf I-7", "Partition 0, Offset 0", "1 Ereignis"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    for (path, text) in [
        ("/enter?lang=de", "200 Ereignisse eines erfundenen Ladens"),
        ("/enter/upload?lang=fr", "Au plus 8 Mio et 50\u{202f}000 lignes"),
        ("/enter/sent/0-0?lang=fr", "Cet envoi n’existe pas"),
    ] {
        let page = desk.get(path).await.body;
        assert!(page.contains(text), "{path}: {page}");
    }
}

#[tokio::test]
async fn what_the_decoder_refuses_is_told_at_its_field_and_nothing_typed_is_lost() {
    let desk = Desk::new();
    let token = desk.token("/enter/sale").await;
    let answer =
        desk.post("/enter/sale", &sale(&[("items[1].unit_price", "cheap"), ("form", &token), ("do", "send")])).await;
    assert_eq!(answer.status, 422);
    assert!(desk.sent.payloads().is_empty());
    let input = answer.body.split_once("id=\"items-1--unit_price\"").unwrap().1.split_once("</div>").unwrap().0;
    assert!(input.contains("value=\"cheap\"") && input.contains("aria-invalid=\"true\""), "{input}");
    assert!(input.contains("id=\"items-1--unit_price-error\"") && input.contains("cheap"), "{input}");
    assert!(answer.body.contains("href=\"#items-1--unit_price\""), "the summary leads there");
    for (_, value) in SALE.iter().filter(|(name, _)| *name != "lines") {
        assert!(answer.body.contains(&format!("value=\"{value}\"")), "{value} is lost");
    }
    let answer = desk
        .post("/enter/product", &[("product_id", ""), ("quantity", "1.5"), ("buy_price", "-1"), ("do", "send")])
        .await;
    for name in ["product_id", "quantity", "buy_price"] {
        assert!(answer.body.contains(&format!("id=\"{name}-error\"")), "{name}: {}", answer.body);
    }
    let answer =
        desk.post("/enter/client", &[("client_id", "<b>"), ("loyalty_tier", "Platinum"), ("do", "send")]).await;
    assert!(answer.body.contains("id=\"loyalty_tier-error\"") && !answer.body.contains("<b>"), "{}", answer.body);
}

#[tokio::test]
async fn a_line_more_and_a_line_less_keep_what_was_typed_and_send_nothing() {
    let desk = Desk::new();
    let more = desk.post("/enter/sale", &sale(&[("do", "add")])).await;
    assert!(more.status == 200 && more.body.contains("items[2].product_id") && more.body.contains("value=\"I-7\""));
    let less = desk.post("/enter/sale", &sale(&[("do", "remove-0")])).await;
    assert!(
        !less.body.contains("items[1].product_id")
            && less.body.contains("name=\"items[0].product_id\" type=\"text\" value=\"B\"")
    );
    let check = desk.post("/enter/sale", &sale(&[("items[1].unit_price", "1"), ("do", "check")])).await;
    assert!(check.body.contains("&#34;invoice_id&#34;: &#34;I-7&#34;"), "{}", check.body);
    assert!(desk.sent.payloads().is_empty());
}

#[tokio::test]
async fn a_form_is_sent_once_however_often_it_is_posted() {
    let desk = Desk::new();
    let token = desk.token("/enter/client").await;
    let fields = [("client_id", "Ann"), ("form", token.as_str()), ("do", "send")];
    for _ in 0..3 {
        let answer = desk.post("/enter/client", &fields).await;
        assert_eq!(answer.header("location"), format!("/enter/sent/{token}"));
    }
    assert_eq!(desk.sent.payloads().len(), 1);
}

#[tokio::test]
async fn a_form_that_nothing_is_known_of_is_shown_again_and_not_sent() {
    let desk = Desk::new();
    let old = Desk::new().token("/enter/client").await;
    for form in ["", "x-1", old.as_str()] {
        let answer = desk.post("/enter/client", &[("client_id", "Ann"), ("form", form), ("do", "send")]).await;
        assert!(answer.status == 409 && answer.body.contains("this form is from before"), "{form}: {}", answer.body);
        assert!(answer.body.contains("value=\"Ann\""));
        assert!(desk.sent.payloads().is_empty(), "{form}");
    }
    let answer = desk.post("/enter/client", &[("client_id", "Ann"), ("do", "send")]).await;
    let again = token(&answer.body);
    let answer = desk.post("/enter/client", &[("client_id", "Ann"), ("form", &again), ("do", "send")]).await;
    assert_eq!((answer.status.as_u16(), desk.sent.payloads().len()), (303, 1));
}

#[tokio::test]
async fn a_broker_that_is_away_is_told_the_values_are_kept_and_the_same_form_goes_out_later() {
    let desk = Desk::new();
    *desk.sent.fails.lock().unwrap() = Some(NotSent::at_all("failed to reach Kafka at kafka:9092: nobody".into()));
    let token = desk.token("/enter/client").await;
    let fields = [("client_id", "Ann"), ("form", token.as_str()), ("do", "send")];
    let away = desk.post("/enter/client", &fields).await;
    assert_eq!(away.status, 503);
    assert!(away.body.contains("Nothing was sent") && away.body.contains("Failed to reach Kafka at kafka:9092"));
    assert!(away.body.contains("value=\"Ann\"") && away.body.contains(&token), "{}", away.body);
    *desk.sent.fails.lock().unwrap() = None;
    assert_eq!(desk.post("/enter/client", &fields).await.status, 303);
    assert_eq!(desk.sent.payloads().len(), 1);
}

#[tokio::test]
async fn what_was_not_acknowledged_is_never_sent_again_by_itself() {
    let desk = Desk::new();
    let doubt = NotSent { message: "no answer".into(), receipts: Vec::new(), in_doubt: true };
    *desk.sent.fails.lock().unwrap() = Some(doubt);
    let token = desk.token("/enter/client").await;
    let fields = [("client_id", "Ann"), ("form", token.as_str()), ("do", "send")];
    assert_eq!(desk.post("/enter/client", &fields).await.status, 303);
    *desk.sent.fails.lock().unwrap() = None;
    assert_eq!(desk.post("/enter/client", &fields).await.status, 303);
    assert!(desk.sent.payloads().is_empty());
    let page = desk.get(&format!("/enter/sent/{token}")).await.body;
    assert!(page.contains("1 event was not acknowledged") && page.contains("they may count twice"), "{page}");
    assert!(page.contains("not acknowledged") && !page.contains("http-equiv=\"refresh\""), "{page}");
}

#[tokio::test]
async fn an_event_waits_until_the_position_of_its_partition_is_past_it() {
    let counted = |next| {
        let mut fake = Fake::loaded();
        let id = PartitionId { stream: EventKind::Clients, partition: 0 };
        fake.status.checkpoints = vec![Checkpoint { next, ..Checkpoint::new(id, next, None) }];
        fake
    };
    let page = async |fake| {
        let desk = Desk::over(fake);
        let token = desk.token("/enter/client").await;
        desk.post("/enter/client", &[("client_id", "Ann"), ("form", &token), ("do", "send")]).await;
        (0..20).for_each(|_| std::hint::spin_loop());
        tokio::task::yield_now().await;
        let mut page = desk.get(&format!("/enter/sent/{token}")).await.body;
        while page.contains("On its way") {
            page = desk.get(&format!("/enter/sent/{token}")).await.body;
        }
        page
    };
    let waits = page(counted(0)).await;
    assert!(
        waits.contains("waiting to be counted") && waits.contains("http-equiv=\"refresh\" content=\"1\""),
        "{waits}"
    );
    let done = page(counted(1)).await;
    assert!(done.contains("counted after 0.1 s") && !done.contains("http-equiv=\"refresh\""), "{done}");
}

const FILE: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n\
    1,A,Lamp,2,2026-05-01,2.5,17850\n\
    2,A,Lamp,many,2026-05-01,2.5,17850\n\
    2,B,<i>Card</i>,1,2026-05-01,1,17850\n\
    3,B,Card,1,2026-05-01,-1,17850\n";

#[tokio::test]
async fn a_file_is_shown_with_its_bad_cells_before_anything_is_sent_and_then_its_good_rows_are() {
    let desk = Desk::new();
    let answer = desk.upload("may.csv", FILE.as_bytes(), "").await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let place = answer.header("location").to_owned();
    let page = desk.get(&place).await.body;
    assert!(desk.sent.payloads().is_empty(), "nothing is sent before it is confirmed");
    assert!(
        page.contains("<strong>may.csv</strong>: 1 sale; 2 bad rows; 1 good row of the same invoices held back"),
        "{page}"
    );
    let cell = |text: &str| page.split("<td ").find(|cell| cell.contains(text)).unwrap().to_owned();
    assert!(cell(">many<").starts_with("role=\"cell\" class=\"wrong\" data-title=\"Quantity\""), "{}", cell(">many<"));
    assert!(cell(">-1<").contains("class=\"wrong\"") && cell(">-1<").contains("must be from 0 to"), "{}", cell(">-1<"));
    assert!(!page.contains("<i>Card"), "{page}");
    assert!(page.contains("Send 1 event, leave the bad rows out"), "{page}");
    for _ in 0..2 {
        let sent = desk.post(&place, &[]).await;
        assert_eq!(sent.status, 303);
        assert!(sent.header("location").starts_with("/enter/sent/"));
    }
    assert_eq!(desk.sent.payloads().len(), 1, "confirming twice sends once");
    assert_eq!(desk.sent.payloads()[0]["invoice_id"], "1");
}

#[tokio::test]
async fn a_workbook_is_uploaded_and_columns_are_mapped() {
    let desk = Desk::new();
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.set_name("Clients").unwrap();
    sheet.write_row(0, 0, ["Number", "name"]).unwrap();
    sheet.write_row(1, 0, ["C1", "Ann"]).unwrap();
    let file = book.save_to_buffer().unwrap();
    let refused = desk.upload("c.xlsx", &file, "").await;
    assert!(refused.status == 422 && refused.body.contains("has no column client_id"), "{}", refused.body);
    let place = desk.upload("c.xlsx", &file, "Number=client_id\n").await.header("location").to_owned();
    assert!(desk.get(&place).await.body.contains("1 client record; 0 bad rows"));
    desk.post(&place, &[]).await;
    assert_eq!(desk.sent.payloads(), [json!({"client_id": "C1", "name": "Ann"})]);
}

#[tokio::test]
async fn an_invoice_whose_row_is_broken_is_held_back_as_the_page_says() {
    let desk = Desk::new();
    let file = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n\
        950001,Q-1,Bowl,2,2024-01-01 10:00,2.10,9\n\
        950001,Q-2,Frame 7\" wide, black,1,2024-01-01 10:00,30.00,9\n\
        950002,Q-1,Bowl,1,2024-01-02 10:00,2.10,9\n";
    let place = desk.upload("may.csv", file.as_bytes(), "").await.header("location").to_owned();
    let page = desk.get(&place).await.body;
    assert!(page.contains("1 sale; 1 bad row; 1 good row of the same invoices held back"), "{page}");
    desk.post(&place, &[]).await;
    let sent = desk.sent.payloads();
    assert_eq!((sent.len(), &sent[0]["invoice_id"]), (1, &json!("950002")));
}

#[tokio::test]
async fn a_sheet_and_columns_that_are_not_read_are_named_before_anything_is_sent() {
    let desk = Desk::new();
    let mut book = Workbook::new();
    let sheet = book.add_worksheet().set_name("Clients").unwrap();
    sheet.write_row(0, 0, ["client_id", "name", "Shoe <size>"]).unwrap();
    sheet.write_row(1, 0, ["C1", "Ann", "38"]).unwrap();
    book.add_worksheet().set_name("Plan B").unwrap().write(0, 0, "Remember").unwrap();
    book.add_worksheet().set_name("Lists").unwrap().set_hidden(true).write(0, 0, "UK").unwrap();
    let place = desk.upload("c.xlsx", &book.save_to_buffer().unwrap(), "").await.header("location").to_owned();
    let page = desk.get(&place).await.body;
    for words in [
        "The sheet Plan B was not read",
        "Its first row names no columns of invoice lines; it reads: Remember.",
        "The sheet Lists was not read",
        "Columns of sheet Clients that hold nothing of an event: Shoe &#60;size&#62;.",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
}

#[tokio::test]
async fn what_was_exported_is_not_entered_again() {
    let desk = Desk::new();
    for path in [
        "/export/clients/xlsx",
        "/export/clients/xlsx?columns=total_revenue_generated",
        "/export/product-winners/xlsx",
        "/export/product-winners/csv",
        "/export/loss-risk-products/xlsx?columns=stock_quantity",
        "/export/loss-risk-products/csv",
        "/export/clients/csv",
    ] {
        let file = crate::common::bytes(Fake::loaded(), path).await;
        let answer = desk.upload("again", &file, "").await;
        let words = "gain is a list that Stockstream exported";
        assert!(answer.status == 422 && answer.body.contains(words), "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_file_in_windows_1252_is_read_when_that_is_chosen() {
    let desk = Desk::new();
    let file = b"InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n\
        1,Caf\xe9,x,2,2024-01-01,2.10,9\n";
    let refused = desk.upload("may.csv", file, "").await;
    assert!(
        refused.status == 422 && refused.body.contains("windows-1252 would read &#34;Caf\u{e9}&#34;"),
        "{}",
        refused.body
    );
    let wrong = desk.upload_in("may.csv", b"x\xe9,y", "Nothing=name", "windows-1252").await;
    assert!(wrong.body.contains("<option value=\"windows-1252\" selected>"), "what was said is kept: {}", wrong.body);
    let place = desk.upload_in("may.csv", file, "", "windows-1252").await.header("location").to_owned();
    desk.post(&place, &[]).await;
    assert_eq!(desk.sent.payloads()[0]["items"][0]["product_id"], "Caf\u{e9}");
}

#[tokio::test]
async fn a_file_that_is_too_large_or_none_is_refused() {
    let desk = Desk::new();
    let large = desk.upload("x.csv", &vec![b'x'; 9 << 20], "").await;
    assert!(large.status == 422 && large.body.contains("more than 8 MiB"), "{} {}", large.status, large.body);
    let none = desk.upload("", b"", "").await;
    assert!(none.status == 422 && none.body.contains("No file was chosen"), "{}", none.body);
    let unknown = desk.get("/enter/upload/1-1").await;
    assert!(unknown.status == 404 && unknown.body.contains("Upload it again"), "{}", unknown.body);
    let large = desk.post("/enter/client", &[("name", &"x".repeat(300 << 10))]).await;
    assert_eq!(large.status, 413);
}

#[tokio::test]
async fn an_invoice_with_more_lines_than_workers_take_is_told_and_not_left_out_silently() {
    let desk = Desk::new();
    let (head, line) = (FILE.lines().next().unwrap(), "INV-1,A,Lamp,1,2026-05-01,1,\n");
    let file = format!("{head}\n{}INV-2,A,Lamp,1,2026-05-01,1,\n", line.repeat(10_001));
    let place = desk.upload("x.csv", file.as_bytes(), "").await.header("location").to_owned();
    let page = desk.get(&place).await.body;
    assert!(page.contains("1 sale; 1 bad row; 10,000 good rows of the same invoices held back"), "{page}");
    assert!(
        page.contains("An invoice has 1 to 10000 lines, not 10001")
            || page.contains("an invoice has 1 to 10000 lines, not 10001"),
        "{page}"
    );
    desk.post(&place, &[]).await;
    assert_eq!(desk.sent.payloads()[0]["invoice_id"], "INV-2");
}

#[tokio::test]
async fn ids_that_look_alike_and_numbers_that_are_used_again_are_told_in_each_language() {
    let desk = Desk::new();
    let file = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n\
        1,A,Lamp,2,2025-05-01,2.5,17850\n\
        2,A1,Lamp,1,2026-05-01,2.5,17850\n\
        3, a1,Lamp,1,2026-05-01,2.5,17850\n\
        1,A,Lamp,1,2026-05-01,2.5,17850\n";
    let place = desk.upload("may.csv", file.as_bytes(), "").await.header("location").to_owned();
    for (language, all) in [
        (
            "en",
            [
                "Ids that look alike are taken as they stand",
                "product_id &#34; a1&#34;, &#34;A1&#34;.",
                "give each a number of its own",
            ],
        ),
        (
            "de",
            [
                "Nummern, die sich gleichen",
                "product_id &#34; a1&#34;, &#34;A1&#34;.",
                "geben Sie jeder eine eigene Nummer",
            ],
        ),
        (
            "fr",
            [
                "Les identifiants qui se ressemblent",
                "product_id &#34; a1&#34;, &#34;A1&#34;.",
                "donnez à chacune son propre numéro",
            ],
        ),
    ] {
        let page = desk.get(&format!("{place}?lang={language}")).await.body;
        assert!(all.iter().all(|words| page.contains(words)), "{all:?}: {page}");
    }
}

#[tokio::test]
async fn test_data_is_sent_by_one_button() {
    let desk = Desk::new();
    let token = desk.token("/enter").await;
    let answer = desk.post("/enter/test-data", &[("form", &token)]).await;
    assert_eq!(answer.status, 303);
    assert_eq!(desk.sent.payloads().len(), 200);
    assert!(desk.sent.events.lock().unwrap().iter().all(|event| event.key.starts_with("TEST-")));
}
