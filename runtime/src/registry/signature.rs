//! What a function takes and returns, in words.

use super::function::Arguments;
use std::{any::type_name, fmt};

/// The names of a function's types.
///
/// Printed with `{}` they are short, without the paths of modules; `{:#}` has them in full, as
/// [`type_name`] gives them: for people to read, and not for programs to compare. Two signatures are equal if all their full names are.
///
/// ```
/// let registry = fibra::registry::Registry::new();
/// registry.register("repeat", |text: String, times: usize| text.repeat(times))?;
/// let signature = registry.signature("repeat")?;
/// assert_eq!(signature.to_string(), "fn(String, usize) -> String");
/// assert_eq!(format!("{signature:#}"), "fn(alloc::string::String, usize) -> alloc::string::String");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    arguments: Vec<&'static str>,
    output: &'static str,
    by_value: bool,
}

impl Signature {
    pub(super) fn of<A: Arguments, R>(by_value: bool) -> Self {
        Self { arguments: A::type_names(), output: type_name::<R>(), by_value }
    }

    /// The full names of the arguments' types.
    pub fn arguments(&self) -> &[&'static str] {
        &self.arguments
    }

    /// The full name of the result's type; for an async function, of what its future returns.
    pub fn output(&self) -> &'static str {
        self.output
    }

    /// Whether the function can be called with JSON values; see [`typed`](super::typed).
    pub fn is_by_value(&self) -> bool {
        self.by_value
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |name: &'static str| if f.alternate() { name.to_owned() } else { short(name) };
        let arguments: Vec<_> = self.arguments.iter().copied().map(name).collect();
        let output = name(self.output);
        write!(f, "fn({}) -> {output}", arguments.join(", "))
    }
}

/// Two signatures that differ, each with as many words as it takes to see that.
pub(super) fn distinct(one: &Signature, other: &Signature) -> (String, String) {
    let (short, other_short) = (one.to_string(), other.to_string());
    if short == other_short { (format!("{one:#}"), format!("{other:#}")) } else { (short, other_short) }
}

/// A type's name without the paths of modules, those of its parameters' types included.
pub(super) fn short(name: &str) -> String {
    let mut short = String::new();
    // Where the path begins that is being read.
    let mut path = 0;
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        if c == ':' && rest.peek() == Some(&':') {
            rest.next();
            short.truncate(path);
        } else {
            short.push(c);
            if !(c.is_alphanumeric() || c == '_') {
                path = short.len();
            }
        }
    }
    short
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_paths_wherever_they_stand() {
        for (full, expected) in [
            ("u64", "u64"),
            ("()", "()"),
            ("alloc::string::String", "String"),
            ("core::result::Result<alloc::vec::Vec<u8>, std::io::error::Error>", "Result<Vec<u8>, Error>"),
            ("(a::b::C, [d::E; 3], &'static str)", "(C, [E; 3], &'static str)"),
            ("alloc::boxed::Box<dyn core::ops::function::Fn(a::B) -> c::D>", "Box<dyn Fn(B) -> D>"),
        ] {
            assert_eq!(short(full), expected);
        }
    }

    #[test]
    fn types_of_the_same_short_name_are_told_apart_by_their_paths() {
        let of = |argument| Signature { arguments: vec![argument], output: "()", by_value: true };
        let (one, other) = distinct(&of("a::Config"), &of("b::Config"));
        assert_eq!((one.as_str(), other.as_str()), ("fn(a::Config) -> ()", "fn(b::Config) -> ()"));
        let (one, other) = distinct(&of("a::Config"), &of("a::Setting"));
        assert_eq!((one.as_str(), other.as_str()), ("fn(Config) -> ()", "fn(Setting) -> ()"));
    }
}
