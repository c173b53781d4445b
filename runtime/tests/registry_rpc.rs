//! A registry answers JSON-RPC 2.0, a message a line.

use fibra::{
    net::{TcpListener, TcpStream},
    registry::Registry,
    thread,
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, ErrorKind, Write},
    sync::Arc,
    time::Duration,
};

fn registry() -> Registry {
    let registry = Registry::new();
    registry.register("subtract", |a: i64, b: i64| a - b).unwrap();
    registry.register("panic", |text: String| -> () { panic!("{text}") }).unwrap();
    registry
        .register("later", async |text: String| {
            fibra::future::yield_now().await;
            text
        })
        .unwrap();
    registry
}

/// What is answered to these lines.
fn answers(requests: &str) -> Vec<Value> {
    let mut answers = Vec::new();
    registry().serve(requests.as_bytes(), &mut answers).unwrap();
    let lines = str::from_utf8(&answers).unwrap().lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn answer(request: &str) -> Value {
    let mut answers = answers(request);
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers.remove(0)
}

fn assert_failure(request: &str, id: Value, code: i32, message: &str) {
    let answer = answer(request);
    assert_eq!((&answer["jsonrpc"], &answer["id"]), (&json!("2.0"), &id), "{request}");
    assert_eq!(answer["error"]["code"], code, "{answer}");
    let text = answer["error"]["message"].as_str().unwrap();
    assert!(text.starts_with(message), "{text}");
    assert!(answer.get("result").is_none());
}

#[fibra::test]
fn each_request_has_its_answer_in_order() {
    let requests = r#"
        {"jsonrpc":"2.0","method":"subtract","params":[42,23],"id":1}

        {"jsonrpc":"2.0","method":"later","params":["x"],"id":"two"}
    "#;
    let expected = [
        json!({ "jsonrpc": "2.0", "id": 1, "result": 19 }),
        json!({ "jsonrpc": "2.0", "id": "two", "result": "x" }),
    ];
    assert_eq!(answers(requests), expected);
}

#[fibra::test]
fn what_is_wrong_is_said_by_the_codes_of_the_specification() {
    let (null, one) = (Value::Null, json!(1));
    let call = |rest: &str| format!(r#"{{"jsonrpc":"2.0","id":1,{rest}}}"#);
    assert_failure("{no", null.clone(), -32700, "this is no JSON: key must be a string");
    assert_failure("[]", null.clone(), -32600, "a batch of no requests");
    assert_failure("1", null.clone(), -32600, "no request of JSON-RPC 2.0");
    assert_failure(r#"{"method":"later","id":1}"#, one.clone(), -32600, "no request of JSON-RPC 2.0");
    assert_failure(&call(r#""method":1"#), one.clone(), -32600, "no request of JSON-RPC 2.0");
    let bad_id = r#"{"jsonrpc":"2.0","id":[1],"method":"later"}"#;
    assert_failure(bad_id, null, -32600, "no request of JSON-RPC 2.0");
    assert_failure(
        &call(r#""method":"substract""#),
        one.clone(),
        -32601,
        "no function is called `substract`; there is `subtract`",
    );
    assert_failure(
        &call(r#""method":"later""#),
        one.clone(),
        -32602,
        "`later`, fn(String) -> String, expects 1 argument(s), given 0",
    );
    assert_failure(
        &call(r#""method":"later","params":{"text":"x"}"#),
        one.clone(),
        -32602,
        "`later`, fn(String) -> String, expects an array",
    );
    assert_failure(&call(r#""method":"panic","params":["oh"]"#), one, -32000, "the task panicked: oh");
}

#[fibra::test]
fn notifications_have_no_answer_and_batches_have_one_together() {
    let notification = r#"{"jsonrpc":"2.0","method":"later","params":["x"]}"#;
    assert_eq!(answers(notification), [Value::Null; 0]);
    assert_eq!(answers(&format!("[{notification},{notification}]")), [Value::Null; 0]);
    let unknown = r#"{"jsonrpc":"2.0","method":"nothing"}"#;
    assert_eq!(answers(unknown), [Value::Null; 0], "nobody waits for the failure either");
    let request = r#"{"jsonrpc":"2.0","method":"later","params":["y"],"id":null}"#;
    let batch = answer(&format!("[{request},{notification},2]"));
    assert_eq!(batch.as_array().unwrap().len(), 2);
    assert_eq!(batch[0], json!({ "jsonrpc": "2.0", "id": null, "result": "y" }));
    assert_eq!(batch[1]["error"]["code"], -32600);
}

#[fibra::test]
fn the_calls_of_a_batch_run_beside_each_other() {
    let registry = Registry::new();
    let (sender, receiver) = fibra::sync::channel::bounded(0);
    registry.register("send", move || sender.send(1).is_ok()).unwrap();
    registry.register("receive", move || receiver.recv().ok()).unwrap();
    let request = |method, id| format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":{id}}}"#);
    let mut answers = Vec::new();
    let batch = format!("[{},{}]\n", request("receive", 1), request("send", 2));
    registry.serve(batch.as_bytes(), &mut answers).unwrap();
    let answers: Value = serde_json::from_slice(&answers).unwrap();
    assert_eq!((&answers[0]["result"], &answers[1]["result"]), (&json!(1), &json!(true)));
}

#[fibra::test]
fn what_is_registered_is_listed() {
    let listed = &answer(r#"{"jsonrpc":"2.0","method":"rpc.functions","id":1}"#)["result"];
    assert_eq!(listed.as_array().unwrap().len(), 3);
    assert_eq!(listed[2]["name"], "subtract");
    assert_eq!(listed[2]["signature"], "fn(i64, i64) -> i64");
    assert_eq!((&listed[2]["arguments"], &listed[2]["output"]), (&json!(["i64", "i64"]), &json!("i64")));
}

#[fibra::test]
fn a_message_that_never_ends_is_an_error() {
    let endless = "x".repeat((1 << 20) + 1);
    let error = registry().serve(endless.as_bytes(), std::io::sink()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let longest = format!("\"{}\"\n", "x".repeat((1 << 20) - 3));
    registry().serve(longest.as_bytes(), std::io::sink()).expect("as long as it may be");
}

#[fibra::test]
fn many_connections_are_served_at_once() {
    let registry = Arc::new(registry());
    let (sender, receiver) = fibra::sync::channel::bounded(0);
    registry.register("meet", move || receiver.recv_timeout(Duration::from_secs(60)).is_ok()).unwrap();
    registry.register("come", move || sender.send(()).is_ok()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        let serve = |stream: TcpStream| {
            let registry = Arc::clone(&registry);
            thread::spawn(move || registry.serve(BufReader::new(&stream), &stream))
        };
        let served: Vec<_> = listener.incoming().take(2).map(|stream| serve(stream.unwrap())).collect();
        served.into_iter().for_each(|served| served.join().unwrap().unwrap());
    });
    let call = |method: &'static str| {
        thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            writeln!(stream, r#"{{"jsonrpc":"2.0","method":"{method}","id":1}}"#).unwrap();
            let mut answer = String::new();
            BufReader::new(stream).read_line(&mut answer).unwrap();
            serde_json::from_str::<Value>(&answer).unwrap()["result"].take()
        })
    };
    let calls = ["meet", "come"].map(call);
    assert_eq!(calls.map(|call| call.join().unwrap()), [json!(true), json!(true)]);
    server.join().unwrap();
}
