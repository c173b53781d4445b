//! The imitation behaves as the manual pages say.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

/// A queue that is closed in the end.
struct Kq(RawFd);

impl Kq {
    fn new() -> Kq {
        Kq(open().expect("a queue can be made"))
    }

    fn call(&self, changes: &[kevent], room: usize, timeout: Option<Duration>) -> Result<Vec<kevent>, c_int> {
        let mut events = Vec::with_capacity(room);
        let time = timeout
            .map(|time| libc::timespec { tv_sec: time.as_secs() as _, tv_nsec: time.subsec_nanos() as _ });
        let time = time.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: the slices and the time are valid for the call, and there is room.
        let count = unsafe {
            let (first, count) = (changes.as_ptr(), changes.len() as c_int);
            kevent(self.0, first, count, events.as_mut_ptr(), room as c_int, time)
        };
        if count < 0 {
            return Err(io::Error::last_os_error().raw_os_error().expect("the error is the system's"));
        }
        // SAFETY: so many were written.
        unsafe { events.set_len(count as usize) };
        Ok(events)
    }

    /// Makes changes that succeed, and takes no events.
    fn change(&self, changes: &[kevent]) {
        assert_eq!(self.call(changes, 0, None).expect("they succeed").len(), 0);
    }

    /// What is there now.
    fn poll(&self) -> Vec<kevent> {
        self.call(&[], 16, Some(Duration::ZERO)).expect("it polls")
    }

    /// What comes, sooner or later.
    fn wait(&self) -> Vec<kevent> {
        let events = self.call(&[], 16, Some(Duration::from_secs(30))).expect("it waits");
        assert!(!events.is_empty(), "nothing ever comes");
        events
    }

    fn error_of(&self, change: kevent) -> c_int {
        let events = self.call(&[change], 1, Some(Duration::ZERO)).expect("there is room for the error");
        assert_eq!((events.len(), events[0].flags), (1, EV_ERROR));
        assert_eq!((events[0].ident, events[0].udata), (change.ident, change.udata));
        events[0].data as c_int
    }
}

impl Drop for Kq {
    fn drop(&mut self) {
        // SAFETY: nobody else has the number.
        unsafe { close(self.0) };
    }
}

fn with(fd: RawFd, filter: i16, flags: u16, fflags: u32) -> kevent {
    kevent { ident: fd as usize, filter, flags, fflags, data: 0, udata: ptr::without_provenance_mut(7) }
}

fn on(fd: &impl AsRawFd, filter: i16, flags: u16) -> kevent {
    with(fd.as_raw_fd(), filter, flags, 0)
}

fn pipe() -> (PipeReader, PipeWriter) {
    io::pipe().expect("a pipe can be made")
}

fn names(events: &[kevent]) -> Vec<(usize, i16)> {
    events.iter().map(|event| (event.ident, event.filter)).collect()
}

#[test]
fn an_event_is_returned_as_long_as_its_condition_holds() {
    let (kq, (mut reader, mut writer)) = (Kq::new(), pipe());
    kq.change(&[on(&reader, EVFILT_READ, EV_ADD)]);
    assert!(kq.poll().is_empty());
    writer.write_all(b"abc").expect("there is room");
    for _ in 0..2 {
        let events = kq.wait();
        assert_eq!(names(&events), [(reader.as_raw_fd() as usize, EVFILT_READ)]);
        assert_eq!((events[0].data, events[0].udata as usize, events[0].flags & EV_EOF), (3, 7, 0));
    }
    reader.read_exact(&mut [0; 3]).expect("it is there");
    assert!(kq.poll().is_empty(), "the condition holds no more");
}

#[test]
fn a_cleared_event_is_returned_once_for_each_activity() {
    let (kq, (_reader, mut writer)) = (Kq::new(), pipe());
    writer.write_all(b"a").expect("there is room");
    kq.change(&[on(&_reader, EVFILT_READ, EV_ADD | EV_CLEAR)]);
    assert_eq!(kq.wait()[0].data, 1, "a preexisting condition counts");
    assert!(kq.poll().is_empty());
    writer.write_all(b"b").expect("there is room");
    assert_eq!(kq.wait()[0].data, 2);
    assert!(kq.poll().is_empty());
    // To add it again looks at the condition again.
    kq.change(&[on(&_reader, EVFILT_READ, EV_ADD | EV_CLEAR)]);
    assert_eq!(kq.wait().len(), 1);
}

