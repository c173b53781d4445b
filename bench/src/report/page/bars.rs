//! One metric of one case: a horizontal bar for each subject's median, with a whisker from its minimum to its maximum.

use plotters::element::{PathElement, Rectangle};
use plotters::prelude::{DrawingArea, SVGBackend, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, TextStyle};
use plotters::{coord::Shift, drawing::DrawingAreaErrorKind};

use super::axis::Axis;
use super::palette::{self, Colour};
use crate::report::words;
use crate::statistics::Summary;

/// A bar.
pub struct Bar<'a> {
    /// Whose.
    pub subject: &'a str,
    /// What was measured.
    pub summary: Summary,
    /// fibra's, the reference's, or somebody else's colour.
    pub colour: &'static Colour,
}

/// A plot under construction.
pub type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What drawing ends with; on a string it never fails.
pub type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Pixels. The page scales a plot to the room that there is.
const WIDTH: i32 = 640;
const ROW: i32 = 26;
const THICKNESS: i32 = 14;
/// A letter of the subjects' names, about; the names stand to the left of the bars.
const LETTER: i32 = 7;
/// To the right of the longest bar, for the figure of its median.
const FIGURES: i32 = 62;
const AXIS: i32 = 40;

/// Draws `bars`; `unit` is written at the axis.
pub fn draw(bars: &[Bar], unit: &str) -> String {
    let height = bars.len() as i32 * ROW + AXIS;
    super::draw_svg((WIDTH, height), |canvas| draw_on(canvas, bars, unit))
}

fn draw_on(canvas: &Canvas, bars: &[Bar], unit: &str) -> Drawn {
    let axis = Axis::from_zero(reach(bars));
    let left =
        bars.iter().map(|bar| bar.subject.chars().count() as i32 * LETTER).max().unwrap_or(0).max(100) + 20;
    let at = |value: f64| left + (axis.share(value) * f64::from(WIDTH - left - FIGURES)).round() as i32;
    let bottom = bars.len() as i32 * ROW;
    for mark in axis.marks(5) {
        canvas.draw(&PathElement::new(vec![(at(mark), 0), (at(mark), bottom)], palette::GRID.ink()))?;
        write(canvas, &mark_text(mark), (at(mark), bottom + 12), HPos::Center, &palette::MUTED)?;
    }
    write(canvas, unit, (left, bottom + 29), HPos::Left, &palette::MUTED)?;
    for (index, bar) in bars.iter().enumerate() {
        let middle = index as i32 * ROW + ROW / 2;
        draw_bar(canvas, bar, middle, &at)?;
    }
    Ok(())
}

fn draw_bar(canvas: &Canvas, bar: &Bar, middle: i32, at: &impl Fn(f64) -> i32) -> Drawn {
    let Summary { median, min, max } = bar.summary;
    let left = at(0.0);
    let (top, bottom) = (middle - THICKNESS / 2, middle + THICKNESS / 2);
    canvas.draw(&Rectangle::new(
        [(left, top), (at(median).max(left + 1), bottom)],
        bar.colour.ink().filled(),
    ))?;
    let stroke = palette::WHISKER.ink();
    canvas.draw(&PathElement::new(vec![(at(min), middle), (at(max), middle)], stroke))?;
    for end in [at(min), at(max)] {
        canvas.draw(&PathElement::new(vec![(end, middle - 4), (end, middle + 4)], stroke))?;
    }
    write(canvas, bar.subject, (left - 10, middle), HPos::Right, &palette::TEXT)?;
    let end = at(max).max(at(median));
    write(canvas, &words::figure(median), (end + 7, middle), HPos::Left, &palette::TEXT)
}

/// How far the axis has to reach: to the end of every whisker, but for those that would dwarf the bars.
fn reach(bars: &[Bar]) -> f64 {
    let largest = |of: fn(&Summary) -> f64| bars.iter().map(|bar| of(&bar.summary)).fold(0.0, f64::max);
    largest(|summary| summary.max).min(1.5 * largest(|summary| summary.median))
}

/// A mark on an axis, without decimals that say nothing.
pub fn mark_text(mark: f64) -> String {
    if mark >= 1_000.0 {
        words::grouped(mark.round() as u64)
    } else {
        format!("{}", (mark * 1e6).round() / 1e6)
    }
}

/// Writes `text` at this place, at half its height.
pub fn write(canvas: &Canvas, text: &str, place: (i32, i32), side: HPos, colour: &Colour) -> Drawn {
    // plotters divides sizes by 1.24.
    let (font, ink) = (("sans-serif", 13.0 * 1.24).into_font(), colour.ink());
    let style = TextStyle::from(font).color(&ink).pos(Pos::new(side, VPos::Center));
    canvas.draw(&Text::new(text.to_owned(), place, style))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(subject: &str, median: f64, max: f64) -> Bar<'_> {
        Bar { subject, summary: Summary { median, min: median, max }, colour: &palette::PEER }
    }

    #[test]
    fn a_plot_names_every_subject_and_its_median() {
        let svg = draw(&[bar("fibra <thread>", 1_234.0, 1_300.0), bar("tokio", 2_345.0, 2_400.0)], "ns/task");
        for text in ["fibra &lt;thread&gt;", "1,234", "tokio", "2,345", "ns/task"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text} is missing in {svg}");
        }
    }

    #[test]
    fn one_outlier_leaves_the_bars_their_length() {
        assert_eq!(reach(&[bar("calm", 10.0, 11.0), bar("wild", 20.0, 900.0)]), 30.0);
        assert_eq!(reach(&[bar("calm", 10.0, 11.0)]), 11.0);
    }

    #[test]
    fn marks_are_short() {
        assert_eq!([0.0, 0.25, 2.5, 400.0, 20_000.0].map(mark_text), ["0", "0.25", "2.5", "400", "20,000"]);
    }
}
