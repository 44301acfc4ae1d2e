//! One set of several: what its handles are called, and the steps that it takes.

use serde_json::{Value, json};

use super::super::steps::{bare, call, with};

/// A set of several. The handles of the first are those that there are from the start, the
/// others have its number: `sset2`, `c2dev1`, `server.agent2`.
#[derive(Clone, Copy)]
pub(super) struct Life {
    number: u32,
    /// The number of the client's interface.
    client: u32,
    /// The name of the set.
    pub(super) name: &'static str,
    /// What the names of its devices begin with, but for the first, which has the set's.
    devices: &'static str,
}

/// What a set is made of.
#[derive(Clone)]
pub(super) struct Made {
    /// How many devices it has.
    pub(super) devices: u32,
    /// What the client asks for besides.
    pub(super) asked: Value,
    /// The features that the server sets.
    pub(super) granted: &'static [&'static str],
    pub(super) block: u32,
    pub(super) transfer: u32,
    /// How many buffers of the largest transfer are requested.
    pub(super) buffers: u32,
}

impl Made {
    /// A set as a situation has it.
    pub(super) fn plain(devices: u32) -> Self {
        let asked = json!({});
        let granted = &["WriteMedia"];
        Self { devices, asked, granted, block: 512, transfer: 65536, buffers: 1 }
    }

    /// A set that has nothing in common with a plain one.
    pub(super) fn other(devices: u32) -> Self {
        Self {
            devices,
            asked: json!({ "features": ["Removable", "RandomAccess"], "prefixZoneSize": 1024,
                "alignment": 4096, "EOMWarningSize": 65536, "serverTimeOut": 7000 }),
            granted: &["Removable", "RandomAccess", "WriteMedia"],
            block: 2048,
            transfer: 131_072,
            buffers: 3,
        }
    }
}

/// The first set, named as in every situation.
pub(super) const FIRST: Life = Life { number: 1, client: 1, name: "S", devices: "S" };

/// Another set.
pub(super) const SECOND: Life = Life { number: 2, client: 2, name: "T", devices: "S" };

/// One more.
pub(super) const THIRD: Life = Life { number: 3, client: 3, name: "U", devices: "S" };

/// What a client's Close answers with its devices open.
pub(in super::super) fn client_close_open() -> Value {
    json!({ "client-close-devices-open=open-error": "VD_E_OPEN",
        "client-close-devices-open=noerror": "NOERROR" })
}

/// What a server's Close answers with its devices open.
pub(in super::super) fn server_close_open() -> Value {
    json!({ "server-close-devices-open=protocol-error": "VD_E_PROTOCOL",
        "server-close-devices-open=noerror": "NOERROR" })
}

/// What a server's Close answers with its devices open, after an abort.
pub(super) fn server_close_aborted() -> Value {
    json!({ "server-close-after-abort=noerror": "NOERROR",
        "server-close-after-abort=protocol-error": "VD_E_PROTOCOL" })
}

/// What a client's Close answers with its devices open, after an abort.
pub(super) fn client_close_aborted() -> Value {
    json!({ "client-close-after-abort=noerror": "NOERROR",
        "client-close-after-abort=open-error": "VD_E_OPEN" })
}

/// The header's interfaces of a second set.
pub(super) fn two() -> Value {
    json!({ "sset2": "server", "cset2": "primary" })
}

fn suffix(number: u32) -> String {
    if number == 1 { String::new() } else { number.to_string() }
}

impl Life {
    /// The same by another name.
    pub(super) const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The same with other names of devices.
    pub(super) const fn with_devices(self, devices: &'static str) -> Self {
        Self { devices, ..self }
    }

    /// The same through the client's interface of another set.
    pub(super) const fn through(self, other: Self) -> Self {
        Self { client: other.client, ..self }
    }

    fn suffix(self) -> String {
        suffix(self.number)
    }

    pub(super) fn server(self) -> String {
        format!("sset{}", self.suffix())
    }

    pub(super) fn client(self) -> String {
        format!("cset{}", suffix(self.client))
    }

    pub(super) fn agent(self) -> String {
        format!("server.agent{}", self.suffix())
    }

    /// The server's handle of a device.
    pub(super) fn sdev(self, device: u32) -> String {
        format!("s{}dev{device}", self.suffix())
    }

    /// The client's handle of a device.
    pub(super) fn cdev(self, device: u32) -> String {
        format!("c{}dev{device}", self.suffix())
    }

    /// What a device is called.
    pub(super) fn device_name(self, device: u32) -> String {
        if device == 1 { self.name.to_owned() } else { format!("{}{device}", self.devices) }
    }

    pub(super) fn create(self, made: &Made) -> Value {
        let mut config = made.asked.clone();
        config["deviceCount"] = made.devices.into();
        let args = json!({ "name": self.name, "config": config });
        call("CreateEx", &self.client(), args, "NOERROR")
    }

    pub(super) fn open(self, expect: &str) -> Value {
        call("Open", &self.server(), json!({ "name": self.name }), expect)
    }

    pub(super) fn begin(self, made: &Made) -> Value {
        let args = json!({ "features": made.granted, "blockSize": made.block,
            "maxTransferSize": made.transfer });
        call("BeginConfiguration", &self.server(), args, "NOERROR")
    }