#[test]
fn a_one_shot_event_is_deleted_when_it_is_returned() {
    let (kq, (reader, mut writer)) = (Kq::new(), pipe());
    kq.change(&[on(&reader, EVFILT_READ, EV_ADD | EV_ONESHOT)]);
    writer.write_all(b"a").expect("there is room");
    assert_eq!(kq.wait().len(), 1);
    assert!(kq.poll().is_empty());
    assert_eq!(kq.error_of(on(&reader, EVFILT_READ, EV_DELETE)), libc::ENOENT);
}

#[test]
fn re_adding_changes_what_comes_back_and_nothing_of_how() {
    let (kq, (reader, mut writer)) = (Kq::new(), pipe());
    writer.write_all(b"a").expect("there is room");
    let mut change = on(&reader, EVFILT_READ, EV_ADD | EV_ONESHOT);
    kq.change(&[change]);
    (change.flags, change.udata) = (EV_ADD | EV_CLEAR, ptr::without_provenance_mut(8));
    kq.change(&[change]);
    let events = kq.wait();
    assert_eq!((events.len(), events[0].udata as usize), (1, 8));
    writer.write_all(b"b").expect("there is room");
    assert!(kq.poll().is_empty(), "it is still for one event");
}

#[test]
fn a_disabled_event_waits_until_it_is_enabled() {
    let (kq, (reader, mut writer)) = (Kq::new(), pipe());
    kq.change(&[on(&reader, EVFILT_READ, EV_ADD | EV_CLEAR), on(&reader, EVFILT_READ, EV_DISABLE)]);
    writer.write_all(b"a").expect("there is room");
    assert!(kq.poll().is_empty());
    kq.change(&[on(&reader, EVFILT_READ, EV_ENABLE)]);
    assert_eq!(kq.wait().len(), 1);
    kq.change(&[on(&reader, EVFILT_WRITE, EV_ADD | EV_DISABLE)]);
    assert!(kq.poll().is_empty());
}

#[test]
fn filters_of_one_descriptor_are_apart() {
    let kq = Kq::new();
    let (here, mut there) = UnixStream::pair().expect("a socket pair can be made");
    kq.change(&[on(&here, EVFILT_READ, EV_ADD | EV_CLEAR), on(&here, EVFILT_WRITE, EV_ADD | EV_CLEAR)]);
    assert_eq!(names(&kq.wait()), [(here.as_raw_fd() as usize, EVFILT_WRITE)]);
    there.write_all(b"a").expect("there is room");
    assert_eq!(names(&kq.wait()), [(here.as_raw_fd() as usize, EVFILT_READ)], "input is no news of room");
    kq.change(&[on(&here, EVFILT_READ, EV_DELETE)]);
    there.write_all(b"b").expect("there is room");
    assert!(kq.poll().is_empty());
}

#[test]
fn an_end_is_an_event_with_data_pending_too() {
    let (kq, (reader, mut writer)) = (Kq::new(), pipe());
    kq.change(&[on(&reader, EVFILT_READ, EV_ADD | EV_CLEAR)]);
    writer.write_all(b"ab").expect("there is room");
    drop(writer);
    let event = *kq.wait().last().expect("there is one");
    assert_eq!((event.flags & EV_EOF, event.data, event.fflags), (EV_EOF, 2, 0));

    let (here, there) = UnixStream::pair().expect("a socket pair can be made");
    kq.change(&[on(&here, EVFILT_READ, EV_ADD | EV_CLEAR)]);
    there.shutdown(std::net::Shutdown::Write).expect("it is connected");
    let event = kq.wait()[0];
    assert_eq!((event.flags & EV_EOF, event.data, event.fflags), (EV_EOF, 0, 0));
}

#[test]
fn a_write_filter_tells_of_room_and_of_a_reader_that_is_gone() {
    let (kq, (reader, mut writer)) = (Kq::new(), pipe());
    kq.change(&[on(&writer, EVFILT_WRITE, EV_ADD)]);
    assert_eq!((kq.wait()[0].flags & EV_EOF, kq.poll().len()), (0, 1));
    writer.write_all(&[0; 1 << 16]).expect("there is room");
    assert!(kq.poll().is_empty());
    drop(reader);
    assert_eq!(kq.wait()[0].flags & EV_EOF, EV_EOF);
}

