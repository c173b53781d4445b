//! `cargo xtask cross --all`: every platform in turn, and a record of what came of it.

use std::fs;
use std::process::Command;

use clap::ValueEnum;

use super::{Options, Platform};
use crate::step::{Run, output_of};
use crate::workspace::{Outcome, root};

const FILE: &str = "PLATFORMS.md";

/// One platform's part of the record.
struct Line {
    platform: Platform,
    result: Result<u64, String>,
}

/// Runs every platform, also after one has failed.
pub fn run_all(options: &Options) -> Outcome {
    let commit =
        output_of(Command::new("git").current_dir(root()).args(["describe", "--always", "--dirty"]))?;
    let date = output_of(Command::new("date").args(["--utc", "+%Y-%m-%d"]))?;
    let mut run = Run::new(true);
    let mut lines = Vec::new();
    for &platform in Platform::value_variants() {
        run.step(&name_of(platform), || {
            let result = platform.run(options);
            let recorded = result.as_ref().map_err(ToString::to_string).copied();
            lines.push(Line { platform, result: recorded });
            result.map(|_| ())
        })?;
    }
    fs::write(root().join(FILE), record(&lines, commit.trim(), date.trim()))?;
    run.finish()
}

fn name_of(platform: Platform) -> String {
    platform.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

fn record(lines: &[Line], commit: &str, date: &str) -> String {
    let mut text = format!(
        "# Platforms\n\nWhat `cargo xtask cross --all` last found, on {date}, at commit {commit}. io_uring, epoll and the \
         kqueue backend over its\nfake are tried by `cargo xtask check`, on each change.\n\n\
         | `cargo xtask cross …` | how | result |\n| --- | --- | --- |\n"
    );
    for Line { platform, result } in lines {
        let result = match result {
            Ok(count) => format!("{count} passed"),
            Err(error) => format!("**failed**: {}", error.lines().next().unwrap_or_default()),
        };
        text += &format!("| `{}` | {} | {result} |\n", name_of(*platform), platform.means());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_tells_what_failed() {
        let lines = [
            Line { platform: Platform::Windows, result: Ok(12) },
            Line { platform: Platform::Kernels, result: Err("it broke\nsomewhere".to_owned()) },
        ];
        let text = record(&lines, "abc1234", "2026-01-02");
        assert!(text.contains("on 2026-01-02, at commit abc1234"), "{text}");
        assert!(text.contains("| `windows` | tests under Wine | 12 passed |"), "{text}");
        assert!(text.contains("| **failed**: it broke |"), "{text}");
    }
}
