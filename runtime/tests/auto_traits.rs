//! What may move between threads, be shared by them, be moved while polled, and be seen after a panic.

use fibra::{
    Builder, Choice, Handle, Rejection, Report, Runtime, RuntimeError, ShutdownError, StackError,
    StackUnavailable, UnknownBackend,
    cancel::Cancelled,
    concurrent, frame, fs, future, io, metrics, net, process, signal, stall,
    sync::{
        AcquireError, AcquireTimeoutError, Barrier, BarrierWaitResult, CancellationToken, Condvar, DropGuard,
        Latch, LazyLock, Mutex, MutexGuard, Notified, Notify, Once, OnceLock, OnceState,
        OwnedSemaphorePermit, RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore, SemaphorePermit,
        TryAcquireError, WaitGroup, WaitTimeoutResult, broadcast, channel, mpsc, oneshot, watch,
    },
    thread, time,
};
use std::{
    cell::Cell,
    marker::PhantomData,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::{Arc, MutexGuard as StdGuard},
};

/// Whether `T` implements a trait, known at compile time without requiring it: an inherent constant, where its
/// bound holds, hides the one of the same name that a trait gives to every type.
macro_rules! implements {
    ($type:ty: $($bound:tt)+) => {{
        struct Probe<T: ?Sized>(PhantomData<T>);
        #[allow(dead_code, reason = "a type uses one of the two answers")]
        impl<T: ?Sized + $($bound)+> Probe<T> {
            const ANSWER: bool = true;
        }
        #[allow(dead_code, reason = "a type uses one of the two answers")]
        trait Otherwise {
            const ANSWER: bool = false;
        }
        impl<T: ?Sized> Otherwise for Probe<T> {}
        <Probe<$type>>::ANSWER
    }};
}

macro_rules! table {
    ($($type:ty => $send:literal $sync:literal $unpin:literal $unwind:literal $ref_unwind:literal;)+) => {
        $(assert_eq!(
            [
                implements!($type: Send),
                implements!($type: Sync),
                implements!($type: Unpin),
                implements!($type: UnwindSafe),
                implements!($type: RefUnwindSafe),
            ],
            [$send == 1, $sync == 1, $unpin == 1, $unwind == 1, $ref_unwind == 1],
            "Send, Sync, Unpin, UnwindSafe, RefUnwindSafe of {}",
            stringify!($type),
        );)+
    };
}

/// `Send`, not `Sync`.
type Unshared = Cell<u8>;
/// `Sync`, not `Send`.
type Unsent = StdGuard<'static, u8>;

#[test]
fn runtimes_and_what_they_tell_have_the_auto_traits_that_they_state() {
    table! {
        //                             Send Sync Unpin UnwindSafe RefUnwindSafe
        Runtime =>                        1 1 1 0 0;
        Builder =>                        1 1 1 1 1;
        Handle =>                         1 1 1 0 0;
        Report =>                         1 1 1 1 1;
        Rejection =>                      1 1 1 1 1;
        UnknownBackend =>                 1 1 1 1 1;
        StackError =>                     1 1 1 0 0;
        Choice =>                         1 1 1 1 1;
        RuntimeError =>                   1 1 1 0 0;
        ShutdownError =>                  1 1 1 1 1;
        StackUnavailable =>               1 1 1 0 0;
        Cancelled =>              1 1 1 1 1;
        metrics::Metrics =>               1 1 1 1 1;
        metrics::WorkerMetrics =>         1 1 1 1 1;
        metrics::Histogram =>             1 1 1 1 1;
        process::Child =>                 1 1 1 1 1;
        process::ChildStderr =>           1 1 1 1 1;
        process::ChildStdin =>            1 1 1 1 1;
        process::ChildStdout =>           1 1 1 1 1;
        process::Command =>               1 1 1 0 0;
        signal::Signal =>                 1 1 1 1 1;
        signal::Signals =>                1 1 1 1 1;
        stall::Stall =>                   1 1 1 1 1;
        stall::Place =>                   1 1 1 1 1;
        stall::SystemCall =>              1 1 1 1 1;
    }
}

