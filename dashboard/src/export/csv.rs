//! CSV: RFC 4180, UTF-8, a line of names first.

use std::borrow::Cow;

use stockstream_model::documents::{Field, Row, Value};

use super::file::Made;

pub(super) fn write<R: Row>(rows: &[R], fields: &[&'static Field<R>]) -> Made {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(fields.iter().map(|field| field.name))?;
    for row in rows {
        writer.write_record(fields.iter().map(|field| cell(field.of(row)).into_owned()))?;
    }
    Ok(writer.into_inner().map_err(csv::IntoInnerError::into_error)?)
}

fn cell(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Nothing => "".into(),
        Value::Text(text) => defused(text),
        Value::Whole(number) => number.to_string().into(),
        Value::Number(number) => number.to_string().into(),
        Value::Flag(flag) => flag.to_string().into(),
        Value::Time(at) => at.to_string().into(),
    }
}

/// Text that a spreadsheet would take for a formula, with an apostrophe before it, which makes it text there. Whoever
/// names a product or a client could otherwise have a command run at the reader's.
fn defused(text: &str) -> Cow<'_, str> {
    let first = text.trim_start_matches([' ', '\u{A0}', '\u{FEFF}']).chars().next();
    match first {
        Some(
            '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '|' | '%' | '\u{FF1D}' | '\u{FF0B}' | '\u{FF0D}' | '\u{FF20}',
        ) => format!("'{text}").into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_taken_for_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "|cmd", "\u{FF1D}1"] {
            assert_eq!(defused(text), format!("'{text}"));
        }
        for text in ["", "1", "a=1", "'a", "é", "a-1"] {
            assert_eq!(defused(text), text);
        }
    }

    #[test]
    fn numbers_stay_numbers_and_nothing_is_empty() {
        for (value, text) in [
            (Value::Number(-1.5), "-1.5"),
            (Value::Number(10.0), "10"),
            (Value::Whole(-3), "-3"),
            (Value::Flag(true), "true"),
            (Value::Nothing, ""),
            (Value::Time("2026-01-01".parse().unwrap()), "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(cell(value), text);
        }
    }
}
