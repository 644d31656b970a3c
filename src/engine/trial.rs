//! One virtual user once through, every frame shown: the debugger for scenario authors.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc as sync_mpsc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::alarm::Precision;
use super::collector::{Handover, Spent};
use super::errand::Errand;
use super::exchange::Exchange;
use super::floor::Tap;
use super::remarks::token_trouble;
use super::tokens::TokenOffice;
use super::worker::{Order, WorkerParts, work};
use super::{Clock, EngineError, Targets, groups};
use crate::metrics::Interval;
use crate::plan::{Directory, Plan};
use crate::tick::Tick;
use crate::user::Mode;

/// How often it is looked whether the user is through.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A user that is not through by then never will be.
const TRIAL_MAX: Duration = Duration::from_secs(300);

/// Runs one user of the plan once through its states. The plan must have as many slots as users, so that the
/// user's slot holds it alone. Its peer is logged in for the time, so that it can be found and written to.
///
/// # Errors
/// What keeps the user from starting; what it meets on its way is in the figures that come back.
pub fn try_once(plan: Arc<Plan>, user: u32, targets: &Targets, tap: Tap) -> Result<Interval, EngineError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, trial(plan, user, targets, tap))
}

async fn trial(plan: Arc<Plan>, user: u32, targets: &Targets, tap: Tap) -> Result<Interval, EngineError> {
    let clock = Clock::start();
    let directory = Arc::new(Directory::new(plan.users(), plan.topology.groups()));
    let mine: Vec<u32> =
        (0..plan.topology.groups()).filter(|&group| plan.topology.members(group).contains(&user)).collect();
    let mut others: Vec<u32> = mine.iter().map(|&group| plan.topology.members(group).start).collect();
    others.extend(plan.topology.peer(user));
    others.push(user);
    others.sort_unstable();
    others.dedup();
    let office = Rc::new(TokenOffice::new(clock, Arc::clone(&plan), Arc::clone(&directory), targets));
    let mut figures = Interval::default();
    office
        .fetch_all(others.into_iter(), &mut figures, &mut |_| {})
        .await
        .map_err(|trouble| EngineError::Tokens(token_trouble(&trouble, plan.scenario.target.dialect)))?;
    groups::create(&targets.service, &plan, &directory, &office, mine.into_iter(), &mut |_| {})
        .await
        .map_err(|(group, source)| EngineError::Groups { title: plan.topology.title(group), source })?;
    let peer = match plan.topology.peer(user) {
        Some(peer) => Errand::log_in(&targets.service, &plan, &directory, peer).await.ok(),
        None => None,
    };
    let walked = walk(clock, &plan, &directory, user, targets, Rc::clone(&office), tap).await;
    if let Some(peer) = peer {
        peer.close().await;
    }
    groups::delete(&targets.service, &plan, &directory, Some(&office)).await;
    Ok(walked)
}

async fn walk(
    clock: Clock,
    plan: &Arc<Plan>,
    directory: &Arc<Directory>,
    user: u32,
    targets: &Targets,
    office: Rc<TokenOffice>,
    tap: Tap,
) -> Interval {
    let (order, orders) = mpsc::unbounded_channel();
    let (handover, mut handovers) = mpsc::unbounded_channel();
    let tokens = office.open(handover.clone());
    let (_back, spent) = sync_mpsc::channel::<Spent>();
    let (exchange, _) = Exchange::between(0);
    let (_nobody, passed) = mpsc::unbounded_channel();
    let parts = WorkerParts {
        slot: user,
        clock,
        plan: Arc::clone(plan),
        directory: Arc::clone(directory),
        dialer: targets.service.clone(),
        files: targets.files.clone(),
        tokens,
        interval: LOOK_EVERY,
        precision: Precision::Milliseconds,
        mode: Mode::Once,
        orders,
        handovers: handover,
        spent,
        exchange,
        passed,
    };
    // The curve may bring this user online late; here it is wanted at once.
    let comes = plan.users_curve().first_online(user).unwrap_or(Tick::ZERO);
    let _ = order.send(Order::Start(clock.now().minus(comes.since_start())));
    let worker = tokio::task::spawn_local(work(parts, Some(tap)));
    let mut total = Interval::default();
    let mut was_there = false;
    let deadline = clock.now() + TRIAL_MAX;
    while let Some(handover) = handovers.recv().await {
        let (figures, driven) = match handover {
            Handover::Interval { figures, driven, .. } => (figures, driven),
            Handover::Records { .. } | Handover::Refresh { .. } => continue,
            Handover::Done => break,
        };
        total.merge(&figures);
        // A quick user is through between two looks: then only what it did shows that it was there.
        was_there |= driven > 0 || total.ops.iter().any(|op| op.started > 0);
        if (was_there && driven == 0) || clock.now() > deadline {
            let _ = order.send(Order::Leave);
        }
    }
    let _ = worker.await;
    total
}
