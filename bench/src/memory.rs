//! What the kernel says a process holds in memory.

use std::fmt::Display;
use std::{fs, io};

use crate::bench::Measurement;

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
    /// By how many bytes the process has grown from `self` to `after` for each of `count` things; `thing` names one.
    pub fn growth_for_each(self, after: Self, count: usize, thing: &str) -> Vec<Measurement> {
        let each = |before: u64, after: u64| after.saturating_sub(before) as f64 / count as f64;
        let resident = each(self.resident, after.resident);
        let page_tables = each(self.page_tables, after.page_tables);
        let unit = format!("B/{thing}");
        vec![
            Measurement::new("memory", resident + page_tables, unit.clone()),
            Measurement::new("resident", resident, unit.clone()),
            Measurement::new("page_tables", page_tables, unit),
        ]
    }
}
