//! The `Range` header: which bytes of a file a request wants (RFC 9110, section 14).
//!
//! A client may ask for several ranges at once. What overlaps, or nearly touches, is sent as one part, so that parts never
//! add up to more than the file and a few heads; who asks for very many ranges gets the whole file, as one does for
//! anything that isn't understood.

use std::ops::Range;

/// The most ranges that are answered as such. Readers of archives and documents ask for a handful at once.
const MOST_RANGES: usize = 32;
/// A gap of fewer bytes than the head of a part takes is cheaper sent than left out.
const GAP: u64 = 128;

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The whole file.
    Everything,
    /// These bytes, in the order in which they were asked for: at least one part, none empty, and no two with a byte in
    /// common.
    Parts(Vec<Range<u64>>),
    /// Nothing that the file has: 416.
    Unsatisfiable,
}

/// Reads the value of a `Range` header for a file of `len` bytes.
pub fn wanted(header: &str, len: u64) -> Wanted {
    let Some((unit, set)) = header.split_once('=') else { return Wanted::Everything };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Wanted::Everything;
    }
    let specs = set.split(',').map(|spec| spec.trim_matches([' ', '\t'])).filter(|spec| !spec.is_empty());
    // One more than allowed shows that there are too many; how many more is of no interest.
    let specs: Option<Vec<_>> = specs.take(MOST_RANGES + 1).map(Spec::parse).collect();
    match specs {
        Some(specs) if (1..=MOST_RANGES).contains(&specs.len()) => satisfied(&specs, len),
        _ => Wanted::Everything,
    }
}

fn satisfied(specs: &[Spec], len: u64) -> Wanted {
    if len == 0 && specs.iter().any(|spec| matches!(spec, Spec::Last(1..))) {
        // The last bytes of nothing: satisfiable, says the RFC, but there is no `Content-Range` for no bytes.
        return Wanted::Everything;
    }
    let mut parts = Vec::new();
    specs.iter().filter_map(|spec| spec.of(len)).for_each(|part| insert(&mut parts, part));
    if parts.is_empty() { Wanted::Unsatisfiable } else { Wanted::Parts(parts) }
}

/// Adds `part`; those that it overlaps or nearly touches become one with it, in the place of the first of them.
fn insert(parts: &mut Vec<Range<u64>>, mut part: Range<u64>) {
    let mut place = parts.len();
    // The union may reach what the part alone doesn't.
    while let Some(index) = parts.iter().position(|other| are_near(other, &part)) {
        let other = parts.remove(index);
        part = part.start.min(other.start)..part.end.max(other.end);
        place = place.min(index);
    }
    parts.insert(place, part);
}

fn are_near(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start <= b.end.saturating_add(GAP) && b.start <= a.end.saturating_add(GAP)
}

/// One member of the set.
enum Spec {
    /// From the first position to the last, or to the end of the file.
    From(u64, Option<u64>),
    /// This many bytes at the end.
    Last(u64),
}

impl Spec {
    fn parse(text: &str) -> Option<Spec> {
        match text.split_once('-')? {
            ("", count) => Some(Spec::Last(number(count)?)),
            (first, "") => Some(Spec::From(number(first)?, None)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Spec::From(first, Some(last)))
            }
        }
    }

    /// The bytes that a file of `len` bytes has of it, if any.
    fn of(&self, len: u64) -> Option<Range<u64>> {
        let part = match *self {
            Spec::From(first, last) => first..last.map_or(len, |last| last.saturating_add(1).min(len)),
            Spec::Last(count) => len.saturating_sub(count)..len,
        };
        (!part.is_empty()).then_some(part)
    }
}

