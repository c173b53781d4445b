//! Programs that subjects need beside this one: whether they are here, in which version, and how one gets them.

use std::collections::HashMap;
use std::io;
use std::process::{Command, Stdio};

/// A program that a subject names in [`Subject::needs`](crate::bench::Subject::needs).
struct Program {
    name: &'static str,
    /// The Debian package that brings it.
    package: &'static str,
    /// What makes it print its version.
    version: &'static [&'static str],
    /// What has to be done once before the first sample.
    prepare: fn() -> io::Result<()>,
}

#[cfg(feature = "peers")]
const KNOWN: &[Program] = &[
    Program { name: "go", package: "golang-go", version: &["version"], prepare: crate::go::build },
    Program { name: "nginx", package: "nginx-light", version: &["-v"], prepare: || Ok(()) },
    Program { name: "fio", package: "fio", version: &["--version"], prepare: || Ok(()) },
];
#[cfg(not(feature = "peers"))]
const KNOWN: &[Program] = &[];

/// What is known so far about the programs that subjects need.
#[derive(Default)]
pub struct Programs {
    known: HashMap<&'static str, Result<(), String>>,
}

impl Programs {
    /// Whether the program `name` can be used; if not, why, and what helps. It is prepared at the first question.
    pub fn usable(&mut self, name: &'static str) -> Result<(), String> {
        self.known.entry(name).or_insert_with(|| prepare(find(name))).clone()
    }
}

/// The version of the program `name`, if it is here and says it.
pub fn version(name: &str) -> Option<String> {
    version_of(find(name))
}

fn version_of(program: &Program) -> Option<String> {
    let output = Command::new(program.name).args(program.version).stdin(Stdio::null()).output().ok()?;
    // nginx says its version on standard error.
    let said = [output.stdout, output.stderr].concat();
    first_number(&String::from_utf8_lossy(&said))
}

fn prepare(program: &Program) -> Result<(), String> {
    let Program { name, package, .. } = program;
    if version_of(program).is_none() {
        return Err(format!("there is no program `{name}` here (apt-get install {package})"));
    }
    (program.prepare)().map_err(|error| error.to_string())
}

/// # Panics
///
/// When nothing is known about `name`: a subject names only what is in the table.
fn find(name: &str) -> &'static Program {
    let known = KNOWN.iter().find(|program| program.name == name);
    known.unwrap_or_else(|| panic!("no program `{name}` in the table of programs"))
}

/// `1.19.8` out of `go version go1.19.8 linux/amd64`.
fn first_number(text: &str) -> Option<String> {
    let from = text.find(|letter: char| letter.is_ascii_digit())?;
    let number = text[from..].split(|letter: char| !letter.is_ascii_digit() && letter != '.').next()?;
    Some(number.trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Bench;
    use crate::benches;

    #[test]
    fn the_version_is_the_first_number_that_a_program_prints() {
        for (text, version) in [
            ("go version go1.19.8 linux/amd64\n", Some("1.19.8")),
            ("nginx version: nginx/1.22.1\n", Some("1.22.1")),
            ("fio-3.33\n", Some("3.33")),
            ("none\n", None),
        ] {
            assert_eq!(first_number(text).as_deref(), version, "{text}");
        }
    }

    #[test]
    fn every_program_that_a_subject_needs_is_in_the_table() {
        for needed in benches::ALL.iter().flat_map(Bench::subjects).filter_map(|subject| subject.needed) {
            assert!(KNOWN.iter().any(|program| program.name == needed), "{needed}");
        }
    }

    #[test]
    fn a_program_that_is_not_here_is_named_with_the_command_that_installs_it() {
        let missing =
            Program { name: "no-such-program", package: "no-such-package", version: &[], prepare: || Ok(()) };
        let reason = prepare(&missing).expect_err("there is no such program");
        assert_eq!(reason, "there is no program `no-such-program` here (apt-get install no-such-package)");
    }
}
