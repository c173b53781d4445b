//! The access log: one line on standard output for each request.
//!
//! Standard output may be a slow terminal or a pipe that nobody reads, so no worker ever writes to it: lines go into a
//! buffer, and a thread of its own writes what has come together. The buffer is bounded; when it is full, lines are
//! dropped and counted, and the count is written instead.

use std::fmt::Write as _;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::timestamp;

/// How long lines gather before they are written: one write for thousands of requests, and nobody sees the delay.
const GATHER: Duration = Duration::from_millis(20);
/// Bytes that may wait to be written.
const BUFFER: usize = 1 << 20;
/// How long the end of the process waits for an output that takes nothing: a full pipe must not keep it alive.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// Where the lines go. Cheap to clone.
#[derive(Clone, Default)]
pub struct Log(Option<Arc<Shared>>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: String,
    dropped: u64,
    closing: bool,
    closed: bool,
}

/// Whoever holds this keeps the log open; dropping it writes what is left.
#[must_use = "the log is written for as long as its writer exists"]
pub struct Writer(Arc<Shared>);

impl Log {
    /// A log that keeps nothing.
    pub fn quiet() -> Log {
        Log(None)
    }

    /// A log to `out`, and the thread that writes it.
    ///
    /// # Errors
    ///
    /// The thread can't be started.
    pub fn to(out: impl Write + Send + 'static) -> std::io::Result<(Log, Writer)> {
        let shared = Arc::new(Shared::default());
        let state = Arc::clone(&shared);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || state.write_to(out))?;
        Ok((Log(Some(Arc::clone(&shared))), Writer(shared)))
    }

    /// Begins the record of a request; the line is written when the record is dropped.
    pub fn request(&self, peer: SocketAddr, method: &str, target: &str) -> Record {
        let line = self.0.as_ref().map(|_| {
            // Escaped: what a client sends must not reach a terminal as it is.
            format!("{} {peer} {method} {}", now(), target.as_bytes().escape_ascii())
        });
        Record { log: self.clone(), line, status: None, bytes: 0, complete: true, begun: Instant::now() }
    }
}

impl Log {
    /// Writes a line about something that isn't a request.
    pub fn note(&self, peer: SocketAddr, text: &str) {
        if let Some(shared) = &self.0 {
            shared.push(&format!("{} {peer} {}\n", now(), text.escape_debug()));
        }
    }
}

fn now() -> String {
    // Empty on a machine whose clock is outside the years that can be written.
    timestamp::rfc3339(SystemTime::now()).unwrap_or_default()
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &str) {
        let mut state = self.state();
        if state.lines.len() + line.len() > BUFFER {
            state.dropped += 1;
            return;
        }
        let was_empty = state.lines.is_empty();
        state.lines.push_str(line);
        drop(state);
        if was_empty {
            self.changed.notify_all();
        }
    }

    fn write_to(&self, mut out: impl Write) {
        while let Some(lines) = self.gather() {
            if let Err(error) = out.write_all(lines.as_bytes()).and_then(|()| out.flush()) {
                eprintln!("fibra: the access log ends here: {error}");
                break;
            }
        }
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Waits for lines and a little longer; `None` once the log is closed and written.
    fn gather(&self) -> Option<String> {
        let idle = |state: &mut State| state.lines.is_empty() && !state.closing;
        let state = self.changed.wait_while(self.state(), idle).unwrap_or_else(PoisonError::into_inner);
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, GATHER, |state| !state.closing)
            .unwrap_or_else(PoisonError::into_inner);
        let mut lines = std::mem::take(&mut state.lines);
        let dropped = std::mem::take(&mut state.dropped);
        drop(state);
        if dropped > 0 {
            // Writing to a String can't fail.
            let _ = writeln!(lines, "({dropped} lines dropped: the log is not read fast enough)");
        }
        (!lines.is_empty()).then_some(lines)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.closing = true;
        self.0.changed.notify_all();
        // Whether the last lines were taken or not, this is the end.
        drop(self.0.changed.wait_timeout_while(state, LAST_WRITE, |state| !state.closed));
    }
}

