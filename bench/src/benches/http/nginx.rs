//! nginx, which answers from its configuration.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::{env, fs, io};

use super::{HELLO, measure_at, probe};
use crate::bench::{Case, Measurement, Subject};
use crate::load::{self, ServerProcess};

/// nginx, where it is installed.
pub const SUBJECTS: &[Subject] = &[Subject::new("nginx", "nginx", sample).needs("nginx")];

fn sample(case: &Case) -> Vec<Measurement> {
    let (address, workers) = (load::free_address().expect("a port is free"), case.count("workers"));
    let folder = Folder::create().expect("there is room for temporary files");
    let file = folder.0.join("nginx.conf");
    fs::write(&file, configuration(address, workers, &folder.0)).expect("there is room for temporary files");
    let mut command = Command::new("nginx");
    command.arg("-p").arg(&folder.0).arg("-c").arg(&file).args(["-e", "stderr"]);
    let master = ServerProcess::start(&mut command, workers).expect("nginx can be started");
    probe(address).expect("nginx answers as it was told");
    let serving = master.children().expect("the system tells a process's children");
    measure_at(case, address, serving)
}

/// A place for nginx's files, removed when this is dropped.
struct Folder(PathBuf);

impl Folder {
    fn create() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("fibra-bench-nginx-{}", process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("the folder {} was left behind: {error}", self.0.display());
        }
    }
}

/// Without a log, and without an end of connections after 1,000 requests.
fn configuration(address: SocketAddr, workers: usize, folder: &Path) -> String {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("{what}_temp_path {};", folder.join(what).display()))
        .join(" ");
    format!(
        "daemon off;
        worker_processes {workers};
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
    )
}
