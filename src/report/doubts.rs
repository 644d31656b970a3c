//! What a reader has to know before believing a figure: the run's own warnings, and sums that do not add up.

use crate::results::Results;

use super::{figures, promises};

/// The warnings of the results, and after them what the figures themselves give away.
///
/// A balance that does not balance is a mistake of this program, not of the target; a report that kept quiet about it
/// would be worth less than none.
pub fn of(results: &Results) -> Vec<String> {
    let mut doubts = results.warnings.clone();
    if results.run.tls_verification == "off" {
        let known = doubts.iter().any(|doubt| doubt.contains("certificate") || doubt.contains("TLS verification"));
        if !known {
            doubts.push("TLS verification was off: the target's certificate was not checked".to_owned());
        }
    }
    doubts.extend(promises::doubt(results));
    if !results.holes.is_empty() {
        // The sums of a run with holes cannot add up, and its warnings say why.
        return doubts;
    }
    let delivery = &results.delivery;
    let parts = sum(&[delivery.delivered, delivery.lost, delivery.excused]);
    doubts.extend(unbalanced("deliveries expected", delivery.expected, "delivered + lost + excused", parts));
    let arrivals = &results.arrivals;
    let parts = sum(&[arrivals.started, arrivals.missed]);
    doubts.extend(unbalanced("arrivals planned", arrivals.planned, "started + missed", parts));
    for (name, operation) in &results.operations {
        let parts = sum(&[operation.ok, operation.failed, operation.open]);
        doubts.extend(unbalanced(&format!("{name} started"), operation.started, "ok + failed + open", parts));
    }
    doubts
}

fn sum(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |sum, part| sum.saturating_add(*part))
}

fn unbalanced(whole_name: &str, whole: u64, parts_name: &str, parts: u64) -> Option<String> {
    (whole != parts).then(|| {
        format!(
            "figures do not add up: {whole_name} {} but {parts_name} = {}; this is a mistake in pbxload, please report it",
            figures::count(whole),
            figures::count(parts)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn sound_figures_raise_no_doubt() {
        assert_eq!(of(&fixture::rich()), fixture::rich().warnings);
    }

    #[test]
    fn a_broken_balance_is_said_aloud() {
        let mut results = fixture::rich();
        results.delivery.lost += 1;
        results.run.tls_verification = "off".to_owned();
        let doubts = of(&results).join("\n");
        assert!(doubts.contains("deliveries expected"), "{doubts}");
        assert!(doubts.contains("TLS verification was off"), "{doubts}");
    }
}
