//! Child processes: their pipes and their ends are waited for without holding up anybody, and nothing of them is lost.
//!
//! The children are the ignored tests of this file.

#[path = "support/child.rs"]
mod child;
#[path = "support/everywhere.rs"]
mod everywhere;

use everywhere::everywhere;
use fibra::{
    cancel::Cancelled,
    future,
    process::{Child, Command, Stdio},
    thread, time,
};
use std::{
    io::{self, ErrorKind, Read, Write},
    process::exit,
    time::Duration,
};

/// More than a pipe holds.
const MUCH: usize = 1 << 20;
const MOMENT: Duration = Duration::from_millis(2);

fn command(test: &str) -> Command {
    child::running(test).into()
}

fn quiet(test: &str) -> Command {
    let mut command = command(test);
    command.stdout(Stdio::null());
    command
}

/// A child that ends when its standard input does.
fn waiting_child() -> Child {
    let mut command = command("child_waits_for_the_end");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

fn count(bytes: &[u8], byte: u8) -> usize {
    bytes.iter().filter(|&&each| each == byte).count()
}

#[fibra::test]
fn both_pipes_are_read_to_their_ends_from_anywhere() {
    everywhere(|| {
        let output = command("child_writes_much").output().unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert!(count(&output.stdout, b'~') == MUCH && count(&output.stderr, b'^') == MUCH);
    });
    let output = fibra::wait(command("child_writes_much").output_async()).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(count(&output.stdout, b'~') == MUCH && count(&output.stderr, b'^') == MUCH);
}

#[test]
#[ignore = "a child of other tests"]
fn child_writes_much() {
    // First the one that is read last where one is read after the other.
    io::stderr().write_all(&vec![b'^'; MUCH]).unwrap();
    io::stdout().write_all(&vec![b'~'; MUCH]).unwrap();
    exit(3);
}

#[fibra::test]
fn the_status_is_told_as_often_as_one_asks() {
    everywhere(|| {
        let mut child = waiting_child();
        assert!(child.id() > 0 && child.try_wait().unwrap().is_none());
        let statuses = [child.wait(), child.wait(), child.try_wait().map(Option::unwrap)];
        assert_eq!(statuses.map(|status| status.unwrap().code()), [Some(4); 3]);
        child.kill().expect("who has ended is no error");
    });
    assert_eq!(quiet("child_waits_for_the_end").stdin(Stdio::null()).status().unwrap().code(), Some(4));
    let status = quiet("child_waits_for_the_end").stdin(Stdio::null()).status_async();
    assert_eq!(fibra::wait(status).unwrap().code(), Some(4));
}

#[test]
#[ignore = "a child of other tests"]
fn child_waits_for_the_end() {
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
    exit(4);
}

#[fibra::test]
fn a_conversation_takes_both_directions_at_once() {
    let mut child = command("child_echoes").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let writer = thread::spawn(move || stdin.write_all(&vec![b'~'; MUCH]));
    let mut echo = Vec::new();
    stdout.read_to_end(&mut echo).unwrap();
    assert_eq!(count(&echo, b'~'), MUCH);
    writer.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
}

#[fibra::test]
async fn futures_own_their_buffers() {
    let mut child = command("child_echoes").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let writer = future::spawn(async move {
        let (result, buffer) = stdin.write_all_async(vec![b'~'; MUCH]).await;
        let (written, _) = stdin.write_async("~").await;
        assert!(result.is_ok() && buffer.len() == MUCH && written.is_ok_and(|written| written == 1));
    });
    let (result, first) = stdout.read_exact_async(vec![0; 64]).await;
    result.unwrap();
    let (result, second) = stdout.read_async(vec![0; 64]).await;
    let second = &second[..result.unwrap()];
    let rest = stdout.read_to_end_async().await.unwrap();
    assert_eq!(count(&first, b'~') + count(second, b'~') + count(&rest, b'~'), MUCH + 1);
    writer.await.unwrap();
    assert!(child.wait_async().await.unwrap().success());
}

#[test]
#[ignore = "a child of other tests"]
fn child_echoes() {
    io::copy(&mut io::stdin(), &mut io::stdout()).unwrap();
    exit(0);
}

#[fibra::test(workers = 1)]
fn others_run_while_a_child_is_waited_for() {
    let mut children: Vec<_> = (0..8).map(|_| waiting_child()).collect();
    let mut pipes: Vec<_> = children.iter_mut().map(|child| child.stdin.take()).collect();
    let waiting: Vec<_> = children.into_iter().map(|mut child| thread::spawn(move || child.wait())).collect();
    thread::sleep(MOMENT);
    assert!(waiting.iter().all(|child| !child.is_finished()));
    // In another order than they are waited for.
    while let Some(pipe) = pipes.pop() {
        drop(pipe);
        thread::yield_now();
    }
    for child in waiting {
        assert_eq!(child.join().unwrap().unwrap().code(), Some(4));
    }
}

#[fibra::test]
fn a_cancel_or_a_deadline_ends_the_wait_and_not_the_child() {
    let mut child = waiting_child();
    let pipe = child.stdin.take();
    let waiting = thread::spawn(move || (child.wait(), child));
    thread::sleep(MOMENT);
    waiting.cancel();
    let (result, mut child) = waiting.join().unwrap();
    assert!(Cancelled::caused(&result.unwrap_err()));
    let late = time::timeout(MOMENT, || child.wait());
    assert!(!matches!(late, Ok(Ok(_))), "{late:?}");
    assert!(child.try_wait().unwrap().is_none());
    drop(pipe);
    assert_eq!(child.wait().unwrap().code(), Some(4));
}

#[fibra::test]
fn a_killed_child_has_not_ended_by_itself() {
    let mut child = waiting_child();
    let _pipe = child.stdin.take();
    child.kill().unwrap();
    assert_ne!(child.wait().unwrap().code(), Some(4));
}

#[fibra::test]
fn only_who_is_to_be_killed_ends_with_its_handle() {
    for kill in [false, true] {
        let mut command = command("child_waits_for_the_end");
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(kill).spawn().unwrap();
        let (stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        drop(child);
        // Its end comes when the child is gone.
        let end = thread::spawn(move || stdout.read_to_end(&mut Vec::new()));
        if !kill {
            thread::sleep(MOMENT);
            assert!(!end.is_finished());
            drop(stdin);
        }
        end.join().unwrap().unwrap();
    }
}

#[fibra::test]
fn a_cancelled_output_kills_whom_it_is_to_kill() {
    // Its input doesn't end: what ends it is the kill.
    let (input, held_open) = io::pipe().unwrap();
    let (mut reader, writer) = io::pipe().unwrap();
    let mut command = command("child_echoes");
    command.stdin(input).stderr(writer).kill_on_drop(true);
    let late = time::timeout(MOMENT, || command.output());
    assert!(!matches!(late, Ok(Ok(_))), "{late:?}");
    // The command has a share in the pipe, and so had the child.
    drop(command);
    fibra::unblock(|| reader.read_to_end(&mut Vec::new())).unwrap();
    drop(held_open);
}

#[fibra::test]
fn one_childs_output_is_anothers_input() {
    let mut first =
        command("child_writes_much").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let output = command("child_echoes").stdin(first.stdout.take().unwrap()).output().unwrap();
    assert_eq!(count(&output.stdout, b'~'), MUCH);
    assert_eq!(first.wait().unwrap().code(), Some(3));
}

#[fibra::test]
fn an_output_leaves_its_command_as_it_was() {
    let mut command = command("child_leaves_at_once");
    assert!(!command.output().unwrap().stdout.is_empty());
    let mut child = command.spawn().unwrap();
    assert!(child.stdin.is_none() && child.stdout.is_none() && child.stderr.is_none());
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

#[fibra::test]
fn what_is_not_there_is_not_started() {
    if child::is_emulated() {
        return;
    }
    let error = Command::new("/no/such/program").spawn().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = fibra::wait(Command::new("/no/such/program").output_async()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[fibra::test]
fn who_reads_no_more_breaks_the_pipe() {
    let mut child = quiet("child_leaves_at_once").stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(5));
    assert_eq!(stdin.write_all(b"~").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
#[ignore = "a child of other tests"]
fn child_leaves_at_once() {
    exit(5);
}

#[fibra::test]
fn what_is_said_of_a_command_arrives() {
    let mut command = command("child_shows_itself");
    command.env("FIBRA_TEST_ONE", "1").envs([("FIBRA_TEST_TWO", "2")]).current_dir(std::env::temp_dir());
    command.env("FIBRA_TEST_NONE", "0").env_remove("FIBRA_TEST_NONE");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let folder = std::env::temp_dir().canonicalize().unwrap();
    assert!(said.contains(&format!("<1|2|false|{folder:?}>")), "{said}");
}

#[test]
#[ignore = "a child of other tests"]
fn child_shows_itself() {
    let variable = |name| std::env::var(name);
    let folder = std::env::current_dir().unwrap().canonicalize().unwrap();
    println!(
        "<{}|{}|{}|{folder:?}>",
        variable("FIBRA_TEST_ONE").unwrap(),
        variable("FIBRA_TEST_TWO").unwrap(),
        variable("FIBRA_TEST_NONE").is_ok()
    );
}
