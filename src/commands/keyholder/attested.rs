//! Attested keys, as every command here shows them.

use ceremony::{Json, Object};
use keyholders::AttestedKey;
use keyholders::attestation::AnchorKind;

use crate::text::escaped;

/// What the proof says, for programs.
pub(super) fn members(attested: &AttestedKey) -> Object {
    let form = attested.form_factor().map_or(Json::Null, |form| Json::string(form.as_str()));
    [
        ("serial", Json::Number(u64::from(attested.serial()).into())),
        ("firmware", Json::string(attested.firmware().to_string())),
        ("form-factor", form),
        ("fips", Json::Bool(attested.is_fips())),
        ("cspn", Json::Bool(attested.is_cspn())),
        ("pin-policy", Json::string(attested.pin_policy().as_str())),
        ("touch-policy", Json::string(attested.touch_policy().as_str())),
        ("slot", Json::string(attested.slot().to_string())),
        ("algorithm", Json::string(attested.key().algorithm().to_string())),
        ("fingerprint", Json::string(attested.key().fingerprint().to_string())),
        ("anchor", Json::string(attested.anchor())),
        ("anchor-kind", Json::string(attested.anchor_kind().as_str())),
        ("anchor_sha256", Json::string(attested.anchor_sha256().to_string())),
        ("anchor-published", attested.anchor_published().map_or(Json::Null, Json::string)),
        ("chain", attested.chain().iter().map(Json::string).collect()),
    ]
    .into_iter()
    .collect()
}

/// The device in words.
pub(super) fn device(attested: &AttestedKey) -> String {
    let form = attested.form_factor().map_or_else(String::new, |form| format!(" {form}"));
    let marks = [(attested.is_fips(), ", FIPS"), (attested.is_cspn(), ", CSPN")];
    let marks: String = marks.into_iter().filter_map(|(is, mark)| is.then_some(mark)).collect();
    format!("YubiKey {}{form}, firmware {}{marks}", attested.serial(), attested.firmware())
}

/// What is proven of a key, or that nothing is, in a sentence.
pub(super) fn sentence(attested: Option<&AttestedKey>) -> String {
    let Some(attested) = attested else {
        return "not attested: nothing proves that the key was made in the YubiKey".to_owned();
    };
    let given = if attested.anchor_kind() == AnchorKind::Given { ", which is not its vendor's" } else { "" };
    format!(
        "attested: made in the {}, slot {}, PIN {}, touch {}; proven up to {}{given}",
        device(attested),
        attested.slot(),
        attested.pin_policy(),
        attested.touch_policy(),
        escaped(attested.anchor())
    )
}
