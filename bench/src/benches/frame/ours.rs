//! fibra's frames: one in a slot, and chains of them in an arena.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use fibra::frame::{self, Arena, Frame, Resumed, Slot, suspend};

use super::Plan;
use crate::bench::{Case, Measurement, Subject};

/// fibra's ways of placing futures.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("fibra Frame", "fibra", one_frame).only(|case| case.get("depth") == 1),
    Subject::new("fibra Arena", "fibra", chain),
];

async fn innermost(suspensions: usize) -> usize {
    for _ in 0..suspensions {
        suspend().await;
    }
    1
}

async fn descend(arena: Arena<'_>, plan: Plan) -> usize {
    if plan.depth == 1 {
        return innermost(plan.resumptions).await;
    }
    let callee = descend(arena, Plan { depth: plan.depth - 1, ..plan });
    1 + arena.call(callee).expect("there is room for all").await
}

fn one_frame(case: &Case) -> Vec<Measurement> {
    let mut slot = pin!(Slot::<64>::new());
    Plan::new(case).measure(|plan| {
        let frame =
            Frame::new_in(slot.as_mut(), innermost(plan.resumptions)).expect("the slot is large enough");
        while frame.resume().expect("it has not ended") == Resumed::Suspended {}
        frame.take().expect("it has ended")
    })
}

fn chain(case: &Case) -> Vec<Measurement> {
    let plan = Plan::new(case);
    let size = Arena::size_for(plan.depth, &|arena| descend(arena, plan));
    frame::scope(&mut Box::new_uninit_slice(size), |memory| {
        let arena = Arena::new_in(memory).expect("it is made for this");
        let mut context = Context::from_waker(Waker::noop());
        plan.measure(|plan| {
            let mut call = arena.call(descend(arena, plan)).expect("there is room for all");
            loop {
                if let Poll::Ready(depth) = Pin::new(&mut call).poll(&mut context) {
                    return depth;
                }
            }
        })
    })
}
