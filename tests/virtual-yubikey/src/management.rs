//! The management key: whoever has it makes, moves and deletes keys and objects (NIST SP 800-73-4, part 2, section
//! 3.2.4 and appendix A.1).

use aes::{Aes128, Aes192, Aes256};
use des::TdesEde3;
use des::cipher::{Block, BlockCipherEncrypt, KeyInit};

use crate::apdu::Command;
use crate::applet::{Applet, Outcome};
use crate::policy::TouchPolicy;
use crate::profile::Firmware;
use crate::random;
use crate::status::StatusWord;
use crate::tlv::{find, read, tlv};

/// The management key, its cipher, and whether it wants a touch.
pub(crate) struct ManagementKey {
    cipher: Cipher,
    key: Vec<u8>,
    touch: TouchPolicy,
}

impl ManagementKey {
    /// The key of a new card: the same 24 bytes for all, for Triple DES, or for AES-192 since 5.7.
    pub(crate) fn factory(firmware: Firmware) -> Self {
        let cipher = if firmware.is_5_7() { Cipher::Aes192 } else { Cipher::Tdes };
        Self { cipher, key: FACTORY.to_vec(), touch: TouchPolicy::Never }
    }

    /// What GET METADATA says of it.
    pub(crate) fn metadata(&self) -> Vec<u8> {
        let default = u8::from(self.key == FACTORY);
        let cipher = tlv(0x01, &[self.cipher as u8]);
        [cipher, tlv(0x02, &[0, self.touch as u8]), tlv(0x05, &[default])].concat()
    }
}

/// What was last sent to a host that says it has the management key, and is answered once.
pub(crate) enum Challenge {
    /// The host shall encrypt this.
    Single(Vec<u8>),
    /// The host shall have decrypted this.
    Mutual(Vec<u8>),
}

/// The cipher of a management key, by its number in SP 800-78.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cipher {
    Tdes = 0x03,
    Aes128 = 0x08,
    Aes192 = 0x0a,
    Aes256 = 0x0c,
}

impl Cipher {
    fn numbered(number: u8) -> Option<Self> {
        [Self::Tdes, Self::Aes128, Self::Aes192, Self::Aes256].into_iter().find(|cipher| *cipher as u8 == number)
    }

    fn key_length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Tdes | Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }

    fn random_block(self) -> Vec<u8> {
        if self == Self::Tdes { random::bytes::<8>().to_vec() } else { random::bytes::<16>().to_vec() }
    }
}

impl Applet {
    /// GENERAL AUTHENTICATE with the management key: first a challenge is asked for, then it is answered.
    pub(crate) fn authenticate_management(&mut self, command: &Command) -> Outcome {
        // P1 of zero means Triple DES (SP 800-78-4, table 6-2).
        let number = if command.p1 == 0 { Cipher::Tdes as u8 } else { command.p1 };
        if number != self.management.cipher as u8 {
            return Err(StatusWord::DATA)?;
        }
        let outer = read(&command.data)?;
        let inner = read(find(&outer, 0x7c).ok_or(StatusWord::DATA)?)?;
        let (witness, challenge, response) = (find(&inner, 0x80), find(&inner, 0x81), find(&inner, 0x82));
        match (witness, challenge, response) {
            (Some([]), None, None) => {
                let secret = self.management.cipher.random_block();
                let witness = self.management.encrypted(&secret)?;
                self.session.challenge = Some(Challenge::Mutual(secret));
                Ok(tlv(0x7c, &tlv(0x80, &witness)))
            }
            (None, Some([]), None) => {
                let challenge = self.management.cipher.random_block();
                self.session.challenge = Some(Challenge::Single(challenge.clone()));
                Ok(tlv(0x7c, &tlv(0x81, &challenge)))
            }
            (Some(witness), Some(challenge), None | Some([])) => {
                self.touched(self.management.touch)?;
                let Some(Challenge::Mutual(secret)) = self.session.challenge.take() else {
                    return Err(StatusWord::CONDITIONS)?;
                };
                if witness != secret {
                    return Err(StatusWord::SECURITY_STATUS)?;
                }
                let response = self.management.encrypted(challenge)?;
                self.session.management = true;
                Ok(tlv(0x7c, &tlv(0x82, &response)))
            }
            (None, None, Some(response)) => {
                self.touched(self.management.touch)?;
                let Some(Challenge::Single(challenge)) = self.session.challenge.take() else {
                    return Err(StatusWord::CONDITIONS)?;
                };
                if response != self.management.encrypted(&challenge)? {
                    return Err(StatusWord::SECURITY_STATUS)?;
                }
                self.session.management = true;
                Ok(Vec::new())
            }
            _ => Err(StatusWord::DATA)?,
        }
    }

    /// SET MANAGEMENT KEY.
    pub(crate) fn set_management_key(&mut self, command: &Command) -> Outcome {
        self.managed()?;
        let touch = match (command.p1, command.p2) {
            (0xff, 0xff) => TouchPolicy::Never,
            (0xff, 0xfe) => TouchPolicy::Always,
            (0xff, 0xfd) => TouchPolicy::Cached,
            _ => Err(StatusWord::PARAMETERS)?,
        };
        let [number, 0x9b, length, key @ ..] = &command.data[..] else { return Err(StatusWord::DATA)? };
        let cipher = Cipher::numbered(*number).ok_or(StatusWord::DATA)?;
        let known = cipher == Cipher::Tdes || self.profile.firmware.has_aes();
        if !known || usize::from(*length) != key.len() || key.len() != cipher.key_length() {
            return Err(StatusWord::DATA)?;
        }
        self.management = ManagementKey { cipher, key: key.to_vec(), touch };
        Ok(Vec::new())
    }
}

impl ManagementKey {
    /// One block, encrypted.
    fn encrypted(&self, block: &[u8]) -> Result<Vec<u8>, StatusWord> {
        match self.cipher {
            Cipher::Tdes => encrypted::<TdesEde3>(&self.key, block),
            Cipher::Aes128 => encrypted::<Aes128>(&self.key, block),
            Cipher::Aes192 => encrypted::<Aes192>(&self.key, block),
            Cipher::Aes256 => encrypted::<Aes256>(&self.key, block),
        }
    }
}

fn encrypted<C: BlockCipherEncrypt + KeyInit>(key: &[u8], block: &[u8]) -> Result<Vec<u8>, StatusWord> {
    let mut block = Block::<C>::try_from(block).map_err(|_| StatusWord::DATA)?;
    let cipher = C::new_from_slice(key).expect("a management key has the length of its cipher");
    cipher.encrypt_block(&mut block);
    Ok(block.to_vec())
}

/// The management key that every YubiKey leaves the factory with.
const FACTORY: [u8; 24] = [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];
