//! A card in a reader of vpcd's: the protocol between them, on a TCP connection that the card opens.
//!
//! Each message is its length in two bytes and then its bytes. A message of one byte asks for power, a reset or the answer
//! to reset; any other is a command.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::os::linux::net::TcpStreamExt as _;
use std::thread::JoinHandle;

use crate::card::Card;

/// A card in a reader. Dropping it pulls the card.
pub(crate) struct Plugged {
    card: Card,
    stream: TcpStream,
    thread: Option<JoinHandle<()>>,
}

impl Plugged {
    /// Puts a card into the reader at this port.
    pub(crate) fn new(card: &Card, port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        let (served, reader_side) = (card.clone(), stream.try_clone()?);
        let thread = std::thread::Builder::new().name("card".to_owned()).spawn(move || {
            // The connection ends when the reader or the card goes: neither is a fault of this thread.
            let _ = serve(&served, &reader_side);
            let _ = reader_side.shutdown(Shutdown::Both);
        })?;
        Ok(Self { card: card.clone(), stream, thread: Some(thread) })
    }

    /// Whether the card is still there.
    pub(crate) fn is_in(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Whether it is this card.
    pub(crate) fn is(&self, card: &Card) -> bool {
        self.card.is(card)
    }
}

impl Drop for Plugged {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
        self.card.pull();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(card: &Card, mut stream: &TcpStream) -> io::Result<()> {
    loop {
        let message = receive(stream)?;
        let answer = match message[..] {
            [POWER_OFF | POWER_ON | RESET] => {
                card.reset();
                continue;
            }
            [ANSWER_TO_RESET] => Some(card.answer_to_reset().to_vec()),
            _ => card.transmit(&message),
        };
        let Some(answer) = answer else { return Ok(()) };
        // No message is longer than its length can say.
        let length = u16::try_from(answer.len()).unwrap_or(u16::MAX);
        let answer = &answer[..usize::from(length)];
        stream.write_all(&[&length.to_be_bytes(), answer].concat())?;
    }
}

/// The next message. Without an acknowledgement at once the reader holds back the second part of what it sends for 40
/// milliseconds.
fn receive(mut stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.set_quickack(true)?;
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.set_quickack(true)?;
    stream.read_exact(&mut message)?;
    Ok(message)
}

const POWER_OFF: u8 = 0;
const POWER_ON: u8 = 1;
const RESET: u8 = 2;
const ANSWER_TO_RESET: u8 = 4;
