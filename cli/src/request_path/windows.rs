//! Names that Windows takes for something else: a stream of a file or a drive (`:`), a pattern, a device wherever it stands, or,
//! with a dot or a space at its end, the name without those. None of them can be a file's own name.

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
}

fn is_device(name: &[u8]) -> bool {
    let stem =
        name.split(|byte| *byte == b'.').next().unwrap_or_default().trim_ascii_end().to_ascii_lowercase();
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
    fn devices_streams_drives_and_names_that_are_shortened_are_something_else() {
        for name in
            ["con", "NUL.txt", "Com1", "lpt9 .x", "com\u{b9}", "a:b", "C:", "a.", "a ", "a?", "a::$DATA"]
        {
            assert!(means_something_else(name.as_bytes()), "{name}");
        }
        for name in ["console", "com", "com10", "a.con", "null", "a b.txt", "\u{b9}"] {
            assert!(!means_something_else(name.as_bytes()), "{name}");
        }
    }
}
