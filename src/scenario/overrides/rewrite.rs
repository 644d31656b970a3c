//! The scenario's text as it runs: edits done, comments kept, secrets replaced by where they come from.

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::Edit;
use super::path::Segment;
use crate::scenario::redact;

/// Does the edits to the text. Text that is no TOML is only freed from secrets.
pub(super) fn rewrite(text: &str, edits: &[Edit]) -> String {
    let Ok(mut document) = text.parse::<DocumentMut>() else { return redact::replaced(text) };
    for edit in edits {
        // The value was read as TOML before.
        if let Ok(value) = edit.value.parse::<Value>() {
            in_table(document.as_table_mut(), &edit.path, edit.is_added, value);
        }
    }
    let password = document
        .get_mut("users")
        .and_then(|users| users.as_table_like_mut()?.get_mut("generate"))
        .and_then(|generate| generate.as_table_like_mut()?.get_mut("password"));
    if let Some(item) = password {
        let safe = redact::stand_in(item.as_str().unwrap_or_default());
        if item.as_str() != Some(safe.as_str()) {
            replace(item, Value::from(safe));
        }
    }
    redact::replaced(&document.to_string())
}

fn in_table(table: &mut dyn TableLike, path: &[Segment], is_added: bool, value: Value) {
    let Some((Segment::Key(key), rest)) = path.split_first() else { return };
    if rest.is_empty() && !is_added {
        match table.get_mut(key) {
            Some(item) if !item.is_none() => replace(item, value),
            _ => {
                table.insert(key, Item::Value(value));
            }
        }
        return;
    }
    if table.get(key).is_none() {
        let is_root_like = rest.len() == 1 && matches!(key.as_str(), "target" | "auth" | "users" | "topology" | "load");
        let is_gates = key == "gates";
        table.insert(
            key,
            match rest.is_empty() {
                true => Item::Value(Value::Array(Array::new())),
                false if is_root_like || is_gates => Item::Table(Table::new()),
                false => Item::Value(Value::InlineTable(InlineTable::new())),
            },
        );
    }
    if let Some(item) = table.get_mut(key) {
        in_item(item, rest, is_added, value);
    }
}

fn in_item(item: &mut Item, path: &[Segment], is_added: bool, value: Value) {
    match item {
        Item::Value(Value::Array(array)) if path.is_empty() && is_added => array.push(value),
        _ if path.is_empty() => replace(item, value),
        Item::ArrayOfTables(list) => {
            let Some((first, rest)) = path.split_first() else { return };
            let found = match first {
                Segment::Index(index) => list.get_mut(*index),
                Segment::Key(name) => list.iter_mut().find(|table| name_of(*table) == Some(name)),
            };
            match found {
                Some(table) if !rest.is_empty() => in_table(table, rest, is_added, value),
                _ => {}
            }
        }
        Item::Value(Value::Array(array)) => in_array(array, path, is_added, value),
        other => {
            if let Some(table) = other.as_table_like_mut() {
                in_table(table, path, is_added, value);
            }
        }
    }
}

fn in_array(array: &mut Array, path: &[Segment], is_added: bool, value: Value) {
    let Some((first, rest)) = path.split_first() else { return };
    let found = match first {
        Segment::Index(index) => array.get_mut(*index),
        Segment::Key(name) => {
            array.iter_mut().find(|item| item.as_inline_table().and_then(|table| name_of(table)) == Some(name))
        }
    };
    let Some(slot) = found else { return };
    match slot {
        slot if rest.is_empty() => replace_value(slot, value),
        Value::InlineTable(table) => in_table(table, rest, is_added, value),
        Value::Array(inner) => in_array(inner, rest, is_added, value),
        _ => {}
    }
}

fn name_of(table: &dyn TableLike) -> Option<&str> {
    table.get("name")?.as_str()
}

/// Replaces a value and keeps the blanks and the comment around it.
fn replace(item: &mut Item, value: Value) {
    match item {
        Item::Value(old) => replace_value(old, value),
        other => *other = Item::Value(value),
    }
}

fn replace_value(old: &mut Value, mut value: Value) {
    *value.decor_mut() = old.decor().clone();
    *old = value;
}
