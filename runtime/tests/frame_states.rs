//! A frame goes from state to state as it is asked to, and refuses what its state doesn't allow.

use fibra::frame::{Frame, Resumed, Slot, State, suspend};
use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// Counts how often it is dropped, and panics then if it is told to.
struct Witness<'a> {
    dropped: &'a Cell<u32>,
    panics: bool,
}

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        self.dropped.set(self.dropped.get() + 1);
        assert!(!self.panics, "a destructor's panic");
    }
}

/// How a body behaves: it suspends itself so often, and then ends so.
#[derive(Clone, Copy, Debug)]
struct Script {
    suspensions: u32,
    panics: bool,
}

async fn act<'a>(script: Script, witness: Witness<'a>) -> Witness<'a> {
    for _ in 0..script.suspensions {
        suspend().await;
    }
    assert!(!script.panics, "a body's panic");
    witness
}

#[derive(Clone, Copy, Debug)]
enum Request {
    Resume,
    Cancel,
    Take,
}

const REQUESTS: [Request; 3] = [Request::Resume, Request::Cancel, Request::Take];

/// What a frame should do, without a frame.
struct Model {
    script: Script,
    state: State,
}

impl Model {
    /// The state after `request`, or `None` where that is refused.
    fn next(&mut self, request: Request) -> Option<State> {
        let can_run = matches!(self.state, State::Created | State::Suspended);
        let next = match request {
            Request::Resume if can_run && self.script.suspensions > 0 => {
                self.script.suspensions -= 1;
                State::Suspended
            }
            Request::Resume if can_run && self.script.panics => State::Panicked,
            Request::Resume if can_run => State::Done,
            Request::Cancel if can_run => State::Cancelled,
            Request::Take if self.state == State::Done => State::Taken,
            _ => return None,
        };
        self.state = next;
        Some(next)
    }

    fn has_dropped(&self) -> bool {
        matches!(self.state, State::Taken | State::Cancelled | State::Panicked)
    }
}

/// Does `request`; `Err` is the state that it was refused in.
fn ask<'a, F: Future<Output = Witness<'a>>>(frame: &Frame<'_, F>, request: Request) -> Result<(), State> {
    let refused = match request {
        Request::Resume => match catch_unwind(AssertUnwindSafe(|| frame.resume())) {
            Err(_) => None,
            Ok(Ok(resumed)) => {
                assert_eq!(resumed == Resumed::Done, frame.state() == State::Done);
                None
            }
            Ok(Err(refused)) => Some(refused),
        },
        Request::Cancel => frame.cancel().err(),
        Request::Take => frame.take().err(),
    };
    refused.map_or(Ok(()), |refused| Err(refused.state()))
}

#[test]
fn every_sequence_of_requests_goes_as_the_model_says() {
    const LENGTH: u32 = 6;
    let scripts = [(0, false), (1, false), (2, false), (0, true), (1, true)];
    for (suspensions, panics) in scripts {
        for sequence in 0..3_u32.pow(LENGTH) {
            let script = Script { suspensions, panics };
            let mut model = Model { script, state: State::Created };
            let dropped = Cell::new(0);
            let mut slot = pin!(Slot::<128>::new());
            let body = act(script, Witness { dropped: &dropped, panics: false });
            let frame = Frame::new_in(slot.as_mut(), body).unwrap();
            for step in 0..LENGTH {
                let request = REQUESTS[(sequence / 3_u32.pow(step) % 3) as usize];
                let before = model.state;
                let expected = model.next(request).map(|_| ()).ok_or(before);
                assert_eq!(ask(&frame, request), expected, "{request:?} of {script:?}, {sequence}, {step}");
                assert_eq!(frame.state(), model.state, "{request:?} of {script:?}, {sequence}, {step}");
                assert_eq!(dropped.get(), u32::from(model.has_dropped()), "{script:?}, {sequence}, {step}");
            }
            drop(frame);
            assert_eq!(dropped.get(), 1, "dropping a frame drops what it holds: {script:?}, {sequence}");
        }
    }
}

