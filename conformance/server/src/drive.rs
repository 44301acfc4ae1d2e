//! The devices of a set, each driven by a thread, its completion agent on a thread of its own.

use std::thread;

use vdi_runtime::Progress;

use super::device::Device;
use super::messages::Failed;
use super::session::{POLL, Session};
use super::sync::{now, sleep};

impl Session<'_> {
    /// Does the work, each device on a thread of its own, and closes the set.
    pub(super) fn run<T: Send>(
        &self,
        work: impl Fn(&mut Device<'_>, usize) -> Result<T, Failed> + Sync,
    ) -> Result<Vec<T>, Failed> {
        let failed =
            |function| move |status| Failed::call(&self.statement.devices[0], function, status);
        let agent = self
            .set
            .completion_agent()
            .map_err(failed("ExecuteCompletionAgent"))
            .inspect_err(|_| self.give_up())?;
        let agent = named("agent").spawn(move || agent.execute()).map_err(|error| {
            self.give_up();
            Failed::new(701, format!("There is no thread for the completion agent: {error}."))
        })?;
        let ready =
            self.open_devices().and_then(|devices| self.wait_for_client().map(|()| devices));
        let result = match ready {
            Ok(devices) => self.drive(devices, &work),
            Err(failed) => {
                self.abort();
                Err(failed)
            }
        };
        let closed = match agent.join() {
            Ok(ran) => ran.and(self.close()),
            Err(_) => self.close(),
        };
        let result = result?;
        closed.map_err(failed("Close"))?;
        Ok(result)
    }

    /// Each device on a thread of its own; when one fails the set is aborted, so that the
    /// others come to an end. Not for one that was closed on purpose: the others then close
    /// theirs.
    fn drive<T: Send>(
        &self,
        devices: Vec<Device<'_>>,
        work: &(impl Fn(&mut Device<'_>, usize) -> Result<T, Failed> + Sync),
    ) -> Result<Vec<T>, Failed> {
        let no_thread = |error| Failed::new(701, format!("There is no thread: {error}."));
        thread::scope(|scope| {
            let mut running = Vec::new();
            for (index, mut device) in devices.into_iter().enumerate() {
                let act = move || {
                    let done = work(&mut device, index);
                    if done.is_err() && !device.has_left() {
                        self.abort();
                    }
                    done
                };
                running.push(named(&format!("device{}", index + 1)).spawn_scoped(scope, act));
            }
            let ended = running.into_iter().map(|thread| {
                let thread = thread.map_err(no_thread).inspect_err(|_| self.abort())?;
                thread.join().unwrap_or_else(|_| {
                    self.abort();
                    Err(Failed::new(3013, "The server has failed."))
                })
            });
            worst(ended.collect())
        })
    }

    fn open_devices(&self) -> Result<Vec<Device<'_>>, Failed> {
        let open = |name: &String| {
            let device = self.set.open_device(name).map_err(|status| Failed::open(name, status))?;
            Device::new(self, name, device)
        };
        self.statement.devices.iter().map(open).collect()
    }

    /// Waits until the client has opened its devices: before that no command is accepted.
    fn wait_for_client(&self) -> Result<(), Failed> {
        let begun = now();
        while self.history.progress() == Progress::Forming {
            if begun.elapsed() > self.server.patience {
                let text = "The client did not open the devices of the virtual device set in time.";
                return Err(Failed::new(3206, text));
            }
            sleep(POLL);
        }
        Ok(())
    }
}

fn named(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.to_owned())
}

/// All results, or why the statement failed: an abort is only the echo of another failure,
/// if there is one.
fn worst<T>(results: Vec<Result<T, Failed>>) -> Result<Vec<T>, Failed> {
    let mut all = Vec::new();
    let mut failed: Option<Failed> = None;
    for result in results {
        match result {
            Ok(value) => all.push(value),
            Err(one) => {
                let keep = failed.as_ref().is_some_and(|known| !known.is_abort() || one.is_abort());
                failed = if keep { failed } else { Some(one) };
            }
        }
    }
    failed.map_or(Ok(all), Err)
}
