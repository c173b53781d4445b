//! `--open` has the desktop open the server's address.
//!
//! What does so on Windows is found before anything that a test could put in its place.
#![cfg(unix)]

mod server;

use server::{Directory, Server, argument, fibra, wait_until};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

#[test]
fn the_browser_is_given_the_url_and_its_absence_is_only_a_warning() {
    let directory = Directory::new();
    let (tools, seen) = (directory.outside("tools"), directory.outside("seen"));
    fs::create_dir(&tools).unwrap();
    for opener in ["xdg-open", "open"] {
        let script = tools.join(opener);
        fs::write(&script, format!("#!/bin/sh\necho $1 > '{}'\n", seen.display())).unwrap();
        fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = fibra(&["serve", argument(&directory.path(".")), "--addr", ":0", "--open"]);
    command.env("PATH", &tools);
    let server = Server::spawn("epoll", directory, command);
    let url = format!("http://{}/\n", server.address);
    wait_until("the browser was asked", || fs::read_to_string(&seen).is_ok_and(|text| text == url));
    assert_eq!(server.stop().1, "");

    let directory = Directory::new();
    let mut command = fibra(&["serve", argument(&directory.path(".")), "--addr", ":0", "--open"]);
    command.env("PATH", directory.path("."));
    let server = Server::spawn("epoll", directory, command);
    assert_eq!(server.get("/").status, 200);
    let (_, stderr) = server.stop();
    assert!(
        stderr.starts_with("fibra: no browser was opened by ") && stderr.lines().count() == 1,
        "{stderr}"
    );
}
