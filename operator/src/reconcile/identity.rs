//! Whether a database is the one that the pipeline works in. Pure.
//!
//! The status remembers the database's id. Another id, or none where there was one, is a mistyped name, another server or a
//! database that was dropped: to begin there would be to count from nothing, in silence. So it stops, until a person names
//! that very database in `spec.mongodb.acceptDatabaseId`. What was accepted once is used up: the status keeps it.

use kube::ResourceExt;

use crate::{reconcile::observed::Problem, resource::AnalyticsPipeline};

/// A database as it was found.
pub(super) struct Found<'a> {
    pub name: &'a str,
    /// `None` where no pipeline worked in it yet.
    pub id: Option<&'a str>,
    /// Whether it is this very resource's by uid: then it was accepted before, and the status was not written.
    pub is_ours: bool,
}

/// Checks that the pipeline may work in it.
pub(super) fn check(pipeline: &AnalyticsPipeline, found: &Found<'_>) -> Result<(), Problem> {
    let status = pipeline.status.as_ref();
    let known_id = status.and_then(|status| status.database_id.as_deref());
    let known_name = status.and_then(|status| status.database.as_deref());
    let is_same = match known_id {
        Some(known) => found.id == Some(known),
        // From before ids were kept: the name is all that is known.
        None => known_name.is_none_or(|known| known == found.name),
    };
    if is_same || is_accepted(pipeline, found) {
        return Ok(());
    }
    let (had, token) = (known_name.unwrap_or("another one"), token(found));
    let ids = match (found.id, known_id) {
        (Some(id), Some(known)) => format!("its id is {id}, and that of {had} is {known}"),
        (None, Some(known)) => format!("it has no id, as one that no pipeline worked in, and that of {had} is {known}"),
        (_, None) => format!("the pipeline worked in {had}"),
    };
    let secret = &pipeline.spec.mongodb.uri_secret_ref;
    let message = format!(
        "database {} is not the one that this pipeline works in: {ids}. Put the address of {had} back into secret {}/{}, key \
         {}; or, to go on in {} with what is counted there, set spec.mongodb.acceptDatabaseId to {token}",
        found.name,
        pipeline.namespace().unwrap_or_default(),
        secret.name,
        secret.key,
        found.name,
    );
    Err(Problem { reason: "DatabaseChanged", message, stalled: true })
}

/// What names this database in `acceptDatabaseId`: its id, or its name where it has none.
fn token(found: &Found<'_>) -> String {
    found.id.map_or_else(|| new(found.name), str::to_owned)
}

fn new(name: &str) -> String {
    format!("new:{name}")
}

fn is_accepted(pipeline: &AnalyticsPipeline, found: &Found<'_>) -> bool {
    let Some(accepts) = &pipeline.spec.mongodb.accept_database_id else { return false };
    let used_up = pipeline.status.as_ref().and_then(|status| status.accepted_database_id.as_ref()) == Some(accepts);
    !used_up && (*accepts == token(found) || found.is_ours && *accepts == new(found.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{reconcile::fixtures::Fixture, resource::PipelineStatus};

    const EMPTY: Found<'_> = Found { name: "stok_management", id: None, is_ours: false };

    fn pipeline(known: Option<&str>, accepts: Option<&str>, used_up: Option<&str>) -> AnalyticsPipeline {
        let mut pipeline = Fixture::ready().pipeline;
        pipeline.spec.mongodb.accept_database_id = accepts.map(Into::into);
        pipeline.status = Some(PipelineStatus {
            database: Some("stock_management".into()),
            database_id: known.map(Into::into),
            accepted_database_id: used_up.map(Into::into),
            ..PipelineStatus::default()
        });
        *pipeline
    }

    fn other(id: &str) -> Found<'_> {
        Found { name: "stock_management", id: Some(id), is_ours: false }
    }

    #[test]
    fn the_same_database_passes_and_so_does_the_first_one() {
        assert_eq!(check(&pipeline(Some("one"), None, None), &other("one")), Ok(()));
        assert_eq!(check(&pipeline(None, None, None), &other("one")), Ok(()), "an upgrade adopts the id");
        let first = AnalyticsPipeline { status: None, ..pipeline(None, None, None) };
        assert_eq!(check(&first, &EMPTY), Ok(()));
        assert_eq!(check(&first, &other("one")), Ok(()), "deleted and applied again, it goes on where it was");
    }

    #[test]
    fn another_database_stops_and_says_what_to_write_to_go_on_there() {
        let problem = check(&pipeline(Some("one"), None, None), &EMPTY).unwrap_err();
        assert_eq!((problem.reason, problem.stalled), ("DatabaseChanged", true));
        for words in ["stok_management", "secret shop/mongo, key uri", "acceptDatabaseId to new:stok_management", "one"]
        {
            assert!(problem.message.contains(words), "{}", problem.message);
        }
        let problem = check(&pipeline(Some("one"), None, None), &other("two")).unwrap_err();
        assert!(problem.message.contains("acceptDatabaseId to two"), "{}", problem.message);
        assert!(check(&pipeline(None, None, None), &EMPTY).is_err(), "another name, from before ids were kept");
        let dropped = Found { name: "stock_management", ..EMPTY };
        assert!(check(&pipeline(Some("one"), None, None), &dropped).is_err(), "a database that was dropped");
    }

    #[test]
    fn what_a_person_names_is_accepted_once_and_nothing_else_is() {
        assert_eq!(check(&pipeline(Some("one"), Some("two"), None), &other("two")), Ok(()));
        assert_eq!(check(&pipeline(Some("one"), Some("new:stok_management"), None), &EMPTY), Ok(()));
        assert!(check(&pipeline(Some("one"), Some("two"), None), &other("three")).is_err());
        assert!(check(&pipeline(Some("one"), Some("new:other"), None), &EMPTY).is_err());
        assert!(check(&pipeline(Some("one"), Some("two"), Some("two")), &other("two")).is_err(), "used up");
        let begun = Found { id: Some("three"), is_ours: true, ..EMPTY };
        assert_eq!(check(&pipeline(Some("one"), Some("new:stok_management"), None), &begun), Ok(()));
        let namesake = Found { is_ours: false, ..begun };
        assert!(check(&pipeline(Some("one"), Some("new:stok_management"), None), &namesake).is_err());
    }
}
