//! Each green thread has its own rounding mode, as each OS thread has.

use fibra::thread;
use std::{ffi::c_int, hint::black_box};

// C's `fenv.h`; the library is linked to every program.
unsafe extern "C" {
    safe fn fegetround() -> c_int;
    safe fn fesetround(mode: c_int) -> c_int;
}

/// The mode that rounds upwards, on x86-64 and on ARM64.
const UPWARDS: [c_int; 2] = [0x800, 0x40_0000];

fn round_upwards() -> c_int {
    let mode = UPWARDS.into_iter().find(|mode| fesetround(*mode) == 0 && fegetround() == *mode);
    mode.expect("one of them is this machine's")
}

/// A third is no binary fraction: rounded up it is larger than rounded to nearest.
fn third() -> f64 {
    black_box(1.0) / black_box(3.0)
}

#[fibra::test(workers = 1)]
fn a_rounding_mode_stays_with_its_thread_across_waits() {
    let (nearest, to_nearest) = (fegetround(), third());
    let upwards = thread::spawn(move || {
        let mode = round_upwards();
        for _ in 0..100 {
            assert_eq!(fegetround(), mode);
            assert!(third() > to_nearest);
            thread::yield_now();
        }
        fesetround(nearest);
    });
    for _ in 0..100 {
        assert_eq!(fegetround(), nearest);
        assert_eq!(third(), to_nearest);
        thread::yield_now();
    }
    upwards.join().unwrap();
    assert_eq!(thread::spawn(|| fegetround()).join().unwrap(), nearest);
}