#[test]
fn a_reset_is_an_end_with_an_error() {
    let kq = Kq::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    kq.change(&[on(&listener, EVFILT_READ, EV_ADD | EV_CLEAR)]);
    assert!(kq.poll().is_empty());
    let there = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("somebody listens");
    assert_eq!(names(&kq.wait()), [(listener.as_raw_fd() as usize, EVFILT_READ)]);
    let (here, _) = listener.accept().expect("the connection is there");
    kq.change(&[on(&here, EVFILT_READ, EV_ADD | EV_CLEAR)]);
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    // SAFETY: the value is valid for its size.
    unsafe {
        let (value, size) = ((&raw const linger).cast(), size_of_val(&linger) as u32);
        libc::setsockopt(there.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, value, size);
    }
    drop(there);
    let event = kq.wait()[0];
    assert_eq!((event.flags & EV_EOF, event.fflags), (EV_EOF, libc::ECONNRESET as u32));
}

#[test]
fn a_file_is_readable_wherever_it_is_not_at_its_end() {
    let kq = Kq::new();
    let path = std::env::temp_dir().join(format!("fibra-fake-kqueue-{}", std::process::id()));
    let mut file = File::create_new(&path).expect("the temporary directory can be written");
    std::fs::remove_file(&path).expect("it is there");
    kq.change(&[on(&file, EVFILT_READ, EV_ADD)]);
    file.write_all(b"abcdef").expect("there is space");
    assert!(kq.poll().is_empty(), "it is at its end");
    file.seek(SeekFrom::Start(2)).expect("it can seek");
    assert_eq!(kq.poll()[0].data, 4);
    file.seek(SeekFrom::Start(8)).expect("it can seek");
    assert_eq!(kq.poll()[0].data, -2);
    assert_eq!(kq.error_of(on(&file, EVFILT_WRITE, EV_ADD)), libc::EINVAL);
}

#[test]
fn what_the_user_triggers_wakes_a_wait_of_another_thread() {
    let kq = Kq::new();
    kq.change(&[with(1, EVFILT_USER, EV_ADD | EV_CLEAR, 0)]);
    assert!(kq.poll().is_empty());
    thread::scope(|scope| {
        scope.spawn(|| kq.change(&[with(1, EVFILT_USER, 0, NOTE_TRIGGER)]));
        assert_eq!(names(&kq.wait()), [(1, EVFILT_USER)]);
    });
    assert!(kq.poll().is_empty(), "its state was reset");
    assert_eq!(kq.error_of(with(2, EVFILT_USER, 0, NOTE_TRIGGER)), libc::ENOENT);
}

#[test]
fn what_another_thread_registers_wakes_a_wait() {
    let (kq, (_reader, writer)) = (Kq::new(), pipe());
    thread::scope(|scope| {
        scope.spawn(|| kq.change(&[on(&writer, EVFILT_WRITE, EV_ADD)]));
        assert_eq!(kq.wait().len(), 1);
    });
}

#[test]
fn a_change_that_fails_is_an_event_and_the_others_are_made() {
    let (kq, (reader, mut writer)) = (Kq::new(), pipe());
    writer.write_all(b"a").expect("there is room");
    let bad = with(1 << 20, EVFILT_READ, EV_ADD, 0);
    let events = kq.call(&[bad, on(&reader, EVFILT_READ, EV_ADD)], 4, None).expect("there is room");
    assert_eq!(names(&events), [(1 << 20, EVFILT_READ)], "what is there waits for the next call");
    assert_eq!((events[0].flags, events[0].data as c_int), (EV_ERROR, libc::EBADF));
    assert_eq!(kq.wait().len(), 1);
    // Without room for it the call fails, and goes no further.
    let (second, _second_writer) = pipe();
    assert_eq!(kq.call(&[bad, on(&second, EVFILT_READ, EV_ADD)], 0, None).map(drop), Err(libc::EBADF));
    assert_eq!(kq.error_of(on(&second, EVFILT_READ, EV_DELETE)), libc::ENOENT);
}

#[test]
fn a_receipt_is_an_error_that_is_none() {
    let (kq, (reader, mut writer)) = (Kq::new(), pipe());
    writer.write_all(b"a").expect("there is room");
    let changes =
        [on(&reader, EVFILT_READ, EV_ADD | EV_RECEIPT), on(&writer, EVFILT_READ, EV_DELETE | EV_RECEIPT)];
    let events = kq.call(&changes, 2, None).expect("there is room");
    let answers: Vec<_> = events.iter().map(|event| (event.flags, event.data as c_int)).collect();
    assert_eq!(answers, [(EV_ERROR, 0), (EV_ERROR, libc::ENOENT)]);
    assert_eq!(kq.wait().len(), 1, "nothing was drained");
}

