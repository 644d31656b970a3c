//! The normal distribution and Student's t.

use std::f64::consts::{PI, SQRT_2};

/// Probability that a standard normal variable is at most `x`; good to about 1e-15, far tails relatively.
pub fn normal_cdf(x: f64) -> f64 {
    // The tail of the normal distribution is that of a chi-squared one with one degree of freedom.
    let tail = 0.5 * upper_gamma_half(x * x / 2.0);
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// Regularized upper incomplete gamma function Q(1/2, x) = erfc(√x).
fn upper_gamma_half(x: f64) -> f64 {
    if x < 1.5 {
        // Series of the lower one; Γ(1/2) = √π.
        let (mut term, mut sum, mut a): (f64, f64, f64) = (2.0, 2.0, 0.5);
        while term.abs() > sum * 1e-17 {
            a += 1.0;
            term *= x / a;
            sum += term;
        }
        return 1.0 - (sum * (-x).exp() * x.sqrt() / PI.sqrt()).min(1.0);
    }
    // Continued fraction, by Lentz.
    let mut b = x + 0.5;
    let (mut c, mut d) = (1e300, 1.0 / b);
    let mut fraction = d;
    for i in 1..500 {
        let i = f64::from(i);
        let a = -i * (i - 0.5);
        b += 2.0;
        d = 1.0 / (a * d + b);
        c = b + a / c;
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    fraction * (-x).exp() * x.sqrt() / PI.sqrt()
}

/// The value that a standard normal variable stays below with this probability; infinite at 0 and 1.
///
/// Acklam's rational approximation and one step of Halley's method.
pub fn normal_quantile(probability: f64) -> f64 {
    if !(probability > 0.0 && probability < 1.0) {
        return if probability >= 1.0 { f64::INFINITY } else { f64::NEG_INFINITY };
    }
    if probability > 0.5 {
        return -normal_quantile(1.0 - probability);
    }
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] =
        [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416, 1.0];
    let polynomial = |factors: &[f64], x: f64| factors.iter().fold(0.0, |sum, factor| sum * x + factor);
    let rough = if probability < 0.02425 {
        let q = (-2.0 * probability.ln()).sqrt();
        polynomial(&C, q) / polynomial(&D, q)
    } else {
        let q = probability - 0.5;
        polynomial(&A, q * q) * q / polynomial(&B, q * q)
    };
    let error = normal_cdf(rough) - probability;
    let step = error * (2.0 * PI).sqrt() * (rough * rough / 2.0).exp();
    rough - step / (1.0 + rough * step / 2.0)
}

/// Probability that Student's t with so many degrees of freedom is at most `x`.
pub fn t_cdf(x: f64, freedom: f64) -> f64 {
    let tail = 0.5 * incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + x * x));
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// The value that Student's t with so many degrees of freedom stays below with this probability.
///
/// Degrees need not be whole; infinitely many are the normal distribution. Infinite at 0 and 1, and without any degree.
pub fn t_quantile(probability: f64, freedom: f64) -> f64 {
    if probability > 0.5 {
        return -t_quantile(1.0 - probability, freedom);
    }
    if probability <= 0.0 || freedom.is_nan() || freedom <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if freedom > 1e7 {
        return normal_quantile(probability);
    }
    let (mut low, mut high) = (-1.0, 0.0);
    while t_cdf(low, freedom) > probability && low > -1e150 {
        (low, high) = (low * 2.0, low);
    }
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if t_cdf(middle, freedom) > probability {
            high = middle;
        } else {
            low = middle;
        }
    }
    f64::midpoint(low, high)
}

/// Regularized incomplete beta function, by its continued fraction.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    let front = (log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp() / a;
    let whole = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut c, mut d) = (1.0, 1.0 / whole(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..1_000 {
        let m = f64::from(m);
        for numerator in [
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        ] {
            d = 1.0 / whole(1.0 + numerator * d);
            c = whole(1.0 + numerator / c);
            fraction *= d * c;
        }
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    front * fraction
}

/// Logarithm of the gamma function of a positive number, by Lanczos.
fn log_gamma(x: f64) -> f64 {
    const FACTORS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let t = x + 7.5;
    let sum: f64 = FACTORS[0] + (1..9).map(|index| FACTORS[index] / (x + index as f64)).sum::<f64>();
    (x + 0.5) * t.ln() - t + sum.ln() + PI.ln() / 2.0 + SQRT_2.ln()
}

#[cfg(test)]
mod tests {
    use super::super::reference::{agrees, numbers, part};
    use super::*;

    #[test]
    fn they_agree_with_scipy() {
        let known = part("distributions");
        for pair in known["normal"].as_array().expect("pairs") {
            let [probability, quantile] = numbers(pair)[..] else { panic!("{pair}") };
            agrees(normal_quantile(probability), quantile, 1e-9);
        }
        for pair in known["normal_cdf"].as_array().expect("pairs") {
            let [x, probability] = numbers(pair)[..] else { panic!("{pair}") };
            agrees(normal_cdf(x), probability, 1e-14);
        }
        for triple in known["t"].as_array().expect("triples") {
            let [probability, freedom, quantile] = numbers(triple)[..] else { panic!("{triple}") };
            agrees(t_quantile(probability, freedom), quantile, 1e-6);
        }
    }

    #[test]
    fn the_ends_are_infinite_and_nothing_panics() {
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
        assert_eq!(t_quantile(0.975, 0.0), f64::INFINITY);
        agrees(t_quantile(0.975, 1e9), 1.959_963_985, 1e-6);
    }
}
