//! Steps of a run: each announced with its command, timed, and listed again at the end.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::workspace::Outcome;

/// What has run so far, and whether a failure stops the rest.
pub struct Run {
    keep_going: bool,
    done: Vec<Done>,
}

struct Done {
    name: String,
    took: Duration,
    failure: Option<String>,
}

impl Run {
    pub fn new(keep_going: bool) -> Run {
        Run { keep_going, done: Vec::new() }
    }

    /// Runs `work` as the step `name`.
    ///
    /// # Errors
    ///
    /// The step failed and failures stop this run: the error is the whole run's summary.
    pub fn step(&mut self, name: &str, work: impl FnOnce() -> Outcome) -> Outcome {
        println!("\n=== {name}");
        let start = Instant::now();
        let failure = work().err().map(|error| error.to_string());
        let took = start.elapsed();
        match &failure {
            None => println!("--- {name}: ok, {}", seconds(took)),
            Some(failure) => println!("--- {name}: FAILED after {}: {failure}", seconds(took)),
        }
        let failed = failure.is_some();
        self.done.push(Done { name: name.to_owned(), took, failure });
        if failed && !self.keep_going { self.summarise() } else { Ok(()) }
    }

    /// Ends the run: prints its summary.
    ///
    /// # Errors
    ///
    /// A step had failed.
    pub fn finish(self) -> Outcome {
        self.summarise()
    }

    fn summarise(&self) -> Outcome {
        println!("\n=== summary");
        for Done { name, took, failure } in &self.done {
            let verdict = if failure.is_some() { "FAILED" } else { "ok" };
            println!("{:>9}  {verdict:<6}  {name}", seconds(*took));
        }
        let failures: Vec<String> = self
            .done
            .iter()
            .filter_map(|done| done.failure.as_ref().map(|failure| format!("{}: {failure}", done.name)))
            .collect();
        if failures.is_empty() { Ok(()) } else { Err(failures.join("\n       ").into()) }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// Runs `command` with its output going where ours goes.
///
/// # Errors
///
/// It could not be started, or ended with another status than 0; the message says how to repeat it.
pub fn call(command: &mut Command) -> Outcome {
    let line = shell_line(command);
    println!("$ {line}");
    let status = command.status().map_err(|error| format!("`{line}` could not be started: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` ended with {status}").into()) }
}

/// Runs tests with their output going where ours goes, and says how many passed: a run of none proves nothing.
///
/// # Errors
///
/// As for [`call`]; the message's first line names the tests that failed.
pub fn call_and_count(command: &mut Command) -> Outcome<u64> {
    let line = shell_line(command);
    println!("$ {line}");
    let started = command.stdout(Stdio::piped()).spawn();
    let mut child = started.map_err(|error| format!("`{line}` could not be started: {error}"))?;
    let output = child.stdout.take().expect("stdout was piped");
    let (mut passed, mut failed) = (0, Vec::new());
    for line in BufReader::new(output).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        passed += passed_in(&line).unwrap_or(0);
        failed.extend(failed_in(&line).map(str::to_owned));
        println!("{line}");
    }
    let status = child.wait()?;
    if status.success() {
        return Ok(passed);
    }
    let failed = if failed.is_empty() { "no test, but something else".to_owned() } else { failed.join(", ") };
    Err(format!("{failed}\n`{line}` ended with {status}").into())
}

/// The count in `test result: ok. 12 passed; …`.
pub fn passed_in(line: &str) -> Option<u64> {
    line.strip_prefix("test result: ok. ")?.split_once(" passed")?.0.parse().ok()
}

/// The name in `test name ... FAILED`.
fn failed_in(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

/// Runs `command` and returns what it printed.
///
/// # Errors
///
/// It could not be started, or ended with another status than 0; the message holds what it said.
pub fn output_of(command: &mut Command) -> Outcome<String> {
    let line = shell_line(command);
    let output = command.output().map_err(|error| format!("`{line}` could not be started: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`{line}` ended with {}: {}", output.status, said.trim()).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The program of that name that a shell would start.
pub fn find_program(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// The command as one would type it, with the variables that were set for it.
pub fn shell_line(command: &Command) -> String {
    let variables = command.get_envs().filter_map(|(name, value)| {
        value.map(|value| format!("{}={}", name.to_string_lossy(), quoted(&value.to_string_lossy())))
    });
    let program = command.get_program().to_string_lossy().into_owned();
    let program = program.rsplit('/').next().map(str::to_owned).unwrap_or(program);
    let arguments = command.get_args().map(|argument| quoted(&argument.to_string_lossy()));
    variables.chain([program]).chain(arguments).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain =
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_=./:,+@".contains(c));
    if plain { word.to_owned() } else { format!("'{word}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_ends_the_run_and_is_named() {
        let mut run = Run::new(false);
        run.step("good", || Ok(())).unwrap();
        let error = run.step("bad", || Err("broken".into())).unwrap_err();
        assert_eq!(error.to_string(), "bad: broken");
    }

    #[test]
    fn a_run_that_keeps_going_reports_every_failure_at_its_end() {
        let mut run = Run::new(true);
        run.step("first", || Err("one".into())).unwrap();
        run.step("second", || Ok(())).unwrap();
        run.step("third", || Err("two".into())).unwrap();
        let error = run.finish().unwrap_err().to_string();
        assert!(error.contains("first: one") && error.contains("third: two"), "{error}");
    }

    #[test]
    fn passed_tests_are_counted_from_the_closing_lines() {
        let line =
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 1s";
        assert_eq!(passed_in(line), Some(12));
        assert_eq!(passed_in("test a::loom::b ... ok"), None);
        let script = "echo 'test result: ok. 2 passed;'; echo other; echo 'test result: ok. 3 passed;'";
        assert_eq!(call_and_count(Command::new("sh").args(["-c", script])).unwrap(), 5);
    }

    #[test]
    fn tests_that_fail_are_named_in_the_first_line() {
        let first_line = |script| {
            let error = call_and_count(Command::new("sh").args(["-c", script])).unwrap_err().to_string();
            error.lines().next().map(str::to_owned).unwrap()
        };
        assert_eq!(
            first_line("echo 'test a ... ok'; echo 'test b::c ... FAILED'; echo 'test d ... FAILED'; false"),
            "b::c, d"
        );
        assert_eq!(first_line("false"), "no test, but something else");
    }

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("/usr/bin/cargo");
        command.args(["test", "a b"]).env("RUSTDOCFLAGS", "-D warnings").env_remove("GONE");
        assert_eq!(shell_line(&command), "RUSTDOCFLAGS='-D warnings' cargo test 'a b'");
    }

    #[test]
    fn a_command_that_fails_is_an_error_that_holds_its_line() {
        let error = call(&mut Command::new("false")).unwrap_err().to_string();
        assert!(error.starts_with("`false` ended with"), "{error}");
        let error = call(&mut Command::new("no-such-program")).unwrap_err().to_string();
        assert!(error.contains("could not be started"), "{error}");
    }
}
