//! The page's summary: every target, what came of it, and how far from its limit that is.

use super::markup::{element, escape};
use super::words;
use crate::bench::Limit;
use crate::statistics::Estimate;
use crate::verdict::Verdict;

/// The section about targets; nothing if the run has none.
pub fn section(verdicts: &[Verdict]) -> String {
    if verdicts.is_empty() {
        return String::new();
    }
    let about = "Each was named before the run, with the peer that it is held against. A ratio is taken round by round; \
                 the target is met when the ratio’s 95 % bootstrap interval reaches into the wanted range. The scale shows \
                 the interval beside the limit, which is in the middle; its ends are a quarter of the limit and four times \
                 as much.";
    let head: String =
        ["", "Bench", "Target", "Case", "Found", ""].iter().map(|title| element("th", "", title)).collect();
    let rows: String = verdicts.iter().map(row).collect();
    let table = element("thead", "", &element("tr", "", &head)) + &element("tbody", "", &rows);
    let inner = element("h2", "", "Targets")
        + &element("p", "about", about)
        + &element("div", "table", &element("table", "targets", &table));
    format!("<section id=\"targets\">\n{inner}</section>\n")
}

fn row(verdict: &Verdict) -> String {
    let outcome = words::verdict(verdict);
    let name = escape(verdict.bench.name);
    let found = match &verdict.found {
        Ok(Estimate { median, low, high }) => {
            let range = format!("{}–{}", words::figure(*low), words::figure(*high));
            words::figure(*median) + &element("small", "", &range)
        }
        Err(reason) => element("small", "", &escape(reason)),
    };
    let scale =
        verdict.found.as_ref().map_or_else(|_| String::new(), |found| scale(verdict.target.limit, found));
    let cells = element("td", "", &element("span", &format!("mark {outcome}"), outcome))
        + &element("td", "", &format!("<a href=\"#{name}\">{name}</a>"))
        + &element("td", "", &escape(&words::target(verdict)))
        + &element("td", "", &escape(&words::parameters(verdict.case)))
        + &element("td", "figure", &found)
        + &element("td", "", &scale);
    element("tr", outcome, &cells)
}

/// The scale's pixels, and half its length in powers of two.
const WIDTH: f64 = 132.0;
const HALF: f64 = 2.0;

/// A small scale around the limit: the wanted side is tinted, the interval a line, the median a dot.
fn scale(limit: Limit, found: &Estimate) -> String {
    let (value, wanted) = match limit {
        Limit::AtMost(value) => (value, 0.0),
        Limit::AtLeast(value) => (value, WIDTH / 2.0),
    };
    if value <= 0.0 {
        return String::new();
    }
    let at = |figure: f64| (WIDTH / 2.0) * (1.0 + ((figure / value).log2() / HALF).clamp(-0.93, 0.93));
    let (low, median, high) = (at(found.low), at(found.median), at(found.high));
    format!(
        "<svg class=\"scale\" width=\"{WIDTH}\" height=\"16\" role=\"img\" aria-label=\"beside the limit\">\
         <rect class=\"wanted\" x=\"{wanted}\" width=\"{half}\" height=\"16\" rx=\"3\"/>\
         <line class=\"limit\" x1=\"{half}\" x2=\"{half}\" y2=\"16\"/>\
         <line class=\"interval\" x1=\"{low:.1}\" x2=\"{high:.1}\" y1=\"8\" y2=\"8\"/>\
         <circle cx=\"{median:.1}\" cy=\"8\" r=\"4\"/></svg>",
        half = WIDTH / 2.0,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the dot is, in the middle at 66.
    fn dot(limit: Limit, median: f64) -> f64 {
        let svg = scale(limit, &Estimate { median, low: median, high: median });
        let (_, from) = svg.split_once("<circle cx=\"").expect("there is a dot");
        let (place, _) = from.split_once('"').expect("the attribute ends");
        place.parse().expect("a number")
    }

    #[test]
    fn the_dot_is_as_far_from_the_middle_as_the_figure_from_its_limit() {
        assert_eq!(dot(Limit::AtMost(0.5), 0.5), 66.0);
        assert_eq!(dot(Limit::AtMost(0.5), 0.25), 33.0);
        assert_eq!(dot(Limit::AtLeast(100.0), 200.0), 99.0);
        assert!(dot(Limit::AtMost(1.0), 1e9) <= WIDTH);
        assert!(dot(Limit::AtMost(1.0), 0.0) >= 0.0);
    }

    #[test]
    fn a_limit_of_zero_has_no_scale() {
        assert_eq!(scale(Limit::AtMost(0.0), &Estimate { median: 0.0, low: 0.0, high: 0.0 }), "");
    }
}
