//! Points in time, to the millisecond, and UTC calendar days.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::{SignedDuration, civil, fmt::temporal::Pieces};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use snafu::Snafu;

const MS_PER_DAY: i64 = 86_400_000;
const EPOCH: civil::DateTime = civil::date(1970, 1, 1).at(0, 0, 0, 0);

/// Milliseconds since 1970-01-01T00:00:00Z; finer parts are cut off. Years 1900 to 9999.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A UTC calendar day, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

/// Why a text is no timestamp.
#[derive(Debug, Snafu, PartialEq, Eq)]
#[snafu(display(
    "{text:?} is not a time: write RFC 3339 (2026-05-01T12:30:00Z), or a date-time or date without a zone (UTC), years 1900 to 9999"
))]
pub struct TimeError {
    text: String,
}

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The clock's time.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_millisecond())
    }

    /// The UTC calendar day it falls in.
    pub fn day(self) -> Day {
        Day(self.0.div_euclid(MS_PER_DAY) as i32)
    }

    /// Later by so many milliseconds; saturates.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    fn of_civil(local: civil::DateTime) -> Self {
        Self(local.duration_since(EPOCH).as_nanos().div_euclid(1_000_000) as i64)
    }

    /// Of a time with a zone on the last day there is, which is beyond what jiff holds as an instant.
    fn of_last_day(text: &str) -> Option<Self> {
        let pieces = Pieces::parse(text).ok()?;
        let (time, offset) = (pieces.time()?, pieces.to_numeric_offset()?);
        let local = Self::of_civil(pieces.date().to_datetime(time));
        Some(local.plus_millis(-1_000 * i64::from(offset.seconds())))
    }

    fn in_range(self, text: &str) -> Result<Self, TimeError> {
        const FIRST: i64 = -2_208_988_800_000; // 1900-01-01
        const LAST: i64 = 253_402_300_799_999; // 9999-12-31
        if (FIRST..=LAST).contains(&self.0) { Ok(self) } else { Err(TimeError::of(text)) }
    }
}

impl TimeError {
    fn of(text: &str) -> Self {
        Self { text: text.chars().take(60).collect() }
    }
}

/// The commonest way to write a time, `2026-05-01T12:30:00Z` with or without a fraction of a second, several times as fast
/// as all the others. Nothing where it is written in another way or is not good.
fn plain(text: &[u8]) -> Option<Timestamp> {
    let (head, rest) = text.split_at_checked(19)?;
    let digits = |from: usize, to: usize| {
        head[from..to]
            .iter()
            .try_fold(0_i16, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i16::from(byte - b'0')))
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if marks.iter().any(|(at, mark)| head[*at] != *mark) {
        return None;
    }
    let two = |from: usize| digits(from, from + 2).and_then(|number| i8::try_from(number).ok());
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut millis = 0;
    match rest {
        b"Z" => {}
        [b'.', fraction @ .., b'Z'] if (1..=9).contains(&fraction.len()) && fraction.iter().all(u8::is_ascii_digit) => {
            let first = fraction.iter().chain(b"00").take(3);
            millis = first.fold(0, |number, byte| number * 10 + i64::from(byte - b'0'));
        }
        _ => return None,
    }
    let day = civil::Date::new(digits(0, 4)?, two(5)?, two(8)?).ok()?.duration_since(EPOCH.date()).as_secs();
    let seconds = day + (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    Some(Timestamp(seconds * 1_000 + millis))
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        if let Some(instant) = plain(text.as_bytes()) {
            return instant.in_range(text);
        }
        if text.contains('[') {
            return Err(TimeError::of(text)); // RFC 9557 zones are beyond the contract
        }
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            let millis = instant.as_nanosecond().div_euclid(1_000_000);
            return Self(millis as i64).in_range(text);
        }
        // A time with a zone comes first: jiff leaves the zone out of account when it is asked for a civil time.
        let local = || text.parse().ok().map(Self::of_civil);
        Self::of_last_day(text).or_else(local).ok_or_else(|| TimeError::of(text))?.in_range(text)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant}"),
            Err(_) => match EPOCH.checked_add(SignedDuration::from_millis(self.0)) {
                Ok(local) => write!(f, "{local}Z"),
                Err(_) => write!(f, "{} ms", self.0),
            },
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time as a string")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "RFC 3339, or a date-time or date without a zone (then UTC); kept to the millisecond.",
            "type": "string", "maxLength": 60, "examples": ["2026-05-01T12:30:00Z", "2026-05-01 12:30:00", "2026-05-01"],
        })
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A day of UTC.", "type": "string", "format": "date", "examples": ["2026-05-01"] })
    }
}

