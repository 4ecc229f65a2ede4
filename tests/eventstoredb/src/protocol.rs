//! The messages and services of EventStoreDB's protocol, made at build time from the descriptions in its client's package.

// Its comments were written for other tools.
#![allow(rustdoc::broken_intra_doc_links, rustdoc::invalid_html_tags, rustdoc::bare_urls)]
#![allow(missing_docs, clippy::all, clippy::pedantic, clippy::unwrap_used, reason = "made by a machine")]

pub mod google {
    pub mod rpc {
        tonic::include_proto!("google.rpc");
    }
}

pub mod event_store {
    pub mod client {
        tonic::include_proto!("event_store.client");
        pub mod streams {
            tonic::include_proto!("event_store.client.streams");
        }
        pub mod gossip {
            tonic::include_proto!("event_store.client.gossip");
        }
        pub mod server_features {
            tonic::include_proto!("event_store.client.server_features");
        }
    }
}

pub use event_store::client::{
    AllStreamPosition, Empty, StreamIdentifier, Uuid, gossip, server_features, streams, uuid,
};
pub use google::rpc;
