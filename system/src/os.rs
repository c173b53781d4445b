//! The tables of operating systems and architectures: nothing else in this crate asks which one it is built for.
//!
//! An operating system offers
//!
//! ```text
//! fn affinity() -> io::Result<CpuSet>              the CPUs on which the calling thread may run
//! fn set_affinity(&CpuSet) -> io::Result<()>       restricts it to some of them; InvalidInput if there are none
//! fn current_cpu() -> io::Result<usize>            the CPU on which it runs at the moment
//! fn numa_nodes() -> io::Result<Vec<CpuSet>>       the CPUs of each node of memory
//! fn cpu_quota() -> Option<CpuQuota>               the tightest limit on the process's CPU time
//! fn prefer_huge_pages(*mut u8, usize)             asks for huge pages from there on, so many bytes
//! fn fence_all_threads() -> io::Result<()>         a full fence in each thread of the process
//! fn thread_id() -> u32                            the calling thread's number in the kernel
//! fn thread_activity(u32) -> io::Result<Activity>  whether a thread waits, and how long it has run
//! fn system_call(u32) -> io::Result<Option<i64>>   the system call in which a thread waits
//! fn system_call_at(usize) -> Option<i64>          the one in which a thread waits that stands at an address
//! fn system_call_name(i64) -> Option<&str>         the names of those in which threads wait
//! const LOCK_CALL, SLEEP_CALLS                     which of them wait for a lock, and for the time, by their names
//! fn clock_source() -> Option<String>              what its clock counts, by the kernel's name for it
//! fn release() -> io::Result<String>               what `uname -r` prints
//! fn limit_open_files() -> io::Result<Limit>       descriptors
//! fn limit_locked_memory() -> io::Result<Limit>    bytes
//! fn max_map_count() -> io::Result<u64>            mappings
//! ```
//!
//! What a system cannot tell or do is `Unsupported`, and those who ask do without. Beside that, macOS has `QoS` classes and
//! affinity tags, which nobody else has: see `apple`.
//!
//! and an architecture
//!
//! ```text
//! fn detected_features() -> [(Feature, bool); _]   each of its features, and whether programs may use it
//! fn cycles() -> u64                               the cycle counter
//! fn cycles_in_order() -> u64                      the same, ordered with the instructions around it
//! fn cycles_are_constant() -> bool                 whether it runs at one rate, always and everywhere
//! fn cycle_frequency() -> Option<u64>              counts per second, if the CPU says
//! const CLOCK_SOURCE: &str                         Linux's name for a clock that counts them
//! fn prefetch(*const u8)                           fetches a cache line, if there is one at the address
//! ```

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
pub(crate) use macos::*;

#[cfg(target_os = "freebsd")]
mod freebsd;
#[cfg(target_os = "freebsd")]
pub(crate) use freebsd::*;

#[cfg(all(test, not(target_os = "macos")))]
mod pinned;

#[cfg(any(target_os = "macos", target_os = "freebsd"))]
mod bsd;
#[cfg(any(target_os = "macos", target_os = "freebsd"))]
pub(crate) use bsd::*;

#[cfg(unix)]
mod limits;
#[cfg(unix)]
pub(crate) use limits::*;

#[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "freebsd", windows)))]
compile_error!("fibra-system does not know this operating system yet: give it a file and a line in os.rs");

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::*;

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::*;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("fibra-system does not know this architecture yet: give it a file and a line in os.rs");
