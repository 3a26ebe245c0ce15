//! Where a request comes from: the connection's address, or the one that our own proxies saw.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::{
    extract::ConnectInfo,
    http::{Extensions, HeaderMap},
};

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// The address, if there is a connection.
    pub(crate) address: Option<IpAddr>,
    /// Whether a forwarded address could not be read, and the connection's is kept.
    pub(crate) forwarded: Forwarded,
}

/// What became of `X-Forwarded-For`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forwarded {
    /// It was absent, or read, or not to be read.
    Fine,
    /// What matters of it could not be read.
    Unreadable,
}

impl Client {
    /// The client of a request that came through `proxies` of ours.
    pub(crate) fn of(headers: &HeaderMap, extensions: &Extensions, proxies: usize) -> Self {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let fine = Self { address: peer, forwarded: Forwarded::Fine };
        match forwarded(headers, proxies.max(1)) {
            Ok(Some(address)) if proxies > 0 => Self { address: Some(address), ..fine },
            Ok(_) => fine,
            Err(Unreadable) => Self { forwarded: Forwarded::Unreadable, ..fine },
        }
    }

    /// What failures are counted by: an IPv4 address, or the /64 that one IPv6 subscriber has.
    pub(crate) fn network(&self) -> IpAddr {
        match self.address {
            Some(IpAddr::V6(v6)) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            Some(v4) => v4,
            None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }
}

struct Unreadable;

/// The `n`-th forwarded address from the right, or the left-most if there are fewer; `None` when there is no header.
fn forwarded(headers: &HeaderMap, n: usize) -> Result<Option<IpAddr>, Unreadable> {
    let mut entries = Vec::new();
    for value in headers.get_all("x-forwarded-for") {
        match value.to_str() {
            Ok(text) => entries.extend(text.split(',').map(Some)),
            Err(_) => entries.push(None),
        }
    }
    let entry = entries.get(entries.len().saturating_sub(n));
    entry.map(|entry| entry.and_then(parse).ok_or(Unreadable)).transpose()
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(forwarded: &[&'static [u8]], proxies: usize) -> (String, Forwarded) {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 4711))));
        let client = Client::of(&headers, &extensions, proxies);
        (client.address.unwrap().to_string(), client.forwarded)
    }

    #[test]
    fn only_what_our_own_proxies_wrote_is_believed() {
        let chain: &[&'static [u8]] = &[b"6.6.6.6, 1.1.1.1", b"2.2.2.2:80"];
        assert_eq!(client(chain, 0), ("10.0.0.1".to_owned(), Forwarded::Fine));
        assert_eq!(client(chain, 1), ("2.2.2.2".to_owned(), Forwarded::Fine));
        assert_eq!(client(chain, 2), ("1.1.1.1".to_owned(), Forwarded::Fine));
        assert_eq!(client(&[b"[2001:db8::1]:443"], 1), ("2001:db8::1".to_owned(), Forwarded::Fine));
        assert_eq!(client(&[b"[2001:db8::1]"], 3), ("2001:db8::1".to_owned(), Forwarded::Fine));
        assert_eq!(client(&[], 1), ("10.0.0.1".to_owned(), Forwarded::Fine));
    }

    #[test]
    fn what_cannot_be_read_is_noted_and_not_believed() {
        for odd in [&b"unknown"[..], b"", b"\xFF", b"1.1.1.1, 1.2.3", b"1.1.1.1,"] {
            assert_eq!(client(&[odd], 1), ("10.0.0.1".to_owned(), Forwarded::Unreadable), "{odd:?}");
        }
    }

    #[test]
    fn one_subscriber_is_one_network() {
        let of = |text: &str| Client { address: text.parse().ok(), forwarded: Forwarded::Fine }.network();
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
