//! Waiting for whichever of two futures completes first.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Which one came first.
#[derive(Debug, PartialEq, Eq)]
pub enum First<A, B> {
    /// The one that was asked first.
    Left(A),
    /// The other.
    Right(B),
}

/// Completes with the first of the two; `left` wins if both are ready. The other is dropped.
pub async fn first<A: Future, B: Future>(left: A, right: B) -> First<A::Output, B::Output> {
    let (mut left, mut right) = (pin!(left), pin!(right));
    poll_fn(|cx| {
        if let Poll::Ready(output) = left.as_mut().poll(cx) {
            return Poll::Ready(First::Left(output));
        }
        right.as_mut().poll(cx).map(First::Right)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use std::task::{Context, Waker};

    fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_first_to_be_ready_wins_and_the_left_one_a_tie() {
        assert_eq!(poll_once(first(ready(1), pending::<()>())), Poll::Ready(First::Left(1)));
        assert_eq!(poll_once(first(pending::<()>(), ready(2))), Poll::Ready(First::Right(2)));
        assert_eq!(poll_once(first(ready(1), ready(2))), Poll::Ready(First::Left(1)));
        assert_eq!(poll_once(first(pending::<()>(), pending::<()>())), Poll::Pending);
    }
}
