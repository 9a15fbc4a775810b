//! Whether the legacy targets say what the trusted root says.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::finding::{Finding, Rule};
use crate::material::instance::Kind;
use crate::material::legacy::{LegacyTarget, Piece, entries_of, holds, is_for_old_clients};
use crate::material::moment::Moment;
use crate::material::trusted_root::TrustedRoot;

/// Words of `custom.sigstore` that no client knows, and names that they read and others do not.
pub(super) fn words(targets: &[LegacyTarget], findings: &mut Vec<Finding>) {
    for target in targets {
        let (usage, status) = (target.usage.as_deref(), target.status.as_deref());
        let members = [("usage", usage, LegacyTarget::USAGES), ("status", status, LegacyTarget::STATUSES)];
        for (member, word, known) in members {
            if word.is_none_or(|word| !known.contains(&word)) {
                let word = word.map_or_else(|| "nothing".to_string(), |word| format!("\"{word}\""));
                let what = format!("{member} is {word}, none of {} in these letters", known.join(", "));
                findings.push(Finding::new(Rule::UsageUnknown, &target.path, what));
            }
        }
        if !target.misspelled.is_empty() {
            let names: Vec<String> = target.misspelled.iter().map(|name| format!("\"{name}\"")).collect();
            let names = names.join(", ");
            let what = format!("custom has {names}: old clients read sigstore, status, uri and usage in any letters");
            findings.push(Finding::new(Rule::UsageUnknown, &target.path, what));
        }
    }
}

/// Differences between the legacy targets and the trusted root at `now`.
pub(super) fn legacy(root: &TrustedRoot, targets: &[LegacyTarget], now: &Moment, findings: &mut Vec<Finding>) {
    for target in targets {
        let Some(kind) = target.kind() else { continue };
        let mut found = |what| findings.push(Finding::new(Rule::LegacyDiffers, &target.path, what));
        let pieces = target.pieces();
        if pieces.is_empty() {
            found("it holds neither the key nor the certificate that its usage promises".to_string());
        }
        for piece in pieces.iter().filter(|piece| !root.of_kind(kind).any(|entry| holds(&entry, piece.sha256()))) {
            found(format!("{piece}, is under no {kind} in the trusted root"));
        }
        let entries = entries_of(root, target);
        let Some(entry) = entries.first() else { continue };
        let over = entries.iter().all(|entry| entry.valid_for().is_ok_and(|valid| valid.is_over(now)));
        match (over, target.is_active()) {
            (true, true) => {
                let end = entry.valid_for().ok().and_then(|valid| valid.end);
                let end = end.as_ref().map_or("", Moment::as_str);
                found(format!("it is Active, and the trusted root ended it at {end}"));
            }
            (false, false) => found("it is not Active, and the trusted root still has it as valid".to_string()),
            _ => {}
        }
        if let (Some(uri), Some(url)) = (&target.uri, entry.url())
            && entries.iter().all(|entry| entry.url() != Some(uri))
        {
            found(format!("its uri is {uri}, and that of the trusted root {url}"));
        }
    }
    for kind in Kind::ALL.iter().filter(|kind| targets.iter().any(|target| target.kind() == Some(**kind))) {
        let held: Vec<Piece> =
            targets.iter().filter(|t| t.kind() == Some(*kind)).flat_map(LegacyTarget::pieces).collect();
        let current = root.of_kind(*kind).filter(|entry| entry.valid_for().is_ok_and(|valid| !valid.is_over(now)));
        let missing =
            current.filter(|entry| is_for_old_clients(entry) && !held.iter().any(|held| holds(entry, held.sha256())));
        for entry in missing {
            let what = format!("other {kind} keys are legacy targets, and this one is not");
            findings.push(Finding::new(Rule::LegacyDiffers, entry.subject(), what));
        }
    }
}
