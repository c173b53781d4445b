//! The `Range` header: which bytes of a file a request wants.
//!
//! One range is served as such. Several at once, and anything that isn't understood, get the whole file, as RFC 9110
//! (section 14.2) allows: clients that ask for several must cope with that, and building `multipart/byteranges` for
//! them is how servers were made to send far more than they hold.

use std::ops::Range;

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The whole file.
    Everything,
    /// These bytes; never empty.
    Part(Range<u64>),
    /// Nothing that the file has: 416.
    Unsatisfiable,
}

/// Reads the value of a `Range` header for a file of `len` bytes.
pub fn wanted(header: &str, len: u64) -> Wanted {
    let Some((unit, set)) = header.split_once('=') else { return Wanted::Everything };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::Everything;
    }
    let Some((first, last)) = set.trim().split_once('-') else { return Wanted::Everything };
    match (position(first), position(last)) {
        (Position::At(first), Position::At(last)) if first <= last => {
            part(first, last.saturating_add(1), len)
        }
        (Position::At(first), Position::Absent) => part(first, len, len),
        (Position::Absent, Position::At(suffix)) => part(len.saturating_sub(suffix), len, len),
        _ => Wanted::Everything,
    }
}

fn part(start: u64, end: u64, len: u64) -> Wanted {
    let end = end.min(len);
    if start < end { Wanted::Part(start..end) } else { Wanted::Unsatisfiable }
}

enum Position {
    Absent,
    At(u64),
    Malformed,
}

/// Digits only: `u64::from_str` would take a `+` as well. What doesn't fit is past the end of any file.
fn position(text: &str) -> Position {
    match text.trim() {
        "" => Position::Absent,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Position::At(digits.parse().unwrap_or(u64::MAX))
        }
        _ => Position::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_range_is_a_part() {
        assert_eq!(wanted("bytes=0-0", 10), Wanted::Part(0..1));
        assert_eq!(wanted("bytes=2-5", 10), Wanted::Part(2..6));
        assert_eq!(wanted("Bytes = 2 - 5", 10), Wanted::Part(2..6));
        assert_eq!(wanted("bytes=9-", 10), Wanted::Part(9..10));
    }

    #[test]
    fn a_range_past_the_end_is_cut() {
        assert_eq!(wanted("bytes=5-100", 10), Wanted::Part(5..10));
        assert_eq!(wanted("bytes=0-18446744073709551615", 10), Wanted::Part(0..10));
        assert_eq!(wanted("bytes=0-99999999999999999999999", 10), Wanted::Part(0..10));
    }

    #[test]
    fn a_suffix_counts_from_the_end() {
        assert_eq!(wanted("bytes=-3", 10), Wanted::Part(7..10));
        assert_eq!(wanted("bytes=-100", 10), Wanted::Part(0..10));
    }

    #[test]
    fn nothing_to_serve_is_unsatisfiable() {
        for (header, len) in
            [("bytes=10-", 10), ("bytes=10-12", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-5", 0)]
        {
            assert_eq!(wanted(header, len), Wanted::Unsatisfiable, "{header} of {len}");
        }
        assert_eq!(wanted("bytes=99999999999999999999999-", 10), Wanted::Unsatisfiable);
    }

    #[test]
    fn what_is_not_one_well_formed_range_is_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1-2,4-5",
            "lines=1-2",
        ] {
            assert_eq!(wanted(header, 10), Wanted::Everything, "{header}");
        }
    }
}
