//! Scripted people, and tokens to try them on.
#![allow(clippy::unwrap_used, dead_code)]

#[cfg(feature = "pkcs11")]
pub(crate) mod store;

use std::collections::VecDeque;

use keyholders::{Action, Ask, AskError, Pin, PinRequest, Refusal};

/// Answers with these, in this order, and remembers what was asked.
#[derive(Default)]
pub(crate) struct Script {
    pub(crate) answers: VecDeque<&'static str>,
    pub(crate) asked: Vec<PinRequest>,
    pub(crate) acts: Vec<Action>,
    /// Whether the person goes on after a refusal.
    pub(crate) goes_on: bool,
    pub(crate) refused: Vec<Refusal>,
}

impl Script {
    pub(crate) fn of(answers: &[&'static str]) -> Self {
        Self { answers: answers.iter().copied().collect(), ..Self::default() }
    }

    /// A person who goes on with these answers when one is refused.
    pub(crate) fn again(answers: &[&'static str]) -> Self {
        Self { goes_on: true, ..Self::of(answers) }
    }

    /// A person who is asked nothing.
    pub(crate) fn silent() -> Self {
        Self::default()
    }
}

impl Ask for Script {
    fn pin(&mut self, request: PinRequest) -> Result<Pin, AskError> {
        self.asked.push(request);
        let answer = self.answers.pop_front().ok_or(AskError::Cancelled)?;
        Ok(Pin::new(answer.to_owned())?)
    }

    fn again(&mut self, refusal: &Refusal) -> bool {
        self.refused.push(refusal.clone());
        self.goes_on
    }

    fn act(&mut self, action: Action) {
        self.acts.push(action);
    }
}
