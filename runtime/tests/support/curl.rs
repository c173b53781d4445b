//! A client that others have written.

use std::{io::ErrorKind, process::Command};

/// What `curl` prints, and the status that it ends with.
pub fn curl(arguments: &[&str]) -> (String, i32) {
    let arguments: Vec<_> = arguments.iter().map(|argument| String::from(*argument)).collect();
    let run = move || Command::new("curl").args(["--silent", "--show-error"]).args(arguments).output();
    let output = match fibra::unblock(run) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("this test needs curl as a client: install it (on Debian: apt install curl)")
        }
        output => output.expect("it can be started"),
    };
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&text).into_owned(), output.status.code().expect("no signal ends it"))
}
