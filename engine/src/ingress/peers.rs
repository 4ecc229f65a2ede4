//! Who is turned away unheard, and how much may come at all. A request's origin in, yes or no out.
//!
//! A webhook that is turned away is lost at some platforms, so nobody's authentic requests are counted: a peer spends its
//! allowance with requests that were *refused*, and only when it is spent is it not listened to, until it has some again.
//! An address of this machine or of a private network is a proxy's, behind which everybody stands, the platforms too; it
//! has no allowance, unless the proxy says in a header that the configuration names who it speaks for.
//!
//! What is remembered is bounded, whoever comes from wherever: peers that are forgotten share one allowance.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use governor::clock::{Clock, MonotonicClock, Reference as _};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

/// How many peers are remembered one by one.
const REMEMBERED: usize = 16 * 1024;

/// Whose allowance all those spend for whom there is no room; nobody comes from this address.
const EVERYBODY_ELSE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

type ByPeer<C> = RateLimiter<IpAddr, HashMapStateStore<IpAddr>, C, NoOpMiddleware<<C as Clock>::Instant>>;
type InAll<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// The allowances of those who ask.
pub(super) struct Peers<C: Clock + Clone = MonotonicClock> {
    /// The header in which a proxy says for whom it speaks, if it may.
    header: Option<String>,
    clock: C,
    refusals: ByPeer<C>,
    in_all: Option<InAll<C>>,
    /// Whose allowance is spent, and until when.
    shut_out: Mutex<HashMap<IpAddr, C::Instant>>,
    /// How many those are, so that nobody waits for the lock while there are none.
    shut_out_count: AtomicUsize,
}

impl Peers {
    /// Each peer may be refused so often a minute; so many requests may come a second from all together.
    pub(super) fn new(refusals_per_minute: NonZeroU32, per_second: Option<NonZeroU32>, header: Option<String>) -> Self {
        Self::on_clock(MonotonicClock, refusals_per_minute, per_second, header)
    }
}

impl<C: Clock + Clone> Peers<C> {
    fn on_clock(clock: C, refusals: NonZeroU32, per_second: Option<NonZeroU32>, header: Option<String>) -> Self {
        let in_all = per_second.map(|most| RateLimiter::direct_with_clock(Quota::per_second(most), clock.clone()));
        Self {
            header,
            refusals: RateLimiter::hashmap_with_clock(Quota::per_minute(refusals), clock.clone()),
            clock,
            in_all,
            shut_out: Mutex::default(),
            shut_out_count: AtomicUsize::new(0),
        }
    }

    /// Who asks, as far as it has an allowance of its own: the address that the named header gives last, for that is what
    /// the nearest proxy has written, else the one that the connection comes from, unless that is a proxy's.
    pub(super) fn of(&self, connected: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let told = self.header.as_ref().and_then(|name| {
            let last = headers.get_all(name.as_str()).iter().next_back()?.to_str().ok()?;
            address(last.rsplit(',').next()?.trim())
        });
        match told {
            Some(peer) => Some(network(peer)),
            None => Some(connected.to_canonical()).filter(|peer| !is_near(*peer)).map(network),
        }
    }

    /// Whether one more request may come at all, whoever sends it.
    pub(super) fn has_room(&self) -> bool {
        self.in_all.as_ref().is_none_or(|in_all| in_all.check().is_ok())
    }

    /// How long this peer is not listened to; `None` if it is.
    pub(super) fn shut_out_for(&self, peer: IpAddr) -> Option<Duration> {
        if self.shut_out_count.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let now = self.clock.now();
        let mut shut_out = self.shut_out();
        let known = if shut_out.contains_key(&peer) || !self.is_full() { peer } else { EVERYBODY_ELSE };
        let until = *shut_out.get(&known)?;
        let left = Duration::from(until.duration_since(now));
        if left.is_zero() {
            shut_out.remove(&known);
            self.shut_out_count.store(shut_out.len(), Ordering::Relaxed);
            return None;
        }
        Some(left)
    }

