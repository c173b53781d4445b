//! The spans of `tracing` that a body is in, across its waits.
//!
//! A subscriber keeps the spans that were entered in a list of the OS thread. A green thread that waits inside of a span would
//! leave it there for whoever runs next, and they would leave the list in another order. So a stack takes its spans
//! along: they are left before it rests, and entered again when it goes on. Without the feature `tracing` this is nothing.

#[cfg(feature = "tracing")]
pub(super) use with_tracing::Spans;

#[cfg(not(feature = "tracing"))]
pub(super) struct Spans;

#[cfg(not(feature = "tracing"))]
impl Spans {
    /// Leaves all spans.
    #[inline]
    pub(super) fn leave() -> Self {
        Self
    }

    /// Enters them again.
    #[inline]
    pub(super) fn enter_again(self) {}
}

#[cfg(feature = "tracing")]
mod with_tracing {
    use crate::task::join::contain;
    use tracing::{Id, dispatcher};

    /// Innermost first. The guards that are on the stack keep their spans alive.
    pub(in super::super) struct Spans(Vec<Id>);

    impl Spans {
        /// Leaves all spans.
        pub(in super::super) fn leave() -> Self {
            let mut left = Vec::new();
            // A subscriber is foreign code, and a wait doesn't end by its panic: what was lent to others is waited for here.
            contain(|| {
                dispatcher::get_default(|dispatch| {
                    while let Some((id, _)) = dispatch.current_span().into_inner() {
                        if left.last() == Some(&id) {
                            // It cannot be left by itself: then it is no matter of lists.
                            left.pop();
                            break;
                        }
                        dispatch.exit(&id);
                        left.push(id);
                    }
                });
            });
            Self(left)
        }

        /// Enters them again.
        pub(in super::super) fn enter_again(self) {
            if !self.0.is_empty() {
                contain(|| {
                    dispatcher::get_default(|dispatch| self.0.iter().rev().for_each(|id| dispatch.enter(id)));
                });
            }
        }
    }
}
