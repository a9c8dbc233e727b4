//! Words for a person on standard error. Who reads them may go away, as `head` does: that ends nothing.

/// A line.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

pub(crate) use say;