    pub(super) fn request(self, size: u32, count: u32) -> Value {
        let args = json!({ "size": size, "count": count });
        call("RequestBuffers", &self.server(), args, "NOERROR")
    }

    pub(super) fn query(self, size: u32) -> Value {
        call("QueryAvailableBuffers", &self.server(), json!({ "size": size }), "NOERROR")
    }

    pub(super) fn end(self) -> Value {
        bare("EndConfiguration", &self.server(), "NOERROR")
    }

    /// The client polls for the configuration.
    pub(super) fn configured(self, expect: &str) -> Value {
        call("GetConfiguration", &self.client(), json!({ "timeout": 0 }), expect)
    }

    /// From nothing to a configuration that the client has seen.
    pub(super) fn configure(self, made: &Made) -> Vec<Value> {
        vec![
            self.create(made),
            self.configured("VD_E_TIMEOUT"),
            self.open("NOERROR"),
            bare("GetConfiguration", &self.server(), "NOERROR"),
            self.begin(made),
            self.request(made.transfer, made.buffers),
            self.end(),
            self.configured("NOERROR"),
        ]
    }

    pub(super) fn start_agent(self) -> Value {
        json!({ "start": "ExecuteCompletionAgent", "lane": self.agent(), "on": self.server() })
    }

    /// Both sides open a device.
    pub(super) fn open_device(self, device: u32) -> Vec<Value> {
        let opens = |on: String, handle: String| {
            let args = json!({ "name": self.device_name(device) });
            with(call("OpenDevice", &on, args, "NOERROR"), "as", handle)
        };
        vec![opens(self.server(), self.sdev(device)), opens(self.client(), self.cdev(device))]
    }

    /// One device more than there are.
    pub(super) fn surplus(self) -> Value {
        let expect = json!({ "server-open-device-surplus=open-error": "VD_E_OPEN",
            "server-open-device-surplus=protocol-error": "VD_E_PROTOCOL" });
        call("OpenDevice", &self.server(), json!({ "name": "S9" }), expect)
    }

    /// From a configuration to Active.
    pub(super) fn activate(self, devices: u32) -> Vec<Value> {
        let mut steps = vec![self.start_agent(), json!({ "blocked": [self.agent()] })];
        steps.extend((1..=devices).flat_map(|device| self.open_device(device)));
        steps
    }

    /// From nothing to Active.
    pub(super) fn bring_up(self, made: &Made) -> Vec<Value> {
        let mut steps = self.configure(made);
        steps.extend(self.activate(made.devices));
        steps
    }

    pub(super) fn allocate(self, name: &str, size: u32) -> Value {
        let call = call("AllocateBuffer", &self.server(), json!({ "size": size }), "NOERROR");
        with(call, "as", name)
    }

    pub(super) fn send(self, device: u32, name: &str, args: Value) -> Value {
        with(call("SendCommand", &self.sdev(device), args, "NOERROR"), "as", name)
    }

    pub(super) fn get(self, device: u32, name: &str) -> Value {
        let poll = json!({ "timeout": 0 });
        with(call("GetCommand", &self.cdev(device), poll, "NOERROR"), "gives", name)
    }

    /// The client polls, and there is nothing.
    pub(super) fn get_nothing(self, device: u32, status: &str) -> Value {
        call("GetCommand", &self.cdev(device), json!({ "timeout": 0 }), status)
    }

    pub(super) fn complete(self, device: u32, name: &str, code: &str, bytes: u32) -> Value {
        let args = json!({ "command": name, "code": code, "bytes": bytes });
        call("CompleteCommand", &self.cdev(device), args, "NOERROR")
    }

    pub(super) fn called_back(self, name: &str, code: &str) -> Value {
        json!({ "await": "callback", "lane": self.agent(), "of": name, "completion": code })
    }

    /// A Flush from SendCommand to its callback.
    pub(super) fn exchange(self, device: u32, name: &str) -> Vec<Value> {
        vec![
            self.send(device, name, json!({ "code": "Flush" })),
            self.get(device, name),
            self.complete(device, name, "ERROR_SUCCESS", 0),
            self.called_back(name, "ERROR_SUCCESS"),
        ]
    }

    pub(super) fn agent_returns(self) -> Value {
        json!({ "await": "return", "lane": self.agent(), "expect": ["NOERROR", "VD_E_ABORT"] })
    }

    /// From Active to a normal end, closed by both sides.
    pub(super) fn finish(self, devices: u32) -> Vec<Value> {
        let mut steps: Vec<Value> = (1..=devices)
            .map(|device| bare("CloseDevice", &self.sdev(device), "NOERROR"))
            .collect();
        steps.extend((1..=devices).map(|device| self.get_nothing(device, "VD_E_CLOSE")));
        let [server, client] = self.close();
        let returned = json!({ "await": "return", "lane": self.agent(), "expect": "NOERROR" });
        steps.extend([server, returned, client]);
        steps
    }

    /// Both sides close a set that has ended.
    pub(super) fn close(self) -> [Value; 2] {
        [bare("Close", &self.server(), "NOERROR"), bare("Close", &self.client(), "NOERROR")]
    }
}
