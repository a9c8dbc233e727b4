//! Kubernetes' quantities, in the spelling that the API server keeps: what is sent in another one (`1024Mi` for `1Gi`) comes
//! back changed, and would look as if somebody had changed it.

use std::cmp::Ordering;

/// An amount in thousandths, and whether it was written in powers of two.
struct Amount {
    thousandths: u128,
    binary: bool,
}

const SUFFIXES: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];

fn parse(text: &str) -> Option<Amount> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let power = |letter: &str| SUFFIXES.iter().position(|s| s.eq_ignore_ascii_case(letter)).map(|p| p as u32);
    let (unit, binary): (u128, bool) = match suffix {
        "m" => (1, false),
        "" => (1_000, false),
        _ => match suffix.strip_suffix('i') {
            Some(letter) => (1_000 * 1_024_u128.checked_pow(power(letter)?)?, true),
            None => (1_000 * 1_000_u128.checked_pow(power(suffix)?)?, false),
        },
    };
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let all: u128 = format!("{whole}{fraction}").parse().ok()?;
    // What is finer than a thousandth is rounded up, as the API server does.
    Some(Amount { thousandths: all.checked_mul(unit)?.div_ceil(scale), binary })
}

/// Which of two amounts is greater; `None` when one of them is none.
pub(super) fn compare(one: &str, other: &str) -> Option<Ordering> {
    Some(parse(one)?.thousandths.cmp(&parse(other)?.thousandths))
}

/// The spelling that the API server keeps; what is no quantity stays as it is.
pub(super) fn canonical(text: &str) -> String {
    let Some(Amount { thousandths, binary }) = parse(text) else { return text.to_owned() };
    let units = if binary { thousandths.div_ceil(1_000) } else { thousandths / 1_000 };
    if thousandths % 1_000 != 0 && !(binary && units >= 1_024) {
        return format!("{thousandths}m");
    }
    // Less than 1024 has no binary spelling.
    let (base, ending) = if binary && units >= 1_024 { (1_024, "i") } else { (1_000, "") };
    let (mut mantissa, mut power) = (units, 0);
    while mantissa > 0 && mantissa % base == 0 && power + 1 < SUFFIXES.len() {
        mantissa /= base;
        power += 1;
    }
    match (SUFFIXES[power], ending) {
        ("", _) => mantissa.to_string(),
        (suffix, "i") => format!("{mantissa}{}i", suffix.to_ascii_uppercase()),
        (suffix, _) => format!("{mantissa}{suffix}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_spelled_as_the_api_server_keeps_them() {
        for (given, kept) in [
            ("100m", "100m"),
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1.5", "1500m"),
            ("2", "2"),
            ("1000", "1k"),
            ("1Gi", "1Gi"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("512Ki", "512Ki"),
            ("1000000", "1M"),
            ("1500M", "1500M"),
            ("0.5Ki", "512"),
            ("100K", "100k"),
            ("0", "0"),
            ("no quantity", "no quantity"),
        ] {
            assert_eq!(canonical(given), kept, "{given}");
        }
        assert_eq!(compare("1Gi", "1000M"), Some(Ordering::Greater));
        assert_eq!(compare("100m", "0.1"), Some(Ordering::Equal));
    }
}
