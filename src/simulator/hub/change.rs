//! `{set}`: descriptions and access, ownership among it.

use serde_json::Value;

use super::account::UserRef;
use super::frames;
use super::outbox::Outbox;
use super::presence::AccessChange;
use super::rules::Transfer;
use super::subscribe::wanted_mode;
use super::topic::{Member, TopicRef};
use super::{Call, Hub};
use crate::protocol::client::{Set, SetDesc, SetSub};
use crate::protocol::server::{CtrlParams, Pres};
use crate::protocol::{Code, Json, Mode, UserId};

/// The string that clears a value.
const CLEAR: &str = "\u{2421}";
/// Most bytes of a description: merging must not let it grow without end, and a listing holds a thousand of them.
const DESCRIPTION_MAX: usize = 32 << 10;

/// The stored value after a change: objects are merged, other values replaced. `None` when it cannot be done.
pub(super) fn merged(stored: Option<&str>, new: Option<&Json<'_>>) -> Option<Option<Box<str>>> {
    let Some(new) = new else { return Some(stored.map(Into::into)) };
    let new: Value = serde_json::from_str(&new.to_json()).ok()?;
    let value = match (stored.and_then(|text| serde_json::from_str(text).ok()), new) {
        (_, Value::Null) => return Some(stored.map(Into::into)),
        (_, Value::String(text)) if text == CLEAR => return Some(None),
        (Some(Value::Object(mut old)), Value::Object(new)) => {
            for (key, value) in new {
                match value {
                    Value::Null => {}
                    Value::String(text) if text == CLEAR => drop(old.shift_remove(&key)),
                    value => drop(old.insert(key, value)),
                }
            }
            Value::Object(old)
        }
        (_, new) => new,
    };
    let text = value.to_string();
    (text.len() <= DESCRIPTION_MAX).then(|| Some(text.into()))
}

impl Hub {
    pub(super) fn set(&mut self, call: &Call<'_>, set: &Set<'_>, out: &mut Outbox) {
        let name = &*set.topic;
        if name.is_empty() || (set.desc.is_none() && set.sub.is_none()) {
            return out.reply(call.session, &call.refuse(Code::MALFORMED, name));
        }
        if name == "me" {
            return self.set_me(call, set, out);
        }
        let Some(at) = self.locate(call.user, name) else {
            return out.reply(call.session, &call.refuse(Code::NOT_FOUND, name).text("topic not found"));
        };
        if self.topics.get(at).and_then(|topic| topic.member(call.user)).is_none() {
            return out.reply(call.session, &call.refuse(Code::NOT_FOUND, name));
        }
        let attached = self.sessions.is_attached(call.session, at);
        if let Some(desc) = &set.desc {
            match self.set_desc(call, at, desc, attached) {
                Ok(public) => {
                    out.reply(call.session, &call.reply(Code::OK, name));
                    if public {
                        self.tell_updated(call, at, out);
                    }
                }
                Err(code) => out.reply(call.session, &call.refuse(code, name)),
            }
        }
        if let Some(sub) = &set.sub
            && let Err((code, text)) = self.set_sub(call, name, at, sub, attached, out)
        {
            out.reply(call.session, &call.refuse(code, name).text(text));
        }
    }

    fn set_me(&mut self, call: &Call<'_>, set: &Set<'_>, out: &mut Outbox) {
        let refuse = |code, out: &mut Outbox| out.reply(call.session, &call.refuse(code, "me"));
        let (Some(desc), true) = (&set.desc, self.sessions.get(call.session).is_some_and(|state| state.on_me)) else {
            return refuse(Code::FORBIDDEN, out);
        };
        let account = self.accounts.get_mut(call.user);
        let public = merged(account.public.as_deref(), desc.public.as_ref());
        let private = merged(account.private.as_deref(), desc.private.as_ref());
        let defacs = wanted_mode(desc.defacs.as_ref().and_then(|defacs| defacs.auth.as_deref()));
        let (Some(public), Some(private), Ok(defacs)) = (public, private, defacs) else {
            return refuse(Code::MALFORMED, out);
        };
        if defacs.is_some_and(|mode| mode.has(Mode::OWNER)) {
            return refuse(Code::MALFORMED, out);
        }
        let defacs = defacs.unwrap_or(account.default_access);
        if (&public, &private, defacs) == (&account.public, &account.private, account.default_access) {
            return out.reply(call.session, &call.reply(Code::NOT_MODIFIED, "me"));
        }
        let told = public != account.public;
        (account.public, account.private, account.default_access) = (public, private, defacs);
        account.updated = call.now;
        out.reply(call.session, &call.reply(Code::OK, "me"));
        if told {
            let frame = super::presence::on_or_off(&self.accounts.get(call.user).wire, "upd");
            for (contact, ..) in self.contacts(call.user) {
                self.tell_me(contact, &frame, None, None, out);
            }
        }
    }

