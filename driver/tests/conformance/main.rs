//! What every backend promises, tried on each of them.
//!
//! Each promise is written once, against a [`Rig`], and becomes one test per backend. A backend that is not there fails
//! its tests; it never skips them.

#[macro_use]
mod rig;
#[cfg(target_os = "linux")]
#[path = "../support/seccomp.rs"]
mod seccomp;

mod batching;
mod cancel;
mod edges;
mod files;
mod flow;
mod handles;
#[cfg(target_os = "linux")]
mod linux;
mod model;
mod net;
#[cfg(target_os = "linux")]
mod page_cache;
mod poll;
mod shared;
mod timers;
mod unpark;
