//! Bytes that were changed, cut, doubled or taken out.

use proptest::{prelude::*, sample::Index};

/// What means something to the formats that are read.
const PIECES: [&[u8]; 16] = [
    b"\"",
    b",",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"<",
    b">",
    b"&",
    b"</c>",
    b"r=\"ZZZZZZZZ99999999999\"",
    b"t=\"s\"",
    b"<v>-1</v>",
    b"<v>1e999</v>",
    b"PK\x03\x04",
];

#[derive(Clone, Debug)]
enum Damage {
    Put(Index, u8),
    Insert(Index, &'static [u8]),
    Remove(Index, usize),
    Double(Index, usize),
    Cut(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Put(at, byte)),
        3 => (at(), prop::sample::select(PIECES.to_vec())).prop_map(|(at, piece)| Damage::Insert(at, piece)),
        2 => (at(), 1..40_usize).prop_map(|(at, length)| Damage::Remove(at, length)),
        2 => (at(), 1..200_usize).prop_map(|(at, length)| Damage::Double(at, length)),
        1 => at().prop_map(Damage::Cut),
    ]
}

/// These bytes with some damage.
pub fn damaged(bytes: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(damage(), 1..5).prop_map(move |damages| {
        let mut bytes = bytes.clone();
        for damage in damages {
            let whole = bytes.len();
            let range = |at: Index, length: usize| {
                let start = at.index(whole + 1);
                start..(start + length).min(whole)
            };
            match damage {
                Damage::Put(at, byte) => bytes[range(at, 1)].fill(byte),
                Damage::Insert(at, piece) => _ = bytes.splice(range(at, 0), piece.iter().copied()),
                Damage::Remove(at, length) => _ = bytes.drain(range(at, length)),
                Damage::Double(at, length) => bytes.extend_from_within(range(at, length)),
                Damage::Cut(at) => bytes.truncate(range(at, 0).start),
            }
        }
        bytes
    })
}
