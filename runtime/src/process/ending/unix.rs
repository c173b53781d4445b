//! Unix: a descriptor becomes readable.

use super::descriptor;
use crate::io::unix::Watched;
use std::{io, os::fd::OwnedFd, process::Child};

/// Who has ended is kept until somebody has asked how.
pub(in crate::process) const LEAVES_A_ZOMBIE: bool = true;

pub(in crate::process) struct Watch(Watched<OwnedFd>);

impl Watch {
    pub(super) fn new(child: &Child) -> io::Result<Self> {
        // Nobody else can have the number: the child has not been waited for.
        let pid = rustix::process::Pid::from_child(child);
        Ok(Self(Watched::new(descriptor::of(pid)?)))
    }

    pub(super) fn wait(&self) -> io::Result<()> {
        self.0.readable()
    }

    pub(super) async fn wait_async(&self) -> io::Result<()> {
        self.0.readable_async().await
    }
}
