//! Memory for frames: what doesn't fit is an error that gives everything back, and what is in use is never used for anything else.

#[path = "support/child.rs"]
mod child;

use fibra::frame::{
    self, Arena, Frame, Memory, Resumed, Slot, frame_layout_of, frame_layout_of_val, frame_size_of, suspend,
};
use std::{
    cell::Cell,
    future::{Future, Pending, Ready, pending, ready},
    mem::{MaybeUninit, forget},
    pin::{Pin, pin},
    task::{Context, Poll},
};

/// Bytes that begin at a multiple of 64.
#[repr(align(64))]
struct Aligned<const N: usize>([MaybeUninit<u8>; N]);

impl<const N: usize> Aligned<N> {
    fn new() -> Self {
        Self([MaybeUninit::uninit(); N])
    }
}

/// A future of an unusual alignment, which looks where it lies.
#[repr(align(64))]
struct Wide(u8);

impl Future for Wide {
    type Output = u8;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u8> {
        assert!(std::ptr::from_ref(&*self).addr().is_multiple_of(64));
        Poll::Ready(self.0)
    }
}

#[test]
fn a_frame_needs_as_much_as_the_larger_of_future_and_result() {
    assert_eq!(frame_size_of::<Pending<()>>(), 0);
    assert_eq!(frame_size_of::<Pending<[u8; 77]>>(), 77);
    assert_eq!(frame_layout_of::<Wide>().align(), 64);
    let small_with_large_result = async { [0_u64; 100] };
    assert_eq!(frame_layout_of_val(&small_with_large_result).size(), 800);
}

#[test]
fn exactly_enough_memory_is_enough_and_one_byte_less_is_not() {
    let mut bytes = Aligned::<64>::new();
    let layout = frame_layout_of::<Ready<u64>>();
    assert_eq!(layout.size(), 16);
    frame::scope(&mut bytes.0[..16], |memory| {
        let frame = Frame::new_in(memory, ready(7_u64)).unwrap();
        assert_eq!(frame.resume(), Ok(Resumed::Done));
        assert_eq!(frame.take(), Ok(7));
    });
    frame::scope(&mut bytes.0[..15], |memory| {
        let error = Frame::new_in(memory, ready(7_u64)).unwrap_err();
        assert!(error.is_too_small() && !error.is_misaligned() && !error.is_occupied());
        assert_eq!(error.layout(), layout);
        assert_eq!(error.to_string(), "16 bytes aligned to 8 are needed, and the memory has 15");
        let (memory, future) = error.into_parts();
        assert_eq!((memory.len(), fibra::wait(future)), (15, 7));
    });
}

#[test]
fn misaligned_memory_is_an_error_that_names_the_alignment() {
    let mut bytes = Aligned::<64>::new();
    frame::scope(&mut bytes.0[4..], |memory| {
        let error = Frame::new_in(memory, ready(7_u64)).unwrap_err();
        assert!(error.is_misaligned() && !error.is_too_small());
        assert!(
            error.to_string().starts_with("16 bytes aligned to 8 are needed, and the memory begins at 0x")
        );
        // What asks for less is content with the same memory.
        let (memory, _) = error.into_parts();
        assert_eq!(fibra::wait(Frame::new_in(memory, ready(7_u32)).unwrap()), 7);
    });
}

#[test]
fn an_over_aligned_future_lies_where_it_should() {
    let mut bytes = Aligned::<128>::new();
    frame::scope(&mut bytes.0, |memory| {
        assert_eq!(fibra::wait(Frame::new_in(memory, Wide(3)).unwrap()), 3);
    });
    let outside: Cell<usize> = Cell::new(0);
    let mut slot = pin!(Slot::<1024>::new());
    let arena = Arena::new_in(slot.as_mut()).unwrap();
    let calls: [_; 3] = std::array::from_fn(|number| arena.call(Wide(number as u8)).unwrap());
    for call in calls {
        outside.set(outside.get() + usize::from(fibra::wait(call)));
    }
    assert_eq!(outside.get(), 3);
}

