//! Who has been refused so often that no more trust is put in it. A request's origin in, an answer out.
//!
//! A webhook that is turned away is lost at some platforms, so nobody is turned away unheard: what a distrusted peer sends
//! is still looked at, and kept if it is authentic. It only gets fewer places, and its refusals cost us fewer words.
//! Authentic requests never count. An address of this machine or of a private network is a proxy's, behind which everybody
//! stands, the platforms too; it is never distrusted itself, unless the proxy says in a header that the configuration
//! names who it speaks for.
//!
//! What is remembered is bounded, whoever comes from wherever: peers for whom there is no room share one allowance.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use tokio::time::Instant;

/// How many peers are remembered one by one.
const REMEMBERED: usize = 16 * 1024;

/// Whose allowance all those spend for whom there is no room; nobody comes from this address.
const EVERYBODY_ELSE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The time in which a spent allowance is whole again.
const WHOLE_AGAIN_IN: Duration = Duration::from_secs(60);

/// Looking for peers who can be forgotten takes a look at all of them: not more often than this.
const FORGET_EVERY: Duration = Duration::from_secs(1);

/// The allowances of those who ask.
#[derive(Debug)]
pub(super) struct Peers {
    /// The header in which a proxy says for whom it speaks, if it may.
    header: Option<String>,
    /// What one refusal costs, of [`WHOLE_AGAIN_IN`].
    cost: Duration,
    known: Mutex<Known>,
}

#[derive(Default, Debug)]
struct Known {
    /// When each peer has its whole allowance again.
    whole_at: HashMap<IpAddr, Instant>,
    /// When those who had it were forgotten.
    forgot_at: Option<Instant>,
}

impl Peers {
    /// Each peer may be refused so often a minute.
    pub(super) fn new(refusals_per_minute: NonZeroU32, header: Option<String>) -> Self {
        Self { header, cost: WHOLE_AGAIN_IN / refusals_per_minute.get(), known: Mutex::default() }
    }

    /// Who asks, as far as it has an allowance of its own: the address that the named header gives last, for that is what
    /// the nearest proxy has written, else the one that the connection comes from, unless that is a proxy's.
    pub(super) fn of(&self, connected: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let told = self.header.as_ref().and_then(|name| {
            let last = headers.get_all(name.as_str()).iter().next_back()?.to_str().ok()?;
            address(last.rsplit(',').next()?.trim())
        });
        told.or_else(|| Some(connected.to_canonical()).filter(|peer| !is_near(*peer))).map(network)
    }

    /// For how long this peer is distrusted; `None` if it is not.
    pub(super) fn distrusted_for(&self, peer: IpAddr, now: Instant) -> Option<Duration> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let whole_at = known.whole_at.get(&known.name_of(peer))?;
        whole_at.saturating_duration_since(now).checked_sub(WHOLE_AGAIN_IN).filter(|left| !left.is_zero())
    }

    /// A request of this peer was refused. Whoever goes on while it is distrusted stays so, up to a minute after it ends.
    pub(super) fn refused(&self, peer: IpAddr, now: Instant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.make_room(now);
        let name = known.name_of(peer);
        let whole_at = known.whole_at.entry(name).or_insert(now);
        *whole_at = ((*whole_at).max(now) + self.cost).min(now + 2 * WHOLE_AGAIN_IN);
    }
}

impl Known {
    /// Under which name a peer is remembered.
    fn name_of(&self, peer: IpAddr) -> IpAddr {
        let has_place = self.whole_at.contains_key(&peer) || self.whole_at.len() < REMEMBERED;
        if has_place { peer } else { EVERYBODY_ELSE }
    }

    /// Forgets those who have their whole allowance again, if there is no room for another.
    fn make_room(&mut self, now: Instant) {
        let is_full = self.whole_at.len() >= REMEMBERED;
        if is_full && self.forgot_at.is_none_or(|before| now - before >= FORGET_EVERY) {
            self.whole_at.retain(|_, whole_at| *whole_at > now);
            self.forgot_at = Some(now);
        }
    }
}