    /// Whether what all members see has changed.
    fn set_desc(&mut self, call: &Call<'_>, at: TopicRef, desc: &SetDesc<'_>, attached: bool) -> Result<bool, Code> {
        let topic = self.topics.get_mut(at).ok_or(Code::NOT_FOUND)?;
        let for_all = desc.public.is_some() || desc.defacs.is_some();
        if for_all && (!attached || topic.owner != Some(call.user)) {
            return Err(Code::FORBIDDEN);
        }
        let defacs = wanted_mode(desc.defacs.as_ref().and_then(|defacs| defacs.auth.as_deref()));
        let defacs = defacs.map_err(|(code, _)| code)?.unwrap_or(topic.default_access);
        if defacs.has(Mode::OWNER) {
            return Err(Code::MALFORMED);
        }
        let public = merged(topic.public.as_deref(), desc.public.as_ref()).ok_or(Code::MALFORMED)?;
        let member = topic.members.get_mut(&call.user).ok_or(Code::NOT_FOUND)?;
        let private = merged(member.private.as_deref(), desc.private.as_ref()).ok_or(Code::MALFORMED)?;
        let told = public != topic.public;
        if !told && private == member.private && defacs == topic.default_access {
            return Err(Code::NOT_MODIFIED);
        }
        member.private = private;
        (topic.public, topic.default_access) = (public, defacs);
        topic.updated = call.now;
        Ok(told)
    }

    fn tell_updated(&self, call: &Call<'_>, at: TopicRef, out: &mut Outbox) {
        let Some(topic) = self.topics.get(at) else { return };
        let act = Some((&*self.accounts.get(call.user).wire).into());
        let src = Some(topic.name_for(call.user, &self.accounts).into());
        let base = Pres { topic: "me".into(), src, what: "upd".into(), ..Pres::default() };
        let frame = frames::pres(Pres { act, ..base.clone() });
        let own = frames::pres(base);
        for (user, member) in topic.present().filter(|(_, member)| member.may(Mode::JOIN)) {
            let _ = member;
            self.tell_me(user, if user == call.user { &own } else { &frame }, Some(call.session), None, out);
        }
    }

    fn set_sub(
        &mut self,
        call: &Call<'_>,
        name: &str,
        at: TopicRef,
        sub: &SetSub<'_>,
        attached: bool,
        out: &mut Outbox,
    ) -> Result<(), (Code, &'static str)> {
        let mode = wanted_mode(sub.mode.as_deref())?;
        let own = &*self.accounts.get(call.user).wire;
        match sub.user.as_deref().filter(|user| *user != own) {
            None => self.set_own_access(call, name, at, mode, out),
            Some(_) if !attached => Err(refusal(Code::FORBIDDEN)),
            Some(user) => {
                let id = UserId::parse(user, self.rules.user_ids).ok_or(refusal(Code::MALFORMED))?;
                let target = self.accounts.find(id).ok_or((Code::NOT_FOUND, "user not found"))?;
                self.set_others_access(call, name, at, target, mode, out)
            }
        }
    }

