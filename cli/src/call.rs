//! `fibra call`: one request of JSON-RPC to a program that serves its registry, and what comes back.

use std::io::{self, BufRead, BufReader, Write};
use std::time::Duration;

use fibra::net::TcpStream;
use serde_json::{Value, json};

use crate::arguments::Call;

/// Calls, or lists, and prints what comes back. The error is a line for the user.
pub fn run(options: &Call) -> Result<(), String> {
    let answer = match &options.name {
        Some(name) => ask(options, name, &options.arguments)?.to_string(),
        None => listing(&ask(options, "rpc.functions", &json!([]))?)?,
    };
    // Whoever reads it may have seen enough.
    match writeln!(io::stdout(), "{answer}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("can't print the answer: {error}"))
        }
        _ => Ok(()),
    }
}

/// What the program answers.
fn ask(options: &Call, method: &str, arguments: &Value) -> Result<Value, String> {
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": arguments });
    let answer = exchange(&options.addr, options.timeout, &request)
        .map_err(|error| format!("no answer from {}: {error}", options.addr))?;
    let mut answer: Value = serde_json::from_str(&answer)
        .map_err(|error| format!("{} doesn't speak JSON-RPC: {error}", options.addr))?;
    if let Some(message) = answer["error"]["message"].as_str() {
        return Err(message.to_owned());
    }
    match answer.get_mut("result") {
        Some(result) => Ok(result.take()),
        None => Err(format!("{} doesn't speak JSON-RPC", options.addr)),
    }
}

/// Sends a line, and reads one.
fn exchange(address: &str, timeout: Option<Duration>, request: &Value) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(timeout)?;
    stream.write_all(format!("{request}\n").as_bytes())?;
    let mut answer = String::new();
    match BufReader::new(stream).read_line(&mut answer) {
        Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it closed the connection")),
        Ok(_) => Ok(answer),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            Err(io::Error::new(error.kind(), "it took too long"))
        }
        Err(error) => Err(error),
    }
}

/// A line for each function.
fn listing(functions: &Value) -> Result<String, String> {
    let described = |function: &Value| {
        let (name, signature) = (function["name"].as_str()?, function["signature"].as_str()?);
        let note = if function["by_value"] == false { " (typed calls only)" } else { "" };
        Some(format!("{name}: {signature}{note}"))
    };
    let lines = functions.as_array().and_then(|all| all.iter().map(described).collect::<Option<Vec<_>>>());
    Ok(lines.ok_or("the list of functions is none")?.join("\n"))
}
