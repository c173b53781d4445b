//! A panic in one green thread reaches its handle, and nothing else.

#[path = "support/child.rs"]
mod child;

use fibra::thread;
use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

/// What a destructor does while its thread unwinds.
struct Finally<F: FnMut()>(F);

impl<F: FnMut()> Drop for Finally<F> {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "the test is about destructors during a panic");
        (self.0)();
    }
}

/// Green threads that hold a lock of std's over and over, and notice if it gets poisoned.
fn innocents(stop: &Arc<Mutex<bool>>) -> Vec<thread::JoinHandle<bool>> {
    (0..4)
        .map(|_| {
            let stop = Arc::clone(stop);
            thread::spawn(move || {
                let own = Mutex::new(0);
                while !*stop.lock().unwrap() {
                    *own.lock().unwrap() += 1;
                    thread::yield_now();
                }
                !own.is_poisoned()
            })
        })
        .collect()
}

#[fibra::test(workers = 1)]
fn a_destructor_that_waits_during_a_panic_poisons_nobody_elses_locks() {
    let stop = Arc::new(Mutex::new(false));
    let innocents = innocents(&stop);
    for _ in 0..20 {
        let panics = thread::spawn(|| {
            let _finally = Finally(|| thread::sleep(Duration::from_millis(1)));
            panic!("on purpose");
        });
        assert!(panics.join().is_err());
    }
    *stop.lock().unwrap() = true;
    assert!(innocents.into_iter().all(|thread| thread.join().unwrap()));
    assert!(!stop.is_poisoned());
}

#[fibra::test(workers = 1)]
fn a_destructor_talks_to_a_peer_of_its_worker_and_poisons_nothing() {
    use fibra::net::{TcpListener, TcpStream};
    use std::io::{Read, Write};

    let stop = Arc::new(Mutex::new(false));
    let innocents = innocents(&stop);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let peer = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"welcome").unwrap();
        let mut farewell = Vec::new();
        stream.read_to_end(&mut farewell).unwrap();
        farewell
    });
    let mut stream = TcpStream::connect(address).unwrap();
    let mut greeting = [0; 7];
    stream.peek(&mut greeting).unwrap();
    let panics = thread::spawn(move || {
        let _finally = Finally(|| {
            stream.read_exact(&mut greeting).unwrap();
            stream.write_all(&greeting).unwrap();
        });
        panic!("on purpose");
    });
    assert!(panics.join().is_err());
    assert_eq!(peer.join().unwrap(), b"welcome");
    *stop.lock().unwrap() = true;
    assert!(innocents.into_iter().all(|thread| thread.join().unwrap()));
}

/// A green thread that panics, and runs `finally` meanwhile.
fn panics_with(finally: impl FnMut() + Send + 'static) {
    let panics = thread::spawn(move || {
        let _finally = Finally(finally);
        panic!("on purpose");
    });
    assert!(panics.join().is_err());
}

#[fibra::test(workers = 1)]
fn waits_with_a_deadline_end_during_a_panic() {
    panics_with(|| thread::park_timeout(Duration::from_millis(2)));
    panics_with(|| {
        let (_sender, receiver) = fibra::sync::mpsc::channel::<()>();
        receiver.recv_timeout(Duration::from_millis(2)).unwrap_err();
    });
    panics_with(|| {
        use fibra::net::{TcpListener, TcpStream};
        use std::io::Read;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        stream.read(&mut [0]).unwrap_err();
    });
}

#[fibra::test(workers = 1)]
fn a_future_that_wakes_itself_is_polled_again_during_a_panic() {
    panics_with(|| {
        fibra::wait(async {
            for _ in 0..10 {
                fibra::future::yield_now().await;
            }
        });
    });
}

#[fibra::test(workers = 2)]
fn other_workers_run_what_a_destructor_waits_for_during_a_panic() {
    panics_with(|| {
        let task = fibra::future::spawn(async {
            fibra::time::sleep(Duration::from_millis(2)).await;
            fibra::future::yield_now().await;
            7
        });
        assert_eq!(fibra::wait(task).unwrap(), 7);
    });
}

#[fibra::test(workers = 2)]
fn a_destructor_may_yield_until_something_has_happened_during_a_panic() {
    panics_with(|| {
        let task = fibra::future::spawn(fibra::time::sleep(Duration::from_millis(2)));
        while !task.is_finished() {
            thread::yield_now();
        }
    });
}

#[fibra::test]
fn a_panic_in_a_spawned_future_reaches_its_handle_only() {
    let error = fibra::wait(fibra::future::spawn(async { panic!("in a future") })).unwrap_err();
    assert!(error.is_panic());
    assert!(error.to_string().contains("in a future"));
    assert_eq!(fibra::wait(fibra::future::spawn(async { 1 })).unwrap(), 1);
}

#[fibra::test]
fn a_panic_in_the_destructor_of_an_output_reaches_nobody() {
    struct Grenade;
    impl Drop for Grenade {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }
    let (sender, receiver) = mpsc::channel();
    drop(thread::spawn(move || {
        sender.send(()).unwrap();
        Grenade
    }));
    while receiver.try_recv().is_err() {
        thread::yield_now();
    }
    let future = fibra::future::spawn(async {
        let _grenade = Grenade;
        std::future::pending::<()>().await;
    });
    fibra::wait(fibra::future::yield_now());
    future.cancel();
    let error = fibra::wait(future).unwrap_err();
    assert!(error.is_panic() || error.is_cancelled());
    assert_eq!(thread::spawn(|| 1).join().unwrap(), 1);
}

/// Runs one of the ignored tests below in a process of its own.
fn in_a_child(test: &str) -> std::process::Output {
    child::output(&mut child::running(test))
}

#[test]
fn a_wait_that_can_not_end_during_a_panic_aborts_with_a_sentence() {
    let output = in_a_child("child_waits_for_ever_in_a_destructor");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(stderr.contains("green thread 'doomed'"), "{stderr}");
    assert!(stderr.contains("while it panics"), "{stderr}");
}

#[test]
#[ignore = "aborts: the test above runs it in a child process"]
fn child_waits_for_ever_in_a_destructor() {
    fibra::Builder::new().workers(1).run(|| {
        let (sender, receiver) = fibra::sync::mpsc::channel::<()>();
        let builder = thread::Builder::new().name("doomed".into());
        let doomed = builder.spawn(move || {
            let _finally = Finally(|| {
                let _ = receiver.recv();
            });
            panic!("on purpose");
        });
        let _ = doomed.unwrap().join();
        drop(sender);
    });
}
