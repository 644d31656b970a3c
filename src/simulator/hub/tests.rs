//! The hub's rules, frame by frame: no socket, no task, and the time is an argument.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{HistoryEnd, HistoryOrder, Hub, JoinReply, Outbox, Rules, SessionId};

/// A hub with a clock that only the test moves.
struct Bench {
    hub: Hub,
    now: Timestamp,
}

/// One logged-in session.
#[derive(Clone)]
struct User {
    session: SessionId,
    id: String,
}

type Frames = Vec<(SessionId, Value)>;

impl Bench {
    fn new() -> Bench {
        Bench::with(Rules::default())
    }

    fn with(rules: Rules) -> Bench {
        Bench { hub: Hub::new(rules), now: Timestamp::from_second(1_729_731_998).expect("in range") }
    }

    fn log_in(&mut self, name: &str) -> User {
        let session = self.hub.open();
        let secret = STANDARD.encode(format!("{name}@example.com:token"));
        let frame = json!({"login": {"id": "l", "scheme": "access_token", "secret": secret}});
        let id = self.send_from(session, &frame)[0].1["ctrl"]["params"]["user"].as_str().expect("logged in").to_owned();
        User { session, id }
    }

    fn send_from(&mut self, session: SessionId, frame: &Value) -> Frames {
        let mut out = Outbox::default();
        self.hub.receive(session, &frame.to_string(), self.now, &mut out);
        frames(out)
    }

    fn send(&mut self, user: &User, frame: Value) -> Frames {
        self.send_from(user.session, &frame)
    }

    /// The code of the first reply to the user.
    fn code(&mut self, user: &User, frame: Value) -> u64 {
        code_for(user, &self.send(user, frame))
    }

    fn sub(&mut self, user: &User, topic: &str) -> Frames {
        self.send(user, json!({"sub": {"id": "s", "topic": topic}}))
    }

    fn publish(&mut self, user: &User, topic: &str) -> Frames {
        self.send(user, json!({"pub": {"id": "p", "topic": topic, "content": "x"}}))
    }

    fn group(&mut self, owner: &User, members: &[&User]) -> String {
        let created = self.sub(owner, "new");
        let topic = created[0].1["ctrl"]["topic"].as_str().expect("a group").to_owned();
        for member in members {
            assert_eq!(code_for(member, &self.sub(member, &topic)), 200);
        }
        topic
    }

    fn wait(&mut self, span: Duration) -> Frames {
        self.now = self.now.checked_add(span).expect("in range");
        let mut out = Outbox::default();
        self.hub.wake(self.now, &mut out);
        frames(out)
    }

    fn close(&mut self, user: &User) -> Frames {
        let mut out = Outbox::default();
        self.hub.close(user.session, self.now, &mut out);
        frames(out)
    }
}

fn frames(out: Outbox) -> Frames {
    let parse = |text: &str| serde_json::from_str(text).expect("frames are JSON");
    out.frames.into_iter().map(|frame| (frame.session, parse(&frame.text))).collect()
}

fn code_for(user: &User, frames: &Frames) -> u64 {
    let reply = frames.iter().find(|(session, frame)| *session == user.session && frame["ctrl"]["code"].is_u64());
    reply.unwrap_or_else(|| panic!("no reply in {frames:?}")).1["ctrl"]["code"].as_u64().expect("a code")
}

fn of<'f>(user: &User, frames: &'f Frames, verb: &str) -> Vec<&'f Value> {
    let own = frames.iter().filter(|(session, _)| *session == user.session);
    own.map(|(_, frame)| &frame[verb]).filter(|body| !body.is_null()).collect()
}

