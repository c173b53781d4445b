//! What a thread of this process does, as the kernel sees it.
//!
//! Threads are named by their number in the kernel, which [`id`] tells the thread itself. It may be another thread's once
//! that one has ended.

use crate::os;
use std::fmt;
use std::io;
use std::time::Duration;

/// The calling thread's number in the kernel.
///
/// ```
/// let here = fibra_system::thread::id();
/// let there = std::thread::spawn(fibra_system::thread::id).join().unwrap();
/// assert_ne!(here, there);
/// ```
pub fn id() -> u32 {
    os::thread_id()
}

/// What a thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Activity {
    /// Whether it waits for something; otherwise it runs, or would if it had a CPU. `None` where the system doesn't tell (Windows).
    pub is_waiting: Option<bool>,
    /// For how long it has had a CPU, in all; on Windows in ticks of about 16 ms.
    pub run_time: Duration,
}

/// What a thread of this process is doing.
///
/// # Errors
///
/// The system's, if there is no such thread.
///
/// ```
/// use fibra_system::thread;
///
/// let me = thread::activity(thread::id())?;
/// assert_ne!(me.is_waiting, Some(true));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn activity(thread: u32) -> io::Result<Activity> {
    os::thread_activity(thread)
}

/// The system call in which a thread of this process waits; `None` if it waits in none.
///
/// # Errors
///
/// The system's: not every kernel tells.
///
/// ```
/// use fibra_system::thread;
/// use std::time::Duration;
///
/// let (sender, receiver) = std::sync::mpsc::channel();
/// std::thread::spawn(move || {
///     sender.send(thread::id()).unwrap();
///     std::thread::sleep(Duration::from_secs(3600));
/// });
/// let sleeper = receiver.recv().unwrap();
/// std::thread::sleep(Duration::from_millis(50));
/// if let Ok(Some(call)) = thread::system_call(sleeper) {
///     println!("it waits in {call}");
/// }
/// ```
pub fn system_call(thread: u32) -> io::Result<Option<SystemCall>> {
    Ok(os::system_call(thread)?.map(|number| SystemCall { number }))
}

/// The system call in which a thread of this process waits that has this program counter; `None` if it waits in none, or if the
/// system doesn't tell it so: Windows alone does.
///
/// ```
/// use fibra_system::thread;
///
/// assert_eq!(thread::system_call_at(main as fn() as usize), None);
/// ```
pub fn system_call_at(program_counter: usize) -> Option<SystemCall> {
    os::system_call_at(program_counter).map(|number| SystemCall { number })
}

/// A system call, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SystemCall {
    number: i64,
}

impl SystemCall {
    /// Its number on this architecture. On Windows, where those change, it is one of this process.
    pub fn number(&self) -> i64 {
        self.number
    }

    /// Its name, if it is one of those in which threads often wait.
    pub fn name(&self) -> Option<&'static str> {
        os::system_call_name(self.number)
    }

    /// Whether it waits for a lock, a condition, or another thread's end: `futex` on Linux, `NtWaitForAlertByThreadId` on
    /// Windows.
    pub fn is_lock(&self) -> bool {
        self.name() == Some(os::LOCK_CALL)
    }

    /// Whether it waits for nothing but the time. What waits for a timer, as sleeps on Windows often do, waits for something.
    pub fn is_sleep(&self) -> bool {
        self.name().is_some_and(|name| os::SLEEP_CALLS.contains(&name))
    }
}

impl fmt::Display for SystemCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "system call {}", self.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Instant;

    /// How long "never" is.
    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn a_thread_that_computes_has_run_and_waits_for_nothing() {
        let start = activity(id()).unwrap();
        let begin = Instant::now();
        let mut end = start;
        while end.run_time <= start.run_time {
            assert!(begin.elapsed() < PATIENCE, "{start:?} {end:?}");
            end = activity(id()).unwrap();
        }
        assert_ne!(end.is_waiting, Some(true), "{end:?}");
    }

    #[test]
    fn a_thread_that_waits_is_seen_to_wait_and_where() {
        if activity(id()).unwrap().is_waiting.is_none() {
            println!("this system doesn't tell");
            return;
        }
        let (number, started) = channel();
        let (end, over) = channel::<()>();
        let waiter = thread::spawn(move || {
            number.send(id()).unwrap();
            let _ = over.recv();
        });
        let thread = started.recv().unwrap();
        while activity(thread).unwrap().is_waiting != Some(true) {
            thread::yield_now();
        }
        // Not every kernel tells where.
        if let Ok(Some(call)) = system_call(thread) {
            assert!(call.is_lock() && call.to_string() == "futex", "{call}");
        }
        drop(end);
        waiter.join().unwrap();
    }

    #[test]
    fn a_thread_that_is_gone_is_an_error() {
        let gone = thread::spawn(id);
        while !gone.is_finished() {
            thread::yield_now();
        }
        let number = gone.join().unwrap();
        // Its number may be another thread's by now, but hardly each time.
        assert!((0..100).any(|_| activity(number).is_err()));
    }

    #[test]
    fn unknown_calls_have_numbers() {
        assert_eq!(SystemCall { number: 99_999 }.to_string(), "system call 99999");
        assert!(!SystemCall { number: 99_999 }.is_sleep());
    }
}
