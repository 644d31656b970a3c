//! A run that was killed and goes on, against the same server.

use super::*;
use crate::plan::Resumption;

const ON_CALL: &str = r#"
[[persona]]
name = "on-call"
start = "sign-in"
  [persona.state.sign-in]
  steps = [ { op = "connect" }, { op = "login" }, { op = "subscribe", to = "peer" } ]
  next = "talk"
  [persona.state.talk]
  await = "arrival"
  steps = [ { op = "publish", to = "peer", size = "40 B" } ]
  next = "talk"
"#;
const LOAD: &str = "users = [ { to = 10, over = \"5s\" }, { hold = \"55s\" } ]\n\
    arrivals = [ { to = \"0/s\", over = \"10s\" }, { to = \"10/s\", over = \"0s\" }, { hold = \"50s\" } ]\narrival_spacing = \"even\"";

/// What `--resume` finds out from the journal.
#[derive(Default)]
struct Seen {
    watch: Watch,
    last: Option<IntervalRecord>,
}

impl Observer for Seen {
    fn stage(&mut self, _: &'static str, _: u32, _: u32) {}

    fn record(&mut self, record: Record) {
        if let Record::Interval(interval) = &record {
            self.last = Some((**interval).clone());
        }
        self.watch.record(record);
    }

    fn progress(&mut self, _: &IntervalRecord, _: &Progress) {}
}

#[test]
fn the_plan_goes_on_where_it_was_and_what_the_dead_part_sent_is_nobodys() {
    let text = scenario(10, "", LOAD, ON_CALL);
    let all = plan(&text, 2);
    let planned: usize = (0..2).map(|slot| all.arrivals(slot).count()).sum();
    let results = simulated(async move {
        // Slow enough that there is always something on its way.
        let faults = FaultPlan::parse("delay = { pub = { constant = \"300ms\" } }").expect("a fault plan");
        let dialer = served(SimulatorConfig { faults, ..SimulatorConfig::default() });
        let interval = Duration::from_secs(1);
        let mut seen = Seen::default();
        let (first, _tell) = options(&all, &dialer, interval);
        let killed = tokio::time::timeout(Duration::from_millis(30_400), run_local(first, &mut seen)).await;
        assert!(killed.is_err(), "it was killed in the middle");
        let last = seen.last.take().expect("intervals");
        let offset = last.to.since(last.load_start);
        assert!(offset > Duration::from_secs(28) && offset < Duration::from_secs(31), "{offset:?}");
        let interrupted_at = ("2026-03-06T17:00:05Z".to_owned(), 0);
        let clock_from = last.to.next_multiple(interval);
        let resumption = Resumption { part: 1, offset, clock_from, interrupted_at };
        let rest = Arc::into_inner(plan(&text, 2)).expect("one owner").resumed("a simulated run", resumption);
        assert_ne!(rest.run_tag, all.run_tag);
        let (second, _tell) = options(&Arc::new(rest), &dialer, interval);
        run_local(second, &mut seen).await.expect("the rest");
        seen.watch.fold.finish()
    });
    for (name, op) in &results.operations {
        assert_eq!(op.started, op.ok + op.failed + op.open, "{name}");
    }
    let delivery = &results.delivery;
    assert_eq!(delivery.expected, delivery.delivered + delivery.lost + delivery.excused, "{delivery:?}");
    assert_eq!((delivery.lost, delivery.phantom), (0, 0), "{delivery:?}");
    let arrivals = &results.arrivals;
    assert_eq!(arrivals.planned, arrivals.started + arrivals.missed, "{arrivals:?}");
    // Once each, but for those that were handed to a user in the very instant of the last interval's end.
    assert!((planned as u64 - 2..=planned as u64).contains(&arrivals.planned), "{arrivals:?} of {planned}");
    assert_eq!(arrivals.missed, 0, "all are back before the load goes on");
    assert_eq!(results.operations["login"].ok, 20);
    assert_eq!((results.users.peak, results.interruptions.len()), (10, 1));
    assert!((results.run.load_s - 60.0).abs() < 0.1, "{}", results.run.load_s);
    let points = &results.series.points;
    assert!(points.windows(2).all(|pair| pair[0].at_s + pair[0].width_s <= pair[1].at_s + 0.001), "no second twice");
    assert!(points.iter().all(|point| point.at_s >= 0.0 && point.at_s < 62.0));
}