    /// Changing one's own mode changes `want`.
    fn set_own_access(
        &mut self,
        call: &Call<'_>,
        name: &str,
        at: TopicRef,
        mode: Option<Mode>,
        out: &mut Outbox,
    ) -> Result<(), (Code, &'static str)> {
        let topic = self.topics.get_mut(at).ok_or(refusal(Code::NOT_FOUND))?;
        let (is_owner, is_p2p) = (topic.owner == Some(call.user), topic.is_p2p());
        let member = topic.member_mut(call.user).ok_or(refusal(Code::NOT_FOUND))?;
        let before = (member.want, member.given);
        let mut want = mode.unwrap_or(before.0);
        if is_p2p {
            want = (want & Mode::P2P) | Mode::APPROVE;
        }
        if self.rules.transfer == Transfer::TwoSteps && !is_owner && (want & member.given).has(Mode::OWNER) {
            self.accept(call, name, at, want, out);
            return Ok(());
        }
        if want.has(Mode::OWNER) != is_owner || (is_owner && !want.has(Mode::JOIN)) {
            return Err(refusal(Code::FORBIDDEN));
        }
        if want == before.0 {
            return Err(refusal(Code::NOT_MODIFIED));
        }
        member.want = want;
        member.updated = call.now;
        let (after, joined) = ((member.want, member.given), member.may(Mode::JOIN));
        let params = CtrlParams { acs: Some(frames::access(member)), ..CtrlParams::default() };
        topic.access_changed(call.user);
        out.reply(call.session, &call.reply(Code::OK, name).params(params));
        self.tell_delta(call, at, call.user, before, after, out);
        if !joined {
            self.evict(call, at, call.user, false, out);
        }
        Ok(())
    }

    /// Changing somebody else's mode changes `given`, and invites who is no member.
    fn set_others_access(
        &mut self,
        call: &Call<'_>,
        name: &str,
        at: TopicRef,
        target: UserRef,
        mode: Option<Mode>,
        out: &mut Outbox,
    ) -> Result<(), (Code, &'static str)> {
        let members_max = self.rules.members_max;
        let target_default = self.accounts.get(target).default_access;
        let topic = self.topics.get_mut(at).ok_or(refusal(Code::NOT_FOUND))?;
        let caller = topic.member(call.user).ok_or(refusal(Code::NOT_FOUND))?.mode();
        if !caller.is_sharer() || (mode.is_some() && !caller.is_administrator()) {
            return Err(refusal(Code::FORBIDDEN));
        }
        let mut mode = mode;
        if topic.is_p2p() {
            if topic.peer_of(call.user) != Some(target) {
                return Err(refusal(Code::FORBIDDEN));
            }
            mode = mode.map(|mode| (mode & Mode::P2P) | Mode::APPROVE);
        } else if mode.is_some_and(|mode| mode.has(Mode::OWNER)) {
            if topic.owner == Some(target) {
                return Err(refusal(Code::NOT_MODIFIED));
            }
            if topic.owner != Some(call.user) {
                return Err(refusal(Code::FORBIDDEN));
            }
            if self.rules.transfer == Transfer::OneStep {
                self.transfer(call, name, at, target, out);
                return Ok(());
            }
        }
        if topic.owner == Some(target) {
            return Err(refusal(Code::FORBIDDEN));
        }
        let Some(member) = topic.member_mut(target) else {
            if topic.present().count() >= members_max {
                return Err(refusal(Code::POLICY));
            }
            if topic.members.get(&target).is_some_and(|gone| !gone.want.has(Mode::JOIN)) {
                return Err(refusal(Code::FORBIDDEN));
            }
            let given = mode.unwrap_or(topic.default_access | Mode::JOIN);
            topic.members.insert(target, Member::new(target_default & given, given, call.now));
            self.accounts.get_mut(target).topics.insert(at);
            self.answer_access(call, name, at, target, out);
            let dacs = frames::dacs_full(target_default & given, given);
            let change = AccessChange { topic: at, target, actor: call.user, dacs, skip: call.session };
            self.tell_access(&change, out);
            return Ok(());
        };
        let before = (member.want, member.given);
        let given = mode.unwrap_or(before.1);
        if given == before.1 {
            return Err(refusal(Code::NOT_MODIFIED));
        }
        member.given = given;
        member.updated = call.now;
        let joined = member.may(Mode::JOIN);
        topic.access_changed(target);
        self.answer_access(call, name, at, target, out);
        self.tell_delta(call, at, target, before, (before.0, given), out);
        if !joined {
            self.evict(call, at, target, false, out);
        }
        Ok(())
    }

