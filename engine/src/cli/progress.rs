//! How far a long piece of work has come, on standard error, where that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

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
            Some(all) => (ProgressBar::new(all), "{msg} {wide_bar} {human_pos}/{human_len}  {per_sec}  {eta} left"),
            None => (ProgressBar::new_spinner(), "{spinner} {msg} {human_pos}  {per_sec}"),
        };
        let style =
            ProgressStyle::with_template(template).expect("the template is a constant that the tests have read");
        let bar = bar.with_style(style).with_message(what);
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, unseen: 0 }
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
