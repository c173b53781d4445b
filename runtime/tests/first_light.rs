//! A green thread and a future live, wait and end.
use std::time::{Duration, Instant};

#[test]
fn run_returns_what_main_returns() {
    assert_eq!(fibra::run(|| 42), 42);
}

#[test]
fn spawn_and_join() {
    let n = fibra::Builder::new().workers(2).run(|| {
        let v: Vec<_> = (0..1000u64)
            .map(|i| {
                fibra::thread::spawn(move || {
                    fibra::thread::yield_now();
                    i
                })
            })
            .collect();
        v.into_iter().map(|t| t.join().unwrap()).sum::<u64>()
    });
    assert_eq!(n, 499500);
}

#[test]
fn futures() {
    let n = fibra::Builder::new().workers(2).run(|| {
        let v: Vec<_> = (0..1000u64)
            .map(|i| {
                fibra::future::spawn(async move {
                    fibra::future::yield_now().await;
                    i
                })
            })
            .collect();
        v.into_iter().map(|t| fibra::wait(t).unwrap()).sum::<u64>()
    });
    assert_eq!(n, 499500);
}

#[test]
fn sleeps() {
    fibra::run(|| {
        let s = Instant::now();
        let v: Vec<_> = (0..100u64)
            .map(|_| fibra::thread::spawn(move || fibra::thread::sleep(Duration::from_millis(20))))
            .collect();
        v.into_iter().for_each(|t| t.join().unwrap());
        assert!(s.elapsed() >= Duration::from_millis(20));
        fibra::wait(fibra::time::sleep(Duration::from_millis(5)));
        assert!(
            fibra::time::timeout(Duration::from_millis(5), || fibra::thread::sleep(Duration::from_secs(100)))
                .is_err()
        );
    });
}

#[test]
fn panics_are_captured() {
    fibra::run(|| {
        assert!(fibra::thread::spawn(|| panic!("x")).join().is_err());
        let t = fibra::thread::spawn(|| fibra::thread::sleep(Duration::from_secs(100)));
        t.cancel();
        assert!(t.join().is_err());
    });
}
