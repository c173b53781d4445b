//! THE table of architectures: the one place that chooses how a thread leaves one stack and continues another.
//!
//! Every row supplies the same six things (the contract):
//!
//! | item | promise |
//! | --- | --- |
//! | `STACK_ALIGNMENT` | the alignment that the ABI wants of the stack pointer at a call |
//! | `first_frame(stack, entry)` | writes, as plain data, a frame that continues in `entry`; returns where it rests |
//! | `switch(save, to, word)` | leaves this stack and continues another, control words kept |
//! | `switch_without_control_words(..)` | the same; floating-point control words are shared by all stacks |
//! | `LONGEST_CALL` | the length of the longest call instruction, in bytes |
//! | `ends_with_call(code)` | whether so many bytes of code end with a call instruction, as far as can be told |
//!
//! A *suspended* stack is nothing but a stack pointer; everything else lies on the stack itself, at fixed distances
//! from it. The side that continues a stack loads the few registers that inline assembly can't declare as clobbered;
//! for all others the compiler is told that they are lost, so it saves exactly those that are alive at each place of a
//! switch: mostly none. This is why `switch` is inlined into its caller instead of being a call that saves everything.
//!
//! Who continues a stack *jumps* to it. A `ret` would be predicted from the CPU's return stack, which holds the
//! callers of the stack we are leaving, and so would be mispredicted every time: 8 ns against 1.2 ns.
//!
//! To port fibra to an architecture: write the file, add a line here, run the tests of this crate.

#[cfg(all(target_arch = "x86_64", unix))]
#[path = "arch/x86_64.rs"]
mod current;

#[cfg(all(target_arch = "aarch64", unix))]
#[path = "arch/aarch64.rs"]
mod current;

// macOS takes the same two files as other Unix systems: they compile and link there, and nobody has run them yet.
#[cfg(all(target_arch = "x86_64", windows))]
#[path = "arch/x86_64_windows.rs"]
mod current;

#[cfg(target_arch = "x86_64")]
#[path = "arch/x86_64_calls.rs"]
mod x86_64_calls;

#[cfg(not(any(all(target_arch = "x86_64", any(unix, windows)), all(target_arch = "aarch64", unix))))]
compile_error!("fibra-coro has no context switch for this architecture: see coro/src/arch.rs");

pub(crate) use current::*;