#[test]
fn before_the_login_nothing_is_done() {
    let mut bench = Bench::new();
    let session = bench.hub.open();
    let reply = &bench.send_from(session, &json!({"sub": {"id": "1", "topic": "me"}}))[0].1["ctrl"];
    assert_eq!((&reply["code"], &reply["id"], &reply["topic"]), (&json!(401), &json!("1"), &json!("me")));
    assert!(bench.send_from(session, &json!({"note": {"topic": "me", "what": "kp"}})).is_empty());
    let reply = &bench.send_from(session, &json!({"login": {"id": "1", "scheme": "access_token", "secret": "%"}}))[0].1;
    assert_eq!((&reply["ctrl"]["code"], &reply["ctrl"]["id"]), (&json!(400), &Value::Null));
    let basic = bench.send_from(session, &json!({"login": {"id": "1", "scheme": "basic", "secret": ""}}));
    assert_eq!(basic[0].1["ctrl"]["text"], "unknown authentication scheme");
    let user = bench.log_in("1001");
    let again = json!({"login": {"id": "l", "scheme": "access_token", "secret": ""}});
    assert_eq!(bench.code(&user, again), 409);
}

#[test]
fn refusals_have_their_documented_codes() {
    let mut bench = Bench::new();
    let user = bench.log_in("1001");
    let own = user.id.clone();
    for (frame, code) in [
        (json!({"pub": {"id": "1", "topic": "grpnowhere", "content": 1}}), 409),
        (json!({"pub": {"id": "1", "topic": "", "content": 1}}), 400),
        (json!({"pub": {"id": "1", "topic": "me", "content": 1}}), 403),
        (json!({"sub": {"id": "1", "topic": "grpnowhere"}}), 404),
        (json!({"sub": {"id": "1", "topic": "usr123"}}), 404),
        (json!({"sub": {"id": "1", "topic": "usrx"}}), 400),
        (json!({"sub": {"id": "1", "topic": own}}), 403),
        (json!({"sub": {"id": "1", "topic": "fnd"}}), 404),
        (json!({"sub": {"id": "1", "topic": "new", "set": {"sub": {"user": "usr1"}}}}), 400),
        (json!({"sub": {"id": "1", "topic": "new", "set": {"sub": {"mode": "XYZ"}}}}), 400),
        (json!({"leave": {"id": "1", "topic": "grpnowhere"}}), 304),
        (json!({"leave": {"id": "1", "topic": "grpnowhere", "unsub": true}}), 409),
        (json!({"leave": {"id": "1", "topic": "me", "unsub": true}}), 403),
        (json!({"get": {"id": "1", "topic": "grpnowhere", "what": "desc"}}), 404),
        (json!({"get": {"id": "1", "topic": "me", "what": "nonsense"}}), 400),
        (json!({"get": {"id": "1", "topic": "me", "what": "data"}}), 403),
        (json!({"set": {"id": "1", "topic": "me"}}), 400),
        (json!({"set": {"id": "1", "topic": "grpnowhere", "desc": {"public": 1}}}), 404),
        (json!({"del": {"id": "1", "topic": "grpnowhere", "what": "sub", "user": "usr1"}}), 409),
        (json!({"del": {"id": "1", "topic": "grpnowhere", "what": "topic"}}), 304),
        (json!({"del": {"id": "1", "topic": "me", "what": "user"}}), 403),
        (json!({"hi": {"id": "1", "ver": "0.22"}}), 400),
        (json!({"nonsense": {}}), 400),
        (json!({"note": {"topic": "grpnowhere", "what": "kp"}}), 409),
    ] {
        assert_eq!(bench.code(&user, frame.clone()), code, "{frame}");
    }
}

