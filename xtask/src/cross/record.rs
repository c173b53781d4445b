//! `PLATFORMS.md`: what was last found on each platform, when, and at which commit.

use std::fs;
use std::process::Command;

use clap::ValueEnum;

use super::Platform;
use crate::step::output_of;
use crate::workspace::{Outcome, root};

const FILE: &str = "PLATFORMS.md";

const HEAD: &str = "# Platforms

What `cargo xtask cross PLATFORM --record`, or `cargo xtask cross --all`, last found. io_uring, epoll, and the kqueue backend over its
imitation of `kevent` are tried by `cargo xtask check`, on each change.

| platform | what | result | date | commit |
| --- | --- | --- | --- | --- |
";

/// Puts a platform's result into the file, in the place of its last one: that of the last of so many runs, all of which have passed
/// but perhaps this one.
pub fn note(platform: Platform, runs: u32, result: &Outcome<u64>) -> Outcome {
    let commit = commit()?;
    let date = output_of(Command::new("date").args(["--utc", "+%Y-%m-%d"]))?;
    let result = match result {
        Ok(count) if runs > 1 => format!("{count} passed, in each of {runs} runs"),
        Ok(count) => format!("{count} passed"),
        Err(error) => format!("**failed**: {}", error.to_string().lines().next().unwrap_or_default()),
    };
    let row = format!("{result} | {} | {} |", date.trim(), commit);
    let path = root().join(FILE);
    let before = if path.exists() { fs::read_to_string(&path)? } else { String::new() };
    Ok(fs::write(path, with(&before, platform, &row))?)
}

/// What is tried. That another platform's result was noted changes nothing of it.
fn commit() -> Outcome<String> {
    let git = |arguments: &[&str]| output_of(Command::new("git").current_dir(root()).args(arguments));
    let name = git(&["rev-parse", "--short", "HEAD"])?;
    let changes = git(&["status", "--porcelain", "--untracked-files=no", "--", ".", &format!(":!{FILE}")])?;
    Ok(name.trim().to_owned() + if changes.is_empty() { "" } else { "-dirty" })
}

/// The file with this row for a platform.
fn with(before: &str, platform: Platform, row: &str) -> String {
    let mut text = String::from(HEAD);
    for &each in Platform::value_variants() {
        let start = format!("| `{}` | {} | ", name_of(each), each.means());
        let old = before.lines().find_map(|line| line.strip_prefix(&*start));
        if let Some(rest) = if each == platform { Some(row) } else { old } {
            text += &format!("{start}{rest}\n");
        }
    }
    text
}

pub fn name_of(platform: Platform) -> String {
    platform.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_result_takes_the_place_of_the_old_one_and_of_no_other() {
        let text = with("", Platform::Windows, "12 passed | 2026-01-02 | abc |");
        let text = with(&text, Platform::Kernels, "**failed**: it broke | 2026-01-02 | abc |");
        let text = with(&text, Platform::Windows, "13 passed | 2026-01-03 | def |");
        let rows: Vec<_> = text.strip_prefix(HEAD).unwrap().lines().collect();
        assert_eq!(rows.len(), 2, "{text}");
        assert!(rows[0].ends_with("| **failed**: it broke | 2026-01-02 | abc |"), "{text}");
        let windows = format!("| `windows` | {} | 13 passed | 2026-01-03 | def |", Platform::Windows.means());
        assert_eq!(rows[1], windows);
    }
}
