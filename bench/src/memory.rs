//! What the kernel says a process holds in memory.

use std::fmt::Display;
use std::{fs, io};

/// Resident memory and page tables, apart: a program pays for both, and most tools show only the first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Footprint {
    /// `VmRSS`: resident pages, in bytes.
    pub resident: u64,
    /// `VmPTE`: page-table pages, in bytes.
    pub page_tables: u64,
}

impl Footprint {
    /// That of this process.
    pub fn read() -> io::Result<Self> {
        Self::of("self")
    }

    /// That of the process with this number, or of `self`.
    pub fn of(process: impl Display) -> io::Result<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let bytes = |field: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(field)?.trim().strip_suffix(" kB")?.parse::<u64>().ok())
                .map(|kibibytes| kibibytes * 1024)
                .ok_or_else(|| {
                    io::Error::other(format!("the status of process {process} has no field {field}"))
                })
        };
        Ok(Self { resident: bytes("VmRSS:")?, page_tables: bytes("VmPTE:")? })
    }
}
