//! Access tokens for all users: fetched before the load, paced, refreshed before they expire, and given up before
//! the service blocks the generator's address.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot};

use super::collector::Handover;
use super::errand::{Account, Errand, SignedIn};
use super::{Clock, Targets};
use crate::metrics::{Interval, Sample};
use crate::ops::{FailureKind, LocalCause, OpId};
use crate::plan::{Directory, Plan, Token};
use crate::scenario::TokenFlow;
use crate::tick::Tick;
use crate::transport::{Dialer, RestClient, RestToken, TokenError};

/// Token requests under way at once.
const AT_ONCE: usize = 64;
/// Share of what is left of a token's life after which it is refreshed.
const REFRESH_AFTER: f64 = 0.8;
/// Least time between two refreshes of one token.
const REFRESH_PAUSE_MIN: Duration = Duration::from_secs(5);

/// When the request went out, and what came of it.
type Answer = (Tick, Result<(), (FailureKind, String)>);

/// Where users ask for tokens. The requests are made on the control thread, paced for all of them together.
#[derive(Debug, Clone)]
pub(super) struct TokenDesk {
    requests: mpsc::UnboundedSender<(u32, oneshot::Sender<Answer>)>,
}

/// Where tokens come from.
enum TokenSource {
    /// The REST interface.
    Rest(RestClient),
    /// A login by password on a connection of its own.
    Login(Dialer),
    /// The user file.
    File,
}

/// Makes the requests.
pub(super) struct TokenOffice {
    clock: Clock,
    plan: Arc<Plan>,
    directory: Arc<Directory>,
    source: TokenSource,
    spacing: Duration,
    refused_in_a_row: Cell<u32>,
    is_closed: Cell<bool>,
    /// The longest life that a token was given.
    lifetime: Cell<Duration>,
    /// When the next token may be fetched for an errand.
    next_errand: Cell<Tick>,
}

/// Why there are no tokens to run with.
#[derive(Debug, Clone)]
pub(super) struct TokenTrouble {
    pub(super) failed: u32,
    pub(super) wanted: u32,
    pub(super) first: TokenError,
    pub(super) is_refused_in_a_row: bool,
}

/// When which token is to be refreshed. Each user has one instant: a later plan replaces an earlier one.
struct Refreshes {
    due: BinaryHeap<Reverse<(Tick, u32)>>,
    planned: Vec<Tick>,
}

impl Refreshes {
    fn of(office: &TokenOffice) -> Refreshes {
        let mut refreshes =
            Refreshes { due: BinaryHeap::new(), planned: vec![Tick::NEVER; office.plan.users() as usize] };
        (0..office.plan.users()).for_each(|user| refreshes.plan(office, user));
        refreshes
    }

    /// Plans the next refresh of a user's token, by what is left of its life.
    fn plan(&mut self, office: &TokenOffice, user: u32) {
        let due = office.refresh_due(user).map_or(Tick::NEVER, |(due, _)| due);
        self.planned[user as usize] = due;
        if due != Tick::NEVER {
            self.due.push(Reverse((due, user)));
        }
    }

    /// When to look again.
    fn next(&mut self) -> Tick {
        while let Some(&Reverse((due, user))) = self.due.peek() {
            if self.planned[user as usize] == due {
                return due;
            }
            self.due.pop();
        }
        Tick::NEVER
    }

    fn take_due(&mut self, now: Tick) -> Option<u32> {
        if self.next() > now {
            return None;
        }
        let Reverse((_, user)) = self.due.pop()?;
        self.planned[user as usize] = Tick::NEVER;
        Some(user)
    }
}

impl TokenDesk {
    /// Gets a good token into the directory.
    pub(super) async fn fetch(&self, user: u32) -> Answer {
        let (reply, answer) = oneshot::channel();
        let gone = || (Tick::ZERO, Err((FailureKind::Local(LocalCause::NoToken), "the run is over".to_owned())));
        if self.requests.send((user, reply)).is_err() {
            return gone();
        }
        answer.await.unwrap_or_else(|_| gone())
    }
}

