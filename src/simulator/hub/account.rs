//! Users and their tokens. Whoever signs in with an accepted password exists from then on.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::rules::{Entry, Rules};
use super::session::SessionId;
use super::token::{Mint, Purpose, RestToken, hash, mix};
use super::topic::TopicRef;
use crate::protocol::user_id::UserIdForm;
use crate::protocol::{Mode, UserId};

/// A user, as an index into the list of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserRef(u32);

/// Revoked tokens that are remembered; older ones count as valid again.
const REVOKED_MAX: usize = 100_000;
/// The smallest id; ids have eighteen digits, like the vendor's.
const ID_BASE: u64 = 700_000_000_000_000_000;
/// How far ids spread above the smallest.
const ID_SPAN: u64 = 200_000_000_000_000_000;

/// What is kept of a user.
#[derive(Debug)]
pub struct User {
    pub(super) id: UserId,
    pub(super) wire: Box<str>,
    pub(super) name: Box<str>,
    tenant: u64,
    /// Hash of the password of an account that its user made.
    password: Option<u64>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) default_access: Mode,
    pub(super) public: Option<Box<str>>,
    pub(super) private: Option<Box<str>>,
    /// Sessions attached to `me`.
    pub(super) me_sessions: Vec<SessionId>,
    /// Whether contacts have been told that the user is there.
    pub(super) online: bool,
    /// Since when no session is attached to `me`.
    pub(super) idle_since: Option<Timestamp>,
    /// Topics with a subscription, present or past.
    pub(super) topics: BTreeSet<TopicRef>,
}

impl User {
    /// The number behind the user's id.
    pub fn id(&self) -> UserId {
        self.id
    }

    /// The name signed in with.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A pair of REST tokens.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// For the IM login and for bearer headers.
    pub access: String,
    /// For the refresh.
    pub refresh: String,
    /// Lifetime of the access token.
    pub lifetime: Duration,
    /// When that ends.
    pub expires: Timestamp,
}

/// Why a sign-in gave no tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInError {
    /// Wrong password, or no such token.
    Refused,
    /// A second factor is wanted.
    SecondFactor,
    /// No room for more users.
    Full,
}

/// Why there is no new account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignUpError {
    /// Somebody has the name.
    Taken,
    /// The password is one that is always refused.
    Weak,
    /// No room for more users.
    Full,
}

/// All users, and who may be who.
#[derive(Debug)]
pub struct Accounts {
    users: Vec<User>,
    by_id: HashMap<UserId, UserRef>,
    by_name: HashMap<(Box<str>, Box<str>), UserRef>,
    mint: Mint,
    revoked: HashSet<u64>,
    revoked_order: VecDeque<u64>,
    token_lifetime: Duration,
    token_lifetime_told: Duration,
    foreign_tokens: bool,
    users_max: usize,
    refused_password: String,
    two_factor_prefix: String,
    user_ids: UserIdForm,
    has_tenants: bool,
    login_token_lifetime: Duration,
}

impl Accounts {
    pub(super) fn new(rules: &Rules) -> Accounts {
        Accounts {
            users: Vec::new(),
            by_id: HashMap::new(),
            by_name: HashMap::new(),
            mint: Mint::new(rules.seed),
            revoked: HashSet::new(),
            revoked_order: VecDeque::new(),
            token_lifetime: rules.token_lifetime,
            token_lifetime_told: rules.token_lifetime_told.unwrap_or(rules.token_lifetime),
            foreign_tokens: rules.foreign_tokens,
            users_max: rules.users_max,
            refused_password: rules.refused_password.clone(),
            two_factor_prefix: rules.two_factor_prefix.clone(),
            user_ids: rules.user_ids,
            has_tenants: rules.entry == Entry::AccessToken,
            login_token_lifetime: rules.login_token_lifetime,
        }
    }

    /// Signs in with a password; an unknown user is made.
    pub fn sign_in(&mut self, domain: &str, name: &str, password: &str, now: Timestamp) -> Result<Tokens, SignInError> {
        if name.is_empty() || password.is_empty() || password == self.refused_password {
            return Err(SignInError::Refused);
        }
        if !self.two_factor_prefix.is_empty() && name.starts_with(&self.two_factor_prefix) {
            return Err(SignInError::SecondFactor);
        }
        let user = self.provide(domain, name, now).ok_or(SignInError::Full)?;
        Ok(self.issue(user, now))
    }

    /// Gives new tokens for a refresh token, which is then worth nothing.
    pub fn refresh(&mut self, token: &str, now: Timestamp) -> Result<Tokens, SignInError> {
        let token = self.read(token, Purpose::Refresh, now).ok_or(SignInError::Refused)?;
        let user = *self.by_id.get(&token.user).ok_or(SignInError::Refused)?;
        self.revoke(token.mark);
        Ok(self.issue(user, now))
    }

