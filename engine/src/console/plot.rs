//! Small plots, drawn by the server: numbers in, a drawing out (SVG, shown inline by a template).
//!
//! A drawing has no colours and no words of its own: colours come from the sheet of looks, words are given. What it shows
//! stands in a table beside it, too, for whoever cannot see it.

/// How wide a drawing is, in its own units.
pub const WIDTH: f64 = 560.0;
/// How high it is.
pub const HEIGHT: f64 = 168.0;

const LEFT: f64 = 52.0;
const RIGHT: f64 = 4.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 22.0;

/// A drawing, ready for its template.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plot {
    /// Horizontal lines with what they stand for.
    pub levels: Vec<Level>,
    /// Bars, lower and upper parts of each.
    pub bars: Vec<Bar>,
    /// Lines, as a path's data, with their class.
    pub lines: Vec<Line>,
    /// Single points, where a line has nothing beside it to be drawn to.
    pub dots: Vec<Dot>,
    /// Words under the drawing.
    pub ticks: Vec<Tick>,
}

/// A horizontal line.
#[derive(Clone, PartialEq, Debug)]
pub struct Level {
    /// Where.
    pub y: String,
    /// What it stands for.
    pub label: String,
}

/// A part of a bar.
#[derive(Clone, PartialEq, Debug)]
pub struct Bar {
    /// `one` or `two`.
    pub class: &'static str,
    /// Its left edge.
    pub x: String,
    /// Its upper edge.
    pub y: String,
    /// How wide it is.
    pub width: String,
    /// How high it is.
    pub height: String,
    /// What it says when it is pointed at.
    pub title: String,
}

/// A line.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// `one` or `two`.
    pub class: &'static str,
    /// The path's data.
    pub data: String,
}

/// A point.
#[derive(Clone, PartialEq, Debug)]
pub struct Dot {
    /// `one` or `two`.
    pub class: &'static str,
    /// Where.
    pub x: String,
    /// Where.
    pub y: String,
    /// What it says when it is pointed at.
    pub title: String,
}

/// A word under the drawing.
#[derive(Clone, PartialEq, Debug)]
pub struct Tick {
    /// Where.
    pub x: String,
    /// Which.
    pub label: String,
}

/// One place on the horizontal axis of stacked bars.
#[derive(Clone, PartialEq, Debug)]
pub struct Stack {
    /// The lower part.
    pub one: u64,
    /// The upper part.
    pub two: u64,
    /// What stands under it; empty if nothing does.
    pub label: String,
    /// What it says when it is pointed at.
    pub title: String,
}

/// One place on the horizontal axis of two lines.
#[derive(Clone, PartialEq, Debug)]
pub struct Pair {
    /// The first line's value, if there is one.
    pub one: Option<f64>,
    /// The second's.
    pub two: Option<f64>,
    /// What stands under it; empty if nothing does.
    pub label: String,
    /// What its points say when they are pointed at.
    pub title: String,
}

/// Stacked bars.
pub fn bars(stacks: &[Stack]) -> Plot {
    let most = stacks.iter().map(|stack| stack.one + stack.two).max().unwrap_or(0);
    let top = ceiling(most as f64);
    let step = step(stacks.len());
    let width = (step * 0.72).max(1.0);
    let mut plot = Plot { levels: levels(top, &|value| format!("{value:.0}")), ..Plot::default() };
    for (index, stack) in stacks.iter().enumerate() {
        let x = LEFT + step * index as f64 + (step - width) / 2.0;
        let mut floor = HEIGHT - BOTTOM;
        for (class, value) in [("one", stack.one), ("two", stack.two)] {
            let height = value as f64 / top * (HEIGHT - TOP - BOTTOM);
            floor -= height;
            if value > 0 {
                let (x, y, width, height) = (short(x), short(floor), short(width), short(height));
                plot.bars.push(Bar { class, x, y, width, height, title: stack.title.clone() });
            }
        }
        plot.tick(x + width / 2.0, &stack.label);
    }
    plot
}

