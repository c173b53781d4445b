//! The ring as older kernels have it: the same program in every mode that it can be set up in.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::*;
use crate::backend::{Backend, Capability};
use crate::completion::Submission;
use crate::handle::Handle;

/// A ring with its books, without the driver around it.
struct Bench {
    ring: Ring,
    ledger: Ledger,
}

impl Bench {
    fn new(modes: &'static [Mode]) -> Bench {
        Bench::with(modes, &Config::default())
    }

    fn with(modes: &'static [Mode], config: &Config) -> Bench {
        let (ring, parking, features) = Ring::in_mode(config, modes).expect("the kernel has this mode");
        assert_eq!(features[..modes[0].names.len()], *modes[0].names);
        Bench { ring, ledger: Ledger::new(config, parking) }
    }

    /// Turns until there is a completion, or a notice, or too much time has gone by.
    fn turn(&mut self) -> Vec<Completion> {
        let mut completions = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(30);
        while completions.is_empty() {
            let pause = deadline.saturating_duration_since(Instant::now());
            assert!(!pause.is_zero(), "nothing ever comes");
            if self.ring.turn(&mut self.ledger, Pause::For(pause), &mut completions).expect("it turns") {
                break;
            }
        }
        completions
    }
}

/// The modes that this kernel has.
fn modes() -> &'static [Mode] {
    let ring = Ring::in_mode(&Config::default(), setup::MODES);
    let (.., features) = ring.expect("the kernel has a ring");
    let best = setup::MODES.iter().position(|mode| features.starts_with(mode.names));
    &setup::MODES[best.expect("it is in one of the modes")..]
}

fn in_every_mode(test: impl Fn(&mut Bench)) {
    for first in 0..modes().len() {
        test(&mut Bench::new(&modes()[first..]));
    }
}

#[test]
fn a_kernel_from_6_1_on_has_every_mode() {
    assert!(modes().len() == setup::MODES.len() || kernel() < (6, 1), "{} modes", modes().len());
}

/// The kernel's version.
fn kernel() -> (u32, u32) {
    let text = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("each kernel tells it");
    let mut numbers = text.split('.').map(|part| part.trim().parse().expect("a number"));
    (numbers.next().expect("the first"), numbers.next().expect("the second"))
}

fn recv(handle: &Handle, buffer: &mut [u8]) -> Op {
    Op::Recv { fd: handle.target(), buffer: buffer.as_mut_ptr(), len: buffer.len(), flags: 0 }
}

#[test]
fn what_waits_without_memory_receives_in_every_mode_and_without_shared_buffers_too() {
    in_every_mode(|bench| {
        let (here, mut there) = UnixStream::pair().expect("a socket pair can be made");
        let here = Handle::new(here.into());
        for shared in [Shared::Refused, Shared::Untried] {
            let refused = matches!(shared, Shared::Refused);
            bench.ring.queue.shared = shared;
            let mut bytes = b">".to_vec();
            let op = Op::RecvShared { fd: here.target(), bytes: &raw mut bytes };
            // SAFETY: the vector and the handle outlive the operation, which ends below.
            unsafe { bench.ring.enqueue(&mut bench.ledger, &op, 7) };
            there.write_all(b"!").expect("the peer is there");
            let completions = bench.turn();
            assert_eq!((completions[0].word, completions[0].result.as_ref().ok()), (7, Some(&1)));
            assert_eq!(bytes, b">!");
            // Shared buffers came with 5.19.
            assert_eq!(bytes.capacity() >= Op::MOST_SHARED, refused || kernel() < (5, 19));
        }
    });
}