impl Day {
    /// From days since 1970-01-01.
    pub const fn from_number(days: i32) -> Self {
        Self(days)
    }

    /// Days since 1970-01-01.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// Its first millisecond.
    pub fn start(self) -> Timestamp {
        Timestamp(i64::from(self.0) * MS_PER_DAY)
    }

    /// Whole days from `earlier` to this one; negative when it lies before.
    pub fn since(self, earlier: Self) -> i64 {
        i64::from(self.0) - i64::from(earlier.0)
    }
}

impl FromStr for Day {
    type Err = TimeError;
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let date: civil::Date = text.parse().map_err(|_| TimeError::of(text))?;
        Ok(Timestamp::of_civil(date.into()).day())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.start().to_string()[..10])
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_of_the_contract() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1970-01-01T00:00:01.2349Z", 1_234),
            ("1970-01-02 00:00:00", 86_400_000),
            ("1970-01-02", 86_400_000),
            ("1969-12-31T23:59:59.9999Z", -1),
            ("2011-07-31 23:59:59", 1_312_156_799_000),
        ] {
            assert_eq!(text.parse(), Ok(Timestamp(millis)), "{text}");
        }
    }

    #[test]
    fn the_last_day_is_read_and_shown_like_any_other() {
        for (text, shown) in [
            ("9999-12-31", "9999-12-31T00:00:00Z"),
            ("9999-12-31T23:59:59.9999Z", "9999-12-31T23:59:59.999Z"),
            ("9999-12-30T22:00:01+00:00", "9999-12-30T22:00:01Z"),
            ("9999-12-31T12:00:00-11:00", "9999-12-31T23:00:00Z"),
        ] {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!((time.to_string(), time.to_string().parse()), (shown.to_owned(), Ok(time)), "{text}");
        }
        assert_eq!("9999-12-31".parse::<Day>().map(|day| day.to_string()).as_deref(), Ok("9999-12-31"));
        assert!("9999-12-31T23:00:00-01:00".parse::<Timestamp>().is_err());
    }

    #[test]
    fn refuses_what_is_no_date() {
        for text in [
            "",
            "yesterday",
            "2026-02-30",
            "12:00",
            "2026-01-01T25:00:00Z",
            "1899-12-31",
            "2026-01-01T00:00:00[Europe/Paris]",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn days_agree_with_the_calendar_library() {
        for number in (-25_567..2_932_896).step_by(97) {
            let text = Day(number).to_string();
            assert_eq!(text.parse(), Ok(Day(number)), "{text}");
        }
    }

    #[test]
    fn the_short_way_says_what_the_calendar_library_says_or_nothing() {
        let by_library = |text: &str| {
            let instant: jiff::Timestamp = text.parse().ok()?;
            Some(Timestamp(instant.as_nanosecond().div_euclid(1_000_000) as i64))
        };
        let mut read = 0;
        for text in [
            "2024-02-29T23:59:59Z",
            "1901-12-01T08:26:07.9Z",
            "2026-05-31T00:00:00.123456789Z",
            "9999-12-29T23:59:59.999Z",
        ] {
            assert!(plain(text.as_bytes()).is_some(), "{text}");
            for (at, byte) in (0..text.len()).flat_map(|at| b"0123456789-:.TZt ".iter().map(move |byte| (at, *byte))) {
                let mut other = text.as_bytes().to_vec();
                other[at] = byte;
                let other = String::from_utf8(other).unwrap();
                if let Some(instant) = plain(other.as_bytes()) {
                    assert_eq!(Some(instant), by_library(&other), "{other}");
                    read += 1;
                }
            }
        }
        assert!(read > 400, "{read}");
        for text in ["2026-05-01T12:30:60Z", "2026-05-01T24:00:00Z", "2026-05-01T12:30:00.Z", "2026-05-01T12:30:00"] {
            assert_eq!(plain(text.as_bytes()), None, "{text}");
        }
    }
}
