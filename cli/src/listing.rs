//! What a directory's page shows: its entries, folders first, by name.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::time::SystemTime;

use bstr::ByteSlice;
use cap_std::fs::Metadata;

/// The most entries that one page shows. A page is built in memory, once for each client that asks; a browser has
/// trouble with more rows anyway.
const SHOWN: usize = 10_000;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name's bytes, as a URL carries them.
    pub name: Vec<u8>,
    /// What it is, links followed.
    pub kind: Kind,
    /// `None` where the file system keeps no time.
    pub modified: Option<SystemTime>,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Folder,
    /// A regular file of this many bytes.
    File(u64),
}

/// A directory's entries in the order of the page.
pub struct Listing {
    /// What is shown.
    pub entries: Vec<Entry>,
    /// How many more there are.
    pub left_out: usize,
}

impl Entry {
    /// `None` for what can't be served: sockets, devices, FIFOs, and names that a URL can't carry here.
    pub fn new(name: &OsStr, metadata: &Metadata) -> Option<Entry> {
        let kind = match metadata {
            _ if metadata.is_dir() => Kind::Folder,
            _ if metadata.is_file() => Kind::File(metadata.len()),
            _ => return None,
        };
        let modified = metadata.modified().ok().map(|time| time.into_std());
        Some(Entry { name: <[u8]>::from_os_str(name)?.to_owned(), kind, modified })
    }
}

impl Listing {
    /// Sorts `entries` and keeps as many as a page shows.
    pub fn new(mut entries: Vec<Entry>) -> Listing {
        entries.sort_by(|a, b| {
            let files_last = |entry: &Entry| entry.kind != Kind::Folder;
            files_last(a).cmp(&files_last(b)).then_with(|| by_name(&a.name, &b.name))
        });
        let left_out = entries.len().saturating_sub(SHOWN);
        entries.truncate(SHOWN);
        Listing { entries, left_out }
    }
}

/// As people sort: without regard to case, and numbers by value (`a2` before `a10`). Names that are equal so far keep
/// the order of their bytes, so that the order is total.
fn by_name(a: &[u8], b: &[u8]) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let order = match (left.first(), right.first()) {
            (None, None) => return a.cmp(b),
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (x, y) = (take_number(&mut left), take_number(&mut right));
                x.len().cmp(&y.len()).then_with(|| x.cmp(y))
            }
            (x, y) => {
                left = left.get(1..).unwrap_or_default();
                right = right.get(1..).unwrap_or_default();
                x.map(u8::to_ascii_lowercase).cmp(&y.map(u8::to_ascii_lowercase))
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Takes the digits in front, without leading zeros: then the longer number is the greater one.
fn take_number<'a>(name: &mut &'a [u8]) -> &'a [u8] {
    let end = name.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(name.len());
    let (digits, rest) = name.split_at(end);
    *name = rest;
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, kind: Kind) -> Entry {
        Entry { name: name.into(), kind, modified: None }
    }

    fn sorted(names: &[&str]) -> Vec<String> {
        let listing = Listing::new(names.iter().map(|name| entry(name, Kind::File(1))).collect());
        listing.entries.into_iter().map(|entry| String::from_utf8(entry.name).unwrap()).collect()
    }

    #[test]
    fn folders_come_first() {
        let listing =
            Listing::new(vec![entry("a", Kind::File(1)), entry("z", Kind::Folder), entry("b", Kind::Folder)]);
        let names: Vec<_> = listing.entries.iter().map(|entry| entry.name.as_slice()).collect();
        assert_eq!(names, [b"b", b"z", b"a"]);
        assert_eq!(listing.left_out, 0);
    }

    #[test]
    fn names_are_sorted_as_people_do() {
        assert_eq!(sorted(&["b", "A", "a", "B"]), ["A", "a", "B", "b"]);
        assert_eq!(sorted(&["a10", "a2", "a1b", "a1"]), ["a1", "a1b", "a2", "a10"]);
        assert_eq!(sorted(&["x010", "x10", "x9", "x"]), ["x", "x9", "x010", "x10"]);
        assert_eq!(sorted(&["99999999999999999999999", "100000000000000000000000"]).len(), 2);
    }

    #[test]
    fn a_huge_directory_is_cut_and_says_so() {
        let names: Vec<_> =
            (0..SHOWN + 3).map(|number| entry(&format!("f{number}"), Kind::File(0))).collect();
        let listing = Listing::new(names);
        assert_eq!((listing.entries.len(), listing.left_out), (SHOWN, 3));
        assert_eq!(listing.entries[SHOWN - 1].name, format!("f{}", SHOWN - 1).into_bytes());
    }
}
