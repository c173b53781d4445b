//! What counts depend on beside the sources in this repository.

use std::env;
use std::process::Command;

use crate::step::output_of;
use crate::workspace::{Outcome, cargo};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// The compiler, which brings the standard library along.
    pub rustc: String,
    pub host: String,
    /// Its allocator is in many counts.
    pub libc: String,
    /// It decides what the program sees of processor and kernel.
    pub valgrind: String,
    /// What the kernel gives a ring: some of it saves system calls.
    pub ring: String,
    /// What the lock file has the measured program linked with.
    pub packages: Vec<String>,
}

impl Circumstances {
    /// Those of this machine.
    pub fn find(valgrind: String, ring: String) -> Outcome<Circumstances> {
        let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let compiler = output_of(Command::new(compiler).arg("-vV"))?;
        let field =
            |name: &str| compiler.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("unknown");
        let mut tree = cargo();
        tree.args(["tree", "--locked", "--package", "fibra-gate", "--edges", "normal,no-proc-macro"]);
        tree.args(["--prefix", "none", "--no-dedupe"]);
        Ok(Circumstances {
            rustc: format!("{}, LLVM {}", field("rustc "), field("LLVM version: ")),
            host: field("host: ").to_owned(),
            libc: output_of(Command::new("getconf").arg("GNU_LIBC_VERSION"))?.trim().to_owned(),
            valgrind,
            ring,
            packages: foreign_packages(&output_of(&mut tree)?),
        })
    }

    /// What is not as `here`, a sentence for each difference.
    pub fn differences(&self, here: &Circumstances) -> Vec<String> {
        let mut differences = Vec::new();
        let named = [
            ("rustc", &self.rustc, &here.rustc),
            ("host", &self.host, &here.host),
            ("libc", &self.libc, &here.libc),
            ("valgrind", &self.valgrind, &here.valgrind),
            ("ring", &self.ring, &here.ring),
        ];
        for (name, recorded, here) in named.into_iter().filter(|(_, recorded, here)| recorded != here) {
            differences.push(format!("{name} was `{recorded}`, and is `{here}` here"));
        }
        let missing_in = |packages: &[String], package: &&String| !packages.contains(*package);
        let gone: Vec<_> =
            self.packages.iter().filter(|package| missing_in(&here.packages, package)).collect();
        let come: Vec<_> =
            here.packages.iter().filter(|package| missing_in(&self.packages, package)).collect();
        if !gone.is_empty() || !come.is_empty() {
            differences.push(format!("Cargo.lock had {gone:?}, and has {come:?} here"));
        }
        differences
    }
}

/// The packages in what `cargo tree` prints, those of this workspace left out: they have a path behind their version.
fn foreign_packages(tree: &str) -> Vec<String> {
    let mut packages: Vec<String> =
        tree.lines().filter(|line| !line.contains(" (/")).map(|line| line.replacen(" v", " ", 1)).collect();
    packages.sort();
    packages.dedup();
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded() -> Circumstances {
        Circumstances {
            rustc: "1.95.0".to_owned(),
            host: "x86_64-unknown-linux-gnu".to_owned(),
            libc: "glibc 2.36".to_owned(),
            valgrind: "valgrind-3.19.0".to_owned(),
            ring: "io_uring (single_issuer)".to_owned(),
            packages: vec!["libc 0.2.1".to_owned(), "rustix 1.1.6".to_owned()],
        }
    }

    #[test]
    fn equal_circumstances_have_no_differences() {
        assert!(recorded().differences(&recorded()).is_empty());
    }

    #[test]
    fn another_compiler_and_another_package_are_named() {
        let mut here = Circumstances { rustc: "1.96.0".to_owned(), ..recorded() };
        here.packages[0] = "libc 0.2.2".to_owned();
        let differences = recorded().differences(&here);
        assert_eq!(differences[0], "rustc was `1.95.0`, and is `1.96.0` here");
        assert_eq!(differences[1], "Cargo.lock had [\"libc 0.2.1\"], and has [\"libc 0.2.2\"] here");
        assert_eq!(differences.len(), 2);
    }

    #[test]
    fn the_workspace_is_no_circumstance() {
        let tree = "fibra-gate v0.1.0 (/src/bench/gate)\nfibra v0.1.0 (/src/runtime)\nlibc v0.2.191\nbitflags v2.13.2\nlibc v0.2.191\n";
        assert_eq!(foreign_packages(tree), ["bitflags 2.13.2", "libc 0.2.191"]);
    }

    #[test]
    fn this_machine_has_circumstances() {
        let here = Circumstances::find("valgrind-3".to_owned(), "io_uring".to_owned()).unwrap();
        assert!(
            here.rustc.starts_with("1.") && here.packages.iter().any(|package| package.starts_with("libc "))
        );
    }
}