#[test]
fn both_sides_of_a_p2p_topic_name_it_by_the_other() {
    let mut bench = Bench::new();
    let (alice, bob, second) = (bench.log_in("a"), bench.log_in("b"), bench.log_in("a"));
    bench.sub(&bob, "me");
    let frames = bench.sub(&alice, &bob.id);
    let acs = json!({"want": "JRWPA", "given": "JRWPAS", "mode": "JRWPA"});
    assert_eq!(frames[0].1["ctrl"]["params"], json!({"acs": acs}));
    let told = json!({
        "topic": "me", "src": alice.id, "what": "acs", "act": alice.id, "dacs": {"want": "JRWPA", "given": "JRWPA"},
    });
    assert_eq!(of(&bob, &frames, "pres"), [&told]);
    // Not attached yet, the peer learns of messages on `me` alone.
    let frames = bench.publish(&alice, &bob.id);
    assert!(of(&bob, &frames, "data").is_empty());
    let news = json!({"topic": "me", "src": alice.id, "what": "msg", "seq": 1, "act": alice.id});
    assert_eq!(of(&bob, &frames, "pres"), [&news]);
    bench.sub(&bob, &alice.id);
    bench.sub(&second, &bob.id);
    assert_eq!(code_for(&bob, &bench.sub(&bob, &alice.id)), 304);
    let frames = bench.publish(&bob, &alice.id);
    assert_eq!(frames[0].1["ctrl"]["params"]["seq"], 2, "the reply comes first, the number is shared");
    for user in [&alice, &second] {
        let data = of(user, &frames, "data");
        assert_eq!((&data[0]["topic"], &data[0]["from"]), (&json!(bob.id), &json!(bob.id)));
    }
    assert_eq!(of(&bob, &frames, "data")[0]["topic"], alice.id.as_str());
    let quiet = json!({"pub": {"id": "p", "topic": bob.id, "noecho": true, "content": "x"}});
    let frames = bench.send(&alice, quiet);
    assert!(of(&alice, &frames, "data").is_empty());
    assert_eq!((of(&second, &frames, "data").len(), of(&bob, &frames, "data").len()), (1, 1));
    // Neither side can be removed, and the description is not theirs to set.
    let remove = json!({"del": {"id": "1", "topic": bob.id, "what": "sub", "user": bob.id}});
    assert_eq!(bench.code(&alice, remove), 403);
    assert_eq!(bench.code(&alice, json!({"set": {"id": "1", "topic": bob.id, "desc": {"public": 1}}})), 403);
}

#[test]
fn a_publish_without_id_has_no_reply_but_is_delivered() {
    let mut bench = Bench::new();
    let (owner, member) = (bench.log_in("a"), bench.log_in("b"));
    let group = bench.group(&owner, &[&member]);
    let frames = bench.send(&owner, json!({"pub": {"topic": group, "content": {"deep": [1]}}}));
    assert!(of(&owner, &frames, "ctrl").is_empty());
    let data = of(&member, &frames, "data")[0];
    assert_eq!((&data["content"], &data["reqid"]), (&json!({"deep": [1]}), &Value::Null));
}

#[test]
fn a_broadcast_is_one_text_for_all() {
    let mut bench = Bench::new();
    let (owner, member) = (bench.log_in("a"), bench.log_in("b"));
    let group = bench.group(&owner, &[&member]);
    let mut out = Outbox::default();
    let frame = json!({"pub": {"id": "p", "topic": group, "content": "x"}}).to_string();
    bench.hub.receive(owner.session, &frame, bench.now, &mut out);
    let texts: Vec<_> = out.frames[1..].iter().map(|frame| frame.text.as_str().as_ptr()).collect();
    assert_eq!(texts.len(), 2);
    assert_eq!(texts[0], texts[1]);
}

