//! Findings: what is wrong, by name.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use crate::text::escaped;

/// One thing that is wrong with metadata, a proposal, a keyholder or trust material.
///
/// A finding stops `stage` unless the policy accepts it by rule and subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Which rule found it.
    pub rule: Rule,
    /// What it is about, in the form that [`Rule::subject`] names. Escaped.
    pub subject: String,
    /// What was found, with both sides. Escaped.
    pub what: String,
}

impl Finding {
    /// A finding; both texts are escaped here, so that untrusted text never leaves raw.
    pub fn new(rule: Rule, subject: impl AsRef<str>, what: impl AsRef<str>) -> Self {
        Self { rule, subject: escaped(subject.as_ref()), what: escaped(what.as_ref()) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.rule, self.subject, self.what)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Rule {
    type Err = UnknownRule;

    fn from_str(text: &str) -> Result<Self, UnknownRule> {
        let found = Self::ALL.iter().copied().find(|rule| rule.name() == text);
        found.ok_or_else(|| UnknownRule { name: text.escape_debug().to_string() })
    }
}

/// A text that names no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no finding named \"{name}\"")]
pub struct UnknownRule {
    name: String,
}

macro_rules! rules {
    ($($variant:ident $name:literal $subject:literal $why:literal $clients:literal;)*) => {
        /// Every rule that can find something, in alphabetical order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Rule {
            $(
                #[doc = $why]
                #[doc = concat!("\n\nSubject: ", $subject, ".")]
                $variant,
            )*
        }

        impl Rule {
            /// All rules.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name that a policy accepts it by.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What the subject of its findings is. A policy accepts exactly one subject, so what belongs to one file
            /// for ever names the version, and what is a change names what it changes to: no later change is accepted
            /// with it. What stays so until somebody changes it names neither.
            pub fn subject(self) -> &'static str {
                match self { $(Self::$variant => $subject,)* }
            }

            /// Why it matters.
            pub fn why(self) -> &'static str {
                match self { $(Self::$variant => $why,)* }
            }

            /// Why it matters and which clients it breaks, as sentences.
            pub fn because(self) -> String {
                match self.clients() {
                    "" => self.why().to_string(),
                    clients => format!("{} Breaks: {clients}.", self.why()),
                }
            }

            /// Which clients it breaks; empty where it breaks none.
            pub fn clients(self) -> &'static str {
                match self { $(Self::$variant => $clients,)* }
            }
        }
    };
}

