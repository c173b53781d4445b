//! Unix sockets as Linux has them: names outside of the file system, and datagrams that wait for room.
#![cfg(target_os = "linux")]

#[path = "support/scratch.rs"]
mod scratch;

use fibra::{
    cancel::Cancelled,
    future,
    net::unix::{SocketAddr, UnixDatagram, UnixListener, UnixStream},
    thread, time,
};
use scratch::Scratch;
use std::{io::ErrorKind, os::linux::net::SocketAddrExt, time::Duration};

const MOMENT: Duration = Duration::from_millis(2);

#[fibra::test]
async fn names_outside_of_the_file_system_are_found() {
    for name in [format!("fibra-{}", std::process::id()), "\0zeros\0within\0".to_owned()] {
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        // The tests of the other backends take the same names in their turn.
        let listener = loop {
            match UnixListener::bind_addr(&address) {
                Err(error) if error.kind() == ErrorKind::AddrInUse => time::sleep(MOMENT).await,
                bound => break bound.unwrap(),
            }
        };
        assert_eq!(listener.local_addr().unwrap().as_abstract_name(), Some(name.as_bytes()));
        let direct = UnixStream::connect_addr(&address).unwrap();
        assert_eq!(direct.peer_addr().unwrap().as_abstract_name(), Some(name.as_bytes()));
        drop(UnixStream::connect_addr_async(&address).await.unwrap());
    }
}

#[fibra::test]
fn who_sends_to_a_full_queue_waits_and_can_be_cancelled() {
    let scratch = Scratch::new();
    let path = scratch.join("queue");
    let receiver = UnixDatagram::bind(&path).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    sender.set_nonblocking(true).unwrap();
    let mut queued = 0u32;
    while sender.send_to(&queued.to_ne_bytes(), &path).is_ok() {
        queued += 1;
    }
    sender.set_nonblocking(false).unwrap();
    sender.set_write_timeout(Some(MOMENT)).unwrap();
    assert_eq!(sender.send_to(b"late", &path).unwrap_err().kind(), ErrorKind::TimedOut);
    sender.set_write_timeout(None).unwrap();
    let send = || {
        let (sender, path) = (sender.try_clone().unwrap(), path.clone());
        thread::spawn(move || sender.send_to(&queued.to_ne_bytes(), path))
    };
    let cancelled = send();
    thread::sleep(MOMENT);
    cancelled.cancel();
    assert!(Cancelled::caused(&cancelled.join().unwrap().unwrap_err()));
    let (waiting, waiting_future) =
        (send(), future::spawn(sender.send_to_async((queued + 1).to_ne_bytes().to_vec(), path.clone())));
    thread::sleep(MOMENT);
    assert!(!waiting.is_finished() && !waiting_future.is_finished());
    let mut numbers: Vec<u32> = (0..queued + 2)
        .map(|_| {
            let mut number = [0; 4];
            assert_eq!(receiver.recv(&mut number).unwrap(), 4);
            u32::from_ne_bytes(number)
        })
        .collect();
    waiting.join().unwrap().unwrap();
    fibra::wait(waiting_future).unwrap().0.unwrap();
    // The last two have waited side by side.
    numbers[queued as usize..].sort_unstable();
    assert!(numbers.into_iter().eq(0..queued + 2), "none is lost, and none came twice");
}

#[fibra::test]
fn who_is_connected_with_a_full_queue_waits_and_sends_every_byte() {
    let scratch = Scratch::new();
    let receiver = UnixDatagram::bind(scratch.join("queue")).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    sender.connect(scratch.join("queue")).unwrap();
    // Many times what the queue holds.
    const COUNT: u32 = 5_000;
    let sending = thread::spawn(move || {
        for number in 0..COUNT {
            let datagram = number.to_ne_bytes();
            let sent = match number % 2 {
                0 => sender.send(&datagram),
                _ => fibra::wait(sender.send_async(datagram.to_vec())).0,
            };
            assert_eq!(sent.unwrap(), 4);
        }
    });
    thread::sleep(MOMENT);
    for number in 0..COUNT {
        let mut datagram = [0; 8];
        assert_eq!(receiver.recv(&mut datagram).unwrap(), 4);
        assert_eq!(datagram[..4], number.to_ne_bytes());
    }
    sending.join().unwrap();
}
