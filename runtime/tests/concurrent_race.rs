//! Who loses a race is stopped in the kernel, waited for, and hands back what it had.

use fibra::{
    cancel::{self, Cancelled},
    concurrent::{OneOf2, TaskGroup, race, race_async, try_all_async},
    io::{Buffer, BufferMut},
    metrics,
    net::{TcpListener, TcpStream},
    sync::{Semaphore, channel},
    thread, time,
};
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::{
    future::{Future, pending, ready},
    io::{self, Read, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

const LONG: Duration = Duration::from_secs(3600);
const MOMENT: Duration = Duration::from_millis(5);

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let near = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    (near, listener.accept().expect("there is one").0)
}

fn in_flight() -> u64 {
    metrics::snapshot().total().in_flight
}

fn read(mut stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut buffer = [0; 16];
    stream.read(&mut buffer).map(|length| buffer[..length].to_vec())
}

async fn read_async(stream: &TcpStream) -> io::Result<Vec<u8>> {
    let (read, mut buffer) = stream.read_async(vec![0; 16]).await;
    buffer.truncate(read?);
    Ok(buffer)
}

/// A buffer that says when it is dropped: not before the kernel has answered.
struct Lent(Vec<u8>, Arc<AtomicUsize>);

impl Lent {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, SeqCst);
        Self(vec![0; 16], Arc::clone(count))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.1.fetch_sub(1, SeqCst);
    }
}

