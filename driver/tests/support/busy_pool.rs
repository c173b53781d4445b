//! A pool that has no time for anybody.

use std::sync::mpsc;

use fibra_driver::{BackendKind, Offload, OffloadConfig};

use crate::rig::Rig;

/// A driver whose pool has one thread, and that one busy until the sender is dropped.
pub fn with_busy_pool(kind: BackendKind) -> (Rig, mpsc::Sender<()>, Offload) {
    let pool = Offload::new(OffloadConfig { max_threads: 1, ..OffloadConfig::default() });
    let (sender, receiver) = mpsc::channel::<()>();
    let (started, running) = mpsc::channel();
    pool.execute(move || {
        started.send(()).expect("the test waits");
        receiver.recv().expect_err("the sender is dropped");
    })
    .expect("a thread can be started");
    running.recv().expect("the job runs");
    let rig = Rig::with(kind, |config| config.offload = pool.clone());
    (rig, sender, pool)
}
