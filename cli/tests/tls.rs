//! HTTPS: what curl makes of it, and what is said of a certificate that is no good.

#[macro_use]
mod server;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use server::{Client, Directory, Server, argument, curl, failure, fibra, noise, wait_until};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

on_each_backend! {
    curl_gets_files_by_http_2_and_1
    a_certificate_that_curl_trusts_is_trusted
    a_large_file_arrives_whole
    a_client_without_tls_is_refused_and_hurts_nobody
    a_handshake_that_never_ends_is_cut_off
    a_large_head_is_refused_and_the_refusal_arrives
    a_download_finishes_before_the_end
    an_expired_certificate_is_a_warning
    a_new_certificate_is_used_after_a_hangup_signal
    a_new_certificate_that_is_no_good_changes_nothing
}

/// A certificate for this machine, beside the served directory, and its key.
fn certify(directory: &Directory, name: &str, change: impl FnOnce(&mut CertificateParams)) -> [String; 2] {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.self_signed(&key).unwrap();
    let write = |ending: &str, pem: String| {
        let path = directory.outside(&format!("{name}.{ending}"));
        fs::write(&path, pem).unwrap();
        argument(&path).to_owned()
    };
    [write("cert", certificate.pem()), write("key", key.serialize_pem())]
}

fn serve_with(
    backend: &str,
    change: impl FnOnce(&mut CertificateParams),
    options: &[&str],
) -> (Server, String) {
    let directory = Directory::new();
    directory.write("a.txt", "text");
    directory.write("big", noise(16 << 20));
    let [certificate, key] = certify(&directory, "own", change);
    let options = [&["--cert", &certificate, "--key", &key], options].concat();
    (Server::start_with(backend, directory, &options), certificate)
}

fn serve(backend: &str, options: &[&str]) -> Server {
    serve_with(backend, |_| (), options).0
}

/// One request by curl: the protocol, status and length that it shows, and the body.
fn https(server: &Server, path: &str, arguments: &[&str]) -> (String, Vec<u8>) {
    let url = format!("https://{}{path}", server.address);
    let shown = "%{stderr}%{http_version} %{http_code} %{size_download}";
    let output = curl(&[&["--write-out", shown, &url], arguments].concat());
    assert!(output.status.success(), "{:?} {}", output.status, String::from_utf8_lossy(&output.stderr));
    (String::from_utf8(output.stderr).unwrap(), output.stdout)
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

/// A TLS client that trusts this certificate, for exactly the bytes that a test wants sent and read.
fn connect(server: &Server, certificate: &str) -> rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(server.address).unwrap();
    socket.set_read_timeout(Some(server::PATIENCE)).unwrap();
    rustls::StreamOwned::new(connection, socket)
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
    server.signal("TERM");
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
    server.signal("TERM");
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
        (&none, &key, &none, "No such file or directory"),
        (&certificate, &none, &none, "No such file or directory"),
        (&folder, &key, &folder, "Is a directory"),
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