#[test]
fn who_has_waited_comes_before_who_asks_only_now_in_every_mode() {
    in_every_mode(|bench| {
        let pair = || UnixStream::pair().expect("a socket pair can be made");
        let [(waits, mut waker), (asks, mut peer)] = [pair(), pair()];
        let [waits, asks] = [waits, asks].map(|end| Handle::new(end.into()));
        let (mut bytes, mut completions) = ([[0]; 3], Vec::new());
        for _ in 0..3 {
            // SAFETY: the bytes and the handles outlive the operation, which ends below.
            unsafe { bench.ring.enqueue(&mut bench.ledger, &recv(&waits, &mut bytes[0]), 1) };
            bench.ring.turn(&mut bench.ledger, Pause::Not, &mut completions).expect("it turns");
            assert!(completions.is_empty(), "nothing was sent");
            waker.write_all(b"!").expect("the peer is there");
            peer.write_all(b"!!").expect("the peer is there");
            for (byte, word) in bytes[1..].iter_mut().zip(2..) {
                // SAFETY: as above.
                unsafe { bench.ring.enqueue(&mut bench.ledger, &recv(&asks, byte), word) };
            }
            bench.ring.turn(&mut bench.ledger, Pause::Not, &mut completions).expect("it turns");
            assert_eq!(
                completions.drain(..).map(|completion| completion.word).collect::<Vec<_>>(),
                [1, 2, 3]
            );
        }
    });
}

#[test]
fn one_turn_brings_all_that_has_ended_however_many_in_every_mode() {
    const MANY: usize = 300;
    in_every_mode(|bench| {
        let ends: Vec<_> =
            (0..MANY).map(|_| UnixStream::pair().expect("a socket pair can be made")).collect();
        let (ends, peers): (Vec<Handle>, Vec<_>) =
            ends.into_iter().map(|(end, peer)| (Handle::new(end.into()), peer)).unzip();
        let mut bytes = [[0]; MANY];
        for (word, (end, byte)) in ends.iter().zip(&mut bytes).enumerate() {
            // SAFETY: the bytes and the handles outlive the operations, which end below.
            unsafe { bench.ring.enqueue(&mut bench.ledger, &recv(end, byte), word) };
        }
        let mut completions = Vec::new();
        bench.ring.turn(&mut bench.ledger, Pause::Not, &mut completions).expect("it turns");
        assert!(completions.is_empty(), "nothing was sent yet");
        peers.iter().for_each(|mut peer| peer.write_all(b"!").expect("the peer is there"));
        bench.ring.turn(&mut bench.ledger, Pause::Not, &mut completions).expect("it turns");
        assert_eq!(completions.len(), MANY);
    });
}

#[test]
fn more_receives_at_once_than_there_are_shared_buffers_get_what_is_theirs_in_every_mode() {
    in_every_mode(|bench| {
        let ends: Vec<_> = (0..300)
            .map(|_| UnixStream::pair().expect("a socket pair can be made"))
            .map(|(here, there)| (Handle::new(here.into()), there))
            .collect();
        let mut received = vec![Vec::new(); ends.len()];
        for (number, ((here, _), bytes)) in ends.iter().zip(&mut received).enumerate() {
            let op = Op::RecvShared { fd: here.target(), bytes };
            // SAFETY: the vectors and the handles outlive the operations, which end below.
            unsafe { bench.ring.enqueue(&mut bench.ledger, &op, number) };
        }
        bench.ring.turn(&mut bench.ledger, Pause::Not, &mut Vec::new()).expect("it turns");
        for (number, (_, there)) in ends.iter().enumerate() {
            (&*there).write_all(&(number as u16).to_ne_bytes()).expect("the peer is there");
        }
        let mut ended = 0;
        while ended < ends.len() {
            for completion in bench.turn() {
                assert_eq!(completion.result.expect("bytes have come"), 2);
                assert_eq!(received[completion.word], (completion.word as u16).to_ne_bytes());
                ended += 1;
            }
        }
    });
}

#[test]
fn every_mode_receives_cancels_and_drops() {
    in_every_mode(|bench| {
        let (here, mut there) = UnixStream::pair().expect("a socket pair can be made");
        let here = Handle::new(here.into());
        let mut buffer = [0; 8];
        for round in 0..3 {
            // SAFETY: the buffer and the handle outlive the operation, which ends below.
            let key = unsafe { bench.ring.enqueue(&mut bench.ledger, &recv(&here, &mut buffer), round) };
            there.write_all(b"!").expect("the peer is there");
            let completions = bench.turn();
            assert_eq!((completions[0].word, completions[0].result.as_ref().ok()), (round, Some(&1)));
            bench.ring.cancel(&mut bench.ledger, key);
            // SAFETY: as above.
            let key = unsafe { bench.ring.enqueue(&mut bench.ledger, &recv(&here, &mut buffer), 9) };
            bench.ring.cancel(&mut bench.ledger, key);
            let error = bench.turn().remove(0).result.expect_err("it was cancelled");
            assert_eq!(error.raw_os_error(), Some(libc::ECANCELED));
        }
    });
}