#[test]
fn members_come_and_go() {
    let mut bench = Bench::new();
    let (owner, member) = (bench.log_in("a"), bench.log_in("b"));
    let group = bench.group(&owner, &[]);
    let frames = bench.sub(&member, &group);
    let acs = json!({"want": "JRWPS", "given": "JRWPS", "mode": "JRWPS"});
    assert_eq!(frames[0].1["ctrl"]["params"], json!({"acs": acs}));
    let joined = json!({"topic": group, "src": member.id, "what": "acs", "dacs": {"want": "JRWPS", "given": "JRWPS"}});
    assert!(of(&owner, &frames, "pres").contains(&&joined));
    // A plain leave keeps the subscription; attaching again says so by saying nothing.
    let frames = bench.send(&member, json!({"leave": {"id": "1", "topic": group}}));
    assert_eq!(of(&owner, &frames, "pres")[0]["what"], "off");
    assert_eq!(bench.code(&member, json!({"pub": {"id": "1", "topic": group, "content": 1}})), 409);
    let frames = bench.sub(&member, &group);
    assert!(frames[0].1["ctrl"]["params"].is_null());
    assert_eq!(of(&owner, &frames, "pres")[0]["what"], "on");
    // The owner cannot leave for good; the member can, and all its sessions are out.
    assert_eq!(bench.code(&owner, json!({"leave": {"id": "1", "topic": group, "unsub": true}})), 403);
    let second = bench.log_in("b");
    bench.sub(&second, &group);
    let frames = bench.send(&member, json!({"leave": {"id": "1", "topic": group, "unsub": true}}));
    assert_eq!(code_for(&second, &frames), 205);
    let gone = json!({"want": "N", "given": "N"});
    assert!(of(&owner, &frames, "pres").iter().any(|pres| pres["dacs"] == gone));
    let frames = bench.publish(&owner, &group);
    assert!(of(&member, &frames, "data").is_empty() && of(&second, &frames, "data").is_empty());
}

#[test]
fn only_who_may_removes_a_member() {
    let mut bench = Bench::new();
    let (owner, one, other) = (bench.log_in("a"), bench.log_in("b"), bench.log_in("c"));
    let group = bench.group(&owner, &[&one, &other]);
    bench.sub(&one, "me");
    let remove = |user: &User| json!({"del": {"id": "1", "topic": group, "what": "sub", "user": user.id}});
    assert_eq!(bench.code(&other, remove(&one)), 403);
    assert_eq!(bench.code(&owner, remove(&owner)), 403);
    let frames = bench.send(&owner, remove(&one));
    // The 205, then `gone`, then the administrator's reply.
    assert_eq!(frames[0].1["ctrl"]["code"], 205);
    assert_eq!(frames[0].1["ctrl"]["params"], json!({"unsub": true}));
    assert_eq!(frames[1].1["pres"], json!({"topic": "me", "src": group, "what": "gone"}));
    assert_eq!(code_for(&owner, &frames), 200);
    assert_eq!(bench.code(&owner, remove(&one)), 304);
    assert_eq!(code_for(&one, &bench.sub(&one, &group)), 200);
}

#[test]
fn a_ban_outlasts_leaving() {
    let mut bench = Bench::new();
    let (owner, member) = (bench.log_in("a"), bench.log_in("b"));
    let group = bench.group(&owner, &[&member]);
    let ban = json!({"set": {"id": "1", "topic": group, "sub": {"user": member.id, "mode": "N"}}});
    let frames = bench.send(&owner, ban);
    let evicted = of(&member, &frames, "ctrl")[0];
    assert_eq!((&evicted["code"], &evicted["params"]), (&json!(205), &json!({"unsub": false})));
    assert_eq!(code_for(&member, &bench.sub(&member, &group)), 403);
    // Without W one reads and does not write.
    let mute = json!({"set": {"id": "1", "topic": group, "sub": {"user": member.id, "mode": "JRP"}}});
    assert_eq!(bench.code(&owner, mute), 200);
    assert_eq!(code_for(&member, &bench.sub(&member, &group)), 200);
    assert_eq!(code_for(&member, &bench.publish(&member, &group)), 403);
    assert_eq!(of(&member, &bench.publish(&owner, &group), "data").len(), 1);
}

#[test]
fn a_full_group_takes_nobody() {
    let mut bench = Bench::with(Rules { members_max: 2, ..Rules::default() });
    let (owner, one, other) = (bench.log_in("a"), bench.log_in("b"), bench.log_in("c"));
    let group = bench.group(&owner, &[&one]);
    assert_eq!(code_for(&other, &bench.sub(&other, &group)), 422);
    let invite = json!({"set": {"id": "1", "topic": group, "sub": {"user": other.id}}});
    assert_eq!(bench.code(&owner, invite), 422);
}