// SAFETY: the bytes are on the heap.
unsafe impl Buffer for Lent {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

// SAFETY: as above.
unsafe impl BufferMut for Lent {
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

fn is_cancelled<T>(result: &Option<io::Result<T>>) -> bool {
    matches!(result, Some(Err(error)) if Cancelled::caused(error))
}

/// What belongs to the stream that lost is still there for the next read.
fn reads_on(near: &TcpStream, far: &mut TcpStream) {
    far.write_all(b"later").unwrap();
    assert_eq!(read(near).unwrap(), b"later");
}

#[fibra::test]
fn closures_that_lose_have_nothing_in_flight() {
    let ((winner, mut sender), (loser, mut silent)) = (pair(), pair());
    let before = in_flight();
    let waits = Semaphore::new(0);
    let race = race((
        || read(&winner),
        || {
            waits.add_permits(1);
            read(&loser)
        },
        || {
            waits.acquire().unwrap().forget();
            thread::sleep(MOMENT);
            sender.write_all(b"first").unwrap();
            thread::sleep(LONG);
        },
    ));
    assert_eq!(in_flight(), before);
    assert_eq!(race.index, 0);
    assert!(is_cancelled(&race.others.1), "{race:?}");
    assert!(race.others.0.is_none() && race.others.2.is_none());
    reads_on(&loser, &mut silent);
}

/// A race of two reads; what the one that lost has ended with.
fn two_reads() -> Option<io::Result<Vec<u8>>> {
    let ((winner, mut sender), (loser, mut silent)) = (pair(), pair());
    let sending = std::thread::spawn(move || {
        std::thread::sleep(MOMENT);
        sender.write_all(b"first").map(|()| sender)
    });
    let race = fibra::wait(race_async((read_async(&winner), read_async(&loser))));
    assert_eq!(race.index, 0);
    let OneOf2::First(bytes) = &race.output else { panic!("{race:?}") };
    assert_eq!(bytes.as_ref().unwrap(), b"first");
    drop(sending.join().unwrap().unwrap());
    reads_on(&loser, &mut silent);
    race.others.1
}

#[fibra::test]
fn futures_that_lose_have_nothing_in_flight() {
    let before = in_flight();
    // On a machine that is busy enough, the first read is over before the other one has begun.
    let lost = (0..1000).find_map(|_| two_reads());
    assert!(is_cancelled(&lost), "{lost:?}");
    assert_eq!(in_flight(), before);
}

#[test]
fn futures_of_a_thread_that_is_no_worker_neither() {
    let lost = two_reads();
    // In the process-wide runtime, which may not have heard of the operation yet: then it never does.
    assert_eq!(in_flight(), 0);
    assert!(lost.is_none() || is_cancelled(&lost), "{lost:?}");
    dropped_with_a_read(&pair().0);
    assert_eq!(in_flight(), 0);
}

#[fibra::test]
fn members_of_a_group_neither() {
    let ((winner, mut sender), (loser, mut silent), (thread, mut other)) = (pair(), pair(), pair());
    let before = in_flight();
    let (winner, loser, thread) = (Arc::new(winner), Arc::new(loser), Arc::new(thread));
    let mut group = TaskGroup::new();
    group.spawn({
        let winner = Arc::clone(&winner);
        async move { read_async(&winner).await }
    });
    group.spawn({
        let loser = Arc::clone(&loser);
        async move { read_async(&loser).await }
    });
    group.spawn_thread({
        let thread = Arc::clone(&thread);
        move || read(&thread)
    });
    thread::sleep(MOMENT);
    sender.write_all(b"first").unwrap();
    let race = group.race().unwrap();
    assert_eq!(in_flight(), before);
    assert_eq!((race.index, race.output.unwrap().unwrap()), (0, b"first".to_vec()));
    assert_eq!(race.others.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1, 2]);
    for (index, result) in race.others {
        assert!(is_cancelled(&Some(result.unwrap())), "member {index}");
    }
    reads_on(&loser, &mut silent);
    reads_on(&thread, &mut other);
}

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[fibra::test]
fn a_message_that_came_too_is_handed_back() {
    let (one, two) = (channel::unbounded(), channel::unbounded());
    let mut race = pin!(race_async((one.1.recv_async(), two.1.recv_async())));
    assert!(poll(race.as_mut()).is_pending());
    one.0.send(1).unwrap();
    two.0.send(2).unwrap();
    let Poll::Ready(race) = poll(race) else { panic!("both are there") };
    assert_eq!((race.output, race.others), (OneOf2::First(Ok(1)), (None, Some(Ok(2)))));
}

#[fibra::test]
fn bytes_that_came_too_are_handed_back() {
    let (mut pairs, before) = ([pair(), pair()], in_flight());
    let [(one, sender), (other, other_sender)] = &mut pairs;
    let mut race = pin!(race_async([read_async(one), read_async(other)]));
    assert!(poll(race.as_mut()).is_pending());
    sender.write_all(b"one").unwrap();
    other_sender.write_all(b"other").unwrap();
    // Until the kernel has answered both.
    while in_flight() > before {
        thread::sleep(MOMENT);
    }
    let race = fibra::wait(race).unwrap();
    assert_eq!((race.index, race.output.unwrap()), (0, b"one".to_vec()));
    let [None, Some(other)] = race.others else { panic!("the other one had ended") };
    assert_eq!(other.unwrap(), b"other");
}

#[fibra::test]
fn a_connection_that_is_accepted_too_is_handed_back_or_stays() {
    for round in 0..20 {
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let addresses = [0, 1].map(|index| listeners[index].local_addr().unwrap());
        let connecting = thread::spawn(move || addresses.map(|address| TcpStream::connect(address).unwrap()));
        let race =
            fibra::wait(race_async([listeners[0].accept_async(), listeners[1].accept_async()])).unwrap();
        let clients = connecting.join().unwrap();
        let peers = clients.map(|client| client.local_addr().unwrap());
        assert_eq!(race.output.unwrap().1, peers[race.index], "round {round}");
        let other = 1 - race.index;
        // Whichever it was: no connection is lost.
        let accepted = match race.others.into_iter().nth(other).unwrap() {
            Some(Ok((_, peer))) => peer,
            Some(Err(error)) => {
                assert!(Cancelled::caused(&error), "{error}");
                listeners[other].accept().unwrap().1
            }
            None => listeners[other].accept().unwrap().1,
        };
        assert_eq!(accepted, peers[other], "round {round}");
    }
}

#[fibra::test]
fn a_loser_that_tries_again_and_again_ends() {
    let ((stubborn, mut silent), before) = (pair(), in_flight());
    let tries = AtomicUsize::new(0);
    let again = async {
        loop {
            tries.fetch_add(1, SeqCst);
            if let Ok(bytes) = read_async(&stubborn).await {
                return bytes;
            }
        }
    };
    let race = fibra::wait(race_async((again, time::sleep(MOMENT))));
    assert_eq!((race.index, race.others.0), (1, None));
    assert_eq!(tries.load(SeqCst), 2, "it was told once");
    assert_eq!(in_flight(), before);
    reads_on(&stubborn, &mut silent);
}

#[fibra::test]
fn a_loser_that_waits_for_something_else_is_dropped_and_its_operations_are_waited_for() {
    let (pairs, before) = ([pair(), pair(), pair()], in_flight());
    let [together, unpolled, many] = &pairs;
    // A wait that nothing ends, beside one for an operation.
    let never = async { futures_util::future::join(read_async(&together.0), pending::<()>()).await };
    // Operations that are not polled when their owner is, since nothing has woken them.
    let unordered = async {
        let mut reads = FuturesUnordered::from_iter([read_async(&unpolled.0)]);
        reads.next().await
    };
    // A set within the set, with wakers of its own.
    let nested = try_all_async((0..20).map(|_| read_async(&many.0)).collect::<Vec<_>>());
    let race = fibra::wait(race_async((never, unordered, nested, time::sleep(MOMENT))));
    assert_eq!(in_flight(), before);
    assert_eq!(race.index, 3);
    assert!(race.others.0.is_none() && race.others.1.is_none());
    assert!(is_cancelled(&race.others.2), "the set was told, and handed its error back");
    for (near, far) in pairs {
        let mut far = far;
        reads_on(&near, &mut far);
    }
}

/// Runs a race that is lost by a future which waits for a read behind others' backs, so that it is dropped with it.
fn dropped_with_a_read(near: &TcpStream) {
    let lent = Arc::new(AtomicUsize::new(0));
    let unordered = async {
        let mut reads = FuturesUnordered::from_iter([near.read_async(Lent::new(&lent))]);
        reads.next().await.map(|(read, _)| read)
    };
    // Until the read is where it is to be stopped.
    let submitted = async {
        while in_flight() == 0 {
            time::sleep(MOMENT).await;
        }
    };
    let race = fibra::wait(race_async((unordered, submitted)));
    assert!(race.index == 1 && race.others.0.is_none());
    assert_eq!(lent.load(SeqCst), 0, "the kernel has answered, and the buffer is gone");
}

#[fibra::test]
fn a_buffer_of_a_loser_that_is_dropped_is_gone_when_the_race_is_over() {
    let (near, mut far) = pair();
    dropped_with_a_read(&near);
    reads_on(&near, &mut far);
}

#[fibra::test]
fn a_buffer_of_a_member_of_a_group_too() {
    let ((near, mut far), lent) = (pair(), Arc::new(AtomicUsize::new(0)));
    let mut group = TaskGroup::new();
    let reading = near.read_async(Lent::new(&lent));
    group.spawn(async {
        let mut reads = FuturesUnordered::from_iter([reading]);
        reads.next().await.is_some()
    });
    thread::sleep(MOMENT);
    group.cancel();
    assert!(group.next().unwrap().1.unwrap_err().is_cancelled());
    assert_eq!(lent.load(SeqCst), 0, "the kernel has answered, and the buffer is gone");
    reads_on(&near, &mut far);
}

#[fibra::test]
fn a_member_behind_the_winner_is_not_begun() {
    let begun = AtomicUsize::new(0);
    let race = fibra::wait(race_async((ready(7), async { begun.fetch_add(1, SeqCst) })));
    assert_eq!((race.index, race.others), (0, (None, None)));
    assert_eq!(begun.load(SeqCst), 0);
}

#[fibra::test]
fn a_losers_direct_waits_fail() {
    let (sender, receiver) = channel::unbounded::<()>();
    let ended = Arc::new(AtomicUsize::new(0));
    let direct = async {
        let _ = receiver.recv_async().await;
        assert!(cancel::is_requested());
        let slept = catch_unwind(AssertUnwindSafe(|| thread::sleep(LONG)));
        assert!(slept.unwrap_err().is::<Cancelled>());
        ended.fetch_add(1, SeqCst);
        // And again, which nobody catches.
        thread::sleep(LONG);
    };
    let mut race = pin!(race_async((
        async {
            poll_twice().await;
            sender.send(()).unwrap()
        },
        direct
    )));
    let race = loop {
        if let Poll::Ready(race) = poll(race.as_mut()) {
            break race;
        }
    };
    assert_eq!((race.index, race.others), (0, (None, None)));
    assert_eq!(ended.load(SeqCst), 1);
}

/// Pending once.
async fn poll_twice() {
    fibra::future::yield_now().await;
}

#[fibra::test]
fn a_loser_that_panics_when_it_is_told_panics_here() {
    let (stream, _far) = pair();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        fibra::wait(race_async((
            async {
                read_async(&stream).await.unwrap();
            },
            time::sleep(MOMENT),
        )))
    }));
    let payload = outcome.map(|_| ()).unwrap_err();
    let text = payload.downcast_ref::<String>().expect("what `unwrap` says");
    assert!(text.contains("Cancelled { cause: Lost }"), "{text}");
}

#[fibra::test]
fn a_race_that_is_given_up_leaves_nothing() {
    let (pairs, before) = ([pair(), pair()], in_flight());
    let given_up =
        time::timeout(MOMENT, || fibra::wait(race_async([read_async(&pairs[0].0), read_async(&pairs[1].0)])));
    assert!(given_up.is_err());
    while in_flight() > before {
        thread::sleep(MOMENT);
    }
    for (near, mut far) in pairs {
        reads_on(&near, &mut far);
    }
}
