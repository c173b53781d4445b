//! What the system won't promise, and what lies below a stack.

use super::child;
use fibra_coro::{GuardKind, StackPool, StackPoolConfig};

pub const TESTS: &[child::Test] = &[
    ("other_systems_guards_are_refused", other_systems_guards_are_refused),
    ("what_lies_below_a_stack_is_out_of_reach", what_lies_below_a_stack_is_out_of_reach),
];

fn other_systems_guards_are_refused() {
    for kind in [GuardKind::Install, GuardKind::Protect] {
        assert_eq!(kind.probe().unwrap_err().kind(), std::io::ErrorKind::Unsupported);
        let mut config = StackPoolConfig::default();
        config.guard = Some(kind);
        let error = StackPool::new(config).allocate(64 * 1024).unwrap_err();
        assert!(error.to_string().contains(&kind.to_string()), "{error}");
    }
}

fn what_lies_below_a_stack_is_out_of_reach() {
    let outcome = child::run(|| {
        let mut pool = StackPool::default();
        let stack = pool.allocate(64 * 1024).unwrap();
        // SAFETY: none: this is the fault.
        unsafe { stack.bounds().limit.sub(1).write_volatile(1) };
    });
    assert!(outcome.ended_by_a_fault(), "{outcome:?}");
}