#[test]
fn a_body_that_resumes_its_own_frame_is_refused() {
    type Body<'a> = Pin<Box<dyn Future<Output = [State; 3]> + 'a>>;
    let frame: Rc<RefCell<Option<Rc<Frame<'_, Body<'_>>>>>> = Rc::default();
    let itself = Rc::clone(&frame);
    let body = async move {
        let frame = Rc::clone(itself.borrow().as_ref().unwrap());
        assert_eq!(frame.state(), State::Running);
        let refused = [frame.resume().unwrap_err(), frame.cancel().unwrap_err(), frame.take().unwrap_err()];
        assert_eq!(refused[0].to_string(), "a frame that is running cannot be resumed");
        refused.map(|refused| refused.state())
    };
    let memory: &'static mut [_] = Box::leak(Box::new_uninit_slice(64));
    let start = memory.as_ptr().align_offset(8);
    let placed = Rc::new(Frame::new_in(&mut memory[start..], Box::pin(body) as Body<'_>).unwrap());
    *frame.borrow_mut() = Some(Rc::clone(&placed));
    assert_eq!(placed.resume(), Ok(Resumed::Done));
    assert_eq!(placed.take(), Ok([State::Running; 3]));
    frame.borrow_mut().take();
}

#[test]
fn a_panic_of_the_body_reaches_who_resumes_and_drops_what_the_frame_held() {
    let dropped = Cell::new(0);
    let script = Script { suspensions: 1, panics: true };
    let slot = pin!(Slot::<128>::new());
    let frame = Frame::new_in(slot, act(script, Witness { dropped: &dropped, panics: false })).unwrap();
    frame.resume().unwrap();
    let payload = catch_unwind(AssertUnwindSafe(|| frame.resume())).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"a body's panic"));
    assert_eq!((frame.state(), dropped.get()), (State::Panicked, 1));
    assert_eq!(frame.resume().unwrap_err().to_string(), "a frame that has panicked cannot be resumed");
}

#[test]
fn a_destructor_that_panics_leaves_the_frame_cancelled_and_its_memory_free() {
    let dropped = Cell::new(0);
    let mut slot = pin!(Slot::<128>::new());
    let script = Script { suspensions: 1, panics: false };
    let frame =
        Frame::new_in(slot.as_mut(), act(script, Witness { dropped: &dropped, panics: true })).unwrap();
    frame.resume().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| frame.cancel())).is_err());
    assert_eq!((frame.state(), dropped.get()), (State::Cancelled, 1));
    drop(frame);

    let frame =
        Frame::new_in(slot.as_mut(), act(script, Witness { dropped: &dropped, panics: true })).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(frame))).is_err());
    assert_eq!(dropped.get(), 2);
    assert!(Frame::new_in(slot.as_mut(), async {}).is_ok());
}

/// Ready at once, with a result that counts its drop; its own destructor panics.
struct EndsBadly<'a>(&'a Cell<u32>);

impl<'a> Future for EndsBadly<'a> {
    type Output = Witness<'a>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Witness<'a>> {
        Poll::Ready(Witness { dropped: self.0, panics: false })
    }
}

impl Drop for EndsBadly<'_> {
    fn drop(&mut self) {
        panic!("a future's panic");
    }
}

#[test]
fn a_future_that_panics_as_it_is_dropped_at_its_end_has_no_result() {
    let dropped = Cell::new(0);
    let slot = pin!(Slot::<128>::new());
    let frame = Frame::new_in(slot, EndsBadly(&dropped)).unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| frame.resume())).is_err());
    assert_eq!((frame.state(), dropped.get()), (State::Panicked, 1));
    assert_eq!(frame.take().map(|_| ()).unwrap_err().state(), State::Panicked);
}

#[test]
fn a_frame_is_a_future_that_may_also_be_resumed_by_hand() {
    let slot = pin!(Slot::<64>::new());
    let mut frame = Frame::new_in(slot, async {
        suspend().await;
        suspend().await;
        5
    })
    .unwrap();
    assert_eq!(frame.resume(), Ok(Resumed::Suspended));
    assert_eq!(fibra::wait(&mut frame), 5);
    let polled_again = catch_unwind(AssertUnwindSafe(|| fibra::wait(&mut frame))).unwrap_err();
    let message = polled_again.downcast_ref::<String>().unwrap();
    assert_eq!(message, "a frame that is done, and whose result has been taken, has no result to take");
}

#[test]
fn a_frame_that_ended_by_hand_gives_its_result_to_who_awaits_it() {
    let slot = pin!(Slot::<64>::new());
    let frame = Frame::new_in(slot, async { 5 }).unwrap();
    assert_eq!(frame.resume(), Ok(Resumed::Done));
    assert_eq!(fibra::wait(frame), 5);
}

#[test]
fn the_body_gets_the_waker_of_who_polls_and_an_idle_one_when_resumed() {
    let seen: RefCell<Vec<bool>> = RefCell::default();
    let body = poll_fn(|context| {
        seen.borrow_mut().push(context.waker().will_wake(Waker::noop()));
        if seen.borrow().len() == 2 { Poll::Ready(()) } else { Poll::Pending }
    });
    let slot = pin!(Slot::<64>::new());
    let mut frame = Frame::new_in(slot, body).unwrap();
    assert_eq!(frame.resume(), Ok(Resumed::Suspended));
    fibra::wait(&mut frame);
    assert_eq!(*seen.borrow(), [true, false]);
}

#[test]
fn a_frame_in_memory_that_stays_can_be_spawned() {
    let memory: &'static mut [_] = Box::leak(Box::new_uninit_slice(1024));
    let start = memory.as_ptr().align_offset(16);
    let frame = Frame::new_in(&mut memory[start..], async {
        fibra::future::yield_now().await;
        8
    })
    .unwrap();
    assert_eq!(fibra::run(|| fibra::wait(fibra::future::spawn(frame))).unwrap(), 8);
}
