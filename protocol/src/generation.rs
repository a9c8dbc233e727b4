//! Which generation of settings derived fields follow.

/// What `meta` says of the settings in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ActiveSettings {
    /// The generation of the rules; also the stamp of derived fields.
    pub generation: i64,
    /// The generation of the resource they came from, if that was told.
    pub resource: Option<i64>,
}

/// What becomes of a starting worker's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GenerationDecision {
    /// They are in force, or older ones that nobody may derive with: the stamp to write with.
    Stamp(i64),
    /// Write this by compare-and-set, and decide anew where it fails.
    Write(ActiveSettings),
}

/// The stamp of a worker whose settings are older than those in force. It is no generation: whoever is newer computes
/// what this worker derives anew.
pub const OUTDATED: i64 = 0;

/// The settings of whoever started last count, unless both sides say their order.
pub fn settle(standing: ActiveSettings, mine: Option<i64>, same_rules: bool) -> GenerationDecision {
    let ActiveSettings { generation, resource } = standing;
    let later = mine.is_some_and(|mine| resource.is_none_or(|known| mine > known));
    let earlier = mine.zip(resource).is_some_and(|(mine, known)| mine < known);
    match (same_rules, later) {
        (true, false) => GenerationDecision::Stamp(generation),
        (true, true) => GenerationDecision::Write(ActiveSettings { generation, resource: mine }),
        (false, _) if earlier => GenerationDecision::Stamp(OUTDATED),
        (false, _) => GenerationDecision::Write(ActiveSettings { generation: generation + 1, resource: mine }),
    }
}

/// Whether a worker with this stamp may compute derived fields anew.
pub fn may_recompute(stamp: i64, newest: i64) -> bool {
    stamp == newest
}

/// Whether derived fields with that stamp were computed with other settings.
pub fn is_stale(of_document: Option<i64>, stamp: i64) -> bool {
    of_document != Some(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_force(generation: i64, resource: Option<i64>) -> ActiveSettings {
        ActiveSettings { generation, resource }
    }

    #[test]
    fn whoever_started_last_counts_unless_both_sides_say_their_order() {
        assert_eq!(settle(in_force(3, None), None, true), GenerationDecision::Stamp(3));
        assert_eq!(settle(in_force(3, None), None, false), GenerationDecision::Write(in_force(4, None)));
        assert_eq!(settle(in_force(3, Some(7)), Some(8), false), GenerationDecision::Write(in_force(4, Some(8))));
        assert_eq!(settle(in_force(3, Some(7)), Some(8), true), GenerationDecision::Write(in_force(3, Some(8))));
        assert_eq!(settle(in_force(3, Some(7)), Some(6), false), GenerationDecision::Stamp(OUTDATED));
        assert_eq!(settle(in_force(3, Some(7)), Some(6), true), GenerationDecision::Stamp(3));
        assert_eq!(settle(in_force(3, Some(7)), None, false), GenerationDecision::Write(in_force(4, None)));
    }

    #[test]
    fn an_outdated_worker_never_sweeps() {
        assert!(may_recompute(3, 3) && !may_recompute(2, 3) && !may_recompute(OUTDATED, 3));
        assert!(is_stale(None, 3) && is_stale(Some(2), 3) && !is_stale(Some(3), 3));
    }
}
