//! Running the measured program under callgrind.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Operation;
use crate::step::{find_program, output_of, shell_line};
use crate::workspace::Outcome;

/// An operation takes a second or two. Valgrind hangs for good where a thread blocks in a system call that it takes for one
/// that doesn't.
const LIMIT: Duration = Duration::from_secs(240);

/// The counted region's marks in the measured program: callgrind writes down what it has counted at each, and begins anew.
const BEGIN: &str = "fibra_gate_begin";
const END: &str = "fibra_gate_end";

pub struct Callgrind {
    valgrind: PathBuf,
    program: PathBuf,
    /// Where the counts are written.
    folder: PathBuf,
}

/// What was counted between the marks.
pub struct Counted {
    /// Callgrind's own file.
    pub text: String,
    /// How many operations the region had.
    pub operations: u64,
    instructions: u64,
}

impl Counted {
    fn read(text: String, operations: u64) -> Option<Counted> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        if !field("desc: Trigger:")?.ends_with(END) || operations == 0 {
            return None;
        }
        let instructions = field("summary:")?.parse().ok()?;
        Some(Counted { text, operations, instructions })
    }

    pub fn per_operation(&self) -> f64 {
        self.instructions as f64 / self.operations as f64
    }
}

impl Callgrind {
    pub fn new(program: PathBuf, folder: PathBuf) -> Outcome<Callgrind> {
        let valgrind = find_program("valgrind")
            .ok_or("missing: valgrind; apt-get install --no-install-recommends valgrind")?;
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(Callgrind { valgrind, program, folder })
    }

    pub fn version(&self) -> Outcome<String> {
        Ok(output_of(Command::new(&self.valgrind).arg("--version"))?.trim().to_owned())
    }

    /// Has the program do the operation, and counts.
    pub fn count(&self, operation: &Operation) -> Outcome<Counted> {
        let out = self.folder.join(&operation.name);
        let mut command = self.command(&out);
        command.arg(&operation.name);
        let line = shell_line(&command);
        let output = output_within(LIMIT, &mut command).map_err(|error| format!("`{line}` {error}"))?;
        // The first dump holds what came before the region, the second one the region.
        let file = out.with_file_name(format!("{}.2", operation.name));
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let operations = output.trim().parse().map_err(|_| format!("`{line}` printed no number"))?;
        let nothing = || format!("{}: no counts of a region", file.display());
        Counted::read(text, operations).ok_or_else(|| nothing().into())
    }

    /// The environment is the same everywhere: nothing in it can lead to other instructions, and every symbol is bound
    /// before the region begins.
    fn command(&self, out: &Path) -> Command {
        let mut command = Command::new(&self.valgrind);
        command.env_clear().env("LD_BIND_NOW", "1");
        command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", out.display()));
        command.args([BEGIN, END].map(|mark| format!("--dump-before={mark}")));
        command.arg(&self.program);
        command
    }
}

/// What a command prints, which is little: nobody reads it before the end.
fn output_within(limit: Duration, command: &mut Command) -> Outcome<String> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Err(format!("did not end within {limit:?}").into());
        }
        sleep(Duration::from_millis(10));
    };
    let (output, errors) = printed(&mut child)?;
    if status.success() { Ok(output) } else { Err(format!("ended with {status}: {}", errors.trim()).into()) }
}

fn printed(child: &mut Child) -> Outcome<(String, String)> {
    let (mut output, mut errors) = (String::new(), String::new());
    child.stdout.take().expect("stdout was piped").read_to_string(&mut output)?;
    child.stderr.take().expect("stderr was piped").read_to_string(&mut errors)?;
    Ok((output, errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGION: &str =
        "# callgrind format\nversion: 1\ndesc: Trigger: --dump-before=fibra_gate_end\n\nsummary: 300\n";

    #[test]
    fn the_region_is_the_dump_that_its_end_has_caused() {
        let counted = Counted::read(REGION.to_owned(), 120).unwrap();
        assert_eq!(counted.per_operation(), 2.5);
        assert!(Counted::read(REGION.replace("fibra_gate_end", "fibra_gate_begin"), 120).is_none());
    }

    #[test]
    fn a_region_without_operations_or_counts_is_none() {
        assert!(Counted::read(REGION.to_owned(), 0).is_none());
        assert!(Counted::read(REGION.replace("summary", "total"), 120).is_none());
    }

    #[test]
    fn a_program_that_hangs_is_ended_and_one_that_fails_is_quoted() {
        let error = output_within(Duration::from_millis(50), Command::new("sleep").arg("60")).unwrap_err();
        assert_eq!(error.to_string(), "did not end within 50ms");
        let mut failing = Command::new("sh");
        let error = output_within(LIMIT, failing.args(["-c", "echo why >&2; exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "ended with exit status: 3: why");
        assert_eq!(output_within(LIMIT, Command::new("echo").arg("7")).unwrap(), "7\n");
    }
}
