//! Bursts of events that no shop sends.

use std::fmt;

use serde_json::{Value, json};
use stockstream_model::event::EventKind;

use super::Scenario;
use crate::{chaos::feed::Item, harness::SeededRng};

/// As large as a broker takes it, with what is around it.
const LARGE: usize = (1 << 20) - 200;
const DEEP: usize = 20_000;
/// Behind the longest id that is taken.
const LONG_ID: usize = 4 << 10;
/// What a database might take for something else than a name.
const ODD_IDS: [&str; 10] =
    ["$where", "a.b", "$set.$inc", "o.s3", "_id", "__proto__", " ", "\u{0}", "naïve \u{1f980}", "'; --"];

pub struct Poison {
    kinds: Vec<(EventKind, u64)>,
}

impl Poison {
    pub fn draw(rng: &mut SeededRng) -> Self {
        let kinds = (0..rng.between(20, 150)).map(|_| (*rng.one(&EventKind::ALL), rng.between(0, 1_000))).collect();
        Self { kinds }
    }

    pub async fn inject(&self, scenario: &mut Scenario) {
        scenario
            .while_producing(async |stage| {
                stage.also(self.kinds.iter().map(|(stream, number)| item(*stream, *number)));
                stage.produced(self.kinds.len() as u64 + 20).await;
            })
            .await;
    }
}

fn item(stream: EventKind, number: u64) -> Item {
    let refused = |payload: Vec<u8>| Item { stream, payload, refused: true };
    let odd = ODD_IDS[(number / 10) as usize % ODD_IDS.len()];
    match number % 10 {
        0 => refused(b"not JSON".into()),
        1 => refused(Vec::new()),
        2 => refused(b"{\"product_id\": \"\xff\xfe\"}".into()),
        3 => refused(b"[".repeat(DEEP)),
        4 if number < 100 => refused(vec![b'x'; LARGE]),
        4 => refused(b"{}".into()),
        5 => refused(of(stream, &"a".repeat(LONG_ID)).to_string().into()),
        6 => refused(format!("{{\"deep\": {}1{}}}", "[".repeat(DEEP), "]".repeat(DEEP)).into()),
        _ => {
            // Ids are compared byte for byte, whatever is in them; but one of blanks or with a zero is none.
            let payload = of(stream, odd).to_string().into_bytes();
            Item { stream, payload, refused: false }
        }
    }
}

/// A good event about this id.
fn of(stream: EventKind, id: &str) -> Value {
    match stream {
        EventKind::Sales => json!({
            "invoice_id": id, "client_id": id, "timestamp": "2011-07-02T10:00:00Z",
            "items": [{ "product_id": id, "quantity": 2, "unit_price": "1.25" }],
        }),
        EventKind::Inventory => json!({
            "product_id": id, "name": id, "quantity": 3, "buy_price": "0.75", "batch_no": id,
            "updated_at": "2011-07-02T10:00:00Z",
        }),
        EventKind::Clients => json!({ "client_id": id, "name": id, "updated_at": "2011-07-02T10:00:00Z" }),
    }
}

impl fmt::Display for Poison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a burst of {} odd events", self.kinds.len())
    }
}
