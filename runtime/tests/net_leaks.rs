//! Whatever happens to an operation, no descriptor is left over. Alone in its file: it counts those of the whole process.

#[macro_use]
#[path = "support/backends.rs"]
mod backends;
#[cfg(unix)]
#[path = "support/census_of_unix.rs"]
mod census;
#[cfg(windows)]
#[path = "support/census_of_windows.rs"]
mod census;

#[cfg(unix)]
#[path = "support/system_of_unix.rs"]
mod system;
#[cfg(windows)]
#[path = "support/system_of_windows.rs"]
mod system;

use fibra::{
    net::{TcpListener, TcpStream},
    thread, time,
};
use std::time::Duration;

/// Waits until only so many are open: what was dropped may still belong to the kernel for a moment.
fn settle(before: usize, what: &str) {
    for _ in 0..2000 {
        if census::descriptors() <= before {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("{what}: {} descriptors are open, {before} were before", census::descriptors());
}

fn accepts_that_are_cancelled_while_connections_come() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = listener.local_addr().expect("it is bound");
    for round in 0..200 {
        let direct = listener.try_clone().expect("it never fails");
        let direct = thread::spawn(move || direct.accept());
        let future = fibra::future::spawn(listener.accept_async());
        let connecting = thread::spawn(move || TcpStream::connect(address));
        for _ in 0..round % 5 {
            thread::yield_now();
        }
        direct.cancel();
        future.cancel();
        drop(connecting.join());
        drop(direct.join());
        drop(fibra::wait(future));
    }
}

fn connects_that_are_cancelled() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = listener.local_addr().expect("it is bound");
    for round in 0..100 {
        let direct = thread::spawn(move || TcpStream::connect(address));
        let future = fibra::future::spawn(TcpStream::connect_async(address));
        for _ in 0..round % 5 {
            thread::yield_now();
        }
        direct.cancel();
        future.cancel();
        drop(direct.join());
        drop(fibra::wait(future));
    }
}

fn streams_that_are_dropped_under_their_operations() {
    for _ in 0..100 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
        let (server, _) = listener.accept().expect("there is one");
        let reading = fibra::future::spawn(client.read_async(vec![0; 64]));
        let accepting = fibra::future::spawn(listener.accept_async());
        thread::yield_now();
        drop((client, listener, server));
        drop(fibra::wait(reading));
        accepting.cancel();
        drop(fibra::wait(accepting));
    }
}

fn opens_that_are_cancelled() {
    for round in 0..100 {
        let direct = thread::spawn(|| fibra::fs::File::open(system::NOTHING));
        let future = fibra::future::spawn(fibra::fs::File::open_async(system::NOTHING));
        let timed = fibra::future::spawn(time::timeout_async(
            Duration::from_micros(round),
            fibra::fs::File::open_async(system::NOTHING),
        ));
        for _ in 0..round % 5 {
            thread::yield_now();
        }
        direct.cancel();
        future.cancel();
        drop(direct.join());
        drop(fibra::wait(future));
        drop(fibra::wait(timed));
    }
}

fn no_descriptor_is_left_over(backend: fibra::Backend) {
    fibra::Builder::new().backend(backend).run(|| {
        let scenes: [(&str, fn()); 4] = [
            ("accept", accepts_that_are_cancelled_while_connections_come),
            ("connect", connects_that_are_cancelled),
            ("drop", streams_that_are_dropped_under_their_operations),
            ("open", opens_that_are_cancelled),
        ];
        for (what, scene) in scenes {
            let before = census::descriptors();
            scene();
            settle(before, what);
        }
    });
}

one_backend_at_a_time!(no_descriptor_is_left_over);
