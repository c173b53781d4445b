//! What every backend promises, tried on each of them.
//!
//! Each promise is written once, against a [`Rig`], and becomes one test per backend. A backend that is not there fails
//! its tests; it never skips them.

#[macro_use]
mod rig;
#[cfg(target_os = "linux")]
#[path = "../support/seccomp.rs"]
mod seccomp;

mod cancel;
mod datagrams;
mod flow;
mod model;
mod net;
mod scratch;
mod shared;
mod timers;
mod transfers;
mod unpark;

// Descriptors as Unix has them.
#[cfg(unix)]
mod batching;
#[cfg(unix)]
mod edges;
#[cfg(unix)]
mod files;
#[cfg(unix)]
mod handles;
#[cfg(unix)]
mod net_of_unix;
#[cfg(unix)]
mod poll;

// What one system has beyond that.
#[cfg(target_os = "linux")]
mod fixed;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod page_cache;
#[cfg(windows)]
mod windows;
