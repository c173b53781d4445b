//! After a burst, memory and address space go back to the system.

use fibra_coro::{Stack, StackPool};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(unix)]
#[path = "mappings/linux.rs"]
mod mappings;
#[cfg(windows)]
#[path = "mappings/windows.rs"]
mod mappings;

const SIZE: usize = 64 * 1024;
const BURST: usize = 10_000;

/// The tests of this file look at the mappings of the whole process: one at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn touch(stack: &Stack) {
    // SAFETY: the highest byte of a stack that nobody stands on.
    unsafe { stack.bounds().top.sub(1).write_volatile(1) };
}

fn burst(pool: &mut StackPool) -> Vec<Stack> {
    let stacks: Vec<Stack> = (0..BURST).map(|_| pool.allocate(SIZE).unwrap()).collect();
    stacks.iter().for_each(touch);
    stacks
}

fn is_unmapped(address: usize) -> bool {
    mappings::mapping_of(address).is_none()
}

fn drains(order: impl FnOnce(&mut Vec<Stack>)) {
    let _alone = alone();
    let mut pool = StackPool::default();
    let mut stacks = burst(&mut pool);
    let tops: Vec<usize> = stacks.iter().map(|stack| stack.bounds().top.addr()).collect();
    let at_the_peak = pool.stats();
    order(&mut stacks);
    stacks.into_iter().for_each(|stack| pool.release(stack));
    let after = pool.stats();
    assert_eq!((after.in_use, after.slabs), (0, at_the_peak.slabs));
    let calls = settle_down(&mut pool);
    assert!((20..=200).contains(&calls), "{calls}");
    // Those at hand pin their slabs, at worst one each.
    assert!(pool.stats().slabs * 4 < at_the_peak.slabs, "{at_the_peak:?} {:?}", pool.stats());
    pool.trim();
    let trimmed = pool.stats();
    assert_eq!((trimmed.slabs, trimmed.pooled, trimmed.mapped_bytes), (0, 0, 0));
    assert!(tops.iter().step_by(97).all(|&top| is_unmapped(top - 1)));
}

#[test]
fn released_in_the_order_of_allocation() {
    drains(|_| ());
}

#[test]
fn released_in_the_reverse_order() {
    drains(|stacks| stacks.reverse());
}

#[test]
fn released_in_a_scattered_order() {
    drains(|stacks| {
        let stride = 4_999; // coprime to the number of stacks: a permutation
        let mut slots: Vec<Option<Stack>> = stacks.drain(..).map(Some).collect();
        stacks.extend((0..BURST).map(|index| slots[index * stride % BURST].take().unwrap()));
    });
}

/// Settles until nothing more can be given back, and says how many calls that took.
fn settle_down(pool: &mut StackPool) -> usize {
    let mut calls = 0;
    while pool.has_surplus() {
        pool.settle();
        calls += 1;
    }
    calls
}

#[test]
fn what_a_wave_needs_is_kept_between_waves() {
    let _alone = alone();
    let mut pool = StackPool::default();
    let slabs = |pool: &StackPool| pool.stats().slabs;
    burst(&mut pool).into_iter().for_each(|stack| pool.release(stack));
    let mapped = slabs(&pool);
    for _ in 0..10 {
        pool.settle();
        burst(&mut pool).into_iter().for_each(|stack| pool.release(stack));
        assert_eq!(slabs(&pool), mapped);
    }
    // Smaller waves keep what they need.
    for _ in 0..300 {
        let wave: Vec<Stack> = (0..BURST / 4).map(|_| pool.allocate(SIZE).unwrap()).collect();
        wave.into_iter().for_each(|stack| pool.release(stack));
        pool.settle();
    }
    assert!((mapped / 4..mapped / 2).contains(&slabs(&pool)), "{} of {mapped}", slabs(&pool));
}

/// One slab full and a piece of another.
const SMALL_BURST: usize = 64 + 20;

fn small_burst(pool: &mut StackPool) -> Vec<Stack> {
    (0..SMALL_BURST).map(|_| pool.allocate(SIZE).unwrap()).collect()
}

#[test]
fn a_small_burst_is_kept_for_the_next_one() {
    let _alone = alone();
    let mut pool = StackPool::default();
    small_burst(&mut pool).into_iter().for_each(|stack| pool.release(stack));
    assert_eq!((pool.stats().slabs, pool.stats().pooled), (2, SMALL_BURST));
}

#[test]
fn trimming_discards_what_free_stacks_hold() {
    let _alone = alone();
    let mut pool = StackPool::default();
    let kept = pool.allocate(SIZE).unwrap();
    let returned = pool.allocate(SIZE).unwrap();
    touch(&kept);
    touch(&returned);
    let top = returned.bounds().top;
    pool.release(returned);
    pool.trim();
    let again = pool.allocate(SIZE).unwrap();
    assert_eq!(again.bounds().top, top);
    assert_eq!(again.high_water_mark().unwrap(), 0);
    assert_ne!(kept.high_water_mark().unwrap(), 0);
    // Its guard is still there.
    assert_eq!(pool.stats().in_use, 2);
}

#[test]
fn dropping_the_pool_unmaps_what_nobody_uses() {
    let _alone = alone();
    let mut pool = StackPool::default();
    let stack = pool.allocate(SIZE).unwrap();
    let top = stack.bounds().top.addr();
    pool.release(stack);
    drop(pool);
    assert!(is_unmapped(top - 1));
}

#[test]
fn dropping_the_pool_leaves_a_stack_in_use_alone() {
    let _alone = alone();
    let mut pool = StackPool::default();
    // A slab that ran empty, was kept, and is in use again.
    small_burst(&mut pool).into_iter().for_each(|stack| pool.release(stack));
    let stacks = small_burst(&mut pool);
    drop(pool);
    stacks.iter().for_each(touch);
    assert!(stacks.iter().all(|stack| stack.high_water_mark().unwrap() > 0));
}
