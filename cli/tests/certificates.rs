//! A new certificate is used when a signal says that there is one.
//!
//! On Windows nothing says so: there it takes a new start.
#![cfg(unix)]

#[macro_use]
mod server;
mod https;

use https::{certify, connect, serve_with};
use server::{Server, argument, curl, wait_until};
use std::fs;
use std::io::{Read, Write};

on_each_backend! {
    a_new_certificate_is_used_after_a_hangup_signal
    a_new_certificate_that_is_no_good_changes_nothing
}

/// Replaces the files of the server's certificate and key by those.
fn replace(server: &Server, [certificate, key]: &[String; 2]) {
    fs::copy(certificate, server.directory.outside("own.cert")).unwrap();
    fs::copy(key, server.directory.outside("own.key")).unwrap();
}

/// Asks for the files to be read again, and waits for this line.
fn reload(server: &Server, line: &str) {
    let before = server.stderr().matches(line).count();
    server.signal("HUP");
    wait_until("the reload is reported", || server.stderr().matches(line).count() == before + 1);
}

fn is_trusted(server: &Server, certificate: &str) -> bool {
    let url = format!("https://{}/a.txt", server.address);
    let output = curl(&["--cacert", certificate, &url]);
    // 60: the server's certificate is not the one that is trusted.
    assert!(output.stdout == b"text" || output.status.code() == Some(60), "{output:?}");
    output.status.success()
}

fn a_new_certificate_is_used_after_a_hangup_signal(backend: &str) {
    let (mut server, first) = serve_with(backend, |_| (), &[]);
    let old = server.directory.outside("old.cert");
    fs::copy(&first, &old).unwrap();
    let old = argument(&old).to_owned();
    let mut connected = connect(&server, &first);
    connected.write_all(b"HEAD /a.txt HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    connected.read_exact(&mut [0; 12]).unwrap();
    let next = certify(&server.directory, "next", |_| ());
    replace(&server, &next);
    assert!(is_trusted(&server, &old) && !is_trusted(&server, &next[0]), "nobody has asked for it yet");
    reload(&server, &format!("fibra: the certificate in {first} is in use from now on\n"));
    assert!(!is_trusted(&server, &old) && is_trusted(&server, &next[0]));
    // Who was there before notices nothing.
    connected.write_all(b"GET /a.txt HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    let mut rest = Vec::new();
    connected.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"\r\n\r\ntext"), "{}", String::from_utf8_lossy(&rest));
    server.ask_to_end();
    assert_eq!((server.end().code(), server.stderr().lines().count()), (Some(0), 1));
}

fn a_new_certificate_that_is_no_good_changes_nothing(backend: &str) {
    let (server, file) = serve_with(backend, |_| (), &[]);
    let outside = |name: &str| argument(&server.directory.outside(name)).to_owned();
    let good = [outside("good.cert"), outside("good.key")];
    fs::copy(&file, &good[0]).unwrap();
    fs::copy(outside("own.key"), &good[1]).unwrap();
    let [other, other_key] = certify(&server.directory, "other", |_| ());
    let expired = certify(&server.directory, "expired", |params| {
        params.not_before = rcgen::date_time_ymd(1999, 1, 1);
        params.not_after = rcgen::date_time_ymd(2000, 1, 1);
    });
    let nonsense = outside("nonsense");
    fs::write(&nonsense, "this is no PEM\n").unwrap();
    let bad = [
        ([good[0].clone(), other_key], "doesn't belong to the certificate in"),
        ([other, good[1].clone()], "doesn't belong to the certificate in"),
        ([nonsense.clone(), good[1].clone()], "can't read a certificate from"),
        ([good[0].clone(), nonsense], "can't read a key from"),
        (expired, "has expired on 2000-01-01"),
    ];
    for (files, problem) in &bad {
        replace(&server, files);
        reload(&server, "fibra: the certificate in use stays: ");
        let line = server.stderr().lines().last().unwrap().to_owned();
        assert!(line.contains(problem) && line.contains(&outside("own.")), "{line}");
        assert!(is_trusted(&server, &good[0]), "{line}");
    }
    fs::remove_file(outside("own.key")).unwrap();
    reload(&server, "No such file or directory");
    assert!(is_trusted(&server, &good[0]));
    // Each of them is reported once, and then there is one that is as it should be.
    assert_eq!(server.stderr().lines().count(), bad.len() + 1);
    let next = certify(&server.directory, "next", |_| ());
    replace(&server, &next);
    reload(&server, "is in use from now on");
    assert!(is_trusted(&server, &next[0]));
}
