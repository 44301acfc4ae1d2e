//! Which command is it that a client has got? Where nobody carries its name along, it is told
//! by the device, by what the command is, and among those that are alike by their order.

use std::collections::BTreeMap;

use vdi_spec::codes::CommandCode;
use vdi_trace::{Args, Out, Size};

/// The commands that were sent and not delivered yet.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    /// The name that each set interface was opened or created with last.
    sets: BTreeMap<String, Device>,
    /// Each device that was to be opened.
    devices: BTreeMap<String, Device>,
    sent: Vec<Command>,
}

/// Instance, set and name of a device; of a set the name is empty.
type Device = [String; 3];

#[derive(Debug)]
struct Command {
    name: String,
    device: Option<Device>,
    what: What,
}

/// Code, size, position, buffer.
type What = (Option<CommandCode>, i64, u64, Option<String>);

impl Deliveries {
    /// A command is sent.
    pub(super) fn sent(&mut self, on: &str, name: &str, args: &Args<'_>) {
        let buffer = args.buffer.as_ref().and_then(|buffer| buffer.name());
        let what = (
            args.code.and_then(|code| code.command()),
            args.size.map_or(0, |Size(size)| size),
            args.position.unwrap_or_default(),
            buffer.map(str::to_owned),
        );
        let device = self.devices.get(on).cloned();
        self.sent.push(Command { name: name.to_owned(), device, what });
    }

    /// A command was refused, or has ended before anybody got it.
    pub(super) fn ended(&mut self, name: &str) {
        if let Some(last) = self.sent.iter().rposition(|sent| sent.name == name) {
            self.sent.remove(last);
        }
    }

    /// A set is open, of this instance and name.
    pub(super) fn opened(&mut self, set: &str, [instance, name]: [String; 2]) {
        self.sets.insert(set.to_owned(), [instance, name, String::new()]);
    }

    /// A device of this name is open, on a set.
    pub(super) fn opened_device(&mut self, on: &str, made: &str, name: String) {
        let mut device = self.sets.get(on).cloned().unwrap_or_default();
        device[2] = name;
        self.devices.insert(made.to_owned(), device);
    }

    /// A client has got this on this device: the command's name, `None` if nothing was sent
    /// that it can be. That it can be that of several devices is an error.
    pub(super) fn delivered(&mut self, on: &str, out: &Out<'_>) -> Result<Option<String>, ()> {
        let device = self.devices.get(on);
        let size = out.size.map_or(0, |Size(size)| size);
        let buffer = out.buffer.as_ref().map(|buffer| buffer.as_str().to_owned());
        let what: What = (out.code, size, out.position.unwrap_or_default(), buffer);
        let is_here = |sent: &Command| sent.device.as_ref() == device;
        // A server may have opened it by another name.
        let is_of_set = |sent: &Command| match (&sent.device, device) {
            (Some(sent), Some(device)) => sent[..2] == device[..2],
            _ => false,
        };
        let place = |is: &dyn Fn(&Command) -> bool| self.sent.iter().position(is);
        // What was changed on its way is the next one, and the change is seen.
        let here = place(&|sent| is_here(sent) && sent.what == what).or_else(|| place(&is_here));
        let found = here.or_else(|| place(&|sent| is_of_set(sent) && sent.what == what));
        let Some(found) = found else { return Ok(None) };
        let device = &self.sent[found].device;
        let elsewhere = |sent: &Command| is_of_set(sent) && sent.device != *device;
        if here.is_none() && self.sent.iter().any(elsewhere) {
            return Err(());
        }
        Ok(Some(self.sent.remove(found).name))
    }
}
