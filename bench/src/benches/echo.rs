//! `echo`: what comes in on a TCP connection goes out again.
//!
//! Every server does the same: it accepts connections, turns `TCP_NODELAY` on, and for each of them, in a task of its
//! own with a buffer of its own, reads what there is and writes all of it back. [`load`](crate::load) is the client, on
//! the last core; a server with one worker has the first core to itself, one with two shares the last.
//!
//! On small messages over the loopback the kernel's TCP is nearly all of the cost, on either side, so rates lie close
//! together, and where the generator was busy all the time it was the limit: the processor time per request tells
//! servers apart then.

mod ours;
#[cfg(feature = "peers")]
mod peers;
mod raw;
mod targets;

use std::io;

use crate::bench::{Bench, Case, Measurement};
use crate::load::{self, Load};
use crate::raw::Setting;

/// See the module's documentation.
pub const BENCH: Bench = Bench {
    name: "echo",
    about: "a TCP server that writes back what it reads; closed loop, one request under way on each connection",
    reference: "tokio current-thread",
    cases: &[
        Case::new(&[("bytes", 64), ("connections", 1), ("workers", 1)]),
        Case::new(&[("bytes", 64), ("connections", 64), ("workers", 1)]),
        Case::new(&[("bytes", 64), ("connections", 1_024), ("workers", 1)]),
        Case::new(&[("bytes", 64), ("connections", 64), ("workers", 2)]),
        Case::new(&[("bytes", 16_384), ("connections", 64), ("workers", 1)]),
        Case::new(&[("bytes", 64), ("connections", 100), ("idle", 10_000), ("workers", 1)]),
        Case::new(&[("bytes", 64), ("connections", 64), ("workers", 1), ("strace", 1)]).rounds(1),
        Case::full(&[("bytes", 64), ("connections", 10_000), ("workers", 1)]),
        Case::full(&[("bytes", 64), ("connections", 1), ("workers", 2)]),
        Case::full(&[("bytes", 64), ("connections", 1_024), ("workers", 2)]),
        Case::full(&[("bytes", 64), ("connections", 10_000), ("workers", 2)]),
        Case::full(&[("bytes", 16_384), ("connections", 1), ("workers", 1)]),
        Case::full(&[("bytes", 16_384), ("connections", 1_024), ("workers", 1)]),
        Case::full(&[("bytes", 16_384), ("connections", 64), ("workers", 2)]),
        Case::full(&[("bytes", 64), ("connections", 100), ("idle", 10_000), ("workers", 2)]),
        Case::full(&[("bytes", 64), ("connections", 64), ("workers", 2), ("strace", 1)]).rounds(1),
    ],
    subjects: &[
        ours::SUBJECTS,
        #[cfg(feature = "peers")]
        peers::SUBJECTS,
        raw::SUBJECTS,
    ],
    targets: targets::TARGETS,
};

/// Takes a sample of `server`, which runs in this process, on threads of its own.
fn measure(case: &Case, server: fn(Setting)) -> Vec<Measurement> {
    let setting = setting(case);
    load::serve_here(setting.workers, move || server(setting));
    under_load(case, setting, std::process::id()).expect("the server answers as it should")
}

/// What a server is told in this case.
fn setting(case: &Case) -> Setting {
    const BUFFER: usize = 4_096;
    let address = load::free_address().expect("a port is free");
    Setting { address, workers: case.count("workers"), buffer: case.count("bytes").max(BUFFER) }
}

/// Puts load on the server with this process number, and measures what the case asks for.
fn under_load(case: &Case, setting: Setting, server: u32) -> io::Result<Vec<Measurement>> {
    let load = Load::echo(setting.address, vec![server], case.count("connections"), case.count("bytes"));
    if case.find("strace").is_some() {
        return load.system_calls();
    }
    let Some(idle) = case.find("idle") else { return Ok(load.run()?.measurements()) };
    let load = Load { idle: idle as usize, ..load };
    let generator = load.start()?;
    let mut measurements = generator.opened().measurements(load.active + load.idle);
    measurements.extend(generator.finish()?.measurements());
    Ok(measurements)
}