impl TokenOffice {
    pub(super) fn new(clock: Clock, plan: Arc<Plan>, directory: Arc<Directory>, targets: &Targets) -> TokenOffice {
        let source = match (plan.scenario.auth.flow, &targets.rest) {
            (TokenFlow::Password, _) => TokenSource::Login(targets.service.clone()),
            (_, Some(rest)) => TokenSource::Rest(rest.clone()),
            (_, None) => TokenSource::File,
        };
        let spacing = Duration::from_secs_f64(1.0 / plan.scenario.auth.rate_per_s.max(0.001));
        TokenOffice {
            clock,
            plan,
            directory,
            source,
            spacing,
            refused_in_a_row: Cell::new(0),
            is_closed: Cell::new(false),
            lifetime: Cell::new(Duration::ZERO),
            next_errand: Cell::new(Tick::ZERO),
        }
    }

    /// Puts a token for each of these users into the directory. Figures of the `token` operation go to `figures`.
    pub(super) async fn fetch_all(
        self: &Rc<Self>,
        users: impl ExactSizeIterator<Item = u32> + 'static,
        figures: &mut Interval,
        progress: &mut dyn FnMut(u32),
    ) -> Result<(), TokenTrouble> {
        let wanted = users.len() as u32;
        if self.plan.scenario.auth.flow == TokenFlow::Token {
            for user in users {
                let access = self.plan.credential(user).clone();
                self.directory.set_token(user, Token { access, refresh: None, expires: Tick::NEVER });
            }
            progress(wanted);
            return Ok(());
        }
        let account = if self.plan.scenario.users.provision { Account::Created } else { Account::Expected };
        let (done, mut results) = mpsc::unbounded_channel();
        let office = Rc::clone(self);
        let feeder = tokio::task::spawn_local(async move {
            let turns = Arc::new(Semaphore::new(AT_ONCE));
            let begun = office.clock.now();
            for (turn, user) in (0..).zip(users) {
                let due = begun + office.spacing * turn;
                tokio::time::sleep(office.clock.until(due)).await;
                let Ok(turn) = Arc::clone(&turns).acquire_owned().await else { return };
                if office.is_closed.get() {
                    return;
                }
                let (office, done) = (Rc::clone(&office), done.clone());
                tokio::task::spawn_local(async move {
                    let sent = office.clock.now();
                    let result = office.obtain(user, account).await;
                    drop(turn);
                    let _ = done.send((sent, office.clock.now(), result));
                });
            }
        });
        let (mut failed, mut fetched, mut first) = (0, 0, None);
        while let Some((sent, now, result)) = results.recv().await {
            figures.started(OpId::Token);
            let sample = Sample { op: OpId::Token, due: sent, sent, done: now };
            match result {
                Ok(()) => figures.ok(sample),
                Err(error) => {
                    figures.failed(sample, error.kind, || error.detail.clone());
                    failed += 1;
                    first.get_or_insert(error);
                }
            }
            fetched += 1;
            progress(fetched);
        }
        let _ = feeder.await;
        let is_refused_in_a_row = self.is_closed.get();
        match first {
            Some(first) if is_refused_in_a_row || failed == wanted => {
                Err(TokenTrouble { failed, wanted, first, is_refused_in_a_row })
            }
            _ => Ok(()),
        }
    }

    /// Serves users' requests, and refreshes tokens, until the desk is gone. What is refreshed in the background is told
    /// to `told`: users count what they ask for themselves.
    pub(super) fn open(self: Rc<Self>, told: mpsc::UnboundedSender<Handover>) -> TokenDesk {
        let (requests, mut asked) = mpsc::unbounded_channel::<(u32, oneshot::Sender<Answer>)>();
        tokio::task::spawn_local(async move {
            let mut refreshes = Refreshes::of(&self);
            let (done, mut refreshed) = mpsc::unbounded_channel::<u32>();
            let mut next_turn = self.clock.now();
            loop {
                let due = refreshes.next();
                let wait = self.clock.until(due).min(Duration::from_secs(3_600));
                let (user, reply) = tokio::select! {
                    request = asked.recv() => match request {
                        Some((user, reply)) => (user, Some(reply)),
                        None => return,
                    },
                    Some(user) = refreshed.recv() => {
                        refreshes.plan(&self, user);
                        continue;
                    }
                    () = tokio::time::sleep(wait), if due != Tick::NEVER => match refreshes.take_due(self.clock.now()) {
                        Some(user) => (user, None),
                        None => continue,
                    },
                };
                next_turn = next_turn.max(self.clock.now());
                tokio::time::sleep(self.clock.until(next_turn)).await;
                next_turn += self.spacing;
                let (office, done, told) = (Rc::clone(&self), done.clone(), told.clone());
                tokio::task::spawn_local(async move {
                    let sent = office.clock.now();
                    let result =
                        office.obtain(user, Account::Expected).await.map_err(|error| (error.kind, error.detail));
                    // However it was asked for, it is the one to be refreshed from now on.
                    let _ = done.send(user);
                    match reply {
                        Some(reply) => drop(reply.send((sent, result))),
                        None => {
                            let sample = Sample { op: OpId::Token, due: sent, sent, done: office.clock.now() };
                            let _ = told.send(Handover::Refresh { sample, result });
                        }
                    }
                });
            }
        });
        TokenDesk { requests }
    }

