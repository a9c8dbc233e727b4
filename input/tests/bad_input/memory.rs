//! Small files that unpack to a great deal are refused before they fill the memory.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use stockstream_input::{ImportOptions, Limits};

use super::{HEADER, read, workbook::archive};

const MIB: usize = 1 << 20;
/// As on the page.
const LIMITS: Limits = Limits { file: 8 << 20, unpacked: 64 << 20, text: 64 << 20, rows: 50_000 };
/// What is held at most: a few times what may be unpacked.
const MOST: u64 = 512 << 20;

/// Why it is refused, in little memory.
fn refused(file: &[u8]) -> String {
    assert!(file.len() < 2 * MIB, "{} bytes are no small file", file.len());
    let options = ImportOptions { limits: LIMITS, ..ImportOptions::default() };
    let mut message = String::new();
    let memory = allocation_counter::measure(|| message = read(file, options).unwrap_err().to_string());
    assert!(memory.bytes_max < MOST, "{} MiB for {} bytes: {message}", memory.bytes_max >> 20, file.len());
    message
}

/// The header and a hundred times a mebibyte, compressed.
fn packed(mebibyte: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    writeln!(encoder, "{}", HEADER.join(",")).unwrap();
    (0..100).for_each(|_| encoder.write_all(mebibyte).unwrap());
    encoder.finish().unwrap()
}

#[test]
fn a_compressed_file_that_never_ends_is_refused() {
    let row = format!("1,A,{},1,2026-05-01,1,\n", "x".repeat(4_000));
    let rows = row.repeat(MIB / row.len());
    for (mebibyte, words) in [
        (vec![b'a'; MIB], "a row of more than 1 MiB after line 2"),
        ([b"1,\"".to_vec(), vec![b'\n'; MIB - 3]].concat(), "is a quote left open?"),
        (vec![b','; MIB], "a row of more than 1 MiB"),
        (vec![b'\n'; MIB], "a row of more than 1 MiB"),
        (rows.into_bytes(), "more text than 64 MiB when it is unpacked"),
        (b"1,A,x,1,2026-05-01,1,\n".repeat(MIB / 22), "more than 50000 rows"),
    ] {
        let message = refused(&packed(&mebibyte));
        assert!(message.contains(words), "{words}: {message}");
    }
    let columns = format!("{}\n", HEADER.join(",") + &",x".repeat(10_000));
    assert!(refused(columns.as_bytes()).contains("more than 1000 columns"));
}

/// A workbook whose sheets are all the same part of the archive: rows of a text that is there once.
fn shared(sheets: usize, rows: usize) -> Vec<u8> {
    let named = |name: &str, text: String| (name.to_owned(), text.into_bytes());
    let of = |part: &str, count: usize| (0..count).map(|at| part.replace("{}", &at.to_string())).collect::<String>();
    let office = "http://schemas.openxmlformats.org";
    let main = format!("xmlns=\"{office}/spreadsheetml/2006/main\"");
    let relations = format!("xmlns=\"{office}/package/2006/relationships\"");
    let kind = format!("{office}/officeDocument/2006/relationships");
    archive(&[
        named("[Content_Types].xml", format!("<Types xmlns=\"{office}/package/2006/content-types\"/>")),
        named(
            "_rels/.rels",
            format!(
                "<Relationships {relations}><Relationship Id=\"r\" Type=\"{kind}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        named(
            "xl/workbook.xml",
            format!(
                "<workbook {main} xmlns:r=\"{kind}\"><sheets>{}</sheets></workbook>",
                of("<sheet name=\"s{}\" sheetId=\"1\" r:id=\"r1\"/>", sheets)
            ),
        ),
        named(
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships {relations}><Relationship Id=\"r1\" Type=\"{kind}/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"r2\" Type=\"{kind}/sharedStrings\" Target=\"sharedStrings.xml\"/></Relationships>"
            ),
        ),
        named("xl/sharedStrings.xml", format!("<sst {main}><si><t>{}</t></si></sst>", "x".repeat(32_767))),
        named(
            "xl/worksheets/sheet1.xml",
            format!(
                "<worksheet {main}><sheetData>{}</sheetData></worksheet>",
                of("<row><c t=\"s\"><v>0</v></c><c t=\"s\"><v>0</v></c></row>", rows)
            ),
        ),
    ])
}

#[test]
fn texts_that_cells_or_sheets_share_are_counted_each_time() {
    for (sheets, rows, words) in [
        (1, 10_000, "more than 64 MiB of text in its cells"),
        (60, 900, "more than 64 MiB of text in its cells"),
        (10_000, 1, "more than 64 sheets"),
    ] {
        let message = refused(&shared(sheets, rows));
        assert!(message.contains(words), "{sheets} sheets of {rows} rows: {message}");
    }
}
