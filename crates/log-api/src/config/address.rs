//! Addresses to listen on: `HOST:PORT`, where the host may be a name.

use std::net::{SocketAddr, ToSocketAddrs as _};

use thiserror::Error;

/// A text is no address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It has another form.
    #[error(
        "must be HOST:PORT, for example 127.0.0.1:8080, [::1]:8080, localhost:8080, \
         or 0.0.0.0:8080 for all IPv4 addresses of the machine"
    )]
    Form,
    /// The host is a name that has no address.
    #[error("the host name has no address; check its spelling, or write an IP address")]
    UnknownHost,
}

/// Reads an address to listen on. A host name is looked up; its first IPv4 address is used if it has one.
///
/// # Errors
/// The text has another form, or the host name has no address.
pub fn parse_address(text: &str) -> Result<SocketAddr, AddressError> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (host, port) = text.rsplit_once(':').ok_or(AddressError::Form)?;
    let port: u16 = port.parse().map_err(|_| AddressError::Form)?;
    if !is_host_name(host) {
        return Err(AddressError::Form);
    }
    let found = (host, port).to_socket_addrs();
    let found: Vec<_> = found.map_err(|_| AddressError::UnknownHost)?.collect();
    let ipv4 = found.iter().find(|address| address.is_ipv4());
    ipv4.or_else(|| found.first())
        .copied()
        .ok_or(AddressError::UnknownHost)
}

/// Whether a text can be a host name. One of digits and dots alone is a mistyped IPv4 address.
fn is_host_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !text.is_empty()
        && text.bytes().all(allowed)
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_host_names_are_accepted() {
        for (text, address) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("[::1]:80", "[::1]:80"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("localhost:8080", "127.0.0.1:8080"),
        ] {
            assert_eq!(parse_address(text), Ok(address.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "8080",
            ":8080",
            "localhost",
            "localhost:",
            "localhost:http",
            "localhost:65536",
            "::1:8080",
            "127.0.0:8080",
            "http://localhost:8080",
            "local host:8080",
        ] {
            assert_eq!(parse_address(text), Err(AddressError::Form), "{text}");
        }
    }

    #[test]
    fn a_name_without_an_address_is_told_apart() {
        // RFC 6761: nothing under `.invalid` has an address.
        assert_eq!(
            parse_address("joblog.invalid:80"),
            Err(AddressError::UnknownHost)
        );
    }
}
