//! Everybody else, each written as its users write it.
//!
//! Runtimes that steal work have one listener and spawn from it. Those with a thread for each core have a listener on each
//! thread (`SO_REUSEPORT`), as their documentation shows; the kernel's hash deals the connections out then.

mod compio;
mod glommio;
mod may;
mod monoio;
mod smol;
mod tokio;

use std::thread;

use super::{Setting, measure, setting, under_load};
use crate::bench::{Case, Measurement, Subject};
use crate::load::ServerProcess;

/// The peers' subjects.
pub const SUBJECTS: &[Subject] = &[
    Subject::new("tokio", "tokio", |case| measure(case, tokio::multi_thread)),
    Subject::new("tokio current-thread", "tokio", |case| measure(case, tokio::current_thread))
        .only(|case| case.get("workers") == 1),
    Subject::new("smol", "smol", |case| measure(case, smol::serve)),
    Subject::new("may", "may", |case| measure(case, may::serve)),
    Subject::new("monoio", "monoio", |case| measure(case, |it| on_each_thread(it, monoio::serve))),
    Subject::new("compio", "compio", |case| measure(case, |it| on_each_thread(it, compio::serve))),
    Subject::new("glommio", "glommio", |case| measure(case, |it| on_each_thread(it, glommio::serve))),
    Subject::new("Go", "Go", go).needs("go"),
];

/// Runs `serve` on so many threads as there are workers, this one included.
fn on_each_thread(setting: Setting, serve: fn(Setting)) {
    for _ in 1..setting.workers {
        thread::spawn(move || serve(setting));
    }
    serve(setting);
}

/// A process of its own; the goroutines of a connection are spread over its threads.
fn go(case: &Case) -> Vec<Measurement> {
    let setting = setting(case);
    let arguments = [("port", u64::from(setting.address.port())), ("buffer", setting.buffer as u64)];
    let mut command = crate::go::server("echo", setting.workers, &arguments);
    let server = ServerProcess::start(&mut command, setting.workers).expect("the Go program starts");
    under_load(case, setting, server.id()).expect("the server answers as it should")
}
