//! A server that does what it should: the figures are exact and the books close.

use super::*;

/// Signs in, settles, then chats for ever; now and then one goes away.
const OFFICE: &str = r#"
[[persona]]
name = "talker"
share = 1
start = "sign-in"
  [persona.state.sign-in]
  steps = [ { op = "connect" }, { op = "login" } ]
  next = "settle"
  [persona.state.settle]
  steps = [ { op = "subscribe", to = "peer" }, { op = "subscribe", to = "group:team" } ]
  next = "talk"
  [persona.state.talk]
  think = "exponential 10s"
  steps = [ { op = "publish", to = "peer", size = "20..200 B" }, { op = "publish", to = "group:team", chance = 0.3 } ]
  next = { talk = 9, leave = 1, away = 1, read = 1 }
  [persona.state.read]
  steps = [ { op = "history", to = "group:team", limit = 30 }, { op = "note", to = "peer", kind = "read" } ]
  think = "constant 1s"
  next = "talk"
  [persona.state.leave]
  steps = [ { op = "leave", to = "peer" }, { op = "upload", size = "8 KiB", save = "file" }, { op = "download", file = "${file.url}" }, { op = "subscribe", to = "peer" } ]
  next = "talk"
  [persona.state.away]
  steps = [ { op = "disconnect" } ]
  think = "uniform 5s 60s"
  next = "sign-in"
"#;

/// Twenty that wait for work.
pub(super) const ON_CALL: &str = r#"
[[persona]]
name = "on-call"
share = 1
start = "sign-in"
  [persona.state.sign-in]
  steps = [ { op = "connect" }, { op = "login" }, { op = "subscribe", to = "peer" } ]
  next = "work"
  [persona.state.work]
  await = "arrival"
  steps = [ { op = "publish", to = "peer" } ]
  next = "work"
"#;

#[test]
fn a_server_delay_of_250_ms_measures_as_exactly_250_ms() {
    let load = "users = [ { to = 4, over = \"1s\" }, { hold = \"60s\" } ]\narrivals = [ { to = \"2/s\", over = \"5s\" }, { hold = \"50s\" } ]";
    let faults = "delay = { pub = { constant = \"250ms\" }, login = { constant = \"30ms\" } }";
    let ran = carry_out(&scenario(4, "", load, ON_CALL), faults, 1);
    ran.assert_sound();
    assert!(ran.counts(OpId::Publish).1 > 50);
    assert!(is_always(ran.service(OpId::Publish), 250_000), "{:?}", ran.results.operations["publish"].service_us);
    assert!(is_always(ran.service(OpId::Login), 30_000), "{:?}", ran.results.operations["login"].service_us);
    // Whoever has the message has it when its publisher's reply is sent.
    assert!(is_always(&ran.sums.delivery, 250_000), "{:?}", ran.results.delivery.delivery_us);
    assert_eq!((ran.results.delivery.lost, ran.results.delivery.expected), (0, ran.counts(OpId::Publish).1));
}

#[test]
fn an_hour_of_twenty_users_loses_nothing() {
    let load = "users = [ { to = 20, over = \"1m\" }, { hold = \"58m\" }, { to = 0, over = \"1m\" } ]";
    let topology = "groups = [ { name = \"team\", members = 7 } ]";
    for slots in [1, 3] {
        let ran = carry_out(&scenario(20, topology, load, OFFICE), "", slots);
        ran.assert_sound();
        let delivery = &ran.results.delivery;
        assert!(delivery.expected > 5_000, "{delivery:?}");
        assert_eq!((delivery.lost, delivery.duplicated, delivery.phantom, delivery.reordered), (0, 0, 0, 0));
        assert_eq!((delivery.unknown, delivery.refused, ran.results.failures.len()), (0, 0, 0));
        assert_eq!(delivery.echo_expected, delivery.echo_delivered);
        // The server counts what it pushed, and knows nothing of what we expect.
        assert_eq!(delivery.delivered, ran.faults.totals.deliveries_pushed, "{slots} workers");
        assert_eq!(delivery.accepted, ran.faults.totals.publishes_accepted);
        assert_eq!(ran.results.users.logins, ran.faults.totals.logins - ran.groups_logins());
        assert_eq!(ran.results.warnings, Vec::<String>::new());
    }
}

