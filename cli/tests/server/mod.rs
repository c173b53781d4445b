//! The real binary, serving a temporary directory, and a client that says exactly what a test wants said.

#![allow(dead_code, unused_macros, unused_imports, reason = "each test file uses its part of this")]

#[cfg(unix)]
#[macro_use]
#[path = "unix.rs"]
mod system;
#[cfg(windows)]
#[macro_use]
#[path = "windows.rs"]
mod system;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub use system::{BACKENDS, NO_FILE, NO_SUCH_FILE, is_a_reset_an_end, is_cut_short};

/// Long enough for a machine that does much else; only a test that fails waits for it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What a line about a stall begins with.
pub const STALL: &str = "fibra: worker ";

/// A temporary directory, removed at the end.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Directory {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("fibra-cli-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(path.join("served")).unwrap();
        Directory(path)
    }

    /// A name beside the served directory.
    pub fn outside(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A name in the served directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join("served").join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // Only the temporary directory is at stake, and a panic here would hide the test's own.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Bytes without a pattern that a wrong offset could hide in.
pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut bytes = vec![0; len];
    for word in bytes.chunks_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        word.copy_from_slice(&state.to_le_bytes()[..word.len()]);
    }
    bytes
}

/// A running `fibra serve`; killed at the end if it still runs.
pub struct Server {
    pub directory: Directory,
    pub address: SocketAddr,
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
}

impl Server {
    pub fn start(backend: &str, directory: Directory) -> Server {
        Server::start_with(backend, directory, &[])
    }

    pub fn start_with(backend: &str, directory: Directory, options: &[&str]) -> Server {
        let mut command = fibra(&["serve"]);
        command.arg(directory.path(".")).args(["--addr", "127.0.0.1:0"]).args(options);
        Server::spawn(backend, directory, command)
    }

    /// Starts `command`, which must end up as a server of `directory` on a free port.
    pub fn spawn(backend: &str, directory: Directory, mut command: Command) -> Server {
        let mut child = system::in_its_own_console(&mut command)
            .env("FIBRA_BACKEND", backend)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = collect(child.stdout.take().unwrap());
        let stderr = collect(child.stderr.take().unwrap());
        let mut address = None;
        wait_until("the server announces itself", || {
            address = announced(&stdout.lock().unwrap());
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}: {}", stderr.lock().unwrap());
            address.is_some()
        });
        Server { directory, address: address.unwrap(), child, stdout, stderr }
    }

    pub fn connect(&self) -> Client {
        Client::new(TcpStream::connect(self.address).unwrap())
    }

    /// One GET on a connection of its own.
    pub fn get(&self, path: &str) -> Response {
        self.connect().get(path)
    }

    /// Waits until a file's entity tag is strong: a while after its last change, where it ever becomes so.
    pub fn settle(&self, path: &str) {
        if !system::TAGS_BECOME_STRONG {
            return;
        }
        wait_until("the file is settled", || {
            std::thread::sleep(Duration::from_millis(100));
            self.connect().head(path).header("etag").is_some_and(|tag| tag.starts_with('"'))
        });
    }

    /// A number of the metrics, by its name with its label.
    pub fn metric(&self, name: &str) -> u64 {
        number(&self.get("/_fibra/metrics").text(), name)
    }

    pub fn stdout(&self) -> String {
        self.stdout.lock().unwrap().clone()
    }

    /// Whole lines, and none about stalls: a machine that does much else may hold a worker up.
    pub fn stderr(&self) -> String {
        let text = self.stderr.lock().unwrap();
        let is_of_interest = |line: &&str| line.ends_with('\n') && !line.starts_with(STALL);
        text.split_inclusive('\n').filter(is_of_interest).collect()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// As its user does who has seen enough.
    pub fn ask_to_end(&self) {
        system::ask_to_end(&self.child);
    }

    /// Waits for the process to end.
    pub fn end(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the server ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Asks the process to end, which it must do in an orderly way.
    pub fn stop(mut self) -> (String, String) {
        self.ask_to_end();
        let status = self.end();
        assert_eq!(status.code(), Some(0), "{status} {}", self.stderr());
        // The pipes are read to their ends by then, or nearly so.
        wait_until("the output is read", || {
            Arc::strong_count(&self.stdout) + Arc::strong_count(&self.stderr) == 2
        });
        (self.stdout(), self.stderr())
    }

    /// What it has of the machine's memory, in KiB.
    pub fn memory(&self) -> u64 {
        system::memory(&self.child)
    }

    /// How many descriptors or handles it has open.
    pub fn descriptors(&self) -> usize {
        system::descriptors(&self.child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary with these arguments and a clean environment.
pub fn fibra(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fibra"));
    command.args(arguments);
    for variable in ["FIBRA_BACKEND", "FIBRA_WORKERS", "FIBRA_STACK_SIZE"] {
        command.env_remove(variable);
    }
    command
}

fn collect(mut pipe: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let shared = Arc::clone(&text);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(len @ 1..) = pipe.read(&mut buffer) {
            shared.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..len]));
        }
    });
    text
}

fn announced(stdout: &str) -> Option<SocketAddr> {
    let (line, _) = stdout.split_once('\n')?;
    let (_, url) = line.split_once("://")?;
    url.split('/').next()?.parse().ok()
}

/// A number in the text of the metrics.
pub fn number(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A connection to a server.
pub struct Client {
    pub stream: BufReader<TcpStream>,
}

impl Client {
    pub fn new(stream: TcpStream) -> Client {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { stream: BufReader::new(stream) }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    pub fn request(&mut self, method: &str, path: &str, headers: &[&str]) {
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        self.send(format!("{method} {path} HTTP/1.1\r\nHost: test\r\n{headers}\r\n"));
    }

    pub fn get(&mut self, path: &str) -> Response {
        self.get_with(path, &[])
    }

    pub fn get_with(&mut self, path: &str, headers: &[&str]) -> Response {
        self.request("GET", path, headers);
        self.response()
    }

    pub fn head(&mut self, path: &str) -> Response {
        self.request("HEAD", path, &[]);
        self.response_head()
    }

    /// Reads status line and headers only.
    pub fn response_head(&mut self) -> Response {
        let status_line = self.line();
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {status_line:?}"));
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            match line.split_once(':') {
                Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
                None => return Response { status, headers, body: Vec::new() },
            }
        }
    }

    /// Reads a response with its body, whose length must be announced.
    pub fn response(&mut self) -> Response {
        let mut response = self.response_head();
        let len = response.header("content-length").map_or(0, |len| len.parse().unwrap());
        response.body.resize(len, 0);
        self.stream.read_exact(&mut response.body).unwrap();
        response
    }

    /// Whether the server has closed the connection, nothing more having come. A reset counts: it is one way to close.
    pub fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => rest.is_empty(),
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

/// A response as it came.
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// Runs a command that must fail at once; returns its status and what it says.
pub fn failure(command: &mut Command) -> (i32, String) {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it runs: {:?}", child.wait_with_output().unwrap());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// Runs curl with a time limit; returns what it prints.
pub fn curl(arguments: &[&str]) -> std::process::Output {
    let patience = PATIENCE.as_secs().to_string();
    system::curl(&[&["--silent", "--max-time", &patience], arguments].concat())
}

/// A path as an argument.
pub fn argument(path: &Path) -> &str {
    path.to_str().unwrap()
}
