//! `multipart/byteranges`: several parts of a file in one response (RFC 9110, section 14.6).

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use crate::body::Piece;

/// What tells the parts apart.
pub struct Multipart {
    boundary: String,
}

impl Multipart {
    /// With a boundary that no file has in it, since nobody could know it beforehand.
    pub fn new() -> Multipart {
        let random = || RandomState::new().hash_one(0u8);
        Multipart { boundary: format!("{:016x}{:016x}", random(), random()) }
    }

    /// For `Content-Type`.
    pub fn media_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }

    /// The body: these parts of a file of `len` bytes, each with a head of its own.
    pub fn pieces(&self, parts: Vec<Range<u64>>, len: u64, media_type: &str) -> VecDeque<Piece> {
        let Multipart { boundary } = self;
        let mut pieces = VecDeque::with_capacity(parts.len() * 2 + 1);
        let mut before = "";
        for part in parts {
            let range = content_range(&part, len);
            let head = format!(
                "{before}--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: {range}\r\n\r\n"
            );
            pieces.extend([Piece::Text(head.into()), Piece::Part(part)]);
            // The line break before a boundary belongs to the boundary.
            before = "\r\n";
        }
        pieces.push_back(Piece::Text(format!("\r\n--{boundary}--\r\n").into()));
        pieces
    }
}

/// For `Content-Range`: which bytes of a file of `len` bytes a part has. A part isn't empty.
pub fn content_range(part: &Range<u64>, len: u64) -> String {
    format!("bytes {}-{}/{len}", part.start, part.end - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_heads_and_the_last_boundary_ends_them() {
        let multipart = Multipart { boundary: "LINE".to_owned() };
        assert_eq!(multipart.media_type(), "multipart/byteranges; boundary=LINE");
        let text: String = multipart
            .pieces(vec![5..10, 0..1], 10, "text/plain")
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
                Piece::Part(part) => format!("<{part:?}>"),
            })
            .collect();
        let expected = "--LINE\r\nContent-Type: text/plain\r\nContent-Range: bytes 5-9/10\r\n\r\n<5..10>\r\n\
                        --LINE\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-0/10\r\n\r\n<0..1>\r\n\
                        --LINE--\r\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn boundaries_are_not_repeated() {
        assert_ne!(Multipart::new().boundary, Multipart::new().boundary);
        assert_eq!(Multipart::new().boundary.len(), 32);
    }
}
