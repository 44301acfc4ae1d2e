//! What a call gives besides its status, as the protocol has it: who says nothing of it has not
//! done it.

use std::collections::{BTreeMap, BTreeSet};

use vdi_spec::codes::{CommandCode, HResult};
use vdi_trace::{CodeArg, Function, Out, Size};

use crate::adapter::gives::missing;
use crate::scenario::StepCall;

/// What is known of the calls in progress, and of the commands, for what is to be told of them.
#[derive(Default)]
pub(super) struct Outputs {
    /// The functions of calls, by number.
    asked: BTreeMap<u64, Function>,
    /// Commands of which a position comes back.
    positions: BTreeSet<String>,
    /// Commands that were sent with a buffer.
    buffered: BTreeSet<String>,
}

impl Outputs {
    /// A call begins.
    pub(super) fn begins(&mut self, id: u64, asked: StepCall<'_>) {
        self.asked.insert(id, asked.function);
        let Some(name) = asked.creates.filter(|_| asked.function == Function::SendCommand) else {
            return;
        };
        if asked.args.buffer.as_ref().is_some_and(|buffer| buffer.name().is_some()) {
            self.buffered.insert(name.to_owned());
        }
        if let Some(CodeArg::Command(CommandCode::GetPosition | CommandCode::SetPosition)) =
            asked.args.code
        {
            self.positions.insert(name.to_owned());
        }
    }

    /// The position that a callback tells: what is not told where one is due is 0.
    pub(super) fn position(&self, command: &str, told: Option<u64>) -> Option<u64> {
        told.or(self.positions.contains(command).then_some(0))
    }

    /// The call of this number has returned: what is missing of numbers is 0, and of anything
    /// else an error, which says what.
    pub(super) fn returned(
        &mut self,
        id: u64,
        status: HResult,
        out: &mut Out<'static>,
    ) -> Result<(), String> {
        let function = self.asked.remove(&id).filter(|_| status == HResult::NOERROR);
        let Some(function) = function else { return Ok(()) };
        let missing = missing(function, out, |command| self.buffered.contains(command));
        if function == Function::GetCommand {
            out.size.get_or_insert(Size(0));
            out.position.get_or_insert(0);
        }
        missing.map_or(Ok(()), Err)
    }
}