/// After short waits in a row, which the peer sees to.
fn used_to_short_waits(bench: &mut Bench) {
    bench.ring.lookout = Lookout::new();
    while !bench.ring.lookout.pays() {
        bench.ring.lookout.note_wait(Duration::ZERO);
        bench.ring.lookout.settle(true);
    }
}

#[test]
fn a_driver_that_looks_out_sees_completions_notices_and_the_end_of_its_time() {
    in_every_mode(|bench| {
        let (here, there) = UnixStream::pair().expect("a socket pair can be made");
        let here = Handle::new(here.into());
        let mut buffer = [0; 8];
        for pause in [0, 5, 20, 40, 60, 100].map(Duration::from_micros).into_iter().cycle().take(120) {
            let late = |what: &mut dyn FnMut()| {
                let begun = Instant::now();
                while begun.elapsed() < pause {}
                what();
            };
            used_to_short_waits(bench);
            // SAFETY: the buffer and the handle outlive the operation, which ends below.
            unsafe { bench.ring.enqueue(&mut bench.ledger, &recv(&here, &mut buffer), 5) };
            std::thread::scope(|scope| {
                scope.spawn(|| late(&mut || (&there).write_all(b"!").expect("the peer is there")));
                assert_eq!(bench.turn()[0].word, 5);
            });
            used_to_short_waits(bench);
            let parking = Arc::clone(&bench.ledger.parking);
            std::thread::scope(|scope| {
                scope.spawn(|| late(&mut || parking.unpark()));
                assert!(bench.turn().is_empty());
            });
            used_to_short_waits(bench);
            let begun = Instant::now();
            let turned = bench.ring.turn(&mut bench.ledger, Pause::For(pause), &mut Vec::new());
            assert!(!turned.expect("it turns"), "there is no other notice");
            assert!(begun.elapsed() >= pause);
            assert!(!bench.ring.lookout.pays(), "it looks out for what doesn't come");
        }
    });
}

#[test]
fn every_mode_can_be_woken_by_the_bell_and_by_a_message() {
    in_every_mode(|bench| {
        for _ in 0..3 {
            let parking = Arc::clone(&bench.ledger.parking);
            let thread = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(2));
                parking.unpark();
            });
            assert!(bench.turn().is_empty());
            thread.join().expect("the bell rings");
        }
        // Messages between rings came with 5.18; a ring that is without rings the bell.
        assert!(bench.ring.can_send_messages() || kernel() < (5, 18));
        let parking = Arc::clone(&bench.ledger.parking);
        let thread = std::thread::spawn(move || {
            let mut peer = Bench::new(modes());
            std::thread::sleep(Duration::from_millis(2));
            if parking.notify() {
                peer.ring.send_message(&mut peer.ledger, &parking);
                peer.ring.turn(&mut peer.ledger, Pause::Not, &mut Vec::new()).expect("it turns");
            }
        });
        assert!(bench.turn().is_empty());
        thread.join().expect("the message leaves");
    });
}

#[test]
fn a_cancel_that_did_not_find_its_operation_is_repeated() {
    let mut bench = Bench::new(modes());
    let (here, _there) = UnixStream::pair().expect("a socket pair can be made");
    let here = Handle::new(here.into());
    let mut buffer = [0; 8];
    // SAFETY: the buffer and the handle outlive the operation, which ends below.
    let key = unsafe { bench.ring.enqueue(&mut bench.ledger, &recv(&here, &mut buffer), 3) };
    let mut completions = Vec::new();
    bench.ring.turn(&mut bench.ledger, Pause::Not, &mut completions).expect("it turns");
    // As if the operation had just been between two queues of the kernel.
    bench.ring.queue.handle_cancel(&mut bench.ledger, key, -libc::ENOENT);
    let deadline = Instant::now() + Duration::from_secs(30);
    while completions.is_empty() && Instant::now() < deadline {
        bench.ring.turn(&mut bench.ledger, Pause::For(RETRY_DELAY), &mut completions).expect("it turns");
        bench.ledger.expire(&mut completions);
        while let Some(token) = bench.ledger.due.pop() {
            bench.ring.continue_due(&mut bench.ledger, token);
        }
    }
    let error = completions.remove(0).result.expect_err("it was cancelled");
    assert_eq!(error.raw_os_error(), Some(libc::ECANCELED));
}

