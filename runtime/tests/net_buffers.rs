//! What an operation may own: each kind of buffer carries its bytes over a connection.

use fibra::{
    io::{Buffer, BufferMut},
    net::{TcpListener, TcpStream},
};
use std::{borrow::Cow, sync::Arc};

const TEXT: &str = "from one side to the other";

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let client =
        TcpStream::connect_async(listener.local_addr().expect("it is bound")).await.expect("it listens");
    (client, listener.accept_async().await.expect("there is one").0)
}

/// Sends a buffer of the text's bytes, from another task, so that it moves while it is lent.
async fn arrives(buffer: impl Buffer) {
    let (client, server) = pair().await;
    let sender = fibra::future::spawn(async move {
        let (written, buffer) = client.write_all_async(buffer).await;
        written.expect("it is connected");
        assert_eq!(buffer.bytes(), TEXT.as_bytes());
    });
    let (read, bytes) = server.read_exact_async(vec![0; TEXT.len()]).await;
    read.expect("it was sent");
    assert_eq!(bytes, TEXT.as_bytes());
    sender.await.expect("the buffer came back");
}

/// Fills a buffer that is as long as the text.
async fn is_filled(buffer: impl BufferMut) {
    let (client, server) = pair().await;
    let receiver = fibra::future::spawn(async move {
        let (read, buffer) = server.read_exact_async(buffer).await;
        read.expect("it was sent");
        assert_eq!(buffer.bytes(), TEXT.as_bytes());
    });
    client.write_all_async(TEXT).await.0.expect("it is connected");
    receiver.await.expect("the buffer was filled");
}

fn array() -> [u8; TEXT.len()] {
    TEXT.as_bytes().try_into().expect("it is as long")
}

#[fibra::test]
async fn what_is_owned_or_shared_is_sent() {
    arrives(TEXT.as_bytes().to_vec()).await;
    arrives(TEXT.to_owned()).await;
    arrives(TEXT.as_bytes().to_vec().into_boxed_slice()).await;
    arrives(Box::new(array())).await;
    arrives(Arc::<[u8]>::from(TEXT.as_bytes())).await;
    arrives(Arc::<str>::from(TEXT)).await;
    arrives(Arc::new(TEXT.as_bytes().to_vec())).await;
}

#[fibra::test]
async fn what_is_static_or_either_is_sent() {
    arrives(TEXT).await;
    arrives(TEXT.as_bytes()).await;
    arrives(b"from one side to the other").await;
    arrives(Cow::Borrowed(TEXT)).await;
    arrives(Cow::<str>::Owned(TEXT.to_owned())).await;
    arrives(Cow::Borrowed(TEXT.as_bytes())).await;
    arrives(Cow::<[u8]>::Owned(TEXT.as_bytes().to_vec())).await;
}

#[fibra::test]
async fn what_is_owned_alone_is_filled() {
    is_filled(vec![0; TEXT.len()]).await;
    is_filled(vec![0; TEXT.len()].into_boxed_slice()).await;
    is_filled(Box::new([0; TEXT.len()])).await;
}

#[cfg(feature = "bytes")]
#[fibra::test]
async fn bytes_are_sent_and_filled() {
    use bytes::{Bytes, BytesMut};

    arrives(Bytes::from_static(TEXT.as_bytes())).await;
    arrives(Bytes::from(TEXT.to_owned())).await;
    arrives(Bytes::from_owner(array())).await;
    arrives(Bytes::from(format!("..{TEXT}..")).slice(2..2 + TEXT.len())).await;
    arrives(BytesMut::from(TEXT)).await;
    is_filled(BytesMut::zeroed(TEXT.len())).await;
    let mut shared = BytesMut::zeroed(2 * TEXT.len());
    is_filled(shared.split_off(TEXT.len())).await;
    assert!(shared.iter().all(|byte| *byte == 0), "the other part was filled");
}

#[fibra::test]
async fn a_buffer_is_filled_to_its_length_not_to_its_capacity() {
    let (client, server) = pair().await;
    client.write_all_async(TEXT).await.0.unwrap();
    assert_eq!(server.read_async(Vec::with_capacity(4096)).await.0.unwrap(), 0);
    let (read, bytes) = server.read_async(vec![0; 4096]).await;
    assert_eq!(&bytes[..read.unwrap()], TEXT.as_bytes());
}
