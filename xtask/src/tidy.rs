//! `cargo xtask tidy`: the house rules that no compiler knows, each proved by `xtask/fixtures`.
//!
//! A file is read once into [`facts::Facts`], plain data about what it does; a rule looks only at facts.

use std::fmt;
use std::path::Path;

use crate::workspace::{Outcome, root};

mod cancellation;
mod cfg_fence;
mod facts;
mod floors;
mod house;
mod modules;
mod shared_state;
mod sizes;
mod source;
mod tokens;
mod unsafe_code;
mod words;

#[cfg(test)]
mod fixture_tests;

use house::House;
use source::Source;

/// Something that breaks a rule, or that soon will.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Relative to the root, with `/` between folders.
    pub path: String,
    pub line: usize,
    pub rule: Rule,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A source file can't be read as Rust, or no `mod` line leads to it.
    Source,
    /// The table of floors itself is wrong, or a module is missing in it.
    Table,
    /// An import points up.
    Upward,
    /// Imports go round in a circle.
    Cycle,
    /// The platform is asked for outside the platform folders.
    CfgFence,
    /// A file or function is too long.
    Size,
    /// A file is getting long: a warning.
    Growing,
    /// `unsafe` without the argument that it is sound.
    Safety,
    /// `unsafe` in a module that has to do without.
    UnsafePlace,
    /// A thread-local outside the two places for them.
    ThreadLocal,
    /// An atomic that loom can't see.
    Atomics,
    /// A future of which nobody says what is lost when it is dropped.
    Cancellation,
    /// Unfinished or left-over code.
    Leftover,
    /// A module named after nothing.
    ModuleName,
}

impl Rule {
    fn is_warning(self) -> bool {
        self == Rule::Growing
    }

    fn name(self) -> &'static str {
        match self {
            Rule::Source => "source",
            Rule::Table => "table",
            Rule::Upward => "upward",
            Rule::Cycle => "cycle",
            Rule::CfgFence => "cfg-fence",
            Rule::Size => "size",
            Rule::Growing => "growing",
            Rule::Safety => "safety",
            Rule::UnsafePlace => "unsafe-place",
            Rule::ThreadLocal => "thread-local",
            Rule::Atomics => "atomics",
            Rule::Cancellation => "cancellation",
            Rule::Leftover => "leftover",
            Rule::ModuleName => "module-name",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.rule.is_warning() { "warning" } else { "error" };
        write!(f, "{}:{}: {level}[{}]: {}", self.path, self.line, self.rule.name(), self.message)
    }
}

/// Checks the repository and prints what it finds.
pub fn command() -> Outcome {
    let (files, findings) = inspect(root())?;
    for finding in &findings {
        println!("{finding}");
    }
    let errors = findings.iter().filter(|finding| !finding.rule.is_warning()).count();
    println!("tidy: {files} files, {errors} errors, {} warnings", findings.len() - errors);
    if errors == 0 { Ok(()) } else { Err(format!("{errors} house rules are broken").into()) }
}

/// The number of files read below `root`, and everything that is wrong with them, in the order of their lines.
fn inspect(root: &Path) -> Outcome<(usize, Vec<Finding>)> {
    let mut findings = Vec::new();
    let sources = source::load(root, &mut findings)?;
    for source in &sources {
        cancellation::check(source, &mut findings);
        cfg_fence::check(source, &mut findings);
        shared_state::check(source, &mut findings);
        sizes::check(source, &mut findings);
        unsafe_code::check_arguments(source, &mut findings);
        words::check(source, &mut findings);
    }
    let house = House::read(root, &sources, &mut findings)?;
    floors::check(&house, &mut findings);
    floors::check_crates(root, &house.floors, &mut findings);
    unsafe_code::check_places(&house, &mut findings);
    findings.sort();
    findings.dedup();
    Ok((sources.len(), findings))
}

impl Source {
    fn finding(&self, line: usize, rule: Rule, message: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, rule, message: message.into() }
    }
}
