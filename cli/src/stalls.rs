//! Workers that are stuck, told on standard error.
//!
//! A request that holds a worker up delays all others there, and nobody would know why the server is slow now and then. So
//! each stall is a line: who is stuck, where, and what waits meanwhile. It is written when the stall is found, since it may
//! have no end. A defect that shows in every request must not fill a disk: in each minute there are a few lines, and the
//! first one of the next minute says how many there could have been. The metrics count all of them.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fibra::stall::{Place, Stall};

/// The time for which lines are rationed.
const MINUTE: Duration = Duration::from_secs(60);
/// The most lines in that time.
const RATION: u32 = 10;

/// Has `print` told of the stalls of a runtime that `builder` builds.
pub fn tell(builder: fibra::Builder, print: impl Fn(&str) + Send + Sync + 'static) -> fibra::Builder {
    let ration = Mutex::new(Ration::default());
    builder.on_stall(move |stall| {
        if stall.is_over() {
            return;
        }
        let admitted = ration.lock().unwrap_or_else(PoisonError::into_inner).admit(Instant::now());
        // Outside the lock: names are looked up for a while, and standard error may take nothing.
        if let Some(left_out) = admitted {
            print(&line(stall, left_out));
        }
    })
}

/// All that is known of the stall, which is several lines elsewhere.
fn line(stall: &Stall, left_out: u64) -> String {
    let (text, places) = (stall.to_string(), stall.places());
    let mut lines = text.lines();
    let mut line = lines.next().unwrap_or_default().to_owned();
    for (index, place) in places.iter().enumerate() {
        line += if index == 0 { "; at " } else { ", from " };
        line += &shortened(place);
    }
    for rest in lines.skip(places.len()) {
        line += "; ";
        line += rest.trim();
    }
    if left_out > 0 {
        line += &format!(" (after {left_out} that were only counted)");
    }
    line
}

/// The place without its file's folders: they are many characters for each of many callers, and the function tells them.
fn shortened(place: &Place) -> String {
    let file = place.file().and_then(Path::file_name).map(|name| name.to_string_lossy());
    match (place.function(), file, place.line()) {
        (Some(function), Some(file), Some(line)) => format!("{function} ({file}:{line})"),
        (Some(function), ..) => function.to_owned(),
        (None, ..) => place.to_string(),
    }
}

/// How many lines may still be printed.
#[derive(Default)]
struct Ration {
    /// When the minute began, and its lines so far.
    minute: Option<(Instant, u32)>,
    left_out: u64,
}

impl Ration {
    /// Whether one more line may be printed: then, how many were not since the last one.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        let (begin, lines) = self
            .minute
            .filter(|&(begin, _)| now.saturating_duration_since(begin) < MINUTE)
            .unwrap_or((now, 0));
        if lines == RATION {
            self.left_out += 1;
            return None;
        }
        self.minute = Some((begin, lines + 1));
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::backtrace::Backtrace;
    use std::sync::mpsc::channel;

    /// How many are admitted of this many that come at once.
    fn admitted(ration: &mut Ration, stalls: u32, now: Instant) -> usize {
        (0..stalls).filter_map(|_| ration.admit(now)).count()
    }

    #[test]
    fn a_minute_has_its_ration_and_the_next_one_says_what_was_left_out() {
        let (mut ration, begin) = (Ration::default(), Instant::now());
        assert_eq!(ration.admit(begin), Some(0));
        assert_eq!(admitted(&mut ration, RATION + 6, begin + MINUTE / 2), RATION as usize - 1);
        // Seven were left out, and one more at the minute's end.
        assert_eq!(ration.admit(begin + MINUTE - Duration::from_nanos(1)), None);
        assert_eq!(ration.admit(begin + MINUTE), Some(8));
        assert_eq!(ration.admit(begin + MINUTE), Some(0));
        assert_eq!(admitted(&mut ration, 100, begin + MINUTE), RATION as usize - 2);
    }

    #[test]
    fn a_stall_is_one_line_with_all_that_is_known() {
        let (sender, lines) = channel();
        let builder = tell(fibra::Builder::new(), move |line| drop(sender.send(line.to_owned())));
        let line = builder.run(move || {
            let block = move || loop {
                std::thread::sleep(Duration::from_millis(100));
                // Others may be found on a machine that is busy enough.
                if let Some(line) = lines.try_iter().find(|line| line.contains("'mapper'")) {
                    break line;
                }
            };
            fibra::thread::Builder::new().name("mapper".to_owned()).spawn(block).unwrap().join().unwrap()
        });
        assert!(line.contains(" is stuck in green thread 'mapper', for "), "{line}");
        assert!(line.contains("; at ") && line.contains(", from "), "{line}");
        // It may have been compiled without lines.
        let has_lines = Backtrace::force_capture().to_string().contains("stalls.rs:");
        assert!(line.contains("(stalls.rs:") || !has_lines, "{line}");
        assert!(!line.contains(['\n', '/']) && !line.contains("  "), "{line}");
    }
}
