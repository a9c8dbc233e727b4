//! Who buys.

use stockstream_model::{
    Money, Timestamp,
    analytics::Tier,
    event::{ClientRecord, Id},
};

use crate::{generate::rng::SeededRng, outbound::id};

#[rustfmt::skip]
const FIRST: [&str; 40] = [
    "Amelia", "Oliver", "Priya", "Kwame", "Sofia", "Liam", "Mei", "Tomasz", "Grace", "Yusuf", "Hannah", "Diego", "Freya",
    "Arjun", "Chloe", "Mateusz", "Zainab", "Henry", "Ingrid", "Samuel", "Nadia", "Rory", "Elena", "Kofi", "Isla", "Hiroshi",
    "Beatrice", "Omar", "Niamh", "Luca", "Anika", "George", "Leila", "Callum", "Rosa", "Viktor", "Megan", "Tariq", "Edith",
    "Jonas",
];
#[rustfmt::skip]
const LAST: [&str; 40] = [
    "Harris", "Okafor", "Patel", "Nowak", "Murphy", "Chen", "Garcia", "Campbell", "Rossi", "Ahmed", "Whitfield", "Larsen",
    "Mensah", "Bennett", "Kaur", "Fletcher", "Silva", "Tanaka", "Hughes", "Weber", "Doyle", "Rahman", "Ashworth", "Novak",
    "Sinclair", "Costa", "Barker", "Haddad", "Lindqvist", "Osborne", "Mwangi", "Pritchard", "Moreau", "Iqbal", "Thorne",
    "Kowalska", "Sheppard", "Demir", "Lockwood", "Jansen",
];
/// Domains and numbers that are set aside for examples, so that nobody gets mail or calls.
const DOMAINS: [&str; 3] = ["example.com", "example.org", "example.net"];
const EXCHANGES: [&str; 6] = ["20 7946 0", "113 496 0", "117 496 0", "121 496 0", "131 496 0", "161 496 0"];

/// A client, small: a shop may have a million.
pub(super) struct Client {
    first: u8,
    last: u8,
    domain: u8,
    exchange: u8,
    /// 0 to 999; `None` for who gave no number.
    phone: Option<u16>,
    /// Revenue from before, in hundredths.
    before: u32,
    tier: Option<Tier>,
}

impl Client {
    pub(super) fn new(rng: &mut SeededRng) -> Self {
        let before = match rng.below(100) {
            0..60 => 0,
            60..92 => rng.between(2_000, 250_000),
            92..98 => rng.between(250_000, 1_200_000),
            _ => rng.between(1_000_000, 4_500_000),
        };
        let mut client = Self {
            first: rng.below(FIRST.len() as u32) as u8,
            last: rng.below(LAST.len() as u32) as u8,
            domain: rng.below(DOMAINS.len() as u32) as u8,
            exchange: 0,
            phone: None,
            before,
            tier: None,
        };
        if rng.percent(70) {
            client.call_from_elsewhere(rng);
        }
        if rng.percent(4) {
            client.tier = Some(if rng.percent(25) { Tier::Gold } else { Tier::Silver });
        }
        client
    }

    /// Something that changes in a life.
    pub(super) fn change(&mut self, rng: &mut SeededRng) {
        match rng.below(10) {
            0..5 => self.call_from_elsewhere(rng),
            5..8 => self.domain = (self.domain + 1) % DOMAINS.len() as u8,
            8 => self.last = rng.below(LAST.len() as u32) as u8,
            _ => self.tier = Some(self.tier.map_or(Tier::Silver, |_| Tier::Gold)),
        }
    }

    fn call_from_elsewhere(&mut self, rng: &mut SeededRng) {
        self.exchange = rng.below(EXCHANGES.len() as u32) as u8;
        self.phone = Some(rng.below(1_000) as u16);
    }

    pub(super) fn record(&self, number: usize, at: Timestamp) -> ClientRecord<'static> {
        let (first, last) = (FIRST[usize::from(self.first)], LAST[usize::from(self.last)]);
        let domain = DOMAINS[usize::from(self.domain)];
        let mailbox = format!("{first}.{last}{}", number + 1).to_lowercase();
        let exchange = EXCHANGES[usize::from(self.exchange)];
        ClientRecord {
            client_id: client_id(number),
            name: Some(format!("{first} {last}").into()),
            email: Some(format!("{mailbox}@{domain}").into()),
            phone: self.phone.map(|phone| format!("+44 {exchange}{phone:03}").into()),
            total_revenue_generated: (self.before > 0).then(|| hundredths(self.before)),
            loyalty_tier: self.tier,
            updated_at: Some(at),
        }
    }
}

/// The id of the client at a place, from 0.
pub(super) fn client_id(place: usize) -> Id<'static> {
    id(format!("C-{:05}", place + 1))
}

/// Money from hundredths.
pub(super) fn hundredths(count: u32) -> Money {
    Money::from_units(i64::from(count) * 100)
}
