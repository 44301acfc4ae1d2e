//! A trace without what names somebody's things: the names of sets, devices, instances and
//! threads, and moments of a machine's clock. What happened stays, and so does its verdict.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Event, Header, Origin, Trace};

/// What was put in the place of names.
#[derive(Debug, Default)]
struct Names {
    /// Of sets and devices, of which the first device bears the name of the set.
    names: BTreeMap<String, String>,
    instances: BTreeMap<String, String>,
    lanes: BTreeMap<String, String>,
    handles: BTreeMap<String, String>,
}

impl Trace {
    /// The same history with other names: each thing has one, as before. Interfaces and handles
    /// keep theirs where these are a recorder's, such as `cdev1`. Times count from the first
    /// line that tells one.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let mut names = Names::default();
        let mut redacted = Self::new(names.header(&self.header));
        let times: BTreeMap<usize, u64> = self.times().collect();
        let first = times.values().min().copied().unwrap_or_default();
        for (line, event) in self.lines() {
            let elapsed = times.get(&line).map(|elapsed| elapsed - first);
            redacted.push_timed(names.event(event), elapsed);
        }
        redacted
    }
}

impl Names {
    fn header(&mut self, header: &Header) -> Header {
        // The file of a library is kept, and a number; a text may say anything.
        let last = |path: &str| {
            let last = path.rsplit(['/', '\\']).next().unwrap_or_default();
            let of_file = |letter: char| letter.is_ascii_alphanumeric() || "._-+".contains(letter);
            last.chars().all(of_file).then(|| last.to_owned())
        };
        let source = header.source.as_ref().map(|source| Origin {
            name: last(&source.name).unwrap_or_else(|| "unnamed".to_owned()),
            version: source.version.as_deref().and_then(last),
            setting: None,
        });
        let own = header.interfaces.iter();
        let interfaces = own.map(|(name, of)| (self.handle(name), *of)).collect();
        Header { source, interfaces, ..header.clone() }
    }

    fn event(&mut self, event: &Event<'_>) -> Event<'static> {
        let mut value = serde_json::to_value(event).expect("an event serialises");
        self.walk(&mut value, "");
        // What numbers it is given anew.
        value.as_object_mut().into_iter().for_each(|fields| drop(fields.remove("seq")));
        let text = value.to_string();
        let event: Event<'_> = serde_json::from_str(&text).expect("only names were changed");
        event.into_owned()
    }

    fn walk(&mut self, value: &mut Value, key: &str) {
        match value {
            Value::Object(fields) => {
                fields.iter_mut().for_each(|(key, value)| self.walk(value, &key.clone()));
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.walk(value, key)),
            Value::String(text) => *text = self.of(key, text),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn of(&mut self, key: &str, text: &str) -> String {
        match key {
            "lane" | "expired" | "blocked" => self.lane(text),
            "on" | "as" | "callback" | "ended" | "touch" | "wrote" | "command" | "buffer"
            | "handle" => self.handle(text),
            "name" => another(&mut self.names, text, "n"),
            "instance" => another(&mut self.instances, text, "i"),
            _ => text.to_owned(),
        }
    }

    /// Of a lane the process stays, and what it is called if that says what it does.
    fn lane(&mut self, lane: &str) -> String {
        let Some((process, thread)) = lane.split_once('.') else { return lane.to_owned() };
        if ["main", "agent"].contains(&thread) {
            return lane.to_owned();
        }
        let next = self.lanes.len() + 1;
        let own = self.lanes.entry(lane.to_owned());
        own.or_insert_with(|| format!("{process}.t{next}")).clone()
    }

    fn handle(&mut self, handle: &str) -> String {
        if is_of_recorder(handle) {
            return handle.to_owned();
        }
        let next = self.handles.len() + 1;
        let process = super::Process::of_handle(handle).map(|process| {
            let set = process.set_interface();
            set.strip_suffix("set").unwrap_or_default().to_owned()
        });
        let own = self.handles.entry(handle.to_owned());
        own.or_insert_with(|| format!("{}other{next}", process.unwrap_or_default())).clone()
    }
}

/// What is put in the place of this name; what is forbidden in one stays in it.
fn another(known: &mut BTreeMap<String, String>, text: &str, kind: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let next = known.len() + 1;
    let forbidden = if text.contains('\\') { "\\" } else { "" };
    known.entry(text.to_owned()).or_insert_with(|| format!("{kind}{next}{forbidden}")).clone()
}

/// Whether a handle is named as recorders and schemas name them: `cset`, `sdev1`, `c7`, `x1h2`.
fn is_of_recorder(handle: &str) -> bool {
    let kind = handle.trim_end_matches(|digit: char| digit.is_ascii_digit());
    let kinds = ["set", "dev", "c", "b", "h"];
    let own = kind.strip_prefix(['s', 'c']).into_iter();
    let second = kind
        .strip_prefix('x')
        .and_then(|rest| rest.strip_prefix(|digit: char| digit.is_ascii_digit()));
    own.chain(second).chain([kind]).any(|kind| kinds.contains(&kind))
        || handle == "?"
        || handle.starts_with("unseen-")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: &str = concat!(
        r#"{"vdi":"trace/1","source":{"name":"/home/me/libsqlvdi.so","setting":"at work"},"free":true}"#,
        "\n",
        r#"{"lane":"primary.acme-4711","call":"Create","on":"cset","args":{"name":"ACME","config":{"deviceCount":2}},"elapsed":900000}"#,
        "\n",
        r#"{"lane":"primary.acme-4711","return":"NOERROR","elapsed":900004}"#,
        "\n",
        r#"{"lane":"primary.acme-4711","call":"OpenDevice","on":"cset","as":"cAcmeTape","args":{"name":"ACME"}}"#,
        "\n",
        r#"{"lane":"primary.acme-4711","return":"VD_E_PROTOCOL"}"#,
        "\n",
        r#"{"lane":"primary.main","call":"Create","on":"cset","args":{"name":"A\\B"}}"#,
        "\n",
    );

    #[test]
    fn names_are_taken_out_and_what_is_equal_stays_equal() {
        let trace = Trace::read(MINE.as_bytes()).expect("a trace");
        let redacted = trace.redacted();
        let text = redacted.to_json_lines();
        for word in ["ACME", "acme", "Acme", "4711", "/home", "at work", "900000", "A\\\\B"] {
            assert!(!text.contains(word), "{word} is in {text}");
        }
        assert_eq!(text.matches(r#""name":"n1""#).count(), 2, "{text}");
        assert!(text.contains(r#""name":"n2\\""#), "{text}");
        assert!(
            text.contains(r#""lane":"primary.main""#) && text.contains(r#""elapsed":4"#),
            "{text}"
        );
        assert_eq!(redacted.events.len(), trace.events.len());
        // What is redacted already stays as it is.
        assert_eq!(redacted.redacted(), redacted);
    }

    #[test]
    fn of_where_a_trace_comes_from_the_file_stays_and_no_text() {
        for (name, kept) in
            [("/home/me/libsqlvdi.so", "libsqlvdi.so"), ("backups of jdoe", "unnamed")]
        {
            let header = format!(
                r#"{{"vdi":"trace/1","source":{{"name":"{name}","version":"15 for jdoe"}}}}"#
            );
            let trace = Trace::read(format!("{header}\n").as_bytes()).expect("a trace");
            let text = trace.redacted().to_json_lines();
            assert!(text.contains(kept) && !text.contains("jdoe"), "{text}");
        }
    }
}