#[test]
fn an_invitation_makes_a_member_who_still_has_to_attach() {
    let mut bench = Bench::new();
    let (owner, guest) = (bench.log_in("a"), bench.log_in("b"));
    let group = bench.group(&owner, &[]);
    bench.sub(&guest, "me");
    let frames = bench.send(&owner, json!({"set": {"id": "1", "topic": group, "sub": {"user": guest.id}}}));
    let params = &frames[0].1["ctrl"]["params"];
    assert_eq!((&params["user"], &params["acs"]["mode"]), (&json!(guest.id), &json!("JRWPS")));
    let told = of(&guest, &frames, "pres")[0];
    assert_eq!((&told["src"], &told["act"], &told["what"]), (&json!(group), &json!(owner.id), &json!("acs")));
    assert!(of(&guest, &bench.publish(&owner, &group), "data").is_empty());
    assert!(bench.sub(&guest, &group)[0].1["ctrl"]["params"].is_null());
}

#[test]
fn ownership_changes_hands_in_one_step() {
    let mut bench = Bench::new();
    let (owner, heir, other) = (bench.log_in("a"), bench.log_in("b"), bench.log_in("c"));
    let group = bench.group(&owner, &[&heir, &other]);
    let give = |user: &User| json!({"set": {"id": "1", "topic": group, "sub": {"user": user.id, "mode": "JRWPASDO"}}});
    assert_eq!(bench.code(&other, give(&other)), 403);
    let frames = bench.send(&owner, give(&heir));
    assert_eq!(
        frames[0],
        (owner.session, json!({"pres": {"topic": group, "what": "acs", "dacs": {"want": "-ADO", "given": "-ADO"}}}),)
    );
    assert_eq!(frames[1].1["ctrl"]["params"]["acs"]["mode"], "JRWPASDO");
    assert_eq!(of(&heir, &frames, "pres")[0]["dacs"], json!({"want": "+ADO", "given": "+ADO"}));
    let rename = json!({"set": {"id": "1", "topic": group, "desc": {"public": {"fn": "x"}}}});
    assert_eq!(bench.code(&owner, rename.clone()), 403);
    assert_eq!(bench.code(&heir, rename.clone()), 200);
    assert_eq!(bench.code(&heir, rename), 304);
    assert_eq!(bench.code(&owner, json!({"leave": {"id": "1", "topic": group, "unsub": true}})), 200);
}

#[test]
fn a_deleted_group_is_gone_for_its_members() {
    let mut bench = Bench::new();
    let (owner, member) = (bench.log_in("a"), bench.log_in("b"));
    let stranger = bench.log_in("c");
    for (hard, members_code) in [(false, 200), (true, 404)] {
        let group = bench.group(&owner, &[&member]);
        bench.sub(&member, "me");
        let frames = bench.send(&owner, json!({"del": {"id": "1", "topic": group, "what": "topic", "hard": hard}}));
        assert_eq!(code_for(&owner, &frames), 200);
        assert!(of(&member, &frames, "ctrl").is_empty(), "detached without a frame of its own");
        assert!(
            of(&member, &frames, "pres").iter().any(|pres| pres["what"] == "gone" && pres["src"] == group.as_str())
        );
        assert_eq!(code_for(&member, &bench.publish(&member, &group)), 409);
        assert_eq!(code_for(&stranger, &bench.sub(&stranger, &group)), 404);
        assert_eq!(code_for(&member, &bench.sub(&member, &group)), members_code);
    }
}

