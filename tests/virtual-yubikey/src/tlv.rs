//! Tags, lengths and values (ISO/IEC 8825-1, definite lengths), as PIV and YubiKeys use them.

use crate::status::StatusWord;

/// A tag with its value. The tag is one byte, or two where they are given.
pub(crate) fn tlv(tag: u16, value: &[u8]) -> Vec<u8> {
    let [high, low] = tag.to_be_bytes();
    let mut bytes = if high == 0 { vec![low] } else { vec![high, low] };
    let length = u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes();
    match value.len() {
        ..=0x7f => bytes.push(length[3]),
        0x80..=0xff => bytes.extend([0x81, length[3]]),
        0x100..=0xffff => bytes.extend([0x82, length[2], length[3]]),
        _ => bytes.extend([0x83, length[1], length[2], length[3]]),
    }
    bytes.extend_from_slice(value);
    bytes
}

/// The tags and values of `bytes`, one after the other, tags of one byte.
///
/// # Errors
/// If a length reaches beyond the end.
pub(crate) fn read(mut bytes: &[u8]) -> Result<Vec<(u8, &[u8])>, StatusWord> {
    let mut found = Vec::new();
    while let [tag, rest @ ..] = bytes {
        let (value, rest) = value(rest).ok_or(StatusWord::DATA)?;
        found.push((*tag, value));
        bytes = rest;
    }
    Ok(found)
}

/// The first value with this tag, if there is one.
pub(crate) fn find<'a>(tlvs: &[(u8, &'a [u8])], tag: u8) -> Option<&'a [u8]> {
    tlvs.iter().find(|(other, _)| *other == tag).map(|(_, value)| *value)
}

fn value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match bytes {
        [length @ ..=0x7f, rest @ ..] => (usize::from(*length), rest),
        [0x81, length, rest @ ..] => (usize::from(*length), rest),
        [0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff] {
            let value = vec![7; length];
            let bytes = [tlv(0x53, &value), tlv(0x5c, b"id")].concat();
            let tlvs = read(&bytes).unwrap();
            assert_eq!(find(&tlvs, 0x53), Some(&value[..]));
            assert_eq!(find(&tlvs, 0x5c), Some(&b"id"[..]));
            assert_eq!(find(&tlvs, 0x70), None);
        }
        assert_eq!(tlv(0x7f49, b"x"), [0x7f, 0x49, 1, b'x']);
    }

    #[test]
    fn lengths_beyond_the_end_are_refused() {
        for bytes in [&[0x53][..], &[0x53, 1], &[0x53, 0x81], &[0x53, 0x82, 1], &[0x53, 0x83, 0, 0, 0], &[0x53, 0x80]] {
            assert_eq!(read(bytes), Err(StatusWord::DATA), "{bytes:x?}");
        }
    }
}
