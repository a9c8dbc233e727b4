//! What a file is, by its first bytes; its name may say something else.

/// What a file is that is not read, and what to do with it. Both for a person.
pub(super) type Foreign = (&'static str, &'static str);

const OLD_EXCEL: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
const COMPRESSED: [&[u8]; 5] = [
    b"BZh",
    &[0xfd, b'7', b'z', b'X', b'Z', 0],
    &[0x28, 0xb5, 0x2f, 0xfd],
    &[b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c],
    b"Rar!",
];

/// What a file is that begins so, if it is known not to be read.
pub(super) fn foreign(start: &[u8]) -> Option<Foreign> {
    if start.starts_with(OLD_EXCEL) {
        let what = "in the old Excel format (.xls), or has a password";
        return Some((what, "open it in a spreadsheet and save it as .xlsx, without a password"));
    }
    if start.starts_with(b"%PDF-") {
        return Some(("a PDF", "export the list itself as CSV or .xlsx"));
    }
    if COMPRESSED.iter().any(|magic| start.starts_with(magic)) {
        return Some(("compressed by other means than gzip", "unpack it first"));
    }
    let text = start.trim_ascii_start();
    if text.starts_with(b"<") {
        return Some(("HTML or XML", "open it in a spreadsheet and save it as .xlsx"));
    }
    let list = text.strip_prefix(b"[").map(<[u8]>::trim_ascii_start);
    if text.starts_with(b"{") || list.is_some_and(|list| list.starts_with(b"{")) {
        return Some(("JSON", "save it as CSV or .xlsx; what is an event already, produce to Kafka"));
    }
    None
}

/// The same of a ZIP archive, by the names of its parts.
pub(super) fn foreign_archive(parts: &[&[u8]]) -> Option<Foreign> {
    let has = |name: &str| parts.contains(&name.as_bytes());
    let save = "save it as .xlsx";
    match () {
        () if has("xl/workbook.bin") => Some(("a binary workbook (.xlsb)", save)),
        () if has("META-INF/manifest.xml") && has("content.xml") => Some(("an OpenDocument spreadsheet (.ods)", save)),
        () if has("Index/Document.iwa") => Some(("a Numbers spreadsheet", save)),
        () if has("_rels/.rels") || parts.iter().any(|part| part.starts_with(b"xl/")) => None,
        () => Some(("a ZIP archive and no workbook", "unpack it first")),
    }
}

/// The sign that separates the columns of a header without commas.
pub(super) fn separator(header: &str) -> Option<char> {
    let named = header.trim().to_lowercase();
    if let Some(sign) = named.strip_prefix("sep=").and_then(|rest| rest.chars().next()) {
        return Some(sign);
    }
    let signs = |sign: &char| header.matches(*sign).count();
    [';', '\t', '|'].into_iter().find(|sign| signs(sign) > 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_csv_is_known_by_its_first_bytes() {
        for start in [
            OLD_EXCEL,
            b"%PDF-1.7",
            b"BZh9",
            b"\n<html>",
            b"<?xml",
            b"{\"a\":1}",
            b"[ {}",
            b"Rar!\x1a",
            &[0x28, 0xb5, 0x2f, 0xfd],
        ] {
            assert!(foreign(start).is_some(), "{start:?}");
        }
        for start in [&b"InvoiceNo,StockCode"[..], b"", b"[x],y", b"\"a\"", b"#1001"] {
            assert!(foreign(start).is_none(), "{start:?}");
        }
    }

    #[test]
    fn other_separators_are_known() {
        assert_eq!(separator("InvoiceNo;StockCode;Description;Quantity"), Some(';'));
        assert_eq!(separator("a\tb\tc\td"), Some('\t'));
        assert_eq!(separator("sep=;"), Some(';'));
        for header in ["Sales; of May", "", "InvoiceNo"] {
            assert_eq!(separator(header), None, "{header}");
        }
    }
}
