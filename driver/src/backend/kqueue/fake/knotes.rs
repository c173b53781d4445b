//! The knotes of a queue: what was registered, what is active, and in which order.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::c_int;

use super::descriptor::{Activity, Condition, Identity};
use super::{
    EV_ADD, EV_CLEAR, EV_DELETE, EV_DISABLE, EV_ENABLE, EV_EOF, EV_ONESHOT, EVFILT_READ, EVFILT_USER,
    EVFILT_WRITE, NOTE_TRIGGER, Out, kevent,
};
use crate::backend::os::RawFd;

/// F, "DESCRIPTION": "A kevent is identified by an (ident, filter) pair; there may only be one unique kevent per kqueue."
type Name = (usize, i16);

struct Knote {
    /// How it was registered: EV_CLEAR, EV_ONESHOT.
    flags: u16,
    fflags: u32,
    udata: *mut std::ffi::c_void,
    enabled: bool,
    /// Something has happened since it was last returned, or it is returned until its condition holds no more.
    active: bool,
    /// What it is about; `None` for what the user triggers.
    identity: Option<Identity>,
    /// What activity is told by.
    watch: u64,
}

// SAFETY: `udata` is a number to the queue, which nobody here follows.
unsafe impl Send for Knote {}

#[derive(Default)]
pub(super) struct Knotes {
    knotes: BTreeMap<Name, Knote>,
    by_watch: BTreeMap<u64, Name>,
    /// The order of returning: each is taken from the front, and what stays active goes to the back.
    queue: VecDeque<Name>,
    watches: u64,
}

impl Knotes {
    /// Makes one change of a list. An error is a number of the system's.
    pub(super) fn apply(&mut self, change: &kevent, activity: &Activity) -> Result<(), c_int> {
        let name = (change.ident, change.filter);
        match change.filter {
            EVFILT_READ | EVFILT_WRITE => self.forget_closed(name, activity)?,
            EVFILT_USER => {}
            // F, "ERRORS": EINVAL, "The specified […] filter is invalid."
            _ => return Err(libc::EINVAL),
        }
        if change.flags & EV_DELETE != 0 {
            // F, "EV_DELETE": "Removes the event from the kqueue."
            return self.remove(name, activity);
        }
        match self.knotes.get_mut(&name) {
            Some(knote) => {
                // F, "EV_ADD": "Re-adding an existing event will modify the parameters of the original event, and not result
                // in a duplicate entry." How it is returned is not among the parameters: the kernels leave it.
                // Numbers of what has no inode of its own (eventfds, watches of files) look the same after a close, which was
                // the end of hearing of them: so that is asked for again.
                if change.flags & EV_ADD != 0 && knote.identity.is_some() {
                    activity.watch(name.0 as RawFd, name.1, knote.watch)?;
                }
                (knote.udata, knote.fflags) = (change.udata, change.fflags & !NOTE_TRIGGER);
            }
            None if change.flags & EV_ADD != 0 => self.add(name, change, activity)?,
            // F, "ERRORS": ENOENT, "The event could not be found to be modified or deleted."
            None => return Err(libc::ENOENT),
        }
        self.switch(name, change);
        Ok(())
    }

    /// F, "EV_ADD": "Adds the event to the kqueue […]. Adding an event automatically enables it, unless overridden by the
    /// EV_DISABLE flag."
    fn add(&mut self, name: Name, change: &kevent, activity: &Activity) -> Result<(), c_int> {
        let identity = match name.1 {
            EVFILT_USER => None,
            _ => Some(Identity::of(name.0 as RawFd)?),
        };
        if name.1 == EVFILT_WRITE && identity.is_some_and(|identity| identity.is_file) {
            // M, "EVFILT_WRITE": "This filter is not supported for vnodes."
            return Err(libc::EINVAL);
        }
        self.watches += 1;
        let watch = self.watches;
        if identity.is_some() {
            activity.watch(name.0 as RawFd, name.1, watch)?;
        }
        let flags = change.flags & (EV_CLEAR | EV_ONESHOT);
        let (fflags, udata) = (change.fflags & !NOTE_TRIGGER, change.udata);
        self.by_watch.insert(watch, name);
        let knote = Knote { flags, fflags, udata, enabled: true, active: false, identity, watch };
        self.knotes.insert(name, knote);
        Ok(())
    }

