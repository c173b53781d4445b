//! Models of the table: what readers find while writers change it, in every order.
//!
//! The thread of the model writes, and those that it starts read. The other way round loom sees no conflict: it remembers the
//! last access to a slot alone, and a writer looks at a slot itself before it changes it.

use super::table::{Table, Value};
use crate::primitive::{AtomicBool, Relaxed, Release};
use ::loom::{cell::UnsafeCell, thread};
use std::{convert::Infallible, ops::ControlFlow, sync::Arc};

fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = ::loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(3);
    builder.check(model);
}

/// A value that knows whether it was withdrawn. Whoever finds it has to see what was written to it before.
struct Number {
    number: UnsafeCell<u32>,
    is_withdrawn: AtomicBool,
}

impl Number {
    fn new(number: u32) -> Self {
        let cell = UnsafeCell::new(0);
        // SAFETY: nobody else knows it yet.
        cell.with_mut(|cell| unsafe { *cell = number });
        Self { number: cell, is_withdrawn: AtomicBool::new(false) }
    }

    fn get(&self) -> u32 {
        // SAFETY: it is written before anybody can find it, which the model checks.
        self.number.with(|number| unsafe { *number })
    }
}

// SAFETY: as `get` says.
unsafe impl Sync for Number {}
// SAFETY: a number and a flag.
unsafe impl Send for Number {}

/// It is freed: after whoever has found it, which the model checks.
impl Drop for Number {
    fn drop(&mut self) {
        self.number.with_mut(|_| ());
    }
}

impl Value for Number {
    type Reached = u32;
    type Withdrawn = u32;

    fn reach(&self) -> Option<u32> {
        if self.is_withdrawn.load(Relaxed) {
            // loom explores no loop that only waits for others.
            thread::yield_now();
            return None;
        }
        Some(self.get())
    }

    unsafe fn withdraw(&self) -> u32 {
        assert!(!self.is_withdrawn.load(Relaxed), "withdrawn once");
        self.is_withdrawn.store(true, Release);
        self.get()
    }
}

fn table(names: &[(&str, u32)]) -> Arc<Table<Number>> {
    let table = Arc::new(Table::new());
    for (name, number) in names {
        insert(&table, name, *number).unwrap();
    }
    table
}

/// The number that the name has already, if it does.
fn insert(table: &Table<Number>, name: &str, number: u32) -> Result<(), u32> {
    table.insert(name, Number::new(number), |taken| taken.get())
}

fn also<T: Send + 'static>(
    table: &Arc<Table<Number>>,
    does: impl FnOnce(&Table<Number>) -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    let table = Arc::clone(table);
    thread::spawn(move || does(&table))
}

#[test]
fn a_name_that_is_replaced_is_never_missing() {
    check(|| {
        let table = table(&[("a", 1)]);
        let reader = also(&table, |table| (table.get("a"), table.get("a")));
        assert_eq!(table.replace("a", Number::new(2)), Some(1));
        let found = reader.join().unwrap();
        assert!(matches!(found, (Some(1), Some(1 | 2)) | (Some(2), Some(2))), "{found:?}");
        assert_eq!(table.get("a"), Some(2));
    });
}

#[test]
fn a_name_stays_while_the_table_grows_around_it() {
    check(|| {
        // Of the four places of a model's first table, three may be in use.
        let table = table(&[("a", 1), ("d", 4)]);
        let reader = also(&table, |table| (table.get("a"), table.get("x"), table.get("b")));
        insert(&table, "b", 2).unwrap();
        insert(&table, "c", 3).unwrap();
        let found = reader.join().unwrap();
        assert!(matches!(found, (Some(1), None, None | Some(2))), "{found:?}");
        assert_eq!(["a", "b", "c"].map(|name| table.get(name)), [Some(1), Some(2), Some(3)]);
    });
}

#[test]
fn one_of_two_gets_a_name_and_the_other_is_told_by_whom() {
    check(|| {
        let table = table(&[]);
        let other = also(&table, |table| insert(table, "a", 2));
        let mine = insert(&table, "a", 1);
        let others = other.join().unwrap();
        let expected = match (mine, others) {
            (Ok(()), Err(1)) => 1,
            (Err(2), Ok(())) => 2,
            both => panic!("{both:?}"),
        };
        assert_eq!(table.get("a"), Some(expected));
    });
}

#[test]
fn a_place_that_is_used_again_is_never_taken_for_its_former_tenant() {
    check(|| {
        let table = table(&[("a", 1)]);
        let reader = also(&table, |table| (table.get("a"), table.get("b")));
        assert_eq!(table.remove("a"), Some(1));
        insert(&table, "b", 2).unwrap();
        let found = reader.join().unwrap();
        assert!(matches!(found, (None | Some(1), None | Some(2))), "{found:?}");
        assert_eq!((table.get("a"), table.get("b")), (None, Some(2)));
    });
}

#[test]
fn who_has_seen_a_name_go_does_not_see_it_again() {
    check(|| {
        let table = table(&[("a", 1), ("b", 2)]);
        let reader = also(&table, |table| (table.get("a"), table.get("a"), table.get("b")));
        assert_eq!(table.remove("a"), Some(1));
        let found = reader.join().unwrap();
        assert!(matches!(found, (Some(1), None | Some(1), Some(2)) | (None, None, Some(2))), "{found:?}");
        let mut left = Vec::new();
        let ControlFlow::Continue(()) = table.walk::<Infallible>(|name, value| {
            left.push((name.to_owned(), value.get()));
            ControlFlow::Continue(())
        });
        assert_eq!(left, [("b".to_owned(), 2)]);
    });
}

#[test]
fn what_is_found_is_not_freed_before_the_reader_is_away() {
    check(|| {
        let table = table(&[("a", 1)]);
        let reader = also(&table, |table| table.get("a"));
        // Each sweeps what was unlinked before.
        for number in 2..4 {
            assert_eq!(table.replace("a", Number::new(number)), Some(number - 1));
        }
        assert!(matches!(reader.join().unwrap(), Some(1..4)));
    });
}
