//! Where the mistake of a policy stands that is TOML and no policy.

use std::ops::Range;

use ceremony::policy::PolicyError;
use toml_edit::{Array, Document, Item, Table, Value};

/// The line of `text`, counted from 1, that `error` is about; none where the text does not show it.
pub(super) fn line(text: &str, error: &PolicyError) -> Option<usize> {
    let document = Document::parse(text).ok()?;
    let root = document.as_table();
    let field = |table: &str, name: &str| root.get(table)?.get(name)?.span();
    let span = match error {
        PolicyError::Accept { finding, problem } => accept(root, finding, problem),
        PolicyError::Client { name } => place(root.get("clients")?.get("support")?.as_array()?, name, 0),
        PolicyError::Devices { problem } => field("devices", problem.split(':').next()?),
        PolicyError::Id => field("trust-root", "id"),
        PolicyError::Publish(_) => field("publish", "metadata-url"),
        PolicyError::Role { role, problem } => role_at(root, role, problem),
        PolicyError::Target { path, .. } => {
            root.get("targets")?.as_table()?.iter().find(|(name, _)| is(name, path))?.1.span()
        }
        _ => None,
    }?;
    Some(text.get(..span.start)?.matches('\n').count() + 1)
}

/// The one `[[accept]]` of this finding; of several the one that has no reason, if that is the problem.
fn accept(root: &Table, finding: &str, problem: &str) -> Option<Range<usize>> {
    let text = |table: &Table, name: &str| table.get(name).and_then(Item::as_str).map(str::to_owned);
    let tables = root.get("accept")?.as_array_of_tables()?.iter();
    let mut same = tables.filter(|table| text(table, "finding").is_some_and(|name| is(&name, finding)));
    if problem.contains("reason") {
        return same.find(|table| text(table, "reason").is_some_and(|reason| reason.trim().is_empty()))?.span();
    }
    let only = same.next()?;
    if same.next().is_none() { only.span() } else { None }
}

/// The field of a role that the problem speaks of, else its table.
fn role_at(root: &Table, role: &str, problem: &str) -> Option<Range<usize>> {
    let top = root.get("roles").and_then(|roles| roles.get(role)).and_then(Item::as_table);
    let delegations = root.get("delegation").and_then(Item::as_array_of_tables);
    let name = |table: &Table| table.get("name").and_then(Item::as_str).is_some_and(|name| is(name, role));
    let mut tables: Vec<&Table> = delegations.into_iter().flatten().filter(|table| name(table)).collect();
    tables.splice(..0, top);
    let table = match tables.as_slice() {
        [only] => only,
        [.., last] if problem.starts_with("is there twice") => return last.span(),
        _ => return None,
    };
    let signers = ["keyholders", "online"].into_iter().find_map(|list| table.get(list));
    let field = match problem {
        _ if problem.starts_with("names ") => {
            let repeated = usize::from(problem.ends_with(" twice"));
            let name = problem.split('"').nth(1)?;
            return place(signers?.as_array()?, name, repeated);
        }
        _ if problem.starts_with("has a threshold") => table.get("threshold"),
        _ if problem.starts_with("is external, so its threshold") => table.get("threshold"),
        _ if problem.starts_with("needs a lifetime") => table.get("lifetime-days"),
        _ if problem.starts_with("is delegated by") => table.get("by"),
        _ if problem.starts_with("has no paths") => table.get("paths"),
        _ if problem.starts_with("is signed by") || problem.starts_with("has an online") => signers,
        _ => None,
    };
    field.and_then(Item::span).or_else(|| table.span())
}

/// The place of a text in a list, after so many equal ones.
fn place(list: &Array, text: &str, before: usize) -> Option<Range<usize>> {
    list.iter().filter(|value| value.as_str().is_some_and(|value| is(value, text))).nth(before).and_then(Value::span)
}

/// Whether an error calls `name` this: it escapes what it names.
fn is(name: &str, called: &str) -> bool {
    name == called || name.escape_debug().to_string() == called
}
