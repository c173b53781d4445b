//! What the driver costs, in nanoseconds per operation, beside the bare ring.

#[cfg(target_os = "linux")]
#[path = "cost/linux.rs"]
mod system;

#[cfg(not(target_os = "linux"))]
#[path = "cost/other.rs"]
mod system;

fn main() -> std::io::Result<()> {
    system::main()
}
