//! Batches of records as they are on the wire, well formed or not, and the request that produces them.

use std::io;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What is wrong with a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// Its checksum.
    Checksum,
    /// Its codec is one that nobody knows.
    Codec,
    /// Where its record is said to be: behind the end of the log.
    Offset,
}

/// A batch of one record.
#[derive(Clone)]
pub struct Batch {
    payload: Vec<u8>,
    broken: Option<Broken>,
}

impl Batch {
    /// A sale to a client.
    pub fn sale(client: &str) -> Self {
        let payload = serde_json::json!({
            "invoice_id": client, "client_id": client, "timestamp": "2026-05-01T12:30:00Z",
            "items": [{ "product_id": "p", "quantity": 1, "unit_price": 1 }],
        });
        Self { payload: payload.to_string().into_bytes(), broken: None }
    }

    /// A sale of so many products that nobody sold before.
    pub fn of_new_products(products: std::ops::Range<usize>) -> Self {
        let lines: Vec<_> = products.map(|n| format!(r#"{{"product_id":"{n}","quantity":1}}"#)).collect();
        let payload =
            format!(r#"{{"invoice_id":1,"timestamp":"2026-05-01","total_amount":1,"items":[{}]}}"#, lines.join(","));
        Self { payload: payload.into_bytes(), broken: None }
    }

    /// The same, broken.
    pub fn broken(self, how: Broken) -> Self {
        Self { broken: Some(how), ..self }
    }

    /// Message format 2.
    fn bytes(&self) -> Vec<u8> {
        let mut record = vec![0]; // attributes
        varint(&mut record, 0); // timestamp delta
        varint(&mut record, if self.broken == Some(Broken::Offset) { 64 } else { 0 }); // offset delta
        varint(&mut record, -1); // no key
        varint(&mut record, self.payload.len() as i64);
        record.extend_from_slice(&self.payload);
        varint(&mut record, 0); // no headers
        let mut checked = Vec::new();
        let codec: i16 = if self.broken == Some(Broken::Codec) { 7 } else { 0 };
        checked.extend(codec.to_be_bytes());
        checked.extend(0_i32.to_be_bytes()); // last offset delta
        checked.extend(1_777_638_600_000_i64.to_be_bytes()); // base timestamp
        checked.extend(1_777_638_600_000_i64.to_be_bytes()); // latest timestamp
        checked.extend((-1_i64).to_be_bytes()); // producer id
        checked.extend((-1_i16).to_be_bytes()); // producer epoch
        checked.extend((-1_i32).to_be_bytes()); // base sequence
        checked.extend(1_i32.to_be_bytes()); // records
        varint(&mut checked, record.len() as i64);
        checked.extend(record);
        let flaw = u32::from(self.broken == Some(Broken::Checksum));
        let mut batch = Vec::new();
        batch.extend(0_i64.to_be_bytes()); // base offset
        batch.extend((4 + 1 + 4 + checked.len() as i32).to_be_bytes());
        batch.extend((-1_i32).to_be_bytes()); // leader epoch
        batch.push(2); // format
        batch.extend((crc32c(&checked) ^ flaw).to_be_bytes());
        batch.extend(checked);
        batch
    }
}

/// Appends batches to a partition, one after the other over one connection, at the broker that leads it.
pub async fn produce(broker: &str, topic: &str, partition: i32, batches: &[Batch]) -> io::Result<()> {
    let mut connection = TcpStream::connect(broker).await?;
    let mut requests = Vec::new();
    for batch in batches {
        let mut request = Vec::new();
        request.extend(0_i16.to_be_bytes()); // Produce
        request.extend(7_i16.to_be_bytes());
        request.extend(1_i32.to_be_bytes()); // correlation id
        string(&mut request, "test");
        request.extend((-1_i16).to_be_bytes()); // no transaction
        request.extend((-1_i16).to_be_bytes()); // acks: all
        request.extend(10_000_i32.to_be_bytes());
        request.extend(1_i32.to_be_bytes()); // topics
        string(&mut request, topic);
        request.extend(1_i32.to_be_bytes()); // partitions
        request.extend(partition.to_be_bytes());
        let bytes = batch.bytes();
        request.extend((bytes.len() as i32).to_be_bytes());
        request.extend(bytes);
        requests.extend((request.len() as i32).to_be_bytes());
        requests.extend(request);
    }
    connection.write_all(&requests).await?;
    for _ in batches {
        let length = connection.read_i32().await?;
        let mut answer = vec![0; length as usize];
        connection.read_exact(&mut answer).await?;
        // Correlation id, topics, the topic's name, partitions, partition; then the error.
        let at = 4 + 4 + 2 + topic.len() + 4 + 4;
        if answer[at..at + 2] != [0, 0] {
            return Err(io::Error::other(format!("{answer:?}")));
        }
    }
    Ok(())
}

fn string(into: &mut Vec<u8>, text: &str) {
    into.extend((text.len() as i16).to_be_bytes());
    into.extend(text.as_bytes());
}

fn varint(into: &mut Vec<u8>, value: i64) {
    let mut left = ((value << 1) ^ (value >> 63)) as u64;
    while left >= 0x80 {
        into.push(left as u8 | 0x80);
        left >>= 7;
    }
    into.push(left as u8);
}

fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

#[test]
fn the_checksum_is_that_of_the_standard() {
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
}
