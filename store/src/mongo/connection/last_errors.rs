//! What fails now and is tried again. Several things may be at once, and one that works again says nothing of another.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use stockstream_model::Timestamp;

use crate::Trouble;

/// What fails now.
#[derive(Debug, Default)]
pub(crate) struct Troubles(Mutex<Standing>);

#[derive(Debug, Default)]
struct Standing {
    begun: u64,
    all: BTreeMap<u64, Trouble>,
}

impl Troubles {
    /// Notes that something fails, until what is returned is dropped.
    pub fn begin(&self) -> Noted<'_> {
        let mut standing = self.0.lock();
        standing.begun += 1;
        let (number, since) = (standing.begun, Timestamp::now());
        standing.all.insert(number, Trouble { since, message: String::new() });
        Noted { troubles: self, number, since }
    }

    /// Everything that fails now, each once, what fails for longest first.
    pub fn list(&self) -> Vec<Trouble> {
        let mut all: Vec<Trouble> = Vec::new();
        for trouble in self.0.lock().all.values() {
            let known = all.iter().any(|known| known.message == trouble.message);
            if !known && !trouble.message.is_empty() {
                all.push(trouble.clone());
            }
        }
        all
    }
}

/// Something that fails. It is over when this is dropped.
pub(crate) struct Noted<'a> {
    troubles: &'a Troubles,
    number: u64,
    pub since: Timestamp,
}

impl Noted<'_> {
    /// Why it failed the last time.
    pub fn says(&self, message: String) {
        if let Some(trouble) = self.troubles.0.lock().all.get_mut(&self.number) {
            trouble.message = message;
        }
    }
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.troubles.0.lock().all.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_stands_until_it_is_over_whatever_else_works() {
        let troubles = Troubles::default();
        let said = || troubles.list().into_iter().map(|trouble| trouble.message).collect::<Vec<_>>();
        let (first, second, like) = (troubles.begin(), troubles.begin(), troubles.begin());
        first.says("products".into());
        second.says("heartbeat".into());
        like.says("products".into());
        assert_eq!(said(), ["products", "heartbeat"]);
        drop(second);
        assert_eq!(said(), ["products"]);
        drop(first);
        assert_eq!(said(), ["products"]);
        drop(like);
        assert_eq!(said(), [""; 0]);
    }
}
