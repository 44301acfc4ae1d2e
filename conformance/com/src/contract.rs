//! What COM asks of the library: ids, counts, unloading. Each is tried in a process of its own,
//! since a library that is unmapped under its thread ends the process.

use std::io;
use std::os::windows::io::AsRawHandle as _;
use std::process::{Command, Stdio};
use std::ptr;

use vdi_com::{
    CLIENT_CLASS, IClassFactory, IClientVirtualDevice, IClientVirtualDeviceSet,
    IClientVirtualDeviceSet2, IServerVirtualDeviceSet2, RawConfig, SERVER_CLASS,
};
use vdi_spec::codes::HResult;
use windows_core::{BOOL, GUID, HRESULT, IUnknown, Interface, PCWSTR};
use windows_sys::Win32::Foundation::WAIT_OBJECT_0;
use windows_sys::Win32::System::Threading::WaitForSingleObject;

use crate::library::{Module, instance};
use crate::unloading;

/// What is found to be wrong.
pub(crate) type Broken = io::Result<Vec<String>>;

type Try = fn(&Module) -> Broken;

/// What is tried, by name.
const TRIED: [(&str, Try); 11] = [
    ("classes", classes),
    ("identity", identity),
    ("counts", counts),
    ("devices", devices),
    ("time", time),
    ("names", names),
    ("unload-agent-inside", unloading::agent_inside),
    ("unload-in-routine", unloading::in_routine),
    ("unload-about-to-return", unloading::about_to_return),
    ("unload-returned", unloading::returned),
    ("close-and-release", unloading::close_and_release),
];

/// One of them, here.
pub(crate) fn one(name: &str, path: &str) -> Broken {
    let tried = TRIED.into_iter().find(|(known, _)| *known == name);
    let (_, tried) = tried.ok_or_else(|| io::Error::other(format!("nothing is called {name}")))?;
    tried(&Module::load(path)?)
}

/// Everything that is broken, of all of them or of one.
pub(crate) fn broken(path: &str, only: Option<&str>) -> Broken {
    let program = std::env::current_exe()?;
    let mut broken = Vec::new();
    for (name, _) in TRIED.into_iter().filter(|(name, _)| only.is_none_or(|only| only == *name)) {
        let mut child = Command::new(&program)
            .args(["--dll", path, "--prefix", "vdi-contract-", "--try", name])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        // SAFETY: the handle of a process that is ours.
        if unsafe { WaitForSingleObject(child.as_raw_handle(), LONGEST) } != WAIT_OBJECT_0 {
            child.kill()?;
            broken.push(format!("{name}: the process does not end"));
        }
        let output = child.wait_with_output()?;
        let told = String::from_utf8_lossy(&output.stdout);
        broken.extend(told.lines().map(|line| format!("{name}: {line}")));
        if !matches!(output.status.code(), Some(0 | 1)) {
            let words = String::from_utf8_lossy(&output.stderr);
            let last = words.lines().last().unwrap_or_default();
            broken.push(format!("{name}: the process ended: {} {last}", output.status));
        }
    }
    Ok(broken)
}

/// How long one of them takes at most, in milliseconds: most take some ten.
const LONGEST: u32 = 20_000;

const E_NOINTERFACE: HRESULT = HRESULT(0x8000_4002_u32.cast_signed());
const CLASS_E_NOAGGREGATION: HRESULT = HRESULT(0x8004_0110_u32.cast_signed());
const CLASS_E_CLASSNOTAVAILABLE: HRESULT = HRESULT(0x8004_0111_u32.cast_signed());
const AGILE: GUID = GUID::from_u128(0x94ea_2b94_e9cc_49e0_c0ff_ee64_ca8f_5b90);
const NOBODYS: GUID = GUID::from_u128(0x5644_4900_0000_4000_8000_0000_0000_0001);

/// Notes what does not hold.
pub(crate) fn holds(broken: &mut Vec<String>, holds: bool, what: impl Into<String>) {
    if !holds {
        broken.push(what.into());
    }
}

fn classes(module: &Module) -> Broken {
    let mut broken = Vec::new();
    let (status, object) = module.class(NOBODYS, IClassFactory::IID)?;
    holds(
        &mut broken,
        status == CLASS_E_CLASSNOTAVAILABLE && object.is_null(),
        format!("a class that is nobody's: {status:?}, expected CLASS_E_CLASSNOTAVAILABLE"),
    );
    for (half, class) in [("client", CLIENT_CLASS), ("server", SERVER_CLASS)] {
        let factory = module.factory(class)?;
        let agile = query(&factory, &AGILE).0;
        holds(&mut broken, agile.is_ok(), format!("the {half}'s factory is of one apartment"));
        let (mut object, iid) = (ptr::without_provenance_mut(1), IUnknown::IID);
        // SAFETY: an outer object that is only looked at, and places that live.
        let status =
            unsafe { factory.CreateInstance(factory.as_raw(), &raw const iid, &raw mut object) };
        holds(
            &mut broken,
            status == CLASS_E_NOAGGREGATION && object.is_null(),
            format!("the {half}'s factory, given an outer object: {status:?}"),
        );
    }
    Ok(broken)
}

/// QueryInterface, and whether it left null.
fn query<T: Interface>(object: &T, iid: &GUID) -> (HRESULT, bool) {
    let mut found = ptr::without_provenance_mut(1);
    // SAFETY: places that live during the call.
    let status = unsafe { object.query(iid, &raw mut found) };
    if status.is_ok() && !found.is_null() {
        // SAFETY: what QueryInterface has given has a reference of ours.
        drop(unsafe { IUnknown::from_raw(found) });
    }
    (status, found.is_null())
}

