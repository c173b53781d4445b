//! `Accept-Encoding`: whether a client would rather have a file's compressed sibling (RFC 9110, section 12.5.3).

use hyper::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};

use crate::quality::{self, Quality};

/// How the bytes of a file are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// As `file.br` has them.
    Brotli,
    /// As `file.gz` has them.
    Gzip,
    /// As they are.
    Identity,
}

/// The smallest result first.
const ALL: [Coding; 3] = [Coding::Brotli, Coding::Gzip, Coding::Identity];

impl Coding {
    /// For `Content-Encoding`; `None` for the file as it is.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Coding::Brotli => Some("br"),
            Coding::Gzip => Some("gzip"),
            Coding::Identity => None,
        }
    }

    /// What the sibling's name has at its end.
    pub fn suffix(self) -> &'static str {
        match self {
            Coding::Brotli => ".br",
            Coding::Gzip => ".gz",
            Coding::Identity => "",
        }
    }

    fn has_name(self, name: &str) -> bool {
        match self {
            Coding::Gzip => ["gzip", "x-gzip"].iter().any(|own| name.eq_ignore_ascii_case(own)),
            _ => name.eq_ignore_ascii_case(self.name().unwrap_or("identity")),
        }
    }
}

/// The codings that a request accepts, the preferred one first. Equally good ones are in the order of their size; the file
/// as it is comes last, unless the request prefers it, and is missing if the request rules it out.
pub fn accepted(request: &HeaderMap) -> Vec<Coding> {
    let mut lines = request.get_all(ACCEPT_ENCODING).iter().peekable();
    if lines.peek().is_none() {
        // Everything is allowed then, but nothing shows that the client could decode it.
        return vec![Coding::Identity];
    }
    let elements: Vec<_> =
        lines.filter_map(|line| HeaderValue::to_str(line).ok()).flat_map(quality::elements).collect();
    let mut codings: Vec<_> =
        ALL.into_iter().filter_map(|coding| Some((weight(coding, &elements)?, coding))).collect();
    // Stable: equals keep their order.
    codings.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    codings.into_iter().map(|(_, coding)| coding).collect()
}

/// How much the client wants this coding: what it says of it or, if it doesn't name it, of `*`.
fn weight(coding: Coding, elements: &[(&str, Quality)]) -> Option<Quality> {
    let of = |is_meant: &dyn Fn(&str) -> bool| {
        elements.iter().find(|(name, _)| is_meant(name)).map(|(_, quality)| *quality)
    };
    let default = if coding == Coding::Identity { Quality::LEAST } else { Quality::ZERO };
    let quality = of(&|name| coding.has_name(name)).or_else(|| of(&|name| name == "*")).unwrap_or(default);
    (quality > Quality::ZERO).then_some(quality)
}

#[cfg(test)]
mod tests {
    use super::Coding::{Brotli, Gzip, Identity};
    use super::*;

    fn of(lines: &[&str]) -> Vec<Coding> {
        accepted(&lines.iter().map(|line| (ACCEPT_ENCODING, HeaderValue::from_str(line).unwrap())).collect())
    }

    #[test]
    fn who_says_nothing_gets_the_file_as_it_is() {
        assert_eq!(of(&[]), [Identity]);
        assert_eq!(of(&[""]), [Identity]);
        assert_eq!(of(&["deflate, zstd"]), [Identity]);
    }

    #[test]
    fn the_best_comes_first() {
        for (header, expected) in [
            ("gzip", &[Gzip, Identity][..]),
            ("gzip, deflate, br, zstd", &[Brotli, Gzip, Identity]),
            ("X-GZIP", &[Gzip, Identity]),
            ("gzip;q=1.0, br;q=0.9", &[Gzip, Brotli, Identity]),
            ("gzip;q=0.5, identity", &[Identity, Gzip]),
            ("gzip;q=0.5, identity;q=0.5", &[Gzip, Identity]),
            ("br;q=0.001", &[Brotli, Identity]),
            ("*", &[Brotli, Gzip, Identity]),
            ("gzip, *;q=0.1", &[Gzip, Brotli, Identity]),
        ] {
            assert_eq!(of(&[header]), expected, "{header}");
        }
        assert_eq!(of(&["gzip;q=0.1", "br"]), [Brotli, Gzip, Identity]);
    }

    #[test]
    fn zero_rules_out() {
        for (header, expected) in [
            ("gzip;q=0, br", &[Brotli, Identity][..]),
            ("gzip, identity;q=0", &[Gzip]),
            ("gzip, *;q=0", &[Gzip]),
            ("identity;q=0", &[]),
            ("*;q=0", &[]),
            ("*;q=0, identity", &[Identity]),
            ("br;q=0, *", &[Gzip, Identity]),
        ] {
            assert_eq!(of(&[header]), expected, "{header}");
        }
    }
}
