//! A list of names in the policy, whose comments stay with the names that they are about.
//!
//! `toml_edit` keeps what stands behind the comma of a name at the beginning of the next one, or at the end of the list.

use toml_edit::{Array, DocumentMut, Value};

/// Puts a name at the end of a list, laid out as the one before it.
pub(crate) fn add(list: &mut Array, name: &str) {
    let mut value = Value::from(name);
    let last = list.len().checked_sub(1).and_then(|last| list.get_mut(last));
    let Some(last) = last else {
        list.push(name);
        return;
    };
    let indentation = prefix(last).rsplit_once('\n').map(|(_, indentation)| indentation.to_owned());
    // The comment of the last name, and what is between it and the bracket.
    let (comment, rest) = match list.trailing_comma() {
        true => split(list.trailing().as_str().unwrap_or_default()),
        false => {
            let suffix = list.get(list.len() - 1).and_then(|last| last.decor().suffix()?.as_str()).unwrap_or_default();
            let (comment, rest) = split(suffix);
            if let Some(last) = list.get_mut(list.len() - 1) {
                last.decor_mut().set_suffix("");
            }
            (comment, rest)
        }
    };
    match indentation {
        Some(indentation) => value.decor_mut().set_prefix(format!("{comment}\n{indentation}")),
        None if comment.is_empty() => value.decor_mut().set_prefix(" "),
        None => value.decor_mut().set_prefix(format!("{comment}\n  ")),
    }
    match list.trailing_comma() {
        true => list.set_trailing(rest),
        false => value.decor_mut().set_suffix(rest),
    }
    list.push_formatted(value);
}

/// Takes the name at `place` out of a list, with the comment behind it and the comment lines right above it.
pub(crate) fn remove(list: &mut Array, place: usize) {
    let Some(gone) = list.get(place) else { return };
    let above = prefix(gone);
    let suffix = gone.decor().suffix().and_then(|suffix| suffix.as_str()).unwrap_or_default().to_owned();
    list.remove(place);
    // What is behind the comma of the name before stays with that one.
    let (comment_before, above) = split(&above);
    // A comment ends with its line, whatever stands behind it.
    let behind = |rest: String, new_line: &str| match comment_before.is_empty() || rest.starts_with('\n') {
        true => format!("{comment_before}{rest}"),
        false => format!("{comment_before}{new_line}"),
    };
    let indentation = above.rsplit_once('\n').map_or("", |(_, indentation)| indentation);
    let trailing_comma = list.trailing_comma();
    match list.get_mut(place) {
        Some(next) => {
            let (_, rest) = split(&prefix(next));
            let first_in_line = place == 0 && rest.is_empty();
            let rest = if rest.is_empty() && !first_in_line { " ".to_owned() } else { rest };
            next.decor_mut().set_prefix(behind(rest, &format!("\n{indentation}")));
        }
        None if trailing_comma => {
            let (_, rest) = split(list.trailing().as_str().unwrap_or_default());
            list.set_trailing(behind(rest, "\n"));
        }
        None => {
            let (_, rest) = split(&suffix);
            if let Some(last) = list.len().checked_sub(1).and_then(|last| list.get_mut(last)) {
                last.decor_mut().set_suffix(behind(rest, "\n"));
            }
        }
    }
}

/// The names that a list has once it is written and read again; none if it cannot be.
pub(crate) fn read_again(list: &Array) -> Option<Vec<String>> {
    let document: DocumentMut = format!("a = {}\n", list.to_string().trim()).parse().ok()?;
    document.get("a")?.as_array()?.iter().map(|name| name.as_str().map(str::to_owned)).collect()
}

fn prefix(value: &Value) -> String {
    value.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default().to_owned()
}