/// Whether an address belongs to this machine or to a private network.
fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// Whoever has an IPv6 address has a whole network of them.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// An address as proxies write it: alone, with a port, in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let alone = || text.parse().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    alone().or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    const SECOND: Duration = Duration::from_secs(1);

    fn peers(refusals: u32, header: Option<&str>) -> Peers {
        Peers::new(NonZeroU32::new(refusals).expect("it is not zero"), header.map(str::to_owned))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn whoever_was_refused_too_often_is_distrusted_for_a_while_and_nobody_else() {
        let (peers, start) = (peers(60, None), Instant::now());
        let (bad, good) = (ip("203.0.113.7"), ip("203.0.113.8"));
        for _ in 0..60 {
            peers.refused(bad, start);
            assert_eq!(peers.distrusted_for(bad, start), None);
        }
        peers.refused(bad, start);
        assert_eq!(peers.distrusted_for(bad, start), Some(SECOND));
        assert_eq!(peers.distrusted_for(good, start), None);
        let later = start + SECOND;
        assert_eq!(peers.distrusted_for(bad, later), None);
        peers.refused(bad, later);
        assert_eq!(peers.distrusted_for(bad, later), Some(SECOND), "its allowance is not whole yet");
    }

    #[test]
    fn whoever_goes_on_is_distrusted_for_a_minute_and_no_longer() {
        let (peers, start) = (peers(3, None), Instant::now());
        let bad = ip("203.0.113.7");
        for _ in 0..1000 {
            peers.refused(bad, start);
        }
        assert_eq!(peers.distrusted_for(bad, start), Some(WHOLE_AGAIN_IN));
        assert_eq!(peers.distrusted_for(bad, start + WHOLE_AGAIN_IN), None);
    }

    #[test]
    fn more_peers_than_are_remembered_share_one_allowance() {
        let (peers, start) = (peers(1, None), Instant::now());
        let remembered = || peers.known.lock().expect("nobody panics with it").whole_at.len();
        for number in 0..(REMEMBERED as u32 + 5000) {
            peers.refused(IpAddr::V4(Ipv4Addr::from(0x0b00_0000 + number)), start);
        }
        assert_eq!(remembered(), REMEMBERED + 1);
        let newcomer = ip("198.51.100.1");
        assert!(peers.distrusted_for(newcomer, start).is_some(), "the others have spent what it would have had");
        assert_eq!(peers.distrusted_for(ip("11.0.0.1"), start), None, "who is remembered has its own");
        let later = start + 3 * WHOLE_AGAIN_IN;
        peers.refused(newcomer, later);
        assert_eq!(remembered(), 1, "those who have their whole allowance again are forgotten");
        assert_eq!(peers.distrusted_for(newcomer, later), None);
    }

    #[test]
    fn the_peer_is_whom_the_nearest_proxy_names_and_only_where_the_configuration_says_so() {
        let said = |values: &[&'static str]| -> HeaderMap {
            let name = HeaderName::from_static("x-forwarded-for");
            values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
        };
        let (plain, told) = (peers(1, None), peers(1, Some("X-Forwarded-For")));
        let far = ip("203.0.113.7");
        let claim = said(&["198.51.100.1"]);
        assert_eq!(plain.of(far, &claim), Some(far), "a header that nobody trusts says nothing");
        assert_eq!(told.of(ip("127.0.0.1"), &claim), Some(ip("198.51.100.1")));
        // What stands before the last was written by whoever asked.
        for values in [&["1.1.1.1, 198.51.100.1"][..], &["1.1.1.1", "198.51.100.1"], &["x, 198.51.100.1:4711"]] {
            assert_eq!(told.of(ip("10.0.0.1"), &said(values)), Some(ip("198.51.100.1")), "{values:?}");
        }
        assert_eq!(told.of(ip("10.0.0.1"), &said(&["[2001:db8:1:2:3::4]:5"])), Some(ip("2001:db8:1:2::")));
        assert_eq!(told.of(far, &said(&["unknown"])), Some(far));
        for near in ["127.0.0.1", "10.1.2.3", "192.168.0.1", "::1", "fd00::1", "::ffff:172.16.0.1"] {
            assert_eq!(plain.of(ip(near), &HeaderMap::new()), None, "{near}");
        }
    }
}
