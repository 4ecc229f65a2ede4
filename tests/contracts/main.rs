//! Documented pairs: a body and what it means, an intent and its request, a reply and what it proves.
//!
//! The pairs lie in `fixtures/contracts/<platform>/`; one module a platform reads them.

mod pact;
