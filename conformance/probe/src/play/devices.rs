//! Devices: commands got, carried out, and completed; their buffers, and handles of these.

use std::sync::{Arc, Mutex};

use vdi_call::Command;
use vdi_recorder::Called;
use vdi_spec::clauses::Clause;
use vdi_spec::codes::{CommandCode, Features, HResult, Win32};
use vdi_spec::config::VdConfig;
use vdi_trace::{Args, CodeArg, Function, Handle, Name, Out, Size};

use super::client::{Client, rest};
use super::media::Completion;
use super::recording::locked;
use super::tracks::{DeviceTrack, Held, of};
use crate::plan::{GivenHandle, Observed};
use crate::steps::{Serving, Verb, Wait};

/// Commands that are held at a time, at most: no server queues as many.
const MOST_HELD: u32 = 512;

impl Client {
    fn track(&self, number: u8) -> Option<Arc<Mutex<DeviceTrack>>> {
        locked(&self.tracks).get(&number).cloned()
    }

    /// GetCommand; what comes is held. `None` if there is no such device.
    pub(super) fn get_command(&self, number: u8, wait: Wait) -> Option<HResult> {
        let track = self.track(number)?;
        let (name, device) = {
            let track = locked(&track);
            (track.name.clone(), track.device.clone())
        };
        loop {
            let (time, args) = self.time(wait);
            let called = Called::new(Function::GetCommand, &name, args);
            let mut got = None;
            let out = |command: &Option<Command>| {
                let held = command.map(|command| self.hold(command));
                let out = held.as_ref().map_or_else(Out::default, told);
                got = held;
                out
            };
            let (status, given) = self.recording.call(called, || device.get_command(time), out);
            if status == HResult::NOERROR && given.is_none() {
                self.observe(
                    Clause::ClientGetCommandDelivers,
                    "GetCommand answers NOERROR and gives no command",
                    "a command",
                );
                return Some(HResult::VD_E_UNEXPECTED);
            }
            if let Some(held) = got {
                self.look_at(&held);
                locked(&track).held.push_back(held);
            }
            if matches!(wait, Wait::Parts(_)) && status == HResult::VD_E_TIMEOUT {
                rest(wait);
                continue;
            }
            return Some(status);
        }
    }

    /// Holds what comes until none is left.
    pub(super) fn hold_all(&self, number: u8, time: u32) {
        let wait = Wait::Milliseconds(time);
        let mut got = (0..MOST_HELD).map(|_| self.get_command(number, wait));
        got.find(|status| *status != Some(HResult::NOERROR));
    }

    fn hold(&self, command: Command) -> Held {
        let process = self.recording.process;
        let mut names = locked(&self.names);
        let raw = command.raw();
        let buffer = (raw.buffer != 0).then(|| names.buffer(process, raw.buffer));
        let code = u64::try_from(raw.code).ok().and_then(CommandCode::from_number);
        Held { name: names.next_command(process), buffer, code, command }
    }

    /// What a trace does not tell of a configuration: which statement it was made for.
    pub(super) fn look_at_configuration(&self, config: &VdConfig) {
        let mut names = locked(&self.names);
        names.alignment = config.alignment;
        let needed = match names.verb {
            None => return,
            Some(Verb::Backup) => Features::WRITE_MEDIA,
            Some(Verb::Restore) => Features::READ_MEDIA,
        };
        if !config.features.contains(needed) {
            let got = format!("the features {} in the configuration", config.features);
            let expected = format!("{needed} among them, as the statement is");
            self.observe(Clause::ClientGetConfigurationFeatures, &got, &expected);
        }
    }

    fn observe(&self, clause: Clause, got: &str, expected: &str) {
        let (got, expected) = (got.to_owned(), expected.to_owned());
        self.recording.observe(&Observed { clause, got, expected });
    }

