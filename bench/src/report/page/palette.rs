//! The colours of the page, each in a light and a dark variant.
//!
//! Plots are drawn with the light one. The style sheet then replaces every colour of the palette by a variable, which
//! follows the reader's preference: so a plot needs no second version.

use std::fmt::Write;

use plotters::style::RGBColor;

/// A colour of the page.
pub struct Colour {
    name: &'static str,
    light: RGBColor,
    dark: RGBColor,
}

impl Colour {
    const fn new(name: &'static str, light: u32, dark: u32) -> Self {
        Self { name, light: rgb(light), dark: rgb(dark) }
    }

    /// The colour for plots.
    pub const fn ink(&self) -> RGBColor {
        self.light
    }

    /// The colour for styles.
    pub fn variable(&self) -> String {
        format!("var(--{})", self.name)
    }
}

const fn rgb(code: u32) -> RGBColor {
    let [_, red, green, blue] = code.to_be_bytes();
    RGBColor(red, green, blue)
}

/// fibra's bars.
pub const OURS: Colour = Colour::new("ours", 0x0B_7F72, 0x35_C2AE);
/// The bar that ratios are taken against.
pub const REFERENCE: Colour = Colour::new("reference", 0x5C_6773, 0x97_A3B0);
/// Everybody else's bars.
pub const PEER: Colour = Colour::new("peer", 0xB4_BDC6, 0x56_616C);
/// Whiskers.
pub const WHISKER: Colour = Colour::new("whisker", 0x2B_3138, 0xD5_DBE1);
/// Text in plots.
pub const TEXT: Colour = Colour::new("text", 0x1B_1F24, 0xE4_E7EB);
/// Text that steps back.
pub const MUTED: Colour = Colour::new("muted", 0x66_707A, 0x98_A2AD);
/// Lines of a grid.
pub const GRID: Colour = Colour::new("grid", 0xE3_E7EB, 0x2C_3239);
/// A target that is met.
pub const MET: Colour = Colour::new("met", 0x1A_7F37, 0x4A_C26B);
/// A target that is lost.
pub const LOST: Colour = Colour::new("lost", 0xCF_222E, 0xFF_7B72);

/// Lines: fibra's subjects first, then so many others before colours come again.
const LINES: [Colour; 12] = [
    Colour::new("line-0", 0x0B_7F71, 0x35_C2AF),
    Colour::new("line-1", 0x58_B368, 0x8F_DB94),
    Colour::new("line-2", 0x0F_5C8C, 0x6C_B8E6),
    Colour::new("line-3", 0x7A_8B2A, 0xC2_D25F),
    Colour::new("line-4", 0xD6_5F0E, 0xFF_9A4D),
    Colour::new("line-5", 0x8E_44AD, 0xC9_8BE0),
    Colour::new("line-6", 0xC0_392B, 0xF0_8A80),
    Colour::new("line-7", 0x2E_6FDB, 0x7F_AEFF),
    Colour::new("line-8", 0xB8_860B, 0xE5_BE4C),
    Colour::new("line-9", 0xD1_4B8F, 0xF2_8FBF),
    Colour::new("line-10", 0x6B_7681, 0xA6_B0BA),
    Colour::new("line-11", 0x7B_5B43, 0xC7_A78C),
];

/// The colour of the line of a subject: fibra's have the first four, and nobody else.
pub fn line(index: usize, is_ours: bool) -> &'static Colour {
    let (ours, peers) = LINES.split_at(4);
    let colours = if is_ours { ours } else { peers };
    &colours[index % colours.len()]
}

/// The variables in both variants, and the rules that make plots use them.
pub fn style() -> String {
    let colours = [&OURS, &REFERENCE, &PEER, &WHISKER, &TEXT, &MUTED, &GRID, &MET, &LOST];
    let colours: Vec<_> = colours.into_iter().chain(&LINES).collect();
    let mut style = String::new();
    let mut variables = |before: &str, pick: fn(&Colour) -> RGBColor, after: &str| {
        let declared = colours.iter().map(|colour| format!("--{}:{}", colour.name, code(pick(colour))));
        style += &format!("{before}:root{{{}}}{after}\n", declared.collect::<Vec<_>>().join(";"));
    };
    variables("", |colour| colour.light, "");
    variables("@media (prefers-color-scheme:dark){", |colour| colour.dark, "}");
    for colour in colours {
        let (code, variable) = (code(colour.light), colour.variable());
        for attribute in ["fill", "stroke"] {
            write!(style, "svg [{attribute}=\"{code}\"]{{{attribute}:{variable}}}")
                .expect("a string takes every write");
        }
        style.push('\n');
    }
    style
}

/// As plotters writes it: the rules compare letter by letter.
fn code(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_colour_in_a_plot_has_one_variable() {
        let style = style();
        let rules: Vec<_> = style.lines().filter(|line| line.starts_with("svg [fill=")).collect();
        let codes: HashSet<_> = rules.iter().map(|rule| &rule[..20]).collect();
        assert_eq!(codes.len(), rules.len(), "two colours are the same in the light variant:\n{style}");
    }
}
