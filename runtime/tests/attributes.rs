//! `#[fibra::main]` and `#[fibra::test]` make what they promise of a function.
//!
//! What can only be seen from outside, such as a test that must fail, is in `fixtures`; those tests are ignored, and run
//! one at a time, each in a process of its own.

#[path = "support/fixture.rs"]
mod fixture;

use fibra::Backend;
use fixture::{run, run_fixture};
use std::error::Error;
use std::hint::black_box;
use std::process::ExitCode;
use std::rc::Rc;

/// What a caller has who gets fibra through another crate.
mod reexporting {
    pub use ::fibra as runtime;
}

fn parse(text: &str) -> Result<Rc<u32>, std::num::ParseIntError> {
    Ok(Rc::new(text.parse()?))
}

/// Goes down the stack until it is so many bytes below `top`, and returns how far it came.
fn descend(top: usize, bytes: usize) -> usize {
    let frame = black_box([0_u8; 1_024]);
    let depth = top - black_box(&frame).as_ptr().addr();
    if depth >= bytes { depth } else { descend(top, bytes).max(black_box(&frame).len()) }
}

/// Waits once for real: the future is pending the first time it is polled.
async fn wait_once() {
    let mut polled = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut polled, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

#[fibra::test]
fn a_function_is_a_test() {
    assert_eq!(parse("42").as_deref(), Ok(&42));
}

#[fibra::test]
async fn an_async_function_is_a_test() {
    // It may hold what is not `Send` while it waits: the main green thread stays where it is.
    let number = parse("42").expect("a number");
    wait_once().await;
    assert_eq!(*number, 42);
}

#[fibra::test]
fn the_question_mark_works() -> Result<(), Box<dyn Error>> {
    assert_eq!(*parse("42")?, 42);
    Ok(())
}

#[fibra::test]
async fn the_question_mark_works_in_an_async_function() -> Result<(), Box<dyn Error>> {
    wait_once().await;
    assert_eq!(*parse("42")?, 42);
    Ok(())
}

#[fibra::test]
fn an_exit_code_is_a_result() -> ExitCode {
    ExitCode::SUCCESS
}

#[fibra::test]
#[should_panic(expected = "as it should")]
fn should_panic_is_kept() {
    panic!("as it should");
}

#[fibra::test]
#[should_panic(expected = "as it should")]
async fn should_panic_is_kept_for_an_async_function() {
    wait_once().await;
    panic!("as it should");
}

#[fibra::test]
#[ignore = "it would fail"]
fn ignore_is_kept() {
    panic!("it was not ignored");
}

#[fibra::test(workers = 1, stack_size = 64 << 10)]
fn the_main_green_thread_has_8_mib_of_stack_whatever_the_others_have() {
    let top = black_box([0_u8; 16]);
    assert!(descend(top.as_ptr().addr(), 7 << 20) >= 7 << 20);
}

#[fibra::test(crate = crate::reexporting::runtime)]
async fn the_crate_may_be_named() {
    wait_once().await;
}

mod a_module {
    use super::*;

    fn local() -> Result<Rc<u32>, std::num::ParseIntError> {
        super::parse("7")
    }

    #[fibra::test]
    fn names_mean_what_they_mean_beside_the_function() {
        assert_eq!(local(), parse("7"));
    }
}

mod good_program {
    #[fibra::main(workers = 1)]
    pub async fn main() -> Result<(), Box<dyn std::error::Error>> {
        super::wait_once().await;
        assert_eq!(*super::parse("42")?, 42);
        Ok(())
    }
}

mod failing_program {
    #[fibra::main(workers = 1)]
    pub fn main() -> Result<(), Box<dyn std::error::Error>> {
        super::parse("forty-two")?;
        Ok(())
    }
}

mod program_with_a_status {
    #[fibra::main(workers = 1)]
    pub fn main() -> std::process::ExitCode {
        std::process::ExitCode::from(7)
    }
}

#[test]
fn what_main_returns_becomes_the_status() {
    assert_eq!(good_program::main(), ExitCode::SUCCESS);
    assert_eq!(failing_program::main(), ExitCode::FAILURE);
    assert_eq!(program_with_a_status::main(), ExitCode::from(7));
}

/// Tests that others run.
mod fixtures {
    use super::*;

    #[fibra::test]
    #[ignore = "another test runs it"]
    fn returns_an_error() -> Result<(), Box<dyn Error>> {
        parse("forty-two")?;
        Ok(())
    }

    #[fibra::test]
    #[ignore = "another test runs it"]
    async fn returns_a_status_of_failure() -> ExitCode {
        ExitCode::FAILURE
    }

    #[fibra::test]
    #[ignore = "another test runs it"]
    fn panics() {
        panic!("a message from the body");
    }

    #[fibra::test]
    #[ignore = "another test runs it"]
    fn passes() {}

    #[test]
    #[ignore = "another test runs it"]
    fn a_program() {
        assert_eq!(good_program::main(), ExitCode::FAILURE);
    }
}

#[test]
fn there_is_one_test_for_each_backend_and_no_other() {
    let (_, list) = run(&["--list"], None);
    let tests_of =
        |name: &str| list.lines().filter(|line| line.starts_with(&format!("{name}::"))).collect::<Vec<_>>();
    let mut expected: Vec<_> = Backend::ALL
        .iter()
        .map(|backend| format!("a_function_is_a_test::{}: test", backend.name()))
        .collect();
    expected.sort();
    assert_eq!(tests_of("a_function_is_a_test"), expected);
}

#[test]
fn a_test_that_returns_a_failure_fails() {
    for backend in Backend::ALL.iter().map(|backend| backend.name()) {
        let (success, output) = run_fixture(&format!("returns_an_error::{backend}"), None);
        assert!(!success && output.contains("InvalidDigit"), "{output}");
        let (success, output) = run_fixture(&format!("returns_a_status_of_failure::{backend}"), None);
        assert!(!success, "{output}");
    }
}

#[test]
fn a_test_that_panics_fails_with_its_message() {
    for backend in Backend::ALL.iter().map(|backend| backend.name()) {
        let (success, output) = run_fixture(&format!("panics::{backend}"), None);
        assert!(!success && output.contains("a message from the body"), "{output}");
    }
}

#[test]
fn a_runtime_that_cannot_start_fails_its_test_with_the_reason() {
    let (success, output) =
        run_fixture(&format!("passes::{}", Backend::ALL[0].name()), Some(("FIBRA_WORKERS", "many")));
    assert!(!success && output.contains("FIBRA_WORKERS"), "{output}");
}

#[test]
fn a_program_whose_runtime_cannot_start_says_why_and_fails() {
    let (success, output) = run_fixture("a_program", Some(("FIBRA_BACKEND", "pigeons")));
    assert!(success, "{output}");
    assert!(output.contains("fibra: ") && output.contains("pigeons"), "{output}");
}
