//! What a step refers to: peers, groups, saved values; and what it must not do.

use super::Around;
use super::flow::is_answered;
use crate::ops::payload::{FILE_BYTES_MAX, PAYLOAD_BYTES_MAX};
use crate::ops::{Builtin, Op, OpId, Segment, Template, TopicRef};
use crate::scenario::persona::DraftPersona;
use crate::scenario::problem::{Problem, listed, nearest};
use crate::scenario::read::{Reader, grouped, shorten};
use crate::scenario::step::DraftStep;

/// A `save` of a persona: the name and who keeps something under it.
type Saves<'a> = Vec<(&'a str, OpId)>;

pub(super) fn check(reader: &mut Reader, persona: &DraftPersona, around: &Around<'_>) {
    let steps = || persona.states.iter().flat_map(|state| &state.steps);
    let is_whole = !persona.has_unread_states && persona.states.iter().all(|state| state.has_all_steps);
    let saves: Saves<'_> = steps().filter_map(|step| Some((step.save.as_ref()?.0.as_str(), step.id?))).collect();
    for step in steps() {
        saves_something(reader, step);
        let Some(op) = &step.op else { continue };
        if let Some(topic) = op.topic() {
            topic_exists(reader, step, topic, around);
        }
        for template in op.templates() {
            values_are_saved(reader, step, template, &saves, is_whole, around);
        }
        is_allowed(reader, step, op, around);
    }
}

fn saves_something(reader: &mut Reader, step: &DraftStep) {
    let (Some((_, place)), Some(id)) = (&step.save, step.id) else { return };
    if id.describe().saves.is_empty() {
        let savers: Vec<&str> =
            OpId::ALL.iter().filter(|id| !id.describe().saves.is_empty()).map(|id| id.name()).collect();
        let problem = Problem::at(place.clone(), format!("`{}` answers with nothing to save", id.name()));
        reader.problem(problem.help(format!("drop `save`; values can be saved from {}", listed(&savers))));
    }
}

fn needs_pairs(reader: &mut Reader, place: std::ops::Range<usize>, what: &str, around: &Around<'_>) {
    if around.topology.pairs.is_none() && !around.topology.has_unread_pairs {
        let problem = Problem::at(place, format!("{what} needs pairs, and `topology.pairs` is missing"));
        reader.problem(problem.help("add `pairs = \"neighbours\"` to `[topology]`"));
    }
}

fn topic_exists(reader: &mut Reader, step: &DraftStep, topic: &TopicRef, around: &Around<'_>) {
    let place = step.place_of("to");
    let names: Vec<&str> = around.topology.groups.iter().map(|(group, _)| group.name.as_str()).collect();
    match topic {
        TopicRef::Peer => needs_pairs(reader, place, "`peer`", around),
        TopicRef::Group(name) if !names.contains(&name.as_str()) && !around.topology.has_unread_groups => {
            let problem = Problem::at(place, format!("there is no group `{}` in the topology", shorten(name)));
            reader.problem(match (nearest(name, &names), names.is_empty()) {
                (Some(near), _) => problem.help(format!("did you mean `group:{near}`?")),
                (None, true) => problem.help(format!(
                    "add `groups = [ {{ name = \"{}\", members = 10 }} ]` to `[topology]`",
                    shorten(name)
                )),
                (None, false) => problem.help(format!("its groups are {}", listed(&names))),
            });
        }
        TopicRef::Name(template) => {
            let Some(literal) = template.literal() else { return };
            let is_wire_name = ["grp", "usr", "emc"].iter().any(|prefix| literal.starts_with(prefix));
            let known: Vec<String> = names.iter().map(|name| format!("group:{name}")).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).chain(["me", "peer"]).collect();
            let meant = match names.contains(&literal) {
                true => Some(format!("group:{literal}")),
                false => nearest(literal, &known).map(str::to_owned),
            };
            if literal.trim().is_empty() {
                reader
                    .problem(Problem::at(place, "the topic is empty").help(format!("name one of {}", listed(&known))));
            } else if let Some(meant) = meant.filter(|_| !is_wire_name) {
                let problem = Problem::at(place, format!("`{}` is no topic", shorten(literal)));
                reader.problem(problem.help(format!("did you mean `{meant}`?")));
            }
        }
        TopicRef::Me | TopicRef::Group(_) => {}
    }
}