    /// The PBX's one-step transfer: the old owner's notice comes before the reply.
    fn transfer(&mut self, call: &Call<'_>, name: &str, at: TopicRef, target: UserRef, out: &mut Outbox) {
        let Some(topic) = self.topics.get_mut(at) else { return };
        let lost = Mode::APPROVE | Mode::DELETE | Mode::OWNER;
        let Some(old) = topic.member_mut(call.user) else { return };
        let old_before = (old.want, old.given);
        (old.want, old.given) = (old.want.without(lost), old.given.without(lost));
        old.updated = call.now;
        let old_after = (old.want, old.given);
        let new = topic.members.entry(target).or_insert_with(|| Member::new(Mode::NONE, Mode::NONE, call.now));
        let new_before = (new.want, new.given);
        (new.want, new.given, new.gone, new.updated) = (Mode::FULL, Mode::FULL, false, call.now);
        topic.owner = Some(target);
        topic.access_changed(call.user);
        topic.access_changed(target);
        let sessions = topic.sessions_of(call.user);
        let dacs = frames::dacs_delta(old_before, old_after);
        let notice = frames::pres(Pres { topic: name.into(), what: "acs".into(), dacs, ..Pres::default() });
        for session in sessions {
            out.notice(session, &notice);
        }
        self.accounts.get_mut(target).topics.insert(at);
        self.answer_access(call, name, at, target, out);
        self.tell_delta(call, at, target, new_before, (Mode::FULL, Mode::FULL), out);
    }

    /// The second step of the ancestor's transfer: the offer is accepted, and the old owner is told what it lost.
    fn accept(&mut self, call: &Call<'_>, name: &str, at: TopicRef, want: Mode, out: &mut Outbox) {
        let Some(topic) = self.topics.get_mut(at) else { return };
        let old = topic.owner.replace(call.user);
        let lost = old.and_then(|user| {
            let member = topic.member_mut(user)?;
            let before = (member.want, member.given);
            (member.want, member.given) = (before.0.without(Mode::OWNER), before.1.without(Mode::OWNER));
            member.updated = call.now;
            Some((user, before, (member.want, member.given)))
        });
        let Some(new) = topic.member_mut(call.user) else { return };
        let before = (new.want, new.given);
        (new.want, new.updated) = (want, call.now);
        let params = CtrlParams { acs: Some(frames::access(new)), ..CtrlParams::default() };
        let after = (new.want, new.given);
        topic.access_changed(call.user);
        out.reply(call.session, &call.reply(Code::OK, name).params(params));
        self.tell_delta(call, at, call.user, before, after, out);
        if let Some((user, before, after)) = lost {
            self.tell_delta(call, at, user, before, after, out);
        }
    }

    fn answer_access(&self, call: &Call<'_>, name: &str, at: TopicRef, target: UserRef, out: &mut Outbox) {
        let member = self.topics.get(at).and_then(|topic| topic.member(target));
        let params = CtrlParams {
            acs: member.map(frames::access),
            user: Some((&*self.accounts.get(target).wire).into()),
            ..CtrlParams::default()
        };
        out.reply(call.session, &call.reply(Code::OK, name).params(params));
    }

    fn tell_delta(
        &self,
        call: &Call<'_>,
        at: TopicRef,
        target: UserRef,
        before: (Mode, Mode),
        after: (Mode, Mode),
        out: &mut Outbox,
    ) {
        if let Some(dacs) = frames::dacs_delta(before, after) {
            let change = AccessChange { topic: at, target, actor: call.user, dacs, skip: call.session };
            self.tell_access(&change, out);
        }
    }
}

fn refusal(code: Code) -> (Code, &'static str) {
    (code, frames::text_of(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(stored: Option<&str>, new: &str) -> Option<String> {
        let raw: &serde_json::value::RawValue = serde_json::from_str(new).expect("valid JSON");
        merged(stored, Some(&Json::Raw(raw))).expect("can be merged").map(Into::into)
    }

    #[test]
    fn objects_are_merged_and_other_values_replaced() {
        assert_eq!(
            merge(Some(r#"{"a":1,"b":2}"#), r#"{"b":null,"a":3,"c":4}"#).as_deref(),
            Some(r#"{"a":3,"b":2,"c":4}"#)
        );
        assert_eq!(merge(Some(r#"{"a":1}"#), r#"{"a":"\u2421"}"#).as_deref(), Some("{}"));
        assert_eq!(merge(Some("7"), r#""\u2421""#), None);
        assert_eq!(merge(Some("7"), "null").as_deref(), Some("7"));
        assert_eq!(merge(Some("7"), "[1]").as_deref(), Some("[1]"));
    }

    #[test]
    fn nesting_beyond_reason_is_refused() {
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        let raw: &serde_json::value::RawValue = serde_json::from_str(&deep).expect("valid JSON");
        assert!(merged(None, Some(&Json::Raw(raw))).is_none());
    }
}
