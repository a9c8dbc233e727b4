//! What stands in a cell, beyond its text, and why it cannot be what is meant.

use std::borrow::Cow;

use stockstream_model::Money;

use crate::entry::Kind;

/// The type that a spreadsheet gives a cell. In a CSV file, all is text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum CellType {
    #[default]
    Text,
    Number,
    Time,
    Bool,
    Error,
}

/// What spreadsheets show where a formula has no result, in English, German and French.
const ERRORS: [&str; 26] = [
    "#N/A",
    "#REF!",
    "#DIV/0!",
    "#VALUE!",
    "#NAME?",
    "#NUM!",
    "#NULL!",
    "#DATA!",
    "#GETTING_DATA",
    "#SPILL!",
    "#CALC!",
    "#FIELD!",
    "#BLOCKED!",
    "#CONNECT!",
    "#UNKNOWN!",
    "#BUSY!",
    "#PYTHON!",
    "#NV",
    "#BEZUG!",
    "#WERT!",
    "#ZAHL!",
    "#ÜBERLAUF!",
    "#VALEUR!",
    "#NOM?",
    "#NOMBRE!",
    "#NUL!",
];
/// What programs write for nothing.
const NOTHING: [&str; 6] = ["nan", "null", "none", "undefined", "n/a", "<na>"];
/// What spreadsheets write in front of a row of totals, in English, German and French.
const TOTALS: [&str; 13] = [
    "total",
    "totals",
    "grand total",
    "subtotal",
    "sub-total",
    "sum",
    "gesamt",
    "gesamtsumme",
    "summe",
    "zwischensumme",
    "somme",
    "sous-total",
    "total général",
];
const AS_TEXT: &str = "format the column as text and write it again";

/// Why a cell cannot be what is meant by a field of that kind, as far as the decoder of the events does not say it.
pub(super) fn fault(cell: CellType, text: &str, field: Kind) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    if cell == CellType::Error || text.starts_with('#') && ERRORS.contains(&text.trim().to_uppercase().as_str()) {
        return Some(format!("{} is an error cell: mend its formula, or write what is meant", text.trim()));
    }
    if text.contains('\0') {
        return Some("holds a NUL character: the file is damaged, or in another encoding".into());
    }
    match field {
        Kind::Id => id(cell, text),
        Kind::Money => amount(text),
        Kind::Time => time(text),
        Kind::Text | Kind::Whole | Kind::Tier => None,
    }
}

fn id(cell: CellType, text: &str) -> Option<String> {
    let shown: String = text.chars().take(40).collect();
    match cell {
        CellType::Bool => Some(format!("{shown} is a logical value, not an id: {AS_TEXT}")),
        CellType::Time => Some(format!("{shown} is a date, not an id: {AS_TEXT}")),
        CellType::Number if text.contains('.') => {
            Some(format!("{shown} is a number with decimals, not an id: {AS_TEXT}"))
        }
        CellType::Number if text.bytes().filter(u8::is_ascii_digit).count() > 15 => {
            Some(format!("{shown} is a number of more digits than the 15 that a spreadsheet keeps: {AS_TEXT}"))
        }
        _ if is_rounded(text) => Some(format!("{shown} is a rounded number, not an id: {AS_TEXT}")),
        _ if is_total(text) => {
            Some(format!("{shown:?} is what spreadsheets write for a row of totals: remove the row"))
        }
        _ if text.len() < 12 && NOTHING.contains(&text.trim().to_lowercase().as_str()) => {
            Some(format!("{shown:?} is what programs write for nothing: write the id, or leave the cell empty"))
        }
        _ => None,
    }
}

/// Whether it names a row of totals.
fn is_total(text: &str) -> bool {
    text.len() < 20 && TOTALS.contains(&text.trim().trim_end_matches([':', ' ']).to_lowercase().as_str())
}

