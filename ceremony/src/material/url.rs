//! Where a service is.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

/// The URL of a service as clients use it: with a scheme and a host, without a slash at its end, which clients would
/// double or miss.
///
/// That it is not https, or known in one cluster only, is for [`lint`](super::lint::lint) to find.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceUrl(String);

impl ServiceUrl {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let refused = |why| UrlError { url: text.escape_debug().to_string(), why };
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let rest = rest.ok_or_else(|| refused("does not begin with https://"))?;
        if !rest.bytes().all(|byte| byte.is_ascii_graphic())
            || rest.contains(['"', '<', '>', '\\', '^', '`', '{', '|', '}'])
        {
            return Err(refused("has characters that no URL has"));
        }
        if rest.contains(['?', '#', '@']) {
            return Err(refused("has a query, a fragment or a user, and clients append to it"));
        }
        if rest.starts_with([':', '/']) || rest.is_empty() {
            return Err(refused("has no host"));
        }
        if rest.ends_with('/') {
            return Err(refused("ends with a slash: leave it out, clients append to it"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no URL of a service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{url}\" {why}")]
pub struct UrlError {
    url: String,
    why: &'static str,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_url_is_one_that_clients_can_append_to() {
        for good in
            ["https://rekor.example", "https://ts.example/api/v1/timestamp", "http://rekor-server.rekor.svc:3000"]
        {
            assert_eq!(good.parse::<ServiceUrl>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "rekor.example",
            "https://",
            "https:///x",
            "https://rekor.example/",
            "https://u@rekor.example",
            "https://rekor.example?x",
            "https://rekor .example",
            "https://rekor\u{202e}.example",
            "ftp://rekor.example",
        ] {
            assert!(bad.parse::<ServiceUrl>().is_err(), "{bad}");
        }
    }
}
