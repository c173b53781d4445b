//! Stackful coroutines: the context switch, guarded stacks, unwinding and overflow reports.
