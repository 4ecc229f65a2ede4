//! From which addresses nothing is fetched: everything that is not the open internet.
//!
//! Takes an address, says whether it may be asked. A link comes from outside, and whoever wrote it must not learn through
//! us what stands on our own machine, in our network, or at the addresses where clouds keep credentials. IPv6 is refused
//! unless it is certainly the open internet, for it has many ways to write an address of another kind.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Which addresses may be asked although they are not the open internet; for trials on one machine.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Allowed(Vec<IpNet>);

impl Allowed {
    /// These, and the open internet.
    pub const fn also(ranges: Vec<IpNet>) -> Self {
        Self(ranges)
    }

    /// Whether an address may be asked.
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = plain(address);
        self.0.iter().any(|range| range.contains(&address)) || is_open_internet(address)
    }
}

/// An IPv4 address that is written as an IPv6 one is the IPv4 address.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(address, IpAddr::V4),
    }
}

const fn four(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn six(a: u16, b: u16, bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), bits)
}

/// Source: IANA's registry of special-purpose IPv4 addresses, and one address of a cloud's own among public ones.
const CLOSED: [Ipv4Net; 17] = [
    four(0, 0, 0, 0, 8),
    four(10, 0, 0, 0, 8),
    // Shared by a carrier's customers; also where one cloud keeps credentials (100.100.100.200).
    four(100, 64, 0, 0, 10),
    four(127, 0, 0, 0, 8),
    // Where most clouds keep credentials (169.254.169.254).
    four(169, 254, 0, 0, 16),
    four(172, 16, 0, 0, 12),
    four(192, 0, 0, 0, 24),
    four(192, 0, 2, 0, 24),
    four(192, 31, 196, 0, 24),
    four(192, 88, 99, 0, 24),
    four(192, 168, 0, 0, 16),
    four(198, 18, 0, 0, 15),
    four(198, 51, 100, 0, 24),
    four(203, 0, 113, 0, 24),
    // Azure's machine agent, on a public address.
    four(168, 63, 129, 16, 32),
    four(224, 0, 0, 0, 4),
    four(240, 0, 0, 0, 4),
];

/// Source: IANA's registries of IPv6 addresses. Only global unicast is open at all.
const GLOBAL: Ipv6Net = six(0x2000, 0, 3);

/// What is not open within [`GLOBAL`]: protocols' own (Teredo among them), documentation, and IPv4 in other clothes.
const CLOSED_SIX: [Ipv6Net; 4] = [six(0x2001, 0, 23), six(0x2001, 0x0db8, 32), six(0x2002, 0, 16), six(0x3fff, 0, 20)];

fn is_open_internet(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !CLOSED.iter().any(|range| range.contains(&address)),
        IpAddr::V6(address) => GLOBAL.contains(&address) && !CLOSED_SIX.iter().any(|range| range.contains(&address)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permitted(address: &str) -> bool {
        Allowed::default().permits(address.parse().expect("it is an address"))
    }

    #[test]
    fn nothing_but_the_open_internet_is_asked() {
        for closed in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "168.63.129.16",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2001:0:4136:e378::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "100::1",
        ] {
            assert!(!permitted(closed), "{closed}");
        }
        for open in ["8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2a00:1450::1", "2606:4700::1"]
        {
            assert!(permitted(open), "{open}");
        }
    }

    #[test]
    fn what_is_allowed_besides_is_allowed_in_either_writing_and_nothing_else_is() {
        let allowed = Allowed::also(vec!["127.0.0.1/32".parse().expect("it is a range")]);
        for (address, expected) in
            [("127.0.0.1", true), ("::ffff:127.0.0.1", true), ("127.0.0.2", false), ("::1", false)]
        {
            assert_eq!(allowed.permits(address.parse().expect("it is an address")), expected, "{address}");
        }
    }
}
