//! `GET /_fibra/metrics`: the runtime's numbers and the server's, for a monitor or a person. The text has the runtime's for
//! each worker, with histograms; JSON has their sums.
//!
//! The path shadows whatever the directory may have there. As text for Prometheus, unless the request prefers JSON; and
//! for this machine only, unless the command line says otherwise. A proxy on this machine makes everybody's requests
//! requests of this machine, and has to keep the path to itself.

mod families;

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};

use self::families::{Family, Value, families};
use crate::answer::Answer;
use crate::body::Content;
use crate::connections::Connections;
use crate::counters::Counters;
use crate::quality::{self, Quality};

/// Where they are.
pub const PATH: &str = "/_fibra/metrics";

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON: &str = "application/json";

/// What they are taken from.
pub struct Metrics {
    /// The server's own.
    pub counters: Arc<Counters>,
    /// For how many are open.
    pub connections: Connections,
    /// Whether other machines may see them.
    pub for_all: bool,
}

impl Metrics {
    /// Answers a request of `peer` for them.
    pub fn answer(&self, request: &HeaderMap, peer: SocketAddr) -> Answer {
        if !self.for_all && !peer.ip().to_canonical().is_loopback() {
            return Answer::error(StatusCode::FORBIDDEN, "The metrics are for the machine itself.");
        }
        let (runtime, server) =
            (fibra::metrics::snapshot(), families(&self.counters, self.connections.open()));
        let (media_type, text) = if prefers_json(request) {
            (JSON, json(runtime.totals(), &server))
        } else {
            (TEXT, format!("{}{}", runtime.prometheus(), prometheus(&server)))
        };
        Answer::new(StatusCode::OK, Content::Page(text.into()))
            .with(header::CONTENT_TYPE, media_type)
            .with(header::VARY, "Accept")
            .with(header::CACHE_CONTROL, "no-store")
    }
}

/// Whether JSON is wanted more than text. Who wants anything gets text.
fn prefers_json(request: &HeaderMap) -> bool {
    let lines = request.get_all(header::ACCEPT).iter();
    let elements: Vec<_> =
        lines.filter_map(|line| HeaderValue::to_str(line).ok()).flat_map(quality::elements).collect();
    // The more specific range decides (RFC 9110, section 12.5.1).
    let weight = |ranges: [&str; 3]| {
        ranges
            .iter()
            .find_map(|range| elements.iter().find(|(name, _)| name.eq_ignore_ascii_case(range)))
            .map_or(Quality::ZERO, |(_, quality)| *quality)
    };
    weight([JSON, "application/*", "*/*"]) > weight(["text/plain", "text/*", "*/*"])
}

/// The text format of Prometheus.
fn prometheus(families: &[Family]) -> String {
    let mut text = String::new();
    for Family { name, help, kind, value } in families {
        let mut line = |line: std::fmt::Arguments<'_>| writeln!(text, "{line}").expect("a String takes all");
        line(format_args!("# HELP {name} {help}"));
        line(format_args!("# TYPE {name} {kind}"));
        match value {
            Value::One(number) => line(format_args!("{name} {number}")),
            Value::By(label, numbers) => {
                for (of, number) in numbers {
                    line(format_args!("{name}{{{label}=\"{of}\"}} {number}"));
                }
            }
        }
    }
    text
}

/// One object, of plain numbers and of families; what is told apart by a label is an object of its own. Names and labels have nothing to escape.
fn json(numbers: impl Iterator<Item = (&'static str, u64)>, families: &[Family]) -> String {
    let pair = |name: &str, value: &dyn std::fmt::Display| format!("\"{name}\":{value}");
    let object = |pairs: Vec<String>| format!("{{{}}}", pairs.join(","));
    let families = families.iter().map(|Family { name, value, .. }| match value {
        Value::One(number) => pair(name, number),
        Value::By(_, numbers) => {
            pair(name, &object(numbers.iter().map(|(of, number)| pair(of, number)).collect()))
        }
    });
    object(numbers.map(|(name, number)| pair(name, &number)).chain(families).collect()) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(accept: &[&str]) -> HeaderMap {
        accept.iter().map(|line| (header::ACCEPT, HeaderValue::from_str(line).unwrap())).collect()
    }

    #[test]
    fn other_machines_are_refused_unless_all_may_see_them() {
        for (peer, for_all, status) in [
            ("127.0.0.1:1", false, StatusCode::OK),
            ("127.1.2.3:1", false, StatusCode::OK),
            ("[::1]:1", false, StatusCode::OK),
            ("[::ffff:127.0.0.1]:1", false, StatusCode::OK),
            ("192.0.2.1:1", false, StatusCode::FORBIDDEN),
            ("[::ffff:192.0.2.1]:1", false, StatusCode::FORBIDDEN),
            ("[2001:db8::1]:1", false, StatusCode::FORBIDDEN),
            ("192.0.2.1:1", true, StatusCode::OK),
        ] {
            let (counters, connections) = (Arc::default(), Connections::default());
            let metrics = Metrics { counters, connections, for_all };
            let answer = metrics.answer(&HeaderMap::new(), peer.parse().unwrap());
            assert_eq!(answer.status, status, "{peer} {for_all}");
        }
    }

    #[test]
    fn json_is_for_those_who_prefer_it() {
        for accept in [
            &["application/json"][..],
            &["application/json, text/plain;q=0.9"],
            &["APPLICATION/*"],
            &["text/html, application/json", "*/*;q=0.1"],
            &["text/plain;q=0.1, */*"],
        ] {
            assert!(prefers_json(&headers(accept)), "{accept:?}");
        }
        for accept in [
            &[][..],
            &["*/*"],
            &["text/plain"],
            &["text/html"],
            &["application/json;q=0.4, text/*;q=0.5"],
            &["application/json;q=0, */*"],
            &["application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"],
        ] {
            assert!(!prefers_json(&headers(accept)), "{accept:?}");
        }
    }

    #[test]
    fn both_forms_say_the_same() {
        let families = [
            Family::gauge("open", "How many are open", 3),
            Family::counter("ended_total", "How many have ended", 7)
                .by("how", vec![("well", 5), ("badly", 2)]),
        ];
        assert_eq!(
            prometheus(&families),
            "# HELP open How many are open\n# TYPE open gauge\nopen 3\n# HELP ended_total How many have ended\n\
             # TYPE ended_total counter\nended_total{how=\"well\"} 5\nended_total{how=\"badly\"} 2\n"
        );
        assert_eq!(
            json(std::iter::empty(), &families),
            "{\"open\":3,\"ended_total\":{\"well\":5,\"badly\":2}}\n"
        );
    }
}
