//! Sign-in by name and password: the file of users, how often it may fail, and how much work it may be.

use std::{
    collections::HashMap,
    net::IpAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tracing::{info, warn};

use crate::auth::{
    Role,
    password_hash::LONGEST,
    rate_limit::RateLimiter,
    session::Key,
    users_file::{LONGEST_NAME, Users, UsersFile},
};

/// So many passwords are looked at at a time: each takes a processor, and 19 MiB.
static AT_ONCE: Semaphore = Semaphore::const_new(2);
/// Whoever waits longer for that is told to come again.
const PATIENCE: Duration = Duration::from_secs(5);
/// A program sends its password with every request: for so long it is remembered which were right.
const REMEMBERED: Duration = Duration::from_secs(300);
/// So many of them.
const MOST_REMEMBERED: usize = 1_000;

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignInError {
    /// Name or password are wrong; which is not told.
    Wrong,
    /// Too many failed; so long to wait.
    Later(Duration),
}

/// Sign-in by name and password.
pub(crate) struct Passwords {
    file: UsersFile,
    by_name: RateLimiter,
    by_address: RateLimiter,
    /// By a keyed digest of name, password and hash: it ends with the password.
    remembered: Mutex<HashMap<[u8; 32], Instant>>,
}

impl Passwords {
    pub(crate) fn open(users: &Path) -> Result<Self, String> {
        Ok(Self {
            file: UsersFile::open(users)?,
            by_name: RateLimiter::new(10, Duration::from_secs(60)),
            by_address: RateLimiter::of_addresses(),
            remembered: Mutex::default(),
        })
    }

    pub(crate) fn users(&self) -> Arc<Users> {
        self.file.now()
    }

    /// Lets a program in, as [`Self::sign_in`] does, but works on a password only once in a while.
    pub(crate) async fn program(
        &self,
        key: &Key,
        name: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<(Arc<str>, Role), SignInError> {
        let users = self.users();
        let digest =
            users.named(name).map(|user| key.digest(&[name.as_bytes(), password.as_bytes(), user.hash.as_bytes()]));
        let now = Instant::now();
        if let (Some(digest), Some(user)) = (digest, users.named(name)) {
            let remembered = self.remembered.lock();
            if remembered.get(&digest).is_some_and(|until| *until > now) {
                return Ok((Arc::clone(&user.name), user.role));
            }
        }
        let let_in = self.sign_in(name, password, from).await?;
        if let Some(digest) = digest {
            let mut remembered = self.remembered.lock();
            remembered.retain(|_, until| *until > now);
            if remembered.len() < MOST_REMEMBERED {
                remembered.insert(digest, now + REMEMBERED);
            }
        }
        Ok(let_in)
    }

    /// Lets somebody in.
    pub(crate) async fn sign_in(
        &self,
        name: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<(Arc<str>, Role), SignInError> {
        let users = self.users();
        // Who mistakes the fields writes a password as the name: only names that there are come into the log.
        let known = users.named(name).map_or_else(|| "nobody known".into(), |user| Arc::clone(&user.name));
        let result = self.verify(users, name, password, from).await;
        match &result {
            Ok((_, role)) => info!(user = %known, %from, %role, "signed in"),
            Err(SignInError::Wrong) => warn!(user = %known, %from, "sign-in refused: name or password are wrong"),
            Err(SignInError::Later(_)) => warn!(user = %known, %from, "sign-in refused: too many failed"),
        }
        result
    }

    async fn verify(
        &self,
        users: Arc<Users>,
        name: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<(Arc<str>, Role), SignInError> {
        let now = Instant::now();
        let by_address = self.by_address.attempt_from(from, now).map_err(SignInError::Later)?;
        let by_name = self.by_name.attempt(name, now).map_err(SignInError::Later)?;
        if name.len() > LONGEST_NAME || password.len() > LONGEST {
            return Err(SignInError::Wrong);
        }
        let busy = SignInError::Later(PATIENCE);
        let permit = tokio::time::timeout(PATIENCE, AT_ONCE.acquire()).await;
        let permit = permit.map_err(|_| busy)?.map_err(|_| busy)?;
        let (name, password) = (name.to_owned(), password.to_owned());
        let checked = tokio::task::spawn_blocking(move || {
            // Held until the work has ended, also when nobody waits for it any more.
            let _permit = permit;
            users.check(&name, &password).map(|user| (Arc::clone(&user.name), user.role))
        });
        let let_in = checked.await.ok().flatten().ok_or(SignInError::Wrong)?;
        self.by_address.take_back(by_address);
        self.by_name.take_back(by_name);
        Ok(let_in)
    }
}
