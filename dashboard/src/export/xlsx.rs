//! Excel workbooks: one sheet, a row of names that stays in sight, values as what they are. Texts are written as texts,
//! never as formulas or links. The sheet's name says that it is an export: imported again, its figures would count twice.

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, XlsxError};
use stockstream_model::documents::{Field, Kind, Row, Value};

use super::file::Made;

/// The longest text that a cell holds, in UTF-16 units.
const MAX_TEXT: usize = 32_767;

pub(super) fn write<R: Row>(name: &str, rows: &[R], fields: &[&'static Field<R>]) -> Made {
    let mut workbook = Workbook::new();
    let (bold, time) = (Format::new().set_bold(), Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"));
    let sheet = workbook.add_worksheet();
    sheet.set_name(name)?;
    for (column, field) in (0_u16..).zip(fields) {
        sheet.write_string_with_format(0, column, field.name, &bold)?;
        sheet.set_column_width(column, width(field.name, field.kind))?;
    }
    for (line, row) in (1_u32..).zip(rows) {
        for (column, field) in (0_u16..).zip(fields) {
            let at = (line, column);
            match field.of(row) {
                Value::Nothing => {}
                Value::Text(text) => sheet.write_string(at.0, at.1, cut(text)).map(drop)?,
                Value::Whole(number) => sheet.write_number(at.0, at.1, number as f64).map(drop)?,
                Value::Number(number) => sheet.write_number(at.0, at.1, number).map(drop)?,
                Value::Flag(flag) => sheet.write_boolean(at.0, at.1, flag).map(drop)?,
                Value::Time(moment) => match ExcelDateTime::from_timestamp(moment.millis().div_euclid(1_000)) {
                    Ok(moment) => sheet.write_datetime_with_format(at.0, at.1, &moment, &time).map(drop)?,
                    // Excel's calendar is shorter than ours.
                    Err(_) => sheet.write_string(at.0, at.1, moment.to_string()).map(drop)?,
                },
            }
        }
    }
    sheet.set_freeze_panes(1, 0)?;
    if let Some(last) = u16::try_from(fields.len()).ok().and_then(|count| count.checked_sub(1)) {
        sheet.autofilter(0, 0, u32::try_from(rows.len()).map_err(|_| XlsxError::RowColumnLimitError)?, last)?;
    }
    Ok(workbook.save_to_buffer()?)
}

fn width(name: &str, kind: Kind) -> f64 {
    let content: usize = match kind {
        Kind::Text => 24,
        Kind::Time => 19,
        _ => 12,
    };
    content.max(name.len() + 4) as f64
}

fn cut(text: &str) -> &str {
    let mut units = 0;
    let end = text.char_indices().find(|(_, letter)| {
        units += letter.len_utf16();
        units > MAX_TEXT
    });
    end.map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_where_a_cell_ends() {
        assert_eq!(cut("abc"), "abc");
        assert_eq!(cut(&"é".repeat(40_000)).chars().count(), MAX_TEXT);
        assert_eq!(cut(&"😀".repeat(20_000)).chars().count(), MAX_TEXT / 2);
    }
}
