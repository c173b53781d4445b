//! TLS by rustls on fibra's streams: in direct style as it is written for std, and by tokio's traits.

#[path = "support/certificate.rs"]
mod certificate;

use fibra::{
    io::Foreign,
    net::{TcpListener, TcpStream},
    thread, time,
};
use rustls::{ClientConnection, ServerConfig, ServerConnection, StreamOwned, pki_types::ServerName};
use std::{
    io::{self, ErrorKind, Read, Write},
    sync::Arc,
    time::Duration,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

const BIG: usize = 1 << 20;

fn configurations() -> (Arc<ServerConfig>, Arc<rustls::ClientConfig>) {
    let made = certificate::for_localhost();
    let client = certificate::client(made.certificate.der().clone(), &[]);
    let server = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has what they need")
        .with_no_client_auth()
        .with_single_cert(vec![made.certificate.der().clone()], made.key)
        .expect("they belong together");
    (Arc::new(server), client)
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").expect("it is a name")
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|place| (place / 251) as u8 ^ place as u8).collect()
}

/// Sends everything back, and goodbye.
fn echo(mut stream: StreamOwned<ServerConnection, TcpStream>) -> io::Result<()> {
    let mut received = Vec::new();
    stream.read_to_end(&mut received)?;
    stream.write_all(&received)?;
    stream.conn.send_close_notify();
    stream.flush()
}

#[fibra::test]
fn green_threads_speak_tls_in_plain_code() {
    let (server, client) = configurations();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let clients = 50;
    let acceptor = thread::spawn(move || {
        let serve = |stream| {
            let connection = ServerConnection::new(Arc::clone(&server)).expect("it is valid");
            thread::spawn(move || echo(StreamOwned::new(connection, stream)))
        };
        let threads: Vec<_> =
            listener.incoming().take(clients).map(|stream| serve(stream.expect("it connects"))).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
    });
    let clients: Vec<_> = (0..clients)
        .map(|number| {
            let connection = ClientConnection::new(Arc::clone(&client), localhost()).unwrap();
            thread::spawn(move || {
                let stream = TcpStream::connect(address).expect("it listens");
                let mut stream = StreamOwned::new(connection, stream);
                let sent = bytes(number * 1000 + 1);
                stream.write_all(&sent).expect("it is read");
                stream.conn.send_close_notify();
                stream.flush().expect("it is read");
                let mut received = Vec::new();
                stream.read_to_end(&mut received).expect("it ends well");
                assert!(received == sent);
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    acceptor.join().unwrap();
}

#[fibra::test]
async fn futures_speak_tls_by_tokios_traits() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (server, client) = configurations();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let echo = fibra::future::spawn(async move {
        let (stream, _) = listener.accept_async().await?;
        let stream = TlsAcceptor::from(server).accept(stream).await?;
        let (mut reading, mut writing) = tokio::io::split(stream);
        tokio::io::copy(&mut reading, &mut writing).await?;
        writing.shutdown().await
    });
    let stream = TcpStream::connect_async(address).await.unwrap();
    let stream = TlsConnector::from(client).connect(localhost(), stream).await.unwrap();
    let (mut reading, mut writing) = tokio::io::split(stream);
    let sender = fibra::future::spawn(async move {
        AsyncWriteExt::write_all(&mut writing, &bytes(BIG)).await?;
        writing.shutdown().await
    });
    let mut received = Vec::new();
    AsyncReadExt::read_to_end(&mut reading, &mut received).await.unwrap();
    assert!(received == bytes(BIG));
    sender.await.unwrap().unwrap();
    echo.await.unwrap().unwrap();
}

/// One end is written for std, the other for tokio and then used in direct style.
#[fibra::test]
fn the_two_kinds_speak_with_each_other() {
    let (server, client) = configurations();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let connection = ServerConnection::new(server).unwrap();
    let echo = thread::spawn(move || echo(StreamOwned::new(connection, accepted)));
    let stream = fibra::wait(TlsConnector::from(client).connect(localhost(), stream)).unwrap();
    let mut stream = Foreign::tokio(stream);
    stream.write_all(&bytes(50_000)).unwrap();
    stream.shutdown().unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    assert!(received == bytes(50_000));
    echo.join().unwrap().unwrap();
}

#[fibra::test]
fn a_client_that_trusts_nobody_gets_an_error_and_no_bytes() {
    let (server, _) = configurations();
    let (_, stranger) = configurations();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let refused = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("it connects");
        let connection = ServerConnection::new(server).expect("it is valid");
        echo(StreamOwned::new(connection, stream)).unwrap_err()
    });
    let connection = ClientConnection::new(stranger, localhost()).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address).unwrap());
    let error = stream.write_all(b"secret").unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    // The alert that says so is still to be sent.
    _ = stream.flush();
    drop(stream);
    let error = refused.join().unwrap();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
        ),
        "{error}"
    );
}

#[fibra::test]
fn a_handshake_that_stops_halfway_is_ended_by_a_deadline() {
    let (server, _) = configurations();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _silent = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let connection = ServerConnection::new(server).unwrap();
    let late = time::timeout(Duration::from_millis(2), || echo(StreamOwned::new(connection, stream)));
    assert_eq!(late.unwrap().unwrap_err().kind(), ErrorKind::TimedOut);
}
