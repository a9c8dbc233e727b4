//! The text of a file: its encoding, and the ends of its lines.

use std::{
    fmt,
    io::{self, Cursor, Read},
};

use encoding_rs::{Decoder, DecoderResult, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::{
    error::{EncodingNameSnafu, ImportError},
    source::{Source, peek},
};

/// How much of a file is looked at to find out how its text is written.
const SAMPLE: usize = 64 * 1024;
const CHUNK: usize = 64 * 1024;

/// The encoding of a text that does not say it itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Encoding {
    /// The encoding of that name, such as `windows-1252`, `utf-16le` or `shift_jis`.
    ///
    /// # Errors
    /// A name that no encoding has.
    pub fn named(name: &str) -> Result<Self, ImportError> {
        let found = encoding_rs::Encoding::for_label_no_replacement(name.as_bytes());
        found.map(Self).ok_or_else(|| EncodingNameSnafu { name }.build())
    }
}

/// Text in UTF-8 whose lines end in LF or CRLF.
pub(super) struct Text {
    pub(super) source: Source,
    /// Its beginning.
    pub(super) start: Vec<u8>,
    /// Whether nothing but its reader has checked that it is UTF-8.
    pub(super) unchecked: bool,
}

/// Bytes that are no text in the encoding, as an error of reading.
#[derive(Debug)]
pub(super) struct Malformed(pub(super) &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is not text in {}", self.0)
    }
}

impl std::error::Error for Malformed {}

/// A text, whatever it is encoded in: a byte order mark says it, then what was named, then the zeros of UTF-16.
pub(super) fn open(mut source: Source, named: Option<Encoding>) -> io::Result<Text> {
    let start = peek(&mut source, SAMPLE)?;
    let (encoding, mark) = match marked(&start)? {
        Some(found) => found,
        None => (named.map(|named| named.0).or_else(|| unmarked(&start)).unwrap_or(UTF_8), 0),
    };
    let whole: Source = Box::new(Cursor::new(start).chain(source));
    let mut text: Source = if encoding == UTF_8 { whole } else { Box::new(Decoded::new(whole, encoding)) };
    // UTF-16 decoders take their mark away themselves.
    if encoding == UTF_8 {
        peek(&mut text, mark)?;
    }
    let start = peek(&mut text, SAMPLE)?;
    let is_old = ends_lines_with_cr(&start);
    let whole: Source = Box::new(Cursor::new(start.clone()).chain(text));
    let source: Source = if is_old { Box::new(LineEnds(whole)) } else { whole };
    Ok(Text { source, start, unchecked: encoding == UTF_8 })
}

type Found = (&'static encoding_rs::Encoding, usize);

/// The encoding that a byte order mark says, and its length.
fn marked(start: &[u8]) -> io::Result<Option<Found>> {
    let utf32 = [&[0xff, 0xfe, 0, 0][..], &[0, 0, 0xfe, 0xff]].iter().any(|mark| start.starts_with(mark));
    let bare = matches!(start, [first, 0, 0, 0, ..] | [0, 0, 0, first, ..] if *first != 0);
    if utf32 || bare {
        return Err(io::Error::other(Malformed("UTF-8 or UTF-16, but in UTF-32")));
    }
    Ok(encoding_rs::Encoding::for_bom(start))
}

/// UTF-16 without a mark: the Latin letters that a header begins with have a zero before or behind them.
fn unmarked(start: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    match start {
        [first, 0, second, 0, ..] if *first != 0 && *second != 0 => Some(UTF_16LE),
        [0, first, 0, second, ..] if *first != 0 && *second != 0 => Some(UTF_16BE),
        _ => None,
    }
}

/// Whether the first line ends with a CR alone, as on old Macs.
fn ends_lines_with_cr(start: &[u8]) -> bool {
    let mut quoted = false;
    let end = start.iter().position(|byte| {
        quoted ^= *byte == b'"';
        !quoted && matches!(byte, b'\r' | b'\n')
    });
    let Some(rest) = end.map(|end| &start[end..]) else { return false };
    let behind = rest.iter().find(|byte| **byte != b'\r');
    rest.starts_with(b"\r") && behind.is_none_or(|byte| *byte != b'\n')
}

/// What bytes that are not UTF-8 most often are.
pub(super) fn as_western(bytes: &[u8]) -> String {
    WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned()
}

/// Each CR as LF.
struct LineEnds<R>(R);

impl<R: Read> Read for LineEnds<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        buffer[..read].iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
        Ok(read)
    }
}

