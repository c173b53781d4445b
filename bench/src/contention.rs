//! What else the machine did while a bench ran: figures from a busy machine deserve less trust, so a run shows it.

use std::time::{Duration, Instant};
use std::{fs, io, mem};

/// Processor time that went elsewhere, as a number of cores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contention {
    /// Cores that other processes kept busy, on average.
    pub others: f64,
    /// Cores that the hypervisor gave to other machines.
    pub stolen: f64,
    /// How long the bench took.
    pub elapsed: Duration,
}

/// The clocks when a bench began.
pub struct Watch {
    began: Instant,
    machine: Clocks,
    own: Duration,
}

impl Watch {
    /// Reads the clocks.
    ///
    /// # Errors
    ///
    /// When the kernel doesn't tell.
    pub fn start() -> io::Result<Self> {
        Ok(Self { began: Instant::now(), machine: Clocks::read()?, own: own_time()? })
    }

    /// What went elsewhere since [`start`](Self::start).
    ///
    /// # Errors
    ///
    /// When the kernel doesn't tell.
    pub fn stop(&self) -> io::Result<Contention> {
        let (elapsed, machine, own) = (self.began.elapsed(), Clocks::read()?, own_time()?);
        let cores = |time: Duration| time.as_secs_f64() / elapsed.as_secs_f64();
        let busy = machine.busy.saturating_sub(self.machine.busy);
        // The two clocks tick differently, so the difference may come out below zero.
        let others = busy.saturating_sub(own - self.own);
        let stolen = machine.stolen.saturating_sub(self.machine.stolen);
        Ok(Contention { others: cores(others), stolen: cores(stolen), elapsed })
    }
}

/// Processor time of the whole machine since it was started, all cores together.
#[derive(Debug, PartialEq)]
struct Clocks {
    /// In processes, and in interrupts: the kernel counts these apart here, but where a packet is received as it is sent,
    /// they are part of what the sender's process has used.
    busy: Duration,
    /// Wanted by this machine and given to another one.
    stolen: Duration,
}

impl Clocks {
    fn read() -> io::Result<Self> {
        let text = fs::read_to_string("/proc/stat")?;
        Self::parse(&text).ok_or_else(|| io::Error::other("/proc/stat doesn't begin with processor times"))
    }

    /// The first line is `cpu user nice system idle iowait irq softirq steal …`, in ticks of 10 ms.
    fn parse(stat: &str) -> Option<Self> {
        let fields = stat.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> = fields.split_whitespace().map_while(|field| field.parse().ok()).collect();
        let time = |ticks: u64| Duration::from_millis(ticks * 10);
        let busy = ticks.get(..3)?.iter().chain(ticks.get(5..7)?).sum();
        Some(Self { busy: time(busy), stolen: time(*ticks.get(7)?) })
    }
}

/// Processor time of this process and of those that it started and has seen end.
fn own_time() -> io::Result<Duration> {
    let mut total = Duration::ZERO;
    for who in [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN] {
        // SAFETY: an `rusage` consists of integers, for which all zeroes are a value.
        let mut usage: libc::rusage = unsafe { mem::zeroed() };
        // SAFETY: `usage` is writable and lives across the call, and `who` is one of the two that it may be.
        if unsafe { libc::getrusage(who, &mut usage) } != 0 {
            return Err(io::Error::last_os_error());
        }
        for time in [usage.ru_utime, usage.ru_stime] {
            total += Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1_000);
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn the_first_line_holds_the_times_of_all_cores() {
        let stat = "cpu  100 20 3 9999 50 7 8 40 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        let expected = Clocks { busy: Duration::from_millis(1_380), stolen: Duration::from_millis(400) };
        assert_eq!(Clocks::parse(stat), Some(expected));
        assert_eq!(Clocks::parse("intr 1 2 3"), None);
    }

    #[test]
    fn the_work_of_this_process_is_nobody_elses() {
        let (watch, began) =
            (Watch::start().expect("the kernel tells"), own_time().expect("the kernel tells"));
        while own_time().expect("the kernel tells") - began < Duration::from_millis(200) {
            std::hint::spin_loop();
        }
        let contention = watch.stop().expect("the kernel tells");
        let own = 0.2 / contention.elapsed.as_secs_f64();
        let cores = thread::available_parallelism().map_or(1, usize::from) as f64;
        assert!(contention.others <= cores - own + 0.3, "{contention:?} beside {own} of {cores} cores");
    }
}
