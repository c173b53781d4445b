//! Calls from elsewhere: JSON-RPC 2.0, a message a line, over any stream.
//!
//! ```text
//!   → {"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]}
//!   ← {"id":1,"jsonrpc":"2.0","result":3}
//! ```
//!
//! Requests, notifications and batches are as the specification has them. Arguments go by position; a function has no names for them.
//! The calls of a batch run beside each other.

use super::{CallError, Registry};
use crate::{
    future::{JoinError, JoinHandle},
    wait::wait,
};
use serde_json::{Value, json};
use std::io::{self, BufRead, Read, Write};

/// Bytes of the longest message.
const LONGEST: u64 = 1 << 20;

/// Lists what is registered; the specification keeps names with this prefix for such things.
const LIST: &str = "rpc.functions";

/// Why there is no result.
struct Failure {
    code: i32,
    message: String,
}

impl Failure {
    fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn no_json(error: &serde_json::Error) -> Self {
        Self::new(-32700, format!("this is no JSON: {error}"))
    }

    fn no_request(why: &str) -> Self {
        Self::new(-32600, why)
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let code = if matches!(error, CallError::Unknown(_)) { -32601 } else { -32602 };
        Self::new(code, error.to_string())
    }
}

impl From<JoinError> for Failure {
    fn from(error: JoinError) -> Self {
        Self::new(-32000, error.to_string())
    }
}

/// A request whose call has begun.
struct Begun {
    /// `None`: nobody waits for an answer.
    id: Option<Value>,
    outcome: Result<Outcome, Failure>,
}

enum Outcome {
    Known(Value),
    Running(JoinHandle<Value>),
}

impl Registry {
    /// Answers calls that come in on a stream, until it ends: JSON-RPC 2.0, a message a line, with arguments by position. Any function may
    /// be called that isn't [`typed`](super::typed) only, so let only those connect who may do that.
    ///
    /// Messages are answered in their order; the calls of a batch run beside each other. The method `rpc.functions` lists names and types.
    /// A function's panic is an error with the code −32000 and the panic's text.
    ///
    /// Works with streams of fibra in green threads, and with any others on OS threads.
    ///
    /// # Errors
    ///
    /// Those of the stream, and `InvalidData` for a message of more than a mebibyte.
    ///
    /// # Cancellation
    ///
    /// A cancellation point. A call that is under way then goes on.
    ///
    /// ```
    /// let registry = fibra::registry::Registry::new();
    /// registry.register("add", |a: i64, b: i64| a + b)?;
    /// let mut answers = Vec::new();
    /// registry.serve(&br#"{"jsonrpc":"2.0","id":1,"method":"add","params":[1,2]}"#[..], &mut answers)?;
    /// let answer: serde_json::Value = serde_json::from_slice(&answers)?;
    /// assert_eq!(answer, serde_json::json!({"jsonrpc": "2.0", "id": 1, "result": 3}));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn serve(&self, mut requests: impl BufRead, mut answers: impl Write) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            requests.by_ref().take(LONGEST + 1).read_until(b'\n', &mut line)?;
            if line.is_empty() {
                return Ok(());
            }
            if line.len() as u64 > LONGEST {
                let text = format!("a message of more than {LONGEST} bytes");
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            if let Some(answer) = self.answer(line.trim_ascii()) {
                // In one piece, as it would be a packet of its own otherwise.
                let mut text = answer.to_string();
                text.push('\n');
                answers.write_all(text.as_bytes())?;
                answers.flush()?;
            }
        }
    }

    /// The answer to a message, if it wants one.
    fn answer(&self, message: &[u8]) -> Option<Value> {
        if message.is_empty() {
            return None;
        }
        match serde_json::from_slice(message) {
            Err(error) => Some(refusal(&Failure::no_json(&error))),
            Ok(Value::Array(batch)) if batch.is_empty() => {
                Some(refusal(&Failure::no_request("a batch of no requests")))
            }
            Ok(Value::Array(batch)) => {
                let begun: Vec<_> = batch.into_iter().map(|request| self.begin(request)).collect();
                let answers: Vec<_> = begun.into_iter().filter_map(Begun::finish).collect();
                (!answers.is_empty()).then_some(Value::Array(answers))
            }
            Ok(request) => self.begin(request).finish(),
        }
    }

    fn begin(&self, mut request: Value) -> Begun {
        let is_request = request["jsonrpc"] == "2.0" && request["method"].is_string();
        let id = request.get_mut("id").map(Value::take);
        if !is_request || !id.as_ref().is_none_or(is_id) {
            let failure = Failure::no_request("no request of JSON-RPC 2.0");
            return Begun { id: Some(id.filter(is_id).unwrap_or(Value::Null)), outcome: Err(failure) };
        }
        let arguments = request.get_mut("params").map_or_else(|| json!([]), Value::take);
        let outcome = match request["method"].as_str() {
            Some(LIST) | None => Ok(Outcome::Known(self.list())),
            Some(name) => self.call_value(name, arguments).map(Outcome::Running).map_err(Failure::from),
        };
        Begun { id, outcome }
    }

    fn list(&self) -> Value {
        let described = self.signatures().map(|(name, signature)| {
            json!({
                "name": name,
                "signature": signature.to_string(),
                "arguments": signature.arguments(),
                "output": signature.output(),
                "by_value": signature.is_by_value(),
            })
        });
        described.collect()
    }
}

impl Begun {
    /// Waits for the call's end.
    fn finish(self) -> Option<Value> {
        let result = self.outcome.and_then(|outcome| match outcome {
            Outcome::Known(value) => Ok(value),
            Outcome::Running(handle) => wait(handle).map_err(Failure::from),
        });
        let id = self.id?;
        Some(match result {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err(failure) => error(&failure, &id),
        })
    }
}

/// What may name a request.
fn is_id(id: &Value) -> bool {
    matches!(id, Value::Null | Value::Number(_) | Value::String(_))
}

/// An answer to what is so wrong that it has no id.
fn refusal(failure: &Failure) -> Value {
    error(failure, &Value::Null)
}

fn error(Failure { code, message }: &Failure, id: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}
