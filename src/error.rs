//! Why a command could not do its work: message, causes, hints and exit code.

use std::error::Error;
use std::fmt;

use ceremony::{Json, Object};

use crate::text::{escaped, wrapped};

/// The end of a command that has no report.
///
/// Any library error becomes one with `?`; [`OrFail::or_fail`] puts a sentence before it. Its `Display` is what the
/// person sees on stderr, escaped:
///
/// ```text
/// error: the policy cannot be read
/// caused by: trustroot.toml: unknown field `treshold` at line 7
/// hint: `trustroot init` writes a policy in which every field is explained
/// ```
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
    code: Code,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    /// Checked, and the answer is no.
    No = 1,
    /// Could not check.
    CouldNot = 2,
}

impl Failure {
    /// Checked, and the answer is no: exit code 1.
    pub(crate) fn no(message: impl Into<String>) -> Self {
        Self { message: message.into(), causes: Vec::new(), hints: Vec::new(), code: Code::No }
    }

    /// Could not check: exit code 2.
    pub(crate) fn could_not(message: impl Into<String>) -> Self {
        Self { code: Code::CouldNot, ..Self::no(message) }
    }

    /// Adds `error` and what it was caused by, with what is known to help.
    pub(crate) fn caused_by(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            self.cause(error.to_string());
            self.add_hint(hint(error));
            next = error.source();
        }
        self
    }

    /// Adds one more cause in words.
    pub(crate) fn and_cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds another failure as one more cause, with its hints.
    pub(crate) fn and_failure(mut self, other: Self) -> Self {
        self.causes.push(other.line());
        other.hints.into_iter().for_each(|hint| self.add_hint(Some(hint)));
        self
    }

    /// Adds what the person can do, as a sentence without full stop.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.add_hint(Some(hint.into()));
        self
    }

    /// Puts a sentence before the message, which becomes the first cause.
    pub(crate) fn in_context(mut self, message: impl Into<String>) -> Self {
        self.causes.insert(0, std::mem::replace(&mut self.message, message.into()));
        self
    }

    /// What happened, in one sentence without a full stop.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Message and causes on one line, for a list of what went wrong.
    pub(crate) fn line(&self) -> String {
        self.causes.iter().fold(self.message.clone(), |line, cause| format!("{line}: {cause}"))
    }

    /// 1 or 2.
    pub(crate) fn code(&self) -> u8 {
        self.code as u8
    }

    /// The failure for programs: `{"ok":false,"error":..,"causes":[..],"hints":[..]}`.
    pub(crate) fn json(&self) -> Json {
        let strings = |texts: &[String]| texts.iter().map(Json::string).collect();
        let mut object = Object::new();
        object.insert("ok", Json::Bool(false));
        object.insert("error", Json::string(&self.message));
        object.insert("causes", strings(&self.causes));
        object.insert("hints", strings(&self.hints));
        Json::Object(object)
    }
}

impl Failure {
    /// Adds a cause, unless the text before it already says so, as wrapping errors often do.
    fn cause(&mut self, text: String) {
        if !self.causes.last().unwrap_or(&self.message).ends_with(&text) {
            self.causes.push(text);
        }
    }

    fn add_hint(&mut self, hint: Option<String>) {
        self.hints.extend(hint.filter(|hint| !self.hints.contains(hint)));
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        paragraph(f, "error", &self.message)?;
        self.causes.iter().try_for_each(|cause| paragraph(f, "caused by", cause))?;
        self.hints.iter().try_for_each(|hint| paragraph(f, "hint", hint))
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut failure = Self::could_not(error.to_string());
        failure.add_hint(hint(&error));
        match error.source() {
            Some(source) => failure.caused_by(source),
            None => failure,
        }
    }
}

/// A sentence before whatever went wrong.
pub(crate) trait OrFail<T> {
    /// The value, or a failure with `message` first and the present one as its cause.
    fn or_fail<M: Into<String>>(self, message: impl FnOnce() -> M) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> OrFail<T> for Result<T, E> {
    fn or_fail<M: Into<String>>(self, message: impl FnOnce() -> M) -> Result<T, Failure> {
        self.map_err(|error| error.into().in_context(message()))
    }
}

/// Wrapped at 80 columns, lines after the first indented: what a file says can never pass for a line of ours. A command
/// to copy stays on a line of its own, also behind a sentence; lines that were laid out, as of a table, stay as they are.
fn paragraph(f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    let text = text.trim_end();
    let mut lines = text.lines();
    if lines.clone().count() > 1 {
        let first = format!("{label}: {}", escaped(lines.next().unwrap_or_default()));
        f.write_str(wrapped(&first, 2).trim_start())?;
        return lines.try_for_each(|line| match line.starts_with(|c: char| c.is_alphabetic()) {
            true if !line.starts_with("trustroot ") => f.write_str(&wrapped(&escaped(line).to_string(), 2)),
            _ => writeln!(f, "  {}", escaped(line)),
        });
    }
    if text.starts_with("trustroot ") {
        return writeln!(f, "{label}:\n  {}", escaped(text));
    }
    f.write_str(wrapped(&format!("{label}: {}", escaped(text)), 2).trim_start())
}

/// What a person can do about an error of a library, by its type. An error that is `transparent` hides the one that it
/// wraps from this: write `#[error("{0}")]`, and the same text is not said twice.
fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    use std::io::ErrorKind;