/// Two lines; a gap stays a gap. `unit` says a value in words.
pub fn lines(pairs: &[Pair], unit: &dyn Fn(f64) -> String) -> Plot {
    let values = || pairs.iter().flat_map(|pair| [pair.one, pair.two]).flatten();
    let top = ceiling(values().fold(0.0, f64::max));
    let step = step(pairs.len());
    let mut plot = Plot { levels: levels(top, unit), ..Plot::default() };
    let place = |index: usize, value: f64| {
        let x = LEFT + step * (index as f64 + 0.5);
        (x, HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM))
    };
    for (class, of) in [("one", (|pair: &Pair| pair.one) as fn(&Pair) -> Option<f64>), ("two", |pair: &Pair| pair.two)]
    {
        let mut data = String::new();
        let mut drawing = false;
        for (index, pair) in pairs.iter().enumerate() {
            let Some(value) = of(pair) else {
                drawing = false;
                continue;
            };
            let (x, y) = place(index, value);
            data.push_str(&format!("{}{} {}", if drawing { "L" } else { "M" }, short(x), short(y)));
            plot.dots.push(Dot { class, x: short(x), y: short(y), title: pair.title.clone() });
            drawing = true;
        }
        if !data.is_empty() {
            plot.lines.push(Line { class, data });
        }
    }
    for (index, pair) in pairs.iter().enumerate() {
        plot.tick(LEFT + step * (index as f64 + 0.5), &pair.label);
    }
    plot
}

impl Plot {
    /// Whether there is nothing to see.
    pub fn is_empty(&self) -> bool {
        self.bars.is_empty() && self.dots.is_empty()
    }

    fn tick(&mut self, x: f64, label: &str) {
        if !label.is_empty() {
            self.ticks.push(Tick { x: short(x), label: label.to_owned() });
        }
    }
}

fn step(places: usize) -> f64 {
    (WIDTH - LEFT - RIGHT) / places.max(1) as f64
}

/// Nothing, the half and the whole.
fn levels(top: f64, unit: &dyn Fn(f64) -> String) -> Vec<Level> {
    let level = |share: f64| {
        let y = HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
        Level { y: short(y), label: unit(top * share) }
    };
    [0.0, 0.5, 1.0].map(level).to_vec()
}

/// The next round number, whose half is round, too.
fn ceiling(most: f64) -> f64 {
    if most <= 2.0 {
        return 2.0;
    }
    let magnitude = 10_f64.powf(most.log10().floor());
    [1.0, 2.0, 4.0, 6.0, 10.0, 20.0].map(|times| times * magnitude).into_iter().find(|top| *top >= most).unwrap_or(most)
}

fn short(number: f64) -> String {
    format!("{number:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(one: u64, two: u64) -> Stack {
        Stack { one, two, label: String::new(), title: String::new() }
    }

    #[test]
    fn bars_stand_on_each_other_and_nothing_is_drawn_for_nothing() {
        let plot = bars(&[stack(3, 1), stack(0, 0), stack(0, 4)]);
        assert_eq!(plot.bars.len(), 3);
        assert_eq!(plot.levels.iter().map(|level| level.label.as_str()).collect::<Vec<_>>(), ["0", "2", "4"]);
        let (lower, upper) = (&plot.bars[0], &plot.bars[1]);
        let number = |text: &str| text.parse::<f64>().expect("a number");
        assert!((number(&upper.y) + number(&upper.height) - number(&lower.y)).abs() < 0.2, "{plot:?}");
        assert!(bars(&[]).is_empty() && bars(&[stack(0, 0)]).is_empty());
    }

    #[test]
    fn a_gap_in_a_line_stays_a_gap() {
        let pair = |one| Pair { one, two: None, label: "x".to_owned(), title: String::new() };
        let plot = lines(&[pair(Some(1.0)), pair(None), pair(Some(2.0))], &|value| format!("{value}s"));
        assert_eq!(plot.lines.len(), 1);
        assert_eq!(plot.lines[0].data.matches('M').count(), 2, "{plot:?}");
        assert_eq!((plot.dots.len(), plot.ticks.len()), (2, 3));
    }

    #[test]
    fn the_uppermost_level_is_round_and_never_below_the_most() {
        for (most, top) in [(0.0, 2.0), (3.0, 4.0), (7.0, 10.0), (11.0, 20.0), (101.0, 200.0), (450.0, 600.0)] {
            assert!((ceiling(most) - top).abs() < 1e-9, "{most}: {}", ceiling(most));
        }
    }
}
