//! How far a long piece of work has come, on standard error, where that is a terminal.

use std::fmt;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

/// How many things pass between two looks at the clock.
const EVERY: u64 = 512;

/// A bar that fills, or a number that grows if nobody knows how much there is.
pub struct Progress {
    bar: ProgressBar,
    unseen: u64,
}

impl Progress {
    /// Of so many, if that is known.
    pub fn of(all: Option<u64>, what: &'static str) -> Self {
        let (bar, template) = match all {
            Some(all) => (ProgressBar::new(all), "{msg} {wide_bar} {human_pos}/{human_len}  {rate}  {eta} left"),
            None => (ProgressBar::new_spinner(), "{spinner} {msg} {human_pos}  {rate}"),
        };
        let style = ProgressStyle::with_template(template).expect("the template is a constant that a test reads");
        let style = style.with_key("rate", |state: &ProgressState, words: &mut dyn fmt::Write| {
            // A bar that cannot be drawn is no reason to stop the work.
            let _drawn = write!(words, "{:.0}/s", state.per_sec());
        });
        let bar = bar.with_style(style).with_message(what);
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, unseen: 0 }
    }

    /// One of few is done, each of which takes its time.
    pub fn step(&mut self) {
        self.bar.inc(1);
    }

    /// So many more are done.
    pub fn passed(&mut self, more: u64) {
        self.unseen += more;
        if self.unseen >= EVERY {
            self.bar.inc(self.unseen);
            self.unseen = 0;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_templates_can_be_read() {
        for all in [None, Some(3)] {
            Progress::of(all, "events").passed(1);
        }
    }
}
