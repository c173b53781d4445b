//! Which kernel this is, and the limits it sets for this process.
//!
//! To know a version is not to know a feature: distributions port features back, and sandboxes take them away. Code that
//! needs a feature tries it; the version is for reports.

use crate::os;
use std::fmt;
use std::io;
use std::str::FromStr;

/// The version of a kernel.
///
/// ```
/// use fibra_system::kernel::Release;
///
/// let release: Release = "6.18.2-arch1-1".parse()?;
/// assert!(release >= Release { major: 6, minor: 13, patch: 0 });
/// # Ok::<(), fibra_system::kernel::ReleaseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number; 0 where there is none.
    pub patch: u32,
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A text that does not begin with a version.
///
/// ```
/// use fibra_system::kernel::Release;
///
/// let error = "latest".parse::<Release>().expect_err("no number in it");
/// assert_eq!(error.to_string(), "\"latest\" does not begin with a kernel version such as 6.1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReleaseError {
    /// The text.
    pub text: String,
}

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} does not begin with a kernel version such as 6.1", self.text)
    }
}

impl std::error::Error for ReleaseError {}

impl FromStr for Release {
    type Err = ReleaseError;

    /// Reads what `uname -r` prints: `5.10.0-28-amd64`, `6.6-rc1`, `4.4.302+`.
    fn from_str(text: &str) -> Result<Self, ReleaseError> {
        let numbers = text.split(|c: char| c != '.' && !c.is_ascii_digit()).next().unwrap_or("");
        let mut numbers = numbers.split('.').map(str::parse);
        let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
            return Err(ReleaseError { text: text.to_owned() });
        };
        let patch = numbers.next().and_then(Result::ok).unwrap_or(0);
        Ok(Release { major, minor, patch })
    }
}

/// The version of the running kernel.
///
/// # Errors
///
/// `InvalidData` if the system's answer begins with no version.
///
/// ```
/// println!("on kernel {}", fibra_system::kernel::release()?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn release() -> io::Result<Release> {
    os::release()?.parse().map_err(|error: ReleaseError| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// A limit on what this process may use; `None` means unlimited.
///
/// ```
/// use fibra_system::kernel::Limit;
///
/// let limit = Limit { soft: Some(1_024), hard: None };
/// assert_eq!(limit.to_string(), "1024 (at most unlimited)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What holds now.
    pub soft: Option<u64>,
    /// How far the process may raise `soft`.
    pub hard: Option<u64>,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text =
            |limit: Option<u64>| limit.map_or_else(|| String::from("unlimited"), |limit| limit.to_string());
        write!(f, "{} (at most {})", text(self.soft), text(self.hard))
    }
}

/// How many descriptors this process may have open at once (`RLIMIT_NOFILE`). Unlimited on Windows.
///
/// # Errors
///
/// Those of the system.
///
/// ```
/// println!("open files: {}", fibra_system::kernel::open_files()?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn open_files() -> io::Result<Limit> {
    os::limit_open_files()
}

/// How many bytes this process may lock into memory (`RLIMIT_MEMLOCK`). Before Linux 5.12 rings counted against it.
/// On Windows its least working set.
///
/// # Errors
///
/// Those of the system.
///
/// ```
/// println!("locked memory in bytes: {}", fibra_system::kernel::locked_memory()?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn locked_memory() -> io::Result<Limit> {
    os::limit_locked_memory()
}

/// How many mappings this process may have (`vm.max_map_count`). It bounds the number of stacks whose guard pages split a
/// mapping.
///
/// # Errors
///
/// Those of reading `/proc`; `InvalidData` if there is no number in it; `Unsupported` where there is no such limit.
///
/// ```
/// match fibra_system::kernel::max_map_count() {
///     Ok(count) => println!("mappings: {count}"),
///     Err(error) => println!("mappings: {error}"),
/// }
/// ```
pub fn max_map_count() -> io::Result<u64> {
    os::max_map_count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_as_distributions_write_them() {
        let read = |text: &str| text.parse::<Release>().map(|release| release.to_string());
        for (text, release) in [
            ("6.18.44-fc-v669", "6.18.44"),
            ("5.10.0-28-amd64", "5.10.0"),
            ("6.6-rc1", "6.6.0"),
            ("4.4.302+", "4.4.302"),
            ("5.15.167.4-microsoft-standard-WSL2", "5.15.167"),
            ("4.18.0-553.el8_10.x86_64", "4.18.0"),
            ("6.1.", "6.1.0"),
            ("24.6.0", "24.6.0"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(release));
        }
        for text in ["", "6", "v6.1", ".1", "6.", "-6.1", "99999999999.1"] {
            assert_eq!(read(text), Err(ReleaseError { text: text.to_owned() }));
        }
    }

    #[test]
    fn releases_are_ordered_by_number_not_by_text() {
        let release = |text: &str| text.parse::<Release>().expect("a version");
        assert!(release("6.9.12") < release("6.10.0"));
        assert!(release("5.19.17") < release("6.0"));
    }
}
