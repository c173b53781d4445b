//! What a runtime is to be like: wishes, the environment, and what becomes of both.

use super::stall::OnStall;
use crate::error::RuntimeError;
use fibra_coro::StackPool;
use fibra_driver::{BackendKind, Clock, Offload, OffloadConfig};
use std::{env, ffi::OsString, time::Duration};

/// A green thread's stack in bytes, unless somebody wants another size: as std's threads.
pub(crate) const DEFAULT_STACK_SIZE: usize = 2 << 20;
/// How late timers may be, unless somebody wants otherwise. With it, 100,000 timers a second wake their worker no more than
/// 2,000 times.
const DEFAULT_TIMER_SLACK: Duration = Duration::from_nanos(1 << 19);
/// More workers than any machine has cores are a mistake.
const MOST_WORKERS: usize = 4096;

/// What was asked for; `None` leaves it to fibra.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) workers: Option<usize>,
    pub(crate) backend: Option<BackendKind>,
    pub(crate) stack_size: Option<usize>,
    pub(crate) timer_slack: Option<Duration>,
    /// The pool for work that blocks.
    pub(crate) offload: OffloadConfig,
    pub(crate) start_paused: bool,
    pub(crate) monitor: Option<bool>,
    pub(crate) on_stall: Option<OnStall>,
}

/// What is done.
pub(crate) struct Plan {
    pub(crate) workers: usize,
    pub(crate) backend: Option<BackendKind>,
    pub(crate) stack_size: usize,
    pub(crate) timer_slack: Duration,
    pub(crate) offload: Offload,
    pub(crate) clock: Clock,
    /// Whether there is one.
    pub(crate) monitor: bool,
    pub(crate) on_stall: Option<OnStall>,
}

impl Wishes {
    /// Lets the environment overrule the wishes, and checks what comes out.
    pub(crate) fn resolve(self) -> Result<Plan, RuntimeError> {
        let setting = |text: String| RuntimeError::Setting(text);
        let backend =
            BackendKind::from_environment().map_err(|error| setting(error.to_string()))?.or(self.backend);
        let workers = variable("FIBRA_WORKERS", parse_workers)?.or(self.workers);
        let demanded = variable("FIBRA_STACK_SIZE", parse_size)?;
        let stack_size = demanded.or(self.stack_size).unwrap_or(DEFAULT_STACK_SIZE);
        StackPool::check_size(stack_size).map_err(|error| {
            let name = if demanded.is_some() { "FIBRA_STACK_SIZE" } else { "stack size" };
            setting(format!("{name}={stack_size}: {error}"))
        })?;
        let workers = workers.unwrap_or_else(|| fibra_system::topology::usable_cores().get());
        if !(1..=MOST_WORKERS).contains(&workers) {
            return Err(setting(format!("{workers} workers: a runtime has 1 to {MOST_WORKERS}")));
        }
        let timer_slack = self.timer_slack.unwrap_or(DEFAULT_TIMER_SLACK);
        if self.offload.max_threads == 0 {
            return Err(setting("0 threads for work that blocks: a runtime has at least 1".into()));
        }
        let offload = Offload::new(self.offload);
        let clock = Clock::default();
        if self.start_paused {
            clock.stop();
        }
        let (monitor, on_stall) = (self.monitor.unwrap_or(true), self.on_stall);
        Ok(Plan { workers, backend, stack_size, timer_slack, offload, clock, monitor, on_stall })
    }
}

/// An environment variable, parsed; unset or empty, it says nothing.
fn variable<T>(
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, &'static str>,
) -> Result<Option<T>, RuntimeError> {
    let Some(value) = env::var_os(name).filter(|value: &OsString| !value.is_empty()) else { return Ok(None) };
    let value = value.to_string_lossy();
    match parse(value.trim()) {
        Ok(parsed) => Ok(Some(parsed)),
        Err(expected) => Err(RuntimeError::Setting(format!("{name}={value}: expected {expected}"))),
    }
}

fn parse_workers(text: &str) -> Result<usize, &'static str> {
    let workers = text.parse().ok().filter(|workers| (1..=MOST_WORKERS).contains(workers));
    workers.ok_or("a number of workers, from 1 to 4096")
}

/// Bytes, or KiB, MiB and GiB by a suffix.
fn parse_size(text: &str) -> Result<usize, &'static str> {
    let (digits, unit) = match text.char_indices().last() {
        Some((end, 'k' | 'K')) => (&text[..end], 1 << 10),
        Some((end, 'm' | 'M')) => (&text[..end], 1 << 20),
        Some((end, 'g' | 'G')) => (&text[..end], 1 << 30),
        _ => (text, 1),
    };
    let size = digits.trim().parse::<usize>().ok().and_then(|size| size.checked_mul(unit));
    size.ok_or("a size in bytes, or with a suffix: 64K, 2M")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_take_binary_suffixes_and_refuse_nonsense() {
        assert_eq!(parse_size("65536"), Ok(65536));
        assert_eq!(parse_size("64K"), Ok(64 << 10));
        assert_eq!(parse_size("2m"), Ok(2 << 20));
        assert_eq!(parse_size("1G"), Ok(1 << 30));
        for bad in ["", "K", "-1", "two", "1.5M", "99999999999999999999", "99999999999G"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn worker_counts_are_numbers_that_make_sense() {
        assert_eq!(parse_workers("1"), Ok(1));
        for bad in ["0", "-1", "many", "4097", "1.5", ""] {
            assert!(parse_workers(bad).is_err(), "{bad}");
        }
    }
}
