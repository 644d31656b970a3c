//! `{del}`: messages, a member, a topic.

use serde_json::{Value, json};

use super::account::UserRef;
use super::frames;
use super::outbox::Outbox;
use super::topic::TopicRef;
use super::{Call, Hub};
use crate::protocol::client::{Del, SeqRange};
use crate::protocol::server::Pres;
use crate::protocol::{Code, Mode, UserId};

/// Most messages of one request that names more than one range.
const IDS_MAX: u64 = 1024;
/// Most ranges kept per member or topic; the oldest are forgotten.
const RANGES_MAX: usize = 4096;

/// A range as it goes on the wire.
pub(super) fn range_json((low, end): (u64, u64)) -> Value {
    if end == low + 1 { json!({ "low": low }) } else { json!({ "low": low, "hi": end }) }
}

impl Hub {
    pub(super) fn delete(&mut self, call: &Call<'_>, del: &Del<'_>, out: &mut Outbox) {
        let name = &*del.topic;
        let what = del.what.as_deref().filter(|what| !what.is_empty()).unwrap_or("msg");
        if what == "user" {
            return out.reply(call.session, &call.refuse(Code::FORBIDDEN, ""));
        }
        if name.is_empty() || !matches!(what, "msg" | "sub" | "topic") {
            return out.reply(call.session, &call.refuse(Code::MALFORMED, name));
        }
        if name == "me" {
            return out.reply(call.session, &call.refuse(Code::FORBIDDEN, name));
        }
        let at = self.locate(call.user, name);
        if what == "topic" {
            return self.delete_topic(call, name, at, del.hard, out);
        }
        let Some(at) = at.filter(|at| self.sessions.is_attached(call.session, *at)) else {
            return out.reply(call.session, &call.refuse(Code::CONFLICT, name));
        };
        let outcome = match what {
            "sub" => self.remove_member(call, name, at, del.user.as_deref(), out),
            _ => self.delete_messages(call, name, at, &del.delseq, del.hard, out),
        };
        if let Err(code) = outcome {
            let text = if code == Code::NOT_MODIFIED { "no action" } else { frames::text_of(code) };
            out.reply(call.session, &call.refuse(code, name).text(text));
        }
    }

    fn delete_topic(&mut self, call: &Call<'_>, name: &str, at: Option<TopicRef>, hard: bool, out: &mut Outbox) {
        let member = at.filter(|at| self.topics.get(*at).is_some_and(|topic| topic.member(call.user).is_some()));
        let Some(at) = member else {
            return out.reply(call.session, &call.reply(Code::NOT_MODIFIED, name).text("no action"));
        };
        let Some(topic) = self.topics.get_mut(at) else { return };
        if topic.owner != Some(call.user) {
            return self.unsubscribe(call, name, at, out);
        }
        let attached: Vec<_> = topic.attached.iter().map(|attached| (attached.session, attached.user)).collect();
        topic.dormant = true;
        topic.owner = None;
        let members: Vec<_> = topic.present().map(|(user, _)| user).collect();
        out.reply(call.session, &call.reply(Code::OK, name));
        for (session, user) in attached {
            self.detach_quietly(session, user, at, call.now);
        }
        let act = Some((&*self.accounts.get(call.user).wire).into());
        let base = Pres { topic: "me".into(), src: Some(name.into()), what: "gone".into(), ..Pres::default() };
        let (own, others) = (frames::pres(base.clone()), frames::pres(Pres { act, ..base }));
        for user in members {
            let frame = if user == call.user { &own } else { &others };
            self.tell_me(user, frame, Some(call.session), None, out);
        }
        let Some(topic) = self.topics.get_mut(at) else { return };
        let default = topic.default_access;
        if let Some(owner) = topic.member_mut(call.user) {
            owner.gone = true;
            (owner.want, owner.given) = (default, default);
        }
        let deserted = topic.present().count() == 0;
        if hard || deserted {
            return self.forget_topic(at);
        }
        self.dormant.push_back(at);
        if self.dormant.len() > super::DORMANT_MAX
            && let Some(oldest) = self.dormant.pop_front()
            && self.topics.get(oldest).is_some_and(|topic| topic.dormant)
        {
            self.forget_topic(oldest);
        }
    }

