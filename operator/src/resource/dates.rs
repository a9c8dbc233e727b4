//! What the API server takes for a date, so that no resource is accepted that cannot be decoded.
//!
//! Kubernetes' own check of dates (`format.date()`) came with 1.32, and a conversion in CEL that fails refuses with a
//! sentence of its own; an expression does neither.

/// `2026-05-01`, and only days that there are: up to the 28th of every month, then what is left of the longer ones, then
/// the 29th of February where the year has four as a divisor, and whole centuries four hundred.
macro_rules! day {
    () => {
        "([0-9]{4}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)\
         |([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)"
    };
}

/// The years of both are those of [`stockstream_model::Timestamp`], but for those at the ends, which a zone could leave.
pub(super) const AS_OF: &str = concat!(
    "self.analytics.asOf in ['Now', 'LatestEvent'] || (self.analytics.asOf < '9999' \
     && self.analytics.asOf.matches('^",
    day!(),
    "$'))"
);

pub(super) const START_FROM: &str = concat!(
    "self.startFrom in ['latest', 'earliest'] || (self.startFrom >= '1901' && self.startFrom < '9999' \
     && self.startFrom.matches('^",
    day!(),
    "([Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?)?$'))"
);

#[cfg(test)]
mod tests {
    use kube::core::cel;
    use proptest::prelude::*;
    use serde_json::json;
    use stockstream_model::settings::{AsOf, StartFrom};

    use super::{AS_OF, START_FROM};

    /// Whether a rule takes a text for a field. The rule alone, since that of the whole takes its time.
    fn takes(rule: &str, spec: &serde_json::Value) -> bool {
        let free = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        let schema = json!({
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": true,
            "properties": { "analytics": free },
            "x-kubernetes-validations": [{ "rule": rule }],
        });
        cel::Validator::new().validate(&schema, spec, None).is_ok()
    }

    fn as_of(text: &str) -> (bool, bool) {
        (takes(AS_OF, &json!({ "analytics": { "asOf": text } })), text.parse::<AsOf>().is_ok())
    }

    fn start_from(text: &str) -> (bool, bool) {
        (takes(START_FROM, &json!({ "startFrom": text })), text.parse::<StartFrom>().is_ok())
    }

    const GOOD: (bool, bool) = (true, true);
    const BAD: (bool, bool) = (false, false);

    #[test]
    fn every_day_that_there_is_and_no_other_is_taken() {
        // A leap year, one that is none, a century that is one and one that is none.
        for year in [2024, 2026, 2000, 2100] {
            for (month, day) in (0..=13).flat_map(|month| (0..=32).map(move |day| (month, day))) {
                let text = format!("{year}-{month:02}-{day:02}");
                let (taken, decoded) = as_of(&text);
                assert_eq!(taken, decoded, "{text}");
                assert_eq!(start_from(&text), (decoded, decoded), "{text}");
            }
        }
    }

    #[test]
    fn every_form_of_a_time_that_is_documented_is_taken() {
        for text in ["Now", "LatestEvent", "0001-01-01", "9998-12-31"] {
            assert_eq!(as_of(text), GOOD, "{text}");
        }
        for text in [
            "latest",
            "earliest",
            "2026-05-01",
            "2026-05-01T12:30:00Z",
            "2026-05-01T12:30:00.123456789+05:45",
            "2026-05-01 23:59:59",
            "2026-05-01t00:00:00z",
        ] {
            assert_eq!(start_from(text), GOOD, "{text}");
        }
        for text in
            ["", "yesterday", "now", "Latest", "2026-5-1", "2026-05-01T24:00:00Z", "2026-05-01T12:60:00Z", "1899-12-31"]
        {
            assert_eq!(start_from(text), BAD, "{text}");
        }
        assert!(!start_from("9999-12-31").0);
        for text in ["", "yesterday", "now", "latest", "2026-5-1", "12026-05-01", "2026-05-01Z", "9999-12-31"] {
            assert!(!as_of(text).0, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_can_be_decoded(
            text in r"(latest|earliest|[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})?)?)",
        ) {
            let (taken, decoded) = start_from(&text);
            prop_assert!(!taken || decoded, "{text}");
            let (taken, decoded) = as_of(&text);
            prop_assert!(!taken || decoded, "{text}");
        }
    }
}