    /// A request of this peer was refused.
    pub(super) fn refused(&self, peer: IpAddr) {
        let peer = if self.is_full() { EVERYBODY_ELSE } else { peer };
        let Err(not_until) = self.refusals.check_key(&peer) else { return };
        let now = self.clock.now();
        let wait = not_until.wait_time_from(now);
        let mut shut_out = self.shut_out();
        if shut_out.len() >= REMEMBERED {
            shut_out.retain(|_, until| *until > now);
        }
        if shut_out.len() < REMEMBERED {
            shut_out.insert(peer, now + Nanos::from(wait));
        }
        self.shut_out_count.store(shut_out.len(), Ordering::Relaxed);
    }

    /// Whether there is no room for another peer, even after forgetting those who have their whole allowance again.
    fn is_full(&self) -> bool {
        if self.refusals.len() < REMEMBERED {
            return false;
        }
        self.refusals.retain_recent();
        self.refusals.len() >= REMEMBERED
    }

    fn shut_out(&self) -> MutexGuard<'_, HashMap<IpAddr, C::Instant>> {
        // Nothing that is done under the lock can panic half-way.
        self.shut_out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Clock + Clone> fmt::Debug for Peers<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Peers").field("header", &self.header).finish_non_exhaustive()
    }
}

/// Whether an address belongs to this machine or to a private network.
pub(super) fn is_near(address: IpAddr) -> bool {
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
    use governor::clock::FakeRelativeClock;

    fn number(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).expect("it is not zero")
    }

    fn peers(refusals: u32, header: Option<&str>) -> (Peers<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Peers::on_clock(clock.clone(), number(refusals), None, header.map(str::to_owned)), clock)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn whoever_was_refused_too_often_is_not_listened_to_for_a_while() {
        let (peers, clock) = peers(60, None);
        let (bad, good) = (ip("203.0.113.7"), ip("203.0.113.8"));
        for _ in 0..60 {
            peers.refused(bad);
            assert_eq!(peers.shut_out_for(bad), None);
        }
        peers.refused(bad);
        assert_eq!(peers.shut_out_for(bad), Some(Duration::from_secs(1)));
        assert_eq!(peers.shut_out_for(good), None);
        clock.advance(Duration::from_secs(1));
        assert_eq!(peers.shut_out_for(bad), None);
        peers.refused(bad);
        assert_eq!(peers.shut_out_for(bad), None, "it had one again");
        peers.refused(bad);
        assert!(peers.shut_out_for(bad).is_some());
    }

    #[test]
    fn more_peers_than_are_remembered_share_one_allowance() {
        let (peers, clock) = peers(1, None);
        for number in 0..(REMEMBERED as u32 + 5000) {
            let peer = IpAddr::V4(Ipv4Addr::from(0x0b00_0000 + number));
            peers.refused(peer);
            peers.refused(peer);
        }
        assert!(peers.refusals.len() <= REMEMBERED + 1, "{}", peers.refusals.len());
        assert!(peers.shut_out().len() <= REMEMBERED);
        assert!(peers.shut_out_for(ip("198.51.100.1")).is_some() || peers.shut_out().len() == REMEMBERED);
        clock.advance(Duration::from_secs(120));
        let newcomer = ip("198.51.100.2");
        peers.refused(newcomer);
        assert_eq!(peers.refusals.len(), 1, "those who have their whole allowance again are forgotten");
        assert_eq!(peers.shut_out_for(newcomer), None);
    }

    #[test]
    fn the_peer_is_whom_the_nearest_proxy_names_and_only_where_the_configuration_says_so() {
        let said = |values: &[&'static str]| -> HeaderMap {
            let name = HeaderName::from_static("x-forwarded-for");
            values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
        };
        let (plain, _) = peers(1, None);
        let (told, _) = peers(1, Some("X-Forwarded-For"));
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

    #[test]
    fn all_together_have_an_allowance_if_one_is_set() {
        let clock = FakeRelativeClock::default();
        let peers = Peers::on_clock(clock.clone(), number(1), Some(number(2)), None);
        assert_eq!([peers.has_room(), peers.has_room(), peers.has_room()], [true, true, false]);
        clock.advance(Duration::from_millis(500));
        assert!(peers.has_room());
    }
}
