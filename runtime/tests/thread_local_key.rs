//! A local key has a value of its own in each green thread, from the first use to the thread's end.

use fibra::{
    local_key,
    thread::{self, AccessError},
    time,
};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

const MILLISECOND: Duration = Duration::from_millis(1);

local_key! {
    static COUNT: Cell<u32> = const { Cell::new(1) };
    /// A value that must not leave its OS thread.
    static NAMES: RefCell<Vec<Rc<str>>> = RefCell::new(vec!["first".into()]);
}

#[fibra::test]
fn each_green_thread_has_its_own_value_across_waits() {
    let threads: Vec<_> = (0..100)
        .map(|number| {
            thread::spawn(move || {
                assert_eq!(COUNT.get(), 1);
                COUNT.set(number);
                NAMES.with_borrow_mut(|names| names.push(number.to_string().into()));
                thread::yield_now();
                thread::sleep(MILLISECOND);
                assert_eq!(COUNT.get(), number);
                assert_eq!(NAMES.take(), [Rc::from("first"), Rc::from(number.to_string())]);
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(COUNT.get(), 1);
}

#[fibra::test(workers = 1)]
fn the_next_thread_on_the_same_stack_starts_anew() {
    for _ in 0..10 {
        thread::spawn(|| assert_eq!(COUNT.replace(2), 1)).join().unwrap();
    }
}

#[fibra::test]
fn a_future_that_a_green_thread_waits_for_uses_the_threads_value() {
    COUNT.set(7);
    fibra::wait(async {
        time::sleep(MILLISECOND).await;
        assert_eq!(COUNT.replace(8), 7);
    });
    assert_eq!(COUNT.get(), 8);
}

#[fibra::test]
fn a_spawned_future_has_a_value_until_its_poll_ends() {
    let futures: Vec<_> = (0..20)
        .map(|number| {
            fibra::future::spawn(async move {
                for _ in 0..5 {
                    assert_eq!(COUNT.get(), 1);
                    COUNT.set(number);
                    // A direct wait parks the poll's stack: it is the same poll afterwards.
                    thread::yield_now();
                    assert_eq!(COUNT.get(), number);
                    fibra::future::yield_now().await;
                }
            })
        })
        .collect();
    futures.into_iter().for_each(|future| fibra::wait(future).unwrap());
}

#[test]
fn an_os_thread_has_a_value_as_with_std() {
    assert_eq!(COUNT.replace(5), 1);
    std::thread::spawn(|| assert_eq!(COUNT.get(), 1)).join().unwrap();
    assert_eq!(COUNT.get(), 5);
    fibra::run(|| {
        assert_eq!(COUNT.get(), 1);
        assert_eq!(fibra::unblock(|| COUNT.get()), 1);
    });
    assert_eq!(COUNT.get(), 5);
}

#[fibra::test]
fn cells_are_set_taken_and_replaced() {
    local_key! {
        static CELL: Cell<Option<u8>> = panic!("never made");
        static REF_CELL: RefCell<String> = panic!("never made");
    }
    // Once for a green thread, and once for an OS thread.
    let check = || {
        CELL.set(Some(1));
        CELL.set(Some(2));
        assert_eq!((CELL.replace(Some(3)), CELL.take(), CELL.get()), (Some(2), Some(3), None));
        REF_CELL.set("one".into());
        REF_CELL.set("two".into());
        assert_eq!(REF_CELL.replace("three".into()), "two");
        REF_CELL.with_borrow_mut(|text| text.push('!'));
        assert_eq!(REF_CELL.with_borrow(String::len), 6);
        assert_eq!((REF_CELL.take().as_str(), REF_CELL.take().as_str()), ("three!", ""));
    };
    check();
    std::thread::spawn(check).join().unwrap();
}

// A single test: those for two backends would count each other's values.
#[test]
fn a_value_is_made_at_the_first_use_only() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    local_key! { static NUMBER: usize = MADE.fetch_add(1, SeqCst) }
    fibra::run(|| {
        thread::spawn(|| ()).join().unwrap();
        assert_eq!(MADE.load(SeqCst), 0);
        thread::spawn(|| assert_eq!(NUMBER.with(|a| *a), NUMBER.with(|b| *b))).join().unwrap();
        assert_eq!(MADE.load(SeqCst), 1);
    });
}

#[fibra::test]
fn a_value_whose_making_uses_the_key_is_the_first_one() {
    thread_local! { static DEPTH: Cell<u32> = const { Cell::new(0) } }
    local_key! {
        static RECURSIVE: u32 = {
            let depth = DEPTH.replace(DEPTH.get() + 1);
            if depth == 0 { RECURSIVE.with(|inner| *inner) + 1 } else { 10 }
        }
    }
    let seen = thread::spawn(|| {
        DEPTH.set(0);
        (RECURSIVE.with(|value| *value), RECURSIVE.with(|value| *value))
    });
    assert_eq!(seen.join().unwrap(), (10, 10));
}

#[fibra::test]
fn keys_that_look_alike_are_not_confused() {
    local_key! {
        static ONE: Cell<u32> = Cell::new(1);
        static ANOTHER: Cell<u32> = Cell::new(1);
        static UNIT: () = ();
    }
    ONE.set(2);
    assert_eq!(ANOTHER.get(), 1);
    UNIT.with(|()| ());
}

/// What happened, in order.
type Log = Arc<Mutex<Vec<String>>>;

/// Writes into the log when it is dropped, after a wait.
struct Note(Log, &'static str);

impl Drop for Note {
    fn drop(&mut self) {
        let here = thread::current().id();
        thread::yield_now();
        assert_eq!(thread::current().id(), here);
        self.0.lock().unwrap().push(self.1.into());
    }
}

local_key! {
    static ONE: RefCell<Option<Note>> = const { RefCell::new(None) };
    static OTHER: RefCell<Option<Note>> = const { RefCell::new(None) };
}

#[fibra::test]
fn values_are_dropped_newest_first_before_the_join_returns() {
    let log = Log::default();
    let inner = Arc::clone(&log);
    thread::spawn(move || {
        let _local = Note(Arc::clone(&inner), "closure");
        ONE.set(Some(Note(Arc::clone(&inner), "one")));
        OTHER.set(Some(Note(Arc::clone(&inner), "other")));
    })
    .join()
    .unwrap();
    assert_eq!(*log.lock().unwrap(), ["closure", "other", "one"]);
}

#[fibra::test]
fn values_are_dropped_after_a_panic_and_after_a_cancel_too() {
    let log = Log::default();
    let inner = Arc::clone(&log);
    let panics = thread::spawn(move || {
        ONE.set(Some(Note(inner, "panicked")));
        panic!("on purpose");
    });
    assert!(panics.join().is_err());
    let inner = Arc::clone(&log);
    let (sender, receiver) = fibra::sync::oneshot::channel();
    let waits = thread::spawn(move || {
        ONE.set(Some(Note(inner, "cancelled")));
        sender.send(()).unwrap();
        thread::park();
    });
    receiver.recv().unwrap();
    waits.cancel();
    assert!(waits.join().is_err());
    assert_eq!(*log.lock().unwrap(), ["panicked", "cancelled"]);
}

#[fibra::test]
fn a_futures_values_are_dropped_at_the_end_of_the_poll_that_made_them() {
    let log = Log::default();
    let inner = Arc::clone(&log);
    let future = fibra::future::spawn(async move {
        ONE.set(Some(Note(Arc::clone(&inner), "first poll")));
        fibra::future::yield_now().await;
        assert_eq!(*inner.lock().unwrap(), ["first poll"]);
        ONE.set(Some(Note(Arc::clone(&inner), "last poll")));
    });
    fibra::wait(future).unwrap();
    assert_eq!(*log.lock().unwrap(), ["first poll", "last poll"]);
}

#[fibra::test]
fn what_a_future_uses_in_its_destructor_is_dropped_before_its_end() {
    struct UsesKey(Log);
    impl Drop for UsesKey {
        fn drop(&mut self) {
            ONE.set(Some(Note(Arc::clone(&self.0), "made by a destructor")));
        }
    }
    let log = Log::default();
    let uses_key = UsesKey(Arc::clone(&log));
    let future = fibra::future::spawn(async move {
        let _uses_key = uses_key;
        std::future::pending::<()>().await;
    });
    thread::sleep(MILLISECOND);
    future.cancel();
    assert!(fibra::wait(future).is_err());
    assert_eq!(*log.lock().unwrap(), ["made by a destructor"]);
}

#[fibra::test]
fn a_destructor_may_use_other_keys_but_not_its_own() {
    type Seen = Arc<Mutex<Vec<Result<u32, AccessError>>>>;
    struct Looks(Seen);
    impl Drop for Looks {
        fn drop(&mut self) {
            let own = LOOKS.try_with(|_| 0);
            let older = OLDER.try_with(Cell::get);
            let newer = NEWER.try_with(Cell::get);
            let unused = UNUSED.try_with(Cell::get);
            self.0.lock().unwrap().extend([own, older, newer, unused]);
        }
    }
    local_key! {
        static OLDER: Cell<u32> = const { Cell::new(1) };
        static LOOKS: RefCell<Option<Looks>> = const { RefCell::new(None) };
        static NEWER: Cell<u32> = const { Cell::new(2) };
        static UNUSED: Cell<u32> = const { Cell::new(3) };
    }
    let seen = Seen::default();
    let inner = Arc::clone(&seen);
    thread::spawn(move || {
        OLDER.set(10);
        LOOKS.set(Some(Looks(inner)));
        NEWER.set(20);
    })
    .join()
    .unwrap();
    let seen = seen.lock().unwrap();
    let expected = |seen: &[Result<u32, AccessError>]| {
        seen[0].is_err() && seen[1] == Ok(10) && seen[2].is_err() && seen[3] == Ok(3)
    };
    assert!(seen.len() == 4 && expected(&seen), "{seen:?}");
    assert!(seen[0].unwrap_err().to_string().contains("dropped"));
}

#[fibra::test]
fn a_destructor_that_panics_harms_nobody() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    local_key! {
        static PANICS: Option<Panics> = Some(Panics);
    }
    let log = Log::default();
    let inner = Arc::clone(&log);
    let thread = thread::spawn(move || {
        ONE.set(Some(Note(inner, "dropped all the same")));
        PANICS.with(|_| ());
        6 * 7
    });
    assert_eq!(thread.join().unwrap(), 42);
    assert_eq!(*log.lock().unwrap(), ["dropped all the same"]);
}

#[fibra::test]
fn what_is_left_of_a_thread_has_no_values() {
    struct Output(Arc<Mutex<Option<Result<u32, AccessError>>>>);
    impl Drop for Output {
        fn drop(&mut self) {
            *self.0.lock().unwrap() = Some(COUNT.try_with(Cell::get));
        }
    }
    let seen = Arc::new(Mutex::new(None));
    let output = Output(Arc::clone(&seen));
    let (detach, detached) = fibra::sync::oneshot::channel();
    let thread = thread::spawn(move || {
        detached.recv().unwrap();
        COUNT.set(2);
        output
    });
    // Nobody takes its output: it is dropped on its own stack, after its values.
    drop(thread);
    detach.send(()).unwrap();
    while seen.lock().unwrap().is_none() {
        thread::yield_now();
    }
    assert!(matches!(*seen.lock().unwrap(), Some(Err(_))));
}

#[fibra::test]
fn with_panics_where_try_with_fails() {
    struct Uses(Arc<AtomicUsize>);
    impl Drop for Uses {
        fn drop(&mut self) {
            let caught = std::panic::catch_unwind(|| USES.with(|_| ()));
            self.0.fetch_add(usize::from(caught.is_err()), SeqCst);
        }
    }
    local_key! { static USES: RefCell<Option<Uses>> = const { RefCell::new(None) } }
    let panics = Arc::new(AtomicUsize::new(0));
    let inner = Arc::clone(&panics);
    thread::spawn(move || USES.set(Some(Uses(inner)))).join().unwrap();
    assert_eq!(panics.load(SeqCst), 1);
}

#[fibra::test]
fn scoped_threads_have_values_that_are_dropped_before_their_join() {
    let log = Log::default();
    thread::scope(|scope| {
        let inner = Arc::clone(&log);
        scope.spawn(move || ONE.set(Some(Note(inner, "scoped")))).join().unwrap();
        assert_eq!(*log.lock().unwrap(), ["scoped"]);
    });
}
