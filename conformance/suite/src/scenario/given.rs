//! From a situation to the calls that lead there.

use vdi_spec::codes::{CommandCode, Features, HResult, Win32};
use vdi_spec::config::VdConfig;
use vdi_trace::{
    Args, CLIENT_SET, CodeArg, Function, Handle, LaneName, Name, Process, SERVER_SET, Size,
    TimeoutArg,
};

use super::repeated::{SHOWN_DEPTH, repeated};
use super::{
    Action, Given, GivenAgent, GivenCommand, GivenStage, Phase, Pin, Pinned, Scenario, Step,
};

/// The name of the set in every situation.
const SET: &str = "S";

/// The lane of the completion agent.
const AGENT: &str = "server.agent";

/// Bytes of a buffer in a situation.
const BUFFER: u32 = 65536;

/// All steps of a scenario: those its situation stands for, then its own.
/// The number is how many are not its own.
#[must_use]
pub fn expand(scenario: &Scenario) -> (Vec<Step>, usize) {
    let mut steps = Expansion::default();
    if let Some(given) = &scenario.given {
        steps.situation(given, scenario.config.unwrap_or_default());
    }
    let own = steps.steps.len();
    steps.steps.extend(repeated(&scenario.steps, SHOWN_DEPTH));
    (steps.steps, own)
}

/// The media that a server sets for a BACKUP to a client with these features.
fn backup_media(asked: Features) -> Features {
    let positions = asked.intersects(Features::POSITION | Features::RANDOM_ACCESS);
    if positions { Features::WRITE_MEDIA | Features::READ_MEDIA } else { Features::WRITE_MEDIA }
}

/// What a device is called in the interface: the first bears the set's name.
fn device_name(number: u32) -> String {
    if number == 1 { SET.to_owned() } else { format!("{SET}{number}") }
}

/// The secondary client that has a device, if one has it.
fn secondary_of(device: u32, secondaries: u8) -> Option<Process> {
    let number = u8::try_from(device).ok()?.checked_sub(1)?;
    (1..=secondaries).contains(&number).then_some(Process::Secondary(number))
}

/// The handle of a device in the client process that has it.
fn client_device(device: u32, secondaries: u8) -> String {
    match secondary_of(device, secondaries) {
        Some(Process::Secondary(number)) => format!("x{number}dev{device}"),
        _ => format!("cdev{device}"),
    }
}

/// What comes of a call in a situation.
struct Expecting {
    creates: Option<String>,
    gives: Option<String>,
    status: HResult,
}

impl Default for Expecting {
    fn default() -> Self {
        Self { creates: None, gives: None, status: HResult::NOERROR }
    }
}

#[derive(Default)]
struct Expansion {
    steps: Vec<Step>,
    secondaries: u8,
}

fn lane(name: &str) -> LaneName {
    name.parse().expect("a lane named in this file")
}

impl Expansion {
    fn push(&mut self, action: Action) {
        self.steps.push(Step { when: None, times: None, action });
    }

    fn call(&mut self, call: Function, on: &str, creates: Option<String>, args: Args<'static>) {
        self.expecting(call, on, args, Expecting { creates, ..Expecting::default() });
    }

    fn expecting(
        &mut self,
        call: Function,
        on: &str,
        args: Args<'static>,
        Expecting { creates, gives, status }: Expecting,
    ) {
        let process = Process::of_handle(on).unwrap_or(Process::Primary);
        self.push(Action::Call {
            call,
            lane: lane(&format!("{process}.main")),
            on: on.to_owned(),
            creates,
            args: Box::new(args),
            expect: Some(Pinned::Codes(vec![Pin::Code(status)])),
            gives,
            tells: None,
        });
    }

    fn situation(&mut self, given: &Given, config: VdConfig) {
        self.secondaries = given.secondaries;
        self.configuration(given, config);
        if given.phase < Phase::Initializing {
            return;
        }
        let agent = given.agent.unwrap_or(match given.phase {
            Phase::Initializing => GivenAgent::None,
            _ => GivenAgent::Running,
        });
        for buffer in &given.buffers {
            let args = Args { size: Some(Size(BUFFER.into())), ..Args::default() };
            self.call(Function::AllocateBuffer, SERVER_SET, Some(buffer.clone()), args);
        }
        if agent != GivenAgent::None {
            self.push(Action::Start {
                start: Function::ExecuteCompletionAgent,
                lane: lane(AGENT),
                on: SERVER_SET.to_owned(),
                creates: None,
                args: Box::default(),
            });
        }
        let opened = |stated: Option<u32>| match given.phase {
            Phase::Initializing => stated.unwrap_or(0),
            _ => given.devices,
        };
        self.open_devices(SERVER_SET, "sdev", opened(given.server_opened), 0);
        let opened = opened(given.client_opened);
        self.open_devices(CLIENT_SET, "cdev", opened, given.secondaries);
        self.commands(given, agent);
        if given.phase == Phase::NormallyTerminated {
            self.termination(given.devices, agent);
        }
    }

