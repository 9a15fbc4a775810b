//! Nobody signs but by the digest that was heard.

use ceremony::ProposalDigest;

use crate::error::Failure;
use crate::ui::Ui;

/// Asks for the digest as it was heard. What is no digest at all is asked for again; a wrong one ends the command: it
/// is no password to try.
pub(super) fn consent(ui: &mut Ui, digest: &ProposalDigest) -> Result<(), Failure> {
    ui.say_apart(
        "The coordinator's screen shows the digest of this proposal, and you hear it by another channel. If this is not \
         what you want to sign, press Ctrl-C: nothing is signed without the digest.",
    );
    loop {
        let heard: String =
            ui.value("--expect", "Digest as you heard it (twelve words, or hex; Ctrl-C signs nothing)", None)?;
        match digest.is(&heard) {
            Ok(same) => return agree(same),
            Err(error) => ui.say(error),
        }
    }
}

/// # Errors
/// If what was heard is not the digest.
pub(super) fn agree(same: bool) -> Result<(), Failure> {
    if same {
        return Ok(());
    }
    Err(Failure::no("what you heard is not the digest of this proposal: nothing was signed")
        .hint("hear it again, word by word; if it still differs, this copy is not what the others see"))
}
