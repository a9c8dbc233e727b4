//! The errors of a database that is another pipeline's, or another database than the expected one.

use stockstream_model::settings::Pipeline;
use stockstream_protocol::owner::Owner;

use crate::StoreError;

/// The error of a database that is another's.
pub(crate) fn foreign(database: &str, owner: Owner, pipeline: &Pipeline) -> StoreError {
    let (database, name) = (database.to_owned(), pipeline.name.clone());
    match owner.uid.filter(|_| owner.name == name) {
        None => StoreError::Owned { database, owner: owner.name, pipeline: name },
        Some(owner) => {
            let uid = pipeline.uid.clone().unwrap_or_default();
            StoreError::OwnedByNamesake { database, pipeline: name, owner, uid }
        }
    }
}

/// Checks that a database is the one that a pipeline works in; a pipeline that names none takes any.
pub(crate) fn check_id(database: &str, found: Option<&str>, pipeline: &Pipeline) -> Result<(), StoreError> {
    match &pipeline.database_id {
        Some(expected) if found != Some(expected) => Err(StoreError::OtherDatabase {
            database: database.to_owned(),
            expected: expected.clone(),
            found: found.map(str::to_owned),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expected_id_refuses_every_other_and_one_that_is_missing() {
        let expects = Pipeline { database_id: Some("one".into()), ..Pipeline::default() };
        assert!(check_id("d", Some("one"), &expects).is_ok());
        assert!(check_id("d", Some("two"), &expects).is_err() && check_id("d", None, &expects).is_err());
        assert!(check_id("d", None, &Pipeline::default()).is_ok());
    }
}
