//! The Rust files of the repository, read and parsed.

use std::fs;
use std::io;
use std::path::Path;

use super::facts::Facts;
use super::{Finding, Rule};
use crate::workspace::Outcome;

pub struct Source {
    /// Relative to the root, with `/` between folders.
    pub path: String,
    pub text: String,
    pub facts: Facts,
    /// Compiled only for tests or models, as the `mod` line says that leads here.
    pub in_test: bool,
}

impl Source {
    pub fn parse(path: String, text: String) -> Result<Source, Finding> {
        match syn::parse_file(&text) {
            Ok(syntax) => {
                let facts = Facts::of(&syntax, &text);
                Ok(Source { path, text, facts, in_test: false })
            }
            Err(error) => {
                let line = error.span().start().line;
                Err(Finding { path, line, rule: Rule::Source, message: format!("does not parse: {error}") })
            }
        }
    }

    pub fn line_count(&self) -> usize {
        self.text.lines().count()
    }

    /// The folder in which the files of its child modules lie.
    fn children(&self) -> &str {
        let (folder, name) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        match name {
            "lib.rs" | "main.rs" | "mod.rs" => folder,
            _ => self.path.trim_end_matches(".rs"),
        }
    }

    /// Whether the file is compiled into a crate; tests, examples and benches stand beside `src`.
    pub fn is_in_src(&self) -> bool {
        self.path.split('/').any(|part| part == "src")
    }
}

/// Every `.rs` file below `root`; one that does not parse becomes a finding.
pub fn load(root: &Path, findings: &mut Vec<Finding>) -> Outcome<Vec<Source>> {
    let mut paths = Vec::new();
    collect(root, "", &mut paths)?;
    paths.sort();
    let mut sources = Vec::new();
    for path in paths {
        let text = fs::read_to_string(root.join(&path))?;
        match Source::parse(path, text) {
            Ok(source) => sources.push(source),
            Err(finding) => findings.push(finding),
        }
    }
    mark_tests(&mut sources);
    Ok(sources)
}

/// Marks the files below `#[cfg(test)] mod name;`, and all that is in them.
fn mark_tests(sources: &mut [Source]) {
    let tests: Vec<String> = sources
        .iter()
        .flat_map(|source| {
            let modules = source.facts.modules.iter().filter(|module| module.in_test && !module.inline);
            modules.map(|module| format!("{}/{}", source.children(), module.name))
        })
        .collect();
    for source in sources {
        let below = |test: &String| {
            source.path.strip_prefix(test).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        };
        if tests.iter().any(below) {
            source.in_test = true;
            source.facts.mark_as_test();
        }
    }
}

fn collect(root: &Path, folder: &str, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if entry.file_type()?.is_dir() {
            // The fixtures break the rules on purpose.
            if !name.starts_with('.') && name != "target" && path != "xtask/fixtures" {
                collect(root, &path, paths)?;
            }
        } else if name.ends_with(".rs") {
            paths.push(path);
        }
    }
    Ok(())
}
