//! Files on their way: fetched from where they lie, kept for as long as they are needed, shown where a link is wanted.
//!
//! A file never stands in the log and never in memory: it is streamed to disk, hashed on the way, and streamed from
//! there. The log says what was fetched and what it was ([`Stored`](chatledger_projections::files::Stored)); the folder
//! is a cache, and whatever is lost from it is fetched again.
//!
//! * [`addresses`]: from where nothing is fetched, pure; [`fetch`]: the way in, guarded by it;
//! * [`store`]: the folder; [`offer`]: links under which we show what lies there, pure; [`show`]: the address behind them;
//! * [`ended`]: what the end of a fetch means for its message, pure.

pub mod addresses;
pub mod ended;
pub mod fetch;
pub mod offer;
pub mod show;
pub mod store;

use std::sync::Arc;

use self::fetch::Fetcher;
use self::offer::Offer;
use self::store::Store;

/// Everything that files need of the outside.
#[derive(Clone, Debug)]
pub struct Media {
    /// Where they lie.
    pub store: Arc<Store>,
    /// How they come.
    pub fetcher: Arc<Fetcher>,
    /// Where they are shown, if there is an address for it.
    pub offer: Option<Arc<Offer>>,
    /// How long an unreachable file is tried.
    pub patience: std::time::Duration,
}
