//! `trustroot review`

mod page;

use std::fmt;
use std::path::PathBuf;

use ceremony::{Json, ProposalDigest};
use qrcode::{Color, EcLevel, QrCode};

use crate::ceremony_dir::Ceremony;
use crate::context::Context;
use crate::disk::{self, Access, Place};
use crate::error::{Failure, OrFail as _};
use crate::examine::{Told, TrustedBy, examine};
use crate::report::{Outcome, Report};
use crate::text::{escaped, wrapped};
use crate::ui::Ui;

/// Show what a proposal means, against the root that you trust
///
/// Walks from the root that you trust through what is published to the proposal; says what changes, what is found to
/// be wrong with it, whether it is what its inputs give byte for byte, and who must sign. Adds nothing to the ceremony.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  trustroot review                     the one ceremony that is open
  trustroot review --root 1.root.json  the first time on a machine
  trustroot review --digest            on the coordinator's screen, to read out")]
pub(crate) struct Review {
    /// The ceremony; not needed while only one is open
    ceremony: Option<String>,
    /// Trust this root; by default the one that this machine remembers
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// Remember the published root as trusted on this machine if all is well
    #[arg(long)]
    trust: bool,
    /// Show the digest of the proposal, which everybody who signs must hear: for the coordinator's screen
    #[arg(long)]
    digest: bool,
    /// Also write it as a page, to read or print; never the digest. The file must be new
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Review {
    pub(crate) fn run(self, context: &Context, ui: &mut Ui) -> Result<Outcome, Failure> {
        if let Some(path) = &self.html {
            context.workdir.refuse_output(path)?;
        }
        let ceremony = Ceremony::choose(context, ui, self.ceremony.as_deref())?;
        let told = examine(context, &ceremony, self.root.as_deref(), ui)?.tell(&ceremony)?;
        let fit = told.examined.fit_to_sign().is_ok();
        let digest = self.digest.then(|| Screen::of(&ceremony.digest)).transpose()?;
        if let Some(path) = &self.html {
            let page = page::html(&told, HEAR, context.now);
            disk::create_new(&Place::named(path), page.as_bytes(), Access::Shared)?;
        }
        let report = Reviewed { told, digest, written: self.html.clone() };
        if fit && self.trusts(context, ui, &report)? {
            report.told.examined.remember(context)?;
        }
        Ok(Outcome::answer(fit, report))
    }

    /// Whether the published root shall be remembered: if the person said so, or says so now.
    fn trusts(&self, context: &Context, ui: &mut Ui, report: &Reviewed) -> Result<bool, Failure> {
        let Some(trusted) = report.told.examined.trusted() else { return Ok(false) };
        if self.trust || trusted.by != TrustedBy::Given || !ui.has_terminal() {
            return Ok(self.trust);
        }
        if report.told.examined.remembers(context)? {
            return Ok(false);
        }
        ui.show(report);
        ui.confirm("--trust", "Remember this published root as trusted on this machine?", Some(false))
    }
}

/// What was reviewed.
struct Reviewed {
    told: Told,
    digest: Option<Screen>,
    written: Option<PathBuf>,
}

/// Why what was told is not enough.
const HEAR: &str = "Whether this is what the others see, only its digest tells: hear it from the coordinator by another \
                    channel, such as the telephone. `trustroot sign` asks for it.";

impl fmt::Display for Reviewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.told.fmt(f)?;
        if let Some(path) = &self.written {
            writeln!(f, "\nwritten: {}", escaped(&path.display().to_string()))?;
        }
        match &self.digest {
            Some(screen) => screen.fmt(f),
            None => write!(f, "\n{}", wrapped(HEAR, 0)),
        }
    }
}

impl Report for Reviewed {
    fn json(&self) -> Json {
        let mut members = self.told.members();
        if let Some(Screen { digest, .. }) = &self.digest {
            members.insert("digest", Json::string(digest.to_string()));
            members.insert("words", Json::string(digest.words().join(" ")));
        }
        if let Some(path) = &self.written {
            members.insert("written", Json::string(path.display().to_string()));
        }
        Json::Object(members)
    }
}

/// The digest as the coordinator shows it: words to speak, hex to copy, a code to photograph. Fits 80 columns and 24
/// lines.
struct Screen {
    digest: ProposalDigest,
    code: Vec<String>,
}

impl Screen {
    fn of(digest: &ProposalDigest) -> Result<Self, Failure> {
        // Capitals are a smaller code; the case of a digest that is heard means nothing.
        let text = digest.to_string().to_uppercase();
        let code =
            QrCode::with_error_correction_level(text, EcLevel::L).or_fail(|| "the digest does not fit a code")?;
        Ok(Self { digest: *digest, code: half_blocks(&code) })
    }
}

impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nThe digest of this proposal. Read the words out; never send them with the files.")?;
        let words = self.digest.words();
        let mut right = vec![String::new(), String::new()];
        right.extend(words.iter().enumerate().map(|(i, word)| format!("{:>2}  {word}", i + 1)));
        let width = self.code.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        for i in 0..self.code.len().max(right.len()) {
            let code = self.code.get(i).map_or("", String::as_str);
            let line = format!("{code:width$}    {}", right.get(i).map_or("", String::as_str));
            writeln!(f, "{}", line.trim_end())?;
        }
        writeln!(f, "{}", self.digest)
    }
}

/// A code with its margin, two rows of it to a line. Light squares are drawn, since terminals are dark; cameras read
/// the opposite too.
fn half_blocks(code: &QrCode) -> Vec<String> {
    const MARGIN: usize = 2;
    let (width, colors) = (code.width(), code.to_colors());
    let light = |x: usize, y: usize| {
        let inside = |i: usize| i.checked_sub(MARGIN).filter(|i| *i < width);
        match (inside(x), inside(y)) {
            (Some(x), Some(y)) => colors.get(y * width + x) != Some(&Color::Dark),
            _ => true,
        }
    };
    let side = width + 2 * MARGIN;
    let square = |x, y| match (light(x, y), y + 1 < side && light(x, y + 1)) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    };
    (0..side).step_by(2).map(|y| (0..side).map(|x| square(x, y)).collect()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_code_is_drawn_square_by_square() {
        let code = QrCode::with_error_correction_level("AB12".repeat(16), EcLevel::L).unwrap();
        let lines: Vec<Vec<char>> = half_blocks(&code).iter().map(|line| line.chars().collect()).collect();
        let light = |x: usize, y: usize| match lines[y / 2][x] {
            '█' => true,
            '▀' => y.is_multiple_of(2),
            '▄' => !y.is_multiple_of(2),
            _ => false,
        };
        let width = code.width();
        assert_eq!((width, lines.len()), (29, 17));
        for y in 0..width + 4 {
            for x in 0..width + 4 {
                let inside = (2..width + 2).contains(&x) && (2..width + 2).contains(&y);
                let dark = inside && code.to_colors()[(y - 2) * width + x - 2] == Color::Dark;
                assert_eq!(light(x, y), !dark, "{x} {y}");
            }
        }
    }
}
