//! What can be wrong with a name, or with a call.

use super::signature::{Signature, distinct, short};
use std::{error::Error, fmt, panic::Location};

/// A name is registered already. Nothing was changed.
///
/// ```
/// let registry = fibra::registry::Registry::new();
/// registry.register("one", || 1)?;
/// let error = registry.register("one", || 2).unwrap_err();
/// assert_eq!(error.name(), "one");
/// assert_eq!(error.first().file(), file!());
/// assert_eq!(error.second().line(), error.first().line() + 1);
/// # Ok::<(), fibra::registry::DuplicateName>(())
/// ```
#[derive(Clone, Debug)]
pub struct DuplicateName {
    pub(super) name: String,
    pub(super) first: &'static Location<'static>,
    pub(super) second: &'static Location<'static>,
}

impl DuplicateName {
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the function was registered, or last replaced, that has the name.
    pub fn first(&self) -> &'static Location<'static> {
        self.first
    }

    /// Where another one was to be.
    pub fn second(&self) -> &'static Location<'static> {
        self.second
    }
}

impl fmt::Display for DuplicateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, first, second } = self;
        write!(f, "`{name}` is registered at {first}, and a second time at {second}")
    }
}

impl Error for DuplicateName {}

/// No function has this name.
///
/// ```
/// let registry = fibra::registry::Registry::new();
/// registry.register("greet", || "hello")?;
/// let error = registry.signature("great").unwrap_err();
/// assert_eq!(error.nearest(), ["greet"]);
/// assert_eq!(error.to_string(), "no function is called `great`; there is `greet`");
/// # Ok::<(), fibra::registry::DuplicateName>(())
/// ```
#[derive(Clone, Debug)]
pub struct UnknownName {
    pub(super) name: String,
    pub(super) nearest: Vec<String>,
}

impl UnknownName {
    /// The name that was asked for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Registered names that are spelled nearly like it, the nearest first: at most three, out of the first 4,096 that are looked at.
    pub fn nearest(&self) -> &[String] {
        &self.nearest
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no function is called `{}`", self.name)?;
        for (index, name) in self.nearest.iter().enumerate() {
            let link = if index == 0 { "; there is" } else { " or" };
            write!(f, "{link} `{name}`")?;
        }
        Ok(())
    }
}

impl Error for UnknownName {}

/// Why a call was not made. The function has not begun.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError {
    /// No function has the name.
    Unknown(UnknownName),
    /// The function has other types than those that a typed call gave it.
    #[non_exhaustive]
    Mismatch {
        /// The function's name.
        name: String,
        /// Its types.
        expected: Signature,
        /// The types of the call.
        given: Signature,
    },
    /// A call with values gave something else than an array.
    #[non_exhaustive]
    NoArray {
        /// The function's name.
        name: String,
        /// Its types.
        expected: Signature,
        /// What was given: "an object", say.
        given: &'static str,
    },
    /// A call with values gave more or fewer of them than the function has arguments.
    #[non_exhaustive]
    Count {
        /// The function's name.
        name: String,
        /// Its types.
        expected: Signature,
        /// How many values were given.
        given: usize,
    },
    /// A value is not what the argument in its place has to be.
    #[non_exhaustive]
    Argument {
        /// The function's name.
        name: String,
        /// Its types.
        expected: Signature,
        /// Which of the arguments, counted from 0.
        index: usize,
        /// What is wrong with the value.
        source: serde_json::Error,
    },
    /// A call with values of a function that takes part in typed calls only; see [`typed`](super::typed).
    #[non_exhaustive]
    TypedOnly {
        /// The function's name.
        name: String,
        /// Its types.
        expected: Signature,
    },
}

impl From<UnknownName> for CallError {
    fn from(error: UnknownName) -> Self {
        CallError::Unknown(error)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Unknown(error) => error.fmt(f),
            CallError::Mismatch { name, expected, given } => {
                let (expected, given) = distinct(expected, given);
                write!(f, "`{name}` is expected to be called as {expected}, given {given}")
            }
            CallError::NoArray { name, expected, given } => {
                write!(f, "`{name}`, {expected}, expects an array of its arguments, given {given}")
            }
            CallError::Count { name, expected, given } => {
                let count = expected.arguments().len();
                write!(f, "`{name}`, {expected}, expects {count} argument(s), given {given}")
            }
            CallError::Argument { name, expected, index, source } => {
                let (number, wanted) = (index + 1, short(expected.arguments()[*index]));
                write!(f, "`{name}`, {expected}, expects argument {number} to be a {wanted}, given {source}")
            }
            CallError::TypedOnly { name, expected } => {
                write!(f, "`{name}`, {expected}, has types that are no JSON: it expects a typed call")
            }
        }
    }
}

impl Error for CallError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            CallError::Argument { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// What is wrong with the values of a call, before anybody knows whose call it is.
#[doc(hidden)]
#[derive(Debug)]
pub enum BadValues {
    Count(usize),
    Argument { index: usize, source: serde_json::Error },
    TypedOnly,
}

impl BadValues {
    pub(super) fn of(self, name: &str, expected: Signature) -> CallError {
        let name = name.to_owned();
        match self {
            BadValues::Count(given) => CallError::Count { name, expected, given },
            BadValues::Argument { index, source } => CallError::Argument { name, expected, index, source },
            BadValues::TypedOnly => CallError::TypedOnly { name, expected },
        }
    }
}
