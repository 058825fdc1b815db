//! The table: one row for each figure, with its target and verdict.

use std::fmt;

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    /// What was measured.
    pub(super) what: String,
    /// The median.
    pub(super) median: String,
    /// The lowest and the highest.
    pub(super) range: String,
    /// What it was compared with.
    pub(super) compared: String,
    /// What it should be.
    pub(super) target: String,
    /// Whether it is.
    pub(super) verdict: Verdict,
}

/// How a figure stands to its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As good as it should be.
    Met,
    /// Not as good.
    Missed,
    /// Cannot be measured on this system.
    Unavailable(&'static str),
    /// Could not be measured, and why.
    Failed(String),
}

impl Verdict {
    /// Met or missed.
    pub(super) fn met(met: bool) -> Self {
        if met { Self::Met } else { Self::Missed }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Unavailable(reason) => reason,
            Self::Failed(_) => "not measured",
        })
    }
}

impl Row {
    /// A row without a figure.
    pub(super) fn without(what: impl Into<String>, target: impl Into<String>, verdict: Verdict) -> Self {
        Self {
            what: what.into(),
            median: String::new(),
            range: String::new(),
            compared: String::new(),
            target: target.into(),
            verdict,
        }
    }
}

/// Figures of one kind, in order of size. Never empty.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Samples(Vec<f64>);

impl Samples {
    /// `None` for no figures at all.
    pub(super) fn new(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_by(f64::total_cmp);
        (!figures.is_empty()).then_some(Self(figures))
    }

    /// The one in the middle; of an even number, the mean of the two in the middle.
    pub(super) fn median(&self) -> f64 {
        let at = |place: usize| self.0.get(place).copied().unwrap_or_default();
        let (low, high) = ((self.0.len() - 1) / 2, self.0.len() / 2);
        f64::midpoint(at(low), at(high))
    }

    /// The mean, for figures that are too coarse one by one.
    pub(super) fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }

    /// The lowest and the highest, with so many decimals.
    pub(super) fn range(&self, decimals: usize) -> String {
        match (self.0.first(), self.0.last()) {
            (Some(lowest), Some(highest)) if self.0.len() > 1 => format!("{lowest:.decimals$} - {highest:.decimals$}"),
            _ => String::new(),
        }
    }
}

/// The table as text.
pub(super) fn render(rows: &[Row]) -> String {
    let head = ["measurement", "median", "range", "compared with", "target", "verdict"].map(str::to_owned);
    let mut lines = vec![head];
    lines.extend(rows.iter().map(|row| {
        let Row { what, median, range, compared, target, verdict } = row.clone();
        [what, median, range, compared, target, verdict.to_string()]
    }));
    let width = |cell: &String| cell.chars().count();
    let mut widths = [0; 6];
    for line in &lines {
        for (widest, cell) in widths.iter_mut().zip(line) {
            *widest = width(cell).max(*widest);
        }
    }
    lines.insert(1, widths.map(|widest| "-".repeat(widest)));
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(widths).map(|(cell, widest)| format!("{cell:<widest$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A footnote, wrapped under its name.
pub(super) fn note(name: &str, text: &str) -> String {
    const COLUMNS_MAX: usize = 100;
    let mut note = format!("{name:<9}");
    let mut column = note.len();
    for word in text.split_whitespace() {
        if column + 1 + word.chars().count() > COLUMNS_MAX {
            note.push_str(&format!("\n{:9}", ""));
            column = 9;
        }
        note.push(' ');
        note.push_str(word);
        column += 1 + word.chars().count();
    }
    note.push('\n');
    note
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        let median = |figures: &[f64]| Samples::new(figures.to_vec()).map(|samples| samples.median());
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[9.0, 1.0, 2.0, 4.0]), Some(3.0));
        assert_eq!(median(&[]), None);
        assert_eq!(Samples::new(vec![2.5, 1.0]).map(|samples| samples.range(1)).as_deref(), Some("1.0 - 2.5"));
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = Row {
            what: "startup".to_owned(),
            median: "20 ms".to_owned(),
            range: String::new(),
            compared: String::new(),
            target: "< 50 ms".to_owned(),
            verdict: Verdict::met(true),
        };
        let failed = Row::without("stream, of a long name", ">= 60 %", Verdict::Failed("no port".to_owned()));
        let expected = "\
measurement             median  range  compared with  target   verdict
----------------------  ------  -----  -------------  -------  ------------
startup                 20 ms                         < 50 ms  met
stream, of a long name                                >= 60 %  not measured
";
        assert_eq!(render(&[row, failed]), expected);
    }

    #[test]
    fn a_note_is_wrapped_under_its_name() {
        let note = note("stream", &"word ".repeat(40));
        assert!(note.lines().count() > 1 && note.lines().all(|line| line.len() <= 100), "{note}");
        assert!(note.lines().skip(1).all(|line| line.starts_with("          word")), "{note}");
    }
}
