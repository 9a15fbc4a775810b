//! The seam between libraries that want to own what they read from, asynchronously, and a borrowed [`Source`].

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use ceremony::{Source, SourceError};

/// What a library asks for goes in, what the source answers comes out. A clone is the same mailbox.
///
/// The library gets a clone to keep; [`Mailbox::serve`] runs the library's future and answers every question in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mailbox(Arc<Mutex<Letters>>);

#[derive(Debug, Default)]
struct Letters {
    question: Option<Question>,
    answer: Option<Answer>,
    last: Option<(String, Served)>,
}

/// A file that a library wants, of `limit` bytes at most.
#[derive(Debug)]
pub(crate) enum Question {
    /// Metadata by name.
    Metadata {
        /// Like `3.root.json`.
        name: String,
        /// In bytes.
        limit: u64,
    },
    /// A target by path.
    Target {
        /// Below the targets.
        path: String,
        /// In bytes.
        limit: u64,
    },
}

/// What a library is told: the reason of a failure is for [`Mailbox::last`].
#[derive(Debug)]
pub(crate) enum Answer {
    /// The file.
    Bytes(Vec<u8>),
    /// There is none.
    Missing,
    /// The source failed, with this message.
    Failed(String),
}

/// How the last question was answered.
#[derive(Debug)]
pub(crate) enum Served {
    /// With a file.
    Bytes,
    /// With nothing.
    Missing,
    /// Not.
    Failed(SourceError),
}

impl Mailbox {
    /// The answer to `question`, when somebody serves this mailbox.
    pub(crate) async fn ask(&self, question: Question) -> Answer {
        self.letters().question = Some(question);
        poll_fn(|_| match self.letters().answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        })
        .await
    }

    /// Runs `work` to its end and answers from `source` what it asks.
    pub(crate) async fn serve<T>(&self, source: &dyn Source, work: impl Future<Output = T>) -> T {
        self.letters().last = None;
        let mut work = pin!(work);
        poll_fn(|context| {
            loop {
                match work.as_mut().poll(context) {
                    Poll::Pending if self.answer(source) => {}
                    poll => return poll,
                }
            }
        })
        .await
    }

    /// What the work that was served last asked for last, and how it was answered; forgotten by this.
    pub(crate) fn last(&self) -> Option<(String, Served)> {
        self.letters().last.take()
    }

    fn answer(&self, source: &dyn Source) -> bool {
        let Some(question) = self.letters().question.take() else { return false };
        let (name, answer) = match question {
            Question::Metadata { name, limit } => {
                let answer = source.metadata(&name, limit);
                (name, answer)
            }
            Question::Target { path, limit } => {
                let answer = source.target(&path, limit);
                (path, answer)
            }
        };
        let (answer, served) = match answer {
            Ok(Some(bytes)) => (Answer::Bytes(bytes), Served::Bytes),
            Ok(None) => (Answer::Missing, Served::Missing),
            Err(error) => (Answer::Failed(error.to_string()), Served::Failed(error)),
        };
        let mut letters = self.letters();
        letters.answer = Some(answer);
        letters.last = Some((name, served));
        true
    }

    fn letters(&self) -> MutexGuard<'_, Letters> {
        // Nothing panics while it holds the lock, and no letter is ever half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
