//! What the server's tests ask of Windows, and of Wine: that has no curl, and starts this machine's.

use std::env;
use std::fs;
use std::os::windows::io::AsRawHandle;
use std::os::windows::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{self, Child, Command, ExitStatus, Output};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use windows_sys::Win32::Foundation::STATUS_CONTROL_C_EXIT;
use windows_sys::Win32::System::Console::{
    AttachConsole, CTRL_C_EVENT, FreeConsole, GenerateConsoleCtrlEvent, SetConsoleCtrlHandler,
};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::ProcessStatus::{GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
use windows_sys::Win32::System::Threading::{CREATE_NO_WINDOW, GetProcessHandleCount};
use windows_sys::{s, w};

use super::wait_until;

/// Makes a test for each backend of functions that take the backend's name.
macro_rules! on_each_backend {
    ($($name:ident)*) => { $(
        mod $name {
            #[test]
            fn iocp() { super::$name("iocp") }
        }
    )* };
}

/// The names of the backends.
pub const BACKENDS: &[&str] = &["iocp"];

/// What is said of a file that is missing: the system's words are not always English.
pub const NO_SUCH_FILE: &str = "(os error 2)";

/// What is said of a directory that should have been a file.
pub const NO_FILE: &str = "(os error 5)";

/// Whether a tag can promise that the bytes are the same: the times that are told can be set back.
pub const TAGS_BECOME_STRONG: bool = false;

/// Whoever shares a console hears of the keys that are pressed there.
pub fn in_its_own_console(command: &mut Command) -> &mut Command {
    command.creation_flags(CREATE_NO_WINDOW)
}

/// Says which process is meant.
const ASKED: &str = "FIBRA_TEST_ASKED";

pub fn ask_to_end(process: &Child) {
    let mut asking = Command::new(env::current_exe().unwrap());
    asking.args(["--exact", "server::system::child_presses_ctrl_c", "--ignored"]);
    let output = in_its_own_console(&mut asking).env(ASKED, process.id().to_string()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "presses Ctrl+C in a server's console: other tests run it"]
fn child_presses_ctrl_c() {
    let process = env::var(ASKED).unwrap().parse().unwrap();
    // SAFETY: the calls take numbers; the console that is left is this process' own, and the event leaves this process alone.
    unsafe {
        FreeConsole();
        assert_ne!(AttachConsole(process), 0);
        assert_ne!(SetConsoleCtrlHandler(None, 1), 0);
        assert_ne!(GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0), 0);
    }
}

/// Whether it was ended by being asked to end once more.
pub fn is_cut_short(status: ExitStatus) -> bool {
    status.code() == Some(STATUS_CONTROL_C_EXIT)
}

/// Whether who reads from a connection that was reset sees the end of it: Wine forgets about the reset.
pub fn is_a_reset_an_end() -> bool {
    is_wine()
}

pub fn memory(process: &Child) -> u64 {
    let mut counters = PROCESS_MEMORY_COUNTERS::default();
    let size = size_of::<PROCESS_MEMORY_COUNTERS>() as u32;
    // SAFETY: the handle is open, and the call fills the structure, whose size it is told.
    assert_ne!(unsafe { GetProcessMemoryInfo(process.as_raw_handle(), &raw mut counters, size) }, 0);
    counters.WorkingSetSize as u64 / 1024
}

/// Always 0 in Wine: there `cargo xtask cross windows` counts what it has open for its programs.
pub fn descriptors(process: &Child) -> usize {
    let mut count = 0;
    // SAFETY: the handle is open, and there is room for the number.
    assert_ne!(unsafe { GetProcessHandleCount(process.as_raw_handle(), &raw mut count) }, 0);
    count as usize
}

pub fn curl(arguments: &[&str]) -> Output {
    if is_wine() {
        curl_of_this_machine(arguments)
    } else {
        Command::new("curl").args(arguments).output().unwrap()
    }
}

fn is_wine() -> bool {
    // SAFETY: both names are ended by zero; the library is in every process.
    unsafe { GetProcAddress(GetModuleHandleW(w!("ntdll.dll")), s!("wine_get_version")) }.is_some()
}

/// Wine starts it, but can't tell when and how it ends, nor what it says: a shell writes that down. Both stand in the directory
/// for temporary files, whose name is another one for them.
fn curl_of_this_machine(arguments: &[&str]) -> Output {
    const SCRIPT: &str =
        r#"/usr/bin/curl "$@" > "$0/out" 2> "$0/err"; echo $? > "$0/ended"; mv "$0/ended" "$0/status""#;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("fibra-curl-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let (here, folder) = (env::temp_dir(), env::temp_dir().join(&name));
    fs::create_dir(&folder).unwrap();
    let arguments = arguments.iter().map(|argument| match Path::new(argument).strip_prefix(&here) {
        Ok(below) => below.to_str().unwrap().replace('\\', "/"),
        Err(_) => (*argument).to_owned(),
    });
    let mut shell = Command::new(r"Z:\bin\sh");
    shell.args(["-c", SCRIPT, &name]).args(arguments).current_dir(&here);
    drop(shell.spawn().unwrap());
    let status = folder.join("status");
    wait_until("curl has ended", || status.exists());
    let status: u32 = fs::read_to_string(status).unwrap().trim().parse().unwrap();
    let [stdout, stderr] = ["out", "err"].map(|name| fs::read(folder.join(name)).unwrap());
    fs::remove_dir_all(folder).unwrap();
    Output { status: ExitStatus::from_raw(status), stdout, stderr }
}