#[test]
fn a_future_without_size_lies_in_no_bytes_at_all() {
    frame::scope(&mut [], |memory| {
        let frame = Frame::new_in(memory, pending::<()>()).unwrap();
        assert_eq!(frame.resume(), Ok(Resumed::Suspended));
        frame.cancel().unwrap();
    });
    let slot = pin!(Slot::<0>::new());
    let frame = Frame::new_in(slot, std::future::poll_fn(|_| Poll::Ready(()))).unwrap();
    assert_eq!(fibra::wait(frame), ());
}

#[test]
fn memory_that_lives_for_ever_is_handed_on_from_frame_to_frame() {
    let bytes: &'static mut Aligned<64> = Box::leak(Box::new(Aligned::new()));
    let mut memory = Memory::from(&mut bytes.0[..]);
    for number in 0..3 {
        let frame = Frame::new_in(memory, async move {
            suspend().await;
            number
        })
        .unwrap();
        frame.resume().unwrap();
        memory = frame.into_memory();
    }
    assert_eq!(memory.len(), 64);
}

#[test]
fn a_forgotten_frame_in_bytes_that_nobody_gets_back_is_just_lost() {
    let bytes: &'static mut Aligned<64> = Box::leak(Box::new(Aligned::new()));
    forget(Frame::new_in(&mut bytes.0[..], pending::<u64>()).unwrap());
}

#[test]
fn a_slot_with_a_forgotten_frame_in_it_is_not_used_again() {
    let slot: &'static mut Slot<64> = Box::leak(Box::new(Slot::new()));
    let mut slot = Pin::static_mut(slot);
    forget(Frame::new_in(slot.as_mut(), pending::<u64>()).unwrap());
    let error = Frame::new_in(slot.as_mut(), ready(7)).unwrap_err();
    assert!(error.is_occupied());
    assert_eq!(fibra::wait(error.into_parts().1), 7);
    assert!(Arena::new_in(slot.as_mut()).unwrap_err().is_occupied());
}

#[test]
fn a_slot_with_a_forgotten_call_in_it_is_not_used_again() {
    let slot: &'static mut Slot<256> = Box::leak(Box::new(Slot::new()));
    let mut slot = Pin::static_mut(slot);
    forget(Arena::new_in(slot.as_mut()).unwrap().call(async {}).unwrap());
    assert!(Arena::new_in(slot.as_mut()).unwrap_err().is_occupied());
}

/// Runs one of the ignored tests below in a process of its own; returns its standard error.
fn dies(test: &str) -> String {
    let output = child::output(&mut child::running(test));
    assert!(!output.status.success(), "{test} survived");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_process_ends_before_the_memory_of_a_forgotten_frame_is_used_for_anything_else() {
    for test in
        ["child_drops_a_slot", "child_ends_a_scope", "child_panics_in_a_scope", "child_drops_an_arena"]
    {
        let message = dies(test);
        assert!(message.contains("memory ends while a frame lies in it"), "{test}: {message}");
        assert!(!message.contains("went on"), "{test}: {message}");
    }
}

#[test]
#[ignore = "dies: a test above runs it in a child process"]
fn child_drops_a_slot() {
    {
        let slot = pin!(Slot::<64>::new());
        forget(Frame::new_in(slot, pending::<u64>()).unwrap());
    }
    eprintln!("went on");
}

#[test]
#[ignore = "dies: a test above runs it in a child process"]
fn child_ends_a_scope() {
    let mut bytes = Aligned::<64>::new();
    frame::scope(&mut bytes.0, |memory| forget(Frame::new_in(memory, pending::<u64>()).unwrap()));
    eprintln!("went on");
}

#[test]
#[ignore = "dies: a test above runs it in a child process"]
fn child_panics_in_a_scope() {
    let mut bytes = Aligned::<64>::new();
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        frame::scope(&mut bytes.0, |memory| {
            forget(Frame::new_in(memory, pending::<u64>()).unwrap());
            panic!("out of the scope");
        })
    }));
    eprintln!("went on");
}

#[test]
#[ignore = "dies: a test above runs it in a child process"]
fn child_drops_an_arena() {
    {
        let slot = pin!(Slot::<256>::new());
        let arena = Arena::new_in(slot).unwrap();
        forget(arena.call(async {}).unwrap());
    }
    eprintln!("went on");
}
