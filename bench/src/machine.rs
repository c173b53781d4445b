//! Which machine and which versions the figures come from.

use std::fs;
use std::thread::available_parallelism;

use crate::bench::Bench;
use crate::{benches, programs};

/// The lock file that pins the peers, as it was when this program was built.
const LOCK_FILE: &str = include_str!("../../Cargo.lock");

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
    /// The compiler that built every subject.
    pub compiler: &'static str,
    /// The packages that are measured, with their versions.
    pub packages: Vec<(&'static str, String)>,
}

impl Machine {
    /// Asks the system; what it doesn't tell reads `unknown`.
    pub fn read() -> Self {
        Self {
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores: available_parallelism().map_or(0, usize::from),
            memory: memory_in_mebibytes().unwrap_or(0),
            kernel: line("/proc/sys/kernel/osrelease").unwrap_or_else(unknown),
            load: line("/proc/loadavg").map_or_else(unknown, |averages| first_words(&averages, 3)),
            compiler: env!("FIBRA_BENCH_RUSTC"),
            packages: packages(),
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

fn packages() -> Vec<(&'static str, String)> {
    let mut names: Vec<_> = benches::ALL
        .iter()
        .flat_map(Bench::subjects)
        .map(|subject| (subject.package, subject.needed))
        .collect();
    names.sort_unstable();
    names.dedup();
    let version = |(package, needed): (_, Option<_>)| {
        let version = needed.map_or_else(|| locked_version(LOCK_FILE, package), programs::version);
        (package, version.unwrap_or_else(|| if needed.is_some() { "not here".into() } else { unknown() }))
    };
    names.into_iter().map(version).collect()
}

/// The version that `lock_file` pins for the package `name`.
fn locked_version(lock_file: &str, name: &str) -> Option<String> {
    let entry =
        lock_file.split("[[package]]").find(|entry| entry.contains(&format!("\nname = \"{name}\"\n")))?;
    let version = entry.lines().find_map(|line| line.strip_prefix("version = "))?;
    Some(version.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measured_package_has_a_locked_version() {
        for (name, version) in packages() {
            assert_ne!(version, "unknown", "{name} is not in the lock file");
        }
    }

    #[test]
    fn a_locked_version_is_found_by_the_whole_name() {
        let lock = "[[package]]\nname = \"may_queue\"\nversion = \"1.2.3\"\n\n[[package]]\nname = \"may\"\nversion = \"4.5.6\"\n";
        assert_eq!(locked_version(lock, "may").as_deref(), Some("4.5.6"));
        assert_eq!(locked_version(lock, "queue"), None);
    }
}
