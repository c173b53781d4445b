//! Models: every interleaving, within loom's bounds, of everything lock-free. Run by `cargo xtask loom`.

mod idle;
mod inbox;
mod local_queue;
mod monitor;
mod phase;
mod register;
mod shared;
mod state;
mod tasks;
