//! Links, and what is neither file nor directory. Not everybody may make links on Windows, and in Wine nobody does.

use super::*;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;

#[test]
fn links_inside_are_followed() {
    let tree = Tree::new();
    symlink("folder/b.txt", tree.served("relative")).unwrap();
    symlink("../a.txt", tree.served("folder/up")).unwrap();
    symlink(tree.served("folder"), tree.served("absolute")).unwrap();
    symlink(tree.served("."), tree.served("whole")).unwrap();
    let root = tree.root();
    assert_eq!(content(&root, "/relative"), "bb");
    assert_eq!(content(&root, "/folder/up"), "a");
    assert_eq!(content(&root, "/absolute/b.txt"), "bb");
    assert_eq!(content(&root, "/whole/a.txt"), "a");
    assert_eq!(names(&root, "/"), ["absolute", "folder", "indexed", "whole", "a.txt", "relative"]);
}

#[test]
fn links_that_lead_out_are_not_found_and_not_listed() {
    let tree = Tree::new();
    symlink("../outside/secret", tree.served("relative")).unwrap();
    symlink(tree.0.join("outside/secret"), tree.served("absolute")).unwrap();
    symlink("../../outside", tree.served("folder/up")).unwrap();
    symlink("/", tree.served("everything")).unwrap();
    symlink("relative", tree.served("chain")).unwrap();
    symlink("loop", tree.served("loop")).unwrap();
    symlink("nowhere", tree.served("broken")).unwrap();
    let root = tree.root();
    for path in [
        "/relative",
        "/absolute",
        "/folder/up/secret",
        "/everything/etc/passwd",
        "/chain",
        "/loop",
        "/broken",
    ] {
        assert!(is_not_found(&root, path), "{path}");
    }
    assert_eq!(names(&root, "/"), ["folder", "indexed", "a.txt"]);
    assert_eq!(names(&root, "/folder/"), ["deep", "b.txt"]);
}

#[test]
fn a_directory_that_becomes_a_link_is_still_confined() {
    let tree = Tree::new();
    let root = tree.root();
    assert_eq!(content(&root, "/folder/b.txt"), "bb");
    fs::remove_dir_all(tree.served("folder")).unwrap();
    symlink("../outside", tree.served("folder")).unwrap();
    assert!(is_not_found(&root, "/folder/secret"));
}

#[test]
fn what_is_neither_file_nor_directory_is_not_found() {
    let tree = Tree::new();
    let _socket = UnixListener::bind(tree.served("socket")).unwrap();
    let fifo = tree.served("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    symlink("/dev/zero", tree.served("device")).unwrap();
    let root = tree.root();
    for path in ["/socket", "/fifo", "/device"] {
        assert!(is_not_found(&root, path), "{path}");
    }
    assert_eq!(names(&root, "/"), ["folder", "indexed", "a.txt"]);
}
