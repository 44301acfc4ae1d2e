//! Asking whether things are there: of a buffer or a device, of a thread inside the library.

use vdi_trace::{Event, Found, LaneName, Name, Presence, Process};

use super::driver::{Driver, End};
use crate::adapter::protocol::{Answer, Request};

impl Driver<'_> {
    pub(super) fn touch(
        &mut self,
        object: &str,
        lane: &LaneName,
        expected: Found,
    ) -> Result<(), End> {
        let id = self.id();
        let request = Request::Touch { id, lane: lane.to_string(), object: object.to_owned() };
        let answer = self.ask(&request, |answer| match answer {
            Answer::Touched { id: of, .. } => *of == id,
            _ => false,
        })?;
        let Answer::Touched { found, .. } = answer else {
            return Ok(());
        };
        let line = self.push(Event::Touch {
            seq: None,
            lane: Name::from(lane.to_string()),
            touch: Name::from(object.to_owned()),
            found,
        });
        let word = |found| {
            if found == Found::Alive { "alive" } else { "gone" }
        };
        if found == expected {
            self.run.pinned.insert(line);
        } else {
            let what = format!("touching {object} from {lane}");
            self.mismatch(&what, word(expected), word(found).to_owned(), false);
        }
        Ok(())
    }

    pub(super) fn unload(&mut self, process: Process, expected: Presence) -> Result<(), End> {
        let id = self.id();
        let request = Request::Unload { id, process };
        let answer = self.ask(&request, |answer| match answer {
            Answer::Unloaded { id: of, .. } => *of == id,
            _ => false,
        })?;
        let Answer::Unloaded { found, .. } = answer else {
            return Ok(());
        };
        let line = self.push(Event::Unload { seq: None, process, unload: found });
        let word = |found| {
            if found == Presence::Idle { "idle" } else { "busy" }
        };
        if found == expected {
            self.run.pinned.insert(line);
        } else {
            let what = format!("unloading the library from {process}");
            self.mismatch(&what, word(expected), word(found).to_owned(), false);
        }
        Ok(())
    }
}
