//! Counters, in Prometheus' text form.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

/// Counters by name and labels. Labels come from code and settings, never from a request.
#[derive(Default)]
pub(crate) struct Metrics(Mutex<BTreeMap<String, u64>>);

impl Metrics {
    /// Adds one.
    pub(crate) fn count(&self, name: &str, labels: &[(&str, &str)]) {
        let mut line = name.to_owned();
        for (number, (label, value)) in labels.iter().enumerate() {
            let opening = if number == 0 { '{' } else { ',' };
            let value = value
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            // Writing to a String never fails.
            write!(line, "{opening}{label}=\"{value}\"").ok();
        }
        if !labels.is_empty() {
            line.push('}');
        }
        *self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(line)
            .or_default() += 1;
    }

    /// Everything, one line a counter.
    pub(crate) fn text(&self) -> String {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        let mut last = "";
        for (line, count) in counters.iter() {
            let name = line.split('{').next().unwrap_or_default();
            if name != last {
                writeln!(text, "# TYPE {name} counter").ok();
                last = name;
            }
            writeln!(text, "{line} {count}").ok();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_text() {
        let metrics = Metrics::default();
        metrics.count("a_total", &[]);
        metrics.count("b_total", &[("x", "1"), ("y", "\"")]);
        metrics.count("b_total", &[("x", "1"), ("y", "\"")]);
        assert_eq!(
            metrics.text(),
            "# TYPE a_total counter\na_total 1\n# TYPE b_total counter\nb_total{x=\"1\",y=\"\\\"\"} 2\n"
        );
    }
}
