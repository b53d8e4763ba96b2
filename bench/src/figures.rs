//! What was measured: each figure with its runs, their median, and what it is to reach; as a table and as JSON.

use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::accounting::{load_average, machine};
use crate::error::BenchError;
use crate::say;

/// What a figure is to reach.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reach {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
    /// It is told for the reader only.
    Told,
}

/// One figure.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Figure {
    /// The case that it belongs to.
    case: String,
    /// What was measured.
    figure: String,
    /// In which unit; a ratio has none.
    unit: String,
    /// What it is to reach.
    reach: Reach,
    /// The value of each run.
    runs: Vec<f64>,
}

impl Figure {
    /// The middle of the runs.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.runs.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match (sorted.get(middle), sorted.len() % 2) {
            (Some(value), 1) => *value,
            (Some(value), _) => {
                f64::midpoint(*value, sorted.get(middle - 1).copied().unwrap_or(*value))
            }
            (None, _) => f64::NAN,
        }
    }

    /// Whether it is where it is to be. What is only told always is.
    pub(crate) fn passes(&self) -> bool {
        match self.reach {
            Reach::AtMost(bar) => self.median() <= bar,
            Reach::AtLeast(bar) => self.median() >= bar,
            Reach::Told => true,
        }
    }
}

/// All figures of an invocation.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Figures {
    /// The machine.
    machine: String,
    /// The load average when it began: what else the machine did.
    load_average: String,
    /// The version that was measured.
    commit: String,
    /// Small and short: no figures to quote.
    quick: bool,
    figures: Vec<Figure>,
    /// Cases that gave no figures, and why.
    failures: Vec<(String, String)>,
}

impl Figures {
    /// None yet, of this version on this machine.
    pub(crate) fn new(commit: String, quick: bool) -> Self {
        Self {
            machine: machine(),
            load_average: load_average(),
            commit,
            quick,
            ..Self::default()
        }
    }

    /// Adds one run's value.
    pub(crate) fn add(
        &mut self,
        case: &'static str,
        figure: &str,
        unit: &'static str,
        reach: Reach,
        value: f64,
    ) {
        say::progress(format_args!("    {figure}: {} {unit}", short(value)));
        let known = self
            .figures
            .iter_mut()
            .find(|known| known.case == case && known.figure == figure);
        if let Some(known) = known {
            known.runs.push(value);
            return;
        }
        self.figures.push(Figure {
            case: case.to_owned(),
            figure: figure.to_owned(),
            unit: unit.to_owned(),
            reach,
            runs: vec![value],
        });
    }

    /// The result of an earlier invocation.
    pub(crate) fn read(file: &Path) -> Result<Self, BenchError> {
        let text = std::fs::read_to_string(file).map_err(BenchError::io(format!(
            "read {} (run `cargo xtask bench scale` and `… peers` first)",
            file.display()
        )))?;
        Ok(serde_json::from_str(&text)?)
    }

    /// The median of a figure by its case and its name.
    pub(crate) fn median(&self, (case, figure): (&str, &str)) -> Result<f64, BenchError> {
        let mut known = self.figures.iter();
        let known = known.find(|known| known.case == case && known.figure == figure);
        let median = known.map(Figure::median);
        median.ok_or_else(|| {
            BenchError::peer("results", format!("they have no `{figure}` of `{case}`"))
        })
    }

    /// A case gave no figures.
    pub(crate) fn fail(&mut self, case: &str, why: &str) {
        say::progress(format_args!("    FAILED: {why}"));
        self.failures.push((case.to_owned(), why.to_owned()));
    }

    /// How many are not where they are to be, and of how many.
    pub(crate) fn beyond(&self) -> (usize, usize) {
        let judged: Vec<&Figure> = self
            .figures
            .iter()
            .filter(|figure| figure.reach != Reach::Told)
            .collect();
        let failed = judged.iter().filter(|figure| !figure.passes()).count() + self.failures.len();
        (failed, judged.len() + self.failures.len())
    }

    /// A Markdown table, with the machine above it.
    pub(crate) fn table(&self) -> String {
        let mut out = String::new();
        let quick = if self.quick {
            " A quick look: not for quoting."
        } else {
            ""
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "Version {}, {}; load average before: {}.{quick}\n",
            self.commit, self.machine, self.load_average
        );
        let _ = writeln!(
            out,
            "| case | figure | median | reach | | runs |\n|---|---|---|---|---|---|"
        );
        for figure in &self.figures {
            let reach = match figure.reach {
                Reach::AtMost(bar) => format!("≤ {}", short(bar)),
                Reach::AtLeast(bar) => format!("≥ {}", short(bar)),
                Reach::Told => String::new(),
            };
            let verdict = match (figure.reach, figure.passes()) {
                (Reach::Told, _) => "",
                (_, true) => "yes",
                (_, false) => "**no**",
            };
            let runs: Vec<String> = figure.runs.iter().map(|value| short(*value)).collect();
            let median = format!("{} {}", short(figure.median()), figure.unit);
            let _ = writeln!(
                out,
                "| {} | {} | {} | {reach} | {verdict} | {} |",
                figure.case,
                figure.figure,
                median.trim_end(),
                runs.join(", ")
            );
        }
        for (case, why) in &self.failures {
            let _ = writeln!(
                out,
                "| {case} | no figure: {} | | | **no** | |",
                why.replace('\n', " ")
            );
        }
        out
    }
}

/// Three digits that count.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(reach: Reach, runs: &[f64]) -> Figures {
        let mut figures = Figures::default();
        for run in runs {
            figures.add("a case", "a figure", "", reach, *run);
        }
        figures
    }

    #[test]
    fn the_median_of_the_runs_is_judged() {
        let figures = figures(Reach::AtMost(1.0), &[9.0, 0.5, 0.9]);
        assert_eq!(figures.beyond(), (0, 1));
        assert!(
            figures
                .table()
                .contains("| a case | a figure | 0.90 | ≤ 1.00 | yes | 9.00, 0.50, 0.90 |")
        );
    }

    #[test]
    fn a_figure_beyond_its_reach_counts() {
        assert_eq!(
            figures(Reach::AtLeast(0.5), &[0.4, 0.6, 0.4]).beyond(),
            (1, 1)
        );
        assert_eq!(figures(Reach::Told, &[7.0]).beyond(), (0, 0));
    }

    #[test]
    fn a_case_that_failed_counts() {
        let mut figures = Figures::default();
        figures.fail("a case", "lines were lost");
        assert_eq!(figures.beyond(), (1, 1));
        assert!(figures.table().contains("lines were lost"));
    }
}
