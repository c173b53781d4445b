//! What only Unix has in its directories: links that anybody makes, FIFOs, sockets, and names of any bytes.
//!
//! Not everybody may make links on Windows, and in Wine nobody does. gzip, which makes a file's sibling, is not there either.
#![cfg(unix)]

#[macro_use]
mod server;

use server::{Directory, Server, curl};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;

on_each_backend! {
    links_that_lead_out_are_404
    a_sibling_that_leads_out_is_not_served
    what_is_no_file_is_404
    hostile_names_are_shown_harmlessly
    curl_decodes_what_it_is_sent
}

fn serve(backend: &str) -> Server {
    let directory = Directory::new();
    directory.write("a.txt", "a");
    directory.write("folder/b.txt", "b");
    fs::write(directory.outside("secret"), "secret").unwrap();
    Server::start(backend, directory)
}

fn links_that_lead_out_are_404(backend: &str) {
    let server = serve(backend);
    let directory = &server.directory;
    symlink("../secret", directory.path("relative")).unwrap();
    symlink(directory.outside("secret"), directory.path("absolute")).unwrap();
    symlink("..", directory.path("up")).unwrap();
    symlink("loop", directory.path("loop")).unwrap();
    symlink("a.txt", directory.path("inside")).unwrap();
    symlink(directory.path("folder"), directory.path("whole")).unwrap();
    let mut client = server.connect();
    for path in ["/relative", "/absolute", "/up/secret", "/up/", "/up", "/loop"] {
        assert_eq!(client.get(path).status, 404, "{path}");
    }
    assert_eq!(client.get("/inside").text(), "a");
    assert_eq!(client.get("/whole/b.txt").text(), "b");
    let page = client.get("/").text();
    for (name, listed) in
        [("relative", false), ("absolute", false), ("up", false), ("loop", false), ("inside", true)]
    {
        assert_eq!(page.contains(&format!("<bdi>{name}")), listed, "{name}");
    }
}

fn a_sibling_that_leads_out_is_not_served(backend: &str) {
    let server = serve(backend);
    let directory = &server.directory;
    symlink("../secret", directory.path("a.txt.br")).unwrap();
    let response = server.connect().get_with("/a.txt", &["Accept-Encoding: br"]);
    assert_eq!((response.header("content-encoding"), response.text().as_str()), (None, "a"));
}

fn what_is_no_file_is_404(backend: &str) {
    let server = serve(backend);
    let fifo = server.directory.path("fifo");
    assert!(Command::new("mkfifo").arg(fifo).status().unwrap().success());
    let _socket = UnixListener::bind(server.directory.path("socket")).unwrap();
    assert_eq!(server.get("/fifo").status, 404);
    assert_eq!(server.get("/socket").status, 404);
}

fn hostile_names_are_shown_harmlessly(backend: &str) {
    let directory = Directory::new();
    directory.write("<script>alert(1)<", "x");
    directory.write("\" onclick=\"alert(1)", "x");
    directory.write("a:b?", "not a drive, not a query");
    let not_text = OsStr::from_bytes(b"\xff\xfe.txt");
    fs::write(directory.path(".").join(not_text), "bytes").unwrap();
    let server = Server::start(backend, directory);
    let page = server.get("/").text();
    assert!(!page.contains("<script") && !page.contains("\" onclick"), "{page}");
    assert!(page.contains("href=\"./%FF%FE.txt\""), "{page}");
    assert_eq!(server.get("/%FF%FE.txt").text(), "bytes");
    assert!(page.contains("href=\"./a%3Ab%3F\""), "{page}");
    assert_eq!(server.get("/a%3Ab%3F").text(), "not a drive, not a query");
}

fn curl_decodes_what_it_is_sent(backend: &str) {
    let server = serve(backend);
    let path = server.directory.path("real.txt");
    let content = "compresses well ".repeat(10_000);
    fs::write(&path, &content).unwrap();
    assert!(Command::new("gzip").arg("--keep").arg(&path).status().unwrap().success());
    let url = format!("http://{}/real.txt", server.address);
    let compressed = curl(&["-H", "Accept-Encoding: gzip", &url]).stdout;
    assert!(compressed.starts_with(&[0x1f, 0x8b]) && compressed.len() < content.len() / 10);
    assert!(curl(&["--compressed", &url]).stdout == content.as_bytes());
}
