//! `{get}`: description, members, history.

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::account::UserRef;
use super::frames;
use super::outbox::{FrameKind, Outbox};
use super::publish::without_request_id;
use super::rules::{HistoryEnd, HistoryOrder};
use super::topic::{Member, Topic, TopicRef};
use super::{Call, Hub};
use crate::protocol::client::{DefaultAccess, Get, GetParts, GetQuery};
use crate::protocol::server::{Access, CtrlParams, Desc, Meta, Subscription};
use crate::protocol::{Code, Json, Mode, UserId};

/// Parts in the order in which they are answered, with the word that closes them.
const PARTS: [(&str, &str); 7] = [
    ("desc", "desc"),
    ("sub", "sub"),
    ("data", "data"),
    ("del", "del"),
    ("tags", "tags"),
    ("cred", "creds"),
    ("aux", "aux"),
];
/// Most entries of a listing.
const LISTING_MAX: usize = 1024;

impl Hub {
    pub(super) fn get(&mut self, call: &Call<'_>, get: &Get<'_>, out: &mut Outbox) {
        let parts = get.clone().into_parts();
        self.answer_parts(call, &get.topic, &parts, out);
    }

    /// Answers each part asked for, in the service's order.
    pub(super) fn answer_parts(&mut self, call: &Call<'_>, name: &str, parts: &GetParts<'_>, out: &mut Outbox) {
        let what = parts.what.as_deref().unwrap_or_default();
        let asked = |part: &str| what.split_ascii_whitespace().any(|word| word == part);
        if name.is_empty() || !PARTS.iter().any(|(part, _)| asked(part)) || !well_formed(parts, name) {
            return out.reply(call.session, &call.refuse(Code::MALFORMED, name));
        }
        if name == "me" {
            return self.answer_me(call, parts, asked, out);
        }
        let Some(at) = self.locate(call.user, name) else {
            let wrong = name.starts_with("usr") && UserId::parse(name, self.rules.user_ids).is_none();
            let code = if wrong { Code::MALFORMED } else { Code::NOT_FOUND };
            return out.reply(
                call.session,
                &call.refuse(code, name).text(if wrong { "malformed" } else { "topic not found" }),
            );
        };
        if !self.sessions.is_attached(call.session, at) {
            return self.answer_unattached(call, name, at, parts, asked, out);
        }
        let Some(topic) = self.topics.get(at) else { return };
        for (part, closing) in PARTS.into_iter().filter(|(part, _)| asked(part)) {
            match part {
                "desc" => self.answer_desc(call, name, topic, parts.desc.as_ref(), out),
                "sub" => self.answer_members(call, name, topic, parts.sub.as_ref(), out),
                "data" => self.answer_data(call, name, topic, parts.data.as_ref(), out),
                "del" => self.answer_deleted(call, name, topic, out),
                "tags" if topic.is_p2p() => out.reply(call.session, &call.refuse(Code::NOT_ALLOWED, name)),
                "tags" if topic.owner != Some(call.user) => {
                    out.reply(call.session, &call.refuse(Code::FORBIDDEN, name))
                }
                "cred" => out.reply(call.session, &call.refuse(Code::NOT_ALLOWED, name)),
                _ => out.reply(call.session, &call.reply(Code::NO_CONTENT, name).what(closing)),
            }
        }
    }

    fn answer_unattached(
        &self,
        call: &Call<'_>,
        name: &str,
        at: TopicRef,
        parts: &GetParts<'_>,
        asked: impl Fn(&str) -> bool,
        out: &mut Outbox,
    ) {
        let Some(topic) = self.topics.get(at) else { return };
        if asked("sub") {
            let other = parts.sub.as_ref().and_then(|query| query.user.as_deref());
            if other.is_some_and(|other| *other != *self.accounts.get(call.user).wire) {
                return out.reply(call.session, &call.refuse(Code::FORBIDDEN, name));
            }
            let Some(member) = topic.member(call.user) else {
                return out.reply(call.session, &call.refuse(Code::NOT_FOUND, name));
            };
            let sub = vec![self.entry(topic, call.user, member, call.user, true)];
            return self.answer_meta(call, Meta { sub: Some(sub), ..self.meta(call, name) }, out);
        }
        for (part, _) in PARTS.into_iter().filter(|(part, _)| asked(part)) {
            if part != "desc" {
                out.reply(call.session, &call.refuse(Code::FORBIDDEN, name));
                continue;
            }
            let member = topic.member(call.user);
            let desc = Desc {
                created: Some(time(topic.created)),
                updated: Some(time(topic.updated)),
                acs: member.map(frames::access),
                public: raw(self.public_of(topic, call.user)),
                private: raw(member.and_then(|member| member.private.as_deref())),
                ..Desc::default()
            };
            self.answer_meta(call, Meta { desc: Some(desc), ..self.meta(call, name) }, out);
        }
    }

