//! What to do about a finding, as the page on findings has it.

use ceremony::Rule;

/// The page, so that one place says it.
const PAGE: &str = include_str!("../docs/findings.md");

/// What to do about what a rule found: the sentences of the page, with links as their text alone.
pub(crate) fn advice(rule: Rule) -> String {
    let section = PAGE.split_once(&format!("\n### {rule}\n")).map_or("", |(_, rest)| rest);
    let section = section.split("\n### ").next().unwrap_or_default();
    let advice = section.split_once("- **Do:** ").map_or("", |(_, rest)| rest);
    let advice = advice.split("\n\n").next().unwrap_or_default();
    without_links(&advice.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// `[text](address)` as `text`.
fn without_links(text: &str) -> String {
    let mut parts = text.split("](");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if let Some(open) = out.rfind('[') {
            out.remove(open);
        }
        out.push_str(part.split_once(')').map_or(part, |(_, rest)| rest));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_some_for_every_rule() {
        for rule in Rule::ALL {
            let advice = advice(*rule);
            assert!(advice.ends_with('.') && !advice.contains("](") && !advice.contains("**"), "{rule}: {advice}");
        }
        assert_eq!(advice(Rule::UrlTrailingSlash), "Leave the slash out: `trustroot material repair` does it.");
        assert_eq!(without_links("a [b](c) [d] [e](f)."), "a b [d] e.");
    }
}
