//! The overflow handler among other handlers of exceptions.

use super::{child, locate, overflow_a_coroutine, touch_nothing};
use fibra_coro::{Coroutine, Resumed, Suspender, overflow};
use std::process;
use windows_sys::Win32::Foundation::EXCEPTION_ACCESS_VIOLATION;
use windows_sys::Win32::System::Diagnostics::Debug::{
    AddVectoredExceptionHandler, EXCEPTION_CONTINUE_SEARCH, EXCEPTION_POINTERS,
};
use windows_sys::Win32::System::Threading::SetThreadStackGuarantee;

pub const TESTS: &[child::Test] = &[
    ("any_other_fault_goes_to_the_handler_before", any_other_fault_goes_to_the_handler_before),
    ("a_fault_still_kills", a_fault_still_kills),
    ("switched_off_it_says_nothing", switched_off_it_says_nothing),
    ("a_watched_thread_keeps_room_for_handlers", a_watched_thread_keeps_room_for_handlers),
];

fn any_other_fault_goes_to_the_handler_before() {
    unsafe extern "system" fn before(exception: *mut EXCEPTION_POINTERS) -> i32 {
        // SAFETY: the system gives a filled record.
        if unsafe { (*(*exception).ExceptionRecord).ExceptionCode } == EXCEPTION_ACCESS_VIOLATION {
            process::exit(77);
        }
        EXCEPTION_CONTINUE_SEARCH
    }
    let outcome = child::run(|| {
        // SAFETY: the handler has the type demanded.
        assert!(!unsafe { AddVectoredExceptionHandler(1, Some(before)) }.is_null());
        let mut coroutine = Coroutine::new(|_: &Suspender<(), ()>, ()| touch_nothing()).unwrap();
        let _: Resumed<(), ()> = coroutine.resume(());
    });
    assert_eq!(outcome.status.code(), Some(77), "{outcome:?}");
}

fn a_fault_still_kills() {
    let outcome = child::run(|| {
        overflow::install().unwrap();
        touch_nothing();
    });
    assert!(outcome.ended_by_a_fault(), "{outcome:?}");
    assert!(!outcome.stderr.contains("fibra"), "{outcome:?}");
}

fn switched_off_it_says_nothing() {
    let outcome = child::run(|| {
        overflow::install().unwrap();
        overflow::disable().unwrap();
        overflow_a_coroutine();
    });
    assert!(outcome.ended_by_a_fault(), "{outcome:?}");
    assert!(!outcome.stderr.contains("fibra"), "{outcome:?}");
}

fn a_watched_thread_keeps_room_for_handlers() {
    fn guarantee() -> u32 {
        let mut len = 0;
        // SAFETY: asking for nothing tells what there is.
        assert_ne!(unsafe { SetThreadStackGuarantee(&raw mut len) }, 0);
        len
    }
    // SAFETY: `locate` isn't called unless there is a fault.
    let watched = unsafe { overflow::watch_thread(locate, std::ptr::null()) }.unwrap();
    assert!(guarantee() >= 20 * 1024);
    drop(watched);
}
