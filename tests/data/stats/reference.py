"""Reference values for the tests of `src/stats`, from independent implementations.

Run once, by hand; the tests read `reference.json` and never this script.
Made with scipy 1.17.1, numpy 2.4.6, pymannkendall 1.4.3, arch 8.0.0, statsmodels, and MongoDB's
signal-processing-algorithms 2.1.6:

    pip install scipy pymannkendall arch signal-processing-algorithms
    python reference.py > reference.json
"""

import json

import numpy as np
import pymannkendall
from arch.bootstrap import optimal_block_length
from scipy import stats
from signal_processing_algorithms.energy_statistics import energy_statistics
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint


def rounded(values):
    return [round(float(value), 4) for value in values]


def autoregressive(generator, length, coefficient):
    values = [generator.normal()]
    for _ in range(length - 1):
        values.append(coefficient * values[-1] + generator.normal())
    return rounded(values)


def trends():
    generator = np.random.default_rng(1)
    series = {
        "rising": rounded(0.05 * np.arange(40) + generator.normal(size=40)),
        "ties": [float(value) for value in generator.integers(0, 5, 50)],
        "autocorrelated": autoregressive(generator, 80, 0.7),
        "falling": rounded(10 - 0.3 * np.arange(25) + generator.normal(size=25)),
        "short": [1.0, 2.0, 2.0, 3.0, 5.0],
    }
    cases = []
    for name, values in series.items():
        original = pymannkendall.original_test(values)
        hamed_rao = pymannkendall.hamed_rao_modification_test(values)
        sen = stats.theilslopes(values, alpha=0.95)
        cases.append({
            "name": name, "values": values, "s": float(original.s), "var_s": float(original.var_s),
            "z": float(original.z), "p": float(original.p), "tau": float(original.Tau),
            "hamed_rao_var": float(hamed_rao.var_s), "hamed_rao_p": float(hamed_rao.p),
            "slope": float(sen.slope), "intercept": float(sen.intercept),
            "low": float(sen.low_slope), "high": float(sen.high_slope),
        })
    return cases


def blocks():
    generator = np.random.default_rng(2)
    cases = []
    for length, coefficient in [(100, 0.0), (200, 0.5), (400, 0.8), (60, 0.3)]:
        values = autoregressive(generator, length, coefficient)
        found = optimal_block_length(np.array(values))
        cases.append({"values": values, "circular": float(found["circular"].iloc[0])})
    return cases


def effects():
    generator = np.random.default_rng(3)
    cases = []
    for shift in [0.0, 0.8]:
        one, other = rounded(generator.normal(size=7)), rounded(generator.normal(size=6) + shift)
        differences = [b - a for a in one for b in other]
        exact = stats.permutation_test(
            (one, other), lambda a, b: abs(np.mean(b) - np.mean(a)), n_resamples=np.inf, alternative="greater")
        cases.append({
            "one": one, "other": other, "hodges_lehmann": float(np.median(differences)),
            "cliffs_delta": float(np.mean(np.sign(differences))), "permutation_p": float(exact.pvalue),
            "student_p": float(stats.ttest_ind(one, other).pvalue),
        })
    return cases


def shares():
    cases = []
    for one, other in [((0, 100), (3, 120)), ((12, 1000), (30, 900)), ((5, 50), (1, 40)), ((50, 50), (49, 50))]:
        low, high = confint_proportions_2indep(other[0], other[1], one[0], one[1], method="newcomb", compare="diff")
        wilson = proportion_confint(one[0], one[1], method="wilson")
        cases.append({"one": one, "other": other, "low": float(low), "high": float(high),
                      "wilson": [float(bound) for bound in wilson]})
    return cases


def changes():
    generator = np.random.default_rng(4)
    cases = []
    for levels in [[(20, 0.0)], [(10, 0.0), (10, 4.0)], [(12, 0.0), (9, 5.0), (14, -3.0)]]:
        values = rounded(np.concatenate([generator.normal(level, 1.0, size=size) for size, level in levels]))
        np.random.seed(1)
        found = energy_statistics.e_divisive(values, pvalue=0.05, permutations=199)
        column = np.array(values, dtype=float)[:, np.newaxis]
        statistic = energy_statistics._calculate_t_stats(energy_statistics._get_distance_matrix(column))
        cases.append({"values": values, "found": sorted(int(index) for index in found),
                      "statistic": [float(value) for value in statistic]})
    return cases


def distributions():
    probabilities = [1e-6, 0.001, 0.025, 0.2, 0.5, 0.9, 0.975, 0.9995, 0.9999999]
    return {
        "normal": [[p, float(stats.norm.ppf(p))] for p in probabilities],
        "normal_cdf": [[x, float(stats.norm.cdf(x))] for x in [-8.0, -3.1, -1.0, 0.0, 0.4, 2.5, 6.0]],
        "t": [[p, df, float(stats.t.ppf(p, df))] for p in probabilities for df in [1.0, 2.5, 4.0, 17.0, 400.0]],
    }


print(json.dumps({
    "distributions": distributions(), "trends": trends(), "blocks": blocks(), "effects": effects(),
    "shares": shares(), "changes": changes(),
}))
