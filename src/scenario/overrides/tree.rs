//! Edits of the tree that is read.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::path::Segment;
use super::{Edit, ValuePlace};
use crate::scenario::problem::{Problem, listed, nearest};
use crate::scenario::read::Value;

/// Puts the value of an edit where it belongs; tables on the way are made, list items are not.
pub(super) fn put<'i>(tree: &mut DeTable<'i>, edit: &'i Edit) -> Result<(), Problem> {
    let parsed = DeValue::parse(&edit.value)
        .map_err(|error| Problem::at(edit.path_place.clone(), format!("cannot set this value: {}", error.message())))?;
    let value = relocate(parsed, &|span: Range<usize>| match &edit.value_place {
        ValuePlace::From(start) => start + span.start..start + span.end,
        ValuePlace::Within(place) => place.clone(),
    });
    in_table(tree, &edit.path, edit, value)
}

/// A value with every place in it moved.
fn relocate<'i>(value: Value<'i>, place: &dyn Fn(Range<usize>) -> Range<usize>) -> Value<'i> {
    let span = place(value.span());
    let moved = match value.into_inner() {
        DeValue::Array(array) => DeValue::Array(array.into_iter().map(|item| relocate(item, place)).collect()),
        DeValue::Table(table) => {
            let move_entry = |(key, item): (Spanned<Cow<'i, str>>, Value<'i>)| {
                (Spanned::new(place(key.span()), key.into_inner()), relocate(item, place))
            };
            DeValue::Table(table.into_iter().map(move_entry).collect())
        }
        other => other,
    };
    Spanned::new(span, moved)
}

fn in_table<'i>(table: &mut DeTable<'i>, path: &'i [Segment], edit: &Edit, value: Value<'i>) -> Result<(), Problem> {
    let Some((Segment::Key(key), rest)) = path.split_first() else {
        let found = "a table, which has names, not numbers";
        return Err(Problem::at(edit.path_place.clone(), format!("`{}` is in {found}", path_text(&edit.path))));
    };
    if rest.is_empty() && !edit.is_added {
        table.insert(Spanned::new(edit.path_place.clone(), Cow::Borrowed(key)), value);
        return Ok(());
    }
    if table.get(key.as_str()).is_none() {
        let empty = match rest.is_empty() {
            true => DeValue::Array(DeArray::new()),
            false => DeValue::Table(DeTable::new()),
        };
        let place = edit.path_place.clone();
        table.insert(Spanned::new(place.clone(), Cow::Borrowed(key)), Spanned::new(place, empty));
    }
    match table.get_mut(key.as_str()) {
        Some(inner) => in_value(inner, rest, edit, value),
        None => Ok(()),
    }
}

fn in_value<'i>(slot: &mut Value<'i>, path: &'i [Segment], edit: &Edit, value: Value<'i>) -> Result<(), Problem> {
    match slot.get_mut() {
        DeValue::Array(array) if path.is_empty() && edit.is_added => {
            array.push(value);
            Ok(())
        }
        _ if path.is_empty() => {
            *slot = value;
            Ok(())
        }
        DeValue::Table(table) => in_table(table, path, edit, value),
        DeValue::Array(array) => in_array(array, path, edit, value),
        other => {
            let message = format!("`{}` leads into a {}", path_text(&edit.path), other.type_str());
            Err(Problem::at(edit.path_place.clone(), message).help("end the path there, to replace it"))
        }
    }
}

fn in_array<'i>(array: &mut DeArray<'i>, path: &'i [Segment], edit: &Edit, value: Value<'i>) -> Result<(), Problem> {
    let Some((first, rest)) = path.split_first() else { return Ok(()) };
    let length = array.len();
    let slot = match first {
        Segment::Index(index) => array.get_mut(*index),
        Segment::Key(name) => array.iter_mut().find(|item| item_name(item) == Some(name)),
    };
    if let Some(slot) = slot {
        return in_value(slot, rest, edit, value);
    }
    let problem = Problem::at(edit.path_place.clone(), format!("`{}` leads nowhere", path_text(&edit.path)));
    let names: Vec<&str> = array.iter().filter_map(item_name).collect();
    Err(match first {
        Segment::Index(_) if length == 0 => problem.help("the list there is empty"),
        Segment::Index(_) => problem.help(format!("the list there goes from `[0]` to `[{}]`", length - 1)),
        Segment::Key(name) => match nearest(name, &names) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None if names.is_empty() => problem.help("its items have no names: count them from `[0]`"),
            None => problem.help(format!("the items there are {}", listed(&names))),
        },
    })
}

fn item_name<'v>(item: &'v Value<'_>) -> Option<&'v str> {
    item.get_ref().get("name")?.get_ref().as_str()
}

fn path_text(path: &[Segment]) -> String {
    let mut text = String::new();
    for segment in path {
        if matches!(segment, Segment::Key(_)) && !text.is_empty() {
            text.push('.');
        }
        text.push_str(&segment.to_string());
    }
    text
}
