//! Where a value lies on an axis, and at which values the axis is marked.

/// An axis from one value to another.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    from: f64,
    to: f64,
    is_logarithmic: bool,
}

/// Values this far apart are shown on a logarithmic axis: on a linear one, the small ones would lie on top of each other.
const WIDE: f64 = 12.0;

impl Axis {
    /// An axis from zero to somewhat more than `max`.
    pub fn from_zero(max: f64) -> Self {
        Self { from: 0.0, to: if max > 0.0 { max } else { 1.0 }, is_logarithmic: false }
    }

    /// An axis for lines through `values`: logarithmic if they are far apart, else from zero.
    pub fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let max = values.clone().fold(0.0, f64::max);
        let min = values.fold(f64::INFINITY, f64::min);
        if min > 0.0 && max / min > WIDE {
            Self { from: min * 0.8, to: max * 1.25, is_logarithmic: true }
        } else {
            Self::from_zero(max * 1.08)
        }
    }

    /// Where `value` lies: 0 is the axis's begin, and 1 its end.
    pub fn share(&self, value: f64) -> f64 {
        let Self { from, to, is_logarithmic } = *self;
        let share = if is_logarithmic {
            (value / from).ln() / (to / from).ln()
        } else {
            (value - from) / (to - from)
        };
        share.clamp(0.0, 1.0)
    }

    /// Round values on the axis: about `count` of them, or on a logarithmic one all that are 1, 2 or 5 times a power of
    /// ten, as far as so many fit.
    pub fn marks(&self, count: usize) -> Vec<f64> {
        if self.is_logarithmic { self.logarithmic_marks(count) } else { self.linear_marks(count) }
    }

    fn linear_marks(&self, count: usize) -> Vec<f64> {
        let rough = (self.to - self.from) / count as f64;
        let magnitude = 10_f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|step| step * magnitude);
        let step = steps.into_iter().find(|step| *step >= rough * 0.999).unwrap_or(rough);
        (0..).map(|index| f64::from(index) * step).take_while(|mark| *mark <= self.to).collect()
    }

    fn logarithmic_marks(&self, count: usize) -> Vec<f64> {
        let within = |factors: &'static [f64]| {
            let decades = self.from.log10().floor() as i32..=self.to.log10().floor() as i32;
            let marks =
                decades.flat_map(|decade| factors.iter().map(move |factor| factor * 10_f64.powi(decade)));
            marks.filter(|mark| (self.from..=self.to).contains(mark)).collect::<Vec<_>>()
        };
        let fine = within(&[1.0, 2.0, 5.0]);
        if fine.len() <= count { fine } else { within(&[1.0]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_axis_is_marked_at_round_values() {
        assert_eq!(Axis::from_zero(950.0).marks(5), [0.0, 200.0, 400.0, 600.0, 800.0]);
        assert_eq!(Axis::from_zero(2.6).marks(5), [0.0, 1.0, 2.0]);
    }

    #[test]
    fn values_far_apart_get_a_logarithmic_axis() {
        let axis = Axis::of([3.0, 4_000.0].into_iter());
        assert_eq!(axis.marks(5), [10.0, 100.0, 1_000.0]);
        let middle = axis.share((3.0_f64 * 4_000.0).sqrt());
        assert!((middle - 0.5).abs() < 0.01, "{middle}");
    }

    #[test]
    fn values_close_together_get_an_axis_from_zero() {
        assert_eq!(Axis::of([30.0, 40.0].into_iter()).share(0.0), 0.0);
    }

    #[test]
    fn an_axis_of_nothing_but_zeroes_still_has_a_length() {
        assert_eq!(Axis::of([0.0, 0.0].into_iter()).share(0.5), 0.5);
    }
}
