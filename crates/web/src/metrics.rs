//! Counters, gauges and histograms, in Prometheus' text form.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Upper ends of the buckets of a time, seconds: what a visitor does not notice, up to what nobody waits
/// for.
const ENDS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// What is read when somebody asks.
type Reading = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What a process counts. Labels come from code, settings and metadata, never from a request alone.
/// Cheap to clone; outlives the settings a process was started with.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Inner>);

#[derive(Default)]
struct Inner {
    counters: Mutex<BTreeMap<Line, u64>>,
    times: Mutex<BTreeMap<Line, Times>>,
    gauges: Mutex<BTreeMap<Line, Reading>>,
}

/// A name, and labels as they are written between braces.
type Line = (String, String);

#[derive(Default)]
struct Times {
    /// How many fell into each bucket, and none below.
    buckets: [u64; ENDS.len()],
    count: u64,
    sum: Duration,
}

impl Metrics {
    /// Adds one.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) {
        *held(&self.0.counters)
            .entry(line(name, labels))
            .or_default() += 1;
    }

    /// Notes how long something took.
    pub fn time(&self, name: &str, labels: &[(&str, &str)], took: Duration) {
        let mut times = held(&self.0.times);
        let times = times.entry(line(name, labels)).or_default();
        let seconds = took.as_secs_f64();
        let fitting = times.buckets.iter_mut().zip(ENDS);
        if let Some((bucket, _)) = fitting.into_iter().find(|(_, end)| seconds <= *end) {
            *bucket += 1;
        }
        times.count += 1;
        times.sum += took;
    }

    /// What `read` says whenever somebody asks; takes the place of what was there under that name.
    pub fn gauge(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        held(&self.0.gauges).insert(line(name, labels), Arc::new(read));
    }

    /// The sum of a counter over every label that holds `having`.
    pub fn sum(&self, name: &str, having: &str) -> u64 {
        let counters = held(&self.0.counters);
        let fitting = counters
            .iter()
            .filter(|((found, labels), _)| found == name && labels.contains(having));
        fitting.map(|(_, count)| count).sum()
    }

    /// What a gauge without labels says.
    pub fn read(&self, name: &str) -> Option<u64> {
        let read = held(&self.0.gauges).get(&line(name, &[])).map(Arc::clone);
        read.map(|read| read())
    }

    /// Everything.
    pub fn text(&self) -> String {
        let mut text = Text::default();
        for ((name, labels), count) in held(&self.0.counters).iter() {
            text.line("counter", name, labels, *count);
        }
        let gauges: Vec<_> = held(&self.0.gauges)
            .iter()
            .map(|(line, read)| (line.clone(), Arc::clone(read)))
            .collect();
        for ((name, labels), read) in gauges {
            text.line("gauge", &name, &labels, read());
        }
        for ((name, labels), times) in held(&self.0.times).iter() {
            text.histogram(name, labels, times);
        }
        text.0
    }
}

/// What is written, with the kind of each name once.
#[derive(Default)]
struct Text(String, String);

impl Text {
    fn kind(&mut self, kind: &str, name: &str) {
        if self.1 != name {
            name.clone_into(&mut self.1);
            // Writing to a String never fails.
            writeln!(self.0, "# TYPE {name} {kind}").ok();
        }
    }

    fn line(&mut self, kind: &str, name: &str, labels: &str, value: u64) {
        self.kind(kind, name);
        let labels = braced(labels);
        writeln!(self.0, "{name}{labels} {value}").ok();
    }

    fn histogram(&mut self, name: &str, labels: &str, times: &Times) {
        self.kind("histogram", name);
        let comma = if labels.is_empty() { "" } else { "," };
        let mut sum = 0;
        for (count, end) in times.buckets.iter().zip(ENDS) {
            sum += count;
            writeln!(self.0, "{name}_bucket{{{labels}{comma}le=\"{end}\"}} {sum}").ok();
        }
        let (count, took) = (times.count, times.sum.as_secs_f64());
        writeln!(
            self.0,
            "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {count}"
        )
        .ok();
        let labels = braced(labels);
        writeln!(self.0, "{name}_sum{labels} {took}").ok();
        writeln!(self.0, "{name}_count{labels} {count}").ok();
    }
}

fn braced(labels: &str) -> String {
    if labels.is_empty() {
        String::new()
    } else {
        format!("{{{labels}}}")
    }
}

fn line(name: &str, labels: &[(&str, &str)]) -> Line {
    let mut text = String::with_capacity(96);
    for (label, value) in labels {
        let comma = if text.is_empty() { "" } else { "," };
        for part in [comma, label, "=\"", &escaped(value), "\""] {
            text.push_str(part);
        }
    }
    (name.to_owned(), text)
}

/// A label's value, as the text form wants it.
pub fn escaped(value: &str) -> Cow<'_, str> {
    if !value.contains(['\\', '"', '\n']) {
        return Cow::Borrowed(value);
    }
    let escaped = value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    Cow::Owned(escaped)
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert_eq!(metrics.sum("b_total", "x=\"1\""), 2);
        assert_eq!(metrics.sum("b_total", "x=\"2\""), 0);
    }

    #[test]
    fn times_fall_into_every_bucket_that_holds_them() {
        let metrics = Metrics::default();
        for milliseconds in [1, 30, 30, 700, 60_000] {
            metrics.time("t", &[("r", "/a")], Duration::from_millis(milliseconds));
        }
        let text = metrics.text();
        for line in [
            "# TYPE t histogram",
            "t_bucket{r=\"/a\",le=\"0.005\"} 1",
            "t_bucket{r=\"/a\",le=\"0.025\"} 1",
            "t_bucket{r=\"/a\",le=\"0.05\"} 3",
            "t_bucket{r=\"/a\",le=\"1\"} 4",
            "t_bucket{r=\"/a\",le=\"10\"} 4",
            "t_bucket{r=\"/a\",le=\"+Inf\"} 5",
            "t_sum{r=\"/a\"} 60.761",
            "t_count{r=\"/a\"} 5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
    }

    #[test]
    fn a_gauge_is_read_when_it_is_asked() {
        let metrics = Metrics::default();
        metrics.gauge("g", &[], || 1);
        metrics.gauge("g", &[], || 7);
        assert_eq!(metrics.text(), "# TYPE g gauge\ng 7\n");
    }
}
