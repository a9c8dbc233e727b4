//! How often a sign-in may fail, with memory that no attacker can make grow.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// Names and addresses share so many counters; two of them meet in one rarely enough.
const COUNTERS: usize = 8_192;

/// Counts failures: so many are free, and one is forgiven every so often.
pub(crate) struct RateLimiter {
    free: u32,
    forgiven: Duration,
    /// By a keyed hash: nobody knows with whom they share. What is kept is when all is forgiven.
    counters: Mutex<Vec<Option<Instant>>>,
    hasher: RandomState,
}

/// A sign-in that was let try. It counts as failed unless it is taken back.
#[derive(Clone, Copy)]
#[must_use]
pub(crate) struct Attempt(usize);

impl RateLimiter {
    pub(crate) fn new(free: u32, forgiven: Duration) -> Self {
        Self { free, forgiven, counters: Mutex::new(vec![None; COUNTERS]), hasher: RandomState::new() }
    }

    /// For the addresses that sign-ins come from.
    pub(crate) fn of_addresses() -> Self {
        Self::new(30, Duration::from_secs(20))
    }

    /// Lets somebody at that address try, as [`Self::attempt`] does.
    pub(crate) fn attempt_from(&self, address: IpAddr, now: Instant) -> Result<Attempt, Duration> {
        self.attempt(network(address), now)
    }

    /// Lets somebody try, or says how long to wait. Counted before it is known how it ends, so that many at once are.
    pub(crate) fn attempt(&self, whom: impl Hash, now: Instant) -> Result<Attempt, Duration> {
        let index = usize::try_from(self.hasher.hash_one(whom) % COUNTERS as u64).unwrap_or_default();
        let mut counters = self.counters.lock();
        let until = counters[index].map_or(now, |until| until.max(now)) + self.forgiven;
        let full = now + self.forgiven * self.free;
        if until > full {
            return Err(until - full);
        }
        counters[index] = Some(until);
        Ok(Attempt(index))
    }

    /// It was no failure.
    pub(crate) fn take_back(&self, attempt: Attempt) {
        let mut counters = self.counters.lock();
        counters[attempt.0] = counters[attempt.0].and_then(|until| until.checked_sub(self.forgiven));
    }
}

/// Whoever has one address of IPv6 has all of its network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_beyond_the_free_ones_wait_and_are_forgiven_one_by_one() {
        let (limit, begin) = (RateLimiter::new(3, Duration::from_secs(60)), Instant::now());
        for _ in 0..3 {
            let _ = limit.attempt("ann", begin).ok().unwrap();
        }
        assert_eq!(limit.attempt("ann", begin).err(), Some(Duration::from_secs(60)));
        assert!(limit.attempt("bob", begin).is_ok());
        let later = begin + Duration::from_secs(61);
        assert!(limit.attempt("ann", later).is_ok() && limit.attempt("ann", later).is_err());
        assert!(limit.attempt("ann", begin + Duration::from_secs(3_600)).is_ok());
    }

    #[test]
    fn what_is_taken_back_does_not_count() {
        let (limit, now) = (RateLimiter::new(2, Duration::from_secs(60)), Instant::now());
        for _ in 0..100 {
            let attempt = limit.attempt("ann", now).ok().unwrap();
            limit.take_back(attempt);
        }
        let _ = limit.attempt("ann", now).ok().unwrap();
        assert!(limit.attempt("ann", now).is_ok() && limit.attempt("ann", now).is_err());
    }

    #[test]
    fn a_million_names_take_no_more_memory_than_one() {
        let (limit, now) = (RateLimiter::new(3, Duration::from_secs(60)), Instant::now());
        for name in 0..1_000_000 {
            let _ = limit.attempt(name, now);
        }
        assert_eq!(limit.counters.lock().len(), COUNTERS);
    }
}
