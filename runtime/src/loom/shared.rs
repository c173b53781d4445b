//! A counted reference: the last one drops the value, once, after everybody has done with it.

use crate::task::shared::Shared;
use loom::{cell::UnsafeCell, thread};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

/// Fails the model if somebody looks at it while it is dropped. Counts that.
struct Value {
    cell: UnsafeCell<u32>,
    drops: Arc<AtomicUsize>,
}

impl Value {
    fn look(&self) {
        // SAFETY: loom's cell fails the model if somebody changes it now, which is what is checked here.
        self.cell.with(|value| assert_eq!(unsafe { *value }, 7));
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: as above, if somebody has it at all.
        self.cell.with_mut(|value| unsafe { *value = 0 });
        self.drops.fetch_add(1, SeqCst);
    }
}

#[test]
fn the_last_reference_drops_the_value_when_all_have_done_with_it() {
    loom::model(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        let mut first = Shared::new(|| Value { cell: UnsafeCell::new(7), drops: Arc::clone(&drops) });
        let others = [(); 2].map(|()| {
            let other = Shared::clone_mut(&mut first);
            thread::spawn(move || other.look())
        });
        first.look();
        drop(first);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(drops.load(SeqCst), 1);
    });
}
