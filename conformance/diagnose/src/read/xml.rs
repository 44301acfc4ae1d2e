//! Exports of an event log as XML: of the Event Viewer, or of wevtutil, which writes no root.

use roxmltree::{Document, Node};

use super::Record;

pub(super) fn records(text: &str) -> Result<Vec<Record>, (usize, String)> {
    // One root around everything, in the first line, so that lines stay what they are.
    let body = match text.find("?>") {
        Some(end) if text.trim_start().starts_with("<?xml") => {
            let declaration = &text[..end + 2];
            declaration.chars().filter(|letter| *letter == '\n').collect::<String>()
                + &text[end + 2..]
        }
        _ => text.to_owned(),
    };
    let whole = format!("<all>{body}</all>");
    let document = Document::parse(&whole)
        .map_err(|error| (error.pos().row as usize, format!("not well-formed as XML: {error}")))?;
    let events = document.descendants().filter(|node| node.has_tag_name_of("Event"));
    let records: Vec<Record> = events.filter_map(|event| record(&document, event)).collect();
    if records.is_empty() {
        return Err((
            1,
            "XML without an Event of an event log: export it by the Event Viewer, or by \
                        `wevtutil qe Application /f:xml`"
                .to_owned(),
        ));
    }
    Ok(records)
}

/// Names are the same in whatever namespace.
trait Local {
    fn has_tag_name_of(&self, name: &str) -> bool;
}

impl Local for Node<'_, '_> {
    fn has_tag_name_of(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

fn within<'a, 'd>(node: Node<'a, 'd>, name: &str) -> Option<Node<'a, 'd>> {
    node.descendants().find(|node| node.has_tag_name_of(name))
}

fn record(document: &Document<'_>, event: Node<'_, '_>) -> Option<Record> {
    let system = within(event, "System")?;
    let attribute = |name: &str, of: &str| {
        within(system, name).and_then(|node| node.attribute(of)).map(str::to_owned)
    };
    let number = within(system, "EventID").and_then(|node| node.text());
    let rendered = within(event, "RenderingInfo").and_then(|info| within(info, "Message"));
    let data: Vec<&str> = event
        .descendants()
        .filter(|node| node.has_tag_name_of("Data"))
        .filter_map(|node| node.text())
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .collect();
    let text = rendered
        .and_then(|node| node.text())
        .map_or_else(|| data.join(" "), |text| text.trim().to_owned());
    let process = attribute("Execution", "ProcessID").filter(|process| process != "0");
    Some(Record {
        line: document.text_pos_at(event.range().start).row as usize,
        time: attribute("TimeCreated", "SystemTime"),
        process,
        source: attribute("Provider", "Name"),
        number: number.and_then(|number| number.trim().parse().ok()),
        text,
        ..Record::default()
    })
}