/// One request, from its first byte of answer to its last.
pub struct Record {
    log: Log,
    /// The line's beginning; `None` in a quiet log.
    line: Option<String>,
    status: Option<u16>,
    bytes: u64,
    complete: bool,
    begun: Instant,
}

impl Record {
    /// The status that the client is sent.
    pub fn status(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// More bytes of the body were handed over.
    pub fn sent(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Whether the body has been handed over wholly: a response that is dropped before that was cut off.
    pub fn complete(&mut self, complete: bool) {
        self.complete = complete;
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let (Some(mut line), Some(shared)) = (self.line.take(), &self.log.0) else { return };
        let end = if self.complete { "" } else { " cut off" };
        let duration = self.begun.elapsed().as_secs_f64() * 1e3;
        let status = self.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        // Writing to a String can't fail.
        let _ = writeln!(line, " {status} {} {duration:.1}ms{end}", self.bytes);
        shared.push(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// An output that waits for permission before each write.
    struct Gate(mpsc::Receiver<()>, Arc<Mutex<Vec<u8>>>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            // A closed gate is an open one: the sender is gone.
            let _ = self.0.recv();
            self.1.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn gated() -> (Log, Writer, mpsc::Sender<()>, Arc<Mutex<Vec<u8>>>) {
        let (permit, gate) = mpsc::channel();
        let written = Arc::new(Mutex::new(Vec::new()));
        let (log, writer) = Log::to(Gate(gate, Arc::clone(&written))).unwrap();
        (log, writer, permit, written)
    }

    fn text(written: &Mutex<Vec<u8>>) -> String {
        String::from_utf8(written.lock().unwrap().clone()).unwrap()
    }

    fn peer() -> SocketAddr {
        "127.0.0.1:4321".parse().unwrap()
    }

    #[test]
    fn a_request_is_one_line_and_the_end_writes_it() {
        let (log, writer, permit, written) = gated();
        let mut record = log.request(peer(), "GET", "/a?b");
        record.status(206);
        record.sent(3);
        record.sent(4);
        drop(record);
        drop(permit);
        drop(writer);
        let text = text(&written);
        assert!(text.contains("Z 127.0.0.1:4321 GET /a?b 206 7 ") && text.ends_with("ms\n"), "{text}");
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let (log, writer, permit, written) = gated();
        drop(log.request(peer(), "GET", "/\u{1b}[2J\n\u{202e}"));
        drop(permit);
        drop(writer);
        assert!(text(&written).contains(r"/\x1b[2J\n\xe2\x80\xae"), "{}", text(&written));
    }

    #[test]
    fn a_response_that_is_cut_off_says_so() {
        let (log, writer, permit, written) = gated();
        log.request(peer(), "GET", "/").complete(false);
        drop(permit);
        drop(writer);
        assert!(text(&written).ends_with(" cut off\n"));
    }

    #[test]
    fn a_log_that_nobody_reads_drops_lines_and_counts_them() {
        let (log, writer, permit, written) = gated();
        let target = "x".repeat(1000);
        for _ in 0..3000 {
            drop(log.request(peer(), "GET", &target));
        }
        drop(permit);
        drop(writer);
        let text = text(&written);
        let dropped: usize = text
            .lines()
            .filter_map(|line| line.strip_prefix('(')?.split(' ').next()?.parse::<usize>().ok())
            .sum();
        assert!(dropped > 0);
        assert_eq!(text.lines().filter(|line| line.contains(" GET ")).count() + dropped, 3000);
    }

    #[test]
    fn an_output_that_takes_nothing_does_not_keep_the_process() {
        let (log, writer, _permit, written) = gated();
        drop(log.request(peer(), "GET", "/"));
        drop(writer);
        assert_eq!(text(&written), "");
    }

    #[test]
    fn a_quiet_log_keeps_nothing() {
        assert!(Log::quiet().request(peer(), "GET", "/").line.is_none());
    }
}
