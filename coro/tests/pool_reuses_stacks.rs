//! A stack that was released is handed out again, without a system call.

use fibra_coro::{Stack, StackPool};
use std::collections::HashSet;

#[cfg(unix)]
#[path = "mappings/linux.rs"]
mod mappings;
#[cfg(windows)]
#[path = "mappings/windows.rs"]
mod mappings;

const SIZE: usize = 64 * 1024;

/// The mappings that hold these stacks, each once.
fn mappings_of(stacks: &[Stack]) -> HashSet<String> {
    stacks.iter().map(|stack| mappings::mapping_of(top(stack) - 1).unwrap()).collect()
}

fn top(stack: &Stack) -> usize {
    stack.bounds().top.addr()
}

#[test]
fn the_last_one_first() {
    let mut pool = StackPool::default();
    let stacks: Vec<Stack> = (0..10).map(|_| pool.allocate(SIZE).unwrap()).collect();
    let tops: Vec<usize> = stacks.iter().map(top).collect();
    stacks.into_iter().for_each(|stack| pool.release(stack));
    for expected in tops.into_iter().rev() {
        let stack = pool.allocate(SIZE).unwrap();
        assert_eq!(top(&stack), expected);
    }
}

#[test]
fn without_a_new_mapping() {
    const STACKS: usize = 500;
    let mut pool = StackPool::default();
    let first: Vec<Stack> = (0..STACKS).map(|_| pool.allocate(SIZE).unwrap()).collect();
    let tops: HashSet<usize> = first.iter().map(top).collect();
    let slabs = pool.stats().slabs;
    let before = mappings_of(&first);
    // Some stay in use in each slab, so that none is given back.
    let (kept, returned): (Vec<_>, Vec<_>) =
        first.into_iter().enumerate().partition(|(index, _)| index % 50 == 0);
    let count = returned.len();
    returned.into_iter().for_each(|(_, stack)| pool.release(stack));
    assert_eq!(pool.stats().pooled, count);
    let mut again: Vec<Stack> = (0..count).map(|_| pool.allocate(SIZE).unwrap()).collect();
    assert!(again.iter().all(|stack| tops.contains(&top(stack))));
    again.extend(kept.into_iter().map(|(_, stack)| stack));
    assert_eq!(mappings_of(&again), before);
    assert_eq!(pool.stats().slabs, slabs);
}

#[test]
fn no_two_in_use_overlap() {
    let mut pool = StackPool::default();
    let sizes = [16 * 1024, 64 * 1024, 2 * 1024 * 1024];
    let stacks: Vec<Stack> = (0..300).map(|index| pool.allocate(sizes[index % 3]).unwrap()).collect();
    let mut ranges: Vec<(usize, usize)> =
        stacks.iter().map(|stack| (stack.bounds().guard.addr(), top(stack))).collect();
    ranges.sort_unstable();
    assert!(ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0));
}

#[test]
fn the_oldest_slab_is_filled_first() {
    let mut pool = StackPool::default();
    let per_slab = 64;
    let mut stacks: Vec<Stack> = (0..4 * per_slab).map(|_| pool.allocate(SIZE).unwrap()).collect();
    let oldest: HashSet<usize> = stacks[..per_slab].iter().map(top).collect();
    // Half of the stacks of every slab come back, the oldest slab's first.
    let mut index = 0;
    let (returned, _kept): (Vec<Stack>, Vec<Stack>) = stacks.drain(..).partition(|_| {
        index += 1;
        index % 2 == 0
    });
    returned.into_iter().for_each(|stack| pool.release(stack));
    pool.trim(); // nothing at hand
    for _ in 0..per_slab / 2 {
        assert!(oldest.contains(&top(&pool.allocate(SIZE).unwrap())));
    }
    assert!(!oldest.contains(&top(&pool.allocate(SIZE).unwrap())));
}

#[test]
#[should_panic(expected = "a stack returns to the pool that made it")]
fn another_pools_stack_is_refused() {
    let stack = StackPool::default().allocate(SIZE).unwrap();
    StackPool::default().release(stack);
}
