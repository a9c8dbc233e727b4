//! Sums that do not leave what 64 bits hold without a word: one that reaches the limit stays there, and is known by that.
//!
//! MongoDB would refuse an `$inc` beyond 64 bits for ever, and makes a double, which counts no more one by one, of an `$add`.

/// How far a sum goes, either way: for money 400 trillion. Two of them still fit into 64 bits.
pub const LIMIT: i64 = 4_000_000_000_000_000_000;

/// The sum. Whichever of them is at the limit stays there; what follows cannot make it right again.
pub const fn add(sum: i64, more: i64) -> i64 {
    if is_at_limit(sum) {
        bounded(sum)
    } else if is_at_limit(more) {
        bounded(more)
    } else {
        bounded(sum + more)
    }
}

/// Whether it is no sum any more: what it should be, lies beyond the limit or did so once.
pub const fn is_at_limit(sum: i64) -> bool {
    sum >= LIMIT || sum <= -LIMIT
}

const fn bounded(sum: i64) -> i64 {
    if sum > LIMIT {
        LIMIT
    } else if sum < -LIMIT {
        -LIMIT
    } else {
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_exact_up_to_the_limit_and_then_stays_there() {
        assert_eq!(add(LIMIT - 3, 2), LIMIT - 1);
        assert_eq!(add(-LIMIT + 3, -2), -LIMIT + 1);
        assert_eq!(add(LIMIT - 1, -(LIMIT - 1)), 0);
        for (sum, more, wanted) in [
            (LIMIT - 3, 3, LIMIT),
            (LIMIT - 3, LIMIT - 1, LIMIT),
            (LIMIT, -5, LIMIT),
            (-LIMIT, 5, -LIMIT),
            (-7, LIMIT, LIMIT),
            (7, -LIMIT, -LIMIT),
            (i64::MAX, i64::MAX, LIMIT),
            (i64::MIN, i64::MIN, -LIMIT),
            (i64::MIN, i64::MAX, -LIMIT),
        ] {
            assert_eq!(add(sum, more), wanted, "{sum} and {more}");
            assert!(is_at_limit(wanted));
        }
        assert!(!is_at_limit(LIMIT - 1) && !is_at_limit(1 - LIMIT));
    }
}
