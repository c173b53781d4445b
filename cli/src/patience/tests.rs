//! Which moments count in which phase. The moments themselves are compared, so no test waits.

use super::*;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

const LIMITS: Limits =
    Limits { head: Duration::from_secs(10), idle: Duration::from_secs(60), write: Duration::from_secs(30) };

/// Seconds from now until the connection is late, and until it is idle.
fn moments(patience: &Patience) -> (Option<u64>, Option<u64>) {
    let state = patience.state();
    // Rounded up: the moments were set a little while ago.
    let seconds = |moment: Instant| {
        let left = moment.saturating_duration_since(Instant::now()).as_secs_f64();
        left.ceil() as u64
    };
    (state.late_at(LIMITS.write).map(seconds), state.idle_until().map(seconds))
}

#[test]
fn a_head_has_a_limit_that_no_byte_extends() {
    let patience = Patience::new(LIMITS);
    assert_eq!(moments(&patience), (Some(10), None));
    patience.received();
    let Phase::Head { until } = patience.state().phase else { panic!("bytes have come") };
    patience.received();
    patience.written(100);
    assert_eq!(patience.state().phase, Phase::Head { until });
    assert_eq!(patience.state().reason(), Late::Head);
}

#[test]
fn a_request_that_is_looked_up_has_all_the_time() {
    let patience = Patience::new(LIMITS);
    patience.received();
    let exchange = patience.request(false);
    assert_eq!(moments(&patience), (None, None));
    drop(exchange);
    assert_eq!(moments(&patience), (None, Some(60)));
}

#[test]
fn a_response_has_to_be_taken() {
    let patience = Patience::new(LIMITS);
    let mut exchange = patience.request(false);
    exchange.answered();
    assert_eq!(moments(&patience), (Some(30), None));
    assert_eq!(patience.state().reason(), Late::Response);
    let since = patience.state().since;
    patience.written(PROGRESS - 1);
    assert_eq!(patience.state().since, since);
    std::thread::sleep(Duration::from_millis(1));
    patience.written(1);
    assert!(patience.state().since > since);
    // Nobody is late while the server is slow, but more requests give the first one no more time.
    let since = patience.state().since;
    let mut other = patience.request(false);
    assert_eq!(moments(&patience), (None, None));
    other.answered();
    assert_eq!(patience.state().since, since);
    drop(other);
    assert_eq!(moments(&patience).0, Some(30));
    drop(exchange);
    assert_eq!(moments(&patience), (None, Some(60)));
}

#[test]
fn what_is_still_being_sent_is_not_idle() {
    let patience = Patience::new(LIMITS);
    drop(patience.request(false));
    let Phase::Idle { until } = patience.state().phase else { panic!("it is idle") };
    std::thread::sleep(Duration::from_millis(1));
    patience.written(1);
    let Phase::Idle { until: later } = patience.state().phase else { panic!("it is idle") };
    assert!(later > until);
}

#[test]
fn http2_has_no_heads() {
    let patience = Patience::new(LIMITS);
    patience.received();
    patience.speaks_http2();
    patience.received();
    assert_eq!(moments(&patience), (None, Some(60)));
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn the_end_of_a_request_in_another_task_wakes_the_connection() {
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let patience = Patience::new(LIMITS);
    patience.speaks_http2();
    let (mut first, second) = (patience.request(false), patience.request(false));
    first.answered();
    let mut idle = pin!(patience.idle());
    assert!(idle.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(first);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
    drop(second);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
}

#[test]
fn only_who_is_speaking_is_listened_to_at_the_end() {
    let patience = Patience::new(LIMITS);
    assert!(!patience.begin_to_close());
    assert_eq!((moments(&patience), patience.state().reason()), ((Some(30), None), Late::Closing));
    let patience = Patience::new(LIMITS);
    patience.received();
    assert!(patience.begin_to_close());
    let patience = Patience::new(LIMITS);
    drop(patience.request(false));
    assert!(!patience.begin_to_close());
    drop(patience.request(true));
    assert!(patience.begin_to_close());
    let patience = Patience::new(LIMITS);
    patience.speaks_http2();
    assert!(patience.begin_to_close());
    drop(patience.request(false));
    assert_eq!(moments(&patience), (Some(5), None), "no request opens it again");
}

#[test]
fn a_watch_follows_its_moment() {
    let limits = Limits { head: Duration::from_millis(20), ..LIMITS };
    let patience = Patience::new(limits);
    assert_eq!(fibra::wait(patience.late()), Late::Head);
    let limits = Limits { idle: Duration::from_millis(20), ..LIMITS };
    let patience = Patience::new(limits);
    patience.speaks_http2();
    let idle = patience.idle();
    patience.written(1);
    fibra::wait(idle);
    assert_eq!(patience.state().reason(), Late::Closing);
}