    /// A token for an errand of this user: another one where its life is over, or will be before the errand is. Those of
    /// large groups of users age while the last of them are fetched.
    pub(super) async fn keep_good(&self, user: u32) -> Result<(), TokenError> {
        let over = self.clock.now() + self.plan.scenario.target.timeout;
        if self.directory.token(user).is_none_or(|token| token.expires > over) {
            return Ok(());
        }
        let turn = self.next_errand.get().max(self.clock.now());
        self.next_errand.set(turn + self.spacing);
        tokio::time::sleep(self.clock.until(turn)).await;
        self.obtain(user, Account::Expected).await
    }

    /// Why tokens will not be there in time, if they will not: refreshing all of them takes longer than they live.
    pub(super) fn shortage(&self) -> Option<String> {
        let longest = self.lifetime.get();
        let round = self.spacing * self.plan.users();
        (!longest.is_zero() && round > longest.mul_f64(REFRESH_AFTER)).then(|| {
            format!(
                "access tokens live for {:.0} s, and refreshing all {} at `auth.rate` takes {:.0} s: users will be \
                 without one; raise `auth.rate`",
                longest.as_secs_f64(),
                self.plan.users(),
                round.as_secs_f64()
            )
        })
    }

    /// When a token has to be refreshed: once four fifths of what is left of its life are over. After a refresh
    /// that failed this is soon, and then sooner, until the token is dead: its user then asks for one by itself.
    fn refresh_due(&self, user: u32) -> Option<(Tick, u32)> {
        let now = self.clock.now();
        let expires = self.directory.token(user)?.expires;
        let left = expires.since(now);
        (expires != Tick::NEVER && !left.is_zero())
            .then(|| (now + left.mul_f64(REFRESH_AFTER).max(REFRESH_PAUSE_MIN), user))
    }

    async fn over_rest(&self, rest: &RestClient, user: u32) -> Result<RestToken, TokenError> {
        let refresh = self.directory.token(user).and_then(|token| token.refresh);
        if let Some(refresh) = &refresh
            && let Ok(token) = rest.refresh(refresh).await
        {
            return Ok(token);
        }
        let (name, domain) = (self.plan.user_name(user), self.plan.domain(user));
        rest.sign_in(&name, domain, self.plan.credential(user)).await
    }

    async fn by_password(&self, dialer: &Dialer, user: u32, account: Account) -> Result<RestToken, TokenError> {
        let signed_in = Errand::sign_in(dialer, &self.plan, user, account).await;
        let SignedIn { user: id, token, lifetime } =
            signed_in.map_err(|error| TokenError { kind: error.kind(), detail: error.to_string() })?;
        if let Some(id) = id {
            self.directory.set_id(user, id);
        }
        Ok(RestToken { access: token, refresh: None, lifetime })
    }

