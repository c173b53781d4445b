//! Entity tags: a version's name, in quotes, with `W/` in front if two versions may share it (RFC 9110, section 8.8.3).

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

/// One tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntityTag<'a> {
    weak: bool,
    opaque: &'a [u8],
}

/// What `If-Match` and `If-None-Match` carry.
#[derive(Debug, PartialEq, Eq)]
pub enum Tags<'a> {
    /// `*`: whatever there is.
    Any,
    /// One of these.
    Listed(Vec<EntityTag<'a>>),
}

impl<'a> EntityTag<'a> {
    /// The tag that `text` is, the whole of it.
    pub fn parse(text: &'a [u8]) -> Option<EntityTag<'a>> {
        match take_tag(text) {
            Some((tag, [])) => Some(tag),
            _ => None,
        }
    }

    /// Whether both name the same bytes.
    pub fn strongly_equals(&self, other: &EntityTag<'_>) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Whether both name versions that may stand for each other.
    pub fn weakly_equals(&self, other: &EntityTag<'_>) -> bool {
        self.opaque == other.opaque
    }
}

impl<'a> Tags<'a> {
    /// The tags of a header field, which may stand on several lines; `None` if it isn't there. Of what is malformed, the
    /// tags up to that place count: a client that is misunderstood gets the whole file, or a refusal to `If-Match`.
    pub fn of(headers: &'a HeaderMap, name: &HeaderName) -> Option<Tags<'a>> {
        let lines: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        match lines[..] {
            [] => None,
            [line] if line.trim_ascii() == b"*" => Some(Tags::Any),
            _ => Some(Tags::Listed(lines.into_iter().flat_map(listed).collect())),
        }
    }
}

/// The tags of one line. A comma inside of a tag's quotes separates nothing.
fn listed(line: &[u8]) -> impl Iterator<Item = EntityTag<'_>> {
    let mut rest = line;
    std::iter::from_fn(move || {
        // Empty elements are allowed: senders join lists with little care.
        rest = rest.trim_ascii_start();
        while let Some(after) = rest.strip_prefix(b",") {
            rest = after.trim_ascii_start();
        }
        let (tag, after) = take_tag(rest)?;
        let after = after.trim_ascii_start();
        // Behind the first tag that no comma follows, the list is over.
        rest = after.strip_prefix(b",").unwrap_or_default();
        Some(tag)
    })
}

/// The tag that `text` begins with, and what follows it.
fn take_tag(text: &[u8]) -> Option<(EntityTag<'_>, &[u8])> {
    let (weak, quoted) = text.strip_prefix(b"W/").map_or((false, text), |quoted| (true, quoted));
    let inner = quoted.strip_prefix(b"\"")?;
    let end = inner.iter().position(|&byte| byte == b'"')?;
    let (opaque, rest) = (&inner[..end], &inner[end + 1..]);
    let is_allowed = |byte: &u8| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..);
    opaque.iter().all(is_allowed).then_some((EntityTag { weak, opaque }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::IF_NONE_MATCH;

    fn strong(opaque: &str) -> EntityTag<'_> {
        EntityTag { weak: false, opaque: opaque.as_bytes() }
    }

    fn weak(opaque: &str) -> EntityTag<'_> {
        EntityTag { weak: true, opaque: opaque.as_bytes() }
    }

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (IF_NONE_MATCH, HeaderValue::from_str(line).unwrap())).collect()
    }

    #[test]
    fn a_tag_is_quoted_and_may_be_weak() {
        assert_eq!(EntityTag::parse(b"\"a,b\""), Some(strong("a,b")));
        assert_eq!(EntityTag::parse(b"W/\"\""), Some(weak("")));
        assert_eq!(EntityTag::parse("\"ü\"".as_bytes()), Some(strong("ü")));
        for malformed in ["", "a", "\"a", "a\"", "w/\"a\"", "W/a", "\"a\"b", "\"a b\"", "\"a\"\"", "*"] {
            assert_eq!(EntityTag::parse(malformed.as_bytes()), None, "{malformed}");
        }
    }

    #[test]
    fn weak_tags_are_never_strongly_equal() {
        for (left, right, strongly, weakly) in [
            (weak("1"), weak("1"), false, true),
            (weak("1"), weak("2"), false, false),
            (weak("1"), strong("1"), false, true),
            (strong("1"), strong("1"), true, true),
            (strong("1"), strong("2"), false, false),
        ] {
            assert_eq!(left.strongly_equals(&right), strongly, "{left:?} {right:?}");
            assert_eq!(left.weakly_equals(&right), weakly, "{left:?} {right:?}");
        }
    }

    #[test]
    fn a_list_may_have_many_lines_and_empty_elements() {
        for lines in [
            &["\"a\",W/\"b\",\"c,d\""][..],
            &[" , \"a\" ,\tW/\"b\" ,, \"c,d\" ,"],
            &["\"a\"", "W/\"b\"", "", "\"c,d\""],
        ] {
            let expected = Tags::Listed(vec![strong("a"), weak("b"), strong("c,d")]);
            assert_eq!(Tags::of(&headers(lines), &IF_NONE_MATCH), Some(expected), "{lines:?}");
        }
    }

    #[test]
    fn a_star_stands_alone() {
        assert_eq!(Tags::of(&headers(&[" * "]), &IF_NONE_MATCH), Some(Tags::Any));
        assert_eq!(Tags::of(&headers(&["*, \"a\""]), &IF_NONE_MATCH), Some(Tags::Listed(vec![])));
        assert_eq!(Tags::of(&headers(&["*", "*"]), &IF_NONE_MATCH), Some(Tags::Listed(vec![])));
        assert_eq!(Tags::of(&headers(&[]), &IF_NONE_MATCH), None);
    }

    #[test]
    fn a_list_counts_up_to_where_it_is_malformed() {
        let expected = || Some(Tags::Listed(vec![strong("a")]));
        for line in ["\"a\", b, \"c\"", "\"a\" \"c\"", "\"a\", \"c", "\"a\";\"c\""] {
            assert_eq!(Tags::of(&headers(&[line]), &IF_NONE_MATCH), expected(), "{line}");
        }
    }
}
