//! Snapshots get along with other handlers of their signal; where there are none, they are refused.

use std::process::ExitCode;

mod child;
#[cfg(target_os = "linux")]
#[path = "snapshot_handlers/linux.rs"]
mod handlers;
#[cfg(windows)]
#[path = "snapshot_handlers/windows.rs"]
mod handlers;
#[cfg(not(any(target_os = "linux", windows)))]
#[path = "snapshot_handlers/elsewhere.rs"]
mod handlers;

fn main() -> ExitCode {
    child::run_tests(handlers::TESTS)
}
