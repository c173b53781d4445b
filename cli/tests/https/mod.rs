//! A server with a certificate, and clients that speak TLS.

#![allow(dead_code, reason = "each test file uses its part of this")]

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::fs;
use std::net::TcpStream;
use std::sync::Arc;

use crate::server::{self, Directory, Server, argument, curl, noise};

/// A certificate for this machine, beside the served directory, and its key.
pub fn certify(
    directory: &Directory,
    name: &str,
    change: impl FnOnce(&mut CertificateParams),
) -> [String; 2] {
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

pub fn serve_with(
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

pub fn serve(backend: &str, options: &[&str]) -> Server {
    serve_with(backend, |_| (), options).0
}

/// One request by curl: the protocol, status and length that it shows, and the body.
pub fn https(server: &Server, path: &str, arguments: &[&str]) -> (String, Vec<u8>) {
    let url = format!("https://{}{path}", server.address);
    let shown = "%{stderr}%{http_version} %{http_code} %{size_download}";
    let output = curl(&[&["--write-out", shown, &url], arguments].concat());
    assert!(output.status.success(), "{:?} {}", output.status, String::from_utf8_lossy(&output.stderr));
    (String::from_utf8(output.stderr).unwrap(), output.stdout)
}

/// A TLS client that trusts this certificate, for exactly the bytes that a test wants sent and read.
pub fn connect(
    server: &Server,
    certificate: &str,
) -> rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
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
