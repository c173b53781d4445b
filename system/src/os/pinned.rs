//! Where threads can be bound to CPUs, they are.

use crate::affinity::{CpuSet, current, current_cpu, pin_current_thread};

#[test]
fn a_pinned_thread_runs_where_it_was_pinned() {
    for cpu in current().expect("readable").iter() {
        let there = std::thread::spawn(move || {
            pin_current_thread(cpu).expect("it may run there");
            current_cpu().expect("readable")
        });
        assert_eq!(there.join().expect("no panic"), cpu);
    }
}

#[test]
fn a_pinned_thread_may_run_on_that_cpu_alone_and_others_are_not_touched() {
    let before = current().expect("readable");
    for cpu in before.iter() {
        let pinned = std::thread::spawn(move || {
            pin_current_thread(cpu).expect("it may run there");
            current().expect("readable")
        });
        assert_eq!(pinned.join().expect("no panic"), CpuSet::of(cpu));
    }
    assert_eq!(current().expect("readable"), before);
}
