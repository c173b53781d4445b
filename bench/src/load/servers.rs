//! What the processes under load use.

use std::io;
use std::time::Duration;

use crate::memory::Footprint;

/// The processes that make up the server: one mostly, several for a server with worker processes.
pub struct Servers {
    processes: Vec<u32>,
    clocks: Vec<libc::clockid_t>,
}

impl Servers {
    /// Finds the processors' clocks of these processes.
    pub fn new(processes: Vec<u32>) -> io::Result<Self> {
        let clocks = processes.iter().map(|&process| clock_of(process)).collect::<io::Result<_>>()?;
        Ok(Self { processes, clocks })
    }

    /// The processor time of all of them so far.
    pub fn cpu(&self) -> io::Result<Duration> {
        self.clocks.iter().map(|&clock| read(clock)).sum()
    }

    /// The memory of all of them.
    pub fn footprint(&self) -> io::Result<Footprint> {
        let mut sum = Footprint::default();
        for process in &self.processes {
            let Footprint { resident, page_tables } = Footprint::of(process)?;
            sum.resident += resident;
            sum.page_tables += page_tables;
        }
        Ok(sum)
    }
}

/// The processor time of this process so far.
pub fn own_cpu() -> io::Result<Duration> {
    read(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn clock_of(process: u32) -> io::Result<libc::clockid_t> {
    let process = libc::pid_t::try_from(process).map_err(io::Error::other)?;
    let mut clock = 0;
    // SAFETY: `clock` lives across the call, which writes it.
    match unsafe { libc::clock_getcpuclockid(process, &mut clock) } {
        0 => Ok(clock),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

fn read(clock: libc::clockid_t) -> io::Result<Duration> {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` lives across the call, which writes it.
    if unsafe { libc::clock_gettime(clock, &mut now) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Duration::new(now.tv_sec as u64, now.tv_nsec as u32))
}