#[test]
fn handles_of_tasks_have_the_auto_traits_that_they_state() {
    table! {
        //                             Send Sync Unpin UnwindSafe RefUnwindSafe
        thread::Builder =>                1 1 1 1 1;
        thread::JoinHandle<u8> =>         1 1 1 0 0;
        thread::JoinHandle<Unshared> =>   1 1 1 0 0;
        thread::JoinHandle<Unsent> =>     1 1 1 0 0;
        thread::Scope<'static, 'static> => 1 1 1 0 0;
        thread::ScopedJoinHandle<'static, u8> => 1 1 1 0 0;
        thread::ScopedJoinHandle<'static, Unshared> => 1 1 1 0 0;
        thread::ScopedJoinHandle<'static, Unsent> => 0 0 1 0 0;
        thread::Thread =>                 1 1 1 1 1;
        thread::ThreadId =>               1 1 1 1 1;
        thread::LocalKey<Unshared> =>     1 1 1 1 1;
        thread::LocalKey<Unsent> =>       1 1 1 1 1;
        thread::AccessError =>            1 1 1 1 1;
        future::JoinHandle<u8> =>         1 1 1 0 0;
        future::JoinHandle<Unshared> =>   1 1 1 0 0;
        future::JoinHandle<Unsent> =>     1 1 1 0 0;
        future::JoinError =>              1 1 1 0 0;
    }
}

#[test]
fn sets_and_groups_have_the_auto_traits_that_they_state() {
    table! {
        //                             Send Sync Unpin UnwindSafe RefUnwindSafe
        concurrent::TaskGroup<u8> =>      1 1 1 0 0;
        concurrent::TaskGroup<Unshared> => 1 1 1 0 0;
        concurrent::ConcurrentFuture<u8, 2> => 1 1 1 0 0;
        concurrent::CompletionOrder<2> => 1 1 1 1 1;
        concurrent::Progress =>           1 1 1 1 1;
        concurrent::ProgressWatch =>      1 1 1 0 0;
        concurrent::Race<u8, Unshared> => 1 0 1 1 0;
        concurrent::EmptySet =>           1 1 1 1 1;
        concurrent::AllFailed<u8> =>      1 1 1 1 1;
        concurrent::AllFailed<Unshared> => 1 0 1 1 0;
        concurrent::GroupFull<u8> =>      1 1 1 1 1;
        concurrent::GroupFull<Unshared> => 1 0 1 1 0;
        concurrent::MemberError<u8> =>    1 1 1 0 0;
        concurrent::MemberError<Unshared> => 1 0 1 0 0;
        concurrent::OneOf2<u8, u8> =>     1 1 1 1 1;
        concurrent::OneOf2<u8, Unshared> => 1 0 1 1 0;
        concurrent::OneOf2<u8, Unsent> => 0 1 1 1 1;
        concurrent::OneOf8<u8, u8, u8, u8, u8, u8, u8, Unshared> => 1 0 1 1 0;
    }
}

#[test]
fn sockets_files_and_timers_have_the_auto_traits_that_they_state() {
    table! {
        //                             Send Sync Unpin UnwindSafe RefUnwindSafe
        net::TcpStream =>                 1 1 1 1 1;
        net::UdpSocket =>                 1 1 1 1 1;
        net::TcpListener =>               1 1 1 1 1;
        net::Incoming<'static> =>         1 1 1 1 1;
        net::IntoIncoming =>              1 1 1 1 1;
        fs::File =>                       1 1 1 1 1;
        fs::OpenOptions =>                1 1 1 1 1;
        fs::Metadata =>                   1 1 1 1 1;
        fs::FileType =>                   1 1 1 1 1;
        fs::ReadDir =>                    1 1 1 0 0;
        fs::DirEntry =>                   1 1 1 1 1;
        io::Slice<Vec<u8>> =>             1 1 1 1 1;
        io::Slice<Unsent> =>              0 1 1 1 1;
        time::Interval =>                 1 1 1 0 0;
        time::MissedTicks =>              1 1 1 1 1;
        time::Sleep =>                    1 1 1 0 0;
        time::Timeout<u8> =>              1 1 1 0 0;
        time::Timeout<Unsent> =>          0 1 1 0 0;
        time::Elapsed =>                  1 1 1 1 1;
    }
}

#[test]
fn locks_have_the_auto_traits_that_they_state() {
    table! {
        //                             Send Sync Unpin UnwindSafe RefUnwindSafe
        Mutex<u8> =>                      1 1 1 1 1;
        Mutex<Unshared> =>                1 1 1 1 1;
        Mutex<Unsent> =>                  0 0 1 1 1;
        MutexGuard<'static, u8> =>        1 1 1 1 1;
        MutexGuard<'static, Unshared> =>  1 0 1 1 1;
        MutexGuard<'static, Unsent> =>    0 1 1 1 1;
        RwLock<u8> =>                     1 1 1 1 1;
        RwLock<Unshared> =>               1 0 1 1 1;
        RwLock<Unsent> =>                 0 0 1 1 1;
        RwLockReadGuard<'static, u8> =>   1 1 1 1 1;
        RwLockReadGuard<'static, Unshared> =>  0 0 1 1 1;
        RwLockReadGuard<'static, Unsent> =>    0 0 1 1 1;
        RwLockWriteGuard<'static, u8> =>  1 1 1 1 1;
        RwLockWriteGuard<'static, Unshared> => 0 0 1 1 1;
        RwLockWriteGuard<'static, Unsent> =>   0 0 1 1 1;
        Once =>                           1 1 1 1 1;
        OnceState =>                      1 1 1 1 1;
        OnceLock<u8> =>                   1 1 1 1 1;
        OnceLock<Unshared> =>             1 0 1 1 0;
        OnceLock<Unsent> =>               0 0 1 1 1;
        LazyLock<u8> =>                   1 1 1 1 1;
        LazyLock<Unshared> =>             1 0 1 1 0;
        LazyLock<Unsent> =>               0 0 1 1 1;
        LazyLock<u8, Unsent> =>           0 0 1 1 1;
        Barrier =>                        1 1 1 1 1;
        BarrierWaitResult =>              1 1 1 1 1;
        Condvar =>                        1 1 1 1 1;
        WaitTimeoutResult =>              1 1 1 1 1;
    }
}

