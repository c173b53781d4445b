//! Which number of the server has which name.

use std::fmt::{self, Display, Formatter};

use crate::counters::Counters;

/// One metric, with a number or several.
pub struct Family {
    /// As Prometheus wants names: with the unit, and `_total` at the end of what only grows.
    pub name: &'static str,
    /// One line about it.
    pub help: &'static str,
    /// Whether it only grows.
    pub kind: Kind,
    /// The number.
    pub value: Value,
}

/// What may be computed from it.
pub enum Kind {
    /// It only grows.
    Counter,
    /// It comes and goes.
    Gauge,
}

/// A number, or one for each value of a label.
pub enum Value {
    /// One.
    One(u64),
    /// The label, and the numbers by its values.
    By(&'static str, Vec<(&'static str, u64)>),
}

/// All that the server has to tell.
pub fn families(server: &Counters, open: usize) -> Vec<Family> {
    let [informed, succeeded, redirected, refused, failed] =
        server.requests.each_ref().map(|class| class.get());
    let requests =
        vec![("1xx", informed), ("2xx", succeeded), ("3xx", redirected), ("4xx", refused), ("5xx", failed)];
    let pauses = vec![("limit", server.paused_at_limit.get()), ("system", server.paused_by_system.get())];
    let given_up = vec![
        ("handshake", server.handshakes_failed.get()),
        ("malformed", server.malformed.get()),
        ("slow_request", server.late_heads.get()),
        ("slow_reader", server.late_responses.get()),
    ];
    let counter = Family::counter;
    vec![
        Family::gauge("fibra_http_connections_open", "Connections that are open", open as u64),
        counter("fibra_http_connections_accepted_total", "Connections accepted", server.accepted.get()),
        counter("fibra_http_accept_pauses_total", "Times that further connections had to wait", 0)
            .by("reason", pauses),
        counter("fibra_http_connections_given_up_total", "Connections ended for what the client did", 0)
            .by("reason", given_up),
        counter("fibra_http_requests_total", "Requests answered, by the class of the status", 0)
            .by("status", requests),
        counter(
            "fibra_http_sent_bytes_total",
            "Bytes of bodies handed to connections",
            server.bytes_sent.get(),
        ),
    ]
}

impl Family {
    /// Something that only grows.
    pub fn counter(name: &'static str, help: &'static str, number: u64) -> Family {
        Family { name, help, kind: Kind::Counter, value: Value::One(number) }
    }

    /// Something that comes and goes.
    pub fn gauge(name: &'static str, help: &'static str, number: u64) -> Family {
        Family { name, help, kind: Kind::Gauge, value: Value::One(number) }
    }

    /// The same with a number for each of these values of `label`.
    pub fn by(self, label: &'static str, numbers: Vec<(&'static str, u64)>) -> Family {
        Family { value: Value::By(label, numbers), ..self }
    }
}

impl Display for Kind {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        })
    }
}