#[test]
fn history_is_paged_newest_first_and_closed() {
    let mut bench = Bench::with(Rules { history_page: 3, history_messages_max: 6, ..Rules::default() });
    let (alice, bob) = (bench.log_in("a"), bench.log_in("b"));
    bench.sub(&alice, &bob.id);
    bench.sub(&bob, &alice.id);
    for turn in 0..8 {
        let (from, to) = if turn % 2 == 0 { (&alice, &bob) } else { (&bob, &alice) };
        bench.publish(from, &to.id);
    }
    let mut page = |since: u64, before: u64| {
        let query = json!({"since": since, "before": before, "limit": 100});
        let frames = bench.send(&bob, json!({"get": {"id": "1", "topic": alice.id, "what": "data", "data": query}}));
        let seqs: Vec<_> =
            of(&bob, &frames, "data").iter().map(|data| data["seq"].as_u64()).map(Option::unwrap_or_default).collect();
        assert!(of(&bob, &frames, "data").iter().all(|data| data["topic"] == alice.id.as_str()));
        (seqs, frames.last().expect("a closing reply").1["ctrl"].clone())
    };
    let (seqs, closing) = page(0, 0);
    assert_eq!(seqs, [8, 7, 6]);
    assert_eq!((&closing["code"], &closing["params"]), (&json!(208), &json!({"count": 3, "what": "data"})));
    assert_eq!(page(0, 6).0, [5, 4, 3]);
    let (seqs, closing) = page(0, 3);
    assert!(seqs.is_empty(), "only six are kept");
    assert_eq!((&closing["code"], &closing["params"]), (&json!(204), &json!({"what": "data"})));
    assert_eq!(page(4, 6).0, [5, 4], "since is inclusive, before is not");
}

#[test]
fn knobs_show_what_other_servers_do() {
    let mut bench = Bench::with(Rules {
        history_order: HistoryOrder::OldestFirst,
        history_end: HistoryEnd::Ok,
        history_reqid: false,
        join_reply: JoinReply::AcceptedSeq,
        ..Rules::default()
    });
    let (owner, member) = (bench.log_in("a"), bench.log_in("b"));
    let group = bench.group(&owner, &[]);
    bench.publish(&owner, &group);
    bench.publish(&owner, &group);
    let joined = bench.sub(&member, &group)[0].1["ctrl"].clone();
    assert_eq!((&joined["code"], &joined["params"]), (&json!(202), &json!({"seq": 2})));
    let frames = bench.send(&member, json!({"get": {"id": "1", "topic": group, "what": "data"}}));
    let data = of(&member, &frames, "data");
    assert_eq!((&data[0]["seq"], &data[1]["seq"], &data[0]["reqid"]), (&json!(1), &json!(2), &Value::Null));
    assert_eq!(code_for(&member, &frames), 200);
}

#[test]
fn all_histories_together_keep_to_their_budget() {
    let mut bench = Bench::with(Rules { history_bytes_max: 2_000, ..Rules::default() });
    let owner = bench.log_in("a");
    let groups = [bench.group(&owner, &[]), bench.group(&owner, &[])];
    for turn in 0..5_000 {
        bench.publish(&owner, &groups[turn % 2]);
    }
    let mut kept = 0;
    for group in &groups {
        let get = json!({"get": {"id": "1", "topic": group, "what": "data"}});
        kept += of(&owner, &bench.send(&owner, get), "data").len();
    }
    assert!((5..=20).contains(&kept), "{kept}");
}

#[test]
fn deleted_messages_leave_the_history() {
    let mut bench = Bench::new();
    let (owner, member) = (bench.log_in("a"), bench.log_in("b"));
    let group = bench.group(&owner, &[&member]);
    for _ in 0..5 {
        bench.publish(&owner, &group);
    }
    let del = |low: u64, hi: u64, hard: bool| json!({"del": {"id": "1", "topic": group, "what": "msg", "delseq": [{"low": low, "hi": hi}], "hard": hard}});
    let count = |bench: &mut Bench, user: &User| {
        let get = json!({"get": {"id": "1", "topic": group, "what": "data"}});
        of(user, &bench.send(user, get), "data").len()
    };
    let frames = bench.send(&member, del(1, 3, false));
    assert_eq!(frames[0].1["ctrl"]["params"], json!({"del": 1}));
    assert_eq!((count(&mut bench, &member), count(&mut bench, &owner)), (3, 5));
    let frames = bench.send(&owner, del(5, 6, true));
    assert_eq!(of(&member, &frames, "pres")[0]["what"], "del");
    assert_eq!((count(&mut bench, &member), count(&mut bench, &owner)), (2, 4));
    assert_eq!(bench.code(&owner, json!({"del": {"id": "1", "topic": group, "what": "msg"}})), 400);
    assert_eq!(bench.code(&owner, del(3, 3, true)), 400);
}

