//! A diff for programs.

use alloc::string::ToString;

use super::TargetChange;
use super::{Change, Content, DelegationChange, Diff, KeyChange, KeysChange, ListedKey, Pattern, RoleDiff, Share};
use crate::json::{Json, Object};
use crate::tuf_key::KeyId;

impl Diff {
    /// `[{"role","before","after","changes":[{"change",..}]}]`; what is absent is `null`.
    pub fn json(&self) -> Json {
        self.roles.iter().map(RoleDiff::json).collect()
    }
}

impl RoleDiff {
    /// `{"role","before","after","changes":[{"change",..}]}`
    pub fn json(&self) -> Json {
        object([
            ("role", Json::string(&self.role)),
            ("before", or_null(self.before.map(Json::from))),
            ("after", self.after.into()),
            ("changes", self.changes.iter().map(Change::json).collect()),
        ])
    }
}

impl Change {
    pub(super) fn json(&self) -> Json {
        match self {
            Self::Expires { before, after } => object([
                ("change", Json::string("expires")),
                ("before", or_null(before.as_ref().map(Json::string))),
                ("after", Json::string(after)),
            ]),
            Self::Keys(keys) => keys.json(),
            Self::Key(KeyChange::UnusedAdded(key)) => {
                object([("change", Json::string("unused-key-added")), ("key", key.json())])
            }
            Self::Key(KeyChange::UnusedRemoved(key)) => {
                object([("change", Json::string("unused-key-removed")), ("key", key.json())])
            }
            Self::Key(KeyChange::Object { before, after, members }) => object([
                ("change", Json::string("key-object")),
                ("before", before.json()),
                ("after", after.json()),
                ("members", members.iter().map(Self::json).collect()),
            ]),
            Self::Delegation(delegation) => delegation.json(),
            Self::DelegationOrder { before, after } => object([
                ("change", Json::string("delegation-order")),
                ("before", before.iter().map(Json::string).collect()),
                ("after", after.iter().map(Json::string).collect()),
            ]),
            Self::Target(target) => target.json(),
            Self::Member { path, before, after } => object([
                ("change", Json::string("member")),
                ("path", Json::string(path)),
                ("before", or_null(before.clone())),
                ("after", or_null(after.clone())),
            ]),
        }
    }
}

impl KeysChange {
    fn json(&self) -> Json {
        let share = |share: Option<Share>| {
            or_null(
                share
                    .map(|share| object([("threshold", share.threshold.into()), ("keys", (share.keys as u64).into())])),
            )
        };
        let keys = |keys: &[ListedKey]| keys.iter().map(ListedKey::json).collect::<Json>();
        let replaced = self.replaced.iter().map(|(old, new)| object([("before", old.json()), ("after", new.json())]));
        let renamed = self.renamed.iter().map(|(old, new)| object([("ids-before", ids(old)), ("after", new.json())]));
        object([
            ("change", Json::string("keys")),
            ("role", Json::string(&self.role)),
            ("before", share(self.before)),
            ("after", share(self.after)),
            ("joins", keys(&self.joins)),
            ("leaves", keys(&self.leaves)),
            ("replaced", replaced.collect()),
            ("stays", keys(&self.stays)),
            ("renamed", renamed.collect()),
            ("reordered", Json::Bool(self.reordered)),
        ])
    }
}

impl ListedKey {
    fn json(&self) -> Json {
        let text = |text: &Option<alloc::string::String>| or_null(text.as_ref().map(Json::string));
        object([
            ("holder", text(&self.holder)),
            ("online", Json::Bool(self.online)),
            ("in-file", Json::Bool(self.in_file)),
            ("made-in", self.made_in.as_ref().map_or(Json::Null, Json::string)),
            ("ids", ids(&self.ids)),
            ("fingerprint", or_null(self.key.map(|(fingerprint, _)| Json::string(fingerprint.to_string())))),
            ("algorithm", or_null(self.key.map(|(_, algorithm)| Json::string(algorithm.to_string())))),
            ("claimed-owner", text(&self.claimed_owner)),
        ])
    }
}

impl DelegationChange {
    fn json(&self) -> Json {
        let patterns = |patterns: &[Pattern]| patterns.iter().map(Pattern::json).collect::<Json>();
        match self {
            Self::Added { name, paths, terminating } => object([
                ("change", Json::string("delegation-added")),
                ("role", Json::string(name)),
                ("paths", patterns(paths)),
                ("terminating", Json::Bool(*terminating)),
            ]),
            Self::Removed { name, paths } => object([
                ("change", Json::string("delegation-removed")),
                ("role", Json::string(name)),
                ("paths", patterns(paths)),
            ]),
            Self::Paths { name, added, removed } => object([
                ("change", Json::string("delegation-paths")),
                ("role", Json::string(name)),
                ("added", patterns(added)),
                ("removed", patterns(removed)),
            ]),
            Self::Terminating { name, after } => object([
                ("change", Json::string("delegation-terminating")),
                ("role", Json::string(name)),
                ("after", Json::Bool(*after)),
            ]),
        }
    }
}

impl Pattern {
    fn json(&self) -> Json {
        match self {
            Self::Path(path) => object([("path", Json::string(path))]),
            Self::HashPrefix(prefix) => object([("hash-prefix", Json::string(prefix))]),
        }
    }
}

impl TargetChange {
    fn json(&self) -> Json {
        match self {
            Self::Added { path, content, custom } => object([
                ("change", Json::string("target-added")),
                ("path", Json::string(path)),
                ("after", content.json()),
                ("custom", or_null(custom.clone())),
            ]),
            Self::Removed { path, content } => object([
                ("change", Json::string("target-removed")),
                ("path", Json::string(path)),
                ("before", content.json()),
            ]),
            Self::Content { path, before, after } => object([
                ("change", Json::string("target-content")),
                ("path", Json::string(path)),
                ("before", before.json()),
                ("after", after.json()),
            ]),
            Self::Custom { path, before, after } => object([
                ("change", Json::string("target-custom")),
                ("path", Json::string(path)),
                ("before", or_null(before.clone())),
                ("after", or_null(after.clone())),
            ]),
        }
    }
}

impl Content {
    fn json(self) -> Json {
        let sha256 = or_null(self.sha256.map(|digest| Json::string(digest.to_string())));
        object([("length", self.length.into()), ("sha256", sha256)])
    }
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.into_iter().collect::<Object>())
}

fn or_null(value: Option<Json>) -> Json {
    value.unwrap_or(Json::Null)
}

fn ids(ids: &[KeyId]) -> Json {
    ids.iter().map(|id| Json::string(id.as_str())).collect()
}