    /// What a trace does not tell of a command.
    fn look_at(&self, held: &Held) {
        let raw = held.command.raw();
        let alignment = usize::try_from(locked(&self.names).alignment).unwrap_or(0).max(1);
        if !raw.buffer.is_multiple_of(alignment) {
            let at = raw.buffer % alignment;
            let got =
                format!("a buffer {at} bytes behind an address that is aligned to {alignment}");
            let expected = "an address aligned as the configuration says";
            self.observe(Clause::ServerAllocateBufferAligned, &got, expected);
        }
        if held.code.is_none() {
            let got = format!("a command with the code {}, which is none", raw.code);
            self.observe(Clause::ClientGetCommandAsSent, &got, "a command that a server can send");
        }
    }

    /// Carries a command out.
    fn carry_out(&self, number: u8, held: &Held) -> Completion {
        let mut names = locked(&self.names);
        let features = names.features;
        names.media.entry(number).or_default().carry_out(held.code, &held.command, features)
    }

    /// Where the medium stands, as a command tells it that asks for it; else the command's own.
    fn position_after(&self, number: u8, held: &Held) -> i64 {
        let asks = matches!(held.code, Some(CommandCode::GetPosition | CommandCode::SetPosition));
        match locked(&self.names).media.get(&number) {
            Some(medium) if asks => medium.position(),
            Some(_) | None => held.command.raw().position,
        }
    }

    fn complete_one(
        &self,
        number: u8,
        on: &Arc<Mutex<DeviceTrack>>,
        held: Option<&Held>,
        (code, bytes): Completion,
    ) -> HResult {
        let (name, device) = {
            let on = locked(on);
            (on.name.clone(), on.device.clone())
        };
        let position = held.map_or(0, |held| self.position_after(number, held));
        let command =
            held.map_or(Handle::Null, |held| Handle::Name(Name::from(held.name.as_str())));
        let args = Args {
            command: Some(command),
            code: Some(CodeArg::Completion(code)),
            bytes: Some(bytes),
            position: Some(position.cast_unsigned()),
            ..Args::default()
        };
        let make =
            || device.complete_command(held.map(|held| &held.command), code, bytes, position);
        self.recording.plain(Function::CompleteCommand, &name, args, make)
    }

    fn complete_as(&self, number: u8, how: impl FnOnce(&Held) -> Completion) -> Option<HResult> {
        let track = self.track(number)?;
        let held = locked(&track).held.pop_front()?;
        let status = self.complete_one(number, &track, Some(&held), how(&held));
        locked(&track).completed = Some(held);
        Some(status)
    }

    pub(super) fn complete(&self, number: u8) {
        self.complete_as(number, |held| self.carry_out(number, held));
    }

    pub(super) fn complete_all(&self, number: u8) {
        while self.complete_as(number, |held| self.carry_out(number, held)).is_some() {}
    }

    pub(super) fn complete_with(&self, number: u8, code: Win32) {
        self.complete_as(number, |_| (code, 0));
    }

    pub(super) fn complete_the(&self, number: u8, place: u32, how: Option<Completion>) {
        let Some(track) = self.track(number) else { return };
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        let held = locked(&track).held.remove(place);
        let Some(held) = held else { return };
        let how = how.unwrap_or_else(|| self.carry_out(number, &held));
        self.complete_one(number, &track, Some(&held), how);
        locked(&track).completed = Some(held);
    }

    pub(super) fn complete_again(&self, number: u8) {
        let Some(track) = self.track(number) else { return };
        let completed = locked(&track).completed.clone();
        if let Some(held) = completed {
            self.complete_one(number, &track, Some(&held), (Win32::ERROR_SUCCESS, 0));
        }
    }

    pub(super) fn complete_nothing(&self, number: u8) {
        if let Some(track) = self.track(number) {
            self.complete_one(number, &track, None, (Win32::ERROR_SUCCESS, 0));
        }
    }

    pub(super) fn complete_elsewhere(&self, from: u8, on: u8) {
        let number = on;
        let (Some(from), Some(on)) = (self.track(from), self.track(on)) else { return };
        let held = locked(&from).held.front().cloned();
        if let Some(held) = held {
            self.complete_one(number, &on, Some(&held), (Win32::ERROR_SUCCESS, 0));
        }
    }

