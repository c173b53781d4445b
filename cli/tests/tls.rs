//! HTTPS: what curl makes of it, and what is said of a certificate that is no good.

#[macro_use]
mod server;
mod https;

use https::{certify, connect, https, serve, serve_with};
use rcgen::CertificateParams;
use server::{Client, Directory, NO_FILE, NO_SUCH_FILE, argument, curl, failure, fibra, wait_until};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

on_each_backend! {
    curl_gets_files_by_http_2_and_1
    a_certificate_that_curl_trusts_is_trusted
    a_large_file_arrives_whole
    a_client_without_tls_is_refused_and_hurts_nobody
    a_handshake_that_never_ends_is_cut_off
    a_large_head_is_refused_and_the_refusal_arrives
    a_download_finishes_before_the_end
    an_expired_certificate_is_a_warning
}

fn curl_gets_files_by_http_2_and_1(backend: &str) {
    let server = serve(backend, &[]);
    assert!(server.stdout().contains(&format!(" on https://{}/ ", server.address)), "{}", server.stdout());
    for (arguments, shown) in [
        (&["-k"][..], "2 200 4"),
        (&["-k", "--http2"], "2 200 4"),
        (&["-k", "--http1.1"], "1.1 200 4"),
        (&["-k", "--no-alpn"], "1.1 200 4"),
        (&["-k", "--tls-max", "1.2"], "2 200 4"),
        (&["-k", "--http1.0"], "1 200 4"),
    ] {
        let (seen, body) = https(&server, "/a.txt", arguments);
        assert_eq!(seen, shown, "{arguments:?}");
        assert_eq!(body, b"text", "{arguments:?}");
    }
}

fn a_certificate_that_curl_trusts_is_trusted(backend: &str) {
    let (server, certificate) = serve_with(backend, |_| (), &[]);
    assert_eq!(https(&server, "/a.txt", &["--cacert", &certificate]).1, b"text");
    let url = format!("https://{}/a.txt", server.address);
    let distrusting = curl(&[&url]);
    assert_eq!(distrusting.status.code(), Some(60), "{distrusting:?}");
    let failed = "fibra_http_connections_given_up_total{reason=\"handshake\"} 1";
    wait_until("the refusal is counted", || {
        String::from_utf8(https(&server, "/_fibra/metrics", &["-k"]).1).unwrap().contains(failed)
    });
}

fn a_large_file_arrives_whole(backend: &str) {
    let server = serve(backend, &[]);
    let content = fs::read(server.directory.path("big")).unwrap();
    for protocol in ["--http2", "--http1.1"] {
        assert!(https(&server, "/big", &["-k", protocol]).1 == content, "{protocol}");
        let part = https(&server, "/big", &["-k", protocol, "--range", "100-9999999"]).1;
        assert!(part == content[100..10_000_000], "{protocol}");
    }
}

fn a_client_without_tls_is_refused_and_hurts_nobody(backend: &str) {
    let server = serve(backend, &[]);
    for nonsense in [
        "GET /a.txt HTTP/1.1\r\nHost: test\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\0\0\0\0",
        "\u{16}\u{3}\u{1}\0\u{1}x",
    ] {
        let mut client = server.connect();
        client.send(nonsense);
        client.stream.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        // A reset is an answer as well, if it comes while bytes of ours are on their way.
        let _ = client.stream.read_to_end(&mut answer);
        assert!(!answer.windows(4).any(|window| window == b"text" || window == b"HTTP"), "{nonsense:?}");
    }
    wait_until("the log says so", || server.stdout().matches("the TLS handshake failed: ").count() == 4);
    assert_eq!(https(&server, "/a.txt", &["-k"]).1, b"text");
}

fn a_handshake_that_never_ends_is_cut_off(backend: &str) {
    let server = serve(backend, &["--header-timeout", "1s"]);
    let mut clients: Vec<Client> = (0..20).map(|_| server.connect()).collect();
    for client in &mut clients[..10] {
        client.send("\u{16}\u{3}\u{1}");
    }
    assert!(clients.iter_mut().all(Client::is_closed));
    assert_eq!(https(&server, "/a.txt", &["-k"]).1, b"text");
}

