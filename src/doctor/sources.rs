//! What is read of the target's own: is each source there, and does it say each figure that the scenario names?

use std::time::Duration;

use super::Finding;
use crate::engine::{Look, Targets, look as look_at};
use crate::scenario::Scenario;

const CHECK: &str = "own figures";

pub(super) async fn look(scenario: &Scenario, targets: &Targets, patience: Duration) -> Vec<Finding> {
    look_at(&scenario.target.watched, &targets.pages, patience).await.iter().map(judge).collect()
}

fn judge(look: &Look) -> Finding {
    let Look { name, found } = look;
    match found {
        Err(why) => Finding::warn(
            CHECK,
            format!("nothing can be read from {name}: {why}"),
            "correct `url` in `target.metrics`, or `pid_file` in `target.process`; a run counts it in `target.scrapes.failed`",
        ),
        Ok((found, missing)) if missing.is_empty() => {
            Finding::ok(CHECK, format!("{name} has all {found} of its figures"))
        }
        Ok((_, missing)) if name.starts_with("http") => Finding::warn(
            CHECK,
            format!("{name} does not say {}", missing.join(", ")),
            format!("correct the name of the metric in `target.metrics`: `curl -s {name}` shows those that are there"),
        ),
        Ok((_, missing)) => Finding::warn(
            CHECK,
            format!("{name} does not tell {}", missing.join(", ")),
            "start this program as the user of that process, or as root",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_a_way_out() {
        let text = |name: &str, found| judge(&Look { name: name.to_owned(), found }).prose();
        insta::assert_snapshot!(text("http://pbx.test:9100/metrics", Ok((2, Vec::new()))), @"ok    own figures   http://pbx.test:9100/metrics has all 2 of its figures");
        insta::assert_snapshot!(text("http://pbx.test:9100/metrics", Ok((1, vec!["`rss_bytes` = `resident`".to_owned()]))), @r"
        warn  own figures   http://pbx.test:9100/metrics does not say `rss_bytes` = `resident`
                            fix: correct the name of the metric in `target.metrics`: `curl -s http://pbx.test:9100/metrics` shows those that are there
        ");
        insta::assert_snapshot!(text("the process of `im.pid`", Err("its file cannot be read: no such file".to_owned())), @r"
        warn  own figures   nothing can be read from the process of `im.pid`: its file cannot be read: no such file
                            fix: correct `url` in `target.metrics`, or `pid_file` in `target.process`; a run counts it in `target.scrapes.failed`
        ");
        insta::assert_snapshot!(text("process 7", Ok((4, vec!["`descriptors`".to_owned()]))), @r"
        warn  own figures   process 7 does not tell `descriptors`
                            fix: start this program as the user of that process, or as root
        ");
    }
}
