//! Comes with the policies.
