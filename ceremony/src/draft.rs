//! The next version of a metadata file, as an edit of the published one.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::json::{Json, Object};
use crate::key::Fingerprint;
use crate::metadata::{Kind, Metadata};
use crate::quorum::KeySet;
use crate::time::Time;
use crate::tuf_key::{IdForm, KeyId, TufKey};

/// The version of the TUF specification that new files name.
const SPEC_VERSION: &str = "1.0.31";

/// A signed part that is being edited.
///
/// What nobody changes stays as it was published, unknown members included.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    signed: Json,
    published: Option<u64>,
}

impl Draft {
    /// Starts from what is published.
    pub(crate) fn of(published: &Metadata) -> Self {
        Self { signed: published.signed().clone(), published: Some(published.version()) }
    }

    /// Starts a role that was never published.
    pub(crate) fn new(kind: Kind) -> Self {
        let empty = || Json::Object(Object::new());
        let mut signed: Object = [("_type", Json::string(kind.as_str())), ("spec_version", Json::string(SPEC_VERSION))]
            .into_iter()
            .collect();
        match kind {
            Kind::Root => {
                signed.insert("consistent_snapshot", Json::Bool(true));
                signed.insert("keys", empty());
                signed.insert("roles", empty());
            }
            Kind::Targets => {
                signed.insert("targets", empty());
            }
            Kind::Snapshot | Kind::Timestamp => {
                signed.insert("meta", empty());
            }
        }
        Self { signed: Json::Object(signed), published: None }
    }

    /// The object under `name`, made if it is not there.
    pub(crate) fn object(&mut self, name: &str) -> &mut Object {
        child(self.signed.as_object_mut().expect("a draft is an object"), name)
    }

    /// The whole signed part.
    pub(crate) fn signed(&mut self) -> &mut Object {
        self.signed.as_object_mut().expect("a draft is an object")
    }

    /// Whether anything differs from what is published.
    pub(crate) fn changed_from(&self, published: Option<&Metadata>) -> bool {
        published.is_none_or(|published| *published.signed() != self.signed)
    }

    /// The published version plus one: the only way to make a successor (TUF specification, section 5.3.5). None if
    /// the numbers are used up.
    pub(crate) fn next_version(&self) -> Option<u64> {
        self.published.map_or(Some(1), |version| version.checked_add(1))
    }

    /// The metadata file without signatures.
    pub(crate) fn finish(mut self, version: u64, expires: Time) -> Metadata {
        let signed = self.signed();
        signed.insert("version", version.into());
        signed.insert("expires", Json::string(expires.to_string()));
        Metadata::new(self.signed, Vec::new()).expect("a draft has a type, and now a version and a time")
    }
}

/// The object under `name` of `object`, made if it is not there or something else.
pub(crate) fn child<'a>(object: &'a mut Object, name: &str) -> &'a mut Object {
    if object.get(name).and_then(Json::as_object).is_none() {
        object.insert(name, Json::Object(Object::new()));
    }
    object.get_mut(name).and_then(Json::as_object_mut).expect("it was just put there")
}

/// The keys of a role after an edit.
pub(crate) struct EditedKeys {
    /// The ids: leavers taken out where they stood, joiners appended.
    pub(crate) ids: Vec<KeyId>,
    /// The key objects behind them.
    pub(crate) keys: Vec<TufKey>,
}

/// Edits the keys of a role to be those of `wanted`.
///
/// A key that stays keeps the ids and objects under which it is published, for an id that changes costs every client
/// and every signer a step. The exception is a published id that matches no formula, which strict clients refuse, where
/// the record has a better one.
pub(crate) fn edit_keys(published: Option<&KeySet>, wanted: &[TufKey]) -> EditedKeys {
    let fingerprint = |key: &TufKey| key.key.as_ref().ok().map(|key| key.fingerprint());
    let mut edited = EditedKeys { ids: Vec::new(), keys: Vec::new() };
    let mut there: Vec<Fingerprint> = Vec::new();
    for id in published.map_or(&[][..], |set| &set.ids) {
        let Some(key) = published.and_then(|set| set.key(id)) else { continue };
        let Some(print) = fingerprint(key) else { continue };
        let Some(record) = wanted.iter().find(|key| fingerprint(key) == Some(print)) else { continue };
        if key.id_form() == IdForm::Other && record.id_form() != IdForm::Other {
            continue;
        }
        edited.ids.push(id.clone());
        edited.keys.push(key.clone());
        there.push(print);
    }
    for key in wanted {
        if fingerprint(key).is_none_or(|print| !there.contains(&print)) {
            edited.ids.push(key.id.clone());
            edited.keys.push(key.clone());
            there.extend(fingerprint(key));
        }
    }
    edited
}

/// Writes ids and threshold into the object of a role, and leaves its other members.
pub(crate) fn write_role(role: &mut Object, edited: &EditedKeys, threshold: u64) {
    role.insert("keyids", edited.ids.iter().map(|id| Json::string(id.as_str())).collect());
    role.insert("threshold", threshold.into());
}

/// Puts the objects of `edited` into a `keys` member; one that is there already stays as it is.
pub(crate) fn write_keys(keys: &mut Object, edited: &EditedKeys) {
    for key in &edited.keys {
        if keys.get(key.id.as_str()).is_none() {
            keys.insert(key.id.as_str(), key.object.clone());
        }
    }
}