#[test]
fn what_is_not_there_or_unknown_is_an_error() {
    let (kq, (reader, _writer)) = (Kq::new(), pipe());
    for flags in [EV_DELETE, EV_ENABLE, EV_DISABLE, 0] {
        assert_eq!(kq.error_of(on(&reader, EVFILT_READ, flags)), libc::ENOENT);
    }
    assert_eq!(kq.error_of(on(&reader, -100, EV_ADD)), libc::EINVAL);
    assert_eq!(kq.error_of(with(-1, EVFILT_READ, EV_ADD, 0)), libc::EBADF);
    assert_eq!(kq.call(&[], 1, Some(Duration::from_secs(1 << 40))).map(drop), Err(libc::EINVAL));
    let closed = Kq(-1);
    assert_eq!(closed.call(&[], 1, None).map(drop), Err(libc::EBADF));
}

#[test]
fn a_close_deletes_whatever_duplicates_there_are() {
    let kq = Kq::new();
    let (here, mut there) = UnixStream::pair().expect("a socket pair can be made");
    let duplicate = here.as_fd().try_clone_to_owned().expect("a descriptor is free");
    kq.change(&[on(&here, EVFILT_READ, EV_ADD)]);
    let number = here.as_raw_fd();
    drop(here);
    there.write_all(b"a").expect("the duplicate is there");
    assert!(kq.poll().is_empty());
    assert!(matches!(kq.error_of(with(number, EVFILT_READ, EV_DELETE, 0)), libc::EBADF | libc::ENOENT));
    kq.change(&[on(&duplicate, EVFILT_READ, EV_ADD)]);
    assert_eq!(names(&kq.wait()), [(duplicate.as_raw_fd() as usize, EVFILT_READ)]);
}

#[test]
fn a_wait_ends_with_its_time_and_not_before() {
    let kq = Kq::new();
    for time in [Duration::ZERO, Duration::from_micros(1500)] {
        let start = Instant::now();
        assert!(kq.call(&[], 1, Some(time)).expect("it waits").is_empty());
        assert!(start.elapsed() >= time);
    }
    assert!(kq.call(&[], 0, None).expect("without room it does not wait").is_empty());
}

#[test]
fn events_beyond_the_room_come_next_and_none_is_left_behind() {
    let kq = Kq::new();
    let pipes: Vec<_> = (0..5).map(|_| pipe()).collect();
    pipes.iter().for_each(|(_, writer)| kq.change(&[on(writer, EVFILT_WRITE, EV_ADD)]));
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.extend(names(&kq.call(&[], 1, None).expect("it waits")));
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 5, "one that stays active keeps others from being returned");
}

#[test]
fn a_signal_ends_a_wait_whose_changes_are_made() {
    extern "C" fn nothing(_: c_int) {}
    let (kq, (reader, mut writer)) = (Kq::new(), pipe());
    // SAFETY: the handler does nothing. Without SA_RESTART, a wait ends by it.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as extern "C" fn(c_int) as usize;
        libc::sigaction(libc::SIGUSR2, &raw const action, ptr::null_mut());
    }
    let over = AtomicBool::new(false);
    // SAFETY: takes no pointers.
    let waiter = unsafe { libc::pthread_self() };
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                // SAFETY: the thread waits for this one to end.
                unsafe { libc::pthread_kill(waiter, libc::SIGUSR2) };
                thread::sleep(Duration::from_millis(1));
            }
        });
        let outcome = kq.call(&[on(&reader, EVFILT_READ, EV_ADD)], 1, Some(Duration::from_secs(30)));
        over.store(true, Ordering::Relaxed);
        outcome
    });
    assert_eq!(outcome.map(drop), Err(libc::EINTR));
    writer.write_all(b"a").expect("there is room");
    while kq.poll().is_empty() {}
}

#[test]
fn a_child_has_not_inherited_it() {
    let kq = Kq::new();
    // SAFETY: the child makes one call, and leaves past everything.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "a process can be forked");
    if child == 0 {
        let is_unknown = kq.call(&[], 1, Some(Duration::ZERO)).is_err_and(|code| code == libc::EBADF);
        // SAFETY: takes no pointers.
        unsafe { libc::_exit(i32::from(!is_unknown)) };
    }
    let mut status = -1;
    // SAFETY: the status is valid for the call.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
}
