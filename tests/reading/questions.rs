//! What people ask of a small world, and what they get.
