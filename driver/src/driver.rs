//! The driver: one thread's door to the kernel.

mod counts;
mod timers;

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::backend::os;
use crate::backend::{self, Backend, Capability, Choice};
use crate::completion::{Completion, OpKey, Submission, Wait};
use crate::config::Config;
use crate::handle::Handle;
use crate::ledger::{Ledger, Pause};
use crate::op::Op;
use crate::process::Birthplace;
use crate::slab::Slab;
use crate::unpark::Unparker;

/// Completion I/O for the thread that made it.
///
/// Operations go in by [`submit`](Driver::submit) and come out of [`turn`](Driver::turn), which also is what hands them
/// to the kernel: all that was submitted since the last turn in one system call.
///
/// A driver stays on its thread:
///
/// ```compile_fail,E0277
/// fn assert_send<T: Send>() {}
/// assert_send::<fibra_driver::Driver>();
/// ```
///
/// It does not survive a fork: in the child, submissions and turns of an inherited driver fail and say so.
///
/// # Drop
///
/// Dropping a driver cancels what is in flight and waits for the answers, at most for
/// [`Config::drain_timeout`]. Descriptors that arrive meanwhile are closed. If something does not answer, the kernel may
/// still use the memory it was given: the driver's share of it is leaked, and so must the submitter's be. To know, ask
/// [`ops_in_flight`](Driver::ops_in_flight) after cancelling and turning yourself.
///
/// ```
/// use fibra_driver::{Config, Driver, Op, Submission, Wait};
/// use std::time::{Duration, Instant};
///
/// let mut driver = Driver::new(&Config::default())?;
/// let deadline = Instant::now() + Duration::from_millis(1);
/// // SAFETY: a timeout points to nothing.
/// let Submission::Pending(_) = (unsafe { driver.submit(&Op::Timeout { deadline }, 42) }) else { unreachable!() };
/// let mut completions = Vec::new();
/// driver.turn(Wait::Forever, &mut completions)?;
/// assert_eq!(completions[0].word, 42);
/// assert!(Instant::now() >= deadline);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Driver {
    backend: Backend,
    ledger: Ledger,
    choice: Choice,
    birthplace: Birthplace,
    drain_timeout: Duration,
    /// A ring may have a single issuer, and epoll's table is this thread's.
    _bound_to_thread: PhantomData<*mut ()>,
}

