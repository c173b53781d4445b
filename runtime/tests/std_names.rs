//! A `use` of std's names goes on with fibra's: each is there, and those that are std's own types are the same ones.

#![expect(unused_imports, reason = "what is tested is that the names are there")]

use fibra::fs::{
    DirBuilder, DirEntry, File, FileTimes, FileType, Metadata, OpenOptions, Permissions, ReadDir,
    canonicalize, copy, create_dir, create_dir_all, exists, hard_link, metadata, read, read_dir, read_link,
    read_to_string, remove_dir, remove_dir_all, remove_file, rename, set_permissions, symlink_metadata,
    write,
};
use fibra::net::{
    AddrParseError, Incoming, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6,
    TcpListener, TcpStream, ToSocketAddrs, UdpSocket,
};
use fibra::sync::{
    Arc, Barrier, BarrierWaitResult, Condvar, LazyLock, LockResult, Mutex, MutexGuard, Once, OnceLock,
    OnceState, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError, TryLockResult,
    WaitTimeoutResult, Weak,
    atomic::{AtomicUsize, Ordering},
    mpsc::{
        IntoIter, Iter, Receiver, RecvError, RecvTimeoutError, SendError, Sender, SyncSender, TryIter,
        TryRecvError, TrySendError, channel, sync_channel,
    },
};
use fibra::thread::{
    AccessError, Builder, JoinHandle, LocalKey, Result, Scope, ScopedJoinHandle, Thread, ThreadId,
    available_parallelism, current, panicking, park, park_timeout, scope, sleep, spawn, yield_now,
};
use std::{panic::catch_unwind, sync as std_sync};

#[test]
fn what_is_std_s_own_is_the_same_type() {
    let shared: std_sync::Arc<std_sync::atomic::AtomicUsize> = Arc::new(AtomicUsize::new(1));
    let weak: std_sync::Weak<_> = Arc::downgrade(&shared);
    assert_eq!(Weak::upgrade(&weak).map(|shared| shared.load(Ordering::Relaxed)), Some(1));
    let of_std = |lock: std_sync::LockResult<u8>| lock.unwrap_or_else(std_sync::PoisonError::into_inner);
    let lock: LockResult<u8> = Err(PoisonError::new(2));
    assert_eq!(of_std(lock), 2);
    let of_std = |lock: std_sync::TryLockResult<u8>| matches!(lock, Err(std_sync::TryLockError::WouldBlock));
    let refused: TryLockResult<u8> = Err(TryLockError::WouldBlock);
    assert!(of_std(refused));
}

#[fibra::test]
fn a_green_thread_is_told_whether_it_panics() {
    /// Says what it sees when it is dropped.
    struct Witness(Sender<bool>);
    impl Drop for Witness {
        fn drop(&mut self) {
            self.0.send(panicking()).unwrap();
        }
    }
    let (sender, seen) = channel();
    let panicked = spawn(move || {
        drop(Witness(sender.clone()));
        let witness = Witness(sender.clone());
        let caught = catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _dropped_by_the_panic = witness;
            panic!("on purpose");
        }));
        assert!(caught.is_err());
        drop(Witness(sender));
    });
    panicked.join().unwrap();
    assert_eq!(seen.iter().collect::<Vec<_>>(), [false, true, false]);
}
