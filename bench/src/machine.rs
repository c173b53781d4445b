//! Which machine and which versions the figures come from.

use std::thread::available_parallelism;
use std::time::SystemTime;
use std::{env, fs};

use crate::bench::Subject;
use crate::programs;
use crate::results::Measured;

/// The lock file that pins the peers, as it was when this program was built.
const LOCK_FILE: &str = include_str!("../../Cargo.lock");

/// What compiled this program, as it says of itself.
const COMPILER: &str = env!("FIBRA_BENCH_RUSTC");

/// Everything a reader needs to judge or repeat a run.
pub struct Machine {
    /// The processor's model name.
    pub cpu: String,
    /// Cores that the process may use.
    pub cores: usize,
    /// Installed memory in MiB.
    pub memory: u64,
    /// The kernel's release.
    pub kernel: String,
    /// Load averages (1, 5, 15 minutes) when the run began: other people's work shows here.
    pub load: String,
    /// When the run began.
    pub date: String,
    /// What was asked for.
    pub command: String,
    /// The compiler that built every subject.
    pub compiler: &'static str,
    /// The packages that are measured, with their versions.
    pub packages: Vec<(&'static str, String)>,
}

impl Machine {
    /// Asks the system, and the lock file for the versions of those who take part in `run`. What nobody tells reads
    /// `unknown`.
    pub fn read(run: &[Measured]) -> Self {
        Self {
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores: available_parallelism().map_or(0, usize::from),
            memory: memory_in_mebibytes().unwrap_or(0),
            kernel: line("/proc/sys/kernel/osrelease").unwrap_or_else(unknown),
            load: line("/proc/loadavg").map_or_else(unknown, |averages| first_words(&averages, 3)),
            compiler: COMPILER,
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            command: command_line(),
            packages: packages(run.iter().flat_map(Measured::subjects)),
        }
    }
}

fn unknown() -> String {
    "unknown".into()
}

fn line(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.lines().next()?.to_owned())
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let (_, value) = text.lines().find(|line| line.starts_with(name))?.split_once(':')?;
    Some(value.trim().to_owned())
}

fn memory_in_mebibytes() -> Option<u64> {
    let total = field("/proc/meminfo", "MemTotal")?;
    Some(total.strip_suffix(" kB")?.parse::<u64>().ok()? / 1024)
}

fn first_words(text: &str, count: usize) -> String {
    text.split_whitespace().take(count).collect::<Vec<_>>().join(" ")
}

/// As it was typed, but for the path of the program.
fn command_line() -> String {
    let mut words: Vec<_> = env::args().collect();
    if let Some(program) = words.first_mut() {
        *program = program.rsplit('/').next().unwrap_or_default().to_owned();
    }
    words.join(" ")
}

fn packages(subjects: impl Iterator<Item = &'static Subject>) -> Vec<(&'static str, String)> {
    let mut packages: Vec<_> = subjects.map(|subject| (subject.package, subject.needed)).collect();
    packages.sort_unstable();
    packages.dedup();
    let version = |(package, program): (&'static str, Option<_>)| {
        let version = match program {
            Some(program) => programs::version(program),
            None if package == "std" => Some(compiler_version().to_owned()),
            None => locked_version(LOCK_FILE, package),
        };
        (package, version.unwrap_or_else(unknown))
    };
    packages.into_iter().map(version).collect()
}

/// std comes with the compiler: `rustc 1.95.0 (59807616e 2026-04-14)`.
fn compiler_version() -> &'static str {
    COMPILER.split(' ').nth(1).unwrap_or(COMPILER)
}

/// The version that `lock_file` pins for the package `name`, as this crate depends on it: where there are several, this
/// crate's own entry says which.
fn locked_version(lock_file: &str, name: &str) -> Option<String> {
    let entry_of = |name: &str| {
        let line = format!("\nname = \"{name}\"\n");
        lock_file.split("[[package]]").find(|entry| entry.contains(&line))
    };
    let among_several = entry_of(env!("CARGO_PKG_NAME")).and_then(|own| {
        let (_, version) = own.split_once(&format!("\n \"{name} "))?;
        version.split(['"', ' ']).next()
    });
    let only_one = || entry_of(name)?.lines().find_map(|line| line.strip_prefix("version = "));
    Some(among_several.or_else(only_one)?.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Bench;
    use crate::benches;

    #[test]
    fn every_measured_package_has_a_locked_version() {
        let subjects = benches::ALL.iter().flat_map(Bench::subjects);
        for (name, version) in packages(subjects.filter(|subject| subject.needed.is_none())) {
            assert_ne!(version, "unknown", "{name} is not in the lock file");
        }
    }

    #[test]
    fn a_locked_version_is_found_by_the_whole_name() {
        let lock = "[[package]]\nname = \"may_queue\"\nversion = \"1.2.3\"\n\n[[package]]\nname = \"may\"\nversion = \"4.5.6\"\n";
        assert_eq!(locked_version(lock, "may").as_deref(), Some("4.5.6"));
        assert_eq!(locked_version(lock, "queue"), None);
    }

    #[test]
    fn of_several_versions_the_one_that_is_measured_counts() {
        let lock = "[[package]]\nname = \"io-uring\"\nversion = \"0.6.4\"\n\n\
                    [[package]]\nname = \"io-uring\"\nversion = \"0.7.10\"\n\n\
                    [[package]]\nname = \"fibra-bench\"\ndependencies = [\n \"io-uring 0.7.10\",\n \"libc\",\n]\n";
        assert_eq!(locked_version(lock, "io-uring").as_deref(), Some("0.7.10"));
    }
}