/// Whether a program wrote a long number so, as in `5.01E+12`. A code such as `12E5` is none.
fn is_rounded(text: &str) -> bool {
    let Some((digits, exponent)) = text.trim().split_once(['E', 'e']) else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let power = exponent.trim_start_matches(['+', '-']);
    let (whole, fraction) = digits.split_once(['.', ',']).unwrap_or((digits, "0"));
    let is_decimal = is_number(whole.trim_start_matches('-')) && is_number(fraction);
    is_decimal && is_number(power) && (digits.contains(['.', ',']) || power.len() < exponent.len())
}

/// Digits and nothing but what people write between them: a number, which as an id must be whole and plain.
fn looks_like_a_number(text: &str) -> bool {
    let sign = |c: char| matches!(c, '.' | ',' | '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}');
    text.bytes().any(|byte| byte.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || sign(c))
}

/// A client as it counts. Data frames write whole numbers as `17850.0` where some are absent: that is client 17850.
///
/// # Errors
/// A number that is not whole.
pub(super) fn client(text: &str) -> Result<&str, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(whole.strip_prefix('-').unwrap_or(whole)) && digits(fraction) {
        let is_whole = fraction.bytes().all(|digit| digit == b'0');
        return if is_whole { Ok(whole) } else { Err(not_whole(text)) };
    }
    if looks_like_a_number(text.strip_prefix('-').unwrap_or(text)) { Err(not_whole(text)) } else { Ok(text) }
}

fn not_whole(text: &str) -> String {
    format!("{:?} is not a whole number", text.chars().take(40).collect::<String>())
}

fn amount(text: &str) -> Option<String> {
    if text.parse::<Money>().is_ok() || !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let shown: String = text.chars().take(40).collect();
    let symbol = |c: char| "$€£¥₹₽₩₺₴₪฿₫₦".contains(c);
    if text.contains(symbol) || text.contains(char::is_alphabetic) && text.parse::<f64>().is_err() {
        return Some(format!("{shown:?} holds a currency: write the number alone, such as 1200.50"));
    }
    if text.trim().starts_with('(') {
        return Some(format!("{shown:?} is in brackets: write an amount below zero with a minus sign"));
    }
    let separator = |c: char| matches!(c, ',' | '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}');
    text.contains(separator).then(|| {
        format!(
            "{shown:?} holds a comma, a space or an apostrophe: write 1200.50, with a point before the decimals only"
        )
    })
}

/// What is wrong with a time that has not come yet.
pub(super) fn future(text: &str) -> String {
    format!("{:?} lies in the future: check the year", text.chars().take(40).collect::<String>())
}

