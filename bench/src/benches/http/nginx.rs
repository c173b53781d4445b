//! nginx, which answers from its configuration.

use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs, io, process};

use fibra_system::affinity;

use super::{HELLO, measure_at, probe};
use crate::bench::{Case, Measurement, Subject};
use crate::load;

/// nginx, where it is installed.
pub const SUBJECTS: &[Subject] = &[Subject::new("nginx", "nginx", sample).needs("nginx")];

fn sample(case: &Case) -> Vec<Measurement> {
    let address = load::free_address().expect("a port is free");
    let nginx = Nginx::start(address, case.count("workers")).expect("nginx can be started");
    probe(address).expect("nginx answers as it was told");
    measure_at(case, address, nginx.workers().expect("the system tells a process's children"))
}

/// A master process with its workers, and the folder that is theirs. They end with it.
struct Nginx {
    master: Child,
    folder: PathBuf,
}

impl Nginx {
    fn start(address: SocketAddr, workers: usize) -> io::Result<Self> {
        let folder = env::temp_dir().join(format!("fibra-bench-nginx-{}", process::id()));
        fs::create_dir(&folder)?;
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration(address, workers, &folder)?)?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).arg("-c").arg(&file).args(["-e", "stderr"]).stdin(Stdio::null());
        end_with_parent(&mut command);
        Ok(Self { master: command.spawn()?, folder })
    }

    /// The processes that serve.
    fn workers(&self) -> io::Result<Vec<u32>> {
        let master = self.master.id();
        let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children"))?;
        children.split_whitespace().map(|id| id.parse().map_err(io::Error::other)).collect()
    }
}

impl Drop for Nginx {
    /// The master ends its workers, if it is asked to and not killed.
    fn drop(&mut self) {
        let id = libc::pid_t::try_from(self.master.id()).expect("a process's number is a `pid_t`");
        // SAFETY: `kill` takes no pointer; the master has not been waited for, so the number is still its own.
        let asked = unsafe { libc::kill(id, libc::SIGTERM) } == 0;
        let ended = asked.then(|| self.master.wait());
        let removed = fs::remove_dir_all(&self.folder);
        if !matches!((ended, removed), (Some(Ok(_)), Ok(()))) {
            eprintln!("nginx, or its folder {}, was left behind", self.folder.display());
        }
    }
}

/// Has the kernel ask the command's process to end when the thread that starts it has ended.
fn end_with_parent(command: &mut Command) {
    let ask_the_kernel = || {
        // SAFETY: this option takes a signal's number and touches no memory.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: between `fork` and `exec` the closure makes one system call and reads `errno`, both async-signal-safe, and
    // it allocates nothing.
    unsafe { command.pre_exec(ask_the_kernel) };
}

/// Without a log, without an end of connections after 1,000 requests, and on the first core if there is one worker.
fn configuration(address: SocketAddr, workers: usize, folder: &Path) -> io::Result<String> {
    let first = affinity::current()?.iter().next().unwrap_or(0);
    let place =
        if workers == 1 { format!("worker_cpu_affinity 1{};", "0".repeat(first)) } else { String::new() };
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|what| format!("{what}_temp_path {};\n", folder.join(what).display()))
        .collect();
    Ok(format!(
        "daemon off;
        worker_processes {workers};
        {place}
        pid {pid};
        error_log stderr crit;
        events {{ worker_connections 4096; }}
        http {{
            {temporary}
            access_log off;
            keepalive_requests 1000000000;
            default_type text/plain;
            server {{
                listen {address};
                location / {{ return 200 \"{HELLO}\"; }}
            }}
        }}\n",
        pid = folder.join("pid").display(),
    ))
}