/// Lets go of a reference: how many are left.
pub(crate) fn release<T: Interface>(object: T) -> u32 {
    let raw = object.into_raw();
    // SAFETY: the reference of `object`, by the function at the third place of every table.
    unsafe {
        let table = *raw.cast::<*const unsafe extern "system" fn(*mut std::ffi::c_void) -> u32>();
        (*table.add(2))(raw)
    }
}

fn identity(module: &Module) -> Broken {
    let mut broken = Vec::new();
    let client: IClientVirtualDeviceSet = instance(&module.factory(CLIENT_CLASS)?)?;
    let newer = client.cast::<IClientVirtualDeviceSet2>();
    holds(&mut broken, newer.is_ok(), "a client's set has no IClientVirtualDeviceSet2");
    let direct = instance::<IClientVirtualDeviceSet2>(&module.factory(CLIENT_CLASS)?);
    holds(&mut broken, direct.is_ok(), "no IClientVirtualDeviceSet2 is made");
    let one = client.cast::<IUnknown>().map_err(io::Error::other)?;
    let same = newer.ok().and_then(|newer| newer.cast::<IUnknown>().ok());
    holds(&mut broken, same.is_none_or(|same| same.as_raw() == one.as_raw()), "two identities");
    let (status, is_null) = query(&client, &NOBODYS);
    holds(
        &mut broken,
        status == E_NOINTERFACE && is_null,
        format!("an interface that is nobody's: {status:?}, null: {is_null}"),
    );
    let (status, _) = query(&client, &IServerVirtualDeviceSet2::IID);
    holds(&mut broken, status == E_NOINTERFACE, "a client's set is a server's, too");
    let server = instance::<IServerVirtualDeviceSet2>(&module.factory(SERVER_CLASS)?);
    holds(&mut broken, server.is_ok(), "no IServerVirtualDeviceSet2 is made");
    drop(one);
    let left = release(client);
    holds(&mut broken, left == 0, format!("{left} references too many of a set"));
    Ok(broken)
}

fn counts(module: &Module) -> Broken {
    let mut broken = Vec::new();
    let mut now = |expected: bool, when: &str| -> io::Result<()> {
        let can = module.can_unload()?;
        holds(&mut broken, can == expected, format!("DllCanUnloadNow {when}: {can}"));
        Ok(())
    };
    now(true, "at first")?;
    let factory = module.factory(CLIENT_CLASS)?;
    let set: IClientVirtualDeviceSet2 = instance(&factory)?;
    now(false, "with a set")?;
    drop(set);
    // SAFETY: a factory.
    let _ = unsafe { factory.LockServer(BOOL(1)) };
    drop(factory);
    now(false, "with a lock")?;
    // SAFETY: a factory.
    let _ = unsafe { module.factory(CLIENT_CLASS)?.LockServer(BOOL(0)) };
    now(true, "in the end")?;
    Ok(broken)
}

fn devices(module: &Module) -> Broken {
    let mut broken = Vec::new();
    let set: IClientVirtualDeviceSet2 = instance(&module.factory(CLIENT_CLASS)?)?;
    let name: Vec<u16> = "S\0".encode_utf16().collect();
    let mut device = ptr::without_provenance_mut(1);
    // SAFETY: a text that ends with a zero, and a place that lives.
    let status = unsafe { set.OpenDevice(PCWSTR(name.as_ptr()), &raw mut device) };
    holds(
        &mut broken,
        status.is_err() && device.is_null(),
        format!("OpenDevice of a set that is not created: {status:?}, {device:p}"),
    );
    drop(set);
    let backup = unloading::Backup::begin(module)?;
    let (client, left) = (backup.client_device.0.clone(), 1);
    let now = release::<IClientVirtualDevice>(client);
    holds(&mut broken, now == left, format!("{now} references of a device, expected {left}"));
    broken.extend(backup.end()?);
    holds(&mut broken, module.can_unload()?, "DllCanUnloadNow after all: no");
    Ok(broken)
}

/// A time-out is milliseconds: who waits for as many seconds does not end here.
fn time(module: &Module) -> Broken {
    let mut broken = Vec::new();
    let set: IClientVirtualDeviceSet2 = instance(&module.factory(CLIENT_CLASS)?)?;
    let name: Vec<u16> = "time\0".encode_utf16().collect();
    let mut config = RawConfig { device_count: 1, ..RawConfig::default() };
    // SAFETY: an object of this interface, and what lives during the calls.
    let (created, waited) = unsafe {
        let created = set.Create(PCWSTR(name.as_ptr()), &raw mut config);
        (created, set.GetConfiguration(60, &raw mut config))
    };
    holds(&mut broken, created.is_ok(), format!("Create: {created:?}"));
    let expected = HResult::VD_E_TIMEOUT.0.cast_signed();
    holds(&mut broken, waited.0 == expected, format!("GetConfiguration in vain: {waited:?}"));
    Ok(broken)
}

/// A character has 16 bits: these two are alike in the lower 8.
fn names(module: &Module) -> Broken {
    let mut broken = Vec::new();
    let client: IClientVirtualDeviceSet2 = instance(&module.factory(CLIENT_CLASS)?)?;
    let server: IServerVirtualDeviceSet2 = instance(&module.factory(SERVER_CLASS)?)?;
    let [one, other] = [[0x141_u16, 0], [0x41_u16, 0]];
    let mut config = RawConfig { device_count: 1, ..RawConfig::default() };
    // SAFETY: objects of these interfaces, and what lives during the calls.
    let (created, opened) = unsafe {
        let created = client.Create(PCWSTR(one.as_ptr()), &raw mut config);
        (created, server.Open(PCWSTR::null(), PCWSTR(other.as_ptr())))
    };
    holds(&mut broken, created.is_ok(), format!("Create: {created:?}"));
    holds(&mut broken, opened.is_err(), "a set is found by another name");
    Ok(broken)
}
