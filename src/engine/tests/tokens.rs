//! Access tokens that live for a minute, for an hour.

use super::super::collector::Handover;
use super::super::tokens::TokenOffice;
use super::*;
use crate::metrics::Interval;
use crate::plan::Directory;

/// Signs in, chats, and signs in again: every login needs a token that is good.
const COMERS: &str = r#"
[[persona]]
name = "comer"
share = 1
start = "sign-in"
  [persona.state.sign-in]
  steps = [ { op = "connect" }, { op = "login" }, { op = "subscribe", to = "peer" } ]
  think = "uniform 5s 15s"
  next = "talk"
  [persona.state.talk]
  steps = [ { op = "publish", to = "peer" } ]
  think = "uniform 1s 30s"
  next = { talk = 1, away = 1 }
  [persona.state.away]
  steps = [ { op = "disconnect" } ]
  think = "uniform 1s 120s"
  next = "sign-in"
"#;

fn text(users: u32, hold: &str) -> String {
    let load = format!("users = [ {{ to = {users}, over = \"1s\" }}, {{ hold = \"{hold}\" }} ]");
    at_tinode(&scenario(users, "", &load, COMERS), users)
}

#[test]
fn in_an_hour_no_user_is_ever_without_a_valid_token() {
    let plan = plan(&text(40, "1m"), 1);
    simulated(async {
        let faults = FaultPlan::parse("token_lifetime = \"60s\"").expect("a fault plan");
        let dialer = served(SimulatorConfig { faults, ..SimulatorConfig::tinode(Some(API_KEY.to_owned())) });
        let (options, _tell) = options(&plan, &dialer, Duration::from_secs(1));
        let (clock, directory) = (Clock::start(), Arc::new(Directory::new(plan.users(), 0)));
        let office =
            std::rc::Rc::new(TokenOffice::new(clock, Arc::clone(&plan), Arc::clone(&directory), &options.targets));
        office.fetch_all(0..plan.users(), &mut Interval::default(), &mut |_| {}).await.expect("tokens");
        assert_eq!(office.shortage(), None);
        let (told, mut hears) = mpsc::unbounded_channel();
        let desk = office.open(told);
        // One that a user asked for by itself is refreshed like all others.
        directory.forget_token(7);
        assert_eq!(desk.fetch(7).await.1, Ok(()));
        for second in 0..3_600 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            for user in 0..plan.users() {
                let token = directory.token(user).unwrap_or_else(|| panic!("user {user} has none"));
                assert!(token.expires > clock.now(), "that of user {user} is dead after {second} s");
            }
        }
        let mut refreshed = 0;
        while let Ok(Handover::Refresh { result, .. }) = hears.try_recv() {
            assert_eq!(result, Ok(()));
            refreshed += 1;
        }
        // Every 48 s, and not more often.
        assert!((40 * 74..=40 * 77).contains(&refreshed), "{refreshed}");
    });
}

#[test]
fn refreshes_are_figures_of_the_token_operation_and_no_login_is_refused() {
    let ran = carry_out(&text(20, "1h"), "token_lifetime = \"60s\"", 2);
    ran.assert_sound();
    assert!(ran.counts(OpId::Login).1 > 500);
    assert_eq!((ran.counts(OpId::Login).2, ran.counts(OpId::Token).2), (0, 0));
    assert!(ran.counts(OpId::Token).1 > 20 * 70, "{:?}", ran.counts(OpId::Token));
    assert_eq!(ran.results.delivery.lost, 0);
}

#[test]
fn groups_are_made_although_the_tokens_of_their_owners_died_while_others_were_fetched() {
    // 100 tokens at 4 a second take 25 s: the first of them are dead before the first group is made.
    let load = "users = [ { to = 100, over = \"1s\" }, { hold = \"30s\" } ]";
    let text = at_tinode(&scenario(100, "groups = [ { name = \"team\", members = 10 } ]", load, COMERS), 100);
    let ran = carry_out(&text.replace("rate = \"1000/s\"", "rate = \"4/s\""), "token_lifetime = \"20s\"", 1);
    ran.assert_sound();
    let is_told = |warning: &String| warning.contains("live for 20 s") && warning.contains("takes 25 s");
    assert!(ran.results.warnings.iter().any(is_told), "{:?}", ran.results.warnings);
    assert!(ran.notices.iter().any(|notice| notice.contains("raise `auth.rate`")), "{:?}", ran.notices);
}

#[test]
fn a_rate_that_cannot_keep_all_tokens_alive_is_a_warning() {
    let slow = text(20, "2m").replace("rate = \"1000/s\"", "rate = \"0.3/s\"");
    let ran = carry_out(&slow, "token_lifetime = \"60s\"", 1);
    let is_told = ran.results.warnings.iter().any(|warning| warning.contains("raise `auth.rate`"));
    assert!(is_told, "{:?}", ran.results.warnings);
}
