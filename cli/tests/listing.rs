//! A directory without an index page shows what is in it.

#[macro_use]
mod server;

use server::{Directory, Server};

on_each_backend! {
    a_directory_shows_its_entries_and_the_links_work
    a_directory_without_a_slash_is_redirected
    a_directory_that_changes_is_shown_as_it_is
}

/// The targets of the page's links to entries, in order.
fn links(page: &str) -> Vec<String> {
    page.split("href=\"./").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

fn a_directory_shows_its_entries_and_the_links_work(backend: &str) {
    let directory = Directory::new();
    for name in ["b.txt", "A 10", "a 2", "folder/inner.txt", "ünïcode.txt", "100%.txt"] {
        directory.write(name, format!("content of {name}"));
    }
    let server = Server::start(backend, directory);
    let mut client = server.connect();
    let response = client.get("/");
    assert_eq!((response.status, response.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let page = response.text();
    let links = links(&page);
    assert_eq!(links, ["folder/", "100%25.txt", "a%202", "A%2010", "b.txt", "%C3%BCn%C3%AFcode.txt"]);
    for link in &links[1..] {
        assert!(client.get(&format!("/{link}")).text().starts_with("content of "), "{link}");
    }
    let folder = client.get("/folder/").text();
    assert!(folder.contains("href=\"../\"") && folder.contains("inner.txt"), "{folder}");
    assert!(page.contains("21 bytes") || page.contains("16 bytes"), "{page}");
}

fn a_directory_without_a_slash_is_redirected(backend: &str) {
    let directory = Directory::new();
    directory.write("a folder/b.txt", "b");
    let server = Server::start(backend, directory);
    let mut client = server.connect();
    for (path, location) in [
        ("/a%20folder", "/a%20folder/"),
        ("/a%20folder?x=y", "/a%20folder/?x=y"),
        ("//a%20folder", "/a%20folder/"),
    ] {
        let response = client.get(path);
        assert_eq!((response.status, response.header("location")), (301, Some(location)), "{path}");
    }
}

fn a_directory_that_changes_is_shown_as_it_is(backend: &str) {
    let server = Server::start(backend, Directory::new());
    let mut client = server.connect();
    assert!(client.get("/").text().contains("This directory is empty."));
    server.directory.write("new.txt", "new");
    assert_eq!(links(&client.get("/").text()), ["new.txt"]);
    assert_eq!(client.get("/new.txt").text(), "new");
    std::fs::remove_file(server.directory.path("new.txt")).unwrap();
    assert_eq!(client.get("/new.txt").status, 404);
}
