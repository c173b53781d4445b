//! Across a switch, a function keeps what the ABI lets it keep: callee-saved registers, and the control words that
//! say how it rounds.

use fibra_coro::{Context, Stack, StackPool, switch, switch_without_control_words};

#[cfg(target_arch = "aarch64")]
#[path = "registers/aarch64.rs"]
mod registers;
#[cfg(all(target_arch = "x86_64", unix))]
#[path = "registers/x86_64.rs"]
mod registers;
#[cfg(all(target_arch = "x86_64", windows))]
#[path = "registers/x86_64_windows.rs"]
mod registers;

struct Pair {
    outside: Context,
    inside: Context,
    control_words_at_start: registers::ControlWords,
}

/// Calls `function(pair)` with a pattern of `seed` in every callee-saved register; returns the bits that have changed.
fn changed_by(function: extern "C" fn(*mut Pair), pair: *mut Pair, seed: u64) -> u64 {
    let patterns: [u64; registers::CALLEE_SAVED] = std::array::from_fn(|index| seed * (index as u64 + 1));
    let mut found = patterns;
    registers::call_with(function, pair, &mut found);
    patterns.iter().zip(found).fold(0, |changed, (pattern, found)| changed | (pattern ^ found))
}

/// Holds other values than the test in every register, and other control words, whenever it switches.
unsafe extern "C" fn vandal(pair: usize) -> ! {
    let pair = pair as *mut Pair;
    // SAFETY: the pair outlives this stack's use, and only one side uses it at a time.
    unsafe { (*pair).control_words_at_start = registers::control_words() };
    loop {
        registers::set_control_words(registers::UNUSUAL);
        assert_eq!(changed_by(switch_back, pair, 0x7777_8888_9999), 0);
        assert_eq!(registers::control_words(), registers::UNUSUAL);
    }
}

extern "C" fn switch_back(pair: *mut Pair) {
    // SAFETY: `outside` rests where we were continued from.
    unsafe { switch(&raw mut (*pair).inside, (*pair).outside, 0) };
}

/// The same for one who says that control words are shared.
unsafe extern "C" fn sharing_vandal(pair: usize) -> ! {
    let pair = pair as *mut Pair;
    // SAFETY: as in `vandal`.
    unsafe { (*pair).control_words_at_start = registers::control_words() };
    loop {
        assert_eq!(changed_by(switch_back_sharing, pair, 0x7777_8888_9999), 0);
    }
}

extern "C" fn switch_back_sharing(pair: *mut Pair) {
    // SAFETY: as in `switch_back`.
    unsafe { switch_without_control_words(&raw mut (*pair).inside, (*pair).outside, 0) };
}

fn with_pair(entry: unsafe extern "C" fn(usize) -> !, test: impl FnOnce(*mut Pair)) {
    let mut pool = StackPool::default();
    let stack: Stack = pool.allocate(64 * 1024).unwrap();
    // SAFETY: fresh.
    let inside = unsafe { stack.prepare(entry) };
    let mut pair =
        Pair { outside: Context::null(), inside, control_words_at_start: registers::control_words() };
    test(&raw mut pair);
    pool.release(stack);
}

extern "C" fn switch_there_and_back(pair: *mut Pair) {
    // SAFETY: `inside` is fresh, or where the vandal left itself; the pair is its argument.
    unsafe { switch(&raw mut (*pair).outside, (*pair).inside, pair as usize) };
}

extern "C" fn switch_there_and_back_sharing(pair: *mut Pair) {
    // SAFETY: as above.
    unsafe { switch_without_control_words(&raw mut (*pair).outside, (*pair).inside, pair as usize) };
}

#[test]
fn callee_saved_registers() {
    with_pair(vandal, |pair| {
        for _ in 0..3 {
            assert_eq!(changed_by(switch_there_and_back, pair, 0x1111_2222_3333), 0);
        }
    });
}

#[test]
fn callee_saved_registers_without_control_words() {
    with_pair(sharing_vandal, |pair| {
        for _ in 0..3 {
            assert_eq!(changed_by(switch_there_and_back_sharing, pair, 0x1111_2222_3333), 0);
        }
    });
}

#[test]
fn control_words_in_both_directions() {
    with_pair(vandal, |pair| {
        let before = registers::control_words();
        for _ in 0..3 {
            switch_there_and_back(pair);
            assert_eq!(registers::control_words(), before);
        }
    });
}

#[test]
fn control_words_are_those_of_a_new_thread_on_a_new_stack() {
    let initial = registers::control_words();
    with_pair(vandal, |pair| {
        registers::set_control_words(registers::UNUSUAL);
        switch_there_and_back(pair);
        assert_eq!(registers::control_words(), registers::UNUSUAL);
        registers::set_control_words(initial);
        // SAFETY: the vandal is suspended.
        assert_eq!(unsafe { (*pair).control_words_at_start }, initial);
    });
}

#[test]
fn control_words_are_shared_if_they_are_not_kept() {
    let initial = registers::control_words();
    with_pair(sharing_vandal, |pair| {
        registers::set_control_words(registers::UNUSUAL);
        switch_there_and_back_sharing(pair);
        registers::set_control_words(initial);
        // SAFETY: the vandal is suspended.
        assert_eq!(unsafe { (*pair).control_words_at_start }, registers::UNUSUAL);
    });
}

#[test]
fn control_words_return_to_whoever_keeps_them_however_it_is_continued() {
    let initial = registers::control_words();
    with_pair(vandal, |pair| {
        switch_there_and_back(pair);
        for _ in 0..3 {
            // The vandal left by `switch`; we leave without control words, so it leaves us with its own. It asserts
            // that it has its words back.
            switch_there_and_back_sharing(pair);
            assert_eq!(registers::control_words(), registers::UNUSUAL);
            registers::set_control_words(initial);
        }
    });
}
