//! The person before the card.

use std::time::Duration;

/// What the person does when the card waits for a touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// Touches it so long after the card began to wait.
    After(Duration),
    /// Touches it when [`Card::press`](crate::Card::press) is called.
    WhenPressed,
    /// Is not there.
    Never,
}

/// How often a card waited for a touch, and how often it got one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touches {
    /// The times that the card began to wait.
    pub asked: usize,
    /// The times that somebody touched it then.
    pub given: usize,
}
