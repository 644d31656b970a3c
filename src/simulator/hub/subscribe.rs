//! `{sub}`: create, subscribe, attach.

use rand::RngExt as _;

use super::account::UserRef;
use super::frames;
use super::outbox::Outbox;
use super::presence::AccessChange;
use super::rules::JoinReply;
use super::topic::{Kind, Member, Topic, TopicRef};
use super::{Call, Hub};
use crate::protocol::client::{SetParts, Sub};
use crate::protocol::server::CtrlParams;
use crate::protocol::{Code, Mode, UserId};

/// Letters of the generated part of a group's name.
const NAME_LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A refusal: code and text.
type Refusal = (Code, &'static str);

const MALFORMED: Refusal = (Code::MALFORMED, "malformed");
const FORBIDDEN: Refusal = (Code::FORBIDDEN, "permission denied");
const FULL: Refusal = (Code::UNAVAILABLE, "service unavailable");
const NO_TOPIC: Refusal = (Code::NOT_FOUND, "topic not found");

/// What a subscription came to.
struct Subscribed {
    topic: TopicRef,
    /// The subscription is new or changed, and everybody concerned is to be told.
    fresh: bool,
    /// A P2P topic that did not exist before.
    opened_with: Option<UserRef>,
}

/// Access asked for on the way; `None` when it is not specified.
pub(super) fn wanted_mode(text: Option<&str>) -> Result<Option<Mode>, (Code, &'static str)> {
    match text.filter(|text| !text.is_empty()) {
        Some(text) => Mode::parse(text).map(Some).ok_or(MALFORMED),
        None => Ok(None),
    }
}

impl Hub {
    pub(super) fn subscribe(&mut self, call: &Call<'_>, sub: Sub<'_>, out: &mut Outbox) {
        let name = &*sub.topic;
        if let Some(at) = self.locate(call.user, name)
            && self.sessions.is_attached(call.session, at)
        {
            let reply = call.reply(Code::NOT_MODIFIED, name).text("already subscribed");
            return out.reply(call.session, &reply);
        }
        let set = sub.set.unwrap_or_default();
        let outcome = match name {
            "me" => return self.subscribe_me(call, sub.get.as_ref(), out),
            _ if set.sub.as_ref().is_some_and(|part| part.user.is_some()) => Err(MALFORMED),
            _ if name.starts_with("new") => self.create_group(call, &set),
            _ if name.starts_with("usr") => self.subscribe_p2p(call, name, &set),
            _ if name.starts_with("grp") => self.subscribe_group(call, name, &set),
            _ if name.starts_with("emc") && self.rules.external_topics => self.subscribe_external(call, name, &set),
            "" => Err(MALFORMED),
            _ => Err(NO_TOPIC),
        };
        let done = match outcome {
            Ok(done) => done,
            Err((code, text)) => return out.reply(call.session, &call.reply(code, name).text(text)),
        };
        let private = set.desc.as_ref().and_then(|desc| desc.private.as_ref());
        if let Some(member) = self.topics.get_mut(done.topic).and_then(|topic| topic.member_mut(call.user))
            && let Some(private) = super::change::merged(member.private.as_deref(), private)
        {
            member.private = private;
        }
        self.answer_subscribed(call, name, &done, out);
        self.attach(call.session, call.user, done.topic, out);
        if done.fresh {
            self.announce_subscribed(call, &done, out);
        }
        if let Some(parts) = sub.get {
            let name = self.name_of(done.topic, call.user);
            self.answer_parts(call, &name, &parts, out);
        }
    }

    /// The existing topic that this user means by the name.
    pub(super) fn locate(&self, user: UserRef, name: &str) -> Option<TopicRef> {
        if name.starts_with("usr") {
            let peer = self.accounts.find(UserId::parse(name, self.rules.user_ids)?)?;
            return self.topics.pair(user, peer);
        }
        self.topics.named(name)
    }

    /// The name of a topic as this user says it.
    pub(super) fn name_of(&self, at: TopicRef, user: UserRef) -> String {
        self.topics.get(at).map(|topic| topic.name_for(user, &self.accounts).to_owned()).unwrap_or_default()
    }

    fn subscribe_me(&mut self, call: &Call<'_>, get: Option<&crate::protocol::client::GetParts<'_>>, out: &mut Outbox) {
        if self.sessions.get(call.session).is_some_and(|state| state.on_me) {
            let reply = call.reply(Code::NOT_MODIFIED, "me").text("already subscribed");
            return out.reply(call.session, &reply);
        }
        out.reply(call.session, &call.reply(Code::OK, "me"));
        self.attach_me(call.session, call.user, out);
        if let Some(parts) = get {
            self.answer_parts(call, "me", parts, out);
        }
    }

    fn answer_subscribed(&self, call: &Call<'_>, asked: &str, done: &Subscribed, out: &mut Outbox) {
        let Some(topic) = self.topics.get(done.topic) else { return };
        let reply = call.reply(Code::OK, topic.name_for(call.user, &self.accounts));
        let Some(member) = topic.member(call.user).filter(|_| done.fresh) else {
            return out.reply(call.session, &reply);
        };
        let created = asked.starts_with("new");
        if self.rules.join_reply == JoinReply::AcceptedSeq && !created && !topic.is_p2p() {
            let params = CtrlParams { seq: Some(topic.seq.max(1)), ..CtrlParams::default() };
            let name = topic.name_for(call.user, &self.accounts);
            return out.reply(call.session, &call.reply(Code::ACCEPTED, name).params(params));
        }
        let tmpname = created.then(|| asked.to_owned().into());
        let params = CtrlParams { acs: Some(frames::access(member)), tmpname, ..CtrlParams::default() };
        out.reply(call.session, &reply.params(params));
    }

    fn announce_subscribed(&mut self, call: &Call<'_>, done: &Subscribed, out: &mut Outbox) {
        let Some(topic) = self.topics.get(done.topic) else { return };
        let full = |user| topic.member(user).map(|member| frames::dacs_full(member.want, member.given));
        let change = |target| {
            let dacs = full(target)?;
            Some(AccessChange { topic: done.topic, target, actor: call.user, dacs, skip: call.session })
        };
        let changes = [change(call.user), done.opened_with.and_then(change)];
        for change in changes.into_iter().flatten() {
            self.tell_access(&change, out);
        }
        let Some(peer) = done.opened_with else { return };
        // A new contact: each side learns whether the other is there.
        for (one, other) in [(call.user, peer), (peer, call.user)] {
            if self.accounts.get(other).online {
                let frame = super::presence::on_or_off(&self.accounts.get(other).wire, "on");
                self.tell_me(one, &frame, None, None, out);
            }
        }
    }

    fn create_group(&mut self, call: &Call<'_>, set: &SetParts<'_>) -> Result<Subscribed, Refusal> {
        self.room_for_topic()?;
        let want = wanted_mode(set.sub.as_ref().and_then(|part| part.mode.as_deref()))?;
        let mut topic = Topic::new(Kind::Group(self.group_name()), call.now);
        let mut member = Member::new(want.unwrap_or(Mode::FULL) | Mode::JOIN | Mode::OWNER, Mode::FULL, call.now);
        if let Some(desc) = &set.desc {
            if let Some(defacs) = desc.defacs.as_ref().and_then(|defacs| defacs.auth.as_deref()) {
                let mode = wanted_mode(Some(defacs))?.unwrap_or(Mode::GROUP);
                if mode.has(Mode::OWNER) {
                    return Err(MALFORMED);
                }
                topic.default_access = mode;
            }
            topic.public = super::change::merged(None, desc.public.as_ref()).ok_or(MALFORMED)?;
            member.private = super::change::merged(None, desc.private.as_ref()).ok_or(MALFORMED)?;
        }
        topic.owner = Some(call.user);
        topic.members.insert(call.user, member);
        let at = self.topics.insert(topic);
        self.accounts.get_mut(call.user).topics.insert(at);
        Ok(Subscribed { topic: at, fresh: true, opened_with: None })
    }

    fn group_name(&mut self) -> Box<str> {
        loop {
            let letters = (0..11).map(|_| char::from(NAME_LETTERS[self.random.random_range(0..NAME_LETTERS.len())]));
            let name: String = "grp".chars().chain(letters).collect();
            if self.topics.named(&name).is_none() {
                return name.into();
            }
        }
    }

    fn subscribe_p2p(&mut self, call: &Call<'_>, name: &str, set: &SetParts<'_>) -> Result<Subscribed, Refusal> {
        let id = UserId::parse(name, self.rules.user_ids).ok_or(MALFORMED)?;
        let peer = self.accounts.find(id).ok_or((Code::NOT_FOUND, "user not found"))?;
        if peer == call.user {
            return Err(FORBIDDEN);
        }
        let want = wanted_mode(set.sub.as_ref().and_then(|part| part.mode.as_deref()))?;
        if want.is_some_and(|want| want.has(Mode::OWNER)) {
            return Err(FORBIDDEN);
        }
        let grants = set.desc.as_ref().and_then(|desc| desc.defacs.as_ref()?.auth.as_deref());
        let grants = wanted_mode(grants)?;
        let limit = |mode: Mode| (mode & Mode::P2P) | Mode::APPROVE;
        let own_default = self.accounts.get(call.user).default_access;
        let peer_default = self.accounts.get(peer).default_access;
        let Some(at) = self.topics.pair(call.user, peer) else {
            self.room_for_topic()?;
            let peer_given = limit(grants.unwrap_or(own_default));
            let mut topic = Topic::new(Kind::P2p(call.user, peer), call.now);
            let own = Member::new(want.map_or(peer_given, limit), peer_default, call.now);
            topic.members.insert(call.user, own);
            topic.members.insert(peer, Member::new(limit(peer_default), peer_given, call.now));
            let at = self.topics.insert(topic);
            self.accounts.get_mut(call.user).topics.insert(at);
            self.accounts.get_mut(peer).topics.insert(at);
            return Ok(Subscribed { topic: at, fresh: true, opened_with: Some(peer) });
        };
        let topic = self.topics.get_mut(at).ok_or(NO_TOPIC)?;
        let fresh = subscribe_member(topic, call, want.map(limit), limit(own_default), peer_default)?;
        self.accounts.get_mut(call.user).topics.insert(at);
        Ok(Subscribed { topic: at, fresh, opened_with: None })
    }

    fn subscribe_group(&mut self, call: &Call<'_>, name: &str, set: &SetParts<'_>) -> Result<Subscribed, Refusal> {
        let at = self.topics.named(name).ok_or(NO_TOPIC)?;
        let want = wanted_mode(set.sub.as_ref().and_then(|part| part.mode.as_deref()))?;
        let members_max = self.rules.members_max;
        let topic = self.topics.get_mut(at).ok_or(NO_TOPIC)?;
        let is_member = topic.member(call.user).is_some();
        if topic.dormant && !is_member {
            return Err(NO_TOPIC);
        }
        if want.is_some_and(|want| want.has(Mode::OWNER)) && topic.owner != Some(call.user) {
            return Err(FORBIDDEN);
        }
        if !is_member && topic.present().count() >= members_max {
            return Err((Code::POLICY, "policy violation"));
        }
        let default = topic.default_access;
        let fresh = subscribe_member(topic, call, want, default, default)?;
        topic.dormant = false;
        self.accounts.get_mut(call.user).topics.insert(at);
        Ok(Subscribed { topic: at, fresh, opened_with: None })
    }

    fn subscribe_external(&mut self, call: &Call<'_>, name: &str, set: &SetParts<'_>) -> Result<Subscribed, Refusal> {
        if name.len() == "emc".len() || name.len() > 24 || !name["emc".len()..].bytes().all(|b| b.is_ascii_digit()) {
            return Err(MALFORMED);
        }
        if self.topics.named(name).is_none() {
            self.room_for_topic()?;
            self.topics.insert(Topic::new(Kind::External(name.into()), call.now));
        }
        self.subscribe_group(call, name, set)
    }

    fn room_for_topic(&self) -> Result<(), Refusal> {
        if self.topics.len() >= self.rules.topics_max { Err(FULL) } else { Ok(()) }
    }
}

/// Makes or renews a user's subscription; whether that changed anything.
fn subscribe_member(
    topic: &mut Topic,
    call: &Call<'_>,
    want: Option<Mode>,
    default_want: Mode,
    default_given: Mode,
) -> Result<bool, Refusal> {
    let owner = topic.owner == Some(call.user);
    let Some(member) = topic.members.get_mut(&call.user) else {
        if !default_given.has(Mode::JOIN) {
            return Err(FORBIDDEN);
        }
        let member = Member::new(want.unwrap_or(default_want), default_given, call.now);
        if !member.may(Mode::JOIN) {
            return Err(FORBIDDEN);
        }
        topic.members.insert(call.user, member);
        return Ok(true);
    };
    if !member.given.has(Mode::JOIN) {
        return Err(FORBIDDEN);
    }
    let before = member.want;
    if member.gone {
        // Marks start anew, the grant stays: leaving and joining again lifts no ban.
        *member = Member { ..Member::new(want.unwrap_or(default_want), member.given, call.now) };
        topic.access_changed(call.user);
        return Ok(true);
    }
    if let Some(want) = want {
        member.want = if owner { want | Mode::OWNER | Mode::JOIN } else { want };
    }
    let changed = member.want != before;
    if changed {
        member.updated = call.now;
    }
    let may_join = member.may(Mode::JOIN);
    topic.access_changed(call.user);
    if may_join { Ok(changed) } else { Err(FORBIDDEN) }
}
