//! A driver with what tests need around it: every completion is kept by its word, and no wait is endless.

#![allow(dead_code, unused_macros, reason = "each file of tests uses its own part")]

use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use fibra_driver::{BackendKind, Completion, Config, Driver, Op, OpKey, Submission, Wait};

#[cfg(target_os = "linux")]
#[macro_use]
#[path = "../support/linux.rs"]
pub mod system;

#[cfg(all(unix, not(target_os = "linux")))]
#[macro_use]
#[path = "../support/bsd.rs"]
pub mod system;

#[cfg(windows)]
#[macro_use]
#[path = "../support/windows.rs"]
pub mod system;

/// Longer than anything here takes on a busy machine. What is not over by then never ends.
const ETERNITY: Duration = Duration::from_secs(30);

pub struct Rig {
    pub driver: Driver,
    pub kind: BackendKind,
    /// What has ended and was not asked for yet.
    ended: HashMap<usize, io::Result<u32>>,
    completions: Vec<Completion>,
    next_word: usize,
}

/// An operation that was started: its word, and its key if it is in flight.
#[derive(Clone, Copy, Debug)]
pub struct Started {
    pub word: usize,
    pub key: Option<OpKey>,
}

impl Rig {
    pub fn new(kind: BackendKind) -> Rig {
        Rig::with(kind, |_| {})
    }

    pub fn with(kind: BackendKind, adjust: impl FnOnce(&mut Config)) -> Rig {
        let mut config = Config::default();
        config.backend = Some(kind);
        config.environment = false;
        adjust(&mut config);
        let driver = Driver::new(&config).expect("a forced backend works");
        assert_eq!(driver.choice().backend(), kind);
        Rig { driver, kind, ended: HashMap::new(), completions: Vec::new(), next_word: 1 }
    }

    /// Whether operations go to the kernel as they are; else they are tried, and wait for readiness.
    pub fn is_ring(&self) -> bool {
        self.kind.name() == "io_uring"
    }

    /// Whether reads of files are looked for in the page cache: the system has a call for that.
    pub fn reads_cache(&self) -> bool {
        self.kind.name() != "kqueue"
    }

    /// Starts an operation. The tests keep what it points to alive until they have its result.
    pub fn start(&mut self, op: Op) -> Started {
        let word = self.next_word;
        self.next_word += 1;
        // SAFETY: each test keeps buffers and descriptors until `finish`, or drops the driver first and waits for that.
        let key = match unsafe { self.driver.submit(&op, word) } {
            Submission::Complete(result) => {
                self.note(Completion { word, result });
                None
            }
            Submission::Pending(key) => Some(key),
        };
        Started { word, key }
    }

    fn note(&mut self, completion: Completion) {
        let before = self.ended.insert(completion.word, completion.result);
        assert!(before.is_none(), "operation {} ended twice", completion.word);
    }

    /// One turn. Returns how many completions it brought.
    pub fn turn(&mut self, wait: Wait) -> usize {
        let mut completions = std::mem::take(&mut self.completions);
        self.driver.turn(wait, &mut completions).expect("the driver turns");
        let count = completions.len();
        completions.drain(..).for_each(|completion| self.note(completion));
        self.completions = completions;
        count
    }

    /// Turns until the operation has ended.
    pub fn finish(&mut self, started: Started) -> io::Result<u32> {
        let deadline = Instant::now() + ETERNITY;
        loop {
            if let Some(result) = self.ended.remove(&started.word) {
                return result;
            }
            assert!(Instant::now() < deadline, "operation {} never ends", started.word);
            self.turn(Wait::Until(deadline));
        }
    }

    pub fn run(&mut self, op: Op) -> io::Result<u32> {
        let started = self.start(op);
        self.finish(started)
    }

    pub fn has_ended(&self, started: Started) -> bool {
        self.ended.contains_key(&started.word)
    }

    /// The words of all that has ended, which is forgotten.
    pub fn take_ended(&mut self) -> Vec<usize> {
        self.ended.drain().map(|(word, _)| word).collect()
    }

    pub fn cancel(&mut self, started: Started) {
        if let Some(key) = started.key {
            self.driver.cancel(key);
        }
    }

    /// Turns until nothing more comes for a while: what is in flight then waits for something.
    pub fn settle(&mut self) {
        while self.turn(Wait::Until(Instant::now() + Duration::from_millis(20))) > 0 {}
    }

    /// Hands over what was started, without waiting.
    pub fn settle_once(&mut self) {
        self.turn(Wait::Not);
    }

    /// Nothing is in flight, and nothing has ended that was not asked for.
    pub fn assert_idle(&mut self) {
        self.settle();
        assert_eq!(self.driver.ops_in_flight(), 0);
        assert!(self.ended.is_empty(), "ended unasked: {:?}", self.ended);
    }
}

/// The backend that tells of readiness, of which each system has one.
pub fn readiness() -> BackendKind {
    let found = BackendKind::ALL.iter().find(|kind| kind.name() != "io_uring");
    *found.expect("each system has one")
}

/// The error number of a result that is an error.
pub fn errno(result: io::Result<u32>) -> i32 {
    result.expect_err("it fails").raw_os_error().expect("the error is the system's")
}

/// The kernel's version, where that is Linux.
pub fn kernel() -> (u32, u32) {
    let text = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("each kernel tells it");
    let mut numbers = text.split('.').map(|part| part.trim().parse().expect("a number"));
    (numbers.next().expect("the first"), numbers.next().expect("the second"))
}
