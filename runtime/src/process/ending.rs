//! Hearing of a child's end.

#[cfg(any(target_os = "macos", target_os = "freebsd"))]
#[path = "ending/kqueue.rs"]
mod descriptor;
#[cfg(target_os = "linux")]
#[path = "ending/pidfd.rs"]
mod descriptor;
#[cfg(unix)]
#[path = "ending/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "ending/windows.rs"]
mod system;

pub(super) use system::LEAVES_A_ZOMBIE;

use crate::{io::sleep_until, scheduler::clock, time};
use std::{io, process::Child, time::Duration};

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(32);

/// How to hear of it.
pub(super) enum Ending {
    Told(system::Watch),
    /// Nobody tells: to be looked for again after a pause.
    LookedFor(Duration),
}

impl Ending {
    pub(super) fn of(child: &Child) -> Self {
        system::Watch::new(child).map_or(Self::LookedFor(FIRST_PAUSE), Self::Told)
    }

    /// Waits until the child has ended, or may have.
    pub(super) fn wait(&mut self) -> io::Result<()> {
        match self {
            Self::Told(watch) => watch.wait(),
            Self::LookedFor(pause) => {
                let now = clock::now();
                sleep_until(now, now + longer(pause))
            }
        }
    }

    pub(super) async fn wait_async(&mut self) -> io::Result<()> {
        match self {
            Self::Told(watch) => watch.wait_async().await,
            Self::LookedFor(pause) => {
                time::sleep(longer(pause)).await;
                Ok(())
            }
        }
    }
}

/// The pause, which is longer the next time.
fn longer(pause: &mut Duration) -> Duration {
    std::mem::replace(pause, (*pause * 2).min(LONGEST_PAUSE))
}