fn values_are_saved(
    reader: &mut Reader,
    step: &DraftStep,
    template: &Template,
    saves: &Saves<'_>,
    is_whole: bool,
    around: &Around<'_>,
) {
    let holder = step.texts.iter().find(|(_, text, _)| text.parse().as_ref() == Ok(template));
    let place = holder.map_or(step.place.clone(), |(.., place)| place.clone());
    for segment in template.segments() {
        let (name, key) = match segment {
            Segment::Saved { name, key } => (name.as_str(), key.as_str()),
            Segment::Builtin(Builtin::PeerId) => {
                needs_pairs(reader, place.clone(), "`${peer.id}`", around);
                continue;
            }
            _ => continue,
        };
        let savers: Vec<OpId> = saves.iter().filter(|(saved, _)| *saved == name).map(|(_, id)| *id).collect();
        if savers.is_empty() {
            // A step that could not be read may be the one that saves it.
            if is_whole {
                let known: Vec<&str> = saves.iter().map(|(name, _)| *name).collect();
                let problem =
                    Problem::at(place.clone(), format!("nothing is saved as `{name}` for `${{{name}.{key}}}`"));
                reader.problem(match nearest(name, &known) {
                    Some(near) => problem.help(format!("did you mean `${{{near}.{key}}}`?")),
                    None => {
                        problem.help(format!("add `save = \"{name}\"` to the step of this persona whose answer has it"))
                    }
                });
            }
        } else if !savers.iter().any(|id| id.describe().saves.contains(&key)) {
            let keys: Vec<&str> = savers.iter().flat_map(|id| id.describe().saves).copied().collect();
            if keys.is_empty() {
                continue; // the `save` itself is the mistake
            }
            let saver = savers.first().map_or("", |id| id.name());
            let problem = Problem::at(place.clone(), format!("`{saver}` saves no `{key}` for `${{{name}.{key}}}`"));
            reader.problem(match nearest(key, &keys) {
                Some(near) => problem.help(format!("did you mean `${{{name}.{near}}}`?")),
                None => problem.help(format!("it saves {}", listed(&keys))),
            });
        }
    }
}

fn is_allowed(reader: &mut Reader, step: &DraftStep, op: &Op, around: &Around<'_>) {
    if let Some(place) = step.expect_place.clone().filter(|_| !is_answered(op)) {
        let problem = Problem::at(place, "`expect` on a step that is never answered");
        reader.problem(match op {
            Op::Raw(_) => problem.help("put `\"id\":\"${id}\"` into the frame, and its answer is waited for"),
            _ => problem.help(format!("drop `expect`: the service does not answer `{}`", op.id().name())),
        });
    }
    match op {
        Op::Publish(publish) => {
            if publish.size.is_some() && publish.text.is_some() {
                let problem = Problem::at(step.place_of("size"), "`publish` has both `size` and `text`");
                reader.problem(
                    problem.help("`size` makes up a text that receivers check, `text` is sent as written: keep one"),
                );
            }
            let literal = publish.text.as_ref().and_then(Template::literal).map_or(0, |text| text.len() as u64);
            for (key, bytes) in [("size", publish.size.map_or(0, |size| size.max)), ("text", literal)] {
                if bytes > PAYLOAD_BYTES_MAX {
                    let problem =
                        Problem::at(step.place_of(key), format!("{} bytes are too many for a message", grouped(bytes)));
                    let problem = problem.expected("expected at most `256 KiB`, what servers take in a frame");
                    reader.problem(problem.help("send a file: `upload` it, and publish its `${file.url}`"));
                }
            }
            let is_emc = |topic: &TopicRef| match topic {
                TopicRef::Name(template) => {
                    matches!(template.segments().first(), Some(Segment::Literal(text)) if text.starts_with("emc"))
                }
                _ => false,
            };
            if is_emc(&publish.to) && !around.allow_emc {
                let problem =
                    Problem::at(step.place_of("to"), "publishing to an `emc` topic can send real text messages");
                reader.problem(problem.help("if that is meant, write `allow_emc = true` at the top of the scenario"));
            }
        }
        Op::Upload(upload) if upload.size.max > FILE_BYTES_MAX => {
            let problem = Problem::at(
                step.place_of("size"),
                format!("{} bytes are too many for a file", grouped(upload.size.max)),
            );
            reader.problem(problem.expected("expected at most `1024 GiB`"));
        }
        _ => {}
    }
}

/// Groups with a fixed number have room for every user that joins one.
pub(super) fn groups_have_room(reader: &mut Reader, around: &Around<'_>) {
    let Some(users) = around.users.and_then(|users| users.count) else { return };
    let shares: Option<Vec<u64>> = around.personas.iter().map(|persona| persona.share.map(u64::from)).collect();
    let Some(shares) = shares else { return };
    let all: u64 = shares.iter().sum::<u64>().max(1);
    for (group, place) in &around.topology.groups {
        let Some(count) = group.count else { continue };
        let uses = |step: &DraftStep| {
            step.op
                .as_ref()
                .and_then(Op::topic)
                .is_some_and(|topic| matches!(topic, TopicRef::Group(name) if *name == group.name))
        };
        let users_of_group: u64 = (around.personas.iter().zip(&shares))
            .filter(|(persona, _)| persona.states.iter().flat_map(|state| &state.steps).any(uses))
            .map(|(_, share)| share)
            .sum();
        let wanted = u64::from(users) * users_of_group / all;
        let room = u64::from(count) * u64::from(group.members);
        if wanted > room {
            let (noun, name) = (if count == 1 { "group" } else { "groups" }, &group.name);
            let message = format!(
                "{} users join `group:{name}`, but {count} {noun} of {} have room for {}",
                grouped(wanted),
                group.members,
                grouped(room)
            );
            let problem = Problem::at(place.clone(), message);
            let needed = wanted.div_ceil(u64::from(count));
            reader.problem(problem.help(format!(
                "raise `members` to {needed}, or drop `count`: then there are as many groups as the users fill"
            )));
        }
    }
}