    /// The user of a bearer token that is good now.
    pub fn bearer(&self, token: &str, now: Timestamp) -> Option<&User> {
        let token = self.read(token, Purpose::Access, now)?;
        self.by_id.get(&token.user).map(|user| self.get(*user))
    }

    /// Until when a good bearer token lives.
    pub fn bearer_expires(&self, token: &str, now: Timestamp) -> Option<Timestamp> {
        let token = self.read(token, Purpose::Access, now)?;
        Timestamp::from_microsecond(token.expires_us).ok()
    }

    /// Whether a token was issued here and is good no more.
    pub(super) fn is_spent(&self, token: &str, now: Timestamp) -> bool {
        self.mint.read_rest(token).is_some_and(|token| self.valid(token, Purpose::Access, now).is_none())
    }

    /// Ends a token's life; whether it was alive.
    pub fn sign_out(&mut self, token: &str, now: Timestamp) -> bool {
        let Some(token) = self.read(token, Purpose::Access, now) else { return false };
        self.revoke(token.mark);
        true
    }

    /// The user of a file token, in its base64 form; `Err` when it is no base64.
    pub fn file_user(&self, token: &str, now: Timestamp) -> Result<Option<UserId>, base64::DecodeError> {
        let user = self.token_user(&STANDARD.decode(token)?, now);
        Ok(user.map(|user| self.get(user).id))
    }

    /// The token of a login's reply, and until when it is good.
    pub(super) fn login_token(&self, user: UserRef, now: Timestamp) -> (String, Timestamp) {
        let user = self.get(user);
        let expires = now.checked_add(self.login_token_lifetime).unwrap_or(Timestamp::MAX);
        (self.mint.login(user.id, self.has_tenants.then_some(user.tenant), expires), expires)
    }

    /// The user of a login's token that is good now.
    pub(super) fn token_user(&self, token: &[u8], now: Timestamp) -> Option<UserRef> {
        let (id, expires) = self.mint.read_login(token)?;
        if expires < now.as_second() { None } else { self.find(id) }
    }

    /// Whether a login's token was issued here.
    pub(super) fn is_spent_login(&self, token: &[u8]) -> bool {
        self.mint.read_login(token).is_some()
    }

    /// Makes an account that its user asks for.
    pub(super) fn sign_up(&mut self, name: &str, password: &str, now: Timestamp) -> Result<UserRef, SignUpError> {
        if self.by_name.contains_key(&("".into(), name.into())) {
            return Err(SignUpError::Taken);
        }
        if password == self.refused_password {
            return Err(SignUpError::Weak);
        }
        let user = self.provide("", name, now).ok_or(SignUpError::Full)?;
        self.get_mut(user).password = Some(hash(password.as_bytes()));
        Ok(user)
    }

    /// The user with this name and password.
    pub(super) fn recognize(&self, name: &str, password: &str) -> Option<UserRef> {
        let user = *self.by_name.get(&("".into(), name.into()))?;
        (self.get(user).password == Some(hash(password.as_bytes()))).then_some(user)
    }

    /// Who `USER@DOMAIN` with this access token is: a user name or the user's numeric id is accepted.
    pub(super) fn log_in(&mut self, domain: &str, name: &str, token: &str, now: Timestamp) -> Option<UserRef> {
        if name.is_empty() || token.is_empty() || token == self.refused_password {
            return None;
        }
        let Some(issued) = self.mint.read_rest(token) else {
            return if self.foreign_tokens { self.provide(domain, name, now) } else { None };
        };
        let issued = self.valid(issued, Purpose::Access, now)?;
        let user = *self.by_id.get(&issued.user)?;
        // A token that was asked for without a domain is good for that name in any.
        let known_as = |domain: &str| self.by_name.get(&(domain.into(), name.into())) == Some(&user);
        let same_name = known_as(domain) || known_as("");
        let same_number = name.trim_start_matches("usr").parse() == Ok(issued.user.0);
        (same_name || same_number).then_some(user)
    }

    /// A user who has been seen.
    pub(super) fn find(&self, id: UserId) -> Option<UserRef> {
        self.by_id.get(&id).copied()
    }

    pub(super) fn get(&self, user: UserRef) -> &User {
        &self.users[user.0 as usize]
    }

    pub(super) fn get_mut(&mut self, user: UserRef) -> &mut User {
        &mut self.users[user.0 as usize]
    }

    fn provide(&mut self, domain: &str, name: &str, now: Timestamp) -> Option<UserRef> {
        if let Some(user) = self.by_name.get(&(domain.into(), name.into())) {
            return Some(*user);
        }
        if self.users.len() >= self.users_max {
            return None;
        }
        let tenant = mix(hash(domain.as_bytes()));
        let mut number = ID_BASE + mix(hash(name.as_bytes()) ^ tenant) % ID_SPAN;
        while self.by_id.contains_key(&UserId(number)) {
            number += 1;
        }
        let user = UserRef(u32::try_from(self.users.len()).ok()?);
        let id = UserId(number);
        self.users.push(User {
            id,
            wire: id.name(self.user_ids).into(),
            name: name.into(),
            tenant: ID_BASE + tenant % ID_SPAN,
            password: None,
            created: now,
            updated: now,
            default_access: Mode::USER,
            public: None,
            private: None,
            me_sessions: Vec::new(),
            online: false,
            idle_since: None,
            topics: BTreeSet::new(),
        });
        self.by_id.insert(id, user);
        self.by_name.insert((domain.into(), name.into()), user);
        Some(user)
    }

