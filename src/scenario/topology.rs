//! `[topology]`: who talks to whom.

use std::ops::Range;

use super::problem::Problem;
use super::read::{Reader, Value};
use super::users::USERS_MAX;
use super::{GroupKind, Pairing, Topology};

pub(super) const TOPOLOGY_KEYS: &[&str] = &["pairs", "groups"];
pub(super) const GROUP_KEYS: &[&str] = &["name", "members", "count"];
/// Most kinds of group.
const GROUPS_MAX: usize = 1_000;
/// The words of `topology.pairs`.
pub(super) const PAIRINGS: &[(&str, Pairing)] = &[("neighbours", Pairing::Neighbours), ("random", Pairing::Random)];

/// The topology, as far as it could be read.
#[derive(Debug, Default)]
pub(super) struct DraftTopology {
    pub(super) pairs: Option<Pairing>,
    pub(super) groups: Vec<(GroupKind, Range<usize>)>,
    /// Whether a group could not be read, so that an unknown name proves nothing.
    pub(super) has_unread_groups: bool,
    /// Whether the pairs could not be read.
    pub(super) has_unread_pairs: bool,
}

impl DraftTopology {
    pub(super) fn finish(self) -> Topology {
        Topology { pairs: self.pairs, groups: self.groups.into_iter().map(|(group, _)| group).collect() }
    }
}

/// `[topology]`; absent, nobody has a peer or a group.
pub(super) fn topology(reader: &mut Reader, value: Option<&Value<'_>>, is_misspelt: bool) -> DraftTopology {
    let mut draft =
        DraftTopology { has_unread_groups: is_misspelt, has_unread_pairs: is_misspelt, ..Default::default() };
    let Some(fields) = value.and_then(|value| reader.table("`[topology]`", value, TOPOLOGY_KEYS)) else {
        draft.has_unread_groups |= value.is_some();
        draft.has_unread_pairs |= value.is_some();
        return draft;
    };
    draft.has_unread_groups |= reader.is_misspelt(&fields.place, "groups");
    draft.has_unread_pairs |= reader.is_misspelt(&fields.place, "pairs");
    if let Some(value) = fields.get("pairs") {
        draft.pairs = reader.choice("`pairs`", value, PAIRINGS);
        draft.has_unread_pairs = draft.pairs.is_none();
    }
    if let Some(value) = fields.get("groups") {
        let kind = "a list such as `[ { name = \"team\", members = 25 } ]`";
        let Some(list) = reader.array("`groups`", value, kind) else {
            draft.has_unread_groups = true;
            return draft;
        };
        if list.len() > GROUPS_MAX {
            let message = format!("a topology has at most {GROUPS_MAX} kinds of group");
            reader.problem(Problem::at(value.span(), message).help("`count` makes many groups of one kind"));
        }
        for item in list.iter().take(GROUPS_MAX) {
            match group(reader, item) {
                Some((group, place)) if draft.groups.iter().any(|(other, _)| other.name == group.name) => {
                    let message = format!("there are two groups `{}`", group.name);
                    reader
                        .problem(Problem::at(place, message).help("each group of `topology.groups` has its own name"));
                }
                Some(group) => draft.groups.push(group),
                None => draft.has_unread_groups = true,
            }
        }
    }
    draft
}

fn group(reader: &mut Reader, value: &Value<'_>) -> Option<(GroupKind, Range<usize>)> {
    let fields = reader.table("a group of `topology.groups`", value, GROUP_KEYS)?;
    let name_value = fields.need(reader, "name", "steps use it as `group:NAME`");
    let name = name_value.and_then(|value| word(reader, "the group's `name`", value));
    let members = fields
        .need(reader, "members", "say how many users one group has, such as `members = 25`")
        .and_then(|value| reader.whole("`members`", value, 1..=USERS_MAX));
    let count = match fields.get("count") {
        Some(value) => reader.whole("`count`", value, 1..=USERS_MAX).map(Some),
        None => Some(None),
    };
    let group = GroupKind {
        name: name?,
        members: u32::try_from(members?).ok()?,
        count: count?.and_then(|count| u32::try_from(count).ok()),
    };
    Some((group, name_value.map_or(value.span(), |name| name.span())))
}

/// A name: letters, digits, `-` and `_`, so that it needs no quotes anywhere.
pub(super) fn word(reader: &mut Reader, what: &str, value: &Value<'_>) -> Option<String> {
    let text = reader.text(what, value)?;
    if is_word(text.text) {
        return Some(text.text.to_owned());
    }
    let message = format!("{what} cannot be `{}`", text.shown);
    reader.problem(Problem::at(text.place, message).expected("expected letters, digits, `-` and `_`, at most 64"));
    None
}

pub(super) fn is_word(text: &str) -> bool {
    let is_allowed = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    !text.is_empty() && text.chars().count() <= 64 && text.chars().all(is_allowed)
}
