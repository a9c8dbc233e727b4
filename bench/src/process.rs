//! A process that is measured.

use std::process::{Child, Command};

use crate::Result;

/// A process that ends with this, however that comes about.
pub(crate) struct Running(Child);

impl Running {
    pub fn start(command: &mut Command) -> Result<Self> {
        Ok(Self(command.spawn()?))
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Fails if it does not.
    pub fn runs(&mut self) -> Result<()> {
        match self.0.try_wait()? {
            Some(status) => Err(format!("a process ended that should not; its log says why: {status}").into()),
            None => Ok(()),
        }
    }

    /// Asks it to end, and waits until it did.
    pub fn end(mut self) -> Result<()> {
        self.runs()?;
        Command::new("kill").arg(self.id().to_string()).status()?;
        self.0.wait()?;
        Ok(())
    }

    pub fn kill(mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