/// Text of another encoding as UTF-8. What is no text in it ends it with an error.
struct Decoded<R> {
    source: R,
    decoder: Decoder,
    name: &'static str,
    input: Vec<u8>,
    output: Vec<u8>,
    given: usize,
    ended: bool,
    malformed: bool,
}

impl<R: Read> Decoded<R> {
    fn new(source: R, encoding: &'static encoding_rs::Encoding) -> Self {
        let decoder = encoding.new_decoder_with_bom_removal();
        let (input, output) = (Vec::new(), Vec::new());
        Self { source, decoder, name: encoding.name(), input, output, given: 0, ended: false, malformed: false }
    }

    /// Decodes the next piece.
    fn decode(&mut self) -> io::Result<()> {
        if self.input.is_empty() {
            self.input = peek(&mut self.source, CHUNK)?;
        }
        let last = self.input.is_empty();
        self.output.resize(4 * CHUNK, 0);
        let (result, read, written) =
            self.decoder.decode_to_utf8_without_replacement(&self.input, &mut self.output, last);
        self.input.drain(..read);
        self.output.truncate(written);
        self.given = 0;
        self.ended = last && result == DecoderResult::InputEmpty;
        self.malformed = matches!(result, DecoderResult::Malformed(..));
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.output.len() {
            if self.malformed {
                return Err(io::Error::other(Malformed(self.name)));
            }
            if self.ended || buffer.is_empty() {
                return Ok(0);
            }
            self.decode()?;
        }
        let count = buffer.len().min(self.output.len() - self.given);
        buffer[..count].copy_from_slice(&self.output[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], named: Option<&str>) -> io::Result<String> {
        let named = named.map(|name| Encoding::named(name).unwrap());
        let mut text = String::new();
        open(Box::new(Cursor::new(bytes.to_vec())), named)?.source.read_to_string(&mut text)?;
        Ok(text)
    }

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn utf_16_is_read_with_and_without_its_mark() {
        let long = "Invoice,Café 日本\r\n".repeat(20_000);
        for text in ["Invoice,Café 日本\n", &long] {
            for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
                assert_eq!(read(&utf16(text, bytes), None).unwrap(), text);
                assert_eq!(read(&utf16(&format!("\u{feff}{text}"), bytes), None).unwrap(), text);
            }
        }
        assert_eq!(read("\u{feff}é".as_bytes(), None).unwrap(), "é");
        assert_eq!(read(b"Caf\xe9 \x9cuf", Some("windows-1252")).unwrap(), "Café œuf");
    }

    #[test]
    fn what_is_no_text_in_its_encoding_is_an_error_and_never_replaced() {
        let mut lonely = utf16("Invoice", u16::to_le_bytes);
        lonely.extend(0xd800_u16.to_le_bytes());
        lonely.extend(b"x\0");
        assert!(read(&lonely, None).unwrap_err().to_string().contains("not text in UTF-16LE"));
        let odd = [utf16("Invoice", u16::to_le_bytes), vec![b'x']].concat();
        assert!(read(&odd, None).is_err(), "half a character");
        for utf32 in [&b"\xff\xfe\0\0I\0\0\0"[..], b"I\0\0\0n\0\0\0", b"\0\0\0I\0\0\0n"] {
            assert!(read(utf32, None).unwrap_err().to_string().contains("UTF-32"));
        }
        assert!(Encoding::named("cp850").unwrap_err().to_string().contains("cp850"));
    }

    #[test]
    fn lines_that_end_in_cr_end_in_lf_and_all_others_stay() {
        assert_eq!(read(b"a,\"b\rc\"\rd\re", None).unwrap(), "a,\"b\nc\"\nd\ne");
        assert_eq!(read(b"a\r", None).unwrap(), "a\n");
        for text in ["a,\"b\rc\"\nd\r\n", "a\r\nb\rc", "a\r\r\nb\r\r\n", "a"] {
            assert_eq!(read(text.as_bytes(), None).unwrap(), text);
        }
    }
}