    fn remove_member(
        &mut self,
        call: &Call<'_>,
        name: &str,
        at: TopicRef,
        user: Option<&str>,
        out: &mut Outbox,
    ) -> Result<(), Code> {
        let id = user.and_then(|user| UserId::parse(user, self.rules.user_ids)).ok_or(Code::MALFORMED)?;
        let topic = self.topics.get(at).ok_or(Code::NOT_FOUND)?;
        let caller = topic.member(call.user).ok_or(Code::FORBIDDEN)?.mode();
        let target: Option<UserRef> = self.accounts.find(id);
        if topic.is_p2p() || !caller.is_administrator() || target == Some(call.user) {
            return Err(Code::FORBIDDEN);
        }
        let target = target.ok_or(Code::NOT_MODIFIED)?;
        if topic.owner == Some(target) {
            return Err(Code::FORBIDDEN);
        }
        if topic.member(target).is_none() {
            return Err(Code::NOT_MODIFIED);
        }
        // The member's 205 and `gone` come before the administrator's reply: so it was seen on the wire.
        self.end_subscription(call, at, target, out);
        out.reply(call.session, &call.reply(Code::OK, name));
        Ok(())
    }

    fn delete_messages(
        &mut self,
        call: &Call<'_>,
        name: &str,
        at: TopicRef,
        asked: &[SeqRange],
        hard: bool,
        out: &mut Outbox,
    ) -> Result<(), Code> {
        let topic = self.topics.get_mut(at).ok_or(Code::NOT_FOUND)?;
        let ranges = checked(asked, topic.seq).ok_or(Code::MALFORMED)?;
        let (last_delete, mode) = (topic.last_delete, topic.member(call.user).ok_or(Code::FORBIDDEN)?.mode());
        let for_all = hard && mode.has(Mode::DELETE);
        if !for_all && !mode.has(Mode::READ) {
            return Err(Code::FORBIDDEN);
        }
        let delseq = Some(ranges.iter().map(|(low, end)| SeqRange { low: *low, hi: Some(*end) }).collect());
        let number = if for_all {
            topic.last_delete += 1;
            let before = topic.history.len();
            let freed: usize = ranges.iter().map(|(low, end)| topic.history.remove(*low, *end)).sum();
            let removed = before - topic.history.len();
            topic.deleted.push((topic.last_delete, ranges));
            if topic.deleted.len() > RANGES_MAX {
                topic.deleted.remove(0);
            }
            let number = topic.last_delete;
            self.budget.free(freed);
            self.topics.messages = self.topics.messages.saturating_sub(removed);
            number
        } else {
            let member = topic.member_mut(call.user).ok_or(Code::FORBIDDEN)?;
            member.clear = member.clear.max(last_delete) + 1;
            member.hidden.extend(ranges);
            let surplus = member.hidden.len().saturating_sub(RANGES_MAX);
            member.hidden.drain(..surplus);
            let number = member.clear;
            topic.last_delete = topic.last_delete.max(number);
            number
        };
        out.reply(call.session, &call.reply(Code::OK, name).deleted(number));
        self.tell_deleted(call, at, number, delseq, for_all, out);
        Ok(())
    }

    fn tell_deleted(
        &self,
        call: &Call<'_>,
        at: TopicRef,
        number: u64,
        delseq: Option<Vec<SeqRange>>,
        for_all: bool,
        out: &mut Outbox,
    ) {
        let Some(topic) = self.topics.get(at) else { return };
        let wire = &*self.accounts.get(call.user).wire;
        for attached in topic.attached.iter().filter(|attached| attached.session != call.session) {
            if attached.user == call.user || (for_all && attached.reads) {
                let frame = frames::pres(Pres {
                    topic: topic.name_for(attached.user, &self.accounts).into(),
                    src: Some(wire.into()),
                    what: "del".into(),
                    clear: Some(number),
                    delseq: delseq.clone(),
                    ..Pres::default()
                });
                out.notice(attached.session, &frame);
            }
        }
        for (user, member) in topic.present() {
            let told = user == call.user || (for_all && member.may(Mode::READ | Mode::PRESENCE));
            if !told || self.accounts.get(user).me_sessions.is_empty() {
                continue;
            }
            let frame = frames::pres(Pres {
                topic: "me".into(),
                src: Some(topic.name_for(user, &self.accounts).into()),
                what: "del".into(),
                clear: Some(number),
                act: (user != call.user).then(|| wire.into()),
                ..Pres::default()
            });
            self.tell_me(user, &frame, Some(call.session), Some(at), out);
        }
    }
}

/// Half-open ranges within `1..=last`; `None` when there are none, or too many messages in several.
fn checked(asked: &[SeqRange], last: u64) -> Option<Vec<(u64, u64)>> {
    let mut ranges = Vec::with_capacity(asked.len().min(IDS_MAX as usize));
    let mut count: u64 = 0;
    for range in asked {
        let end = range.hi.filter(|end| *end > 0).unwrap_or(range.low.checked_add(1)?);
        if range.low == 0 || end <= range.low {
            return None;
        }
        let end = end.min(last.saturating_add(1));
        count = count.saturating_add(end.saturating_sub(range.low));
        if end > range.low {
            ranges.push((range.low, end));
        }
    }
    if ranges.is_empty() || (asked.len() > 1 && count > IDS_MAX) { None } else { Some(ranges) }
}