    fn issue(&mut self, user: UserRef, now: Timestamp) -> Tokens {
        let id = self.get(user).id;
        let expires = now.checked_add(self.token_lifetime).unwrap_or(Timestamp::MAX);
        // A refresh token outlives its access token by far, as clients expect.
        let refresh_expires = now.checked_add(Duration::from_secs(30 * 24 * 3600)).unwrap_or(Timestamp::MAX);
        Tokens {
            access: self.mint.rest(Purpose::Access, id, expires.as_microsecond()),
            refresh: self.mint.rest(Purpose::Refresh, id, refresh_expires.as_microsecond()),
            lifetime: self.token_lifetime_told,
            expires: now.checked_add(self.token_lifetime_told).unwrap_or(Timestamp::MAX),
        }
    }

    fn read(&self, token: &str, purpose: Purpose, now: Timestamp) -> Option<RestToken> {
        self.valid(self.mint.read_rest(token)?, purpose, now)
    }

    fn valid(&self, token: RestToken, purpose: Purpose, now: Timestamp) -> Option<RestToken> {
        let alive = token.expires_us > now.as_microsecond() && !self.revoked.contains(&token.mark);
        (alive && token.purpose == purpose).then_some(token)
    }

    fn revoke(&mut self, mark: u64) {
        if !self.revoked.insert(mark) {
            return;
        }
        self.revoked_order.push_back(mark);
        if self.revoked_order.len() > REVOKED_MAX
            && let Some(oldest) = self.revoked_order.pop_front()
        {
            self.revoked.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn ids_depend_on_domain_and_name_alone_and_have_eighteen_digits() {
        let mut one = Accounts::new(&Rules::default());
        let mut other = Accounts::new(&Rules { seed: 9, ..Rules::default() });
        other.provide("example.com", "1002", second(1));
        let first = one.provide("example.com", "1001", second(1)).expect("room");
        let again = other.provide("example.com", "1001", second(2)).expect("room");
        assert_eq!(one.get(first).id, other.get(again).id);
        assert_eq!(one.get(first).wire.len(), "usr".len() + 18);
        let elsewhere = one.provide("example.org", "1001", second(1)).expect("room");
        assert_ne!(one.get(first).id, one.get(elsewhere).id);
    }

    #[test]
    fn tokens_expire_are_refreshed_and_revoked() {
        let mut accounts = Accounts::new(&Rules::default());
        let tokens = accounts.sign_in("d", "n", "p", second(0)).expect("accepted");
        assert!(accounts.bearer(&tokens.access, second(1799)).is_some());
        assert!(accounts.bearer(&tokens.access, second(1800)).is_none());
        assert!(accounts.bearer(&tokens.refresh, second(0)).is_none());
        assert!(accounts.log_in("d", "n", &tokens.access, second(1800)).is_none());
        let fresh = accounts.refresh(&tokens.refresh, second(1800)).expect("accepted");
        assert_eq!(accounts.refresh(&tokens.refresh, second(1800)).err(), Some(SignInError::Refused));
        assert!(accounts.sign_out(&fresh.access, second(1801)));
        assert!(accounts.bearer(&fresh.access, second(1801)).is_none());
    }

    #[test]
    fn a_token_is_good_for_its_own_user_only() {
        let mut accounts = Accounts::new(&Rules::default());
        let tokens = accounts.sign_in("d", "n", "p", second(0)).expect("accepted");
        accounts.sign_in("d", "m", "p", second(0)).expect("accepted");
        assert!(accounts.log_in("d", "n", &tokens.access, second(1)).is_some());
        assert!(accounts.log_in("d", "m", &tokens.access, second(1)).is_none());
        let anywhere = accounts.sign_in("", "n", "p", second(0)).expect("accepted");
        assert!(accounts.log_in("d", "n", &anywhere.access, second(1)).is_some());
        assert!(accounts.log_in("d", "other", "a foreign token", second(1)).is_some());
        assert!(accounts.log_in("d", "other", "wrong", second(1)).is_none());
    }

    #[test]
    fn configured_names_and_passwords_are_not_let_in() {
        let mut accounts = Accounts::new(&Rules::default());
        assert_eq!(accounts.sign_in("d", "n", "wrong", second(0)).err(), Some(SignInError::Refused));
        assert_eq!(accounts.sign_in("d", "twofactor1", "p", second(0)).err(), Some(SignInError::SecondFactor));
    }
}