#[test]
fn channels_and_signals_have_the_auto_traits_that_they_state() {
    table! {
        //                             Send Sync Unpin UnwindSafe RefUnwindSafe
        mpsc::Sender<Unshared> =>         1 1 1 1 1;
        mpsc::Sender<Unsent> =>           0 0 1 1 1;
        mpsc::SyncSender<Unshared> =>     1 1 1 1 1;
        mpsc::SyncSender<Unsent> =>       0 0 1 1 1;
        mpsc::Receiver<Unshared> =>       1 0 1 1 1;
        mpsc::Receiver<Unsent> =>         0 0 1 1 1;
        mpsc::Iter<'static, Unshared> =>  0 0 1 1 1;
        mpsc::TryIter<'static, Unshared> => 0 0 1 1 1;
        mpsc::IntoIter<Unshared> =>       1 0 1 1 1;
        oneshot::Sender<Unshared> =>      1 1 1 1 1;
        oneshot::Sender<Unsent> =>        0 0 1 1 1;
        oneshot::Receiver<Unshared> =>    1 1 1 1 1;
        oneshot::Receiver<Unsent> =>      0 0 1 1 1;
        Semaphore =>                      1 1 1 1 1;
        SemaphorePermit<'static> =>       1 1 1 1 1;
        OwnedSemaphorePermit =>           1 1 1 1 1;
        AcquireError =>                   1 1 1 1 1;
        AcquireTimeoutError =>            1 1 1 1 1;
        TryAcquireError =>                1 1 1 1 1;
        Notify =>                         1 1 1 1 1;
        Notified<'static> =>              1 1 1 1 1;
        Latch =>                          1 1 1 1 1;
        WaitGroup =>                      1 1 1 1 1;
        CancellationToken =>              1 1 1 1 1;
        DropGuard =>                      1 1 1 1 1;
        channel::Sender<Unshared> =>      1 1 1 1 1;
        channel::Sender<Unsent> =>        0 0 1 1 1;
        channel::Receiver<Unshared> =>    1 1 1 1 1;
        channel::Receiver<Unsent> =>      0 0 1 1 1;
        channel::Iter<'static, Unshared> => 1 1 1 1 1;
        channel::TryIter<'static, Unshared> => 1 1 1 1 1;
        channel::IntoIter<Unshared> =>    1 1 1 1 1;
        channel::SendTimeoutError<u8> =>  1 1 1 1 1;
        // Receivers share a message, or look at a value, and one of them drops it: it must be both.
        broadcast::Sender<u8> =>          1 1 1 1 1;
        broadcast::Sender<Unshared> =>    0 0 1 1 1;
        broadcast::Sender<Unsent> =>      0 0 1 1 1;
        broadcast::Receiver<u8> =>        1 1 1 1 1;
        broadcast::Receiver<Unshared> =>  0 0 1 1 1;
        broadcast::RecvError =>           1 1 1 1 1;
        broadcast::TryRecvError =>        1 1 1 1 1;
        broadcast::RecvTimeoutError =>    1 1 1 1 1;
        watch::Sender<u8> =>              1 1 1 1 1;
        watch::Sender<Unshared> =>        0 0 1 1 1;
        watch::Sender<Unsent> =>          0 0 1 1 1;
        watch::Receiver<u8> =>            1 1 1 1 1;
        watch::Receiver<Unshared> =>      0 0 1 1 1;
        watch::Ref<'static, u8> =>        1 1 1 1 1;
        watch::Ref<'static, Unshared> =>  0 0 1 0 0;
    }
}