#[test]
fn marks_advance_and_are_relayed_once() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.log_in("a"), bench.log_in("b"));
    bench.sub(&alice, &bob.id);
    bench.sub(&bob, &alice.id);
    bench.publish(&alice, &bob.id);
    bench.publish(&alice, &bob.id);
    let note = |what: &str, seq: u64| json!({"note": {"topic": alice.id, "what": what, "seq": seq}});
    let frames = bench.send(&bob, note("read", 2));
    let info = json!({"topic": bob.id, "from": bob.id, "what": "read", "seq": 2});
    assert_eq!(frames, [(alice.session, json!({"info": info}))]);
    for stale in [note("read", 2), note("read", 1), note("recv", 2), note("recv", 9), note("read", 0), note("dance", 1)]
    {
        assert!(bench.send(&bob, stale.clone()).is_empty(), "{stale}");
    }
    let frames = bench.send(&bob, json!({"note": {"topic": alice.id, "what": "kp"}}));
    assert_eq!(of(&alice, &frames, "info")[0]["what"], "kp");
    let frames = bench.send(&bob, json!({"get": {"id": "1", "topic": alice.id, "what": "desc"}}));
    let desc = &frames[0].1["meta"]["desc"];
    assert_eq!((&desc["seq"], &desc["read"], &desc["recv"]), (&json!(2), &json!(2), &json!(2)));
}

#[test]
fn contacts_are_told_after_the_linger_time() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.log_in("a"), bench.log_in("b"));
    bench.sub(&alice, &bob.id);
    bench.sub(&bob, "me");
    let frames = bench.sub(&alice, "me");
    assert_eq!(of(&bob, &frames, "pres"), [&json!({"topic": "me", "src": alice.id, "what": "on"})]);
    assert_eq!(of(&alice, &frames, "pres"), [&json!({"topic": "me", "src": bob.id, "what": "on"})]);
    bench.close(&alice);
    assert!(bench.wait(Duration::from_secs(3)).is_empty());
    let back = bench.log_in("a");
    assert!(of(&bob, &bench.sub(&back, "me"), "pres").is_empty(), "back in time: nobody noticed");
    assert!(bench.wait(Duration::from_secs(3)).is_empty());
    bench.close(&back);
    let frames = bench.wait(Duration::from_secs(4));
    assert_eq!(frames, [(bob.session, json!({"pres": {"topic": "me", "src": alice.id, "what": "off"}}))]);
    assert_eq!(bench.hub.next_wake(), None);
}

#[test]
fn own_topics_are_listed_on_me() {
    let mut bench = Bench::new();
    let (alice, bob) = (bench.log_in("a"), bench.log_in("b"));
    bench.sub(&alice, "me");
    let list = json!({"get": {"id": "1", "topic": "me", "what": "sub"}});
    assert_eq!(bench.code(&alice, list.clone()), 204);
    let group = bench.group(&alice, &[&bob]);
    bench.sub(&alice, &bob.id);
    bench.publish(&alice, &bob.id);
    let frames = bench.send(&alice, list);
    let entries = frames[0].1["meta"]["sub"].as_array().expect("a list").clone();
    let topics: Vec<_> = entries.iter().map(|entry| entry["topic"].as_str().unwrap_or_default()).collect();
    assert_eq!(topics, [group.as_str(), bob.id.as_str()]);
    assert_eq!(entries[1]["seq"], 1);
}

