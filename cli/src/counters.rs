//! What the server has done so far, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use hyper::StatusCode;

use crate::patience::Late;

/// Numbers that only grow, or wrap after some centuries.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections that were accepted.
    pub accepted: Counter,
    /// How often accepting paused because the connections were as many as may be.
    pub paused_at_limit: Counter,
    /// How often it paused because the system refused.
    pub paused_by_system: Counter,
    /// TLS handshakes that failed.
    pub handshakes_failed: Counter,
    /// Connections that ended because HTTP was not spoken on them.
    pub malformed: Counter,
    /// Connections given up because a request took too long to come.
    pub late_heads: Counter,
    /// Connections given up because nothing of a response was taken.
    pub late_responses: Counter,
    /// Requests by the class of the response's status, from 1xx to 5xx.
    pub requests: [Counter; 5],
    /// Bytes of bodies that were handed to connections.
    pub bytes_sent: Counter,
}

/// One number.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counters {
    /// A request has its response.
    pub fn answered(&self, status: StatusCode) {
        // Every status that this server sends has one of these classes.
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(counter) = self.requests.get(class) {
            counter.add(1);
        }
    }

    /// A connection is given up.
    pub fn given_up(&self, late: Late) {
        match late {
            Late::Head => self.late_heads.add(1),
            Late::Response => self.late_responses.add(1),
            // All was said by then.
            Late::Closing => (),
        }
    }
}

impl Counter {
    /// Counts.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The number so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
