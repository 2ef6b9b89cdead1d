//! Texts that an operator writes in Markdown: a title, and what stands under it. Nothing in them is anything but
//! text and links, whoever could write to the file: raw HTML and pictures are refused, with their line.

use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd, html};

use crate::session::digest;

/// Longest text, bytes.
const LONGEST: usize = 256 * 1024;

/// Such a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    title: String,
    html: String,
    digest: String,
    text: String,
}

impl Written {
    /// Reads it; every fault at once, with its line. The first line of it is the title (`# …`), the only one
    /// of its level.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        if text.len() > LONGEST {
            return Err(vec![format!("longer than {LONGEST} bytes")]);
        }
        let mut faults = Vec::new();
        let (mut title, mut in_title, mut titles) = (String::new(), false, 0);
        let mut shown = Vec::new();
        for (event, range) in Parser::new(&text).into_offset_iter() {
            let fault = match &event {
                Event::Start(Tag::Heading { level, .. }) if *level == HeadingLevel::H1 => {
                    (in_title, titles) = (true, titles + 1);
                    (titles > 1).then_some("a second title: `#` stands once, at the beginning")
                }
                Event::Html(_) | Event::InlineHtml(_) => Some("raw HTML is refused"),
                Event::Start(Tag::Image { .. }) => Some("pictures are refused"),
                Event::Start(Tag::Link { dest_url, .. }) if !is_link(dest_url) => {
                    Some("a link is https://…, http://…, mailto:… or a path of ours")
                }
                _ => None,
            };
            if let Some(why) = fault {
                let before = text.get(..range.start).unwrap_or_default();
                let line = before.matches('\n').count() + 1;
                faults.push(format!("line {line}: {why}"));
            }
            if !in_title {
                shown.push(event);
                continue;
            }
            match event {
                Event::Text(part) | Event::Code(part) => title.push_str(&part),
                Event::End(TagEnd::Heading(_)) => in_title = false,
                _ => {}
            }
        }
        if title.trim().is_empty() {
            faults.push("line 1: a title is needed (`# …`)".to_owned());
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut whole = String::new();
        html::push_html(&mut whole, shown.into_iter());
        Ok(Self {
            title,
            html: whole,
            digest: digest(&text),
            text,
        })
    }

    /// What it is called.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What stands under the title, as HTML: safe to be shown as it is.
    pub fn html(&self) -> &str {
        &self.html
    }

    /// Another one when a single sign of the text is another: its version.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn is_link(to: &str) -> bool {
    let is_ours = to.starts_with('/') && !to.starts_with("//") && !to.contains('\\');
    is_ours
        || ["https://", "http://", "mailto:"]
            .iter()
            .any(|start| to.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u14_a_text_is_shown_as_it_is_written_and_its_version_is_its_own() {
        let text =
            "# Charte & `usages`\n\n## Droits\n\nDu *texte* <3, [ici](/compte/) et\n- un\n- deux\n";
        let read = Written::parse(text).unwrap();
        assert_eq!(read.title(), "Charte & usages");
        assert!(!read.html().contains("<h1"), "{}", read.html());
        for part in [
            "<h2>Droits</h2>",
            "<em>texte</em> &lt;3",
            "<a href=\"/compte/\">",
            "<li>un</li>",
        ] {
            assert!(read.html().contains(part), "{part}: {}", read.html());
        }
        let windows = Written::parse(&text.replace('\n', "\r\n")).unwrap();
        assert_eq!(windows.digest(), read.digest());
        assert_ne!(
            Written::parse(&format!("{text}!")).unwrap().digest(),
            read.digest()
        );
    }

    #[test]
    fn u14_what_is_more_than_text_is_refused_with_its_line() {
        for (text, fault) in [
            ("", "line 1: a title"),
            ("Du texte", "line 1: a title"),
            ("# A\n\n<script>x()</script>\n", "line 3: raw HTML"),
            ("# A\n\nun <b>mot</b>\n", "line 3: raw HTML"),
            ("# A\n\n<!-- x -->\n", "line 3: raw HTML"),
            (
                "# A\n\n![x](https://ailleurs.example/x.png)",
                "line 3: pictures",
            ),
            ("# A\n\n[x](javascript:alert(1))", "line 3: a link"),
            ("# A\n\n[x](//ailleurs.example)", "line 3: a link"),
            ("# A\n\n[x](data:text/html,x)", "line 3: a link"),
            ("# A\n\n[x]\n\n[x]: vbscript:x", "line 3: a link"),
            ("# A\n\nb\n\n# C\n", "line 5: a second title"),
        ] {
            let told = Written::parse(text).expect_err(text);
            assert!(
                told.iter().any(|one| one.starts_with(fault)),
                "{text:?}: {told:?}"
            );
        }
        let long = format!("# A\n\n{}", "a".repeat(LONGEST));
        assert!(Written::parse(&long).unwrap_err()[0].contains("longer"));
    }
}