    /// Does what the server commands until the device ends, or for so many commands.
    pub(super) fn serve(&self, serving: &Serving) {
        let Serving { device, wait, commands, odd } = *serving;
        let mut seen = 0;
        for _ in 0..commands.unwrap_or(u32::MAX) {
            if self.get_command(device, wait) != Some(HResult::NOERROR) {
                return;
            }
            let status = self.complete_as(device, |held| {
                seen += u32::from(odd.is_some_and(|odd| held.code == Some(odd.command)));
                match odd {
                    Some(odd) if held.code == Some(odd.command) && seen == odd.number => {
                        (odd.code, 0)
                    }
                    Some(_) | None => self.carry_out(device, held),
                }
            });
            if status != Some(HResult::NOERROR) {
                return;
            }
        }
    }

    pub(super) fn buffer_handle(&self, number: u8) {
        let Some(track) = self.track(number) else { return };
        let held = locked(&track).held.front().cloned();
        if held.is_some() {
            self.buffer_handle_of(held);
        }
    }

    pub(super) fn completed_buffer(&self, number: u8) {
        let Some(track) = self.track(number) else { return };
        let completed = locked(&track).completed.clone();
        if completed.is_some() {
            self.buffer_handle_of(completed);
        }
    }

    pub(super) fn stray_buffer(&self) {
        self.buffer_handle_of(None);
    }

    fn buffer_handle_of(&self, held: Option<Held>) {
        let handle = {
            let mut names = locked(&self.names);
            names.handles += 1;
            format!("{}h{}", of(self.recording.process), names.handles)
        };
        let buffer = held.as_ref().and_then(|held| held.buffer.clone());
        let args = Args {
            buffer: Some(
                buffer.clone().map_or(Handle::Null, |name| Handle::Name(Name::from(name))),
            ),
            ..Args::default()
        };
        let interface = self.interface();
        let called =
            Called::new(Function::GetBufferHandle, &interface, args).creating(Some(&handle));
        let of = held.as_ref().map(|held| &held.command);
        let make = || self.set().get_buffer_handle(of);
        let (status, number) = self.recording.call(called, make, |_| Out::default());
        if let Some((held, buffer)) = held.zip(buffer).filter(|_| status == HResult::NOERROR) {
            let data = held.command.data();
            let (length, sum) = (data.len(), crc32fast::hash(&data));
            *locked(&self.handle) = Some(GivenHandle { name: handle, buffer, number, length, sum });
        }
    }

    pub(super) fn map_handle(&self) {
        let given = locked(&self.handle).clone();
        let Some(given) = given else { return };
        let args =
            Args { handle: Some(Handle::Name(Name::from(given.name.as_str()))), ..Args::default() };
        let interface = self.interface();
        let called = Called::new(Function::MapBufferHandle, &interface, args);
        let buffer = Name::from(given.buffer.clone());
        let make = || self.set().map_buffer_handle(given.number);
        let (_, mapped) =
            self.recording.call(called, make, |_| Out { buffer: Some(buffer), ..Out::default() });
        if let Some(mapped) = mapped
            && crc32fast::hash(&mapped.data(given.length)) != given.sum
        {
            let got = "MapBufferHandle gives memory that holds something else than the buffer";
            self.observe(Clause::ClientMapBufferHandleStatus, got, "the buffer");
        }
    }

    pub(super) fn stray_handle(&self) {
        let args = Args { handle: Some(Handle::Null), ..Args::default() };
        // No library numbers its handles as high as this.
        let make = || self.set().map_buffer_handle(0x7FFF_FFF0).0;
        self.recording.plain(Function::MapBufferHandle, &self.interface(), args, make);
    }
}

/// What GetCommand gave, as a trace has it.
fn told(held: &Held) -> Out<'static> {
    let raw = held.command.raw();
    Out {
        command: Some(Name::from(held.name.clone())),
        code: held.code,
        size: Some(Size(raw.size.into())),
        position: Some(raw.position.cast_unsigned()),
        buffer: held.buffer.clone().map(Name::from),
        ..Out::default()
    }
}
