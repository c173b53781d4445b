//! Summaries of a handful of samples.

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
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
        Some(Self { median, min, max })
    }
}

/// Ratios of samples taken in the same round, so that what slowed a whole round down cancels out.
pub fn paired_ratios(samples: &[f64], reference: &[f64]) -> Vec<f64> {
    samples.iter().zip(reference).map(|(sample, reference)| sample / reference).collect()
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
    fn no_samples_have_no_summary() {
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn ratios_pair_the_samples_of_a_round() {
        assert_eq!(paired_ratios(&[2.0, 9.0], &[4.0, 3.0]), [0.5, 3.0]);
    }
}