rules! {
    ApiVersionUnknown "api-version-unknown" "the entry of the signing config"
        "Signers are sent to a major version of an interface that none of them speaks: they pass over the service."
        "sigstore-go, cosign, sigstore-python";
    AttestationInvalid "attestation-invalid" "the keyholder"
        "The evidence for a key does not prove what it should: it was forged, damaged, or is of another key or device."
        "";
    AttestationPreview "attestation-preview" "the keyholder, or the serial number where evidence is judged alone"
        "The vendor gave this device out for trial, and signs for it with an authority that is not for production."
        "";
    AuthorityKeyUnsupported "authority-key-unsupported" "the entry"
        "A client that the policy lists cannot verify with a key of this kind in the chain of an authority."
        "those named";
    CanonicalDivergence "canonical-divergence" "ROLE VERSION"
        "Implementations write this text differently in canonical JSON, so signatures over it verify in some clients and fail in others."
        "tough and tuftool, or tuf-js and sigstore-js, or all others";
    CertificateExpires "certificate-expires" "the entry"
        "A certificate of an authority that is in use expires before the next ceremony can replace it."
        "all, from that moment";
    ChainInvalid "chain-invalid" "the entry"
        "The certificates of an authority are no chain that clients accept: of what they may issue, for how long, for what."
        "those that check it";
    ChainReversed "chain-reversed" "the entry"
        "The chain begins with the root; clients take the first certificate for the one that signs."
        "sigstore-go, sigstore-python, sigstore-js";
    ClientsBreak "clients-break" "`root VERSION`, the version that is staged or published last"
        "While this is published, or after it, clients that work today fail."
        "those that the finding names, for as long as it says";
    CoverageHole "coverage-hole" "`fulcio`, `rekor`, `ctlog` or `tsa`, with the day on which the hole begins; `signing` and the kind of a service, with the day if it is still to come"
        "For some time nothing of this kind is valid, so what was signed then does not verify, or nothing can be signed."
        "all, for what was signed then";
    CustomNull "custom-null" "the target path"
        "A target with `custom: null` was published once and broke parsers; leave the member out instead."
        "clients with typed metadata";
    DelegationToAll "delegation-to-all" "the delegated role"
        "A role that is trusted for every path can sign any target that no earlier role has."
        "";
    DeviceBelowPolicy "device-below-policy" "the keyholder"
        "The key is kept by a weaker device than the policy asks for."
        "";
    DeviceShared "device-shared" "the serial number"
        "Keys of several people are in one device: whoever has it signs for all of them."
        "";
    DuplicateKeyId "duplicate-key-id" "ROLE"
        "A role lists one key id twice."
        "python-tuf, sigstore-python, tuf-js, sigstore-js";
    DuplicateSignature "duplicate-signature" "ROLE VERSION"
        "Two signatures have one key id; the specification forbids it and strict clients refuse the file."
        "python-tuf, sigstore-python, tuf-js, sigstore-js, tough, tuftool, sigstore-tuf";
    EmptySignature "empty-signature" "ROLE VERSION"
        "An entry without a signature was left in the file."
        "strict parsers";
    EndBeforeUse "end-before-use" "the entry and its end"
        "An entry ends before the last thing that it is known to have signed, which then no longer verifies."
        "all, for what was signed after the end";
    EndTakenBack "end-taken-back" "the entry that is trusted and its new end, or `open`"
        "An end that was published is taken back or moved later, or a new entry with the same key ends later: what has retired, or has leaked, is trusted again."
        "";
    EntryRemoved "entry-removed" "the entry"
        "An entry of the trusted root goes away, and with it everything that was signed under it."
        "all, for what was signed under it";
    EntryRepeated "entry-repeated" "the entry"
        "One key or one chain stands in two entries: of two validities some clients take the last, others both."
        "sigstore-go, cosign";
    EnvironmentMixed "environment-mixed" "the entry"
        "Material of one of Sigstore's public environments stands in another."
        "";
    Equivocation "equivocation" "ROLE VERSION"
        "Two different files carry one version: somebody was asked to sign both, or somebody shows different files to different people."
        "";
    ExpiryFractional "expiry-fractional" "ROLE VERSION"
        "`expires` is not written YYYY-MM-DDTHH:MM:SSZ."
        "python-tuf, sigstore-python; tough, tuftool with an offset";
    ExpiryTooLong "expiry-too-long" "ROLE"
        "Clients that are kept from updates trust this file until it expires."
        "";
    ExpiryTooShort "expiry-too-short" "ROLE"
        "The file expires before the next one can be ready."
        "all, from that moment";
    FieldOfLaterForm "field-of-later-form" "the entry"
        "A member of a later form of the trusted root stands in one of version 0.1; strict clients refuse the whole file."
        "sigstore-go, cosign, sigstore-python of that time";
    FieldUnknown "field-unknown" "the entry, or the target path"
        "A member that clients do not know; strict clients refuse the whole file."
        "sigstore-go, cosign, sigstore-python";
    FirmwareEucleak "firmware-eucleak" "the keyholder, or the serial number where evidence is judged alone"
        "Who has this device in their hands for some time can copy an ECDSA key out of it (YSA-2024-03, EUCLEAK), and no update mends it."
        "";
    KeyIdMismatch "key-id-mismatch" "the key id"
        "The key id is not the SHA-256 of the canonical key object; strict clients refuse the whole file, for ever."
        "tough, tuftool, sigstore-rs";
    KeyIdSharedByKeys "key-id-shared" "the key id"
        "Two files use one key id for different keys."
        "";
    KeyLost "key-lost" "`root` where no key is left to spare; ROLE and the file that changes its keys, as in `targets in root VERSION`"
        "So many keys leave at once that the others could not act without them, or no key is left to spare: the next change may never reach its threshold."
        "";
    KeyTypeUnsupported "key-type-unsupported" "the key id"
        "A client that the policy lists cannot read keys of this type, and refuses the whole file."
        "those named";
    KeyUnreadable "key-unreadable" "the key id"
        "The key object cannot be decoded, so no signature of it counts."
        "all";
    KeyUsedElsewhere "key-used-elsewhere" "the fingerprint"
        "The key signs in another trust root: a signature made there may be replayed here."
        "";
    LegacyDiffers "legacy-differs" "the target path, or the entry"
        "Clients that read the legacy targets trust something else than clients that read the trusted root."
        "cosign before 2.5.1, gitsign, policy-controller";
    LogIdMismatch "log-id-mismatch" "the entry"
        "The log id is not that of the key; clients look logs up by it."
        "all, for what is in this log";
    LogKeyUnsupported "log-key-unsupported" "the entry"
        "A client that the policy lists cannot use keys of this kind, and refuses the whole file."
        "those named";
    MaterialMissing "material-missing" "the target path"
        "Clients look for trust material under this name."
        "sigstore-python, sigstore-go, cosign from 3 on";
    MaterialUnreadable "material-unreadable" "the target path, or the entry"
        "It cannot be read as what it is for."
        "all";
    MediaTypeRefused "media-type-refused" "the target path"
        "Clients take files of one media type alone."
        "sigstore-go, cosign";
    MetadataTooLarge "metadata-too-large" "ROLE"
        "Clients read no more than a fixed length by default, 5,000,000 bytes of targets metadata; split the targets by delegations."
        "python-tuf, tuf-js, go-tuf, sigstore-tuf; tough from 10 MiB; JavaScript clients are slow from 10,000 targets";
    NewerUnused "newer-unused" "ROLE VERSION"
        "The repository holds a newer file than the one that its snapshot or timestamp names: a publication stopped half-way, or somebody put an older timestamp back."
        "";
    OneMeetsThreshold "one-meets-threshold" "ROLE"
        "One person or one key can meet the threshold alone."
        "";
    OnlineKeyAdded "online-key-added" "ROLE and the file that adds it, as in `timestamp in root VERSION`"
        "An online key was added beside the old one; whoever stole the old one still signs."
        "";
    PemInRawBytes "pem-in-raw-bytes" "the entry"
        "A PEM text was put where its DER belongs."
        "all";
    PossessionUnproven "possession-unproven" "the keyholder"
        "Nobody has shown that this person can sign with this key."
        "";
    RoleRemoved "role-removed" "the delegated role and the file that lacks it, as in `ROLE in targets VERSION`"
        "A delegated role is taken away; its targets are gone for clients."
        "clients that ask for its targets";
    RootUnreadable "root-unreadable" "ROLE VERSION"
        "Some clients cannot read this root, so they cannot start from it or pass it."
        "those named";
    SameKeyTwice "same-key-twice" "the fingerprint"
        "One public key is listed under two key ids or in two encodings. Clients count ids: one person meets a threshold of two."
        "python-tuf, sigstore-python, tuf-js, sigstore-js, tough, tuftool, sigstore-tuf are deceived";
    ServiceRemoved "service-removed" "the entry of the signing config"
        "A service that signers use goes away without an end: they do not find it any more, and nobody was told that it retires."
        "those that sign there";
    ServiceUntrusted "service-untrusted" "the entry of the signing config; with the day from which on nothing there is trusted, where something is at other times"
        "Signers are sent to a service of which clients trust nothing, or nothing at that time: what is signed there does not verify."
        "all, for what is signed there";
    SignatureInvalid "signature-invalid" "ROLE VERSION"
        "An entry of `signatures` does not verify."
        "";
    SignerKind "signer-kind" "ROLE and the keyholder"
        "An online key, which signs without a person, signs where the policy wants people; or a person signs where it wants online keys."
        "";
    StartBeforeCertificate "start-before-certificate" "the entry"
        "An authority is said to be valid before the certificate that signs for it: the start was guessed."
        "";
    StartFarOff "start-far-off" "the entry"
        "An entry starts more than a year from now: a mistyped year, or something that no ceremony of today is for."
        "";
    StartMissing "start-missing" "the entry"
        "An entry has no start, or that of 1970; some clients refuse the file, others take the entry as valid since ever."
        "sigstore-go, sigstore-python";
    StartTooSoon "start-too-soon" "the entry and its start"
        "An entry is in use before every client can know of it."
        "those with a cache, until their timestamp expires";
    TargetChanged "target-changed" "the target path and the first 16 digits of the SHA-256 of its new content"
        "The content of a target changes under the same name."
        "";
    TargetRemoved "target-removed" "the target path and the first 16 digits of the SHA-256 of its last content"
        "Clients that ask for this target no longer find it."
        "clients that ask for it";
    ThresholdLowered "threshold-lowered" "ROLE and the file that lowers it, as in `targets in root VERSION`"
        "Fewer people than before can change this role."
        "";
    ThresholdUnreachable "threshold-unreachable" "ROLE"
        "The role has fewer distinct keys than its threshold."
        "all";
    UrlInCluster "url-in-cluster" "the entry"
        "Only one cluster or machine knows the host of this URL."
        "all that run elsewhere";
    UrlInsecure "url-insecure" "the entry"
        "The URL of a service is not https."
        "";
    UrlTrailingSlash "url-trailing-slash" "the entry"
        "The URL of a service ends with a slash; clients compare it or append to it as it stands."
        "those that append to it";
    UsageUnknown "usage-unknown" "the target path"
        "`custom.sigstore` has a word that no client knows, or a name in other letters, which old clients take for it."
        "cosign before 2.5.1, gitsign, policy-controller";
    ValidityCut "validity-cut" "the entry and its new start or end, or when the time between two of its entries begins"
        "An entry is no longer valid at a time that is past, at which it was: what was signed then no longer verifies."
        "all, for what was signed then";
    ValidityReversed "validity-reversed" "the entry"
        "An entry ends before it starts, so it is never valid."
        "all";
    VersionGap "version-gap" "ROLE VERSION"
        "Root versions must be exactly one apart (TUF specification, section 5.3.5)."
        "all";
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_rule_is_found_by_its_name() {
        for rule in Rule::ALL {
            assert_eq!(rule.name().parse::<Rule>().unwrap(), *rule);
            assert!(rule.why().ends_with('.'));
        }
        assert!(Rule::ALL.is_sorted_by_key(|rule| rule.name()));
    }

    #[test]
    fn texts_are_escaped() {
        let finding = Finding::new(Rule::CustomNull, "a\u{1b}[2J", "it's \"b\"\u{202e}");
        assert_eq!(finding.subject, "a\\u{1b}[2J");
        assert_eq!(finding.what, "it's \"b\"\\u{202e}");
    }
}
