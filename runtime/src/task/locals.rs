//! What a task keeps for itself under keys: made at the first use of a key, dropped at the task's end.
//!
//! The values lie with the fiber that the task's body runs on, and the task knows no more than that there are some: one that
//! uses no key pays nothing for them. A green thread runs on one fiber from its start to its end, so they are its own. A
//! future is polled on any fiber, of any worker, and its values need not be `Send`: they are dropped at the end of the
//! `poll` that made them.
//!
//! ```text
//!   Header ── has_locals?        Fiber ── Values: [ (key, value), (key, gone), … ]   in the order of the first use
//! ```
//!
//! They are dropped on the body's own stack, the newest first, while the task still runs: a destructor may wait, and may use
//! other keys. A key whose value is gone, or is going, gets no other one; so this comes to an end.

use super::{fiber::Fiber, header::Header, home::Home, join::contain};
use std::{
    any::{Any, TypeId},
    cell::RefCell,
    rc::Rc,
};

/// What a body keeps on its fiber. Home-only.
pub(super) struct Values(RefCell<Vec<Value>>);

struct Value {
    key: Key,
    /// `None` from the moment on at which it is dropped.
    value: Option<Rc<dyn Any>>,
}

/// A key is where it lies. The type comes along, so that a value is never taken for one of another type.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    address: usize,
    type_id: TypeId,
}

impl Key {
    fn new<T: 'static>(address: usize) -> Self {
        Self { address, type_id: TypeId::of::<T>() }
    }
}

/// What a task has under a key.
pub(crate) enum Found<T> {
    Value(Rc<T>),
    /// It was not used yet.
    Nothing,
    /// The value has been dropped, or is being dropped.
    Gone,
}

impl Values {
    pub(super) const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Takes out the newest one that is left.
    fn take_newest(&self) -> Option<Rc<dyn Any>> {
        self.0.borrow_mut().iter_mut().rev().find_map(|value| value.value.take())
    }
}

/// The values of the task whose code calls.
pub(crate) struct Locals<'a> {
    fiber: &'a Fiber,
    header: &'a Header,
}

impl Locals<'_> {
    /// `None`: the caller is no task's code. It is a plain OS thread's; or a worker's, between tasks.
    pub(crate) fn here() -> Option<Self> {
        let fiber = Home::here()?.try_current()?;
        Some(Self { fiber, header: fiber.body()? })
    }

    /// What lies under the key of this address.
    pub(crate) fn find<T: 'static>(&self, address: usize) -> Found<T> {
        if self.header.state.is_complete() {
            // It is what is left of the task that asks, such as the destructor of an output that nobody wants.
            return Found::Gone;
        }
        let key = Key::new::<T>(address);
        let values = self.fiber.values.0.borrow();
        match values.iter().find(|value| value.key == key) {
            None => Found::Nothing,
            Some(Value { value: None, .. }) => Found::Gone,
            Some(Value { value: Some(value), .. }) => {
                Found::Value(Rc::clone(value).downcast().expect("the key says what type it is of"))
            }
        }
    }

    /// Puts a value under the key. If there is one by now, since what made the new one used the key, that one stays.
    pub(crate) fn add<T: 'static>(&self, address: usize, value: T) -> Rc<T> {
        if let Found::Value(earlier) = self.find(address) {
            return earlier;
        }
        let value = Rc::new(value);
        let entry = Value { key: Key::new::<T>(address), value: Some(Rc::clone(&value) as Rc<dyn Any>) };
        self.fiber.values.0.borrow_mut().push(entry);
        self.header.has_locals.set(true);
        value
    }
}

/// Drops the values of the body on the stack that we stand on, whose run is about to end.
#[cold]
pub(super) fn drop_values(header: &Header) {
    let locals = Locals::here().expect("a task that has values runs on a worker");
    let values = &locals.fiber.values;
    while let Some(value) = values.take_newest() {
        // A destructor is foreign code.
        contain(|| drop(value));
    }
    values.0.take();
    header.has_locals.set(false);
}
