//! System calls that fail as a test wants them to.
//!
//! A seccomp filter holds for the thread that installs it and for those that it starts, and stays for good, so each test
//! forbids what it wants to a thread of its own.

#![allow(dead_code, reason = "each test that includes this uses its own part")]

use std::{io, thread};

/// What is refused, and how.
#[derive(Clone, Copy)]
pub struct Refusal {
    /// The number of the system call.
    pub number: libc::c_long,
    /// Only where each of these arguments has this value in its low half.
    pub only: &'static [(u32, u32)],
    pub errno: i32,
}

impl Refusal {
    pub fn of(number: libc::c_long, errno: i32) -> Refusal {
        Refusal { number, only: &[], errno }
    }

    /// Runs `test` on a thread for which this holds.
    pub fn during(self, test: impl FnOnce() + Send + 'static) {
        let thread = thread::spawn(move || {
            self.begin();
            test();
        });
        thread.join().expect("the test passes");
    }

    /// Holds from now on, for as long as the calling thread lives.
    pub fn begin(self) {
        self.install().expect("a filter can be installed");
    }

    fn install(self) -> io::Result<()> {
        let mut filter = self.filter();
        let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
        // SAFETY: the program and its instructions are valid for the call; the kernel copies them.
        unsafe {
            if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
                || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) != 0
            {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    }

    fn filter(self) -> Vec<libc::sock_filter> {
        const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
        const SKIP_UNLESS_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
        const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
        /// Where the arguments, of eight bytes each, begin in the call's data. The call's number is its first word.
        const ARGUMENTS: u32 = 16;
        let instruction = |code: u32, jf, k| libc::sock_filter { code: code as u16, jt: 0, jf, k };
        let low_half = if cfg!(target_endian = "big") { 4 } else { 0 };
        let arguments = self.only.iter().map(|&(index, value)| (ARGUMENTS + 8 * index + low_half, value));
        let conditions: Vec<_> = [(0, self.number as u32)].into_iter().chain(arguments).collect();
        let mut filter = Vec::new();
        for (place, &(word, value)) in conditions.iter().enumerate() {
            // Equal: on to the next; else: past those that follow, and the refusal.
            let past = 2 * (conditions.len() - 1 - place) as u8 + 1;
            filter.extend([instruction(LOAD, 0, word), instruction(SKIP_UNLESS_EQUAL, past, value)]);
        }
        filter.push(instruction(RETURN, 0, libc::SECCOMP_RET_ERRNO | self.errno as u32));
        filter.push(instruction(RETURN, 0, libc::SECCOMP_RET_ALLOW));
        filter
    }
}
