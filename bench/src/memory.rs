//! What the kernel says this process holds in memory.

use std::{fs, io};

/// Resident memory and page tables, apart: a program pays for both, and most tools show only the first.
#[derive(Clone, Copy)]
pub struct Footprint {
    /// `VmRSS`: resident pages, in bytes.
    pub resident: u64,
    /// `VmPTE`: page-table pages, in bytes.
    pub page_tables: u64,
}

impl Footprint {
    /// Reads both from `/proc/self/status`.
    pub fn read() -> io::Result<Self> {
        let status = fs::read_to_string("/proc/self/status")?;
        let bytes = |field: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(field)?.trim().strip_suffix(" kB")?.parse::<u64>().ok())
                .map(|kibibytes| kibibytes * 1024)
                .ok_or_else(|| io::Error::other(format!("/proc/self/status has no field {field}")))
        };
        Ok(Self { resident: bytes("VmRSS:")?, page_tables: bytes("VmPTE:")? })
    }
}
