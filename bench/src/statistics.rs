//! Summaries of a handful of samples, and how sure one may be of them.

/// The middle of the samples, and how far they reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The middle sample, or the mean of the two middle ones.
    pub median: f64,
    /// The smallest sample.
    pub min: f64,
    /// The largest sample.
    pub max: f64,
}

impl Summary {
    /// Summarises `samples`; `None` if there are none.
    pub fn of(samples: &[f64]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Self { min: *sorted.first()?, max: *sorted.last()?, median: middle(&sorted) })
    }
}

/// A median, and the interval in which it lies with 95 % confidence.
///
/// The interval is the percentile bootstrap's: of so many medians of rounds that are drawn from the given ones, with
/// replacement, the middle 95 %. It assumes nothing of how samples are spread, and a run that is repeated on the same
/// samples gives the same interval, since the draw's seed is fixed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The samples' median.
    pub median: f64,
    /// Where the interval begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
}

impl Estimate {
    /// The estimate from `samples`; `None` if there are none.
    pub fn of(samples: &[f64]) -> Option<Self> {
        let median = Summary::of(samples)?.median;
        let mut draw = Draw::new(samples.len());
        let mut drawn = vec![0.0; samples.len()];
        let mut medians: Vec<f64> = (0..DRAWS)
            .map(|_| {
                drawn.fill_with(|| samples[draw.index()]);
                drawn.sort_by(f64::total_cmp);
                middle(&drawn)
            })
            .collect();
        medians.sort_by(f64::total_cmp);
        let outside = DRAWS * 25 / 1_000;
        Some(Self { median, low: medians[outside], high: medians[DRAWS - 1 - outside] })
    }
}

/// Medians that an interval is made of.
const DRAWS: usize = 2_000;

/// The middle of sorted samples, of which there is one at least.
fn middle(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// Ratios of samples taken in the same round, so that what slowed a whole round down cancels out.
///
/// Where one of them was measured in fewer rounds, the first rounds count.
pub fn paired_ratios(samples: &[f64], reference: &[f64]) -> Vec<f64> {
    samples.iter().zip(reference).map(|(sample, reference)| sample / reference).collect()
}

/// Draws indices: SplitMix64, whose state is a counter and whose output is that counter, well mixed.
struct Draw {
    counter: u64,
    count: usize,
}

impl Draw {
    /// Draws of indices below `count`.
    fn new(count: usize) -> Self {
        Self { counter: 0, count }
    }

    fn index(&mut self) -> usize {
        self.counter = self.counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.counter;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // The product's upper word: as even as a remainder, for counts that are tiny beside 2⁶⁴.
        ((u128::from(mixed) * self.count as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_odd_count_is_the_middle_sample() {
        let summary = Summary::of(&[9.0, 1.0, 4.0]).expect("three samples have a summary");
        assert_eq!(summary, Summary { median: 4.0, min: 1.0, max: 9.0 });
    }

    #[test]
    fn the_median_of_an_even_count_is_the_mean_of_the_middle_two() {
        assert_eq!(Summary::of(&[8.0, 2.0, 4.0, 1.0]).map(|summary| summary.median), Some(3.0));
    }

    #[test]
    fn no_samples_have_neither_summary_nor_estimate() {
        assert_eq!(Summary::of(&[]), None);
        assert_eq!(Estimate::of(&[]), None);
    }

    #[test]
    fn ratios_pair_the_samples_of_a_round() {
        assert_eq!(paired_ratios(&[2.0, 9.0, 7.0], &[4.0, 3.0]), [0.5, 3.0]);
    }

    #[test]
    fn samples_that_agree_leave_no_doubt() {
        assert_eq!(Estimate::of(&[3.0; 10]), Some(Estimate { median: 3.0, low: 3.0, high: 3.0 }));
    }

    #[test]
    fn an_interval_holds_the_median_and_leaves_out_the_outlier() {
        let samples = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 50.0];
        let Estimate { median, low, high } = Estimate::of(&samples).expect("there are samples");
        assert!(1.0 < low && low < median && median < high && high < 2.0, "{low}–{median}–{high}");
    }

    #[test]
    fn the_same_samples_have_the_same_interval_again() {
        let samples = [2.0, 7.0, 1.0, 8.0, 2.0, 8.0];
        assert_eq!(Estimate::of(&samples), Estimate::of(&samples));
    }

    /// Of the intervals of many small sets of samples, about 95 in 100 must hold the median that the samples are from.
    /// (Slightly fewer do: the bootstrap is a little too sure of itself with ten samples.)
    #[test]
    fn intervals_hold_the_true_median_about_as_often_as_they_say() {
        let mut draw = Draw::new(1_000_000);
        let sets = 1_000;
        let held = (0..sets).filter(|_| {
            let samples: Vec<f64> = (0..10).map(|_| draw.index() as f64).collect();
            let Estimate { low, high, .. } = Estimate::of(&samples).expect("there are samples");
            low <= 500_000.0 && 500_000.0 <= high
        });
        let held = held.count();
        assert!((900..=980).contains(&held), "{held} of {sets}");
    }
}
