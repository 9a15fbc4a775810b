//! What a command answers.

use std::fmt;

use ceremony::policy::Accept;
use ceremony::{Digest, Finding, Json};

/// The answer of a command: for people by `Display`, in lines of at most 80 columns, each ended by a newline; for
/// programs as JSON. Untrusted text in it goes through [`crate::text::escaped`].
pub(crate) trait Report: fmt::Display {
    /// The answer for programs.
    fn json(&self) -> Json;
}

/// A report, and whether what was asked is so.
pub(crate) struct Outcome {
    pub(crate) answer: Answer,
    pub(crate) report: Box<dyn Report>,
}

/// Whether what was asked is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Done, or yes: exit code 0.
    Yes,
    /// Checked, and the answer is no: exit code 1.
    No,
}

impl Outcome {
    /// The command did what it was told.
    pub(crate) fn done(report: impl Report + 'static) -> Self {
        Self::answer(true, report)
    }

    /// The command checked something, and `yes` is the answer.
    pub(crate) fn answer(yes: bool, report: impl Report + 'static) -> Self {
        Self { answer: if yes { Answer::Yes } else { Answer::No }, report: Box::new(report) }
    }
}

/// A JSON object of these members.
pub(crate) fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.into_iter().collect())
}

/// The words of a digest, six to a line.
pub(crate) fn in_two_lines(digest: Digest) -> [String; 2] {
    let words = digest.words();
    let (first, last) = words.split_at(words.len() / 2);
    [first.join(" "), last.join(" ")]
}

/// A finding for programs, as no policy has judged it.
pub(crate) fn finding(finding: &Finding) -> Json {
    object([
        ("finding", Json::string(finding.rule.name())),
        ("subject", Json::string(&finding.subject)),
        ("what", Json::string(&finding.what)),
        ("why", Json::string(finding.rule.why())),
        ("clients", Json::string(finding.rule.clients())),
    ])
}

/// A finding for programs that a policy accepts, with the reason.
pub(crate) fn accepted(found: &Finding, accept: &Accept) -> Json {
    let mut members = finding(found).as_object().cloned().unwrap_or_default();
    members.insert("reason", Json::string(&accept.reason));
    members.insert("until", Json::string(accept.until.to_string()));
    Json::Object(members)
}
