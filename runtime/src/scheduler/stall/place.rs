//! From addresses of code to places that a reader knows.
//!
//! With the feature `symbols` the program's own debug information names them: a function, and with debug information of
//! lines a file and a line. An address stands for several places where functions were inlined. Without it, or where it knows
//! nothing, an address is all there is: `addr2line` makes a place of it later, even on another machine.

use fibra_coro::snapshot::offset_in_program;
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// How many places are told: beyond these are those that every task has.
const MOST_PLACES: usize = 16;

/// A place in the code.
///
/// ```
/// fibra::Builder::new().on_stall(|stall| {
///     if let Some(place) = stall.places().iter().find(|place| place.file().is_some_and(|file| file.ends_with("main.rs"))) {
///         eprintln!("stuck in {} at line {:?}", place.function().unwrap_or("?"), place.line());
///     }
/// });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    address: usize,
    function: Option<String>,
    file: Option<PathBuf>,
    line: Option<u32>,
}

impl Place {
    /// The address of its code in this process.
    pub fn address(&self) -> usize {
        self.address
    }

    /// The function's name, if it is known.
    pub fn function(&self) -> Option<&str> {
        self.function.as_deref()
    }

    /// The file of its source, if it is known.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The line there, from 1.
    pub fn line(&self) -> Option<u32> {
        self.line
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.function, offset_in_program(self.address)) {
            (Some(function), _) => f.write_str(function)?,
            (None, Some(offset)) => write!(f, "program+{offset:#x}")?,
            (None, None) => write!(f, "{:#x}", self.address)?,
        }
        if let Some(file) = &self.file {
            write!(f, " ({}", file.display())?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

/// The places of a program counter and the return addresses that follow it, innermost first.
pub(super) fn find(addresses: &[usize]) -> Vec<Place> {
    let mut places = Vec::new();
    for (index, &address) in addresses.iter().enumerate() {
        // A return address is behind the call; the call may be the last instruction of its function, or of its line.
        add(address - usize::from(index > 0), &mut places);
        if places.len() >= MOST_PLACES {
            places.truncate(MOST_PLACES);
            break;
        }
    }
    places
}

#[cfg(not(feature = "symbols"))]
fn add(address: usize, places: &mut Vec<Place>) {
    places.push(Place { address, function: None, file: None, line: None });
}

/// Adds the functions that the address is in, from the innermost inlined one out; none if it has no name.
#[cfg(feature = "symbols")]
fn add(address: usize, places: &mut Vec<Place>) {
    // It takes what it gets for a return address.
    let behind = std::ptr::without_provenance_mut(address + 1);
    backtrace::resolve(behind, |symbol| {
        let Some(name) = symbol.name() else { return };
        // Without the hash that the compiler appends.
        let function = format!("{name:#}");
        let file = symbol.filename().map(Path::to_path_buf);
        if !is_machinery(&function, file.as_deref()) {
            places.push(Place { address, function: Some(function), file, line: symbol.lineno() });
        }
    });
}

/// Whether the function is one of those that lie between any two of the user's: ours, or those of std that catch panics. An
/// inlined one may be known by its last name only, and then its file tells.
#[cfg(feature = "symbols")]
fn is_machinery(function: &str, file: Option<&Path>) -> bool {
    const FUNCTIONS: [&str; 9] = [
        "__rust_",
        "core::ops::function::",
        "core::panic::",
        "fibra::scheduler::",
        "fibra::task::",
        "fibra_coro::",
        "std::panic::",
        "std::panicking::",
        "std::sys::backtrace::",
    ];
    const FILES: [&str; 5] = [
        "/core/src/ops/function.rs",
        "/core/src/panic/unwind_safe.rs",
        "/std/src/panic.rs",
        "/std/src/panicking.rs",
        "/std/src/sys/backtrace.rs",
    ];
    // A method of a trait: `<fibra::task::body::closure::Start as fibra::task::body::Body>::poll`.
    let function = function.trim_start_matches(['<', '&']);
    let file = file.and_then(Path::to_str).unwrap_or_default();
    FUNCTIONS.iter().any(|machinery| function.starts_with(machinery))
        || FILES.iter().any(|machinery| file.ends_with(machinery))
        || own_folders().any(|own| file.contains(&own))
}

/// The folders of the scheduler and of tasks, as the compiler names files in this crate.
#[cfg(feature = "symbols")]
fn own_folders() -> impl Iterator<Item = String> {
    let sources = file!().split("scheduler/").next().unwrap_or_default();
    ["scheduler/", "task/"].into_iter().map(move |folder| format!("{sources}{folder}"))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// One with a name, that is nobody's machinery.
    fn somewhere() -> usize {
        std::thread::park as *const () as usize
    }

    #[test]
    fn a_program_counter_has_a_name() {
        let places = find(&[somewhere()]);
        if cfg!(feature = "symbols") {
            // What is inlined there stands before it.
            let outermost = places.last().expect("it is somewhere").to_string();
            assert!(outermost.contains("park"), "{places:?}");
            assert!(!places[0].to_string().contains("0x"), "{places:?}");
        } else {
            assert_eq!(places.len(), 1);
        }
    }

    #[test]
    fn what_is_in_no_program_is_left_out_or_told_as_a_number() {
        let places = find(&[1]);
        assert!(places.is_empty() || places[0].to_string() == "0x1", "{places:?}");
    }

    #[test]
    fn no_more_places_are_told_than_a_reader_wants() {
        assert_eq!(find(&[somewhere() + 1; 100]).len(), MOST_PLACES);
    }

    #[cfg(feature = "symbols")]
    #[test]
    fn what_lies_between_any_two_of_the_users_is_left_out() {
        assert!(find(&[find as *const () as usize]).is_empty());
        let std = Some(Path::new("/rustc/1234/library/std/src/panicking.rs"));
        assert!(is_machinery("do_call<F, T>", std));
        assert!(is_machinery("<fibra::task::Task as core::ops::drop::Drop>::drop", None));
        assert!(is_machinery("run", Some(&Path::new("/").join(file!()))));
        assert!(!is_machinery("run", Some(Path::new("/home/user/src/main.rs"))));
        assert!(!is_machinery("run", None));
    }
}
