//! Windows, as Wine has it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::apt::once;
use super::{Build, Options, PACKAGES, Target, home};
use crate::step::call;
use crate::workspace::{Outcome, root};

mod serving;

static WINDOWS: Target = Target {
    triple: "x86_64-pc-windows-gnu",
    debian_name: None,
    linker: Some(LINKER),
    start_objects: &["rsbegin", "rsend"],
    needs: &[(LINKER, "gcc-mingw-w64-x86-64-posix"), (WINE, "wine64"), ("curl", "curl")],
};

const LINKER: &str = "x86_64-w64-mingw32-gcc";
const WINE: &str = "/usr/lib/wine/wine64";
const SERVER: &str = "/usr/lib/wine/wineserver64";
const COMMAND: &str = "fibra-cli";

pub fn test(options: &Options) -> Outcome<u64> {
    let build = Build::prepare(&WINDOWS)?;
    let prefix = prefix()?;
    let _server = Server::start(&prefix)?;
    let runner = format!("env WINEDEBUG=-all WINEPREFIX={} {WINE}", prefix.display());
    let libraries: Vec<_> = PACKAGES.into_iter().chain(["fibra-axum"]).collect();
    let packages = options.packages_or(&[&libraries[..], &[COMMAND]].concat());
    let mut passed = build.test(&packages, &options.cargo_arguments(), &runner)?;
    if options.is_whole() {
        // Those of a library are one program or two.
        passed += build.test(
            &options.packages_or(&libraries),
            &["--all-features", "--doc"].map(str::to_owned),
            &runner,
        )?;
    }
    if packages.iter().any(|package| package == COMMAND) {
        passed += serving::check(&build, &prefix)?;
    }
    Ok(passed)
}

/// Runs a program in `prefix`.
fn wine(prefix: &Path) -> Command {
    let mut command = Command::new(WINE);
    command.env("WINEPREFIX", prefix).env("WINEDEBUG", "-all");
    command
}

/// What Wine's programs have for a kernel, for as long as the tests run. By itself it goes with the last program, and who comes
/// just then is turned away.
struct Server<'a>(&'a Path);

impl Server<'_> {
    fn start(prefix: &Path) -> Outcome<Server<'_>> {
        let server = Server(prefix);
        // One that is about to go, or that somebody else has left, would stay as it is.
        server.stop()?;
        call(Command::new(SERVER).arg("--persistent").env("WINEPREFIX", prefix))?;
        // The first program has Windows' own services started, which stay, too. They keep what it has for its output: of a pipe
        // the end would never come.
        let mut first = wine(prefix);
        first.args(["cmd", "/c", "exit"]);
        call(first.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))?;
        Ok(server)
    }

    /// Stops it, and all programs that it has; waits until it is gone.
    fn stop(&self) -> Outcome {
        // It is an error that there is none.
        let _ = Command::new(SERVER).arg("--kill").env("WINEPREFIX", self.0).output()?;
        call(Command::new(SERVER).arg("--wait").env("WINEPREFIX", self.0))
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            println!("Wine's server is still there: {error}");
        }
    }
}

/// How often a new Windows may fail to come up.
const BOOTS: u32 = 3;

/// Makes the registry and the folders of a Windows that has none. Some of the programs that Wine has do it run side by side, and
/// once in a long while one of them finds missing what another was about to put there: it then begins anew.
fn boot(prefix: &Path) -> Outcome {
    let mut attempt = 1;
    loop {
        let mut boot = wine(prefix);
        boot.args(["wineboot", "-i"]);
        // Neither .NET nor a browser is asked for, and no window is opened.
        let booted = call(boot.env("WINEDLLOVERRIDES", "mscoree,mshtml=").env_remove("DISPLAY"));
        // Whatever it has started is over before anything is taken away.
        call(Command::new(SERVER).arg("-w").env("WINEPREFIX", prefix))?;
        match booted {
            Err(error) if attempt < BOOTS => println!("Windows did not come up: {error}"),
            ended => return ended,
        }
        attempt += 1;
        fs::remove_dir_all(prefix)?;
        fs::create_dir(prefix)?;
    }
}

/// A Windows of our own, in a folder. It gets the library that std draws random numbers from, which older releases of Wine
/// do not have.
fn prefix() -> Outcome<PathBuf> {
    let prefix = home().join("wine");
    once(&prefix, |partial| {
        boot(partial)?;
        let library = partial.join("drive_c/windows/system32/bcryptprimitives.dll");
        if !fs::exists(&library)? {
            let source = root().join("xtask/src/cross/bcryptprimitives.c");
            let mut compile = Command::new(LINKER);
            compile
                .args(["-O2", "-shared", "-static-libgcc", "-o"])
                .arg(&library)
                .arg(source)
                .arg("-ladvapi32");
            call(&mut compile)?;
        }
        Ok(())
    })?;
    Ok(prefix.canonicalize()?)
}
