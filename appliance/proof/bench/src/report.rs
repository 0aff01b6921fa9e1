//! What was found, beside what should be: a table for people, JSON for everything else.

use serde_json::{Value, json};

/// Which side of the target is good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// Only for the reader.
    None,
    /// At least so much.
    AtLeast(f64),
    /// At most so much.
    AtMost(f64),
}

#[derive(Debug)]
struct Row {
    case: &'static str,
    what: String,
    value: f64,
    unit: &'static str,
    target: Target,
}

impl Row {
    fn met(&self) -> Option<bool> {
        match self.target {
            Target::None => None,
            Target::AtLeast(least) => Some(self.value >= least),
            Target::AtMost(most) => Some(self.value <= most),
        }
    }

    fn target(&self) -> String {
        match self.target {
            Target::None => String::new(),
            Target::AtLeast(least) => format!(">= {least}"),
            Target::AtMost(most) => format!("<= {most}"),
        }
    }
}

/// All figures of one run.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
    facts: Vec<(String, String)>,
}

impl Report {
    /// Something about the run that no figure says: the machine, the build.
    pub fn fact(&mut self, name: &str, value: impl Into<String>) {
        self.facts.push((name.to_owned(), value.into()));
    }

    pub(crate) fn add(&mut self, case: &'static str, what: impl Into<String>, value: f64, unit: &'static str) {
        self.aim(case, what, value, unit, Target::None);
    }

    pub(crate) fn aim(&mut self, case: &'static str, what: impl Into<String>, value: f64, unit: &'static str, target: Target) {
        self.rows.push(Row { case, what: what.into(), value, unit, target });
    }

    /// Figures that miss their targets.
    pub fn missed(&self) -> usize {
        self.rows.iter().filter(|row| row.met() == Some(false)).count()
    }

    /// The table.
    pub fn table(&self) -> String {
        let mut out: String = self.facts.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let lines: Vec<[String; 6]> = self.rows.iter().map(line).collect();
        let head = ["case", "figure", "value", "unit", "target", ""].map(str::to_owned);
        let widths: [usize; 6] =
            std::array::from_fn(|i| lines.iter().chain([&head]).map(|line| line[i].len()).max().unwrap_or(0));
        for line in [&head].into_iter().chain(&lines) {
            let mut text = String::new();
            for (i, (cell, width)) in line.iter().zip(widths).enumerate() {
                // Numbers stand under each other at their right end.
                text += &if i == 2 { format!("{cell:>width$}  ") } else { format!("{cell:<width$}  ") };
            }
            out += text.trim_end();
            out.push('\n');
        }
        out
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let (least, most) = match row.target {
                Target::None => (None, None),
                Target::AtLeast(least) => (Some(least), None),
                Target::AtMost(most) => (None, Some(most)),
            };
            json!({
                "case": row.case, "figure": row.what, "value": row.value, "unit": row.unit,
                "at_least": least, "at_most": most, "met": row.met(),
            })
        });
        let facts: serde_json::Map<String, Value> =
            self.facts.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({"facts": facts, "figures": rows.collect::<Vec<_>>()})
    }
}

fn line(row: &Row) -> [String; 6] {
    let digits = if row.value.abs() >= 100.0 { 0 } else if row.value.abs() >= 10.0 { 1 } else { 3 };
    let met = match row.met() {
        None => "",
        Some(true) => "met",
        Some(false) => "MISSED",
    };
    [
        row.case.to_owned(),
        row.what.clone(),
        format!("{:.digits$}", row.value),
        row.unit.to_owned(),
        row.target(),
        met.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_misses_its_target_is_said() {
        let mut report = Report::default();
        report.aim("c", "slow", 0.5, "ratio", Target::AtLeast(0.8));
        report.aim("c", "small", 2.0, "MiB", Target::AtMost(3.0));
        report.add("c", "plain", 9.0, "MB/s");
        assert_eq!(report.missed(), 1);
        let table = report.table();
        let lines: Vec<&str> = table.lines().filter(|line| line.contains("MISSED")).collect();
        assert!(lines.len() == 1 && lines[0].contains("slow"), "{table}");
        assert_eq!(report.json()["figures"][1]["met"], true);
    }
}
