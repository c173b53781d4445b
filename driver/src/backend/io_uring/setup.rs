//! Setting a ring up with what the kernel has, and finding out what that is.

use std::fs;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU8, Ordering};

use io_uring::{EnterFlags, IoUring, Probe, opcode, types};

use crate::backend::Capability;
use crate::backend::choose::Refusal;
use crate::config::Config;
use crate::op::Op;

/// What a ring can do beyond what every ring that is accepted can.
pub(super) struct Abilities {
    mode: &'static Mode,
    pub messages: bool,
    pub open: bool,
    pub close: bool,
    pub statx: bool,
    pub shutdown: bool,
    /// Flags of each enter: a driver that waits for the network is not waiting for a disk, and should not be counted as if
    /// it were (Linux 6.15).
    pub wait_flags: EnterFlags,
    /// Whether an enter can gather completions for a while (Linux 6.12).
    pub gathers: bool,
    /// The ring must never be freed.
    pub leaked: bool,
}

/// A combination of setup flags.
pub(super) struct Mode {
    pub names: &'static [&'static str],
    single_issuer: bool,
    defer_taskrun: bool,
    coop_taskrun: bool,
    submit_all: bool,
}

/// From the newest kernels to the oldest: 6.1, 6.0, 5.19, 5.18, and before.
pub(super) const MODES: &[Mode] = &[
    Mode {
        names: &["single_issuer", "defer_taskrun", "coop_taskrun", "submit_all"],
        single_issuer: true,
        defer_taskrun: true,
        coop_taskrun: true,
        submit_all: true,
    },
    Mode {
        names: &["single_issuer", "coop_taskrun", "submit_all"],
        single_issuer: true,
        defer_taskrun: false,
        coop_taskrun: true,
        submit_all: true,
    },
    Mode {
        names: &["coop_taskrun", "submit_all"],
        single_issuer: false,
        defer_taskrun: false,
        coop_taskrun: true,
        submit_all: true,
    },
    Mode {
        names: &["submit_all"],
        single_issuer: false,
        defer_taskrun: false,
        coop_taskrun: false,
        submit_all: true,
    },
    Mode { names: &[], single_issuer: false, defer_taskrun: false, coop_taskrun: false, submit_all: false },
];

impl Abilities {
    /// Who does `op`. What is not asked about here is older than the features that a ring must have.
    pub(super) fn capability(&self, op: &Op) -> Capability {
        let ring_can = match op {
            Op::Open { .. } => self.open,
            Op::Close { .. } => self.close,
            Op::Statx { .. } => self.statx,
            Op::Shutdown { .. } => self.shutdown,
            Op::SendFile { .. } | Op::AcceptPipe { .. } => return Capability::Unsupported,
            _ => true,
        };
        if ring_can { Capability::Native } else { Capability::Pool }
    }

    /// For the report.
    pub(super) fn names(&self, ring: &IoUring) -> Vec<&'static str> {
        let mut names = self.mode.names.to_vec();
        let also = [
            (ring.params().is_feature_nodrop(), "nodrop"),
            (self.messages, "msg_ring"),
            (!self.wait_flags.is_empty(), "no_iowait"),
            (self.gathers, "min_wait"),
        ];
        names.extend(also.into_iter().filter(|(present, _)| *present).map(|(_, name)| name));
        names
    }
}

/// Makes a ring and proves by operations that it works.
pub(super) fn set_up(config: &Config, modes: &'static [Mode]) -> Result<(IoUring, Abilities), Refusal> {
    let (mut ring, mode) = build(config, modes)?;
    require_features(&ring)?;
    try_nop(&mut ring).map_err(Refusal::at("the first operation of the ring"))?;
    try_recv(&mut ring).map_err(Refusal::at("receiving through the ring"))?;
    try_multishot_poll(&mut ring).map_err(Refusal::at("a lasting poll through the ring"))?;
    let mut probe = Probe::new();
    // Without an answer, nothing counts as supported, and the pool does it.
    let _ = ring.submitter().register_probe(&mut probe);
    let messages = probe.is_supported(opcode::MsgRingData::CODE) && try_message(&mut ring).is_ok();
    let abilities = Abilities {
        mode,
        messages,
        open: probe.is_supported(opcode::OpenAt::CODE),
        close: probe.is_supported(opcode::Close::CODE),
        statx: probe.is_supported(opcode::Statx::CODE),
        shutdown: probe.is_supported(opcode::Shutdown::CODE),
        wait_flags: if ring.params().is_feature_no_iowait() {
            EnterFlags::NO_IOWAIT
        } else {
            EnterFlags::empty()
        },
        gathers: ring.params().is_feature_min_timeout(),
        leaked: false,
    };
    Ok((ring, abilities))
}

fn build(config: &Config, modes: &'static [Mode]) -> Result<(IoUring, &'static Mode), Refusal> {
    for mode in modes {
        let mut builder = IoUring::builder();
        let entries = config.entries.max(2);
        builder.setup_clamp().setup_cqsize(config.completion_entries.max(entries));
        if mode.single_issuer {
            builder.setup_single_issuer();
        }
        if mode.defer_taskrun {
            builder.setup_defer_taskrun().setup_taskrun_flag();
        } else if mode.coop_taskrun {
            builder.setup_coop_taskrun().setup_taskrun_flag();
        }
        if mode.submit_all {
            builder.setup_submit_all();
        }
        match builder.build(entries) {
            Ok(ring) => return Ok((ring, mode)),
            // The kernel does not know one of the flags.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
            Err(error) => return Err(explain(error)),
        }
    }
    Err(explain(io::Error::from_raw_os_error(libc::EINVAL)))
}

