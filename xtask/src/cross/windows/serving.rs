//! `fibra serve`, made for Windows and run by Wine, with clients of this machine: Wine's sockets are its own.
//!
//! A thousand files come as they are, by curl. Ten thousand connections, one after the other, leave nothing open: neither in
//! the program nor in the server that has Wine's handles.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::super::{Build, home};
use super::wine;
use crate::step::{call, shell_line};
use crate::workspace::Outcome;

const FILES: usize = 1_000;
const CONNECTIONS: usize = 10_000;

/// What a program and its threads may have opened once, for later.
const SETTLED: usize = 16;

/// How long nobody is waited for in vain.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns how many promises were kept.
pub fn check(build: &Build, prefix: &Path) -> Outcome<u64> {
    let program = build.program("fibra-cli", "fibra.exe")?;
    let folder = home().join("served");
    let site = folder.join("site");
    fs::create_dir_all(&site)?;
    for number in 0..FILES {
        fs::write(site.join(name(number)), content(number))?;
    }
    let server = Server::start(&program, prefix, &site.canonicalize()?)?;
    files_come_as_they_are(&server, &folder)?;
    connections_leave_nothing(&server, prefix)?;
    fs::remove_dir_all(folder)?;
    Ok(2)
}

fn name(number: usize) -> String {
    format!("{number}.bin")
}

/// Of many lengths, some of them of several reads, and without a pattern that a wrong offset could hide in.
fn content(number: usize) -> Vec<u8> {
    let len = number * 37 % 5_000 + if number.is_multiple_of(97) { 300_000 } else { 0 };
    let mut state = number as u64 + 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}

struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(program: &Path, prefix: &Path, site: &Path) -> Outcome<Server> {
        let mut command = wine(prefix);
        // Wine has this machine's files on a drive of their own.
        let site = format!("Z:{}", site.display()).replace('/', r"\");
        command.arg(program).args(["serve", &site, "--addr", "127.0.0.1:0", "--workers", "2", "--quiet"]);
        println!("$ {}", shell_line(&command));
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("stdout was piped")?;
        let mut server = Server { child, port: 0 };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let port = line.split("http://127.0.0.1:").nth(1).and_then(|rest| rest.split('/').next());
        server.port = port.and_then(|port| port.parse().ok()).ok_or_else(|| format!("it says: {line:?}"))?;
        Ok(server)
    }

    /// One request on a connection of its own. Returns what the server says until it closes.
    fn ask(&self, path: &str) -> Outcome<Vec<u8>> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port))?;
        connection.set_read_timeout(Some(PATIENCE))?;
        write!(connection, "GET /{path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whoever has ended already can't be killed, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn files_come_as_they_are(server: &Server, folder: &Path) -> Outcome {
    let (received, list) = (folder.join("received"), folder.join("list"));
    fs::create_dir_all(&received)?;
    let mut wanted = String::new();
    for name in (0..FILES).map(name) {
        let (port, place) = (server.port, received.join(&name));
        writeln!(wanted, "url = \"http://127.0.0.1:{port}/{name}\"\noutput = \"{}\"", place.display())?;
    }
    fs::write(&list, wanted)?;
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--config"]).arg(&list);
    call(&mut curl)?;
    for number in 0..FILES {
        let name = name(number);
        if fs::read(received.join(&name))? != content(number) {
            return Err(format!("{name} is not what it was").into());
        }
    }
    println!("{FILES} files came as they are");
    Ok(())
}

fn connections_leave_nothing(server: &Server, prefix: &Path) -> Outcome {
    let wine_server = server_of(prefix)?;
    let open = || -> Outcome<[usize; 2]> { Ok([descriptors(server.child.id())?, descriptors(wine_server)?]) };
    let name = name(1);
    let connect = |count| -> Outcome {
        for _ in 0..count {
            let answer = server.ask(&name)?;
            if !answer.starts_with(b"HTTP/1.1 200 ") || !answer.ends_with(&content(1)) {
                return Err(format!("it answers {:?}", String::from_utf8_lossy(&answer)).into());
            }
        }
        Ok(())
    };
    connect(100)?;
    let before = open()?;
    connect(CONNECTIONS)?;
    // What was closed may take a moment.
    for _ in 0..PATIENCE.as_secs() {
        let after = open()?;
        if before.iter().zip(after).all(|(before, after)| after <= before + SETTLED) {
            println!(
                "{CONNECTIONS} connections: descriptors of the program and of Wine's server {before:?} → {after:?}"
            );
            return Ok(());
        }
        thread::sleep(Duration::from_secs(1));
    }
    Err(format!("{CONNECTIONS} connections left descriptors open: {before:?} → {:?}", open()?).into())
}

fn descriptors(process: u32) -> Outcome<usize> {
    Ok(fs::read_dir(format!("/proc/{process}/fd"))?.count())
}

/// The process that has the handles of all programs in `prefix`. It stands in a folder that is named after that.
fn server_of(prefix: &Path) -> Outcome<u32> {
    let metadata = fs::metadata(prefix)?;
    let folder = format!("server-{:x}-{:x}", metadata.dev(), metadata.ino());
    for entry in fs::read_dir("/proc")?.flatten() {
        let stands_in = |path: PathBuf| path.ends_with(&folder);
        if let Ok(number) = entry.file_name().to_string_lossy().parse()
            && fs::read_link(entry.path().join("cwd")).is_ok_and(stands_in)
        {
            return Ok(number);
        }
    }
    Err("Wine's server is not to be found".into())
}
