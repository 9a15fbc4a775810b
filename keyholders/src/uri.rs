//! Names of keys on tokens.

use std::fmt;
use std::str::FromStr;

use crate::text::escaped;

/// A PKCS#11 URI (RFC 7512) without a query: it names a token or a key, and nothing else.
///
/// Which module to load and where a PIN comes from are for the machine to say, never for a text that somebody else
/// wrote, so that a query attribute is an error. Slot numbers are too, since they change from one start to the next.
/// An attribute that is not given matches everything. `Display` is one line of ASCII in one fixed order, and parses
/// back to the same value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uri {
    /// Label of the token.
    pub token: Option<String>,
    /// Maker of the token.
    pub manufacturer: Option<String>,
    /// Model of the token.
    pub model: Option<String>,
    /// Serial number of the token.
    pub serial: Option<String>,
    /// Label of the key (`CKA_LABEL`).
    pub object: Option<String>,
    /// Id of the key (`CKA_ID`).
    pub id: Option<Vec<u8>>,
    /// Class of the object.
    pub class: Option<Class>,
}

impl Uri {
    /// This URI without what says which object of the token is meant.
    #[cfg(feature = "pkcs11")]
    pub(crate) fn token_only(&self) -> Self {
        Self { object: None, id: None, class: None, ..self.clone() }
    }

    /// Whether it says anything about a key.
    pub fn names_key(&self) -> bool {
        self.object.is_some() || self.id.is_some()
    }

    /// Whether everything that `self` says of a token, `token` says too.
    pub fn matches_token(&self, token: &Self) -> bool {
        let agree = |wanted: &Option<String>, there: &Option<String>| wanted.is_none() || wanted == there;
        agree(&self.token, &token.token)
            && agree(&self.manufacturer, &token.manufacturer)
            && agree(&self.model, &token.model)
            && agree(&self.serial, &token.serial)
    }

    /// Whether both may name one token. Serial numbers are unique per maker and model; what one of the two leaves out
    /// decides nothing.
    pub(crate) fn same_token(&self, other: &Self) -> bool {
        let agree = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
        self.serial == other.serial
            && agree(&self.manufacturer, &other.manufacturer)
            && agree(&self.model, &other.model)
    }

    /// Whether both may name one key on a token: unless they differ in something that both give.
    pub(crate) fn same_key(&self, other: &Self) -> bool {
        match (&self.id, &other.id) {
            (Some(a), Some(b)) => a == b,
            _ => self.object.is_none() || other.object.is_none() || self.object == other.object,
        }
    }
}

/// The class of an object on a token (RFC 7512, attribute `type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A certificate.
    Cert,
    /// Data.
    Data,
    /// A private key.
    Private,
    /// A public key.
    Public,
    /// A secret key.
    SecretKey,
}

impl Class {
    const ALL: [Self; 5] = [Self::Cert, Self::Data, Self::Private, Self::Public, Self::SecretKey];

    fn as_str(self) -> &'static str {
        match self {
            Self::Cert => "cert",
            Self::Data => "data",
            Self::Private => "private",
            Self::Public => "public",
            Self::SecretKey => "secret-key",
        }
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pkcs11:")?;
        let mut between = "";
        let texts = [
            ("token", &self.token),
            ("manufacturer", &self.manufacturer),
            ("model", &self.model),
            ("serial", &self.serial),
            ("object", &self.object),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                write!(f, "{between}{name}=")?;
                value
                    .bytes()
                    .try_for_each(|b| if plain(b) { write!(f, "{}", b as char) } else { write!(f, "%{b:02X}") })?;
                between = ";";
            }
        }
        if let Some(id) = &self.id {
            // RFC 7512, section 2.3: the whole value of "id" should be percent-encoded.
            write!(f, "{between}id=")?;
            id.iter().try_for_each(|b| write!(f, "%{b:02X}"))?;
            between = ";";
        }
        if let Some(class) = self.class {
            write!(f, "{between}type={}", class.as_str())?;
        }
        Ok(())
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        if text.len() > LIMIT {
            return Err(UriError::TooLong { limit: LIMIT });
        }
        // RFC 3986, section 3.1: schemes are compared without regard to case.
        let path = match text.split_at_checked("pkcs11:".len()) {
            Some((scheme, path)) if scheme.eq_ignore_ascii_case("pkcs11:") => path,
            _ => return Err(UriError::Scheme),
        };
        if let Some((_, query)) = path.split_once('?') {
            let name = query.split(['=', '&']).next().unwrap_or_default();
            return Err(UriError::Query { name: short(name) });
        }
        let mut uri = Self::default();
        if path.is_empty() {
            return Ok(uri);
        }
        for attribute in path.split(';') {
            let (name, value) =
                attribute.split_once('=').ok_or_else(|| UriError::NoValue { attribute: short(attribute) })?;
            let bytes = decode(name, value)?;
            let twice = || UriError::Twice { name: short(name) };
            let text_slot = match name {
                "token" => &mut uri.token,
                "manufacturer" => &mut uri.manufacturer,
                "model" => &mut uri.model,
                "serial" => &mut uri.serial,
                "object" => &mut uri.object,
                "id" if uri.id.is_some() => return Err(twice()),
                "id" => {
                    uri.id = Some(bytes);
                    continue;
                }
                "type" if uri.class.is_some() => return Err(twice()),
                "type" => {
                    let class = Class::ALL.into_iter().find(|class| class.as_str().as_bytes() == bytes);
                    uri.class = Some(class.ok_or_else(|| UriError::Class { class: short(value) })?);
                    continue;
                }
                // RFC 7512 names them, and none of them may decide which key signs.
                "slot-id" | "slot-description" | "slot-manufacturer" => {
                    return Err(UriError::Slot { name: short(name) });
                }
                "library-description" | "library-manufacturer" | "library-version" => {
                    return Err(UriError::Library { name: short(name) });
                }
                _ => return Err(UriError::Unknown { name: short(name) }),
            };
            if text_slot.is_some() {
                return Err(twice());
            }
            *text_slot = Some(String::from_utf8(bytes).map_err(|_| UriError::NotText { name: short(name) })?);
        }
        Ok(uri)
    }
}

