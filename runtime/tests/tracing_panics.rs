//! A subscriber that panics doesn't end a wait: what was lent to others until it ends stays lent.

use std::{
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread::sleep,
    time::Duration,
};
use tracing::{Id, Subscriber, info_span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

static PANICS: AtomicBool = AtomicBool::new(false);

/// Panics when a span is left, once it is to.
struct Grenade;

impl<S: Subscriber> Layer<S> for Grenade {
    fn on_exit(&self, _: &Id, _: Context<'_, S>) {
        assert!(!PANICS.swap(false, SeqCst), "a subscriber");
    }
}

#[test]
fn what_blocking_work_borrows_is_waited_for() {
    let subscriber = tracing_subscriber::registry().with(Grenade);
    tracing::subscriber::set_global_default(subscriber).expect("there is no other");
    fibra::Builder::new().workers(1).run(|| {
        let span = info_span!("waits");
        let _entered = span.enter();
        let mut lent = [0_u8; 4096];
        PANICS.store(true, SeqCst);
        fibra::unblock(|| {
            sleep(Duration::from_millis(20));
            lent.fill(1);
        });
        assert!(!PANICS.load(SeqCst), "the span was left while it waited");
        assert_eq!(lent, [1; 4096]);
    });
}