    fn answer_desc(&self, call: &Call<'_>, name: &str, topic: &Topic, query: Option<&GetQuery<'_>>, out: &mut Outbox) {
        let Some(member) = topic.member(call.user) else { return };
        let reads = member.may(Mode::READ);
        let news = since(query).is_none_or(|ims| topic.updated > ims);
        let mark = |value: u64| if reads { value } else { 0 };
        let desc = Desc {
            created: Some(time(topic.created)),
            updated: Some(time(topic.updated)),
            touched: topic.touched.map(time),
            defacs: (member.mode().is_sharer() && !topic.is_p2p()).then(|| default_access(topic.default_access)),
            acs: Some(frames::access(member)),
            seq: mark(topic.seq),
            read: mark(member.read),
            recv: mark(member.recv),
            clear: mark(topic.last_delete.max(member.clear)),
            public: raw(self.public_of(topic, call.user).filter(|_| news)),
            private: raw(member.private.as_deref().filter(|_| news)),
        };
        self.answer_meta(call, Meta { desc: Some(desc), ..self.meta(call, name) }, out);
    }

    fn answer_members(
        &self,
        call: &Call<'_>,
        name: &str,
        topic: &Topic,
        query: Option<&GetQuery<'_>>,
        out: &mut Outbox,
    ) {
        let sharer = topic.member(call.user).is_some_and(|member| member.mode().is_sharer());
        let ims = since(query);
        let only = query.and_then(|query| query.user.as_deref());
        let members = topic.present().filter(|(user, member)| {
            only.is_none_or(|only| *only == *self.accounts.get(*user).wire)
                && ims.is_none_or(|ims| member.updated > ims)
        });
        let sub: Vec<_> = members
            .take(limit(query))
            .map(|(user, member)| {
                let shown = sharer || user == call.user || member.mode().is_administrator();
                self.entry(topic, user, member, call.user, shown)
            })
            .collect();
        self.answer_listing(call, name, sub, ims, out);
    }

    fn answer_me(&self, call: &Call<'_>, parts: &GetParts<'_>, asked: impl Fn(&str) -> bool, out: &mut Outbox) {
        let on_me = self.sessions.get(call.session).is_some_and(|state| state.on_me);
        let account = self.accounts.get(call.user);
        for (part, closing) in PARTS.into_iter().filter(|(part, _)| asked(part)) {
            match part {
                "desc" => {
                    let desc = Desc {
                        created: Some(time(account.created)),
                        updated: Some(time(account.updated)),
                        defacs: Some(default_access(account.default_access)),
                        acs: Some(me_access()),
                        public: raw(account.public.as_deref()),
                        private: raw(account.private.as_deref()),
                        ..Desc::default()
                    };
                    self.answer_meta(call, Meta { desc: Some(desc), ..self.meta(call, "me") }, out);
                }
                "sub" if on_me => self.answer_own_topics(call, parts.sub.as_ref(), out),
                "sub" => {
                    let updated = Some(time(account.updated));
                    let own = Subscription { updated, acs: Some(me_access()), ..Subscription::default() };
                    self.answer_meta(call, Meta { sub: Some(vec![own]), ..self.meta(call, "me") }, out);
                }
                "data" | "del" => out.reply(call.session, &call.refuse(Code::FORBIDDEN, "me")),
                _ if !on_me => out.reply(call.session, &call.refuse(Code::FORBIDDEN, "me")),
                _ => out.reply(call.session, &call.reply(Code::NO_CONTENT, "me").what(closing)),
            }
        }
    }

