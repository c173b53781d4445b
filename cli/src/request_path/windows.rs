//! Names that Windows takes for something else: a stream of a file or a drive (`:`), a pattern, a device wherever it stands,
//! with a dot or a space at its end the name without those, or an abbreviation. None but the last can be a file's own name.

/// Reserved with any ending, in either case.
const DEVICES: [&[u8]; 6] = [b"con", b"prn", b"aux", b"nul", b"conin$", b"conout$"];
/// Reserved with a digit behind them.
const NUMBERED: [&[u8]; 2] = [b"com", b"lpt"];
/// What else counts as a digit there: superscript one to three.
const SUPERSCRIPTS: [&str; 3] = ["\u{b9}", "\u{b2}", "\u{b3}"];

pub fn means_something_else(name: &[u8]) -> bool {
    name.iter().any(|byte| matches!(byte, 0..0x20 | b'<' | b'>' | b':' | b'"' | b'|' | b'?' | b'*'))
        || matches!(name, [.., b'.' | b' '])
        || is_device(name)
        || is_abbreviation(name)
}

/// The name before its ending.
fn stem(name: &[u8]) -> &[u8] {
    name.split(|byte| *byte == b'.').next().unwrap_or_default()
}

/// Whether it may be another name as DOS would have it, such as `GIT~1`: those that are hidden have one without the dot.
fn is_abbreviation(name: &[u8]) -> bool {
    let mut parts = stem(name).rsplit(|byte| *byte == b'~');
    let number = parts.next().unwrap_or_default();
    parts.next().is_some()
        && stem(name).len() <= 8
        && !number.is_empty()
        && number.iter().all(u8::is_ascii_digit)
}

fn is_device(name: &[u8]) -> bool {
    let stem = stem(name).trim_ascii_end().to_ascii_lowercase();
    let is_digit = |rest: &[u8]| {
        matches!(rest, [b'0'..=b'9']) || SUPERSCRIPTS.iter().any(|digit| digit.as_bytes() == rest)
    };
    DEVICES.contains(&stem.as_slice())
        || NUMBERED.iter().any(|device| stem.strip_prefix(*device).is_some_and(is_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_streams_drives_and_names_in_short_are_something_else() {
        for name in [
            "con",
            "NUL.txt",
            "Com1",
            "lpt9 .x",
            "com\u{b9}",
            "a:b",
            "C:",
            "a.",
            "a ",
            "a?",
            "a::$DATA",
            "GIT~1",
            "LONGF~12.TXT",
        ] {
            assert!(means_something_else(name.as_bytes()), "{name}");
        }
        for name in [
            "console",
            "com",
            "com10",
            "a.con",
            "null",
            "backup~",
            "a~b.c",
            "longer-name~1",
            "a b.txt",
            "\u{b9}",
        ] {
            assert!(!means_something_else(name.as_bytes()), "{name}");
        }
    }
}
