//! What the sample and its generator tell each other: a line of JSON each.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Answer, Load, Opened, Outcome};
use crate::memory::Footprint;

/// The word that lets a generator go on when its connections are open.
pub const GO: &str = "go";

/// The plan.
pub fn from_load(load: &Load) -> Value {
    let answer = match &load.answer {
        Answer::Echo => Value::Null,
        Answer::Fixed { length, begins } => json!({ "length": length, "begins": begins }),
    };
    json!({
        "address": load.address.to_string(),
        "servers": load.servers,
        "core": load.core,
        "active": load.active,
        "idle": load.idle,
        "request": load.request,
        "answer": answer,
        "warm_up": nanoseconds(load.warm_up),
        "window": nanoseconds(load.window),
    })
}

/// The plan, read back.
pub fn to_load(line: &str) -> io::Result<Load> {
    let fields = Fields::parse(line)?;
    let answer = match &fields.0["answer"] {
        Value::Null => Answer::Echo,
        fixed => {
            let fixed = Fields(fixed.clone());
            Answer::Fixed { length: fixed.count("length")?, begins: fixed.text("begins")?.to_owned() }
        }
    };
    let servers = fields.0["servers"].as_array().ok_or_else(|| fields.without("servers"))?;
    let server = |id: &Value| id.as_u64().and_then(|id| u32::try_from(id).ok());
    Ok(Load {
        address: fields.text("address")?.parse().map_err(io::Error::other)?,
        servers: servers
            .iter()
            .map(server)
            .collect::<Option<_>>()
            .ok_or_else(|| fields.without("servers"))?,
        core: fields.count("core")?,
        active: fields.count("active")?,
        idle: fields.count("idle")?,
        request: fields.text("request")?.to_owned(),
        answer,
        warm_up: fields.time("warm_up")?,
        window: fields.time("window")?,
    })
}

/// What opening the connections did.
pub fn from_opened(opened: &Opened) -> Value {
    let bytes = |footprint: Footprint| json!([footprint.resident, footprint.page_tables]);
    json!({ "before": bytes(opened.before), "after": bytes(opened.after) })
}

/// What opening the connections did, read back.
pub fn to_opened(line: &str) -> io::Result<Opened> {
    let fields = Fields::parse(line)?;
    let footprint = |name: &str| {
        let bytes = |index: usize| fields.0[name][index].as_u64().ok_or_else(|| fields.without(name));
        io::Result::Ok(Footprint { resident: bytes(0)?, page_tables: bytes(1)? })
    };
    Ok(Opened { before: footprint("before")?, after: footprint("after")? })
}

/// What was counted.
pub fn from_outcome(outcome: &Outcome) -> Value {
    json!({
        "requests": outcome.requests,
        "requests_in_all": outcome.requests_in_all,
        "bytes_checked": outcome.bytes_checked,
        "window": nanoseconds(outcome.window),
        "server_cpu": nanoseconds(outcome.server_cpu),
        "generator_cpu": nanoseconds(outcome.generator_cpu),
        "p50": nanoseconds(outcome.p50),
        "p99": nanoseconds(outcome.p99),
        "p99.9": nanoseconds(outcome.p99_9),
    })
}

/// What was counted, read back.
pub fn to_outcome(line: &str) -> io::Result<Outcome> {
    let fields = Fields::parse(line)?;
    Ok(Outcome {
        requests: fields.number("requests")?,
        requests_in_all: fields.number("requests_in_all")?,
        bytes_checked: fields.number("bytes_checked")?,
        window: fields.time("window")?,
        server_cpu: fields.time("server_cpu")?,
        generator_cpu: fields.time("generator_cpu")?,
        p50: fields.time("p50")?,
        p99: fields.time("p99")?,
        p99_9: fields.time("p99.9")?,
    })
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).expect("no run lasts for centuries")
}

/// An object whose fields are asked for by name and kind.
struct Fields(Value);

impl Fields {
    fn parse(line: &str) -> io::Result<Self> {
        Ok(Self(serde_json::from_str(line)?))
    }

    fn without(&self, name: &str) -> io::Error {
        io::Error::other(format!("`{}` has no right `{name}`", self.0))
    }

    fn number(&self, name: &str) -> io::Result<u64> {
        self.0[name].as_u64().ok_or_else(|| self.without(name))
    }

    fn count(&self, name: &str) -> io::Result<usize> {
        usize::try_from(self.number(name)?).map_err(|_| self.without(name))
    }

    fn time(&self, name: &str) -> io::Result<Duration> {
        self.number(name).map(Duration::from_nanos)
    }

    fn text(&self, name: &str) -> io::Result<&str> {
        self.0[name].as_str().ok_or_else(|| self.without(name))
    }
}