    fn answer_own_topics(&self, call: &Call<'_>, query: Option<&GetQuery<'_>>, out: &mut Outbox) {
        let ims = since(query);
        let only = query.and_then(|query| query.topic.as_deref());
        let topics = self.accounts.get(call.user).topics.iter().filter_map(|at| self.topics.get(*at));
        let sub: Vec<_> = topics
            .filter_map(|topic| Some((topic, topic.member(call.user).filter(|_| !topic.dormant)?)))
            .filter(|(topic, member)| {
                let changed = topic.touched.unwrap_or(topic.created).max(topic.updated).max(member.updated);
                ims.is_none_or(|ims| changed > ims)
                    && only.is_none_or(|only| only == topic.name_for(call.user, &self.accounts))
            })
            .take(limit(query))
            .map(|(topic, member)| {
                let reads = member.may(Mode::READ);
                let peer = topic.peer_of(call.user);
                let online = peer.map_or(topic.online, |peer| self.accounts.get(peer).online);
                Subscription {
                    topic: Some(topic.name_for(call.user, &self.accounts).into()),
                    updated: Some(time(member.updated)),
                    touched: topic.touched.map(time),
                    acs: Some(frames::access(member)),
                    seq: if reads { topic.seq } else { 0 },
                    read: member.read,
                    recv: member.recv,
                    online: online.then_some(true),
                    public: raw(self.public_of(topic, call.user)),
                    private: raw(member.private.as_deref()),
                    ..Subscription::default()
                }
            })
            .collect();
        self.answer_listing(call, "me", sub, ims, out);
    }

    fn answer_listing(
        &self,
        call: &Call<'_>,
        name: &str,
        sub: Vec<Subscription<'_>>,
        ims: Option<Timestamp>,
        out: &mut Outbox,
    ) {
        if sub.is_empty() && ims.is_none() {
            return out.reply(call.session, &call.reply(Code::NO_CONTENT, name).what("sub"));
        }
        self.answer_meta(call, Meta { sub: Some(sub).filter(|sub| !sub.is_empty()), ..self.meta(call, name) }, out);
    }

    fn answer_data(&self, call: &Call<'_>, name: &str, topic: &Topic, query: Option<&GetQuery<'_>>, out: &mut Outbox) {
        let Some(member) = topic.member(call.user).filter(|member| member.may(Mode::READ)) else {
            return out.reply(call.session, &call.refuse(Code::FORBIDDEN, name));
        };
        let since = query.and_then(|query| query.since).unwrap_or(0);
        let before = query.and_then(|query| query.before).filter(|before| *before > 0).unwrap_or(u64::MAX);
        let wanted = query.and_then(|query| query.limit).filter(|limit| *limit > 0).unwrap_or(u32::MAX);
        let page = self.rules.history_page.min(wanted as usize);
        let stored = topic.history.range(since, before).filter(|message| member.sees(message.seq)).take(page);
        let own_name = topic.name_for(call.user, &self.accounts);
        let from = out.frames.len();
        for message in stored {
            let mut text = message.frame.clone();
            if topic.is_p2p() && message.from != call.user {
                text = frames::retitled(&text, topic.name_for(message.from, &self.accounts), own_name);
            }
            if !self.rules.history_reqid {
                text = without_request_id(&text).unwrap_or(text);
            }
            out.push(call.session, text, FrameKind::History);
        }
        if self.rules.history_order == HistoryOrder::OldestFirst {
            out.frames[from..].reverse();
        }
        let count = (out.frames.len() - from) as u64;
        let what = Some("data".into());
        let reply = match count {
            _ if self.rules.history_end == HistoryEnd::Ok => call.reply(Code::OK, name).what("data"),
            0 => call.reply(Code::NO_CONTENT, name).what("data"),
            _ => call.reply(Code::DELIVERED, name).params(CtrlParams {
                what,
                count: Some(count),
                ..CtrlParams::default()
            }),
        };
        out.reply(call.session, &reply);
    }

