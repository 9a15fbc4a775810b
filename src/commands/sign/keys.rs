//! Whose the keys at hand are, and what they may sign.

use ceremony::assemble::name_of;
use ceremony::{Fingerprint, Root, Staged};
use keyholders::{Description, DeviceKind, Home, Roster, Uri};

use super::before;
use crate::ceremony_dir::Ceremony;
use crate::commands::keyholder::shown::place;
use crate::devices::{AtHand, KeyAtHand};
use crate::error::Failure;
use crate::examine::and;

/// Whether a key may sign any of what is staged.
pub(super) fn may_sign(staged: &Staged, key: &Fingerprint) -> bool {
    staged.roles().values().any(|role| role.quorum.key(key).is_some())
}

/// One sentence of a key: whose it is, and which roles it may sign, or where it was last of use.
pub(super) fn told(ceremony: &Ceremony, staged: &Staged, key: &KeyAtHand) -> String {
    let roles = staged.roles().iter().filter(|(_, role)| role.quorum.key(&key.fingerprint).is_some());
    let roles: Vec<String> = roles.map(|(name, role)| format!("{name} version {}", role.metadata.version())).collect();
    match roles.is_empty() {
        true => format!("{}; it signs nothing here.", whose(ceremony, key)),
        false => format!("{}; it may sign {}.", owner(ceremony, key), and(&roles)),
    }
}

/// No key at hand may sign: whose they are, and where those are that may.
pub(super) fn none(ceremony: &Ceremony, staged: &Staged, keys: &[KeyAtHand]) -> Failure {
    let failure = Failure::no("no key at hand may sign this proposal");
    let failure = keys.iter().fold(failure, |failure, key| failure.and_cause(whose(ceremony, key)));
    let mut who: Vec<String> = staged
        .roles()
        .values()
        .flat_map(|role| role.quorum.fingerprints())
        .map(|key| match ceremony.roster.find(&key).map(|(_, key)| key.home()) {
            Some(home @ (Home::Pkcs11 { .. } | Home::Yubikey { .. })) => {
                format!("{} ({})", name_of(&key, &ceremony.inputs.holders), place(home))
            }
            _ => name_of(&key, &ceremony.inputs.holders),
        })
        .collect();
    who.sort();
    who.dedup();
    failure.hint(format!("these may sign: {}; plug your device in, or name a file with --key-file", who.join(", ")))
}

/// Refuses to guess which of several devices a PIN in a file is for: at each other it would cost a try.
pub(super) fn refuse_several(
    ceremony: &Ceremony,
    roster: &Roster,
    staged: &Staged,
    at_hand: &AtHand,
) -> Result<(), Failure> {
    let left = |key: &&KeyAtHand| {
        let mut roles = staged.roles().iter().filter(|(_, role)| role.quorum.key(&key.fingerprint).is_some());
        roles.any(|(role, staged)| before(ceremony, role, staged, &key.fingerprint).is_none())
    };
    let in_device = |key: &&KeyAtHand| key.device.describe().kind != DeviceKind::File;
    let mut seen: Vec<Description> = Vec::new();
    let mut devices = at_hand.closed_tokens(roster);
    for key in at_hand.keys.iter().filter(in_device).filter(left) {
        // By what the devices show: what a record says of their places is not signed by anybody.
        let here = key.device.describe();
        if !seen.iter().any(|other| one_device(shown(other), shown(&here))) {
            devices.push(here.label.clone());
            seen.push(here);
        }
    }
    match devices.len() {
        0 | 1 => Ok(()),
        count => Err(Failure::could_not(format!("--pin-file is for one device, and {count} here may sign"))
            .and_cause(and(&devices))
            .hint("say whose device it is for: --keyholder NAME")),
    }
}

/// Whether two keys are certainly in one device: on one token, by its serial number and all else that it says of itself; in
/// one YubiKey, which is called by its serial number.
fn one_device(one: Shown<'_>, other: Shown<'_>) -> bool {
    match (one.1, other.1) {
        (Some(one), Some(other)) => one.serial.is_some() && one.matches_token(other) && other.matches_token(one),
        (None, None) => (one.0, one.2) == (other.0, other.2),
        _ => false,
    }
}

/// The kind of a device, the token if it is one, and what it is called.
type Shown<'a> = (DeviceKind, Option<&'a Uri>, &'a str);

fn shown(key: &Description) -> Shown<'_> {
    (key.kind, key.uri.as_ref(), &key.device)
}

/// `the YubiKey 123 has alice's active key 01234567`
fn owner(ceremony: &Ceremony, key: &KeyAtHand) -> String {
    let (short, place) = (key.fingerprint.short(), key.device.describe().label);
    match ceremony.roster.find(&key.fingerprint) {
        Some((record, key)) => format!("{place} has {}'s {} key {short}", record.name(), key.state().as_str()),
        None => format!("{place} has the key {short}, which is nobody's on record"),
    }
}

/// Whose a key is that has nothing to sign, and where it was last of use.
fn whose(ceremony: &Ceremony, key: &KeyAtHand) -> String {
    let mut roots = ceremony.base.roots.iter().rev().filter_map(|root| Root::of(root).ok());
    let listed = |root: &Root| root.roles.values().any(|role| role.fingerprints().contains(&key.fingerprint));
    let last = match roots.find(listed) {
        Some(root) => format!("it was last listed in root {}", root.version),
        None => "no published root has listed it".to_owned(),
    };
    format!("{}; {last}", owner(ceremony, key))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn devices_are_told_apart_by_what_they_show() {
        let uris = ["token=a;serial=1;object=x", "token=a;serial=1;object=y", "token=a;serial=2;object=x", "token=a"];
        let uris = uris.map(|uri| format!("pkcs11:{uri}").parse::<Uri>().unwrap());
        let [alice, spare, bob, unnamed] = uris.each_ref().map(|uri| (DeviceKind::Pkcs11, Some(uri), "a token"));
        assert!(one_device(alice, spare) && !one_device(alice, bob));
        assert!(!one_device(unnamed, unnamed), "nothing says that it is one");
        let [first, second] = ["the YubiKey 1", "the YubiKey 2"].map(|name| (DeviceKind::Yubikey, None, name));
        assert!(one_device(first, first) && !one_device(first, second) && !one_device(alice, first));
    }
}
