//! What an error of the server means. Little is known to be final; everything else may pass and is tried again.

use std::fmt;

/// An error that the server answers: of a whole command, of one of its statements, or of the write concern.
#[derive(Clone, Debug)]
pub(crate) struct Failure<'a> {
    pub code: i64,
    /// The name that the server gives the code; it may be empty.
    pub name: &'a str,
    pub message: &'a str,
    pub labels: Vec<&'a str>,
}

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// User or password are wrong.
    SignIn,
    /// The user may not do that.
    Forbidden,
    /// The server does not do such a thing, or not with what stands in the database: somebody must change one of them.
    Wrong,
    /// It may pass: try again.
    Passing,
}

/// By these labels the server says that another try may do. They count whatever the code is.
const TRY_AGAIN: [&str; 3] = ["RetryableWriteError", "TransientTransactionError", "RetryableError"];

const UNAUTHORIZED: i64 = 13;
pub(crate) const AUTHENTICATION_FAILED: i64 = 18;
/// Whatever Atlas itself refuses: a sign-in, a right, a write beyond the space that was paid for. Only its words tell.
const ATLAS: i64 = 8_000;
pub(crate) const DUPLICATE_KEY: i64 = 11_000;

/// Of a whole command: BadValue, FailedToParse, TypeMismatch, ProtocolError, IllegalOperation, NamespaceExists,
/// CommandNotFound, CannotCreateIndex, IndexAlreadyExists, InvalidOptions, InvalidNamespace, IndexOptionsConflict,
/// IndexKeySpecsConflict, CommandNotSupported, ReadConcernMajorityNotEnabled, CommandNotSupportedOnView,
/// OptionNotSupportedOnView, InvalidPipelineOperator, InvalidIndexSpecificationOption, NotImplemented, APIVersionError,
/// APIStrictError, an unknown stage of a pipeline, an unknown field of a command.
const WRONG: [i64; 24] =
    [2, 9, 14, 17, 20, 48, 59, 67, 68, 72, 73, 85, 86, 115, 148, 166, 167, 168, 197, 238, 322, 323, 40_324, 40_415];

/// Of one statement: BadValue (an overflow among others), TypeMismatch, Overflow, InvalidBSON, PathNotViable,
/// DollarPrefixedFieldName, InvalidIdField, EmptyFieldName, DottedFieldName, ImmutableField, BSONObjectTooLarge, `$add` of
/// what is no number, a document that would be too large. A validator's refusal (121) is none of them: who made the
/// validator may drop it.
const INVALID_DOCUMENT: [i64; 15] = [2, 14, 15, 22, 28, 52, 53, 56, 57, 66, 10_334, 16_554, 17_280, 17_419, 17_420];

/// Those of them that speak of a document also where they are the whole command's.
const TOO_LARGE: [i64; 4] = [22, 10_334, 17_419, 17_420];

impl Failure<'_> {
    fn may_pass(&self) -> bool {
        self.labels.iter().any(|label| TRY_AGAIN.contains(label))
    }

    /// What an error of a command means.
    pub fn meaning(&self) -> Meaning {
        match self.code {
            _ if self.may_pass() => Meaning::Passing,
            AUTHENTICATION_FAILED => Meaning::SignIn,
            ATLAS if self.message.contains("auth") => Meaning::SignIn,
            ATLAS if self.message.contains("not allowed") => Meaning::Forbidden,
            UNAUTHORIZED if self.asks_for_a_user() => Meaning::SignIn,
            UNAUTHORIZED => Meaning::Forbidden,
            code if WRONG.contains(&code) => Meaning::Wrong,
            _ => Meaning::Passing,
        }
    }

    pub fn asks_for_a_user(&self) -> bool {
        self.code == UNAUTHORIZED && self.message.contains("requires authentication")
    }

    /// Whether an error of a statement says that the server will never take its document.
    pub fn is_of_the_document(&self) -> bool {
        !self.may_pass() && INVALID_DOCUMENT.contains(&self.code)
    }

    /// Whether an error of a command with a single statement says so.
    pub fn is_of_the_only_document(&self) -> bool {
        !self.may_pass() && TOO_LARGE.contains(&self.code)
    }
}

/// The server's words on one line, with code and labels.
impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.message.lines().next().unwrap_or_default();
        let line: String = line.chars().take(300).collect();
        write!(f, "{line} (code {}", self.code)?;
        if !self.name.is_empty() {
            write!(f, " {}", self.name)?;
        }
        if !self.labels.is_empty() {
            write!(f, "; {}", self.labels.join(", "))?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure<'a>(code: i64, labels: &[&'a str]) -> Failure<'a> {
        Failure { code, name: "", message: "no", labels: labels.to_vec() }
    }

    #[test]
    fn what_is_not_known_to_be_final_may_pass() {
        for code in [0, 1, 8, 50, 89, 91, 112, 121, 175, 189, 249, 262, 365, 10_107, 11_600, 11_601, 11_602, 99_999] {
            assert_eq!(failure(code, &[]).meaning(), Meaning::Passing, "{code}");
            assert!(!failure(code, &[]).is_of_the_document(), "{code}");
        }
        assert_eq!(failure(59, &[]).meaning(), Meaning::Wrong);
        assert_eq!(failure(13, &[]).meaning(), Meaning::Forbidden);
        assert_eq!(failure(18, &[]).meaning(), Meaning::SignIn);
        let unsigned = Failure { message: "command update requires authentication", ..failure(13, &[]) };
        assert_eq!(unsigned.meaning(), Meaning::SignIn);
        assert!(failure(17_419, &[]).is_of_the_document() && failure(17_419, &[]).is_of_the_only_document());
    }

    #[test]
    fn a_label_says_more_than_a_code() {
        for label in TRY_AGAIN {
            for code in [2, 13, 18, 59, 17_419] {
                assert_eq!(failure(code, &[label]).meaning(), Meaning::Passing, "{code} {label}");
                assert!(!failure(code, &[label]).is_of_the_document(), "{code} {label}");
            }
        }
        // That nothing was written says nothing about another try.
        assert_eq!(failure(59, &["NoWritesPerformed"]).meaning(), Meaning::Wrong);
    }

    #[test]
    fn a_failure_tells_code_name_and_labels() {
        let failure = Failure { name: "WriteConflict", ..failure(112, &["RetryableWriteError", "NoWritesPerformed"]) };
        assert_eq!(failure.to_string(), "no (code 112 WriteConflict; RetryableWriteError, NoWritesPerformed)");
    }
}
