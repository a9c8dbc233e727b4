//! JSON apart from its spelling: what a document says, and the many ways to write it.

use proptest::prelude::*;

/// What a document says. A number is kept as it was given.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Text(String),
    Number(String),
    Word(&'static str),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Decides how each part is spelled; only zeros spell it plainly.
#[derive(Clone, Debug)]
pub struct Hand {
    moves: Vec<u8>,
    next: usize,
}

pub fn hand() -> impl Strategy<Value = Hand> {
    prop::collection::vec(any::<u8>(), 1..64).prop_map(|moves| Hand { moves, next: 0 })
}

impl Hand {
    pub fn plain() -> Self {
        Self { moves: vec![0], next: 0 }
    }

    /// One of so many ways.
    fn way(&mut self, ways: u8) -> u8 {
        self.next = (self.next + 1) % self.moves.len();
        self.moves[self.next] % ways
    }

    fn space(&mut self, into: &mut String) {
        into.push_str(["", " ", "\n", "\t\r\n ", "", ""][usize::from(self.way(6))]);
    }
}

pub fn text(text: impl Into<String>) -> Json {
    Json::Text(text.into())
}

pub fn number(text: impl Into<String>) -> Json {
    Json::Number(text.into())
}

impl Json {
    /// As this hand writes it.
    pub fn written(&self, mut hand: Hand) -> Vec<u8> {
        let mut into = String::new();
        self.write(&mut hand, &mut into);
        hand.space(&mut into);
        into.into_bytes()
    }

    pub fn plain(&self) -> Vec<u8> {
        self.written(Hand::plain())
    }

    fn write(&self, hand: &mut Hand, into: &mut String) {
        hand.space(into);
        match self {
            Self::Text(text) => quote(text, hand, into),
            Self::Number(digits) => into.push_str(&respelled(digits, hand)),
            Self::Word(word) => into.push_str(word),
            Self::List(items) => enclose(['[', ']'], items, hand, into, |item, hand, into| item.write(hand, into)),
            Self::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                let turned = usize::from(hand.way(16)) % fields.len().max(1);
                fields.rotate_left(turned);
                enclose(['{', '}'], &fields, hand, into, |(name, value), hand, into| {
                    hand.space(into);
                    quote(name, hand, into);
                    hand.space(into);
                    into.push(':');
                    value.write(hand, into);
                });
            }
        }
    }
}

fn enclose<T>(
    signs: [char; 2],
    parts: &[T],
    hand: &mut Hand,
    into: &mut String,
    write: impl Fn(&T, &mut Hand, &mut String),
) {
    into.push(signs[0]);
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            into.push(',');
        }
        write(part, hand, into);
        hand.space(into);
    }
    into.push(signs[1]);
}

fn quote(text: &str, hand: &mut Hand, into: &mut String) {
    into.push('"');
    for sign in text.chars() {
        let must = sign < ' ' || sign == '"' || sign == '\\';
        match hand.way(8) {
            1 => sign.encode_utf16(&mut [0; 2]).iter().for_each(|unit| into.push_str(&format!("\\u{unit:04x}"))),
            2 => sign.encode_utf16(&mut [0; 2]).iter().for_each(|unit| into.push_str(&format!("\\u{unit:04X}"))),
            3 if sign == '/' => into.push_str("\\/"),
            _ if must => {
                let quoted = serde_json::to_string(&sign).unwrap();
                into.push_str(&quoted[1..quoted.len() - 1]);
            }
            _ => into.push(sign),
        }
    }
    into.push('"');
}

/// The same number in another spelling, if it has few enough digits that each of them is read exactly.
fn respelled(digits: &str, hand: &mut Hand) -> String {
    let few = digits.bytes().all(|byte| byte.is_ascii_digit() || b".-".contains(&byte)) && digits.len() <= 15;
    let point = digits.contains('.');
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    match hand.way(8) {
        1 if few && point => format!("{digits}0"),
        1 if few => format!("{digits}.0"),
        2 if few => format!("{digits}e0"),
        3 if few => format!("{digits}E+00"),
        4 if few && !point && whole.trim_start_matches('-') != "0" => format!("{whole}0e-1"),
        5 if few && point && !whole.ends_with('0') => format!("{whole}{fraction}e-{}", fraction.len()),
        6 if few && !point => format!("{digits}.000"),
        _ => digits.to_owned(),
    }
}
