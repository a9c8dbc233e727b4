//! When an event says that something happened, and whether that can be.

use super::{ClientRecord, InventoryRecord, Reason, Rejection, Sale};
use crate::{Timestamp, settings::HumanDuration};

/// An event that says when something happened.
pub trait Dated {
    /// Each field that says so, with its time. An expiry date is none of them: it may lie ahead.
    fn times(&self) -> [(&'static str, Option<Timestamp>); 3];

    /// Refuses an event of which a time lies more than so much ahead of when it was produced (its Kafka timestamp; for what
    /// is not sent yet, now). What happened long ago is welcome.
    ///
    /// # Errors
    /// The first such field.
    fn check_future(&self, produced_at: Timestamp, tolerance: HumanDuration) -> Result<(), Rejection> {
        let latest = produced_at.plus_millis(i64::try_from(tolerance.millis()).unwrap_or(i64::MAX));
        let ahead = self.times().into_iter().find(|(_, at)| at.is_some_and(|at| at > latest));
        let Some((field, Some(at))) = ahead else { return Ok(()) };
        Err(Rejection {
            reason: Reason::Future,
            path: field.to_owned(),
            message: format!(
                "{at} lies more than {tolerance} ahead of {produced_at}, when the event was produced; correct the date or the \
                 producer's clock, or raise sales.futureTolerance"
            ),
        })
    }
}

impl Dated for Sale<'_> {
    fn times(&self) -> [(&'static str, Option<Timestamp>); 3] {
        [("timestamp", Some(self.timestamp)), ("", None), ("", None)]
    }
}

impl Dated for InventoryRecord<'_> {
    fn times(&self) -> [(&'static str, Option<Timestamp>); 3] {
        [("last_movement", self.last_movement), ("created_at", self.created_at), ("updated_at", self.updated_at)]
    }
}

impl Dated for ClientRecord<'_> {
    fn times(&self) -> [(&'static str, Option<Timestamp>); 3] {
        [("updated_at", self.updated_at), ("", None), ("", None)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{decode_client, decode_inventory, decode_sale};

    const DAY: HumanDuration = HumanDuration::from_millis(86_400_000);

    fn refused(event: &impl Dated) -> Option<(Reason, String)> {
        let produced_at = "2026-05-01T12:00:00Z".parse().unwrap();
        let rejection = event.check_future(produced_at, DAY).err()?;
        assert!(rejection.message.contains("2026-05-01T12:00:00Z") && rejection.message.contains("1d"), "{rejection}");
        Some((rejection.reason, rejection.path))
    }

    fn sold_at(at: &str) -> Option<(Reason, String)> {
        let json = format!(
            r#"{{"invoice_id":1,"timestamp":"{at}","items":[{{"product_id":1,"quantity":1,"unit_price":1}}]}}"#
        );
        refused(&decode_sale(json.as_bytes()).unwrap())
    }

    #[test]
    fn a_time_further_ahead_than_the_tolerance_is_refused_and_history_is_welcome() {
        for at in ["2026-05-02T12:00:00Z", "2026-05-01", "2010-12-01", "1900-01-01"] {
            assert_eq!(sold_at(at), None, "{at}");
        }
        for at in ["2026-05-02T12:00:00.001Z", "2206-05-01", "9206-05-01", "9999-12-31T23:59:59Z"] {
            assert_eq!(sold_at(at), Some((Reason::Future, "timestamp".into())), "{at}");
        }
    }

    #[test]
    fn every_time_that_says_when_something_happened_is_checked_and_an_expiry_date_is_not() {
        let stock = |field: &str| {
            let json = format!(r#"{{"product_id":1,"quantity":1,"{field}":"2206-05-01"}}"#);
            refused(&decode_inventory(json.as_bytes()).unwrap())
        };
        for field in ["last_movement", "created_at", "updated_at"] {
            assert_eq!(stock(field), Some((Reason::Future, field.into())));
        }
        assert_eq!(stock("expiry_date"), None);
        let client = decode_client(br#"{"client_id":1,"updated_at":"2206-05-01"}"#).unwrap();
        assert_eq!(refused(&client), Some((Reason::Future, "updated_at".into())));
        assert_eq!(refused(&decode_client(br#"{"client_id":1}"#).unwrap()), None);
    }

    #[test]
    fn a_tolerance_beyond_all_times_refuses_nothing() {
        let sale =
            br#"{"invoice_id":1,"timestamp":"9999-12-31","items":[{"product_id":1,"quantity":1,"unit_price":1}]}"#;
        let sale = decode_sale(sale).unwrap();
        assert_eq!(sale.check_future(Timestamp::now(), HumanDuration::from_millis(u64::MAX)), Ok(()));
    }
}
