//! What the driver costs beside the bare ring. See `linux.rs`.
//!
//! `cargo run --release -p fibra-driver --example cost`

#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod system;
#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod system;

fn main() -> std::io::Result<()> {
    system::main()
}
