//! Quantile curves: the whole distribution of a time, its tail stretched.

use crate::report::{figures, wording};
use crate::results::{LatencyFigures, Results};

use super::chart::{Axis, Chart, Hover, Point, Shape};
use super::figure::{Figure, Key};

/// As many curves as can be told apart in one chart.
const CURVES_MAX: usize = 6;

/// Curves of the busiest operations, and of delivery.
pub(super) fn figures(results: &Results) -> Vec<Figure> {
    let operations: Vec<_> = wording::busiest(results)
        .into_iter()
        .map(|(name, operation)| (name, &operation.response_us))
        .filter(|(_, response)| has_curve(response))
        .take(CURVES_MAX)
        .collect();
    let delivery = &results.delivery;
    let delivery: Vec<_> =
        [("send to receive", &delivery.delivery_us), ("first to last receiver", &delivery.spread_us)]
            .into_iter()
            .filter(|(_, latency)| has_curve(latency))
            .collect();
    vec![figure("Response time by percentile", &operations), figure("Delivery time by percentile", &delivery)]
}

fn has_curve(latency: &LatencyFigures) -> bool {
    latency.count > 0 && latency.curve.len() > 1
}

fn figure(title: &str, curves: &[(&str, &LatencyFigures)]) -> Figure {
    if curves.is_empty() {
        return Figure::without(title, figures::NO_SAMPLES);
    }
    let samples = curves.iter().map(|(_, latency)| latency.count).max().unwrap_or(1);
    let values = || curves.iter().flat_map(|(_, latency)| latency.curve.iter().map(|(_, micros)| *micros));
    let (min, max) = (values().min().unwrap_or(1), values().max().unwrap_or(1));
    let (mut shapes, mut legend) = (Vec::new(), Vec::new());
    for (index, (name, latency)) in curves.iter().enumerate() {
        let class = format!("s{}", index + 1);
        legend.push(Key::new(&class, name));
        shapes.push(Shape::Line { class, points: points(latency) });
    }
    shapes.reverse();
    let chart = Chart {
        title: title.to_owned(),
        description: format!("From {} to {}.", figures::micros(min), figures::micros(max)),
        x: Axis::quantiles(samples),
        y: Axis::log_micros(min, max),
        regions: Vec::new(),
        names: false,
        shapes,
        hovers: hovers(curves),
    };
    Figure::of(&chart, "log scale; each further nine takes the same room".to_owned(), legend)
}

/// A curve ends where its samples do: beyond 1 − 1/count there is one sample, the maximum, drawn in the middle of its share.
fn points(latency: &LatencyFigures) -> Vec<Point> {
    let last = 1.0 - 1.0 / latency.count.max(1) as f64;
    let known = latency.curve.iter().filter(|(quantile, _)| quantile.is_finite() && *quantile <= last);
    let mut points: Vec<_> = known.map(|(quantile, micros)| Point { x: *quantile, y: Some(*micros as f64) }).collect();
    if let Some((_, max)) = latency.curve.last() {
        points.push(Point { x: 1.0 - 0.5 / latency.count.max(1) as f64, y: Some(*max as f64) });
    }
    points
}

fn hovers(curves: &[(&str, &LatencyFigures)]) -> Vec<Hover> {
    type Pick = fn(&LatencyFigures) -> u64;
    const STEPS: [(f64, f64, &str, Pick); 6] = [
        (0.0, 0.8, "p50", |latency| latency.p50),
        (0.8, 0.93, "p90", |latency| latency.p90),
        (0.93, 0.98, "p95", |latency| latency.p95),
        (0.98, 0.997, "p99", |latency| latency.p99),
        (0.997, 0.9997, "p99.9", |latency| latency.p999),
        (0.9997, 1.0, "p99.99", |latency| latency.p9999),
    ];
    STEPS
        .map(|(from, to, name, pick)| {
            let said = curves.iter().map(|(curve, latency)| format!("{curve} {}", figures::micros(pick(latency))));
            Hover { from, to, text: format!("{name}\n{}", said.collect::<Vec<_>>().join("\n")) }
        })
        .into()
}