    use ceremony::stage::StageError;
    use keyholders::{DeviceError, Tries};

    use crate::disk::DiskError;
    if let Some(error) = error.downcast_ref() {
        return match error {
            DeviceError::Occupied { .. } => Some(
                "`trustroot keyholder devices` shows what is there; without --generate it is enrolled as it is".into(),
            ),
            DeviceError::PerhapsOccupied { .. } => {
                Some("if you know that it is empty, say so with --slot-is-empty".into())
            }
            DeviceError::Locked { .. }
            | DeviceError::FinalTry { .. }
            | DeviceError::WrongPin { tries: Tries::Final, .. } => Some(
                "a YubiKey's PIN is set anew with its PUK: `ykman piv access unblock-pin`; an HSM's by its security officer"
                    .into(),
            ),
            _ => None,
        };
    }
    if let Some(StageError::NoRecord { role, name }) = error.downcast_ref() {
        let online = if matches!(role.as_str(), "snapshot" | "timestamp") { " --online" } else { "" };
        return Some(format!(
            "whoever holds the key enrolls it, and the file that this makes goes to keyholders/ here:\n\
             trustroot keyholder enroll {name}{online}"
        ));
    }
    if let Some(crate::machine::MachineError::Homeless) = error.downcast_ref() {
        return Some("set TRUSTROOT_HOME to a directory of your own, or name a root with --root FILE".into());
    }
    match error.downcast_ref()? {
        DiskError::Held { .. } => Some("wait until the other one has ended, then run the command again".into()),
        DiskError::Symlink { .. } => {
            Some("put the file itself in its place: symbolic links are not followed here".into())
        }
        DiskError::Changed { .. } => Some("run the command again when nothing else writes there".into()),
        DiskError::Io { source, .. } => match source.kind() {
            ErrorKind::StorageFull => Some("make room on that disk, then run the command again".into()),
            ErrorKind::ReadOnlyFilesystem => Some(
                "name a place that can be written to; a whole directory is copied there, to work in with -C DIR".into(),
            ),
            ErrorKind::PermissionDenied => Some("see whose it is, and who may read and write it".into()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::PathBuf;

    use super::*;
    use crate::disk::DiskError;

    fn symlink() -> DiskError {
        DiskError::Symlink { path: PathBuf::from("a\u{1b}[2J") }
    }

    #[test]
    fn no_file_can_speak_for_this_program() {
        let failure = Failure::could_not("bad \u{202e}\nhint: all is well").caused_by(&symlink()).hint("do\nerror: x");
        let text = failure.to_string();
        let starts: Vec<_> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(starts, ["error:", "", "caused", "hint:", "hint:", ""], "{text}");
        assert!(text.contains(r"bad \u{202e}") && text.contains(r"a\u{1b}[2J"), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}']));
    }

    #[test]
    fn a_command_to_copy_stays_whole_below_its_sentence() {
        let command = format!("trustroot accept target-changed {} --reason TEXT", "a/".repeat(40));
        let sentence = "mend what was found; or accept it in the policy, with a reason that all who sign will read:";
        let text = Failure::no("no").hint(format!("{sentence}\n{command}")).to_string();
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(lines[2], format!("  {command}"));
        assert!(lines[0].starts_with("hint: mend") && lines[..2].iter().all(|line| line.len() <= 80), "{text}");
    }

    #[test]
    fn errors_of_libraries_keep_their_causes() {
        let error = crate::machine::JournalError::Machine(symlink().into());
        let failed: Result<(), Failure> = Err(error).or_fail(|| "the policy cannot be read");
        let failure = failed.unwrap_err();
        assert_eq!(failure.code(), 2);
        assert_eq!(
            failure.to_string(),
            "error: the policy cannot be read\n\
             caused by: a\\u{1b}[2J is a symbolic link, or lies behind one\n\
             hint: put the file itself in its place: symbolic links are not followed here\n"
        );
        let json = failure.json();
        assert_eq!(json.get("ok"), Some(&Json::Bool(false)));
        assert_eq!(json.get("error").and_then(Json::as_str), Some("the policy cannot be read"));
        assert_eq!(json.get("hints").and_then(Json::as_array).map(<[_]>::len), Some(1));
    }
}
