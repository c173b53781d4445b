//! Which names are spelled nearly like one that is unknown.
//!
//! The work has a bound, since unknown names may come from anybody who can send one: so many names are looked at, none of them
//! longer than so much.

use std::{collections::BinaryHeap, ops::ControlFlow};

/// Names that are looked at.
const LOOKED_AT: usize = 4096;
/// Bytes of the longest name that is compared with others.
const LONGEST: usize = 64;
/// Bytes of the longest character.
const LONGEST_CHAR: usize = 4;
/// Names that are shown.
const SHOWN: usize = 3;

/// Collects the names that are nearest to one.
pub(super) struct Nearest<'a> {
    name: &'a str,
    looked_at: usize,
    /// The farthest on top.
    found: BinaryHeap<(usize, String)>,
}

impl<'a> Nearest<'a> {
    pub(super) fn to(name: &'a str) -> Self {
        Self { name, looked_at: 0, found: BinaryHeap::new() }
    }

    /// Looks at one more name, unless there were enough.
    pub(super) fn look_at(&mut self, other: &str) -> ControlFlow<()> {
        self.looked_at += 1;
        if self.looked_at > LOOKED_AT || self.name.len() > LONGEST {
            return ControlFlow::Break(());
        }
        // As many edits at most as leave two thirds of the name alone; the lengths alone may say that it takes more.
        let most = (self.name.chars().count().max(3)) / 3;
        if other.len() > LONGEST || self.name.len().abs_diff(other.len()) > most * LONGEST_CHAR {
            return ControlFlow::Continue(());
        }
        let distance = strsim::osa_distance(self.name, other);
        if distance <= most {
            self.found.push((distance, other.to_owned()));
            if self.found.len() > SHOWN {
                self.found.pop();
            }
        }
        ControlFlow::Continue(())
    }

    /// The nearest first; those at the same distance by the alphabet.
    pub(super) fn into_names(self) -> Vec<String> {
        self.found.into_sorted_vec().into_iter().map(|(_, name)| name).collect()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn nearest(name: &str, others: &[&str]) -> Vec<String> {
        let mut nearest = Nearest::to(name);
        for other in others {
            if nearest.look_at(other).is_break() {
                break;
            }
        }
        nearest.into_names()
    }

    #[test]
    fn the_nearest_come_first_and_far_ones_not_at_all() {
        let names = ["subtract", "add", "adds", "dad", "odds", "multiply", "ad"];
        assert_eq!(nearest("add", &names), ["add", "ad", "adds"]);
        assert_eq!(nearest("mutliply", &names), ["multiply"]);
        assert_eq!(nearest("nothing like it", &names), [""; 0]);
        assert_eq!(nearest("größe", &["grösse", "größen"]), ["größen"]);
    }

    #[test]
    fn the_work_has_a_bound() {
        let many = vec!["xyz"; LOOKED_AT];
        assert_eq!(nearest("abc", &[&many[1..], &["abd"]].concat()), ["abd"]);
        assert_eq!(nearest("abc", &[&many[..], &["abd"]].concat()), [""; 0]);
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(nearest(&long, &[&long[1..]]), [""; 0]);
        assert_eq!(nearest(&long[1..], &[&long]), [""; 0]);
    }
}
