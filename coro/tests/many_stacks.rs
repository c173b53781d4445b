//! Forty thousand stacks exist at once under the kernel's default limit on mappings, and a touched one costs little.
#![cfg(target_os = "linux")]

use fibra_coro::{GuardKind, Stack, StackError, StackPool, StackPoolConfig};

/// A field of /proc/self/status, in bytes.
fn status(field: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

/// Memory, and page tables with it, that each of `count` stacks takes when its highest bytes are touched.
fn bytes_per_touched_stack(count: usize, size: usize) -> f64 {
    let mut pool = StackPool::default();
    let mut stacks = Vec::<Stack>::with_capacity(count);
    let before = status("VmRSS") + status("VmPTE");
    for _ in 0..count {
        let stack = pool.allocate(size).unwrap();
        // SAFETY: the highest 3 KiB of a stack that nobody stands on.
        unsafe { stack.bounds().top.sub(3 * 1024).write_bytes(1, 3 * 1024) };
        stacks.push(stack);
    }
    let after = status("VmRSS") + status("VmPTE");
    stacks.into_iter().for_each(|stack| pool.release(stack));
    // The list itself is the test's.
    (after - before) as f64 / count as f64 - size_of::<Stack>() as f64
}

// One test, since it counts what the whole process has.
#[test]
fn forty_thousand_at_once() {
    if let Err(error) = GuardKind::Install.probe() {
        println!("each guard takes a mapping here: {error}");
        let limit: usize =
            std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap().trim().parse().unwrap();
        if limit < 80_000 && std::path::Path::new("/proc/self/pagemap").exists() {
            reaching_the_limit_names_it();
        }
        return;
    }
    let large = bytes_per_touched_stack(40_000, 2 * 1024 * 1024);
    assert!(large <= 8.3 * 1024.0, "{large}");
    let small = bytes_per_touched_stack(40_000, 64 * 1024);
    assert!(small <= 4.25 * 1024.0, "{small}");
    let mut pool = StackPool::default();
    let before = mappings();
    let stacks: Vec<Stack> = (0..40_000).map(|_| pool.allocate(64 * 1024).unwrap()).collect();
    assert!(mappings() < before + 2_000);
    stacks.into_iter().for_each(|stack| pool.release(stack));
    reaching_the_limit_names_it();
}

fn reaching_the_limit_names_it() {
    let mut config = StackPoolConfig::default();
    config.guard = Some(GuardKind::Protect);
    let mut pool = StackPool::new(config);
    let limit: usize = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap().trim().parse().unwrap();
    let mut stacks = Vec::new();
    let error = loop {
        match pool.allocate(16 * 1024) {
            Ok(stack) => stacks.push(stack),
            Err(error) => break error,
        }
        assert!(stacks.len() <= limit, "more stacks than mappings");
    };
    // Free a few mappings before anything else needs one.
    let count = stacks.len();
    stacks.into_iter().for_each(|stack| pool.release(stack));
    pool.trim();
    assert!(count > limit / 3, "{count}");
    assert!(matches!(error, StackError::TooManyMappings { .. }), "{error}");
    assert!(error.to_string().contains("vm.max_map_count"), "{error}");
}
