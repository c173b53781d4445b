//! From the path of a request's URL to the names below the served directory.
//!
//! Everything that could mean another place than a name inside the directory is refused here, before a file system
//! sees it: `.` and `..` in any spelling, NUL, an encoded slash, on Windows the names of devices, streams and drives, and,
//! unless asked for, names that begin with a dot.
//! [`crate::root`] is the second line of defence: it refuses symbolic links that lead out.

use std::ffi::OsStr;
use std::fmt::{Display, Write};
use std::path::PathBuf;

use bstr::ByteSlice;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

#[cfg(not(windows))]
#[path = "request_path/elsewhere.rs"]
mod names;
#[cfg(windows)]
#[path = "request_path/windows.rs"]
mod names;

/// What a name keeps as it is inside a URL's path (RFC 3986, "unreserved"); all else is percent-encoded.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The names that a request asks for, decoded, from the served directory downwards.
#[derive(Debug, PartialEq, Eq)]
pub struct RequestPath {
    names: Vec<Vec<u8>>,
    names_a_directory: bool,
}

/// Why a path names nothing that could be served.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum PathError {
    /// Not a well-formed path: 400.
    Malformed,
    /// Well-formed, but no file that may be served can have it: 404.
    Unservable,
}

impl RequestPath {
    /// Splits and decodes `path`, the still encoded path of a URL. Empty segments (`a//b`) are dropped.
    pub fn parse(path: &str, hidden_allowed: bool) -> Result<RequestPath, PathError> {
        let path = path.strip_prefix('/').ok_or(PathError::Malformed)?;
        let mut names = Vec::new();
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            let name = percent_decode(segment).ok_or(PathError::Malformed)?;
            check_name(&name, hidden_allowed)?;
            names.push(name);
        }
        Ok(RequestPath { names, names_a_directory: path.is_empty() || path.ends_with('/') })
    }

    /// Whether the URL ends in a slash, as the URL of a directory's page must (or its relative links would go wrong).
    pub fn names_a_directory(&self) -> bool {
        self.names_a_directory
    }

    /// The decoded names.
    pub fn names(&self) -> &[Vec<u8>] {
        &self.names
    }

    /// The path relative to the served directory; `.` for the directory itself. `None` for names this platform can't
    /// express (on Windows, what isn't UTF-8).
    pub fn relative(&self) -> Option<PathBuf> {
        if self.names.is_empty() {
            return Some(PathBuf::from("."));
        }
        self.names.iter().map(|name| name.to_os_str().ok()).collect()
    }

    /// The URL path of the same directory with a slash at its end. Built from the decoded names, not from the request:
    /// a request for `//host` must not be sent on to another host.
    pub fn with_slash(&self) -> String {
        let mut url = String::from("/");
        for name in &self.names {
            write!(url, "{}/", encode(name)).expect("writing to a String can't fail");
        }
        url
    }
}

/// One name, percent-encoded as a segment of a URL's path.
pub fn encode(name: &[u8]) -> impl Display {
    percent_encode(name, NAME)
}

/// Whether the name is one that listings and requests leave out unless hidden files are asked for.
pub fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn check_name(name: &[u8], hidden_allowed: bool) -> Result<(), PathError> {
    match name {
        b"." | b".." => Err(PathError::Unservable),
        _ if name.contains(&0) => Err(PathError::Malformed),
        // Both separators everywhere: what a name means must not depend on the platform.
        _ if name.contains(&b'/') || name.contains(&b'\\') => Err(PathError::Unservable),
        [b'.', ..] if !hidden_allowed => Err(PathError::Unservable),
        _ if names::means_something_else(name) => Err(PathError::Unservable),
        _ => Ok(()),
    }
}

/// `None` if a `%` isn't followed by two hexadecimal digits.
fn percent_decode(segment: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' { hex(bytes.next()?)? << 4 | hex(bytes.next()?)? } else { byte });
    }
    Some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn relative(path: &str) -> Result<PathBuf, PathError> {
        RequestPath::parse(path, false).map(|path| path.relative().expect("a name this platform has"))
    }

    #[test]
    fn names_are_decoded_and_joined() {
        assert_eq!(relative("/a/b%20c.txt").as_deref(), Ok(Path::new("a/b c.txt")));
        assert_eq!(relative("/%e4%bD%a0").as_deref(), Ok(Path::new("你")));
        assert_eq!(relative("//a///b").as_deref(), Ok(Path::new("a/b")));
        assert_eq!(relative("/a%25b+c").as_deref(), Ok(Path::new("a%b+c")));
        assert_eq!(relative("/").as_deref(), Ok(Path::new(".")));
    }

    #[test]
    fn a_slash_at_the_end_names_a_directory() {
        assert!(RequestPath::parse("/a/", false).unwrap().names_a_directory());
        assert!(RequestPath::parse("/", false).unwrap().names_a_directory());
        assert!(!RequestPath::parse("/a", false).unwrap().names_a_directory());
    }

    #[test]
    fn broken_encodings_are_malformed() {
        for path in ["/%", "/%4", "/%zz", "/a%2", "/%+1", "/%00", "/a%00.txt", "*", "", "a"] {
            assert_eq!(relative(path), Err(PathError::Malformed), "{path}");
        }
    }

    #[test]
    fn dot_segments_are_unservable_in_every_spelling() {
        for path in [
            "/..",
            "/../",
            "/a/../b",
            "/%2e%2e/x",
            "/.%2E/x",
            "/%2e",
            "/./a",
            "/..%2fetc",
            "/a%2fb",
            "/..%5cx",
        ] {
            for hidden_allowed in [false, true] {
                assert_eq!(RequestPath::parse(path, hidden_allowed), Err(PathError::Unservable), "{path}");
            }
        }
    }

    #[test]
    fn hidden_names_are_unservable_unless_allowed() {
        for path in ["/.env", "/.git/config", "/a/%2egit", "/..a"] {
            assert_eq!(RequestPath::parse(path, false), Err(PathError::Unservable), "{path}");
            assert!(RequestPath::parse(path, true).is_ok(), "{path}");
        }
        assert!(RequestPath::parse("/a.b", false).is_ok());
    }

    #[test]
    fn a_redirect_stays_on_this_host() {
        assert_eq!(
            RequestPath::parse("//example.com/a b", false).unwrap().with_slash(),
            "/example.com/a%20b/"
        );
        assert_eq!(RequestPath::parse("/a%c3%bc%7f", false).unwrap().with_slash(), "/a%C3%BC%7F/");
    }

    #[test]
    fn encoding_round_trips_every_byte() {
        let name: Vec<u8> = (0..=255).collect();
        let encoded = encode(&name).to_string();
        assert_eq!(percent_decode(&encoded), Some(name));
    }
}
