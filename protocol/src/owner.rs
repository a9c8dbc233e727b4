//! Whose database it is, and whether it is the one that a pipeline works in.

use stockstream_model::{Timestamp, settings::Pipeline};

/// What `meta` says of the owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The pipeline's name.
    pub name: String,
    /// The uid of its resource; `None` of an owner outside of Kubernetes, or from before uids were kept.
    pub uid: Option<String>,
}

/// What becomes of a pipeline that wants a database which has an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// It is this pipeline's.
    Ours,
    /// It is this pipeline's once its uid is written, by compare-and-set on there being none.
    Adopt,
    /// It is another's.
    Foreign,
}

/// Decides by name and, where both sides have one, by uid: a worker that is run by hand has none, and a database that was
/// made by one is adopted.
pub fn ownership(owner: &Owner, pipeline: &Pipeline) -> Ownership {
    match (&owner.uid, &pipeline.uid) {
        _ if owner.name != pipeline.name => Ownership::Foreign,
        (None, Some(_)) => Ownership::Adopt,
        (Some(owner), Some(uid)) if owner != uid => Ownership::Foreign,
        _ => Ownership::Ours,
    }
}

/// What an owner shows of being alive: whoever sees the same signs for long enough may take the database over. Times are by
/// the clocks of those who wrote them, so they are compared with one another alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignsOfLife {
    /// Who owns the database.
    pub owner: Owner,
    /// The owner's last heartbeat.
    pub owner_at: Option<Timestamp>,
    /// The last heartbeat of each worker.
    pub workers: Vec<(String, Timestamp)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(name: &str, uid: Option<&str>) -> Owner {
        Owner { name: name.into(), uid: uid.map(Into::into) }
    }

    fn pipeline(name: &str, uid: Option<&str>) -> Pipeline {
        Pipeline { name: name.into(), uid: uid.map(Into::into), ..Pipeline::default() }
    }

    #[test]
    fn a_database_is_owned_by_name_and_by_uid_where_both_sides_have_one() {
        for (standing, wants, outcome) in [
            (owner("a", None), pipeline("a", None), Ownership::Ours),
            (owner("a", None), pipeline("a", Some("1")), Ownership::Adopt),
            (owner("a", Some("1")), pipeline("a", Some("1")), Ownership::Ours),
            (owner("a", Some("1")), pipeline("a", None), Ownership::Ours),
            (owner("a", Some("1")), pipeline("a", Some("2")), Ownership::Foreign),
            (owner("a", None), pipeline("b", None), Ownership::Foreign),
            (owner("a", None), pipeline("b", Some("1")), Ownership::Foreign),
            (owner("a", Some("1")), pipeline("b", Some("1")), Ownership::Foreign),
        ] {
            assert_eq!(ownership(&standing, &wants), outcome, "{standing:?} {wants:?}");
        }
    }
}