fn a_large_head_is_refused_and_the_refusal_arrives(backend: &str) {
    let (server, certificate) = serve_with(backend, |_| (), &[]);
    let mut client = connect(&server, &certificate);
    let head = format!("GET /a.txt HTTP/1.1\r\nHost: test\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    // All of it, as of one that isn't encrypted.
    client.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 431 "), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(https(&server, "/a.txt", &["-k"]).1, b"text");
}

fn a_download_finishes_before_the_end(backend: &str) {
    let (mut server, certificate) = serve_with(backend, |_| (), &[]);
    let content = fs::read(server.directory.path("big")).unwrap();
    let mut client = connect(&server, &certificate);
    client.write_all(b"GET /big HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    client.read_exact(&mut [0; 12]).unwrap();
    let mut idle = connect(&server, &certificate);
    idle.write_all(b"HEAD /a.txt HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    idle.read_exact(&mut [0; 12]).unwrap();
    server.ask_to_end();
    wait_until("new connections are refused", || TcpStream::connect(server.address).is_err());
    // Whoever reads to the end without an error has been told that it is the end, and not only cut off.
    idle.read_to_end(&mut Vec::new()).unwrap();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(&content), "{} bytes", rest.len());
    assert_eq!((server.end().code(), server.stderr().as_str()), (Some(0), ""));
}

fn an_expired_certificate_is_a_warning(backend: &str) {
    for (from, until, warning) in
        [(1999, 2000, "has expired on 2000-01-01"), (2098, 2099, "is not valid before 2098-01-01")]
    {
        let change = |params: &mut CertificateParams| {
            params.not_before = rcgen::date_time_ymd(from, 1, 1);
            params.not_after = rcgen::date_time_ymd(until, 1, 1);
        };
        let (server, certificate) = serve_with(backend, change, &[]);
        let line = format!("fibra: the certificate in {certificate} {warning}T00:00:00Z\n");
        wait_until("the warning is there", || server.stderr() == line);
        assert_eq!(https(&server, "/a.txt", &["-k"]).1, b"text");
    }
}

#[test]
fn what_is_wrong_with_a_certificate_or_key_is_said_in_one_line() {
    let directory = Directory::new();
    let [certificate, key] = certify(&directory, "one", |_| ());
    let [other_certificate, other_key] = certify(&directory, "other", |_| ());
    let write = |name: &str, content: &str| {
        let path = directory.outside(name);
        fs::write(&path, content).unwrap();
        argument(&path).to_owned()
    };
    let none = argument(&directory.outside("none")).to_owned();
    let text = write("text", "this is no PEM\n");
    let broken = write("broken", "-----BEGIN CERTIFICATE-----\nMIIB\n");
    let nonsense = write("nonsense", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    let folder = argument(&directory.path(".")).to_owned();
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let encrypted = write("encrypted", encrypted);
    for (certificate, key, file, problem) in [
        (&none, &key, &none, NO_SUCH_FILE),
        (&certificate, &none, &none, NO_SUCH_FILE),
        (&folder, &key, &folder, NO_FILE),
        (&text, &key, &text, "there is none in it"),
        (&key, &key, &key, "there is none in it"),
        (&certificate, &certificate, &certificate, "there is none in it"),
        (&certificate, &text, &text, "there is none in it"),
        (&certificate, &encrypted, &encrypted, "without a password"),
        (&broken, &key, &broken, "can't read a certificate"),
        (&nonsense, &key, &nonsense, "can't be used"),
        (&certificate, &other_key, &other_key, "doesn't belong to the certificate"),
        (&other_certificate, &key, &other_certificate, "doesn't belong to the certificate"),
    ] {
        let mut command = fibra(&["serve", argument(&directory.path(".")), "--addr", ":0"]);
        let (status, message) = failure(command.args(["--cert", certificate, "--key", key]));
        assert_eq!((status, message.lines().count()), (1, 1), "{message}");
        assert!(message.starts_with("fibra: ") && message.contains(file.as_str()), "{message}");
        assert!(message.contains(problem), "{message} is not about {problem}");
    }
}

#[test]
fn a_certificate_without_a_key_is_a_usage_error() {
    for option in ["--cert", "--key"] {
        let (status, message) = failure(&mut fibra(&["serve", option, "file"]));
        assert_eq!(status, 2, "{message}");
    }
}
