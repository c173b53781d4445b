//! Unix sockets under the traits of tokio, futures-io and hyper: no byte is lost or reordered.
#![cfg(unix)]

use bytes::Bytes;
use fibra::{future::spawn, net::unix::UnixStream};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, client, server::conn::http1, service::service_fn};
use std::{io, sync::Arc};

const BIG: usize = 4 << 20;

fn pair() -> (UnixStream, UnixStream) {
    UnixStream::pair().expect("there are descriptors")
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|place| (place / 251) as u8 ^ place as u8).collect()
}

#[fibra::test]
async fn tokios_traits_move_much_both_ways_at_once() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, split};
    let (client, server) = pair();
    let echo = spawn(async move {
        let (mut reading, mut writing) = split(server);
        let copied = copy(&mut reading, &mut writing).await?;
        writing.shutdown().await?;
        Ok::<_, io::Error>(copied)
    });
    let (mut reading, mut writing) = split(client);
    let sender = spawn(async move {
        writing.write_all(&bytes(BIG)).await?;
        writing.shutdown().await
    });
    let mut received = Vec::new();
    reading.read_to_end(&mut received).await.unwrap();
    assert!(received == bytes(BIG));
    sender.await.unwrap().unwrap();
    assert_eq!(echo.await.unwrap().unwrap(), BIG as u64);
}

#[fibra::test]
async fn the_traits_of_futures_work_through_shared_references() {
    use futures_util::{AsyncReadExt, AsyncWriteExt, io::copy};
    let (client, server) = pair();
    let echo = spawn(async move {
        let copied = copy(&server, &mut &server).await?;
        (&server).close().await?;
        Ok::<_, io::Error>(copied)
    });
    let client = Arc::new(client);
    let sending = Arc::clone(&client);
    let sender = spawn(async move {
        AsyncWriteExt::write_all(&mut &*sending, &bytes(BIG)).await?;
        (&*sending).close().await
    });
    let mut received = Vec::new();
    AsyncReadExt::read_to_end(&mut &*client, &mut received).await.unwrap();
    assert!(received == bytes(BIG));
    sender.await.unwrap().unwrap();
    assert_eq!(echo.await.unwrap().unwrap(), BIG as u64);
}

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    Ok(Response::new(Full::new(request.into_body().collect().await?.to_bytes())))
}

#[fibra::test]
async fn hypers_client_speaks_to_hypers_server() {
    let (client, server) = pair();
    drop(spawn(http1::Builder::new().serve_connection(server, service_fn(echo))));
    let (mut sender, connection) = client::conn::http1::handshake(client).await.expect("it is HTTP");
    let connection = spawn(connection);
    let body = Full::new(Bytes::from(bytes(BIG)));
    let request = Request::post("/").header("host", "here").body(body).expect("it is valid");
    let response = sender.send_request(request).await.expect("it is answered");
    assert!(response.into_body().collect().await.expect("it comes whole").to_bytes() == bytes(BIG));
    drop(sender);
    connection.await.expect("no panic").expect("it has ended in order");
}
