//! The numbers on record: a TOML file beside the measured program, written by `--renew` alone.

use std::collections::BTreeMap;
use std::fmt::Write;

use toml_edit::{Document, Item};

use super::Count;
use super::circumstances::Circumstances;
use crate::workspace::Outcome;

const PREAMBLE: &str = "\
# How many instructions each operation of `fibra-gate` takes, the kernel's not counted.
# Written by `cargo xtask bench-gate --renew`, in the commit that moves a number by more than 3 %.
";

/// An empty one knows no operation.
#[derive(Default)]
pub struct Record {
    pub circumstances: Option<Circumstances>,
    /// Per operation, by name.
    pub instructions: BTreeMap<String, f64>,
}

impl Record {
    pub fn parse(text: &str) -> Outcome<Record> {
        let document = Document::parse(text)?;
        let table = |name: &str| {
            document.get(name).and_then(Item::as_table).ok_or_else(|| format!("no table `{name}`"))
        };
        let circumstances = table("circumstances")?;
        let text = |name: &str| {
            let value = circumstances.get(name).and_then(Item::as_str).map(str::to_owned);
            value.ok_or_else(|| format!("`circumstances` has no text `{name}`"))
        };
        let packages = circumstances.get("packages").and_then(Item::as_array).ok_or("no list `packages`")?;
        let packages = packages.iter().map(|package| package.as_str().map(str::to_owned));
        let mut instructions = BTreeMap::new();
        for (name, value) in table("instructions")? {
            let value = value.as_float().filter(|value| *value > 0.0);
            instructions.insert(name.to_owned(), value.ok_or_else(|| format!("`{name}` is no count"))?);
        }
        let circumstances = Some(Circumstances {
            rustc: text("rustc")?,
            host: text("host")?,
            libc: text("libc")?,
            valgrind: text("valgrind")?,
            ring: text("ring")?,
            packages: packages.collect::<Option<_>>().ok_or("a package is no text")?,
        });
        Ok(Record { circumstances, instructions })
    }
}

/// A record of these counts.
pub fn text(circumstances: &Circumstances, counts: &[Count]) -> String {
    let Circumstances { rustc, host, libc, valgrind, ring, packages } = circumstances;
    let named = [("rustc", rustc), ("host", host), ("libc", libc), ("valgrind", valgrind), ("ring", ring)];
    let mut text = format!("{PREAMBLE}\n[circumstances]\n");
    named.iter().for_each(|(name, value)| text += &format!("{name} = {value:?}\n"));
    text += "# What Cargo.lock has the program linked with.\npackages = [\n";
    packages.iter().for_each(|package| text += &format!("    {package:?},\n"));
    text += "]\n\n[instructions]\n";
    for Count { name, about, instructions } in counts {
        writeln!(text, "{name} = {instructions:.1} # {about}").expect("a String takes every write");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circumstances() -> Circumstances {
        Circumstances {
            rustc: "1.95.0 (abc 2026-04-14)".to_owned(),
            host: "x86_64-unknown-linux-gnu".to_owned(),
            libc: "glibc 2.36".to_owned(),
            valgrind: "valgrind-3.19.0".to_owned(),
            ring: "io_uring (single_issuer)".to_owned(),
            packages: vec!["bitflags 2.13.2".to_owned(), "libc 0.2.191".to_owned()],
        }
    }

    fn count(name: &str, instructions: f64) -> Count {
        Count { name: name.to_owned(), about: "what it is".to_owned(), instructions }
    }

    #[test]
    fn what_is_written_reads_back() {
        let text = text(&circumstances(), &[count("switch", 23.5), count("io_uring-recv", 1107.004)]);
        let record = Record::parse(&text).unwrap();
        assert_eq!(record.circumstances, Some(circumstances()));
        let instructions: Vec<_> = record.instructions.into_iter().collect();
        assert_eq!(instructions, [("io_uring-recv".to_owned(), 1107.0), ("switch".to_owned(), 23.5)]);
    }

    #[test]
    fn a_record_that_lacks_something_is_refused_and_says_what() {
        let whole = text(&circumstances(), &[count("switch", 23.5)]);
        let broken = [
            ("[instructions]", "[others]", "no table `instructions`"),
            ("host =", "guest =", "`circumstances` has no text `host`"),
            ("packages =", "parcels =", "no list `packages`"),
            ("23.5", "\"few\"", "`switch` is no count"),
            ("23.5", "0.0", "`switch` is no count"),
        ];
        for (right, wrong, reason) in broken {
            let error = Record::parse(&whole.replace(right, wrong)).err().unwrap();
            assert_eq!(error.to_string(), reason);
        }
        assert!(Record::parse("switch 23.5").is_err());
    }
}
