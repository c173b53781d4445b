//! What can't be served is said in one line, and the status tells that it failed.

mod server;

use server::{BACKENDS, Directory, NO_SUCH_FILE, Server, argument, failure, fibra};
use std::net::TcpListener;

#[test]
fn a_port_in_use_is_an_error_and_no_other_port_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = Directory::new();
    for backend in BACKENDS {
        let mut command = fibra(&["serve", argument(&directory.path(".")), "--addr", &address]);
        let (status, message) = failure(command.env("FIBRA_BACKEND", backend));
        assert_eq!((status, message.lines().count()), (1, 1), "{message}");
        assert!(message.starts_with(&format!("fibra: can't listen on {address}: ")), "{message}");
    }
}

#[test]
fn a_directory_that_cannot_be_served_is_an_error() {
    let directory = Directory::new();
    directory.write("file", "");
    for (name, reason) in [("none", NO_SUCH_FILE), ("file", "not a directory")] {
        let path = directory.path(name);
        let (status, message) = failure(&mut fibra(&["serve", argument(&path), "--addr", ":0"]));
        assert_eq!((status, message.lines().count()), (1, 1), "{message}");
        assert!(message.contains(argument(&path)) && message.contains(reason), "{message}");
    }
}

#[test]
fn an_address_that_does_not_exist_is_an_error() {
    let (status, message) = failure(&mut fibra(&["--addr", "host.invalid:80"]));
    assert_eq!((status, message.lines().count()), (1, 1), "{message}");
    assert!(message.starts_with("fibra: can't listen on host.invalid:80: "), "{message}");
}

#[test]
fn a_bad_variable_is_an_error_that_names_it() {
    for (variable, value) in [
        ("FIBRA_BACKEND", "rings"),
        ("FIBRA_WORKERS", "many"),
        ("FIBRA_WORKERS", "0"),
        ("FIBRA_STACK_SIZE", "big"),
    ] {
        let (status, message) = failure(fibra(&["--addr", ":0"]).env(variable, value));
        assert_eq!((status, message.lines().count()), (1, 1), "{message}");
        assert!(
            message.starts_with("fibra: ") && message.contains(variable) && message.contains(value),
            "{message}"
        );
    }
}

#[test]
fn nonsense_on_the_command_line_is_a_usage_error() {
    for arguments in
        [&["serve", "--backend", "rings"][..], &["--workers", "0"], &["--addr", "8080"], &["serve", "a", "b"]]
    {
        let (status, message) = failure(&mut fibra(arguments));
        assert_eq!(status, 2, "{message}");
        assert!(message.starts_with("error: "), "{message}");
    }
}

#[test]
fn the_first_line_tells_what_is_served_where_and_how() {
    for workers in [1, 2] {
        let backend = BACKENDS[workers % BACKENDS.len()];
        let directory = Directory::new();
        let served = directory.path(".").canonicalize().unwrap();
        let server = Server::start_with(backend, directory, &["--workers", &workers.to_string()]);
        assert_ne!(server.address.port(), 0);
        let plural = if workers == 1 { "" } else { "s" };
        let line = format!(
            "Serving {} on http://{}/ ({backend}, {workers} worker{plural})\n",
            served.display(),
            server.address
        );
        assert!(server.stdout().starts_with(&line), "{} is not {line}", server.stdout());
    }
}

#[test]
fn without_a_subcommand_the_current_directory_is_served() {
    let directory = Directory::new();
    directory.write("here.txt", "here");
    let mut command = fibra(&["--addr", ":0"]);
    command.current_dir(directory.path("."));
    let server = Server::spawn(BACKENDS[0], directory, command);
    assert_eq!(server.get("/here.txt").text(), "here");
}

#[test]
fn help_and_version_are_no_errors() {
    for argument in ["--help", "--version"] {
        let output = fibra(&[argument]).output().unwrap();
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("fibra"));
    }
}