impl Ran {
    /// Logins that are none of the load's: three groups are made and deleted, and user 0 asks what is left.
    fn groups_logins(&self) -> u64 {
        3 + 3 + 1
    }
}

#[test]
fn under_a_stalled_server_every_arrival_is_started_or_missed_and_response_counts_from_due() {
    let load = "users = [ { to = 6, over = \"1s\" }, { hold = \"59s\" } ]\n\
                arrivals = [ { to = \"0/s\", over = \"10s\" }, { to = \"10/s\", over = \"0s\" }, { hold = \"50s\" } ]\narrival_spacing = \"even\"";
    let text = scenario(6, "", load, ON_CALL);
    let faults = "[[stall]]\nat = \"20s\"\nfor = \"5s\"";
    for slots in [1, 2] {
        let ran = carry_out(&text, faults, slots);
        ran.assert_sound();
        let planned: usize = (0..slots).map(|slot| plan(&text, slots).arrivals(slot).count()).sum();
        let arrivals = &ran.results.arrivals;
        assert_eq!(arrivals.planned, planned as u64, "{slots} workers");
        // Six are stuck in the stall; the other arrivals of those five seconds find nobody.
        assert!((30..=50).contains(&arrivals.missed), "{arrivals:?}");
        assert_eq!(ran.counts(OpId::Publish), (arrivals.started, arrivals.started, 0, 0));
        let response = ran.sums.ops[OpId::Publish.index()].response.max();
        assert!((4_800_000..5_100_000).contains(&response), "{response}");
    }
}

#[test]
fn the_drain_waits_for_what_is_late_and_no_longer() {
    let load = "users = [ { to = 4, over = \"1s\" }, { hold = \"9s\" } ]\narrivals = [ { to = \"5/s\", over = \"0s\" }, { hold = \"10s\" } ]\ndrain = \"8s\"";
    let text = scenario(4, "", load, ON_CALL);
    let ran = carry_out(&text, "delay = { pub = { constant = \"3s\" } }", 2);
    ran.assert_sound();
    let delivery = &ran.results.delivery;
    assert_eq!((delivery.lost, delivery.expected), (0, delivery.delivered));
    let (started, ok, ..) = ran.counts(OpId::Publish);
    assert_eq!((started, ok), (delivery.delivered, delivery.delivered));
    assert!((0.2..4.0).contains(&ran.drain_s), "{}", ran.drain_s);
    // Longer than the drain: open at the end, and lost by nobody.
    let text = text.replace("drain = \"8s\"", "drain = \"1s\"");
    let ran = carry_out(&text, "delay = { pub = { constant = \"4s\" } }", 2);
    ran.assert_sound();
    // Timers of paused time count whole milliseconds.
    assert!((0.999..1.2).contains(&ran.drain_s), "{}", ran.drain_s);
    assert!(ran.counts(OpId::Publish).3 > 0);
    assert_eq!(ran.results.delivery.lost, 0);
}

#[test]
fn a_run_that_is_stopped_at_once_still_closes_its_books() {
    let load = "users = [ { to = 4, over = \"1s\" }, { hold = \"1h\" } ]\narrivals = [ { to = \"5/s\", over = \"0s\" }, { hold = \"1h\" } ]";
    let plan = plan(&scenario(4, "", load, ON_CALL), 2);
    let results = simulated(async {
        let dialer = served(SimulatorConfig::default());
        let (options, tell) = options(&plan, &dialer, Duration::from_secs(1));
        tokio::task::spawn_local(async move {
            tokio::time::sleep(Duration::from_millis(30_777)).await;
            tell.send_replace(Stop::Now(crate::results::EndedBy::Interrupt));
            std::future::pending::<()>().await;
        });
        let mut watch = Watch::default();
        run_local(options, &mut watch).await.expect("a run");
        watch.fold.finish()
    });
    assert_eq!(results.run.ended_by, crate::results::EndedBy::Interrupt);
    let (delivery, arrivals) = (&results.delivery, &results.arrivals);
    assert_eq!(delivery.lost, 0);
    assert_eq!(delivery.expected, delivery.delivered + delivery.excused);
    assert_eq!(arrivals.planned, arrivals.started + arrivals.missed);
    assert!(arrivals.planned > 100);
}
