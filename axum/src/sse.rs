//! Server-sent events that keep their connection alive.
//!
//! [`axum::response::sse`] knows of no runtime but for one thing: the comments that are sent while there are no events, so that no
//! proxy takes the connection for dead. [`KeepAlive`] puts them among the events.

use axum::response::sse::Event;
use fibra::time::{Sleep, sleep};
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

pin_project! {
    /// A stream of events with a comment wherever there would have been none for too long.
    ///
    /// ```
    /// use axum::response::{Sse, sse::Event};
    /// use fibra_axum::sse::KeepAlive;
    /// use futures_util::stream::{self, StreamExt};
    /// use std::{convert::Infallible, time::Duration};
    ///
    /// let events = stream::pending::<Result<Event, Infallible>>();
    /// let mut events = KeepAlive::new(events).every(Duration::from_millis(1));
    /// assert!(fibra::wait(events.next()).is_some());
    /// let response = Sse::new(events);
    /// ```
    #[derive(Debug)]
    #[must_use = "streams do nothing unless they are polled"]
    pub struct KeepAlive<S> {
        #[pin]
        events: S,
        interval: Duration,
        comment: Event,
        // Started by the first poll that finds no event.
        silence: Option<Sleep>,
    }
}

/// Proxies that give idle connections a minute are the strictest that are in use.
const INTERVAL: Duration = Duration::from_secs(15);

impl<S> KeepAlive<S> {
    /// Sends an empty comment after 15 seconds of silence.
    pub fn new(events: S) -> Self {
        Self { events, interval: INTERVAL, comment: Event::default().comment(""), silence: None }
    }

    /// Sends it after another time.
    pub fn every(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sends this text.
    ///
    /// # Panics
    ///
    /// If it has more than one line.
    pub fn text(mut self, text: impl AsRef<str>) -> Self {
        self.comment = Event::default().comment(text);
        self
    }
}

impl<S, E> Stream for KeepAlive<S>
where
    S: Stream<Item = Result<Event, E>>,
{
    type Item = Result<Event, E>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        if let Poll::Ready(event) = this.events.poll_next(context) {
            // The silence begins anew when it is asked for the next one.
            *this.silence = None;
            return Poll::Ready(event);
        }
        let silence = this.silence.get_or_insert_with(|| sleep(*this.interval));
        ready!(Pin::new(&mut *silence).poll(context));
        *silence = sleep(*this.interval);
        Poll::Ready(Some(Ok(this.comment.clone())))
    }
}
