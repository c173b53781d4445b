//! `fibra bench` measures fibra, without anybody else's runtime.

#![cfg(target_os = "linux")]

mod server;

use std::process::Command;

use server::fibra;

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_list_has_benches_with_subjects_of_fibras_own() {
    let list = output(&mut fibra(&["bench", "--list"]));
    let mut lines = list.lines();
    assert!(lines.any(|line| line.starts_with("spawn: ")), "{list}");
    let spawn: Vec<_> = lines.take_while(|line| line.starts_with(' ')).map(str::trim).collect();
    assert!(spawn.contains(&"fibra thread") && spawn.contains(&"fibra future"), "{list}");
    assert!(!spawn.iter().any(|line| line.starts_with("tokio")), "{list}");
}

#[test]
fn a_sample_is_taken_in_a_child_and_comes_back_as_a_figure() {
    let json =
        output(&mut fibra(&["bench", "spawn", "--subject", "fibra future", "--rounds", "1", "--json"]));
    let is_time = |line: &&str| line.contains("\"metric\":\"time\"") && line.contains("\"samples\":");
    let times: Vec<_> = json.lines().filter(is_time).collect();
    assert!(!times.is_empty(), "{json}");
    for line in times {
        assert!(line.starts_with("{\"bench\":\"spawn\",\"subject\":\"fibra future\","), "{line}");
        assert!(line.contains("\"unit\":\"ns/task\"") && line.contains("\"rounds\":1"), "{line}");
        let (_, value) = line.split_once("\"value\":").unwrap();
        let value: f64 = value.split(',').next().unwrap().parse().unwrap();
        assert!(value > 0.0, "{line}");
    }
    assert!(!json.contains("\"failure\""), "{json}");
}

#[test]
fn an_unknown_bench_is_an_error_that_names_those_that_there_are() {
    let (status, message) = server::failure(&mut fibra(&["bench", "spwan"]));
    assert_eq!((status, message.lines().count()), (1, 1), "{message}");
    assert!(message.starts_with("fibra: there is no bench `spwan`; there are "), "{message}");
    assert!(message.contains("spawn"), "{message}");
}