impl Driver {
    /// Makes a driver for this thread, on the backend that was forced, or else on the best one that works. Whether one
    /// works is found out by operations, not from versions.
    ///
    /// # Errors
    ///
    /// [`BackendUnavailable`](crate::BackendUnavailable) if the forced backend does not work, or none does;
    /// [`UnknownBackend`](crate::UnknownBackend) if `FIBRA_BACKEND` names none; whatever the system says about its limits.
    ///
    /// ```
    /// use fibra_driver::{Config, Driver};
    /// let driver = Driver::new(&Config::default())?;
    /// println!("{}", driver.choice());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(config: &Config) -> io::Result<Driver> {
        let birthplace = Birthplace::here();
        let (backend, parking, choice) = backend::choose(config)?;
        Ok(Driver {
            backend,
            ledger: Ledger::new(config, parking),
            choice,
            birthplace,
            drain_timeout: config.drain_timeout,
            _bound_to_thread: PhantomData,
        })
    }

    /// The backend in use, and why it is this one.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver};
    /// let driver = Driver::new(&Config::default())?;
    /// for rejection in driver.choice().rejected() {
    ///     println!("not {}: {}", rejection.backend(), rejection.reason());
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn choice(&self) -> &Choice {
        &self.choice
    }

    /// How this driver's backend does an operation.
    ///
    /// ```
    /// # use fibra_driver::{Capability, Config, Driver, Op, Target};
    /// let driver = Driver::new(&Config::default())?;
    /// let sync = Op::Sync { fd: Target::foreign(1), data_only: false };
    /// println!("sync: {:?}", driver.capability(&sync)); // Native, or Pool
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn capability(&self, op: &Op) -> Capability {
        self.backend.capability(op)
    }

    /// Starts an operation. This never fails: errors are results, and a full queue is waited out.
    ///
    /// The operation may be complete at once; no [`Completion`] follows then. Otherwise `word` comes back with its
    /// completion, and the kernel hears of it in the next [`turn`](Driver::turn) at the latest.
    ///
    /// # Safety
    ///
    /// Everything that `op` points to stays valid, untouched where the operation writes and unchanged where it reads, and
    /// its descriptor stays open (its [`Handle`](crate::Handle) alive), until this has returned
    /// [`Submission::Complete`] or a turn has handed over the completion. If the driver is dropped before, that moment
    /// never comes: see [`Driver`].
    ///
    /// ```
    /// use fibra_driver::{Config, Driver, Handle, Op, Submission, Wait};
    /// use std::io::Write;
    /// use std::net::{TcpListener, TcpStream};
    ///
    /// let mut driver = Driver::new(&Config::default())?;
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let mut here = TcpStream::connect(listener.local_addr()?)?;
    /// let there = Handle::new(listener.accept()?.0.into());
    /// here.write_all(b"hello")?;
    ///
    /// let mut buffer = [0u8; 16];
    /// let op = Op::Recv { fd: there.target(), buffer: buffer.as_mut_ptr(), len: buffer.len(), flags: 0 };
    /// // SAFETY: the buffer and the handle are used again only after the operation has ended.
    /// let received = match unsafe { driver.submit(&op, 0) } {
    ///     Submission::Complete(result) => result?,
    ///     Submission::Pending(_) => {
    ///         let mut completions = Vec::new();
    ///         driver.turn(Wait::Forever, &mut completions)?;
    ///         completions.remove(0).result?
    ///     }
    /// };
    /// assert_eq!(&buffer[..received as usize], b"hello");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub unsafe fn submit(&mut self, op: &Op, word: usize) -> Submission {
        if self.birthplace.is_elsewhere() {
            return Submission::Complete(Err(Birthplace::error()));
        }
        self.ledger.stats.operations += 1;
        if let Op::Timeout { deadline } = *op {
            return Submission::Pending(self.ledger.start_timeout(deadline, word));
        }
        let offloaded = self.ledger.stats.offloaded;
        // SAFETY: the caller keeps the contract of this function, which is the backend's.
        let submission = unsafe { self.backend.submit(&mut self.ledger, op, word) };
        let stats = &mut self.ledger.stats;
        match submission {
            Submission::Complete(_) => stats.inline += 1,
            Submission::Pending(_) => stats.submissions += u64::from(stats.offloaded == offloaded),
        }
        submission
    }

    /// Does a short read of a file at once, without waiting, if its bytes are in the page cache and nothing else is about to
    /// be submitted. `None`: it is another operation, or the bytes are not there; then [`submit`](Driver::submit) it.
    ///
    /// For who has a single operation to do, this costs less than to submit it and to turn. Several are better submitted.
    ///
    /// # Safety
    ///
    /// What `op` points to is valid, and its descriptor open (its [`Handle`] alive), for the length of the
    /// call.
    ///
    /// ```
    /// use fibra_driver::{Config, Driver, Handle, Offset, Op};
    /// let mut driver = Driver::new(&Config::default())?;
    /// let file = Handle::new(std::fs::File::open("/proc/self/status")?.into());
    /// let mut buffer = [0; 64];
    /// let op = Op::Read { fd: file.target(), buffer: buffer.as_mut_ptr(), len: 64, offset: Offset::at(0) };
    /// // SAFETY: the buffer and the handle outlive the call.
    /// let read = unsafe { driver.read_cached(&op) };
    /// assert!(read.is_none()); // Such a file is made up as it is read.
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub unsafe fn read_cached(&mut self, op: &Op) -> Option<u32> {
        if self.birthplace.is_elsewhere() {
            return None;
        }
        // SAFETY: the same contract.
        let read = unsafe { self.backend.read_cached(op) }?;
        self.ledger.stats.operations += 1;
        self.ledger.stats.inline += 1;
        Some(read)
    }

    /// Asks for an operation to end early. It still ends exactly once: with `ECANCELED`, or, if that is too late, with
    /// its result. For one that has ended this does nothing.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver, Op, Submission, Wait};
    /// # let mut driver = Driver::new(&Config::default())?;
    /// let deadline = std::time::Instant::now() + std::time::Duration::from_secs(3600);
    /// // SAFETY: a timeout points to nothing.
    /// let Submission::Pending(key) = (unsafe { driver.submit(&Op::Timeout { deadline }, 0) }) else { unreachable!() };
    /// driver.cancel(key);
    /// let mut completions = Vec::new();
    /// driver.turn(Wait::Forever, &mut completions)?;
    /// assert!(completions[0].result.is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn cancel(&mut self, key: OpKey) {
        if !self.birthplace.is_elsewhere() && !self.ledger.cancel(key) {
            self.backend.cancel(&mut self.ledger, key);
        }
    }

    /// Takes a timeout back that has not expired: no completion follows, and nothing refers to its word any more.
    /// `false` if there is nothing to take back: the operation is no timeout, or its completion is on the way.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver, Op, Submission};
    /// # let mut driver = Driver::new(&Config::default())?;
    /// let deadline = std::time::Instant::now() + std::time::Duration::from_secs(3600);
    /// // SAFETY: a timeout points to nothing.
    /// let Submission::Pending(key) = (unsafe { driver.submit(&Op::Timeout { deadline }, 0) }) else { unreachable!() };
    /// assert!(driver.withdraw(key));
    /// assert_eq!(driver.ops_in_flight(), 0);
    /// assert!(!driver.withdraw(key));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn withdraw(&mut self, key: OpKey) -> bool {
        !self.birthplace.is_elsewhere() && self.ledger.withdraw(key)
    }

    /// Tells that the caller itself has just received from a TCP socket, by a call of its own on this driver's thread, and
    /// has got less than it had room for. A backend that would have to find out by a system call can save that: the
    /// next operation that receives or [polls](Op::Poll) waits for what comes after this moment.
    ///
    /// Called later than right after the receive, or without one, it has operations wait for bytes that are there.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver, Handle};
    /// use std::io::Read;
    /// use std::net::{TcpListener, TcpStream};
    /// # let listener = TcpListener::bind("127.0.0.1:0")?;
    /// # let mut peer = TcpStream::connect(listener.local_addr()?)?;
    /// # std::io::Write::write_all(&mut peer, b"!")?;
    /// let mut driver = Driver::new(&Config::default())?;
    /// let (mut stream, _) = listener.accept()?;
    /// let handle = Handle::new(stream.try_clone()?.into());
    /// let mut buffer = [0; 64];
    /// if (1..buffer.len()).contains(&stream.read(&mut buffer)?) {
    ///     driver.note_emptied(&handle);
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn note_emptied(&mut self, socket: &Handle) {
        self.backend.note_emptied(socket);
    }

    /// Asks for every operation in flight to end early; see [`cancel`](Driver::cancel).
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver};
    /// # let mut driver = Driver::new(&Config::default())?;
    /// driver.cancel_all();
    /// assert_eq!(driver.ops_in_flight(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn cancel_all(&mut self) {
        for key in self.ledger.keys() {
            self.cancel(key);
        }
    }

    /// Hands everything that was submitted to the kernel in one system call, waits if there is nothing to hand over yet,
    /// and appends the completions.
    ///
    /// A waiting turn ends with the first completions or expired timers, at its deadline, or by an
    /// [unpark](Unparker::unpark). A turn that
    /// may not wait and has nothing to do makes no system call.
    ///
    /// # Errors
    ///
    /// If the driver was inherited through a fork, or if the kernel refuses to work with it at all. What it refuses for
    /// the moment is tried again.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver, Wait};
    /// # let mut driver = Driver::new(&Config::default())?;
    /// let mut completions = Vec::new();
    /// driver.turn(Wait::Not, &mut completions)?;
    /// assert!(completions.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn turn(&mut self, wait: Wait, completions: &mut Vec<Completion>) -> io::Result<()> {
        if self.birthplace.is_elsewhere() {
            return Err(Birthplace::error());
        }
        self.ledger.stats.turns += 1;
        self.ledger.is_told = false;
        let before = completions.len();
        let has_brought_something = |ledger: &Ledger, completions: &[Completion]| {
            completions.len() > before || !ledger.expired.is_empty()
        };
        loop {
            self.ledger.collect(completions);
            let wait = if has_brought_something(&self.ledger, completions) { Wait::Not } else { wait };
            let pause = self.ledger.pause(wait);
            let unparked = self.backend.turn(&mut self.ledger, pause, completions)?;
            self.ledger.collect(completions);
            self.ledger.expire(completions);
            self.backend.follow_up(&mut self.ledger);
            let over = match wait {
                Wait::Not => true,
                Wait::Until(deadline) => Instant::now() >= deadline,
                Wait::Forever => false,
            };
            if over || unparked || has_brought_something(&self.ledger, completions) {
                return Ok(());
            }
        }
    }

    /// What ends this driver's waits from other threads.
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver};
    /// let driver = Driver::new(&Config::default())?;
    /// let unparker = driver.unparker();
    /// std::thread::spawn(move || unparker.unpark()).join().unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn unparker(&self) -> Unparker {
        Unparker { parking: Arc::clone(&self.ledger.parking) }
    }

    /// Ends another driver's wait from this driver's thread. Between two rings this is a message that leaves with the
    /// next turn and costs no system call of its own; otherwise it is [`Unparker::unpark`].
    ///
    /// ```
    /// # use fibra_driver::{Config, Driver, Wait};
    /// let mut driver = Driver::new(&Config::default())?;
    /// let mut peer = Driver::new(&Config::default())?; // on another thread, really
    /// driver.unpark_peer(&peer.unparker());
    /// peer.turn(Wait::Forever, &mut Vec::new())?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn unpark_peer(&mut self, peer: &Unparker) {
        if self.birthplace.is_elsewhere() || !self.backend.can_send_messages() {
            peer.unpark();
        } else if peer.parking.notify() {
            self.backend.send_message(&mut self.ledger, &peer.parking);
        }
    }

    /// Cancels everything and waits for the answers, for a while. Returns whether all have come. The words of the
    /// operations, which nobody will ask for any more, tell which results are descriptors to close.
    fn drain(&mut self) -> bool {
        self.ledger.forget_timeouts();
        for key in self.ledger.slab.keys() {
            if let Some(record) = self.ledger.slab.get(key) {
                record.word = usize::from(record.op.yields_descriptor());
            }
        }
        self.cancel_all();
        let deadline = Instant::now() + self.drain_timeout;
        let mut completions = Vec::new();
        while self.ops_in_flight() > 0 && Instant::now() < deadline {
            if self.turn(Wait::Until(deadline), &mut completions).is_err() {
                return false;
            }
            for completion in completions.drain(..) {
                if let Completion { word: 1, result: Ok(fd) } = completion {
                    // SAFETY: the operation has just made this descriptor, and its submitter will never hear of it: it
                    // belongs to nobody else.
                    drop(unsafe { os::descriptor(fd) });
                }
            }
        }
        self.ops_in_flight() == 0
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.backend.refuse_messages(&self.ledger.parking);
        if self.birthplace.is_elsewhere() {
            return;
        }
        if !self.drain() {
            // The kernel may still use the records and the ring: they must never be freed.
            mem::forget(mem::replace(&mut self.ledger.slab, Slab::new()));
            self.backend.leak();
        }
        // What others wait for, such as a notice to a peer, must not stay behind in the queue. If the kernel refuses even
        // this, there is nobody to tell.
        let _ = self.backend.turn(&mut self.ledger, Pause::Not, &mut Vec::new());
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("backend", &self.choice.backend())
            .field("ops_in_flight", &self.ops_in_flight())
            .finish_non_exhaustive()
    }
}