#[test]
fn frames_have_the_auto_traits_that_they_state() {
    type Of<T> = std::future::Ready<T>;
    table! {
        //                             Send Sync Unpin UnwindSafe RefUnwindSafe
        frame::Frame<'static, Of<u8>> =>  1 0 1 0 0;
        frame::Frame<'static, Of<Unshared>> => 1 0 1 0 0;
        frame::Frame<'static, Of<Unsent>> => 0 0 1 0 0;
        frame::Memory<'static> =>         1 1 1 0 0;
        frame::ScopeMemory<'static, 'static> => 1 1 1 0 0;
        frame::Slot<8> =>                 1 0 0 1 0;
        frame::Arena<'static> =>          0 0 1 0 0;
        frame::Call<'static, u8> =>       0 0 1 0 0;
        frame::Suspend =>                 1 1 1 1 1;
        frame::State =>                   1 1 1 1 1;
        frame::Resumed =>                 1 1 1 1 1;
        frame::Refused =>                 1 1 1 1 1;
        frame::ArenaFull =>               1 1 1 1 1;
        frame::PlaceError<'static, u8> => 1 1 1 0 0;
        frame::PlaceError<'static, Unsent> => 0 1 1 0 0;
    }
}

#[test]
fn futures_that_wait_can_be_spawned() {
    fn spawnable<F: Future + Send + Unpin>(_: F) {}
    let (mutex, changed) = (Mutex::new(Cell::new(1)), Condvar::new());
    spawnable(mutex.lock_async());
    spawnable(changed.wait_async(mutex.lock().unwrap()));
    let (lock, barrier) = (RwLock::new(1), Barrier::new(1));
    spawnable(lock.read_async());
    spawnable(lock.write_async());
    spawnable(barrier.wait_async());
    let (sender, mut receiver) = mpsc::sync_channel(1);
    spawnable(sender.send_async(Cell::new(1)));
    spawnable(receiver.recv_async());
    let (mut sender, receiver) = oneshot::channel::<Cell<u8>>();
    spawnable(sender.closed_async());
    spawnable(receiver);
    let semaphore = Arc::new(Semaphore::new(1));
    spawnable(semaphore.acquire_async());
    spawnable(Arc::clone(&semaphore).acquire_owned_async());
    spawnable(Notify::new().notified_async());
    spawnable(Latch::new(1).wait_async());
    spawnable(CancellationToken::new().cancelled_async());
    let (sender, receiver) = channel::bounded(1);
    spawnable(sender.send_async(Cell::new(1)));
    spawnable(receiver.recv_async());
    let (sender, mut receiver) = broadcast::channel::<u8>(1);
    spawnable(sender.closed_async());
    spawnable(receiver.recv_async());
    let (sender, mut receiver) = watch::channel(1);
    spawnable(sender.closed_async());
    spawnable(receiver.changed_async());
}

#[test]
fn futures_that_must_stay_in_place_can_be_spawned_too() {
    fn spawnable<F: Future + Send>(_: F) {}
    spawnable(WaitGroup::new().wait_async());
    spawnable(watch::channel(1).1.wait_for_async(|value| *value == 1));
    let (mutex, changed) = (Mutex::new(Cell::new(1)), Condvar::new());
    spawnable(changed.wait_while_async(mutex.lock().unwrap(), |value| value.get() == 1));
}

#[test]
fn futures_that_hold_a_future_can_be_spawned_when_that_can() {
    fn spawnable<F: Future + Send>(_: F) {}
    let (once, lock, lazy) = (Once::new(), OnceLock::new(), LazyLock::new(|| 1));
    spawnable(once.wait_async());
    spawnable(once.wait_force_async());
    spawnable(once.call_once_async(async {}));
    spawnable(once.call_once_force_async(async |_| {}));
    spawnable(CancellationToken::new().scope_async(async {}));
    spawnable(lock.wait_async());
    spawnable(lock.get_or_init_async(async { 1 }));
    spawnable(LazyLock::force_async(&lazy));
}

#[cfg(feature = "registry")]
#[test]
fn registries_and_what_they_give_have_the_auto_traits_that_they_state() {
    use fibra::registry::{
        Asynchronous, CallError, DuplicateName, Handle, Plain, Registry, Signature, Typed, TypedOnly,
        UnknownName,
    };
    table! {
        //                             Send Sync Unpin UnwindSafe RefUnwindSafe
        Registry =>                       1 1 1 1 1;
        Handle<fn(Unshared) -> Unshared> =>        1 1 1 0 0;
        Signature =>                      1 1 1 1 1;
        DuplicateName =>                  1 1 1 1 1;
        UnknownName =>                    1 1 1 1 1;
        CallError =>                      1 1 1 0 0;
        Typed<u8, Plain<fn()>> =>         1 1 1 1 1;
        Typed<Unshared, Plain<fn()>> =>   1 0 1 1 0;
        Plain<fn()> =>                    1 1 1 1 1;
        Asynchronous<fn()> =>             1 1 1 1 1;
        TypedOnly<fn()> =>                1 1 1 1 1;
    }
}
