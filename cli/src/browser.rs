//! `--open`: shows the served directory in the user's browser.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::{Command, ExitStatus, Stdio};

/// Starts the desktop's opener for `url`. A failure is only worth a warning: the server runs.
pub fn open(url: &str) {
    let opener = match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    };
    let child = Command::new(opener)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let waiting = child.and_then(|mut child| {
        // Waited for, or it would stay behind as a zombie.
        std::thread::Builder::new().name("browser".to_owned()).spawn(move || match child.wait() {
            Ok(status) if !status.success() => warn(opener, &describe(status)),
            Ok(_) => (),
            Err(error) => warn(opener, &error.to_string()),
        })
    });
    if let Err(error) = waiting {
        warn(opener, &error.to_string());
    }
}

/// The URL of the server that listens on `address`, for a browser on this machine: "all interfaces" isn't an address
/// that one can open.
pub fn url(scheme: &str, mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("{scheme}://{address}/")
}

fn describe(status: ExitStatus) -> String {
    format!("it failed ({status})")
}

fn warn(opener: &str, problem: &str) {
    eprintln!("fibra: no browser was opened by {opener}: {problem}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_can_be_opened_on_this_machine() {
        for (address, expected) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("0.0.0.0:80", "http://127.0.0.1:80/"),
            ("[::]:1", "http://[::1]:1/"),
            ("[2001:db8::1]:2", "http://[2001:db8::1]:2/"),
        ] {
            assert_eq!(url("http", address.parse().unwrap()), expected);
        }
    }
}
