//! A driver that is dropped leaves nothing behind that still works on memory it was lent.
//!
//! What is lent to a port is tried in `conformance/windows.rs`.
#![cfg(unix)]

#[path = "conformance/rig.rs"]
#[macro_use]
mod rig;

use std::ffi::CString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use fibra_driver::{Config, Driver, Handle, Op, Submission};

promises! {
    fn after_the_drop_no_operation_takes_data_or_writes_memory(rig) {
        let (here, mut there) = UnixStream::pair().expect("a socket pair can be made");
        let here = Handle::new(here.into());
        let mut buffers = vec![[7u8; 16]; 32];
        for buffer in &mut buffers {
            rig.start(Op::Recv { fd: here.target(), buffer: buffer.as_mut_ptr(), len: 16, flags: 0 });
        }
        rig.settle();
        assert_eq!(rig.driver.ops_in_flight(), 32);
        drop(std::mem::replace(&mut rig.driver, Driver::new(&Config::default()).expect("a driver can be made")));
        there.write_all(b"late").expect("the peer is there");
        let mut late = [0; 4];
        UnixStream::from(here.into_fd()).read_exact(&mut late).expect("nobody else took it");
        assert_eq!(&late, b"late");
        assert!(buffers.iter().flatten().all(|&byte| byte == 7));
    }

    fn a_drop_ends_timeouts_and_pool_jobs_too(rig) {
        let begin = Instant::now();
        rig.start(Op::Timeout { deadline: begin + Duration::from_secs(3600) });
        let file = std::fs::File::open("/proc/self/exe").expect("it is there");
        let file = Handle::new(file.into());
        rig.start(Op::Sync { fd: file.target(), data_only: false });
        drop(std::mem::replace(&mut rig.driver, Driver::new(&Config::default()).expect("a driver can be made")));
        assert!(begin.elapsed() < Duration::from_secs(3000));
    }
}

#[test]
fn what_does_not_answer_in_time_is_given_up() {
    // To open a fifo that nobody writes to blocks the pool's thread, and nothing can interrupt that.
    let fifo = std::env::temp_dir().join(format!("fibra-fifo-{}", std::process::id()));
    // A process with our number may have been killed here before.
    if let Err(error) = std::fs::remove_file(&fifo) {
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    }
    let path = CString::new(fifo.as_os_str().as_bytes()).expect("no NUL in the path");
    // SAFETY: the path is NUL-terminated.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let mut config = Config::default();
    config.backend = Some(rig::readiness());
    config.environment = false;
    config.drain_timeout = Duration::from_millis(50);
    let mut driver = Driver::new(&config).expect("a forced backend works");
    let op = Op::Open { path: path.as_ptr(), flags: libc::O_RDONLY, mode: 0 };
    // SAFETY: the path outlives the pool's thread, which ends below.
    let submission = unsafe { driver.submit(&op, 0) };
    assert!(matches!(submission, Submission::Pending(_)));
    while config.offload.stats().queued > 0 {
        std::thread::yield_now();
    }
    let begin = Instant::now();
    drop(driver);
    assert!(begin.elapsed() >= Duration::from_millis(50), "it did not wait for the answer");
    drop(File::options().write(true).open(&fifo).expect("a reader waits"));
    assert!(config.offload.shutdown(Duration::from_secs(30)), "the pool's thread never came back");
    std::fs::remove_file(&fifo).expect("it is there");
}