fn time(text: &str) -> Option<String> {
    let mut numbers = text.trim().split(['/', '.', '-']);
    let short = |part: Option<&str>| {
        part.is_some_and(|part| (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let day_first = short(numbers.next()) && short(numbers.next());
    let year = numbers.next().map(|rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    (day_first && matches!(year, Some(2 | 4))).then(|| {
        let shown: String = text.chars().take(40).collect();
        format!("{shown:?} does not say which number is the month: write the year first, such as 2026-12-31 08:26")
    })
}

/// A time with its zone as RFC 3339 has it; some shops write `2026-04-03 10:14:00 -0400`, or `UTC` behind it.
pub(super) fn zoned(text: &str) -> Cow<'_, str> {
    let Some((local, zone)) = text.rsplit_once(' ').filter(|(local, _)| local.contains(':')) else {
        return text.into();
    };
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    match zone.split_at_checked(3) {
        Some(("UTC" | "GMT", "")) => format!("{local}Z").into(),
        Some((hours, minutes)) => {
            let minutes = minutes.strip_prefix(':').unwrap_or(minutes);
            let is_offset = hours.strip_prefix(['+', '-']).is_some_and(digits) && digits(minutes);
            if is_offset { format!("{local}{hours}:{minutes}").into() } else { text.into() }
        }
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use stockstream_model::Timestamp;

    use super::*;

    #[test]
    fn an_id_is_no_error_no_rounded_number_and_no_word_for_nothing() {
        for text in [
            "#N/A",
            "#REF!",
            "#div/0!",
            "5.01E+12",
            "5,01E+12",
            "5.01e12",
            "1E+5",
            "NaN",
            "null",
            "N/A",
            "a\0b",
            "Total",
            "TOTAL:",
            " Summe ",
            "Total général",
        ] {
            assert!(fault(CellType::Text, text, Kind::Id).is_some(), "{text}");
        }
        for text in [
            "#1001",
            "12E5",
            "84029E",
            "E+5",
            "a.b",
            "1E",
            "Nana",
            "5010000000000",
            "",
            "AB-12001",
            "10.5",
            "TOTAL-5",
            "Total 7",
        ] {
            assert_eq!(fault(CellType::Text, text, Kind::Id), None, "{text}");
        }
        for (cell, text) in [
            (CellType::Bool, "true"),
            (CellType::Time, "2026-03-01"),
            (CellType::Number, "17850.5"),
            (CellType::Number, "1234567890123450"),
            (CellType::Error, "#SOMETHING"),
        ] {
            assert!(fault(cell, text, Kind::Id).is_some(), "{text}");
        }
        assert_eq!(fault(CellType::Number, "5010000000000", Kind::Id), None);
    }

    #[test]
    fn an_error_is_told_in_any_field() {
        for field in [Kind::Id, Kind::Text, Kind::Whole, Kind::Money, Kind::Time, Kind::Tier] {
            assert!(fault(CellType::Text, "#VALUE!", field).unwrap().contains("#VALUE! is an error cell"));
        }
    }

    #[test]
    fn a_client_is_any_text_but_a_number_that_is_not_whole() {
        for (text, client_id) in [
            ("17850.0", "17850"),
            ("007", "007"),
            ("-5", "-5"),
            ("AB-12001", "AB-12001"),
            ("anna@example.org", "anna@example.org"),
        ] {
            assert_eq!(client(text), Ok(client_id));
        }
        for text in ["17850.5", "17,850", "17 850", "9 ", "1.2.3", "17’850", "17850."] {
            assert!(client(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_amount_that_people_write_otherwise_is_told_how_to_write() {
        for (text, words) in [
            ("$36.00", "currency"),
            ("-$18.00", "currency"),
            ("1200 EUR", "currency"),
            ("$1,200.00", "currency"),
            ("(5.00)", "brackets"),
            ("2,50", "comma"),
            ("1 200", "space"),
        ] {
            assert!(fault(CellType::Text, text, Kind::Money).is_some_and(|what| what.contains(words)), "{text}");
        }
        for text in ["36.00", "-1", "cheap", "1e3", ""] {
            assert_eq!(fault(CellType::Text, text, Kind::Money), None, "{text}");
        }
    }

    #[test]
    fn a_date_that_does_not_say_its_month_is_told_and_a_zone_apart_is_read() {
        for text in ["12/1/2010 8:26", "12/13/2010", "1.12.2010", "01-12-10"] {
            assert!(fault(CellType::Text, text, Kind::Time).is_some(), "{text}");
        }
        for text in ["2010-12-01", "2010-12-01 08:26", "yesterday", "20101201", "46143"] {
            assert_eq!(fault(CellType::Text, text, Kind::Time), None, "{text}");
        }
        for (text, instant) in [
            ("2026-04-03 10:14:00 -0400", "2026-04-03T14:14:00Z"),
            ("2026-04-03 10:14:00 +02:00", "2026-04-03T08:14:00Z"),
            ("2026-04-03 10:14:00 UTC", "2026-04-03T10:14:00Z"),
            ("2026-04-03 10:14", "2026-04-03T10:14:00Z"),
        ] {
            assert_eq!(zoned(text).parse::<Timestamp>().unwrap().to_string(), instant);
        }
        assert_eq!(zoned("2026-04-03 10:14:00 EST"), "2026-04-03 10:14:00 EST");
    }
}