    /// What a change does to a knote that is there.
    fn switch(&mut self, name: Name, change: &kevent) {
        let Some(knote) = self.knotes.get_mut(&name) else { return };
        // F, "EV_DISABLE": "Disable the event so kevent() will not return it. The filter itself is not disabled." "EV_ENABLE":
        // "Permit kevent() to return the event if it is triggered."
        if change.flags & EV_DISABLE != 0 {
            knote.enabled = false;
        } else if change.flags & (EV_ENABLE | EV_ADD) != 0 {
            knote.enabled = true;
        }
        let holds = match knote.identity {
            // F, "EVFILT_USER": "NOTE_TRIGGER: Cause the event to be triggered."
            None => change.fflags & NOTE_TRIGGER != 0,
            // F, "DESCRIPTION": the filter "is executed upon the initial registration of a kevent in order to detect whether
            // a preexisting condition is present".
            Some(identity) => Condition::of(name.0 as RawFd, name.1, identity).is_some(),
        };
        if holds {
            self.queue_up(name);
        }
    }

    fn queue_up(&mut self, name: Name) {
        if let Some(knote) = self.knotes.get_mut(&name)
            && !std::mem::replace(&mut knote.active, true)
        {
            self.queue.push_back(name);
        }
    }

    fn remove(&mut self, name: Name, activity: &Activity) -> Result<(), c_int> {
        let knote = self.knotes.remove(&name).ok_or(libc::ENOENT)?;
        self.by_watch.remove(&knote.watch);
        self.queue.retain(|queued| *queued != name);
        if knote.identity.is_some() {
            activity.unwatch(name.0 as RawFd, name.1);
        }
        Ok(())
    }

    /// F, "EV_DELETE": "Events which are attached to file descriptors are automatically deleted on the last close of the
    /// descriptor." A close can't be seen here; what the number refers to afterwards can.
    fn forget_closed(&mut self, name: Name, activity: &Activity) -> Result<(), c_int> {
        let now = Identity::of(name.0 as RawFd);
        for name in [(name.0, EVFILT_READ), (name.0, EVFILT_WRITE)] {
            if let Some(knote) = self.knotes.get(&name)
                && knote.identity != now.ok()
            {
                // It is there: nothing to fail.
                let _ = self.remove(name, activity);
            }
        }
        now.map(drop)
    }

    /// Something has happened to a descriptor. What was closed tells as long as it has a duplicate, and finds nothing here.
    pub(super) fn activate(&mut self, watch: u64) {
        if let Some(&name) = self.by_watch.get(&watch) {
            self.queue_up(name);
        }
    }

    /// Returns what is active, each knote once at most.
    pub(super) fn scan(&mut self, activity: &Activity, out: &mut Out) {
        self.activate_files();
        for _ in 0..self.queue.len() {
            if out.is_full() {
                return;
            }
            let Some(name) = self.queue.pop_front() else { return };
            self.scan_one(name, activity, out);
        }
    }

    /// A file is active whenever its condition holds: there is no activity to hear of.
    fn activate_files(&mut self) {
        let is_file = |knote: &Knote| knote.identity.is_some_and(|identity| identity.is_file);
        let names: Vec<Name> =
            self.knotes.iter().filter(|(_, knote)| is_file(knote)).map(|(name, _)| *name).collect();
        names.into_iter().for_each(|name| self.queue_up(name));
    }

    fn scan_one(&mut self, name: Name, activity: &Activity, out: &mut Out) {
        // The number may have been closed, and be another's.
        if name.1 != EVFILT_USER && self.forget_closed(name, activity).is_err() {
            return;
        }
        let Some(knote) = self.knotes.get_mut(&name) else { return };
        if !knote.enabled {
            self.queue.push_back(name);
            return;
        }
        let condition = match knote.identity {
            None => Some(Condition { data: 0, is_eof: false, error: knote.fflags }),
            // F, "DESCRIPTION": "The filter is also run when the user attempts to retrieve the event from the kqueue. If the
            // filter indicates that the condition that triggered the event no longer holds, the kevent is removed from the
            // kqueue and is not returned."
            Some(identity) => Condition::of(name.0 as RawFd, name.1, identity),
        };
        let Some(Condition { data, is_eof, error }) = condition else {
            knote.active = false;
            return;
        };
        let eof = if is_eof { EV_EOF } else { 0 };
        let (flags, udata) = (knote.flags | eof, knote.udata);
        out.push(kevent { ident: name.0, filter: name.1, flags, fflags: error, data, udata });
        if knote.flags & EV_ONESHOT != 0 {
            // F, "EV_ONESHOT": "Causes the event to return only the first occurrence of the filter being triggered. After the
            // user retrieves the event from the kqueue, it is deleted."
            let _ = self.remove(name, activity);
        } else if knote.flags & EV_CLEAR != 0 {
            // F, "EV_CLEAR": "After the event is retrieved by the user, its state is reset. This is useful for filters which
            // report state transitions instead of the current state."
            knote.active = false;
        } else {
            self.queue.push_back(name);
        }
    }
}