fn decode(name: &str, value: &str) -> Result<Vec<u8>, UriError> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
            match (digit(rest.next()), digit(rest.next())) {
                (Some(high), Some(low)) => bytes.push(high << 4 | low),
                _ => return Err(UriError::Percent { name: short(name) }),
            }
        } else if plain(byte) {
            bytes.push(byte);
        } else {
            return Err(UriError::Encode { name: short(name), byte });
        }
    }
    Ok(bytes)
}

/// What RFC 7512, section 2.3, lets stand as it is in an attribute of the path.
fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:[]@!$'()*+,=&".contains(&byte)
}

fn short(text: &str) -> String {
    escaped(&text.chars().take(40).collect::<String>())
}

const LIMIT: usize = 1024;

/// Why a text is no name of a key. All texts in it are escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UriError {
    /// It does not start with `pkcs11:`.
    #[error("a key on a token is named by a URI that starts with \"pkcs11:\"")]
    Scheme,
    /// It is far too long.
    #[error("the pkcs11: URI is longer than {limit} bytes")]
    TooLong {
        /// The most that is taken.
        limit: usize,
    },
    /// It has a query.
    #[error(
        "the pkcs11: URI has the query attribute \"{name}\": modules and PINs are for the machine to say, give the URI up to the '?'"
    )]
    Query {
        /// The first attribute of the query.
        name: String,
    },
    /// An attribute that says a slot.
    #[error("the pkcs11: URI has \"{name}\": slots change, name the token by its label or serial number")]
    Slot {
        /// The attribute.
        name: String,
    },
    /// An attribute that says a library.
    #[error("the pkcs11: URI has \"{name}\": modules are for the machine to say")]
    Library {
        /// The attribute.
        name: String,
    },
    /// An attribute that RFC 7512 does not know.
    #[error("the pkcs11: URI has the unknown attribute \"{name}\"")]
    Unknown {
        /// The attribute.
        name: String,
    },
    /// An attribute that is there twice.
    #[error("the pkcs11: URI has \"{name}\" twice")]
    Twice {
        /// The attribute.
        name: String,
    },
    /// An attribute without `=`.
    #[error("the pkcs11: URI has \"{attribute}\" without a value")]
    NoValue {
        /// The attribute.
        attribute: String,
    },
    /// `%` without two hex digits.
    #[error("\"{name}\" in the pkcs11: URI has a '%' without two hex digits after it")]
    Percent {
        /// The attribute.
        name: String,
    },
    /// A byte that must be percent-encoded.
    #[error("\"{name}\" in the pkcs11: URI has a byte that must be written as %{byte:02X}")]
    Encode {
        /// The attribute.
        name: String,
        /// The byte.
        byte: u8,
    },
    /// A value that is not UTF-8.
    #[error("\"{name}\" in the pkcs11: URI is not UTF-8")]
    NotText {
        /// The attribute.
        name: String,
    },
    /// A `type` that RFC 7512 does not know.
    #[error("the pkcs11: URI has the unknown type \"{class}\"")]
    Class {
        /// The type.
        class: String,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(text: &str) -> Result<Uri, UriError> {
        text.parse()
    }

    #[test]
    fn display_parses_back_to_the_same_value() {
        let uri = Uri {
            token: Some("my token; 50%/é\u{1b}".into()),
            serial: Some("c0ffee".into()),
            object: Some("key=1&2?".into()),
            id: Some(vec![0, 1, 255]),
            class: Some(Class::Private),
            ..Uri::default()
        };
        let text = uri.to_string();
        assert_eq!(
            text,
            "pkcs11:token=my%20token%3B%2050%25%2F%C3%A9%1B;serial=c0ffee;object=key=1&2%3F;id=%00%01%FF;type=private"
        );
        assert_eq!(parse(&text).unwrap(), uri);
        for byte in 0..=127_u8 {
            let uri = Uri { object: Some(char::from(byte).to_string()), ..Uri::default() };
            assert_eq!(parse(&uri.to_string()).unwrap(), uri);
        }
        assert_eq!(parse("pkcs11:").unwrap(), Uri::default());
        assert_eq!(parse("PKCS11:token=").unwrap().token.as_deref(), Some(""));
        assert_eq!(parse("pkcs11:id=a%62").unwrap().id.as_deref(), Some(&b"ab"[..]));
    }

    #[test]
    fn a_query_is_refused_by_its_name() {
        let error = |text: &str| parse(text).unwrap_err();
        for name in ["module-path", "module-name", "pin-source", "pin-value", "x-vendor"] {
            let text = format!("pkcs11:token=a;object=b?{name}=/tmp/evil.so");
            assert_eq!(error(&text), UriError::Query { name: name.to_string() });
        }
        assert_eq!(error("pkcs11:?"), UriError::Query { name: String::new() });
        // A query attribute among the attributes of the path is none that is known.
        assert_eq!(error("pkcs11:pin-value=1234"), UriError::Unknown { name: "pin-value".into() });
        assert_eq!(error("pkcs11:slot-id=0"), UriError::Slot { name: "slot-id".into() });
        assert_eq!(error("pkcs11:library-version=3"), UriError::Library { name: "library-version".into() });
    }

    #[test]
    fn hostile_text_is_an_error() {
        let error = |text: &str| parse(text).unwrap_err();
        assert_eq!(error(""), UriError::Scheme);
        assert_eq!(error("é"), UriError::Scheme);
        assert_eq!(error("pkcs1"), UriError::Scheme);
        assert_eq!(error("file:token=a"), UriError::Scheme);
        assert_eq!(error("pkcs11:token=a;token=b"), UriError::Twice { name: "token".into() });
        assert_eq!(error("pkcs11:id=%01;id=%01"), UriError::Twice { name: "id".into() });
        assert_eq!(error("pkcs11:token"), UriError::NoValue { attribute: "token".into() });
        assert_eq!(error("pkcs11:token=a;"), UriError::NoValue { attribute: String::new() });
        assert_eq!(error("pkcs11:token=%"), UriError::Percent { name: "token".into() });
        assert_eq!(error("pkcs11:token=%4"), UriError::Percent { name: "token".into() });
        assert_eq!(error("pkcs11:token=%+4"), UriError::Percent { name: "token".into() });
        assert_eq!(error("pkcs11:token=%FF"), UriError::NotText { name: "token".into() });
        assert_eq!(error("pkcs11:token=a b"), UriError::Encode { name: "token".into(), byte: b' ' });
        assert_eq!(error("pkcs11:type=key"), UriError::Class { class: "key".into() });
        assert_eq!(error(&format!("pkcs11:token={}", "a".repeat(2000))), UriError::TooLong { limit: 1024 });
        let escape = error("pkcs11:\u{1b}[2J=1").to_string();
        assert!(!escape.contains('\u{1b}'), "{escape:?}");
        let whole = "pkcs11:token=a%20b;serial=c;object=d;id=%01;type=public";
        for end in 0..whole.len() {
            let _ = parse(&whole[..end]);
        }
    }

    #[test]
    fn what_is_not_said_matches() {
        let token = parse("pkcs11:token=a;manufacturer=m;model=x;serial=1").unwrap();
        assert!(Uri::default().matches_token(&token));
        assert!(parse("pkcs11:serial=1;object=k").unwrap().matches_token(&token));
        assert!(!parse("pkcs11:token=a;serial=2").unwrap().matches_token(&token));
        assert!(!parse("pkcs11:serial=1").unwrap().matches_token(&Uri::default()));
    }
}