/// What the backend cannot do without; all of it is in Linux 5.11.
fn require_features(ring: &IoUring) -> Result<(), Refusal> {
    let has = ring.params();
    let needed = [
        (has.is_feature_nodrop(), "NODROP"),
        (has.is_feature_ext_arg(), "EXT_ARG"),
        (has.is_feature_fast_poll(), "FAST_POLL"),
        (has.is_feature_rw_cur_pos(), "RW_CUR_POS"),
        (has.is_feature_submit_stable(), "SUBMIT_STABLE"),
    ];
    match needed.into_iter().find(|(present, _)| !present) {
        None => Ok(()),
        Some((_, name)) => Err(Refusal {
            step: "features of the ring",
            error: io::Error::from(io::ErrorKind::Unsupported),
            hint: format!("{name} is missing; Linux 5.13 has what is needed"),
        }),
    }
}

/// Why there is no ring, as far as the system tells.
fn explain(error: io::Error) -> Refusal {
    let hint = match error.raw_os_error() {
        Some(libc::ENOSYS) => "the kernel has no io_uring, or a seccomp filter hides it".to_owned(),
        Some(libc::EPERM | libc::EACCES) => match fs::read_to_string("/proc/sys/kernel/io_uring_disabled") {
            Ok(value) if value.trim() != "0" => {
                format!("the sysctl kernel.io_uring_disabled is {}", value.trim())
            }
            _ => "forbidden, as by a container's seccomp filter".to_owned(),
        },
        Some(libc::ENOMEM) => "no memory for the ring; before Linux 5.12 `ulimit -l` counts".to_owned(),
        Some(libc::EMFILE) => "too many open descriptors: see `ulimit -n`".to_owned(),
        _ => String::new(),
    };
    Refusal { step: "io_uring_setup", error, hint }
}

/// Submits one entry and returns its result and flags, or those of the next completion.
fn run(ring: &mut IoUring, entry: &io_uring::squeue::Entry) -> io::Result<(i32, u32)> {
    // SAFETY: the callers' entries point to memory that outlives the wait below.
    unsafe { ring.submission().push(entry) }.map_err(io::Error::other)?;
    wait(ring)
}

fn wait(ring: &mut IoUring) -> io::Result<(i32, u32)> {
    let time = types::Timespec::new().sec(5);
    let arguments = types::SubmitArgs::new().timespec(&time);
    loop {
        if let Some(completion) = ring.completion().next() {
            return Ok((completion.result(), completion.flags()));
        }
        match ring.submitter().submit_with_args(1, &arguments) {
            Err(error) if error.raw_os_error() == Some(libc::EINTR) => {}
            result => drop(result?),
        }
    }
}

fn check(result: i32) -> io::Result<u32> {
    if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(result as u32) }
}

fn try_nop(ring: &mut IoUring) -> io::Result<()> {
    let (result, _) = run(ring, &opcode::Nop::new().build())?;
    check(result).map(drop)
}

/// A receive that has to wait first: what a filter inside the kernel, or a ring without polling, would fail.
fn try_recv(ring: &mut IoUring) -> io::Result<()> {
    let (mut here, there) = UnixStream::pair()?;
    // Static: should the wait fail, the kernel may still write to it.
    let buffer: &'static AtomicU8 = &RECEIVED;
    let entry = opcode::Recv::new(types::Fd(there.as_raw_fd()), buffer.as_ptr(), 1).build();
    // SAFETY: the buffer is static, and whatever several rings write to it is one byte that is never zero.
    unsafe { ring.submission().push(&entry) }.map_err(io::Error::other)?;
    ring.submit()?;
    here.write_all(b"!")?;
    let (result, _) = wait(ring)?;
    match (check(result)?, buffer.load(Ordering::Relaxed)) {
        (1, b'!') => Ok(()),
        (count, _) => Err(io::Error::other(format!("{count} bytes came instead of the one that was sent"))),
    }
}

static RECEIVED: AtomicU8 = AtomicU8::new(0);

/// A poll that stays, as the bell needs it.
fn try_multishot_poll(ring: &mut IoUring) -> io::Result<()> {
    let (mut here, there) = UnixStream::pair()?;
    here.write_all(b"!")?;
    let fd = types::Fd(there.as_raw_fd());
    let (result, flags) = run(ring, &opcode::PollAdd::new(fd, libc::POLLIN as u32).multi(true).build())?;
    check(result)?;
    if io_uring::cqueue::more(flags) {
        // The poll's own end and the cancel's answer.
        run(ring, &opcode::AsyncCancel::new(0).build())?;
        wait(ring)?;
    }
    Ok(())
}

/// A message from the ring to itself: its arrival and its answer.
fn try_message(ring: &mut IoUring) -> io::Result<()> {
    let entry = opcode::MsgRingData::new(types::Fd(ring.as_raw_fd()), 0, 0, None).build();
    let (result, _) = run(ring, &entry)?;
    check(result)?;
    let (result, _) = wait(ring)?;
    check(result).map(drop)
}

/// The ring's descriptor once more: messages are sent to it, and must not find another file there when the ring is gone.
pub(super) fn duplicate(ring: &IoUring) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointers.
    let fd = unsafe { libc::fcntl(ring.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
