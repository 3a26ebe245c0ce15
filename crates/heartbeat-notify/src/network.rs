//! Which addresses may be reached. Whoever sets up a channel names any host, so that without a guard the checker could be
//! made to speak to what only it can reach: the metadata of a cloud, a database beside it. A name is judged by what it
//! resolves to at the moment of connecting, and the connection goes to just the address that was judged.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use thiserror::Error;

/// Which addresses may be reached: the installation's own choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// Only those of the public internet.
    #[default]
    Public,
    /// Also those of the machine and of the networks around it.
    PrivateToo,
}

/// Why no address can be had.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unreachable {
    /// There is one, and it may not be reached.
    #[error("the address is private: {0}")]
    Private(IpAddr),
    /// The name is nobody's, or nobody knows just now.
    #[error("the name {host} cannot be resolved: {why}")]
    Unknown {
        /// Which name.
        host: String,
        /// What the resolver says.
        why: String,
    },
}

/// Resolves names.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// The addresses of a name, the best first.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Finds addresses, and keeps back those that may not be reached.
#[derive(Clone)]
pub(crate) struct Guard {
    network: Network,
    allows: fn(IpAddr) -> bool,
    resolver: Arc<dyn Resolver>,
}

impl Guard {
    pub(crate) fn new(network: Network, resolver: Arc<dyn Resolver>) -> Self {
        let allows = match network {
            Network::Public => is_public,
            Network::PrivateToo => |_| true,
        };
        Self { network, allows, resolver }
    }

    /// One that allows what a test says.
    #[cfg(test)]
    pub(crate) fn allowing(allows: fn(IpAddr) -> bool) -> Self {
        Self { allows, ..Self::new(Network::Public, Arc::new(SystemResolver)) }
    }

    pub(crate) fn network(&self) -> Network {
        self.network
    }

    /// Refuses a host that is an address which may not be reached; a name is judged when it is resolved.
    pub(crate) fn literal(&self, host: &str) -> Result<(), Unreachable> {
        literal(host).map_or(Ok(()), |address| self.judge(address))
    }

    fn judge(&self, address: IpAddr) -> Result<(), Unreachable> {
        if (self.allows)(address) { Ok(()) } else { Err(Unreachable::Private(address)) }
    }

    /// The addresses of a host that may be reached; at least one.
    pub(crate) async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Unreachable> {
        let found = match literal(host) {
            Some(address) => vec![address],
            None => self.resolve(host).await?,
        };
        let judged = found.into_iter().map(|address| self.judge(address).map(|()| SocketAddr::new(address, port)));
        let (mut allowed, mut kept_back) = (Vec::new(), None);
        for judged in judged {
            match judged {
                Ok(address) => allowed.push(address),
                Err(private) => kept_back = Some(private),
            }
        }
        match kept_back {
            _ if !allowed.is_empty() => Ok(allowed),
            Some(private) => Err(private),
            None => Err(unknown(host, "it has no address")),
        }
    }

    async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, Unreachable> {
        self.resolver.resolve(host).await.map_err(|error| unknown(host, &error.to_string()))
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("network", &self.network).finish_non_exhaustive()
    }
}

fn unknown(host: &str, why: &str) -> Unreachable {
    Unreachable::Unknown { host: host.to_owned(), why: why.to_owned() }
}

/// The address that a host is, with or without the brackets of a URL.
fn literal(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

/// Whether an address is one of the public internet: IANA's special-purpose registries, as of 2026.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let reserved = matches!(a, 0 | 10 | 127 | 224..=255);
    let carrier = a == 100 && matches!(b, 64..=127);
    let link_local = (a, b) == (169, 254);
    let private = matches!((a, b), (172, 16..=31) | (192, 168));
    let benchmarks = matches!((a, b), (198, 18 | 19));
    let protocols_and_documentation =
        matches!((a, b, c), (192, 0, 0 | 2) | (192, 88, 99) | (198, 51, 100) | (203, 0, 113));
    !(reserved || carrier || link_local || private || benchmarks || protocols_and_documentation)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // IPv4 inside of it: mapped, by NAT64, by 6to4. It goes where the IPv4 address goes.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            is_public_v4(embedded(high, low))
        }
        // Protocols and Teredo (2001::/23), documentation (2001:db8::/32, 3fff::/20).
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Whatever else is not global unicast: loopback, unspecified, IPv4-compatible, unique local, link-local, multicast.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_of_the_public_internet_is_known() {
        for address in "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254 \
             172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 \
             198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1 \
             ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::10.0.0.1 64:ff9b:1::8.8.8.8 2002:7f00:1:: \
             2002:a9fe:a9fe::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1 2001:db8::1 2001::1 3fff::1 \
             100::1 5f00::1"
            .split(' ')
        {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn what_is_of_the_public_internet_is_not_kept_back() {
        for address in "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 \
             169.253.0.1 172.15.0.1 172.32.0.1 192.0.1.1 192.167.0.1 198.17.0.1 198.20.0.1 223.255.255.255 \
             ::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808:: 2606:4700::1111 2001:4860:4860::8888 \
             2a00:1450::1 3ffe::1"
            .split(' ')
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    struct Fixed(&'static [&'static str]);

    #[async_trait]
    impl Resolver for Fixed {
        async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            Ok(self.0.iter().map(|address| address.parse().unwrap()).collect())
        }
    }

    async fn reached(network: Network, host: &str, addresses: &'static [&'static str]) -> Result<Vec<String>, String> {
        let guard = Guard::new(network, Arc::new(Fixed(addresses)));
        let found = guard.addresses(host, 25).await.map_err(|error| error.to_string())?;
        Ok(found.iter().map(ToString::to_string).collect())
    }

    #[tokio::test]
    async fn a_name_is_judged_by_what_it_resolves_to() {
        let mixed: &[&str] = &["10.0.0.5", "8.8.8.8"];
        for (network, host, addresses, answer) in [
            (Network::Public, "a.example", mixed, Ok(vec!["8.8.8.8:25"])),
            (Network::PrivateToo, "a.example", mixed, Ok(vec!["10.0.0.5:25", "8.8.8.8:25"])),
            (Network::Public, "a.example", &["10.0.0.5"], Err("the address is private: 10.0.0.5")),
            (Network::Public, "a.example", &[], Err("the name a.example cannot be resolved: it has no address")),
            (Network::Public, "127.0.0.1", mixed, Err("the address is private: 127.0.0.1")),
            (Network::Public, "[::1]", mixed, Err("the address is private: ::1")),
            (Network::PrivateToo, "[::1]", mixed, Ok(vec!["[::1]:25"])),
        ] {
            let answer: Result<Vec<String>, String> =
                answer.map(|all| all.into_iter().map(str::to_owned).collect()).map_err(str::to_owned);
            assert_eq!(reached(network, host, addresses).await, answer, "{network:?} {host}");
        }
    }
}
