//! Files that come from strangers: whatever their servers do, nothing is asked that must not be, and nothing is held.

mod fetching;
mod giving;
mod server;
