//! One of several operators leads: the one that holds the Lease. Every change of it is a compare-and-set on its
//! resourceVersion. Time is measured by each one's own clock, from when it saw the Lease change last, so that clocks that
//! differ do no harm.

use std::{sync::Arc, time::Duration};

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{Api, Client, api::PostParams, core::ObjectMeta};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::{
    api_errors::{explain, is_code},
    health::Health,
};

/// Who has not renewed for so long does not lead any more, for the others.
const DURATION: Duration = Duration::from_secs(10);
/// Who could not renew for so long does not lead any more, for itself: before anybody else begins.
const RENEW_DEADLINE: Duration = Duration::from_secs(8);
const RENEW: Duration = Duration::from_secs(3);
const RETRY_PERIOD: Duration = Duration::from_secs(2);
const CALL: Duration = Duration::from_millis(2_500);

/// What to do about the Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Create,
    Take,
    Renew,
    Wait,
}

/// What to do about a Lease that has not changed for so long.
fn step(lease: Option<&LeaseSpec>, me: &str, unchanged: Duration) -> Step {
    let Some(lease) = lease else { return Step::Create };
    let lasts = lease.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    match lease.holder_identity.as_deref() {
        None | Some("") => Step::Take,
        Some(holder) if holder == me => Step::Renew,
        Some(_) if unchanged >= lasts.map_or(DURATION, Duration::from_secs) => Step::Take,
        Some(_) => Step::Wait,
    }
}

/// The Lease with us as its holder.
fn held(before: Option<LeaseSpec>, me: &str, now: Timestamp) -> LeaseSpec {
    let before = before.unwrap_or_default();
    let stays = before.holder_identity.as_deref() == Some(me);
    LeaseSpec {
        holder_identity: Some(me.to_owned()),
        lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
        acquire_time: before.acquire_time.filter(|_| stays).or(Some(MicroTime(now))),
        lease_transitions: Some(before.lease_transitions.unwrap_or_default() + i32::from(!stays)),
        renew_time: Some(MicroTime(now)),
        ..before
    }
}

/// The Lease as it was seen last, and since when it is so.
#[derive(Default)]
struct Seen(Option<(LeaseSpec, Instant)>);

impl Seen {
    fn unchanged(&mut self, spec: &LeaseSpec, now: Instant) -> Duration {
        match &self.0 {
            Some((before, since)) if before == spec => now.duration_since(*since),
            _ => {
                self.0 = Some((spec.clone(), now));
                Duration::ZERO
            }
        }
    }
}

/// A candidate.
pub(crate) struct LeaseElector {
    leases: Api<Lease>,
    name: String,
    me: String,
    health: Arc<Health>,
}

impl LeaseElector {
    pub fn new(client: Client, namespace: &str, name: &str, me: &str, health: Arc<Health>) -> Self {
        Self { leases: Api::namespaced(client, namespace), name: name.to_owned(), me: me.to_owned(), health }
    }

    /// Waits until we hold the Lease. `waiting` is called when another one is found to hold it.
    pub async fn acquire(&self, mut waiting: impl FnMut()) -> Lease {
        let (mut seen, mut said) = (Seen::default(), String::new());
        loop {
            let now = match timeout(CALL, self.attempt(&mut seen)).await {
                Ok(Ok(Some(lease))) => return lease,
                Ok(Ok(None)) => {
                    waiting();
                    let holder = seen.0.as_ref().and_then(|(spec, _)| spec.holder_identity.clone());
                    format!("another operator leads: {}", holder.unwrap_or_default())
                }
                Ok(Err(error)) => format!("the Lease {} cannot be had: {}", self.name, explain(&error)),
                Err(_) => format!("the Lease {} cannot be had: the API server does not answer", self.name),
            };
            if now != said {
                tracing::info!(identity = self.me, "{now}");
                said = now;
            }
            self.health.turn();
            sleep(RETRY_PERIOD).await;
        }
    }

    /// Keeps the Lease; returns why it is lost.
    pub async fn keep(&self, mut lease: Lease) -> String {
        let mut renewed = Instant::now();
        loop {
            match timeout_at(renewed + RENEW_DEADLINE, self.renewed(&lease)).await {
                Ok((Some(next), began)) => (lease, renewed) = (next, began),
                Ok((None, _)) => return "another operator holds it".to_owned(),
                Err(_) => return format!("it could not be renewed for {} s", RENEW_DEADLINE.as_secs()),
            }
        }
    }

    /// Renews the Lease when it is time, however often it takes; `None` when it is another's. Says when the try began.
    async fn renewed(&self, lease: &Lease) -> (Option<Lease>, Instant) {
        loop {
            sleep(RENEW).await;
            self.health.turn();
            let began = Instant::now();
            match timeout(CALL, self.renew(lease)).await {
                Ok(Ok(next)) => return (next, began),
                Ok(Err(error)) => tracing::warn!(error = explain(&error), "the Lease could not be renewed"),
                Err(_) => tracing::warn!("the Lease could not be renewed: the API server does not answer"),
            }
        }
    }

