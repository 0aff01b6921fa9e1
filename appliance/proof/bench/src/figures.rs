//! Many samples, few figures.

/// The middle one of the samples; 0 of none.
pub(crate) fn median(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
}

/// The sample below which this part of them lies (nearest rank); 0 of none.
pub(crate) fn quantile(samples: &[f64], part: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_one_of_the_samples() {
        let samples: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!((median(&samples), quantile(&samples, 0.99), quantile(&samples, 1.0)), (50.0, 99.0, 100.0));
        assert_eq!((median(&[7.0]), quantile(&[7.0], 0.99)), (7.0, 7.0));
        assert_eq!(median(&[]), 0.0);
    }
}
