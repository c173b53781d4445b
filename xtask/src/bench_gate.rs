//! `cargo xtask bench-gate`: how many instructions fibra's operations take, against the numbers on record.
//!
//! Time on a shared machine varies by more than most changes cost. Instructions don't: callgrind counts the same for the
//! same binary in every run, whatever else the machine does. The gate counts what one of each operation of `fibra-gate` takes,
//! and fails if that has moved by more than 3 %, in either direction: a gain that isn't on record could be lost unseen. The
//! commit that moves numbers renews the record (`--renew`), and so shows them in its diff.
//!
//! Counts belong to a compiler and the libraries around, which the record names. Other [circumstances](Circumstances) never
//! skip the gate. It compares all the same, passes if nothing has moved, and says what differs; if something has, it fails,
//! and asks for the record to be renewed for these circumstances alone, before anything else changes.
//!
//! What isn't seen: the kernel's instructions, caches, branches, contention. `fibra-bench` measures those, as time.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::step::{call, output_of};
use crate::workspace::{Outcome, cargo, root, target_dir};

mod callgrind;
mod circumstances;
mod comparison;
mod profile;
mod record;

use callgrind::Callgrind;
use circumstances::Circumstances;
use comparison::Comparison;
use record::Record;

const RECORD_FILE: &str = "bench/gate/record.toml";

#[derive(Args)]
pub struct Options {
    /// Put the counts of this run on record
    #[arg(long)]
    renew: bool,
    /// Show which functions the instructions of this operation are spent in, instead of comparing
    #[arg(long, value_name = "OPERATION", conflicts_with = "renew")]
    profile: Option<String>,
}

/// An operation of the measured program.
struct Operation {
    name: String,
    about: String,
}

/// An operation, and how many instructions one takes.
struct Count {
    name: String,
    about: String,
    instructions: f64,
}

pub fn command(options: &Options) -> Outcome {
    let program = build()?;
    let operations = operations(&output_of(Command::new(&program).arg("--list"))?)?;
    let ring = output_of(Command::new(&program).arg("--ring"))?.trim().to_owned();
    let callgrind = Callgrind::new(program, target_dir().join("bench-gate"))?;
    if let Some(name) = &options.profile {
        let operation = operations.iter().find(|operation| operation.name == *name);
        let operation = operation.ok_or_else(|| format!("there is no operation `{name}`"))?;
        return callgrind.count(operation).map(|counted| profile::print(&counted));
    }
    let circumstances = Circumstances::find(callgrind.version()?, ring)?;
    let record = read_record(options.renew)?;
    let differences = record.circumstances.as_ref().map(|recorded| recorded.differences(&circumstances));
    let differences = differences.unwrap_or_default();
    for difference in &differences {
        println!("bench-gate: THE RECORD IS FROM OTHER CIRCUMSTANCES: {difference}");
    }
    let comparison = count_and_compare(&callgrind, &operations, record)?;
    if options.renew {
        fs::write(root().join(RECORD_FILE), record::text(&circumstances, &comparison.counts))?;
        println!("{RECORD_FILE} is renewed");
        return Ok(());
    }
    comparison.verdict(&differences)
}

fn build() -> Outcome<PathBuf> {
    call(cargo().args(["build", "--release", "--locked", "--package", "fibra-gate"]))?;
    Ok(target_dir().join("release/fibra-gate"))
}

/// What `fibra-gate --list` prints: a name, a colon, and what it is.
fn operations(list: &str) -> Outcome<Vec<Operation>> {
    let operation = |line: &str| {
        let (name, about) = line.split_once(": ")?;
        Some(Operation { name: name.to_owned(), about: about.to_owned() })
    };
    let operations: Option<Vec<_>> = list.lines().map(operation).collect();
    operations.ok_or_else(|| "the measured program's list has a line without a colon".into())
}

/// The record; to be renewed, it need not be there, nor be readable.
fn read_record(renew: bool) -> Outcome<Record> {
    let read = fs::read_to_string(root().join(RECORD_FILE)).map_err(Into::into);
    match read.and_then(|text| Record::parse(&text)) {
        Ok(record) => Ok(record),
        Err(_) if renew => Ok(Record::default()),
        Err(error) => {
            Err(format!("{RECORD_FILE}: {error} (`cargo xtask bench-gate --renew` writes it)").into())
        }
    }
}

fn count_and_compare(callgrind: &Callgrind, operations: &[Operation], record: Record) -> Outcome<Comparison> {
    let mut comparison = Comparison::with(record);
    println!("\n{}", comparison::HEADING);
    for operation in operations {
        let instructions = callgrind.count(operation)?.per_operation();
        let (name, about) = (operation.name.clone(), operation.about.clone());
        println!("{}", comparison.add(Count { name, about, instructions }));
    }
    println!();
    Ok(comparison)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_operations_gives_names_and_what_they_are() {
        let operations = operations("switch: there: and back\nmutex-lock: lock\n").unwrap();
        let read: Vec<_> = operations.iter().map(|operation| (&*operation.name, &*operation.about)).collect();
        assert_eq!(read, [("switch", "there: and back"), ("mutex-lock", "lock")]);
        assert!(super::operations("switch\n").is_err());
    }
}
