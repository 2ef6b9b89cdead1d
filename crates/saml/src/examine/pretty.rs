//! A document written out readably.

use quick_xml::events::Event;
use quick_xml::{Reader, Writer};

use crate::Refusal;
use crate::refusal::Said;

/// Bytes that are shown: deep nesting makes little text long.
const LONGEST: usize = 512 * 1024;

/// Indents a document that passed the preflight. White space between elements is the writer's; that of
/// values stays.
pub(super) fn print(text: &str) -> Result<String, Refusal> {
    let refused = |why: String| Refusal::NotWellFormed {
        why: Said::new(&why),
    };
    let mut reader = Reader::from_str(text);
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    loop {
        let event = reader
            .read_event()
            .map_err(|why| refused(why.to_string()))?;
        match event {
            Event::Eof => break,
            Event::Text(ref blank) if blank.iter().all(u8::is_ascii_whitespace) => {}
            event => writer
                .write_event(event)
                .map_err(|why| refused(why.to_string()))?,
        }
        if writer.get_ref().len() > LONGEST {
            break;
        }
    }
    Ok(String::from_utf8_lossy(writer.get_ref()).trim().to_owned())
}
