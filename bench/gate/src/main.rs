//! The operations whose instructions `cargo xtask bench-gate` counts: each alone, on one thread or one worker.
//!
//! `fibra-gate --list` prints what they are, `fibra-gate NAME` does one of them many times and prints how often that was
//! within the counted [`region`]. Started by itself it only shows that the operation works; the gate starts it under
//! callgrind, which counts what that region executes: no start-up, and no warm-up. `fibra-gate --ring` prints what is special
//! about io_uring here.
//!
//! The same binary has to execute the same instructions in every run. So nothing here waits for time or for another
//! thread while it is counted, every choice that the runtime makes by the clock finds [a clock](clock) that stands still,
//! and every queue and pool has its working size before the region begins.

mod clock;
mod operations;
mod region;

use std::process::ExitCode;

fn main() -> ExitCode {
    clock::make_the_only_one();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--list"] => {
            operations::all().for_each(|operation| println!("{}: {}", operation.name, operation.about))
        }
        ["--ring"] => println!("{}", operations::ring()),
        [name] => match operations::all().find(|operation| operation.name == name) {
            Some(operation) => println!("{}", (operation.run)()),
            None => {
                return refuse(&format!("there is no operation `{name}`; `--list` prints those there are"));
            }
        },
        _ => return refuse("expected the name of one operation, `--list` or `--ring`"),
    }
    ExitCode::SUCCESS
}

fn refuse(why: &str) -> ExitCode {
    eprintln!("fibra-gate: {why}");
    ExitCode::FAILURE
}
