//! What the steps of a scenario expect, compared with what came.

use vdi_spec::clauses::Profile;
use vdi_spec::codes::{HResult, Win32};
use vdi_trace::{Function, LaneName};

use super::brought::{is_brought, is_short};
use super::driver::Driver;
use super::seen::Mismatch;
use crate::scenario::{ExpectedReturn, Pin, Pinned, Truth};

/// Whether this is pinned for the environment's sake alone.
fn only_brought(pin: &Pin<HResult>) -> bool {
    matches!(pin, Pin::Code(code) if is_brought(*code) && *code != HResult::VD_E_MEMORY)
}

impl Driver<'_> {
    /// At the end nothing has come that no step expects.
    pub(super) fn nothing_left(&mut self) {
        let callback = self
            .untaken
            .callbacks
            .first()
            .map(|c| format!("callback of {} with {} on {}", c.command, c.completion, c.lane));
        let returned =
            self.untaken.returns.iter().find_map(|(lane, list)| {
                list.first().map(|r| format!("{lane} returns {}", r.status))
            });
        if let Some(got) = callback.or(returned) {
            self.mismatch("the end", "nothing more", got, false);
        }
    }

    pub(super) fn mismatch(&mut self, what: &str, expected: &str, got: String, shortage: bool) {
        let (what, expected) = (what.to_owned(), expected.to_owned());
        let step = self.run.step;
        let stays = None;
        self.run.mismatch = Some(Mismatch { step, what, expected, got, shortage, stays });
    }

    fn is_about_blocking(&mut self, lane: &LaneName, must_block: bool) {
        if let Some(mismatch) = &mut self.run.mismatch {
            mismatch.stays = Some((lane.to_string(), must_block));
        }
    }

    pub(super) fn take_return(
        &mut self,
        what: &str,
        lane: &LaneName,
        ExpectedReturn { status: expect, gives, tells }: ExpectedReturn<'_>,
        profile: &Profile,
    ) {
        let pins = expect.map(|pinned| pinned.under(profile));
        let expected = pins.map_or("a return".to_owned(), |pins| {
            pins.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
        });
        let list = self.untaken.returns.entry(lane.to_string()).or_default();
        if list.is_empty() {
            self.mismatch(what, &expected, "it stays in the call".to_owned(), false);
            self.is_about_blocking(lane, false);
            return;
        }
        let returned = list.remove(0);
        let wild = |pinned: HResult, status: HResult| {
            pinned == HResult::VD_E_IO_ERROR && status.is_failure()
        };
        let admitted =
            pins.is_none_or(|pins| pins.iter().any(|pin| pin.admits(returned.status, wild)));
        if !admitted {
            let status = returned.status;
            let short = is_short(status);
            self.mismatch(what, &expected, returned.status.to_string(), short);
            return;
        }
        if gives.is_some() && returned.command.as_deref() != gives {
            let expected = format!("NOERROR with {}", gives.unwrap_or_default());
            let got = format!("NOERROR with {}", returned.command.as_deref().unwrap_or("nothing"));
            self.mismatch(what, &expected, got, false);
            return;
        }
        let told = returned.shared.map(Truth::from);
        let pins = tells.map(|pinned| pinned.under(profile));
        let as_told = |pins: &[Pin<Truth>]| {
            pins.iter().any(|pin| told.is_some_and(|told| pin.admits(told, |_, _| false)))
        };
        if let Some(pins) = pins.filter(|pins| !as_told(pins)) {
            let expected: Vec<String> = pins.iter().map(ToString::to_string).collect();
            let got = told.map_or("nothing told".to_owned(), |told| told.to_string());
            self.mismatch(what, &expected.join(" or "), got, false);
            return;
        }
        let codes = expect.map_or(&[][..], |pinned| pinned.under(profile));
        self.run.excused |= codes.len() > 1 && codes.iter().any(only_brought);
        // After what the environment may have brought, what is allowed depends on whether it
        // has.
        let one = !self.run.excused || codes.len() == 1;
        // Alternatives without a reading are those of the default profile. What else
        // came with the status no step speaks of: the oracle alone judges it.
        if returned.bare && one && expect.is_some_and(|pinned| pinned.is_exact(profile)) {
            self.run.pinned.insert(returned.line);
        }
    }

    pub(super) fn take_callback(
        &mut self,
        lane: &LaneName,
        command: &str,
        completion: Option<&Pinned<Win32>>,
        bytes: Option<u32>,
        profile: &Profile,
    ) {
        let pins = completion.map_or(&[][..], |pinned| pinned.under(profile));
        let codes: Vec<String> = pins.iter().map(ToString::to_string).collect();
        let what = format!("the callback of {command}");
        let expected = format!("{} on {lane}", codes.join(" or "));
        let Some(at) = self.untaken.callbacks.iter().position(|seen| seen.command == command)
        else {
            self.mismatch(&what, &expected, format!("no callback of {command}"), false);
            return;
        };
        let seen = self.untaken.callbacks.remove(at);
        let admitted = pins.iter().any(|pin| pin.admits(seen.completion, |_, _| false));
        if !admitted || seen.lane != lane.as_str() {
            let got = format!("{} on {}", seen.completion, seen.lane);
            self.mismatch(&what, &expected, got, false);
        } else if bytes.is_some_and(|bytes| bytes != seen.bytes) {
            let expected = format!("{} bytes", bytes.unwrap_or_default());
            self.mismatch(&what, &expected, format!("{} bytes", seen.bytes), false);
        } else if seen.line >= self.driven
            && !seen.positioned
            && completion.is_some_and(|c| c.is_exact(profile))
        {
            // One that came before what was driven last came at another time
            // than this step says.
            self.run.pinned.insert(seen.line);
        }
    }

    /// A SendCommand that may be refused or not is called back at once if it is: that
    /// callback belongs to the alternative, and the oracle alone judges it.
    pub(super) fn take_refusal(
        &mut self,
        call: Function,
        command: Option<&str>,
        expect: Option<&Pinned<HResult>>,
        profile: &Profile,
    ) {
        let alternatives = expect.is_some_and(|pinned| pinned.under(profile).len() > 1);
        if call == Function::SendCommand && alternatives {
            self.untaken.callbacks.retain(|seen| Some(seen.command.as_str()) != command);
        }
    }

    pub(super) fn expect_blocked(&mut self, blocked: &[LaneName]) {
        let still = |lane: &&LaneName| self.calls.values().any(|of| of == lane.as_str());
        if let Some(lane) = blocked.iter().find(|lane| !still(lane)) {
            let got = match self.untaken.returns.get(lane.as_str()).and_then(|list| list.first()) {
                Some(returned) => format!("it returned {}", returned.status),
                None => "it is in no call".to_owned(),
            };
            self.mismatch(&format!("blocked on {lane}"), "it stays in its call", got, false);
            self.is_about_blocking(lane, true);
        }
    }
}