    /// Gives the Lease back, if we hold it, so that another one need not wait.
    pub async fn release(&self) {
        let released = async {
            // A write of ours that was given up may still come in between.
            while let Some(mut lease) = self.leases.get_opt(&self.name).await? {
                let Some(spec) = lease.spec.as_mut().filter(|spec| spec.holder_identity.as_deref() == Some(&self.me))
                else {
                    break;
                };
                spec.holder_identity = None;
                match self.leases.replace(&self.name, &PostParams::default(), &lease).await {
                    Err(error) if is_code(&error, 409) => {}
                    other => return other.map(drop),
                }
            }
            Ok(())
        };
        match timeout(CALL, released).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = explain(&error), "the Lease was not given back; it runs out"),
            Err(_) => tracing::warn!("the Lease was not given back; it runs out"),
        }
    }

    /// The Lease if it is ours now.
    async fn attempt(&self, seen: &mut Seen) -> Result<Option<Lease>, kube::Error> {
        let lease = self.leases.get_opt(&self.name).await?;
        let spec = lease.as_ref().map(|lease| lease.spec.clone().unwrap_or_default());
        let unchanged = spec.as_ref().map_or(Duration::ZERO, |spec| seen.unchanged(spec, Instant::now()));
        match step(spec.as_ref(), &self.me, unchanged) {
            Step::Wait => Ok(None),
            Step::Create | Step::Take | Step::Renew => self.put(lease).await,
        }
    }

    /// The Lease with a new time; `None` when it is another's.
    async fn renew(&self, lease: &Lease) -> Result<Option<Lease>, kube::Error> {
        match self.put(Some(lease.clone())).await {
            // Somebody changed it, or deleted it: it may still be ours.
            Ok(None) => self.attempt(&mut Seen::default()).await,
            Err(error) if is_code(&error, 404) => self.attempt(&mut Seen::default()).await,
            other => other,
        }
    }

    /// Writes the Lease as ours; `None` when it is not as it was.
    async fn put(&self, lease: Option<Lease>) -> Result<Option<Lease>, kube::Error> {
        let before = lease.as_ref().and_then(|lease| lease.spec.clone());
        let spec = Some(held(before, &self.me, Timestamp::now()));
        let written = match lease {
            Some(lease) => self.leases.replace(&self.name, &PostParams::default(), &Lease { spec, ..lease }).await,
            None => {
                let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
                self.leases.create(&PostParams::default(), &Lease { metadata, spec }).await
            }
        };
        match written {
            Ok(lease) => Ok(Some(lease)),
            Err(error) if is_code(&error, 409) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(holder: &str) -> LeaseSpec {
        held(None, holder, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_lease_is_made_taken_when_free_or_run_out_renewed_when_ours_and_waited_for_otherwise() {
        assert_eq!(step(None, "me", Duration::ZERO), Step::Create);
        assert_eq!(step(Some(&LeaseSpec::default()), "me", Duration::ZERO), Step::Take);
        assert_eq!(step(Some(&of("")), "me", Duration::ZERO), Step::Take);
        assert_eq!(step(Some(&of("me")), "me", Duration::from_secs(100)), Step::Renew);
        assert_eq!(step(Some(&of("other")), "me", DURATION - Duration::from_millis(1)), Step::Wait);
        assert_eq!(step(Some(&of("other")), "me", DURATION), Step::Take);
        let longer = LeaseSpec { lease_duration_seconds: Some(60), ..of("other") };
        assert_eq!(step(Some(&longer), "me", DURATION), Step::Wait);
    }

    #[test]
    fn a_holder_gives_up_before_another_one_begins() {
        assert!(RENEW_DEADLINE + Duration::from_secs(2) <= DURATION);
        assert!(RENEW + CALL < RENEW_DEADLINE, "at least one try");
    }

    #[test]
    fn a_renewed_lease_keeps_when_it_was_acquired_and_a_taken_one_counts_the_change() {
        let (early, late) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(60).unwrap());
        let first = held(None, "me", early);
        let renewed = held(Some(first.clone()), "me", late);
        assert_eq!((renewed.acquire_time, renewed.lease_transitions), (first.acquire_time.clone(), Some(1)));
        assert_eq!(renewed.renew_time, Some(MicroTime(late)));
        let taken = held(Some(first), "other", late);
        assert_eq!((taken.acquire_time, taken.lease_transitions), (Some(MicroTime(late)), Some(2)));
    }

    #[test]
    fn time_counts_from_the_last_change_that_was_seen() {
        let (mut seen, began) = (Seen::default(), Instant::now());
        let later = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(seen.unchanged(&of("other"), began), Duration::ZERO);
        assert_eq!(seen.unchanged(&of("other"), later(9)), Duration::from_secs(9));
        let renewed = held(Some(of("other")), "other", Timestamp::from_second(60).unwrap());
        assert_eq!(seen.unchanged(&renewed, later(12)), Duration::ZERO);
        assert_eq!(seen.unchanged(&renewed, later(13)), Duration::from_secs(1));
    }
}
