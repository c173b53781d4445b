//! Futures in boxes, as one has them without an arena.

use std::future::Future;
use std::task::{Context, Poll, Waker};

use fibra::frame::suspend;

use super::Plan;
use crate::bench::{Case, Measurement, Subject};

/// The language's own way.
pub const SUBJECTS: &[Subject] = &[Subject::new("boxed future", "std", chain)];

async fn descend(plan: Plan) -> usize {
    if plan.depth > 1 {
        return 1 + Box::pin(descend(Plan { depth: plan.depth - 1, ..plan })).await;
    }
    for _ in 0..plan.resumptions {
        suspend().await;
    }
    1
}

fn chain(case: &Case) -> Vec<Measurement> {
    let mut context = Context::from_waker(Waker::noop());
    Plan::new(case).measure(|plan| {
        let mut call = Box::pin(descend(plan));
        loop {
            if let Poll::Ready(depth) = call.as_mut().poll(&mut context) {
                return depth;
            }
        }
    })
}
