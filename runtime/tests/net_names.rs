//! Names become addresses without holding up a worker, and every address is tried.

#[path = "support/deserted.rs"]
mod deserted;
#[cfg(unix)]
#[path = "support/system_of_unix.rs"]
mod system;
#[cfg(windows)]
#[path = "support/system_of_windows.rs"]
mod system;

use deserted::Deserted;
use fibra::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    thread,
};
use std::{
    io::ErrorKind,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

fn all(addresses: impl ToSocketAddrs) -> Vec<SocketAddr> {
    let direct: Vec<_> = addresses.to_socket_addrs().expect("it resolves").collect();
    let future: Vec<_> = fibra::wait(addresses.to_socket_addrs_async()).expect("it resolves").collect();
    assert_eq!(direct, future);
    direct
}

#[fibra::test]
fn everything_that_std_takes_is_taken() {
    let v4 = SocketAddr::from(([127, 0, 0, 1], 80));
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 80));
    assert_eq!(all(v4), [v4]);
    assert_eq!(all((v4.ip(), 80)), [v4]);
    assert_eq!(all((Ipv4Addr::LOCALHOST, 80)), [v4]);
    assert_eq!(all((Ipv6Addr::LOCALHOST, 80)), [v6]);
    let (SocketAddr::V4(only_v4), SocketAddr::V6(only_v6)) = (v4, v6) else { unreachable!("made above") };
    assert_eq!(all(only_v4), [v4]);
    assert_eq!(all(only_v6), [v6]);
    assert_eq!(all("127.0.0.1:80"), [v4]);
    assert_eq!(all("[::1]:80"), [v6]);
    assert_eq!(all(("127.0.0.1", 80)), [v4]);
    assert_eq!(all(("::1", 80)), [v6]);
    assert_eq!(all(String::from("127.0.0.1:80")), [v4]);
    assert_eq!(all((String::from("127.0.0.1"), 80)), [v4]);
    assert_eq!(all(&[v4, v6][..]), [v4, v6]);
    let by_reference: &SocketAddr = &v4;
    assert_eq!(all(by_reference), [v4]);
}

#[fibra::test]
fn a_name_is_looked_up() {
    let same = |ours: Vec<SocketAddr>| {
        let mut std: Vec<_> = std::net::ToSocketAddrs::to_socket_addrs("localhost:80").unwrap().collect();
        let mut ours = ours;
        std.sort();
        ours.sort();
        assert_eq!(ours, std);
    };
    same(all("localhost:80"));
    same(all(("localhost", 80)));
    same(all(String::from("localhost:80")));
    same(all((String::from("localhost"), 80)));
    fibra::unblock(|| same(all("localhost:80")));
}

#[fibra::test]
fn what_is_no_address_is_refused() {
    for text in ["localhost", "localhost:", "localhost:http", "localhost:65536", ":::"] {
        let error = TcpStream::connect(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}: {error}");
        let error = fibra::wait(TcpStream::connect_async(text)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}: {error}");
    }
    let none: &[SocketAddr] = &[];
    assert_eq!(TcpStream::connect(none).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(TcpListener::bind(none).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[fibra::test]
fn a_name_that_nobody_has_is_an_error() {
    // The ending is reserved for that.
    let direct = TcpStream::connect("nobody.invalid:80").unwrap_err();
    let future = fibra::wait(TcpStream::connect_async("nobody.invalid:80")).unwrap_err();
    // In the words of the standard library, or of the system.
    for error in [direct, future] {
        assert!(error.to_string().contains(system::NO_SUCH_NAME), "{error}");
    }
}

#[fibra::test(workers = 1)]
fn a_worker_goes_on_while_a_name_is_looked_up() {
    let elsewhere = Arc::new(AtomicBool::new(false));
    let other = Arc::clone(&elsewhere);
    drop(thread::spawn(move || other.store(true, SeqCst)));
    assert!(!elsewhere.load(SeqCst));
    // Nothing else here waits: if a look-up held the worker, the other thread would never run. It need not be the
    // first that lets it, since an answer that is back at once may come before the other thread's turn.
    let mut lookups = 0..100;
    while !elsewhere.load(SeqCst) {
        lookups.next().expect("the only worker was busy resolving");
        let _whatever_it_is = ("localhost", 80).to_socket_addrs();
    }
}

#[fibra::test]
fn nobody_there_is_an_error() {
    let deserted = Deserted::new();
    let address = deserted.address();
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    let refused = fibra::wait(TcpStream::connect_async(address)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let refused = fibra::unblock(|| TcpStream::connect(address)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[fibra::test]
fn every_address_is_tried_in_order() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = listener.local_addr().unwrap();
    let (one, two) = (Deserted::new(), Deserted::new());
    let addresses = [one.address(), two.address(), there];
    assert_eq!(TcpStream::connect(&addresses[..]).unwrap().peer_addr().unwrap(), there);
    let stream = fibra::wait(TcpStream::connect_async(&addresses[..])).unwrap();
    assert_eq!(stream.peer_addr().unwrap(), there);

    let stream = TcpStream::connect(&[there, one.address()][..]).unwrap();
    assert_eq!(stream.peer_addr().unwrap(), there);
    assert_eq!(TcpStream::connect(&addresses[..2]).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[fibra::test]
fn the_first_address_that_can_be_had_is_bound() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap();
    assert_eq!(TcpListener::bind(taken).unwrap_err().kind(), ErrorKind::AddrInUse);
    // Not ours: an address for documentation.
    let foreign = SocketAddr::from(([192, 0, 2, 1], 0));
    assert_eq!(TcpListener::bind(foreign).unwrap_err().kind(), ErrorKind::AddrNotAvailable);
    let bound = TcpListener::bind(&[taken, foreign, ([127, 0, 0, 1], 0).into()][..]).unwrap();
    assert!(bound.local_addr().unwrap().ip().is_loopback());
    let refused = fibra::wait(TcpListener::bind_async(&[taken, foreign][..])).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AddrNotAvailable);
}

#[fibra::test]
fn an_address_can_be_had_again_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = TcpStream::connect(address).unwrap();
    // Closed by the side that accepted: that one lingers.
    drop(listener.accept().unwrap());
    drop(listener);
    let again = TcpListener::bind(address).unwrap();
    drop(client);
    assert!(TcpStream::connect(again.local_addr().unwrap()).is_ok());
}