/// The comment in the line in which `text` begins, and all that begins with the next line.
fn split(text: &str) -> (String, String) {
    match text.split_once('\n') {
        Some((line, rest)) => (line.trim_end().to_owned(), format!("\n{rest}")),
        None => (String::new(), text.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn edited(text: &str, edit: impl FnOnce(&mut Array)) -> String {
        let mut document: DocumentMut = text.parse().unwrap();
        edit(document["a"].as_array_mut().unwrap());
        let text = document.to_string();
        text.parse::<DocumentMut>().unwrap();
        text
    }

    const LIST: &str = "a = [\n  \"alice\", # the boss\n  # of security\n  \"bob\",\n  \"carol\", # release\n]\n";

    #[test]
    fn a_comment_leaves_with_its_name() {
        let without = |place| edited(LIST, |list| remove(list, place));
        assert_eq!(without(0), "a = [\n  # of security\n  \"bob\",\n  \"carol\", # release\n]\n");
        assert_eq!(without(1), "a = [\n  \"alice\", # the boss\n  \"carol\", # release\n]\n");
        assert_eq!(without(2), "a = [\n  \"alice\", # the boss\n  # of security\n  \"bob\",\n]\n");
        let none = "a = [\n  \"alice\", # the boss\n  \"bob\" # of security\n]\n";
        assert_eq!(edited(none, |list| remove(list, 1)), "a = [\n  \"alice\" # the boss\n]\n");
        assert_eq!(edited(none, |list| remove(list, 0)), "a = [\n  \"bob\" # of security\n]\n");
        for (place, left) in ["[\"b\", \"c\"]", "[\"a\", \"c\"]", "[\"a\", \"b\"]"].into_iter().enumerate() {
            let text = edited("a = [\"a\", \"b\", \"c\"]\n", |list| remove(list, place));
            assert_eq!(text, format!("a = {left}\n"));
        }
        assert_eq!(edited("a = [ \"a\" ]\n", |list| remove(list, 0)), "a = []\n");
    }

    /// Whatever is written into a list, it names whom it should.
    #[test]
    fn no_comment_swallows_a_name() {
        let lists = [
            "a = [ # the root keyholders\n  \"alice\", \"bob\", # security team\n  \"carol\", \"dave\" ]\n",
            "a = [\"alice\", # A\n  \"bob\", # B\n  \"carol\"]\n",
            "a = [\"alice\", \"bob\", # AB\n  \"carol\"]\n",
            "a = [\"alice\" # A\n, \"bob\" # B\n, \"carol\" # C\n]\n",
            "a = [ # all\n\"alice\" ]\n",
            "a = [\n  # everybody\n  \"alice\",\n  \"bob\",\n  # nobody else\n]\n",
        ];
        let names = |text: &str| -> Vec<String> {
            let document: DocumentMut = text.parse().unwrap();
            document["a"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
        };
        for text in lists {
            for place in 0..names(text).len() {
                let mut left = names(text);
                left.remove(place);
                let without = edited(text, |list| remove(list, place));
                assert_eq!(names(&without), left, "{without}");
                left.push("erin".to_owned());
                let with = edited(&without, |list| add(list, "erin"));
                assert_eq!(names(&with), left, "{with}");
            }
        }
        let kept = edited(lists[2], |list| {
            remove(list, 2);
            add(list, "dave");
        });
        assert!(kept.contains("\"bob\", # AB\n"), "{kept}");
    }

    #[test]
    fn a_new_name_takes_no_comment_of_another() {
        let with = |text: &str| edited(text, |list| add(list, "dave"));
        assert_eq!(with(LIST), LIST.replace("# release\n]", "# release\n  \"dave\",\n]"));
        assert_eq!(
            with("a = [\n  \"alice\", # the boss\n  \"bob\" # of security\n]\n"),
            "a = [\n  \"alice\", # the boss\n  \"bob\", # of security\n  \"dave\"\n]\n"
        );
        assert_eq!(with("a = [\"a\", \"b\"] # all\n"), "a = [\"a\", \"b\", \"dave\"] # all\n");
        assert_eq!(with("a = []\n"), "a = [\"dave\"]\n");
    }
}