#[test]
fn what_the_ring_lacks_goes_to_the_pool() {
    let Bench { mut ring, mut ledger } = Bench::new(modes());
    let (here, mut there) = UnixStream::pair().expect("a socket pair can be made");
    let here = Handle::new(here.into());
    let shutdown = Op::Shutdown { fd: here.target(), how: std::net::Shutdown::Write };
    ring.abilities.shutdown = false;
    let mut backend = Backend::IoUring(Box::new(ring));
    assert_eq!(backend.capability(&shutdown), Capability::Pool);
    // SAFETY: the handle outlives the operation, which ends below.
    let submission = unsafe { backend.submit(&mut ledger, &shutdown, 5) };
    assert!(matches!(submission, Submission::Pending(_)));
    let mut completions = Vec::new();
    while completions.is_empty() {
        backend.turn(&mut ledger, Pause::Forever, &mut completions).expect("it turns");
        ledger.collect(&mut completions);
    }
    assert_eq!((completions[0].word, completions[0].result.as_ref().ok()), (5, Some(&0)));
    assert_eq!(there.read(&mut [0; 1]).expect("the end is no error"), 0);
    assert_eq!(ledger.stats.offloaded, 1);
}

#[test]
fn the_bell_is_heard_again_after_an_overflow_has_ended_its_poll() {
    let mut config = Config::default();
    (config.entries, config.completion_entries) = (4, 4);
    let mut bench = Bench::with(modes(), &config);
    let (here, _there) = UnixStream::pair().expect("a socket pair can be made");
    let here = Handle::new(here.into());
    bench.ring.turn(&mut bench.ledger, Pause::Not, &mut Vec::new()).expect("it turns");
    assert!(bench.ring.queue.bell_is_watched);
    // More completions than fit, of which none is reaped while the bell rings: there is no room for its event.
    let ready = Op::Poll { fd: here.target(), interest: crate::op::Interest::WRITABLE };
    for word in 0..32 {
        // SAFETY: a poll points to nothing, and the handle outlives the ring.
        unsafe { bench.ring.enqueue(&mut bench.ledger, &ready, word) };
    }
    bench.ledger.parking.bell().ring();
    bench.ring.enter(&mut bench.ledger, 0, Pause::Not, EnterFlags::GETEVENTS).expect("the kernel is there");
    let mut completions = Vec::new();
    while completions.len() < 32 {
        bench.ring.turn(&mut bench.ledger, Pause::Not, &mut completions).expect("it turns");
    }
    // Before 5.13 each poll ends with its first event, and is asked for again.
    assert!(!bench.ring.queue.bell_is_watched || kernel() < (5, 13), "this was to try a poll that ended");
    let parking = Arc::clone(&bench.ledger.parking);
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(5));
        parking.unpark();
    });
    assert!(bench.turn().is_empty());
    thread.join().expect("the bell rings");
}

#[test]
fn a_message_to_a_ring_that_is_gone_is_answered_by_the_bell() {
    let mut bench = Bench::new(modes());
    let peer = Bench::new(modes());
    let parking = Arc::clone(&peer.ledger.parking);
    // A descriptor that is no ring refuses the message.
    let file = std::fs::File::open("/dev/null").expect("it is there");
    parking.bell().set_mailbox(Some(Arc::new(file.into())));
    bench.ring.send_message(&mut bench.ledger, &parking);
    bench.ring.turn(&mut bench.ledger, Pause::Not, &mut Vec::new()).expect("it turns");
    let bell = parking.bell().eventfd().expect("a ring's bell is one");
    let mut bell = libc::pollfd { fd: bell, events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry, valid for the call.
    assert_eq!(unsafe { libc::poll(&raw mut bell, 1, 10_000) }, 1);
}