#[test]
fn parts_of_a_get_are_answered_in_the_services_order() {
    let mut bench = Bench::new();
    let owner = bench.log_in("a");
    let group = bench.group(&owner, &[]);
    let frames = bench.send(&owner, json!({"get": {"id": "1", "topic": group, "what": "cred data sub desc tags del"}}));
    let kinds: Vec<_> = frames
        .iter()
        .map(|(_, frame)| match &frame["meta"] {
            Value::Null => frame["ctrl"]["code"].to_string(),
            meta => meta.as_object().and_then(|meta| meta.keys().next_back()).cloned().unwrap_or_default(),
        })
        .collect();
    assert_eq!(kinds, ["desc", "sub", "204", "204", "204", "405"]);
    // The same on the way into a group, behind the reply.
    let guest = bench.log_in("b");
    let sub = json!({"sub": {"id": "1", "topic": group, "get": {"what": "desc"}}});
    let frames = bench.send(&guest, sub);
    assert!(of(&guest, &frames, "meta")[0]["desc"]["acs"].is_object());
}

#[test]
fn external_topics_act_as_groups() {
    let mut bench = Bench::new();
    let user = bench.log_in("a");
    let name = format!("emc{}", user.id.trim_start_matches("usr"));
    assert_eq!(code_for(&user, &bench.sub(&user, &name)), 200);
    assert_eq!(code_for(&user, &bench.publish(&user, &name)), 202);
    assert_eq!(code_for(&user, &bench.sub(&user, "emcx")), 400);
}

#[test]
fn a_silently_detached_session_gets_nothing_and_may_attach_again() {
    let mut bench = Bench::new();
    let (owner, member) = (bench.log_in("a"), bench.log_in("b"));
    let group = bench.group(&owner, &[&member]);
    let at = bench.hub.topics.named(&group).expect("exists");
    let mut out = Outbox::default();
    bench.hub.detach_silently(member.session, at, bench.now, &mut out);
    assert!(of(&member, &frames(out), "ctrl").is_empty());
    assert!(of(&member, &bench.publish(&owner, &group), "data").is_empty());
    assert_eq!(code_for(&member, &bench.sub(&member, &group)), 200);
}

#[test]
fn one_goodbye_for_each_session() {
    let mut bench = Bench::new();
    let user = bench.log_in("a");
    bench.hub.open();
    let mut out = Outbox::default();
    bench.hub.shut_down(bench.now, &mut out);
    let frames = frames(out);
    assert_eq!(frames.len(), 2);
    assert_eq!(of(&user, &frames, "ctrl")[0]["text"], "server shutdown");
}

proptest::proptest! {
    #[test]
    fn no_frame_makes_the_hub_panic(texts in proptest::collection::vec("\\PC{0,60}", 1..20)) {
        let mut bench = Bench::new();
        let user = bench.log_in("a");
        for text in texts {
            bench.hub.receive(user.session, &text, bench.now, &mut Outbox::default());
        }
    }

    #[test]
    fn no_known_verb_with_odd_members_makes_the_hub_panic(
        verb in "(sub|leave|pub|get|set|del|note)", topic in "(me|new|grp|usr1|emc1|TOPIC|)",
        what in "(desc|sub|data|del|msg|topic|read|recv|kp|tags)", low: u64, hi: u64, hard: bool,
    ) {
        let mut bench = Bench::new();
        let user = bench.log_in("a");
        let group = bench.group(&user, &[]);
        bench.publish(&user, &group);
        let topic = topic.replace("TOPIC", &group);
        let frame = json!({verb: {
            "id": "1", "topic": topic, "what": what, "seq": low, "hard": hard, "delseq": [{"low": low, "hi": hi}],
            "data": {"since": low, "before": hi, "limit": 7}, "content": null, "unsub": hard,
        }});
        bench.send(&user, frame);
    }
}
