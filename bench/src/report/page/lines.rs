//! One metric over a parameter: a line for each subject, through its medians.

use plotters::element::{Circle, PathElement};
use plotters::style::text_anchor::HPos;
use plotters::style::{Color, ShapeStyle};

use super::axis::Axis;
use super::bars::{Canvas, Drawn, mark_text, write};
use super::palette::{self, Colour};

/// A line.
pub struct Line {
    /// The colour, by which the legend names it.
    pub colour: &'static Colour,
    /// Whether it is one of fibra's, which are thicker.
    pub is_ours: bool,
    /// Values of the parameter with medians.
    pub points: Vec<(u64, f64)>,
}

/// Pixels. The page scales a plot to the room that there is.
const WIDTH: i32 = 640;
const HEIGHT: i32 = 330;
const LEFT: i32 = 70;
const RIGHT: i32 = 24;
const TOP: i32 = 26;
const BOTTOM: i32 = 46;

/// Draws `lines` over the values that `parameter` takes, which are evenly spaced: they are powers of something, mostly.
pub fn draw(lines: &[Line], parameter: &str, unit: &str) -> String {
    super::draw_svg((WIDTH, HEIGHT), |canvas| draw_on(canvas, lines, parameter, unit))
}

fn draw_on(canvas: &Canvas, lines: &[Line], parameter: &str, unit: &str) -> Drawn {
    let points = || lines.iter().flat_map(|line| line.points.iter().copied());
    let mut values: Vec<u64> = points().map(|(value, _)| value).collect();
    values.sort_unstable();
    values.dedup();
    let axis = Axis::of(points().map(|(_, median)| median));
    let across = |value: u64| {
        let place = values.iter().position(|other| *other == value).unwrap_or_default();
        LEFT + (WIDTH - LEFT - RIGHT) * place as i32 / (values.len() as i32 - 1).max(1)
    };
    let up = |median: f64| {
        HEIGHT - BOTTOM - (axis.share(median) * f64::from(HEIGHT - TOP - BOTTOM)).round() as i32
    };
    for mark in axis.marks(7) {
        canvas.draw(&PathElement::new(
            vec![(LEFT, up(mark)), (WIDTH - RIGHT, up(mark))],
            palette::GRID.ink(),
        ))?;
        write(canvas, &mark_text(mark), (LEFT - 8, up(mark)), HPos::Right, &palette::MUTED)?;
    }
    for value in &values {
        let place = (across(*value), HEIGHT - BOTTOM + 14);
        write(canvas, &mark_text(*value as f64), place, HPos::Center, &palette::MUTED)?;
    }
    write(canvas, unit, (LEFT, 9), HPos::Left, &palette::MUTED)?;
    write(canvas, parameter, ((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 9), HPos::Center, &palette::MUTED)?;
    // fibra's own come last: they lie on top.
    for line in lines.iter().filter(|line| !line.is_ours).chain(lines.iter().filter(|line| line.is_ours)) {
        let points = line.points.iter().map(|(value, median)| (across(*value), up(*median)));
        draw_line(canvas, line, points.collect())?;
    }
    Ok(())
}

fn draw_line(canvas: &Canvas, line: &Line, points: Vec<(i32, i32)>) -> Drawn {
    let (width, radius) = if line.is_ours { (3, 4) } else { (2, 3) };
    for point in &points {
        canvas.draw(&Circle::new(*point, radius, line.colour.ink().filled()))?;
    }
    let stroke = ShapeStyle { color: line.colour.ink().to_rgba(), filled: false, stroke_width: width };
    canvas.draw(&PathElement::new(points, stroke))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_marks_every_value_of_the_parameter() {
        let line = |is_ours, points| Line { colour: palette::line(0, is_ours), is_ours, points };
        let lines = [line(true, vec![(1, 20.0), (16, 30.0)]), line(false, vec![(1, 40.0), (256, 50.0)])];
        let svg = draw(&lines, "depth", "ns/read");
        for text in ["1", "16", "256", "depth", "ns/read"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text} is missing in {svg}");
        }
        assert_eq!(svg.matches("<polyline").count() - svg.matches("#E3E7EB").count(), 2, "{svg}");
    }
}
