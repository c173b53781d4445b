//! Windows, as Wine has it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::apt::once;
use super::{Build, Options, PACKAGES, Target, home};
use crate::step::call;
use crate::workspace::{Outcome, root};

static WINDOWS: Target = Target {
    triple: "x86_64-pc-windows-gnu",
    debian_name: None,
    linker: Some(LINKER),
    start_objects: &["rsbegin", "rsend"],
    needs: &[(LINKER, "gcc-mingw-w64-x86-64-posix"), (WINE, "wine64")],
};

const LINKER: &str = "x86_64-w64-mingw32-gcc";
const WINE: &str = "/usr/lib/wine/wine64";

pub fn test(options: &Options) -> Outcome<u64> {
    let build = Build::prepare(&WINDOWS)?;
    let prefix = prefix()?;
    let runner = format!("env WINEDEBUG=-all WINEPREFIX={} {WINE}", prefix.display());
    // What plugs fibra into the ecosystem, by its features, is not there on Windows.
    let arguments = options.cargo_arguments().into_iter().filter(|argument| argument != "--all-features");
    build.test(&options.packages_or(&PACKAGES), &arguments.collect::<Vec<_>>(), &runner)
}

/// A Windows of our own, in a folder. It gets the library that std draws random numbers from, which older releases of Wine
/// do not have.
fn prefix() -> Outcome<PathBuf> {
    let prefix = home().join("wine");
    once(&prefix, |partial| {
        let mut boot = Command::new(WINE);
        boot.args(["wineboot", "-i"]).env("WINEPREFIX", partial).env("WINEDEBUG", "-all");
        // Neither .NET nor a browser is asked for, and no window is opened.
        call(boot.env("WINEDLLOVERRIDES", "mscoree,mshtml=").env_remove("DISPLAY"))?;
        call(Command::new("/usr/lib/wine/wineserver64").arg("-w").env("WINEPREFIX", partial))?;
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
