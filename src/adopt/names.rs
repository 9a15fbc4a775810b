//! What the holders of adopted keys are called.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use ceremony::{Fingerprint, PublicKey, TufKey};
use keyholders::Name;
use keyholders::name::NameError;

use crate::error::Failure;

/// `KEYID=NAME`: what the user calls the holder of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Naming {
    /// A key id or a fingerprint, or the first eight or more digits of one.
    key: String,
    name: Name,
}

impl Naming {
    /// The naming of this one key.
    pub(crate) fn of(fingerprint: Fingerprint, name: Name) -> Self {
        Self { key: fingerprint.to_string(), name }
    }

    /// The name.
    pub(crate) fn name(&self) -> &Name {
        &self.name
    }

    /// The keys of `keys` that are meant.
    pub(crate) fn among<'a>(&self, keys: impl IntoIterator<Item = &'a TufKey>) -> BTreeSet<Fingerprint> {
        let meant = |key: &TufKey| {
            let fingerprint = key.key.as_ref().ok()?.fingerprint();
            let is = key.id.as_str().starts_with(&self.key) || fingerprint.to_string().starts_with(&self.key);
            is.then_some(fingerprint)
        };
        keys.into_iter().filter_map(meant).collect()
    }
}

impl fmt::Display for Naming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.name)
    }
}

impl FromStr for Naming {
    type Err = NamingError;

    fn from_str(text: &str) -> Result<Self, NamingError> {
        let (key, name) = text.split_once('=').ok_or(NamingError::Form)?;
        if key.len() < 8 {
            return Err(NamingError::Short);
        }
        Ok(Self { key: key.to_owned(), name: name.parse()? })
    }
}

/// Why a text is no [`Naming`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum NamingError {
    #[error("it is not KEYID=NAME")]
    Form,
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("give eight digits of the key id at least")]
    Short,
}

/// The names of the holders of keys, each for one key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    names: BTreeMap<Fingerprint, Name>,
}

impl Names {
    /// Names the holders of `keys`: as the user says in `given`; else as the key object says, made a name; else `key-`
    /// and the first digits of the fingerprint. Of two keys with one owner the second is named by its fingerprint too,
    /// since a keyholder has one active key.
    ///
    /// # Errors
    /// If the user names a key that is not among them, or two of them alike, or takes the last name for another.
    pub(crate) fn new<'a>(keys: impl IntoIterator<Item = &'a TufKey>, given: &[Naming]) -> Result<Self, Failure> {
        let keys: Vec<(&TufKey, &PublicKey)> =
            keys.into_iter().filter_map(|key| Some((key, key.key.as_ref().ok()?))).collect();
        let mut names = Self::default();
        for naming in given {
            let meant = naming.among(keys.iter().map(|(key, _)| *key));
            let (1, Some(fingerprint)) = (meant.len(), meant.first()) else {
                let known: BTreeSet<String> = keys.iter().map(|(key, _)| key.id.short()).collect();
                let known = known.into_iter().collect::<Vec<_>>().join(", ");
                let message = match meant.len() {
                    0 => format!("{naming}: no key of the roles that are taken over is meant"),
                    count => format!("{naming}: {count} keys are meant"),
                };
                return Err(Failure::could_not(message).hint(format!("the keys are {known}")));
            };
            if names.taken(&naming.name) || names.names.contains_key(fingerprint) {
                return Err(Failure::could_not(format!("{naming}: the key or the name is given twice")));
            }
            names.names.insert(*fingerprint, naming.name.clone());
        }
        for (key, public) in keys {
            let fingerprint = public.fingerprint();
            if names.names.contains_key(&fingerprint) {
                continue;
            }
            let owner = key.owner().and_then(owner_name);
            let numbered = owner.as_ref().map(|owner| format!("{owner}-{}", fingerprint.short()));
            let fallback = format!("key-{}", fingerprint.short());
            let proposals = [owner.map(|owner| owner.to_string()), numbered, Some(fallback)];
            let mut proposals = proposals.into_iter().flatten().filter_map(|name| Name::new(name).ok());
            let name = proposals.find(|name| !names.taken(name));
            let name = name.ok_or_else(|| {
                Failure::could_not(format!("every name for the holder of {fingerprint} is taken"))
                    .hint(format!("give --name {}=NAME", key.id.short()))
            })?;
            names.names.insert(fingerprint, name);
        }
        Ok(names)
    }

    /// The name of the key's holder.
    pub(crate) fn of(&self, key: &Fingerprint) -> Option<&Name> {
        self.names.get(key)
    }

    fn taken(&self, name: &Name) -> bool {
        self.names.values().any(|other| other == name)
    }
}

/// The name nearest to an owner such as `@Somebody`.
fn owner_name(owner: &str) -> Option<Name> {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') => c,
        _ => '-',
    };
    let text: String = owner.trim_start_matches('@').chars().take(64).map(plain).collect();
    let text = text.trim_start_matches(['.', '_', '-']).trim_end_matches(['.', '-']).replace("..", ".");
    Name::new(text).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ceremony::tuf_key::whole_object_id;
    use ceremony::{Algorithm, Json};
    use keyholders::{Device as _, FileKey};

    use super::*;

    fn key(owner: Option<&str>) -> TufKey {
        let public = FileKey::generate(Algorithm::EcdsaP256, "k").unwrap().public_key().clone();
        let mut object = TufKey::author(&public).unwrap().object;
        if let Some(owner) = owner {
            object.as_object_mut().unwrap().insert("x-tuf-on-ci-keyowner", Json::string(owner));
        }
        TufKey::read(whole_object_id(&object), object)
    }

    fn name(names: &Names, key: &TufKey) -> String {
        names.of(&key.key.as_ref().unwrap().fingerprint()).unwrap().to_string()
    }

    #[test]
    fn owners_become_names() {
        for (owner, name) in [("@lance", "lance"), ("@Joshua G.", "joshua-g"), ("../../etc", "etc"), ("@m_1", "m_1")] {
            assert_eq!(owner_name(owner).unwrap().as_str(), name);
        }
        for bad in ["", "@", "\u{1b}", "@con", "é"] {
            assert_eq!(owner_name(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn every_key_has_a_name_of_its_own() {
        let (alice, again, nobody) = (key(Some("@alice")), key(Some("@alice")), key(None));
        let names = Names::new([&alice, &again, &nobody, &alice], &[]).unwrap();
        assert_eq!(name(&names, &alice), "alice");
        let print = again.key.as_ref().unwrap().fingerprint().short();
        assert_eq!(name(&names, &again), format!("alice-{print}"));
        assert!(name(&names, &nobody).starts_with("key-"));
    }

    #[test]
    fn the_user_has_the_last_word() {
        let (alice, bob) = (key(Some("@alice")), key(None));
        let naming: Naming = format!("{}=alice", bob.id.short()).parse().unwrap();
        let names = Names::new([&alice, &bob], std::slice::from_ref(&naming)).unwrap();
        assert_eq!(name(&names, &bob), "alice");
        assert!(name(&names, &alice).starts_with("alice-"));
        assert!(Names::new([&alice], std::slice::from_ref(&naming)).is_err());
        assert!(Names::new([&alice, &bob], &[naming.clone(), naming]).is_err());
        for bad in ["alice", "1234=alice", "12345678=../alice"] {
            assert!(bad.parse::<Naming>().is_err(), "{bad}");
        }
    }
}
