//! Lists of preferences with weights, as `Accept` and `Accept-Encoding` are (RFC 9110, section 12.4.2).

/// How much something is wanted, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quality(u16);

impl Quality {
    /// Not at all.
    pub const ZERO: Quality = Quality(0);
    /// More than not at all.
    pub const LEAST: Quality = Quality(1);
    /// What is said without a weight.
    const ONE: Quality = Quality(1000);

    /// A digit, and up to three after a point; at most one.
    fn parse(text: &str) -> Option<Quality> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let is_number = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
        let thousandths: u16 = format!("{decimals:0<3}").parse().ok().filter(|_| is_number)?;
        match (whole, thousandths) {
            ("0", thousandths) => Some(Quality(thousandths)),
            ("1", 0) => Some(Quality::ONE),
            _ => None,
        }
    }
}

/// The elements of one line with their weights; parameters other than the weight are dropped. One whose weight is
/// malformed is left out: neither wanted nor ruled out.
pub fn elements(line: &str) -> impl Iterator<Item = (&str, Quality)> {
    line.split(',').filter_map(|element| {
        let mut parts = element.split(';').map(|part| part.trim_matches([' ', '\t']));
        let name = parts.next().filter(|name| !name.is_empty())?;
        let weight = parts.find_map(|part| {
            let (key, value) = part.split_once('=')?;
            key.eq_ignore_ascii_case("q").then_some(value)
        });
        let quality = weight.map_or(Some(Quality::ONE), Quality::parse)?;
        Some((name, quality))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_between_zero_and_one() {
        for (text, thousandths) in
            [("0", 0), ("0.", 0), ("0.5", 500), ("0.05", 50), ("0.001", 1), ("1", 1000), ("1.000", 1000)]
        {
            assert_eq!(Quality::parse(text), Some(Quality(thousandths)), "{text}");
        }
        for malformed in ["", "1.1", "1.001", "2", "0.0001", "0.+5", "0.x", "-0", "+0", ".5", "1.0000", "00"]
        {
            assert_eq!(Quality::parse(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn elements_have_names_and_weights() {
        let line = "gzip , text/html;level=1;q=0.5,,\t*;Q=0.1, a ; q=0.2, b;q=2, c;q";
        let expected = [
            ("gzip", Quality(1000)),
            ("text/html", Quality(500)),
            ("*", Quality(100)),
            ("a", Quality(200)),
            ("c", Quality(1000)),
        ];
        assert_eq!(elements(line).collect::<Vec<_>>(), expected);
    }
}
