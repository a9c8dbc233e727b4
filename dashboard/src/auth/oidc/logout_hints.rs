//! The ID tokens of sessions that began here, by which the provider knows at the sign-out whose session it is to end. They
//! are too large for a cookie, so they are in memory: after a restart, or at another replica, the sign-out goes without.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::auth::session::Id;

/// Of so many sessions, those that began last.
const MOST: usize = 1_000;
/// Longer tokens are not kept: the address that they are sent in would be refused.
const LONGEST: usize = 4_096;

#[derive(Default)]
pub(crate) struct IdTokenHints(Mutex<VecDeque<(Id, String)>>);

impl IdTokenHints {
    /// Keeps the token of a session that begins.
    pub(crate) fn keep(&self, session: Id, token: String) {
        if token.len() > LONGEST {
            return;
        }
        let mut kept = self.0.lock();
        kept.push_back((session, token));
        if kept.len() > MOST {
            kept.pop_front();
        }
    }

    /// The token of a session that ends, which is then gone.
    pub(crate) fn take(&self, session: Id) -> Option<String> {
        let mut kept = self.0.lock();
        let place = kept.iter().position(|(id, _)| *id == session)?;
        kept.remove(place).map(|(_, token)| token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_given_once_and_not_all_are_kept() {
        let (hints, id) = (IdTokenHints::default(), |number: u16| {
            let mut id = [0; 16];
            id[..2].copy_from_slice(&number.to_be_bytes());
            id
        });
        hints.keep(id(1), "one".into());
        hints.keep(id(2), "x".repeat(LONGEST + 1));
        assert_eq!([id(1), id(1), id(2)].map(|id| hints.take(id)), [Some("one".into()), None, None]);
        for number in 0..1_001 {
            hints.keep(id(number), number.to_string());
        }
        assert_eq!((hints.take(id(0)), hints.take(id(1_000))), (None, Some("1000".into())));
    }
}
