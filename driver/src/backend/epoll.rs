//! tmp
use std::io;
use std::sync::Arc;
use super::choose::Refusal;
use crate::completion::*;
use crate::ledger::*;
use crate::op::Op;
use crate::unpark::Parking;
pub(crate) struct Epoll;
impl Epoll {
    pub(crate) fn new(_: &Arc<Parking>) -> Result<(Epoll, Vec<&'static str>), Refusal> {
        Err(Refusal::at("epoll")(io::ErrorKind::Unsupported.into()))
    }
    pub(crate) unsafe fn submit(&mut self, ledger: &mut Ledger, op: Op, word: usize) -> Submission {
        Submission::Pending(unsafe { ledger.offload(op, word) })
    }
    pub(crate) fn cancel(&mut self, _: &mut Ledger, _: OpKey) {}
    pub(crate) fn turn(&mut self, _: &mut Ledger, _: Pause, _: &mut Vec<Completion>) -> io::Result<bool> {
        Ok(true)
    }
    pub(crate) fn continue_due(&mut self, _: &mut Ledger, _: u64) {}
}