/// Digits only: `u64::from_str` would take a `+` as well. What doesn't fit is past the end of any file.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These parts, by their starts and ends.
    fn parts(ranges: &[(u64, u64)]) -> Wanted {
        Wanted::Parts(ranges.iter().map(|&(start, end)| start..end).collect())
    }

    fn part(range: Range<u64>) -> Wanted {
        parts(&[(range.start, range.end)])
    }

    #[test]
    fn a_single_range_is_a_part() {
        assert_eq!(wanted("bytes=0-0", 10), part(0..1));
        assert_eq!(wanted("bytes=2-5", 10), part(2..6));
        assert_eq!(wanted("Bytes=2-5", 10), part(2..6));
        assert_eq!(wanted("bytes=9-", 10), part(9..10));
    }

    #[test]
    fn a_range_past_the_end_is_cut() {
        assert_eq!(wanted("bytes=5-100", 10), part(5..10));
        assert_eq!(wanted("bytes=0-18446744073709551615", 10), part(0..10));
        assert_eq!(wanted("bytes=0-99999999999999999999999", 10), part(0..10));
    }

    #[test]
    fn a_suffix_counts_from_the_end() {
        assert_eq!(wanted("bytes=-3", 10), part(7..10));
        assert_eq!(wanted("bytes=-100", 10), part(0..10));
    }

    #[test]
    fn nothing_to_serve_is_unsatisfiable() {
        for (header, len) in [
            ("bytes=10-", 10),
            ("bytes=10-12", 10),
            ("bytes=-0", 10),
            ("bytes=0-", 0),
            ("bytes=-0", 0),
            ("bytes=10-, -0,99-100", 10),
        ] {
            assert_eq!(wanted(header, len), Wanted::Unsatisfiable, "{header} of {len}");
        }
        assert_eq!(wanted("bytes=99999999999999999999999-", 10), Wanted::Unsatisfiable);
    }

    #[test]
    fn the_end_of_an_empty_file_is_the_whole_of_it() {
        assert_eq!(wanted("bytes=-5", 0), Wanted::Everything);
    }

    #[test]
    fn several_ranges_keep_their_order_and_lose_what_the_file_lacks() {
        assert_eq!(wanted("bytes=5000-5009,0-9", 6000), parts(&[(5000, 5010), (0, 10)]));
        assert_eq!(
            wanted("bytes=-1, 7000-,\t0-0 ,, 3000-3001", 6000),
            parts(&[(5999, 6000), (0, 1), (3000, 3002)])
        );
        assert_eq!(wanted("bytes=0-9,7000-7001", 6000), part(0..10));
    }

    #[test]
    fn what_overlaps_or_nearly_touches_is_one_part() {
        for (header, expected) in [
            ("bytes=0-9,5-14", &[(0, 15)][..]),
            ("bytes=0-9,10-19", &[(0, 20)][..]),
            ("bytes=0-9,100-109", &[(0, 110)][..]),
            ("bytes=0-9,138-139", &[(0, 140)][..]),
            ("bytes=0-9,139-139", &[(0, 10), (139, 140)][..]),
            ("bytes=5-14,0-9", &[(0, 15)][..]),
            // The second joins the first and the third, which were apart.
            ("bytes=4000-4009,0-9,5000-5009,3000-5005", &[(3000, 5010), (0, 10)][..]),
            ("bytes=0-9,4000-4009,5000-5009,3000-5005", &[(0, 10), (3000, 5010)][..]),
            ("bytes=0-,-1,5-6", &[(0, 6000)][..]),
        ] {
            assert_eq!(wanted(header, 6000), parts(expected), "{header}");
        }
    }

    #[test]
    fn too_many_ranges_get_everything() {
        let header = |count: usize| {
            let ranges: Vec<_> = (0..count).map(|index| format!("{0}-{0}", index * 1000)).collect();
            format!("bytes={}", ranges.join(","))
        };
        let Wanted::Parts(parts) = wanted(&header(MOST_RANGES), 1 << 20) else { panic!("too few") };
        assert_eq!(parts.len(), MOST_RANGES);
        assert_eq!(wanted(&header(MOST_RANGES + 1), 1 << 20), Wanted::Everything);
        assert_eq!(wanted(&header(100_000), 1 << 20), Wanted::Everything);
    }

    #[test]
    fn parts_never_add_up_to_more_than_the_file() {
        let ranges: Vec<_> = (0..MOST_RANGES).map(|index| format!("{index}-")).collect();
        assert_eq!(wanted(&format!("bytes={}", ranges.join(",")), 1000), part(0..1000));
    }

    #[test]
    fn what_is_not_well_formed_is_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=5-2",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1-2-3",
            "bytes = 1-2",
            "bytes=1 - 2",
            "bytes=0-1,5-2",
            "bytes=0-1,x",
            "lines=1-2",
        ] {
            assert_eq!(wanted(header, 10), Wanted::Everything, "{header}");
        }
    }
}
