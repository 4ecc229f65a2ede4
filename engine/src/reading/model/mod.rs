//! The read model's file: written by one, read by several.

pub(super) mod schema;
pub(super) mod writer;

pub(super) use writer::Model;
