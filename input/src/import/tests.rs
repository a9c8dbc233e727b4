use std::{
    io::{Read, Write},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use stockstream_model::{
    Decimal,
    event::{decode_inventory, decode_sale},
};

use super::{
    super::{DeriveInventory, Encoding, MAX_BAD_ROWS, Mapping},
    *,
};
use crate::OutboundEvent;

const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

fn open(contents: impl AsRef<[u8]>) -> Result<Rows, ImportError> {
    Rows::read(
        Box::new(std::io::Cursor::new(contents.as_ref().to_vec())),
        Path::new("shop.csv"),
        &ImportOptions::default(),
    )
}

fn plan(contents: impl AsRef<[u8]>) -> Plan {
    let source = Source::Bytes(contents.as_ref().into());
    super::plan(&source, Path::new("shop.csv"), &ImportOptions::default()).unwrap()
}

fn planned(rows: Rows) -> Result<Plan, ImportError> {
    Plan::of(rows, &ImportOptions::default(), HashSet::new())
}

fn summary(contents: impl AsRef<[u8]>) -> Summary {
    plan(contents).summary
}

fn events(contents: impl AsRef<[u8]>, derive: Option<DeriveInventory>) -> Vec<OutboundEvent> {
    let plan = plan(&contents);
    Events::new(open(&contents).unwrap(), derive, Arc::new(plan)).collect::<Result<_, _>>().unwrap()
}

fn payloads(contents: impl AsRef<[u8]>) -> Vec<String> {
    events(contents, None).into_iter().map(|event| String::from_utf8(event.payload).unwrap()).collect()
}

fn gzip(contents: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(contents.as_ref()).unwrap();
    encoder.finish().unwrap()
}

fn shop() -> String {
    format!(
        "{HEADER}\
        1,A,Lantern,6,2010-12-01 08:26:00,2.55,,UK\n\
        2,b ,\"Card, \"\"red\"\"\",1,2010-12-01 08:27:00,0.42,13047.0,UK\n\
        1,C,,2,2010-12-01 08:28:00,1.1,17850.0,UK\n\
        C3,A,,-1,2010-12-02 09:00:00,0,,UK\n"
    )
}

#[test]
fn a_sale_is_sent_once_its_last_line_was_read_and_has_the_time_of_its_first() {
    assert_eq!(
        payloads(shop()),
        [
            r#"{"invoice_id":"2","client_id":"13047","timestamp":"2010-12-01T08:27:00Z","items":[{"product_id":"b ","quantity":1,"unit_price":"0.42"}]}"#,
            r#"{"invoice_id":"1","client_id":"17850","timestamp":"2010-12-01T08:26:00Z","items":[{"product_id":"A","quantity":6,"unit_price":"2.55"},{"product_id":"C","quantity":2,"unit_price":"1.1"}]}"#,
            r#"{"invoice_id":"C3","timestamp":"2010-12-02T09:00:00Z","items":[{"product_id":"A","quantity":-1,"unit_price":"0"}]}"#,
        ]
    );
    let sent = events(shop(), None);
    assert_eq!(sent.iter().map(|event| event.key.as_str()).collect::<Vec<_>>(), ["2", "1", "C3"]);
    assert!(sent.iter().all(|event| event.stream == EventKind::Sales));
    assert!(sent.iter().all(|event| decode_sale(&event.payload).is_ok()));
}

#[test]
fn inventory_is_derived_from_the_last_name_and_price_before_the_sales() {
    let shop = shop() + "4,A,LANTERN,5,2010-12-03,0,,UK\n4,D,,-3,2010-12-03,0,,UK\n";
    let sent = events(&shop, Some(DeriveInventory::default()));
    let (records, sales) = sent.split_at(4);
    assert!(
        records.iter().all(|event| event.stream == EventKind::Inventory && decode_inventory(&event.payload).is_ok())
    );
    assert!(sales.iter().all(|event| event.stream == EventKind::Sales));
    assert_eq!(
        records.iter().map(|event| std::str::from_utf8(&event.payload).unwrap()).collect::<Vec<_>>(),
        [
            r#"{"product_id":"A","name":"LANTERN","buy_price":"1.53","sell_price":"2.55","quantity":1,"last_movement":"2010-12-03T00:00:00Z","updated_at":"2010-12-03T00:00:00Z"}"#,
            r#"{"product_id":"b ","name":"Card, \"red\"","buy_price":"0.252","sell_price":"0.42","quantity":1,"last_movement":"2010-12-01T08:27:00Z","updated_at":"2010-12-01T08:27:00Z"}"#,
            r#"{"product_id":"C","buy_price":"0.66","sell_price":"1.1","quantity":1,"last_movement":"2010-12-01T08:28:00Z","updated_at":"2010-12-01T08:28:00Z"}"#,
            r#"{"product_id":"D","quantity":0,"updated_at":"2010-12-03T00:00:00Z"}"#,
        ]
    );
}

#[test]
fn rows_that_are_part_of_no_event_are_left_out_with_line_and_reason() {
    let shop = format!(
        "{HEADER}\
        1,A,x,1.5,2010-12-01,1,,UK\n\
        2,A,x,1.0,2010-12-01,1,,UK\n\
        3,A,x,1,01/12/2010,1,,UK\n\
        4,A,x,1,2010-12-01,1e3,,UK\n\
        ,A,x,1,2010-12-01,1,,UK\n\
        5,,x,1,2010-12-01,1,,UK\n\
        6,A,x,1,2010-12-01,1,17850.5,UK\n\
        7,A,x,1,2010-12-01,1,UK\n\
        8,A,x,99999999999999999999,2010-12-01,1,,UK\n\
        9,A,x,0,2010-12-01,1,5,UK\n\
        10,A,x,-12.000,2010-12-01,1,5,UK\n"
    );
    let found = summary(&shop);
    assert_eq!((found.rows, found.bad_rows, found.invoices, found.products), (1, 10, 1, 1));
    let bad: Vec<_> = found.bad.iter().map(|bad| (bad.line, bad.reason())).collect();
    let expected = [
        (2, "Quantity \"1.5\""),
        (4, "InvoiceDate \"01/12/2010\" does not say which number is the month"),
        (5, "UnitPrice \"1e3\""),
        (6, "InvoiceNo is empty"),
        (7, "StockCode is empty"),
        (8, "CustomerID \"17850.5\" is not a whole number"),
        (9, "it has 7 columns and the header 8"),
        (10, "Quantity \"99999999999999999999\" is out of range"),
        (11, "Quantity must be a whole number from 1 to 1000000000, or negative for a return, not 0"),
        (12, "Quantity \"-12.000\" may mean -12 or -12000: write it without a point"),
    ];
    assert_eq!(bad.len(), expected.len());
    for ((line, reason), (expected_line, beginning)) in bad.into_iter().zip(expected) {
        assert!(line == expected_line && reason.starts_with(beginning), "{line}: {reason}");
    }
    assert_eq!(payloads(&shop).len(), 1);
}

#[test]
fn more_bad_rows_than_are_kept_are_still_counted() {
    let found = summary(HEADER.to_owned() + &"x\n".repeat(MAX_BAD_ROWS + 5));
    assert_eq!((found.bad_rows, found.bad.len()), (MAX_BAD_ROWS as u64 + 5, MAX_BAD_ROWS));
}

#[test]
fn lines_are_counted_right_with_any_line_end_blank_lines_and_line_breaks_in_quotes() {
    for end in ["\n", "\r\n"] {
        let shop =
            [HEADER.trim_end(), "", "bad", "", "1,A,\"two", "lines\",1,2010-12-01,1,,UK", "bad", "1,\"open", "x"];
        let shop = shop.join(end);
        let found = summary(&shop);
        assert_eq!(found.bad.iter().map(|bad| bad.line).collect::<Vec<_>>(), [3, 7, 8], "{shop:?}");
        assert!(found.bad[2].reason().contains("quote"), "{}", found.bad[2].reason());
    }
}

#[test]
fn columns_may_stand_in_any_order_among_others_and_end_in_crlf_after_a_byte_order_mark() {
    let shop = "\u{feff}\"CustomerID\",Till,UnitPrice,InvoiceDate,Quantity,Description,StockCode,InvoiceNo\r\n\
                7,x,1.50,2010-12-01T08:26:00Z,3,Lamp,A,\"9\"\r\n";
    let expected = r#"{"invoice_id":"9","client_id":"7","timestamp":"2010-12-01T08:26:00Z","items":[{"product_id":"A","quantity":3,"unit_price":"1.5"}]}"#;
    assert_eq!(payloads(shop), [expected]);
    assert_eq!(payloads(gzip(shop)), [expected]);
}

#[test]
fn gzip_is_known_by_its_first_bytes_and_may_have_several_members() {
    let (first, second) = (gzip(HEADER), gzip(&shop()[HEADER.len()..]));
    assert_eq!(payloads([first, second].concat()), payloads(shop()));
}

#[test]
fn a_header_without_the_columns_is_refused_by_name() {
    let refused = |contents: &[u8]| open(contents).err().unwrap().to_string();
    let message = refused(b"InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice\n1,2,3,4,5\n");
    assert!(message.starts_with("shop.csv has no column Description, CustomerID;"), "{message}");
    assert!(message.contains("--map 'Order No=invoice_id'"), "{message}");
    assert!(refused(b"").ends_with("it reads: nothing"));
    assert!(refused(format!("Quantity,{HEADER}").as_bytes()).contains("two columns Quantity"));
    let nothing = summary(HEADER);
    assert_eq!((nothing.rows, nothing.bad_rows, nothing.invoices), (0, 0, 0));
}

#[test]
fn a_needed_column_that_is_mapped_away_is_named_with_the_field_that_nothing_holds() {
    let mapping = Mapping::parse(["InvoiceNo=product_id"]).unwrap();
    let options = ImportOptions { mapping, ..ImportOptions::default() };
    let header = "InvoiceNo,Quantity,InvoiceDate,UnitPrice\n1,2,2010-12-01,4\n";
    let refused = Import::read(Path::new("shop.csv"), header.as_bytes().into(), options).err().unwrap().to_string();
    assert!(
        refused.starts_with("column InvoiceNo of shop.csv is mapped to another field, so nothing holds invoice_id"),
        "{refused}"
    );
}

#[test]
fn an_invoice_with_a_bad_row_is_held_back_and_no_figure_knows_it() {
    let rows = "1,A,Lantern,6,2010-12-01,2.55,7,UK\n2,A,Lamp,1,2010-12-02,3,7,UK\n1,B,x,ten,2010-12-01,1,7,UK\n";
    let found = summary(format!("{HEADER}{rows}"));
    assert_eq!((found.rows, found.bad_rows, found.held_rows, found.invoices, found.products), (1, 1, 1, 1, 1));
    let sent = events(format!("{HEADER}{rows}"), Some(DeriveInventory::default()));
    let texts: Vec<_> = sent.iter().map(|event| std::str::from_utf8(&event.payload).unwrap()).collect();
    assert_eq!(texts.len(), 2);
    assert!(texts[0].contains(r#""name":"Lamp""#) && texts[0].contains(r#""quantity":1,"#), "{}", texts[0]);
}

#[test]
fn rows_that_a_quote_took_in_hold_their_invoices_back() {
    let (good, last) = ("1,A,x,1,2010-12-01,1,7,UK\n", "3,A,x,1,2010-12-01,1,7,UK\n");
    for taken_in in [
        "2,A,\"7 inch,1,2010-12-01,1,7,UK\n1,C,\"8 inch,1,2010-12-01,1,7,UK\n",
        "2,A,\"7 inch,1,2010-12-01,1,7,UK\n1,B,x,1,2010-12-01,1,7,UK\n2,C,\"8 inch,1,2010-12-01,1,7,UK\n",
        "1,A,one, too many,1,2010-12-01,1,7,UK\n",
        "1,A\n",
        ",A,a merged cell,1,2010-12-01,1,7,UK\n",
    ] {
        let file = format!("{HEADER}{good}{taken_in}{last}");
        let found = summary(&file);
        assert_eq!((found.bad_rows, found.held_rows, found.invoices), (1, 1, 1), "{taken_in}: {:?}", found.bad);
        assert!(payloads(&file)[0].contains(r#""invoice_id":"3""#));
    }
    let notes = "1,A,\"two\nlines, of a note\",1,2010-12-01,1,7,\"UK\nand more\"\n";
    assert_eq!(summary(format!("{HEADER}{notes}")).bad_rows, 0);
}

#[test]
fn an_invoice_has_one_client() {
    let rows =
        "1,A,x,1,2010-12-01,1,7,UK\n1,B,x,1,2010-12-01,1,,UK\n1,C,x,1,2010-12-01,1,8,UK\n2,A,x,1,2010-12-01,1,8,UK\n";
    let found = summary(format!("{HEADER}{rows}"));
    assert_eq!((found.bad_rows, found.held_rows, found.invoices), (1, 2, 1));
    assert_eq!(
        (found.bad[0].line, found.bad[0].reason()),
        (
            4,
            "CustomerID \"8\" is not the client of the same invoice in line 2: write one client in all of its rows, or give each \
             client's invoice a number of its own"
                .into()
        )
    );
}

#[test]
fn an_invoice_is_of_one_time() {
    let at = |day: &str| format!("1,A,x,1,{day},1,,UK\n");
    for (first, second, is_one) in [
        ("2010-12-31 23:59:00", "2011-01-01 00:00:00", true),
        ("2010-12-01 14:00:00", "2010-12-02 02:00:00", true),
        ("2010-12-01 14:00:00", "2010-12-01 02:00:00", true),
        ("2010-12-01 14:00:00", "2010-12-02 02:00:01", false),
        ("2010-12-01 14:00:00", "2010-12-01 01:59:59", false),
        ("2010-12-01", "2010-12-02", false),
        ("2011-12-01", "2010-12-01", false),
    ] {
        let found = summary(HEADER.to_owned() + &at(first) + "2,A,x,1,2010-12-01,1,,UK\n" + &at(second));
        let expected = if is_one { (3, 0, 0, 2) } else { (1, 1, 1, 1) };
        let counts = (found.rows, found.bad_rows, found.held_rows, found.invoices);
        assert_eq!(counts, expected, "{first} and {second}: {:?}", found.bad);
    }
}

#[test]
fn an_invoice_is_no_more_than_a_sale_may_be() {
    let lines = |count: usize, quantity: &str, price: &str| {
        let rows = format!("1,A,x,{quantity},2010-12-01,{price},,UK\n").repeat(count);
        summary(format!("{HEADER}{rows}2,A,x,1,2010-12-01,1,,UK\n"))
    };
    for (count, quantity, price, words) in [
        (11, "1000000000", "0", "its invoice's lines up to this one together are 11000000000 units"),
        (2, "-900000000", "10", "its invoice's lines up to this one together amount to 18000000000"),
        (10_001, "1", "1", "an invoice has 1 to 10000 lines, not 10001"),
    ] {
        let found = lines(count, quantity, price);
        let counts = (found.rows, found.bad_rows, found.held_rows, found.invoices);
        assert_eq!(counts, (1, 1, count as u64 - 1, 1), "{:?}", found.bad);
        assert!(found.bad[0].reason().starts_with(words), "{:?}", found.bad);
        assert_eq!(lines(count - 1, quantity, price).bad_rows, 0);
    }
}

#[test]
fn a_text_in_another_encoding_is_refused_by_name_and_read_when_it_is_named() {
    let shop = [HEADER.as_bytes(), b"1,A,Caf\xe9,1,2010-12-01,1,,UK\n1,B,x,1,2010-12-01,1,,\xe9\n"].concat();
    let refused = planned(open(&shop).unwrap()).unwrap_err().to_string();
    assert!(refused.contains("not in UTF-8 at line 2, where windows-1252 would read \"Caf\u{e9}\""), "{refused}");
    let options = ImportOptions {
        encoding: Some(Encoding::named("windows-1252").unwrap()),
        derive_inventory: Some(DeriveInventory::default()),
        ..ImportOptions::default()
    };
    let import = Import::read(Path::new("shop.csv"), shop.into(), options).unwrap();
    let first = import.events().unwrap().next().unwrap().unwrap();
    assert!(String::from_utf8(first.payload).unwrap().contains("Caf\u{e9}"));
    assert!(matches!(Encoding::named("latin-9000"), Err(ImportError::EncodingName { .. })));
}

#[test]
fn a_gzip_file_that_breaks_off_is_an_error_with_name_line_and_advice() {
    let rows: String = (0..50_000).map(|n| format!("{n},P{},x,1,2010-12-01,1.{n},,UK\n", n * 7_919 % 10_007)).collect();
    let packed = gzip(HEADER.to_owned() + &rows);
    let message = planned(open(&packed[..packed.len() / 2]).unwrap()).unwrap_err().to_string();
    assert!(message.starts_with("failed to read shop.csv at line ") && message.contains("gzip -t"), "{message}");
    let line: u64 = message["failed to read shop.csv at line ".len()..].split(':').next().unwrap().parse().unwrap();
    assert!((1_000..50_000).contains(&line), "{line}");

    let plan = plan(&packed);
    let mut sent = Events::new(open(&packed[..packed.len() / 2]).unwrap(), None, Arc::new(plan));
    assert!(sent.by_ref().take_while(Result::is_ok).count() > 1_000);
    assert!(sent.next().is_none(), "nothing follows an error");
}

#[test]
fn a_disk_that_fails_midway_is_an_error_too() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let source = std::io::Cursor::new(shop().into_bytes()).chain(Broken);
    let failed =
        Rows::read(Box::new(source), Path::new("shop.csv"), &ImportOptions::default()).and_then(planned).unwrap_err();
    assert!(failed.to_string().contains("the disk is gone"), "{failed}");
}

#[test]
fn a_file_that_changes_between_the_passes_is_an_error() {
    let more = shop() + "1,A,x,1,2010-12-01,1,,UK\n";
    for (first, second) in [(shop(), more.clone()), (more, shop()), (shop(), shop() + "9,A,x,1,2010-12-01,1,,UK\n")] {
        let plan = Arc::new(plan(first));
        let last = Events::new(open(second).unwrap(), None, plan).last().unwrap();
        assert!(matches!(last, Err(ImportError::Changed { .. })), "{last:?}");
    }
}

#[test]
fn what_is_no_regular_file_or_not_there_is_refused_and_so_is_a_share_below_zero() {
    let refused = |path: &str, options| Import::open(Path::new(path), options).unwrap_err();
    assert!(matches!(refused("/dev/null", ImportOptions::default()), ImportError::NotRegular { .. }));
    assert!(matches!(refused("/nowhere.csv", ImportOptions::default()), ImportError::Open { .. }));
    let shares = DeriveInventory { buy_share: Decimal::from_units(-1), ..DeriveInventory::default() };
    let options = ImportOptions { derive_inventory: Some(shares), ..ImportOptions::default() };
    assert!(matches!(refused("/dev/null", options), ImportError::Share { name: "buy price", .. }));
}
