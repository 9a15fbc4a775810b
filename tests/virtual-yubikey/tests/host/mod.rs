//! What a host sends to a card: chains, challenges, templates.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use aes::{Aes128, Aes192, Aes256};
use des::TdesEde3;
use des::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use virtual_yubikey::{Card, StatusWord};

/// The management key that every card leaves the factory with.
pub const FACTORY_KEY: [u8; 24] = [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];

/// RFC 8017, section 9.2, note 1.
pub const SHA256_DIGEST_INFO: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// A host before a card whose PIV application is selected.
pub struct Host<'a> {
    card: &'a Card,
}

impl<'a> Host<'a> {
    pub fn new(card: &'a Card) -> Self {
        let host = Self { card };
        host.select();
        host
    }

    pub fn select(&self) {
        assert_eq!(self.status(0xa4, 4, 0, &[0xa0, 0, 0, 3, 8]), StatusWord::OK);
    }

    /// Sends a command in short APDUs, and collects the answer.
    pub fn send(&self, instruction: u8, p1: u8, p2: u8, data: &[u8]) -> (Vec<u8>, StatusWord) {
        let mut chunks = data.chunks(255).peekable();
        let mut answer = if data.is_empty() { self.transmit(&[0, instruction, p1, p2]) } else { Default::default() };
        while let Some(chunk) = chunks.next() {
            let class = if chunks.peek().is_some() { 0x10 } else { 0 };
            answer = self.transmit(&[&[class, instruction, p1, p2, chunk.len() as u8][..], chunk].concat());
            if answer.1 != 0x9000 && class != 0 {
                break;
            }
        }
        let (mut data, mut status) = answer;
        while status & 0xff00 == 0x6100 {
            let more = self.transmit(&[0, 0xc0, 0, 0, 0]);
            data.extend(more.0);
            status = more.1;
        }
        (data, StatusWord(status))
    }

    pub fn status(&self, instruction: u8, p1: u8, p2: u8, data: &[u8]) -> StatusWord {
        self.send(instruction, p1, p2, data).1
    }

    pub fn verify(&self, pin: &str) -> StatusWord {
        self.status(0x20, 0, 0x80, &padded(pin))
    }

    /// A command with two PINs or PUKs.
    pub fn pair(&self, instruction: u8, p2: u8, first: &str, second: &str) -> StatusWord {
        self.status(instruction, 0, p2, &[padded(first), padded(second)].concat())
    }

    /// Proves the management key of the factory.
    pub fn manage(&self) {
        let proven = [0x03, 0x0a].map(|cipher| self.prove_singly(cipher, &FACTORY_KEY));
        assert!(proven.contains(&StatusWord::OK));
    }

    pub fn prove_singly(&self, cipher: u8, key: &[u8]) -> StatusWord {
        let (challenge, status) = self.send(0x87, cipher, 0x9b, &[0x7c, 2, 0x81, 0]);
        if status != StatusWord::OK {
            return status;
        }
        let response = crypt(cipher, key, &challenge[4..], true);
        self.status(0x87, cipher, 0x9b, &tlv(0x7c, &tlv(0x82, &response)))
    }

    /// Whether the card proved that it has the key too; nothing if it refused.
    pub fn prove_mutually(&self, cipher: u8, key: &[u8]) -> Option<bool> {
        let (witness, _) = self.send(0x87, cipher, 0x9b, &[0x7c, 2, 0x80, 0]);
        let witness = crypt(cipher, key, &witness[4..], false);
        let challenge = vec![0x17; witness.len()];
        let inner = [tlv(0x80, &witness), tlv(0x81, &challenge), tlv(0x82, &[])].concat();
        let (response, status) = self.send(0x87, cipher, 0x9b, &tlv(0x7c, &inner));
        (status == StatusWord::OK).then(|| response[4..] == crypt(cipher, key, &challenge, true))
    }

    pub fn generate(&self, slot: u8, algorithm: u8, policies: &[u8]) -> (Vec<u8>, StatusWord) {
        let template = [&[0x80, 1, algorithm][..], policies].concat();
        self.send(0x47, 0, slot, &tlv(0xac, &template))
    }

    /// The answer to GENERAL AUTHENTICATE, out of its templates.
    pub fn sign(&self, slot: u8, algorithm: u8, input: &[u8]) -> (Vec<u8>, StatusWord) {
        let inner = [tlv(0x82, &[]), tlv(0x81, input)].concat();
        let (answer, status) = self.send(0x87, algorithm, slot, &tlv(0x7c, &inner));
        (value(value(&answer)).to_vec(), status)
    }

    pub fn put(&self, object: &[u8], content: &[u8]) -> StatusWord {
        self.status(0xdb, 0x3f, 0xff, &[tlv(0x5c, object), tlv(0x53, content)].concat())
    }

    pub fn get(&self, object: &[u8]) -> (Vec<u8>, StatusWord) {
        let (answer, status) = self.send(0xcb, 0x3f, 0xff, &tlv(0x5c, object));
        (value(&answer).to_vec(), status)
    }

    fn transmit(&self, apdu: &[u8]) -> (Vec<u8>, u16) {
        let mut answer = self.card.transmit(apdu).unwrap();
        let status = answer.split_off(answer.len() - 2);
        (answer, u16::from_be_bytes([status[0], status[1]]))
    }
}

/// How long a management key for a cipher is.
pub fn key_length(cipher: u8) -> usize {
    match cipher {
        0x08 => 16,
        0x0c => 32,
        _ => 24,
    }
}

fn crypt(cipher: u8, key: &[u8], block: &[u8], encrypt: bool) -> Vec<u8> {
    fn block_of<C: BlockCipherEncrypt + BlockCipherDecrypt + KeyInit>(
        key: &[u8],
        block: &[u8],
        encrypt: bool,
    ) -> Vec<u8> {
        let cipher = C::new_from_slice(key).unwrap();
        let mut block = Block::<C>::try_from(block).unwrap();
        if encrypt {
            cipher.encrypt_block(&mut block)
        } else {
            cipher.decrypt_block(&mut block)
        }
        block.to_vec()
    }
    match cipher {
        0x03 => block_of::<TdesEde3>(key, block, encrypt),
        0x08 => block_of::<Aes128>(key, block, encrypt),
        0x0a => block_of::<Aes192>(key, block, encrypt),
        _ => block_of::<Aes256>(key, block, encrypt),
    }
}

fn padded(pin: &str) -> Vec<u8> {
    let mut pin = pin.as_bytes().to_vec();
    pin.resize(8, 0xff);
    pin
}

pub fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = match value.len() {
        short @ ..=0x7f => vec![short as u8],
        long => vec![0x82, (long >> 8) as u8, long as u8],
    };
    [&[tag][..], &length, value].concat()
}

/// The value of the first tag.
pub fn value(bytes: &[u8]) -> &[u8] {
    match bytes {
        [_, 0x82, _, _, value @ ..] => value,
        [_, 0x81, _, value @ ..] => value,
        [_, _, value @ ..] => value,
        _ => &[],
    }
}
