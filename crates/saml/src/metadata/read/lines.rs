//! On which line of the document each entity starts.

use super::{is_entity, is_group};
use crate::reader::Element;

/// The line of each `EntityDescriptor` in the groups under `root`, in the order of the document.
/// Counted in one pass: asking the tree for each would read the text from its start each time.
pub(super) fn of(text: &str, root: Element<'_, '_>) -> Vec<u32> {
    let mut count = Count {
        text: text.as_bytes(),
        at: 0,
        line: 1,
        lines: Vec::new(),
    };
    count.walk(root);
    count.lines
}

struct Count<'a> {
    text: &'a [u8],
    at: usize,
    line: u32,
    lines: Vec<u32>,
}

impl Count<'_> {
    fn walk(&mut self, element: Element<'_, '_>) {
        if is_entity(element) {
            let start = element.range().start;
            let between = self.text.get(self.at..start).unwrap_or_default();
            let breaks = between.split(|byte| *byte == b'\n').count() - 1;
            self.line = self
                .line
                .saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
            self.at = start;
            self.lines.push(self.line);
            return;
        }
        for child in element.children() {
            if is_entity(child) || is_group(child) {
                self.walk(child);
            }
        }
    }
}
