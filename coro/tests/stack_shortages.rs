//! Where stacks can't be had as usual, they are had otherwise, or an error says what is missing.

use fibra_coro::{CoroutineError, GuardKind, StackError, UnsupportedError};
use std::error::Error;
use std::io;
use std::process::ExitCode;

mod child;
#[cfg(all(unix, not(target_os = "linux")))]
#[path = "shortages/bsd.rs"]
mod shortages;
#[cfg(target_os = "linux")]
#[path = "shortages/linux.rs"]
mod shortages;
#[cfg(windows)]
#[path = "shortages/windows.rs"]
mod shortages;

fn main() -> ExitCode {
    let tests: &[child::Test] =
        &[("errors_keep_their_cause_and_their_kind", errors_keep_their_cause_and_their_kind)];
    child::run_tests(&[tests, shortages::TESTS].concat())
}

fn errors_keep_their_cause_and_their_kind() {
    let refused = || io::Error::from(io::ErrorKind::PermissionDenied);
    let guard = StackError::GuardUnavailable { kind: GuardKind::Protect, source: refused() };
    assert_eq!(guard.to_string(), "no guard for a stack could be made by mprotect: permission denied");
    assert_eq!(guard.source().unwrap().to_string(), "permission denied");
    assert_eq!(io::Error::from(guard).kind(), io::ErrorKind::Unsupported);
    let mappings = StackError::TooManyMappings { source: refused() };
    assert!(mappings.to_string().contains("vm.max_map_count"));
    assert_eq!(io::Error::from(mappings).kind(), io::ErrorKind::OutOfMemory);
    let unsupported = CoroutineError::Unsupported(UnsupportedError::ShadowStack);
    assert!(unsupported.to_string().contains("shadow stacks"), "{unsupported}");
    assert_eq!(io::Error::from(UnsupportedError::ShadowStack).kind(), io::ErrorKind::Unsupported);
}
