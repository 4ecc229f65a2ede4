//! The read side: what is answered, as it is now and as it was, over HTTP and to whom.
//!
//! * [`moments`]: the law that an answer as of a position is what would have been answered then;
//! * [`questions`]: what people ask of a small world, and what they get or why not;
//! * [`asking`]: everything that can be asked, asked at once.

mod asking;
mod moments;
mod questions;
