//! The file of users: a line for each, `name:role:hash`.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use parking_lot::Mutex;
use tracing::{info, warn};

use crate::auth::{Role, password_hash::Hash};

/// The longest name.
pub(crate) const LONGEST_NAME: usize = 100;
/// The most bytes of the file: a Secret holds a megabyte.
const LARGEST_FILE: u64 = 1 << 20;

/// A user. Never printed: no Debug.
pub(crate) struct User {
    pub(crate) name: Arc<str>,
    pub(crate) role: Role,
    pub(crate) hash: Hash,
}

/// The users of a file: at least one, no name twice.
pub(crate) struct Users(Vec<User>);

impl Users {
    /// Reads the lines; a line that cannot be used is told by its number, never by what is in it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut users: Vec<User> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let user = user(line).map_err(|problem| format!("line {}: {problem}", index + 1))?;
            if users.iter().any(|other| other.name == user.name) {
                return Err(format!("line {}: the name stands in an earlier line too: remove one", index + 1));
            }
            users.push(user);
        }
        if users.is_empty() {
            return Err("there is no user in it: add a line that stockstream hash-password prints".into());
        }
        Ok(Self(users))
    }

    /// The user of that name.
    pub(crate) fn named(&self, name: &str) -> Option<&User> {
        self.0.iter().find(|user| *user.name == *name)
    }

    /// Whether that is the user's password. A name that nobody has takes as long as one that somebody has.
    pub(crate) fn check(&self, name: &str, password: &str) -> Option<&User> {
        let user = self.named(name);
        let hash = user.or(self.0.first()).map(|user| &user.hash)?;
        let is_right = hash.is_of(password);
        user.filter(|_| is_right)
    }
}

fn user(line: &str) -> Result<User, String> {
    let mut parts = line.splitn(3, ':');
    let (Some(name), Some(role), Some(hash)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("write name:role:hash".into());
    };
    let name = name.trim();
    check_name(name)?;
    // Not said what stands there: it may be a password in the wrong place.
    let role = role.trim().parse().map_err(|_| "the role must be User, Accountant or Administrator".to_owned())?;
    Ok(User { name: name.into(), role, hash: Hash::parse(hash.trim())? })
}

/// Whether somebody may be called that.
///
/// # Errors
/// What to write instead.
pub fn check_name(name: &str) -> Result<(), String> {
    let is_fit = !name.is_empty()
        && name.len() <= LONGEST_NAME
        && !name.starts_with('#')
        && name.chars().all(|letter| letter != ':' && !letter.is_control() && !letter.is_whitespace());
    let rule = format!("a name has 1 to {LONGEST_NAME} bytes, without spaces and colons, and begins with no #");
    if is_fit { Ok(()) } else { Err(rule) }
}

/// What tells one state of the file from the next. A Secret that is mounted is exchanged as a whole: another inode.
#[derive(PartialEq, Eq)]
struct Stamp(Option<SystemTime>, u64, u64);

impl Stamp {
    #[cfg(unix)]
    fn of(path: &Path) -> std::io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        Ok(Self(metadata.modified().ok(), metadata.len(), inode))
    }

    #[cfg(not(unix))]
    fn of(path: &Path) -> std::io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self(metadata.modified().ok(), metadata.len(), 0))
    }
}

/// The file, read again when it changes.
pub(crate) struct UsersFile {
    path: PathBuf,
    standing: Mutex<(Option<Stamp>, Arc<Users>)>,
}

impl UsersFile {
    /// Reads the file for the first time.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let stamp = Stamp::of(path).ok();
        let users = read(path)?;
        Ok(Self { path: path.to_owned(), standing: Mutex::new((stamp, Arc::new(users))) })
    }

    /// The users of now. Looking costs one question to the file system. While the file cannot be used, those of before
    /// stay: a slip of the pen shuts nobody out.
    pub(crate) fn now(&self) -> Arc<Users> {
        let stamp = Stamp::of(&self.path).ok();
        let mut standing = self.standing.lock();
        if standing.0 != stamp {
            standing.0 = stamp;
            match read(&self.path) {
                Ok(users) => {
                    info!(file = %self.path.display(), users = users.0.len(), "the file of users is read again");
                    standing.1 = Arc::new(users);
                }
                Err(problem) => warn!(problem, "the file of users cannot be used; those read before stay"),
            }
        }
        Arc::clone(&standing.1)
    }
}

fn read(path: &Path) -> Result<Users, String> {
    let place = path.display();
    let size = fs::metadata(path).map_err(|error| format!("failed to read the file of users {place}: {error}"))?.len();
    if size > LARGEST_FILE {
        return Err(format!("the file of users {place} has {size} bytes: that is no file of users"));
    }
    let text =
        fs::read_to_string(path).map_err(|error| format!("failed to read the file of users {place}: {error}"))?;
    Users::parse(&text).map_err(|problem| format!("the file of users {place} cannot be used: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::password_hash::hash_password;

    #[test]
    fn users_are_read_with_comments_and_blank_lines() {
        let hash = hash_password("correct horse").unwrap();
        let users = Users::parse(&format!("# who may\n\nann:administrator:{hash}\n bob : User : {hash} \n")).unwrap();
        assert_eq!(users.named("ann").unwrap().role, Role::Administrator);
        assert_eq!(users.check("bob", "correct horse").unwrap().role, Role::User);
        for (name, password) in [("bob", "wrong"), ("eve", "correct horse"), ("Ann", "correct horse"), ("", "")] {
            assert!(users.check(name, password).is_none(), "{name}");
        }
    }

    #[test]
    fn a_name_that_nobody_has_takes_as_long_as_one_that_somebody_has() {
        let users = Users::parse(&format!("ann:User:{}", hash_password("correct horse").unwrap())).unwrap();
        let least = |name: &str| {
            let took = |_| {
                let begun = std::time::Instant::now();
                assert!(users.check(name, "wrong").is_none());
                begun.elapsed()
            };
            (0..5).map(took).min().unwrap()
        };
        // Without the work it would be a thousand times less; a busy machine does not come near that.
        assert!(least("nobody") * 20 > least("ann"));
    }

    #[test]
    fn a_line_that_cannot_be_used_is_told_by_its_number_and_not_by_what_is_in_it() {
        let hash = hash_password("correct horse").unwrap();
        for (text, words) in [
            (String::new(), "no user"),
            ("# nobody\n".to_owned(), "no user"),
            ("\nhunter2".to_owned(), "line 2: write name:role:hash"),
            (format!("ann:hunter2:{hash}"), "line 1: the role must be"),
            ("ann:User:hunter2".to_owned(), "line 1: the hash is no PHC string"),
            (format!("a n n:User:{hash}"), "line 1: a name has"),
            (format!("ann:User:{hash}\nann:Accountant:{hash}"), "line 2: the name stands"),
        ] {
            let said = Users::parse(&text).err().unwrap();
            assert!(said.contains(words) && !said.contains("hunter2") && !said.contains(&hash), "{said}");
        }
    }
}
