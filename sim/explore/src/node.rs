//! A state of the bounded world: the model's, and what the invariants have to remember.

use smallvec::SmallVec;

use vdi_model::{Caller, CommandId, State};
use vdi_spec::codes::Win32;

/// Where a command is, as far as the calls and returns told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum At {
    /// SendCommand accepted it.
    Queued,
    /// GetCommand gave it to the client.
    Delivered,
    /// The client answered it with this code.
    Answered(Win32),
    /// It ends undelivered with this code.
    Dropped(Win32),
    /// SendCommand refused it.
    Refused,
}

/// A command that was sent and not called back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sent {
    /// Its number.
    pub id: CommandId,
    /// Its device.
    pub device: u8,
    /// Where it is.
    pub at: At,
}

/// What the invariants remember, told by calls, returns and callbacks alone.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub struct Ghost {
    /// Commands sent and not called back, oldest first.
    pub sent: SmallVec<[Sent; 4]>,
    /// Whether a lane is inside ExecuteCompletionAgent.
    pub agent_inside: bool,
    /// Whether the set was ever aborted.
    pub aborted: bool,
    /// Processes that have ended: bit 0 the server, bit 1 the primary, then the secondaries.
    pub gone: u8,
    /// Whether the server has unloaded the library.
    pub unloaded: bool,
    /// Whether a hazard was raised.
    pub hazard: bool,
    /// Whether the server has sent a buffer that another command had.
    pub lent_twice: bool,
    /// What went wrong on the way here.
    pub breaches: Breaches,
}

impl Clone for Ghost {
    fn clone(&self) -> Self {
        Self { sent: SmallVec::from_slice(&self.sent), ..*self }
    }

    fn clone_from(&mut self, from: &Self) {
        let Self { sent, agent_inside, aborted, gone, unloaded, hazard, lent_twice, breaches } =
            from;
        self.sent.clear();
        self.sent.extend_from_slice(sent);
        (self.agent_inside, self.aborted, self.gone) = (*agent_inside, *aborted, *gone);
        (self.unloaded, self.hazard) = (*unloaded, *hazard);
        (self.lent_twice, self.breaches) = (*lent_twice, *breaches);
    }
}

/// What can go wrong in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the invariant of each says it")]
pub enum Breach {
    CalledBackTwice,
    CalledBackAfterAgent,
    WrongCode,
    AgentLeftEarly,
    DeliveredAfterAbort,
    DeliveredOutOfOrder,
    ClearErrorTooEarly,
    SentInErrorState,
    BufferShared,
    CloseNotClosed,
    ControlLost,
    AbortUndone,
    NormalCloseAborted,
    NotCalledBackFirst,
}

/// A set of breaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Breaches(u16);

impl Breaches {
    fn add(&mut self, breach: Breach) {
        self.0 |= 1 << breach as u16;
    }

    /// It as a number.
    pub(super) const fn bits(self) -> u16 {
        self.0
    }

    /// What [`Self::bits`] gave.
    pub(super) const fn of_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Whether it holds this one.
    #[must_use]
    pub const fn has(self, breach: Breach) -> bool {
        self.0 & (1 << breach as u16) != 0
    }
}

impl Ghost {
    /// What is queued on a device ends undelivered.
    pub(super) fn drop_queued(&mut self, device: u8, code: Win32) {
        let queued = |sent: &&mut Sent| sent.device == device && sent.at == At::Queued;
        self.sent.iter_mut().filter(queued).for_each(|sent| sent.at = At::Dropped(code));
    }

    pub(super) fn require(&mut self, holds: bool, breach: Breach) {
        if !holds {
            self.breaches.add(breach);
        }
    }

    /// Whether the process has ended, or the server's has unloaded the library.
    #[must_use]
    pub const fn is_gone(&self, process: Caller) -> bool {
        self.gone & process_bit(process) != 0
    }
}

/// The bit of [`Ghost::gone`] that is a process's.
pub(super) const fn process_bit(process: Caller) -> u8 {
    match process {
        Caller::Server => 1,
        Caller::Client(number) => 2 << number,
    }
}

/// Puts commands into an order: by device; what is queued last, as it was sent.
pub(super) fn sent_order(ghost: &mut Ghost) {
    let aborted = ghost.aborted;
    if ghost.sent.len() < 2 {
        return;
    }
    ghost.sent.sort_by_key(|sent| {
        let queued = sent.at == At::Queued && !aborted;
        (sent.device, queued, if queued { CommandId(0) } else { sent.id })
    });
}

/// A state of the world.
#[derive(Default, PartialEq, Eq, Hash)]
pub struct Node {
    /// The state of the model.
    pub state: State,
    /// What the invariants remember.
    pub ghost: Ghost,
}

/// Every step begins with a copy, mostly into the memory of the one before.
impl Clone for Node {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), ghost: self.ghost.clone() }
    }

    fn clone_from(&mut self, from: &Self) {
        let Self { state, ghost } = self;
        state.clone_from(&from.state);
        ghost.clone_from(&from.ghost);
    }
}