    /// Gets a token for one user, by refresh where there is something to refresh.
    async fn obtain(&self, user: u32, account: Account) -> Result<(), TokenError> {
        if self.is_closed.get() {
            let detail = "token requests were stopped after too many refusals in a row".to_owned();
            return Err(TokenError { kind: FailureKind::Local(LocalCause::NoToken), detail });
        }
        // It lives since it was issued, which is not known here, but not before it was asked for.
        let asked = self.clock.now();
        let result = match &self.source {
            TokenSource::Rest(rest) => self.over_rest(rest, user).await,
            TokenSource::Login(dialer) => self.by_password(dialer, user, account).await,
            TokenSource::File => {
                let detail =
                    "the token of the user file was refused, and with `auth.flow = \"token\"` there is no other";
                return Err(TokenError { kind: FailureKind::Local(LocalCause::NoToken), detail: detail.to_owned() });
            }
        };
        match result {
            Ok(token) => {
                self.refused_in_a_row.set(0);
                let expires = asked + token.lifetime;
                self.lifetime.set(self.lifetime.get().max(token.lifetime));
                self.directory.set_token(user, Token { access: token.access, refresh: token.refresh, expires });
                Ok(())
            }
            Err(error) => {
                if error.is_refusal() {
                    let refused = self.refused_in_a_row.get() + 1;
                    self.refused_in_a_row.set(refused);
                    if refused >= self.plan.scenario.auth.refusals_max {
                        self.is_closed.set(true);
                    }
                }
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Endpoint, Overrides, Source, Surroundings, load};

    const SCENARIO: &str = "name = \"t\"\n[target]\nurl = \"embedded\"\n[users]\ncount = 4\n\
        generate = { name = \"{1}\", domain = \"d\", password = \"${env:P}\" }\n[load]\nusers = [ { to = 4, over = \"1s\" } ]\n\
        [[persona]]\nname = \"p\"\nshare = 1\n[persona.state.s]\nsteps = [ { op = \"connect\" }, { op = \"disconnect\" } ]\nnext = \"s\"\n";

    #[tokio::test(start_paused = true)]
    async fn a_token_is_refreshed_after_four_fifths_of_its_life_and_a_dead_or_preset_one_never() {
        let source = Source { name: "t.toml".into(), text: SCENARIO.into() };
        let around = Surroundings { variable: &|_| Some("x".into()), read_file: &|_| Err("none".into()) };
        let loaded = load(&source, &Overrides::default(), &around).unwrap_or_else(|problems| panic!("{problems}"));
        let plan = Arc::new(Plan::new(Arc::new(loaded.scenario), "run", 1));
        let directory = Arc::new(Directory::new(4, 0));
        let endpoint = Endpoint { is_tls: false, host: "nowhere".into(), port: 1, path: String::new() };
        let service = Dialer::memory(endpoint, mpsc::unbounded_channel().0);
        let files = crate::transport::FileClient::new(service.clone(), String::new(), String::new());
        let targets = Targets { service, files, rest: None, pages: Vec::new() };
        let office = TokenOffice::new(Clock::start(), plan, Arc::clone(&directory), &targets);
        tokio::time::advance(Duration::from_secs(100)).await;
        let second = |second: u64| Tick::from_micros(second * 1_000_000);
        for (user, expires) in [second(1_100), second(100), Tick::NEVER, second(102)].into_iter().enumerate() {
            let access = crate::scenario::Secret::new("t".to_owned());
            directory.set_token(user as u32, Token { access, refresh: None, expires });
        }
        let due: Vec<_> = (0..4).map(|user| office.refresh_due(user)).collect();
        // The last one has 2 s left, and is not asked for more often than every 5 s.
        assert_eq!(due, [Some((second(900), 0)), None, None, Some((second(105), 3))]);
        assert_eq!(Refreshes::of(&office).due.len(), 2);
    }

    #[test]
    fn a_later_plan_replaces_an_earlier_one() {
        let second = |second: u64| Tick::from_micros(second * 1_000_000);
        let mut refreshes = Refreshes { due: BinaryHeap::new(), planned: vec![Tick::NEVER; 2] };
        for (due, user) in [(second(10), 0), (second(20), 1), (second(30), 0)] {
            refreshes.planned[user as usize] = due;
            refreshes.due.push(Reverse((due, user)));
        }
        assert_eq!(refreshes.next(), second(20));
        assert_eq!((refreshes.take_due(second(19)), refreshes.take_due(second(25))), (None, Some(1)));
        assert_eq!((refreshes.take_due(second(29)), refreshes.take_due(second(30))), (None, Some(0)));
        assert_eq!(refreshes.next(), Tick::NEVER);
    }
}
