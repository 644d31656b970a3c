//! The circular block bootstrap over the intervals of a series, within its stages.

use std::ops::Range;

use crate::random::{Random, below};

/// How a series is cut up to be resampled.
///
/// Neighbouring intervals of a run are alike, so single ones must not be drawn: whole blocks are, each beginning
/// anywhere, the end of a stage joined to its beginning (Politis and Romano 1992). Stages, such as a ramp and a hold, are
/// resampled each for itself: that a ramp is no hold is the plan, and no uncertainty.
///
/// Assumes that each stage is stationary, and that blocks are long enough to hold what neighbours have in common; see
/// [`block_length`](super::block_length). Within a ramp the first is not quite true, which makes errors too large.
#[derive(Debug, Clone)]
pub struct Blocks {
    stages: Vec<Range<usize>>,
    length: usize,
}

impl Blocks {
    /// Blocks of this length, rounded up, within stages that follow each other.
    pub fn new(stages: Vec<Range<usize>>, length: f64) -> Blocks {
        let stages = stages.into_iter().filter(|stage| !stage.is_empty()).collect();
        Blocks { stages, length: (length.ceil() as usize).max(1) }
    }

    /// Degrees of freedom: whole blocks, less one for each stage. What a spread is known from.
    pub fn freedom(&self) -> usize {
        self.stages.iter().map(|stage| (stage.len() / self.length).saturating_sub(1)).sum()
    }

    /// Factor by which the spread of resampled figures is too small, because it is taken about the sample's own mean.
    pub fn correction(&self) -> f64 {
        let freedom = self.freedom() as f64;
        let blocks = freedom + self.stages.len() as f64;
        if freedom > 0.0 { (blocks / freedom).sqrt() } else { 1.0 }
    }

    /// Draws one resampled series: ranges of intervals, as many intervals in all as the series has.
    pub fn draw(&self, random: &mut Random, drawn: &mut Vec<Range<usize>>) {
        drawn.clear();
        for stage in &self.stages {
            let mut missing = stage.len();
            while missing > 0 {
                let start = stage.start + below(random, stage.len() as u64) as usize;
                let length = self.length.min(missing);
                let until_end = length.min(stage.end - start);
                drawn.push(start..start + until_end);
                if length > until_end {
                    drawn.push(stage.start..stage.start + length - until_end);
                }
                missing -= length;
            }
        }
    }
}

/// Standard error of a figure: the spread of what `figure` makes of `draws` resampled series, corrected for few blocks.
///
/// Draws for which there is no figure are left out; `None` when fewer than half have one.
pub fn standard_error(
    blocks: &Blocks,
    draws: u32,
    random: &mut Random,
    mut figure: impl FnMut(&[Range<usize>]) -> Option<f64>,
) -> Option<f64> {
    let mut drawn = Vec::new();
    let mut figures = Vec::with_capacity(draws as usize);
    for _ in 0..draws {
        blocks.draw(random, &mut drawn);
        figures.extend(figure(&drawn).filter(|figure| figure.is_finite()));
    }
    if figures.len() < 2 || figures.len() < draws as usize / 2 {
        return None;
    }
    Some(super::variance(&figures).sqrt() * blocks.correction())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, generator, unit};
    use crate::stats::{block_length, mean, normal_quantile};

    fn random(seed: u64) -> Random {
        generator(seed, Purpose::Topology)
    }

    #[test]
    fn each_stage_keeps_its_size_and_its_own_intervals() {
        let blocks = Blocks::new(vec![0..10, 10..10, 10..27], 4.0);
        let mut drawn = Vec::new();
        for seed in 0..50 {
            blocks.draw(&mut random(seed), &mut drawn);
            let inside = |stage: Range<usize>| {
                let of_it = drawn.iter().filter(|piece| stage.contains(&piece.start));
                of_it
                    .map(|piece| {
                        assert!(piece.end <= stage.end);
                        piece.len()
                    })
                    .sum::<usize>()
            };
            assert_eq!((inside(0..10), inside(10..27)), (10, 17));
        }
        assert_eq!(blocks.freedom(), 1 + 3);
        assert_eq!(Blocks::new(Vec::new(), 3.0).freedom(), 0);
    }

    /// Standard error of the mean of a first-order autoregressive series.
    fn errors(coefficient: f64, length: usize) -> (f64, f64) {
        let (mut found, mut means) = (Vec::new(), Vec::new());
        for seed in 0..60 {
            let mut random = random(seed);
            let mut last = 0.0;
            let series: Vec<f64> = (0..length)
                .map(|_| {
                    last = coefficient * last + normal_quantile(unit(&mut random).max(1e-12));
                    last
                })
                .collect();
            means.push(mean(&series));
            let blocks = Blocks::new(std::iter::once(0..length).collect(), block_length(&series));
            let of = |drawn: &[Range<usize>]| {
                Some(drawn.iter().map(|piece| series[piece.clone()].iter().sum::<f64>()).sum::<f64>() / length as f64)
            };
            found.push(standard_error(&blocks, 100, &mut random, of).expect("there is a mean"));
        }
        (mean(&found), super::super::variance(&means).sqrt())
    }

    #[test]
    fn the_error_of_a_mean_is_its_true_spread_with_and_without_memory() {
        for coefficient in [0.0, 0.6] {
            let (found, truth) = errors(coefficient, 150);
            assert!((0.75..1.3).contains(&(found / truth)), "{coefficient}: {found} for {truth}");
        }
    }
}
