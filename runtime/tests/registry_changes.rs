//! Functions come, go and are replaced while others call them: a name that is never taken away is never missing, and each function
//! is dropped once, after its last call.

use fibra::{
    registry::{CallError, Registry},
    thread,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicIsize, AtomicU64, Ordering::SeqCst},
};

/// How often something is changed, and by so many at once.
const CHANGES: u64 = 2_000;
const CALLERS: usize = 4;

/// Counts how many functions are alive.
struct Alive(Arc<AtomicIsize>);

impl Alive {
    fn new(count: &Arc<AtomicIsize>) -> Self {
        count.fetch_add(1, SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// Calls again and again until `is_over`.
fn callers(
    is_over: &Arc<AtomicBool>,
    call: impl Fn(usize) + Send + Sync + 'static,
) -> Vec<std::thread::JoinHandle<u64>> {
    let call = Arc::new(call);
    let caller = |number| {
        let (is_over, call) = (Arc::clone(is_over), Arc::clone(&call));
        std::thread::spawn(move || {
            let mut calls = 0;
            while !is_over.load(SeqCst) || calls == 0 {
                call(number);
                calls += 1;
            }
            calls
        })
    };
    (0..CALLERS).map(caller).collect()
}

#[test]
fn a_name_that_is_replaced_is_never_missing_and_what_is_called_is_alive() {
    let (registry, count) = (Arc::new(Registry::new()), Arc::new(AtomicIsize::new(0)));
    let function = |version: u64| {
        let alive = Alive::new(&count);
        move || {
            assert!(alive.0.load(SeqCst) > 0);
            version
        }
    };
    registry.register("f", function(0)).unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let newest = Arc::new(AtomicU64::new(0));
    let callers = callers(&is_over, {
        let (registry, newest) = (Arc::clone(&registry), Arc::clone(&newest));
        move |_| {
            let before = newest.load(SeqCst);
            let handle = registry.get::<fn() -> u64>("f").expect("it is never missing");
            let version = handle.call(());
            assert!(version >= before, "{version} is older than {before}, which had replaced it");
        }
    });
    for version in 1..=CHANGES {
        registry.replace("f", function(version)).unwrap();
        newest.store(version, SeqCst);
    }
    is_over.store(true, SeqCst);
    for caller in callers {
        assert!(caller.join().unwrap() > 0);
    }
    assert_eq!(count.load(SeqCst), 1, "of all functions, the last is left");
    drop(registry);
    assert_eq!(count.load(SeqCst), 0);
}

#[test]
fn names_that_come_and_go_leave_the_others_where_they_are() {
    let registry = Arc::new(Registry::new());
    let stays = |number: usize| format!("stays {number}");
    for number in 0..CALLERS {
        registry.register(&stays(number), move || number).unwrap();
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let callers = callers(&is_over, {
        let registry = Arc::clone(&registry);
        move |number| {
            let handle = registry.get::<fn() -> usize>(&stays(number)).expect("it stays");
            assert_eq!(handle.call(()), number);
            match registry.get::<fn() -> u64>("comes and goes") {
                Ok(handle) => assert_eq!(handle.call(()) % 3, 0),
                Err(CallError::Unknown(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    for round in 0..CHANGES {
        registry.register("comes and goes", move || 3 * round).unwrap();
        // They make the table grow, and leave marks behind.
        registry.register(&round.to_string(), move || round).unwrap();
        if round % 2 == 1 {
            registry.unregister(&(round - 1).to_string()).unwrap();
        }
        registry.unregister("comes and goes").unwrap();
    }
    is_over.store(true, SeqCst);
    for caller in callers {
        caller.join().unwrap();
    }
    let left = registry.signatures().filter(|(name, _)| name.parse::<u64>().is_ok_and(|n| n % 2 == 1));
    assert_eq!(left.count() as u64, CHANGES / 2);
}

#[test]
fn of_many_that_register_a_name_one_succeeds() {
    let registry = Arc::new(Registry::new());
    let register = |who: usize| {
        let registry = Arc::clone(&registry);
        std::thread::spawn(move || {
            let names = (0..CHANGES).map(|name| name.to_string());
            names.filter(|name| registry.register(name, move || who).is_ok()).count()
        })
    };
    let threads: Vec<_> = (0..CALLERS).map(register).collect();
    let registered: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(registered as u64, CHANGES);
    assert_eq!(registry.signatures().len() as u64, CHANGES);
}

#[fibra::test]
fn green_threads_change_a_registry_while_its_calls_wait() {
    let (registry, count) = (Arc::new(Registry::new()), Arc::new(AtomicIsize::new(0)));
    let function = |count: &Arc<AtomicIsize>| {
        let alive = Alive::new(count);
        move || {
            thread::yield_now();
            assert!(alive.0.load(SeqCst) > 0);
        }
    };
    registry.register("f", function(&count)).unwrap();
    let mut calls = Vec::new();
    for _ in 0..200 {
        calls.push(registry.call::<()>("f", ()).unwrap());
        calls.push(registry.get::<fn() -> ()>("f").unwrap().spawn(()));
        registry.replace("f", function(&count)).unwrap();
        thread::yield_now();
    }
    registry.unregister("f").unwrap();
    for call in calls {
        fibra::wait(call).unwrap();
    }
    assert_eq!(count.load(SeqCst), 0);
}

#[test]
fn a_registry_that_changes_for_ever_does_not_grow_for_ever() {
    let registry = Registry::new();
    registry.register("stays", || 1).unwrap();
    // As many marks as would fill the table hundreds of times.
    for round in 0..10_000 {
        let name = round.to_string();
        registry.register(&name, || 2).unwrap();
        registry.unregister(&name).unwrap();
    }
    assert_eq!(registry.get::<fn() -> i32>("stays").unwrap().call(()), 1);
    assert_eq!(registry.signatures().len(), 1);
}

/// It has no size, and an end all the same.
struct Ends;

static ENDS: AtomicU64 = AtomicU64::new(0);

impl Drop for Ends {
    fn drop(&mut self) {
        ENDS.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_function_without_a_size_that_has_something_to_drop_is_dropped_with_its_last_share() {
    let (registry, ends) = (Registry::new(), Ends);
    let function = move || {
        let _kept = &ends;
        7
    };
    assert_eq!(size_of_val(&function), 0);
    registry.register("seven", function).unwrap();
    let handle = registry.get::<fn() -> i32>("seven").unwrap();
    let other = handle.clone();
    registry.unregister("seven").unwrap();
    assert_eq!(fibra::wait(handle.spawn(())).unwrap(), 7);
    drop(handle);
    assert_eq!((other.call(()), ENDS.load(SeqCst)), (7, 0));
    drop(other);
    assert_eq!(ENDS.load(SeqCst), 1);
}

/// Looks something up when its thread ends.
struct LooksUp(Arc<Registry>, Arc<AtomicU64>);

impl Drop for LooksUp {
    fn drop(&mut self) {
        let handle = self.0.get::<fn() -> u64>("one").unwrap();
        self.1.fetch_add(handle.call(()), SeqCst);
    }
}

std::thread_local! {
    static AT_END: std::cell::RefCell<Vec<LooksUp>> = const { std::cell::RefCell::new(Vec::new()) };
}

#[test]
fn a_thread_looks_functions_up_until_its_end() {
    let (registry, sum) = (Arc::new(Registry::new()), Arc::new(AtomicU64::new(0)));
    registry.register("one", || 1_u64).unwrap();
    // What a thread uses first goes last: the registry's part of it goes after ours, before it, or is not there yet.
    for (before, after) in [(true, false), (false, true), (false, false)] {
        let looks_up = LooksUp(Arc::clone(&registry), Arc::clone(&sum));
        let registry = Arc::clone(&registry);
        let ends = std::thread::spawn(move || {
            assert!(!before || registry.signature("one").is_ok());
            AT_END.with_borrow_mut(|at_end| at_end.push(looks_up));
            assert!(!after || registry.signature("one").is_ok());
        });
        ends.join().unwrap();
    }
    assert_eq!(sum.load(SeqCst), 3);
}