    fn configuration(&mut self, given: &Given, config: VdConfig) {
        let config = VdConfig { device_count: given.devices, ..config };
        let name = || Some(Name::from(SET));
        let args = Args { name: name(), config: Some(Box::new(config)), ..Args::default() };
        self.call(Function::CreateEx, CLIENT_SET, None, args);
        if given.phase >= Phase::Connected {
            let args = Args { name: name(), ..Args::default() };
            self.call(Function::Open, SERVER_SET, None, args);
        }
        if given.phase >= Phase::Configurable {
            let granted = backup_media(config.features);
            let args = Args {
                block_size: Some(512),
                max_transfer_size: Some(BUFFER),
                // The mask is the client's, modified: what it asked for is named again.
                features: Some(config.features | given.granted.unwrap_or(granted)),
                ..Args::default()
            };
            self.call(Function::BeginConfiguration, SERVER_SET, None, args);
        }
        if given.phase >= Phase::Initializing {
            if !given.buffers.is_empty() {
                let args = Args {
                    size: Some(Size(BUFFER.into())),
                    count: u32::try_from(given.buffers.len()).ok(),
                    ..Args::default()
                };
                self.call(Function::RequestBuffers, SERVER_SET, None, args);
            }
            self.call(Function::EndConfiguration, SERVER_SET, None, Args::default());
            let args = Args { timeout: Some(TimeoutArg::Infinite), ..Args::default() };
            self.call(Function::GetConfiguration, CLIENT_SET, None, args);
            for number in 1..=given.secondaries {
                let args = Args { name: name(), ..Args::default() };
                let on = Process::Secondary(number).set_interface();
                self.call(Function::OpenInSecondaryEx, &on, None, args);
            }
        }
    }

    fn open_devices(&mut self, on: &str, prefix: &str, count: u32, secondaries: u8) {
        for number in 1..=count {
            let args = Args { name: Some(device_name(number).into()), ..Args::default() };
            let (on, handle) = match secondary_of(number, secondaries) {
                Some(process) => (process.set_interface(), client_device(number, secondaries)),
                None => (on.to_owned(), format!("{prefix}{number}")),
            };
            self.call(Function::OpenDevice, &on, Some(handle), args);
        }
    }

    fn commands(&mut self, given: &Given, agent: GivenAgent) {
        if agent == GivenAgent::Busy {
            let args = Args { hold: Some(true), ..Args::default() };
            self.send("busy", CommandCode::Flush, 1, args);
            self.deliver("busy", 1);
            self.complete("busy", 1, None);
            let success = Pinned::Codes(vec![Pin::Code(Win32::ERROR_SUCCESS)]);
            self.push(Action::await_callback(lane(AGENT), "busy".to_owned(), success));
        }
        let mut commands: Vec<&GivenCommand> = given.commands.iter().collect();
        commands.sort_by_key(|command| command.at);
        for command in &commands {
            let buffer = command.buffer.clone().map(|buffer| Handle::Name(buffer.into()));
            let args = Args { buffer, size: command.size, ..Args::default() };
            self.send(&command.name, command.code, command.device, args);
        }
        for command in commands.iter().filter(|command| command.at < GivenStage::Queued) {
            self.deliver(&command.name, command.device);
        }
        for command in commands.iter().filter(|command| command.at == GivenStage::Completed) {
            self.complete(&command.name, command.device, command.size);
        }
    }

    fn send(&mut self, name: &str, code: CommandCode, device: u32, args: Args<'static>) {
        let args = Args { code: Some(CodeArg::Command(code)), ..args };
        self.call(Function::SendCommand, &format!("sdev{device}"), Some(name.to_owned()), args);
    }

    fn deliver(&mut self, name: &str, device: u32) {
        let args = Args { timeout: Some(TimeoutArg::Milliseconds(0)), ..Args::default() };
        let on = client_device(device, self.secondaries);
        let expecting = Expecting { gives: Some(name.to_owned()), ..Expecting::default() };
        self.expecting(Function::GetCommand, &on, args, expecting);
    }

    fn complete(&mut self, name: &str, device: u32, size: Option<Size>) {
        let bytes = size.and_then(|Size(size)| u32::try_from(size).ok()).unwrap_or(0);
        let args = Args {
            command: Some(Handle::Name(name.to_owned().into())),
            code: Some(CodeArg::Completion(Win32::ERROR_SUCCESS)),
            bytes: Some(bytes),
            ..Args::default()
        };
        let on = client_device(device, self.secondaries);
        self.call(Function::CompleteCommand, &on, None, args);
    }

    fn termination(&mut self, devices: u32, agent: GivenAgent) {
        for number in 1..=devices {
            let on = format!("sdev{number}");
            self.call(Function::CloseDevice, &on, None, Args::default());
        }
        if agent == GivenAgent::Running {
            let noerror = Pinned::Codes(vec![Pin::Code(HResult::NOERROR)]);
            self.push(Action::await_return(lane(AGENT), noerror, None));
        }
        for number in 1..=devices {
            let args = Args { timeout: Some(TimeoutArg::Milliseconds(0)), ..Args::default() };
            let on = client_device(number, self.secondaries);
            let expecting = Expecting { status: HResult::VD_E_CLOSE, ..Expecting::default() };
            self.expecting(Function::GetCommand, &on, args, expecting);
        }
    }
}
