//! Which backend a driver gets, and why.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;

use super::{Backend, BackendKind};
use crate::config::Config;
use crate::unpark::Parking;

/// The environment variable that forces a backend.
const VARIABLE: &str = "FIBRA_BACKEND";

impl BackendKind {
    /// The backend that the environment variable `FIBRA_BACKEND` forces. Unset or empty, it forces none.
    ///
    /// # Errors
    ///
    /// If the variable names no backend.
    ///
    /// ```
    /// use fibra_driver::BackendKind;
    /// match BackendKind::from_environment() {
    ///     Ok(Some(kind)) => println!("forced: {kind}"),
    ///     Ok(None) => println!("the best one"),
    ///     Err(error) => println!("{error}"),
    /// }
    /// ```
    pub fn from_environment() -> Result<Option<BackendKind>, UnknownBackend> {
        match std::env::var_os(VARIABLE) {
            None => Ok(None),
            Some(value) if value.is_empty() => Ok(None),
            Some(value) => value
                .to_string_lossy()
                .parse()
                .map(Some)
                .map_err(|error: UnknownBackend| UnknownBackend { from_environment: true, ..error }),
        }
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for BackendKind {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Self, UnknownBackend> {
        let known = BackendKind::ALL.iter().find(|kind| kind.name() == name);
        known.copied().ok_or_else(|| UnknownBackend { name: name.to_owned(), from_environment: false })
    }
}

/// A name that is no backend's.
///
/// ```
/// let error = "iouring".parse::<fibra_driver::BackendKind>().unwrap_err();
/// assert_eq!(error.name(), "iouring");
/// assert!(error.to_string().starts_with("`iouring` is no backend: there are "));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownBackend {
    name: String,
    from_environment: bool,
}

impl UnknownBackend {
    /// The name.
    ///
    /// ```
    /// assert_eq!("x".parse::<fibra_driver::BackendKind>().unwrap_err().name(), "x");
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for UnknownBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from_environment {
            write!(f, "{VARIABLE}: ")?;
        }
        write!(f, "`{}` is no backend: there are ", self.name)?;
        for (index, kind) in BackendKind::ALL.iter().enumerate() {
            write!(f, "{}{kind}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownBackend {}

impl From<UnknownBackend> for io::Error {
    fn from(error: UnknownBackend) -> Self {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}

/// No backend could be used that was allowed.
///
/// ```
/// # let mut config = fibra_driver::Config::default();
/// config.backend = Some(fibra_driver::BackendKind::ALL[0]);
/// if let Err(error) = fibra_driver::Driver::new(&config) {
///     let unavailable = error.get_ref().and_then(|e| e.downcast_ref::<fibra_driver::BackendUnavailable>());
///     println!("{:?}", unavailable.map(|error| error.rejected()));
/// }
/// ```
#[derive(Debug)]
pub struct BackendUnavailable {
    rejected: Vec<Rejection>,
    forced: bool,
    kind: io::ErrorKind,
}

impl BackendUnavailable {
    /// What was tried, and why it did not work.
    ///
    /// ```
    /// fn log(error: &fibra_driver::BackendUnavailable) {
    ///     error.rejected().iter().for_each(|rejection| eprintln!("{rejection}"));
    /// }
    /// ```
    pub fn rejected(&self) -> &[Rejection] {
        &self.rejected
    }
}

impl fmt::Display for BackendUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.forced {
            "the backend that was forced does not work"
        } else {
            "no backend works"
        })?;
        self.rejected.iter().try_for_each(|rejection| write!(f, ": {rejection}"))
    }
}

impl std::error::Error for BackendUnavailable {}

impl From<BackendUnavailable> for io::Error {
    fn from(error: BackendUnavailable) -> Self {
        io::Error::new(error.kind, error)
    }
}

/// A backend that was not used, and why.
///
/// ```
/// # use fibra_driver::{Config, Driver};
/// for rejection in Driver::new(&Config::default())?.choice().rejected() {
///     println!("{rejection}");
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    backend: BackendKind,
    reason: String,
}

impl Rejection {
    /// The backend.
    ///
    /// ```
    /// fn is_preferred(rejection: &fibra_driver::Rejection) -> bool {
    ///     rejection.backend() == fibra_driver::BackendKind::ALL[0]
    /// }
    /// ```
    pub fn backend(&self) -> BackendKind {
        self.backend
    }

    /// The reason, in words.
    ///
    /// ```
    /// fn log(rejection: &fibra_driver::Rejection) {
    ///     println!("{}", rejection.reason());
    /// }
    /// ```
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.backend, self.reason)
    }
}

/// The backend a driver has, and how that came about.
///
/// ```
/// # use fibra_driver::{Config, Driver};
/// let driver = Driver::new(&Config::default())?;
/// println!("{}", driver.choice()); // "io_uring (single_issuer, defer_taskrun, …)"
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    backend: BackendKind,
    forced: bool,
    rejected: Vec<Rejection>,
    features: Vec<&'static str>,
}

impl Choice {
    /// The backend in use.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver};
    /// println!("{}", Driver::new(&Config::default())?.choice().backend());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn backend(&self) -> BackendKind {
        self.backend
    }

    /// Whether the configuration or the environment forced it.
    ///
    /// ```
    /// # use fibra_driver::{BackendKind, Config, Driver};
    /// # let mut config = Config::default();
    /// config.backend = BackendKind::ALL.last().copied();
    /// assert!(Driver::new(&config)?.choice().is_forced());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_forced(&self) -> bool {
        self.forced
    }

    /// The backends that would have been preferred, and what is wrong with each.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver};
    /// println!("{:?}", Driver::new(&Config::default())?.choice().rejected());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn rejected(&self) -> &[Rejection] {
        &self.rejected
    }

    /// What the backend uses of the kernel's abilities.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver};
    /// println!("{:?}", Driver::new(&Config::default())?.choice().features());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn features(&self) -> &[&'static str] {
        &self.features
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.backend)?;
        if !self.features.is_empty() {
            write!(f, " ({})", self.features.join(", "))?;
        }
        self.rejected.iter().try_for_each(|rejection| write!(f, "; not {rejection}"))
    }
}

/// Makes the backend that is forced, or else the first one that works.
pub(crate) fn choose(config: &Config) -> io::Result<(Backend, Arc<Parking>, Choice)> {
    let environment = if config.environment { BackendKind::from_environment()? } else { None };
    let forced = environment.or(config.backend);
    let candidates = forced.as_ref().map_or(BackendKind::ALL, std::slice::from_ref);
    let mut rejected = Vec::new();
    let mut kind = io::ErrorKind::Unsupported;
    for &backend in candidates {
        match Backend::start(backend, config) {
            Ok((started, parking, features)) => {
                let choice = Choice { backend, forced: forced.is_some(), rejected, features };
                return Ok((started, parking, choice));
            }
            Err(refusal) => {
                kind = refusal.error.kind();
                rejected.push(Rejection { backend, reason: refusal.to_string() });
            }
        }
    }
    Err(BackendUnavailable { rejected, forced: forced.is_some(), kind }.into())
}

/// Why a backend does not start: the step that failed, the system's error, and what is known about its cause.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub step: &'static str,
    pub error: io::Error,
    pub hint: String,
}

impl Refusal {
    /// For `map_err`: names the step that failed.
    pub(crate) fn at(step: &'static str) -> impl Fn(io::Error) -> Refusal {
        move |error| Refusal { step, error, hint: String::new() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.error)?;
        if !self.hint.is_empty() {
            write!(f, " ({})", self.hint)?;
        }
        Ok(())
    }
}
