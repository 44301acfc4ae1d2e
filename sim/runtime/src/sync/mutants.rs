//! The concurrency defects that can be seeded, and what each breaks.

/// A defect, asked for at its place in the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mutant {
    /// SendCommand rings before the command is queued: a GetCommand that looks in
    /// between sleeps for ever.
    BellBeforeRequest,
    /// The index of the ring goes up before the record is written: the client reads
    /// what nobody has put there.
    IndexBeforeRecord,
    /// A call that waits looks first and listens then: what comes in between is lost.
    LooksThenListens,
    /// The agent returns after an abort without calling back what is outstanding.
    AgentLeavesOutstanding,
    /// CompleteCommand looks whether the client holds the command, and takes it later:
    /// two threads complete it.
    HeldLooksThenTakes,
    /// The server's Close forgets its commands: they are never called back.
    CloseForgetsOutstanding,
    /// SendCommand looks whether it may, lets go, and queues: the set may be aborted
    /// and the agent gone, or the queue full, by then.
    AdmitsThenQueues,
    /// An abort does not wake GetCommand.
    AbortForgetsDevices,
    /// Whoever adds a piece to a set looks first what is there, and adds it then: each of
    /// the last two finds the other's missing, and the set never gets active.
    ActiveByTwoLooks,
    /// GetCommand looks at the queue first and at the server's CloseDevice then: what
    /// was sent before CloseDevice is missed.
    QueueBeforeClosed,
    /// A device enters the error state after the completion is published: a command
    /// sent on the completion is accepted.
    ErrorAfterCompletion,
    /// A command that was queued when the device failed is delivered all the same.
    StaleRequestDelivered,
    /// Close looks whether the set is open, and takes it later: two threads close it.
    CloseLooksThenTakes,
    /// A client's Close looks at the devices while another thread opens one: it leaves that
    /// open, and says that none was.
    CloseOverlooksOpening,
    /// CompleteCommand wakes the agent before it says which device to look at.
    MaskAfterBell,
    /// A step to the next phase does not look whether the set was aborted.
    PhaseOverwritesAbort,
    /// EndConfiguration lets the client go on before the configuration is written.
    PhaseBeforeConfiguration,
    /// The agent looks for work first and listens then: a completion in between is lost.
    AgentLooksThenListens,
    /// The agent returns when nothing is outstanding, though a callback is owed.
    AgentReturnsOwing,
    /// The agent reads which devices have completions, and clears that later: what a
    /// device says in between is lost.
    MaskLooksThenClears,
    /// CompleteCommand says that its device has completions, and wipes out that another
    /// one has.
    MaskOverwritten,
    /// GetCommand looks at the next command, and takes it later: two threads get it.
    DeliversThenTakes,
    /// The last completion that ClearError waits for does not wake GetCommand.
    ClearErrorSleepsOn,
    /// The agent gives up waiting without asking whether a completion is on its way: the
    /// client is told that it was taken, and yet the set is aborted for being late.
    TimeOutOverlooksCompletion,
    /// An abort does not wake the agent.
    AbortForgetsAgent,
    /// The agent invokes completion routines with the server's table locked: what a routine
    /// calls waits for itself.
    CallsBackLocked,
    /// The agent takes all it owes at once: an abort that comes while it is inside a routine
    /// does not override the completions that were recorded before.
    AgentTakesAll,
    /// The server's Close waits while the agent is inside a routine.
    CloseWaitsForRoutine,
    /// The server's Close makes the callbacks itself if it finds the agent inside a routine.
    CloseCallsBack,
    /// The agent counts as gone before it is done: the library is unloaded under it.
    AgentLeavesEarly,
    /// Close looks for open devices before it looks how far the set has come: CloseDevice
    /// gets in between.
    CloseDecidesFirst,
    /// A Close does not notice that the other side's was faster: both say that devices were
    /// open.
    CloseOverlooksOther,
    /// A call that finds the set closed by another thread takes that for an abort.
    ClosedIsAborted,
    /// SendCommand looks once more whether the set is aborted when it has queued: it refuses
    /// what is called back all the same.
    QueuesThenLooks,
    /// A waiting call that wakes for no reason takes that for an abort.
    WokenIsAborted,
}