    fn answer_deleted(&self, call: &Call<'_>, name: &str, topic: &Topic, out: &mut Outbox) {
        let Some(member) = topic.member(call.user) else { return };
        let everyone = topic.deleted.iter().flat_map(|(_, ranges)| ranges);
        let mut ranges: Vec<(u64, u64)> = everyone.chain(&member.hidden).copied().collect();
        if ranges.is_empty() {
            return out.reply(call.session, &call.reply(Code::NO_CONTENT, name).what("del"));
        }
        ranges.sort_unstable();
        let delseq: Vec<_> = ranges.iter().map(|range| super::delete::range_json(*range)).collect();
        let clear = topic.last_delete.max(member.clear);
        let del = Some(Json::Value(serde_json::json!({ "clear": clear, "delseq": delseq })));
        self.answer_meta(call, Meta { del, ..self.meta(call, name) }, out);
    }

    fn entry<'a>(
        &'a self,
        topic: &Topic,
        user: UserRef,
        member: &'a Member,
        asker: UserRef,
        shown: bool,
    ) -> Subscription<'a> {
        let account = self.accounts.get(user);
        let own = user == asker;
        Subscription {
            updated: Some(time(member.updated)),
            acs: shown.then(|| frames::access(member)),
            read: member.read,
            recv: member.recv,
            online: (!topic.is_p2p() && member.sessions > 0).then_some(true),
            user: Some((&*account.wire).into()),
            public: raw(account.public.as_deref()),
            private: raw(member.private.as_deref().filter(|_| own)),
            ..Subscription::default()
        }
    }

    /// What a user sees as the topic's description: the peer's for P2P.
    fn public_of<'a>(&'a self, topic: &'a Topic, user: UserRef) -> Option<&'a str> {
        match topic.peer_of(user) {
            Some(peer) => self.accounts.get(peer).public.as_deref(),
            None => topic.public.as_deref(),
        }
    }

    fn meta<'a>(&self, call: &'a Call<'_>, name: &'a str) -> Meta<'a> {
        Meta {
            id: call.id.map(Into::into),
            topic: Some(name.into()),
            ts: Some(call.ts.as_str().into()),
            ..Meta::default()
        }
    }

    fn answer_meta(&self, call: &Call<'_>, meta: Meta<'_>, out: &mut Outbox) {
        out.push(call.session, frames::meta(meta), FrameKind::Reply);
    }
}

/// Limits may only be given where they mean something.
fn well_formed(parts: &GetParts<'_>, name: &str) -> bool {
    let bounds = |query: &GetQuery<'_>| query.since.is_some() || query.before.is_some();
    let names = |query: &GetQuery<'_>| query.user.is_some() || query.topic.is_some();
    let ims = |query: &GetQuery<'_>| query.ims.as_deref().is_none_or(|text| text.parse::<Timestamp>().is_ok());
    let desc =
        parts.desc.as_ref().is_none_or(|query| !bounds(query) && !names(query) && query.limit.is_none() && ims(query));
    let sub = parts.sub.as_ref().is_none_or(|query| {
        let misplaced = if name == "me" { query.user.is_some() } else { query.topic.is_some() };
        !bounds(query) && !misplaced && ims(query)
    });
    let ranged = |query: &GetQuery<'_>| query.ims.is_none() && !names(query);
    desc && sub && parts.data.as_ref().is_none_or(ranged) && parts.del.as_ref().is_none_or(ranged)
}

fn since(query: Option<&GetQuery<'_>>) -> Option<Timestamp> {
    query?.ims.as_deref()?.parse().ok()
}

fn limit(query: Option<&GetQuery<'_>>) -> usize {
    let asked = query.and_then(|query| query.limit).filter(|limit| *limit > 0);
    asked.map_or(LISTING_MAX, |limit| LISTING_MAX.min(limit as usize))
}

fn time<'a>(at: Timestamp) -> crate::protocol::Text<'a> {
    at.to_string().into()
}

fn me_access() -> Access<'static> {
    let mode = || Some(Mode::ME.to_string().into());
    Access { want: mode(), given: mode(), mode: mode() }
}

fn default_access(mode: Mode) -> DefaultAccess<'static> {
    DefaultAccess { auth: Some(mode.to_string().into()), anon: Some("N".into()) }
}

/// Stored JSON text on its way into a frame.
fn raw(stored: Option<&str>) -> Option<Json<'_>> {
    let raw: &RawValue = serde_json::from_str(stored?).ok()?;
    Some(Json::Raw(raw))
}
