//! The read side: what is answered, as it is now and as it was, and what it takes.
//!
//! * [`moments`]: the law that an answer as of a position is what would have been answered then;

//! * [`asking`]: everything that can be asked, asked at once.

mod asking;
mod moments;
