//! The house: the table of floors printed in `ARCHITECTURE.md`, and the modules that live on them.
//!
//! The table is the first one after the line `<!-- floors -->`. A row begins with the floor's number; its second
//! cell names modules, its third those that may hold `unsafe` (or says `all`). Names stand in backticks.

use std::fs;
use std::path::Path;

use super::modules::Tree;
use super::source::Source;
use super::{Finding, Rule};
use crate::workspace::Outcome;

pub const TABLE_FILE: &str = "ARCHITECTURE.md";
const MARKER: &str = "<!-- floors -->";

/// The floor of the crates below the runtime, whose imports Cargo checks.
pub const CRATES: u32 = 1;

pub struct House<'source> {
    pub floors: Floors,
    pub tree: Tree<'source>,
}

#[derive(Default)]
pub struct Floors {
    pub entries: Vec<Entry>,
    unsafe_places: Vec<Vec<String>>,
}

/// A module that the table names, together with everything below it that has no entry of its own.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// `["lib"]` is the facade.
    pub module: Vec<String>,
    pub floor: u32,
    pub line: usize,
}

impl Entry {
    pub fn name(&self) -> String {
        self.module.join("::")
    }
}

impl<'source> House<'source> {
    pub fn read(
        root: &Path,
        sources: &'source [Source],
        findings: &mut Vec<Finding>,
    ) -> Outcome<House<'source>> {
        let tree = Tree::grow(sources, findings);
        let file = root.join(TABLE_FILE);
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let floors = Floors::parse(&text);
        if floors.entries.is_empty() {
            findings.push(in_table(1, format!("no table of floors after a line `{MARKER}`")));
        }
        Ok(House { floors, tree })
    }
}

impl Floors {
    fn parse(text: &str) -> Floors {
        let mut floors = Floors::default();
        let lines = text.lines().enumerate().skip_while(|(_, line)| line.trim() != MARKER);
        let table = lines
            .skip_while(|(_, line)| !line.starts_with('|'))
            .take_while(|(_, line)| line.starts_with('|'));
        for (index, row) in table {
            floors.row(row, index + 1);
        }
        floors
    }

    fn row(&mut self, row: &str, line: usize) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [floor, modules, rest @ ..] = &cells[..] else { return };
        let digits: String = floor.chars().take_while(char::is_ascii_digit).collect();
        let Ok(floor) = digits.parse() else { return };
        let modules = names_in(modules);
        match rest.first() {
            Some(&"all") => self.unsafe_places.extend(modules.iter().cloned()),
            Some(places) => self.unsafe_places.extend(names_in(places)),
            None => {}
        }
        self.entries.extend(modules.into_iter().map(|module| Entry { module, floor, line }));
    }

    /// The entry a module of the runtime belongs to.
    pub fn entry_of(&self, module: &[String]) -> Option<&Entry> {
        if module.is_empty() {
            return self.entries.iter().find(|entry| entry.module == ["lib"]);
        }
        let holds = |entry: &&Entry| entry.floor > CRATES && module.starts_with(&entry.module);
        self.entries.iter().filter(holds).max_by_key(|entry| entry.module.len())
    }

    pub fn may_be_unsafe(&self, module: &[String]) -> bool {
        self.unsafe_places.iter().any(|place| module.starts_with(place))
    }
}

/// The names in backticks, as module paths.
fn names_in(cell: &str) -> Vec<Vec<String>> {
    cell.split('`').skip(1).step_by(2).map(|name| name.split("::").map(str::to_owned).collect()).collect()
}

pub fn in_table(line: usize, message: String) -> Finding {
    Finding { path: TABLE_FILE.to_owned(), line, rule: Rule::Table, message }
}
