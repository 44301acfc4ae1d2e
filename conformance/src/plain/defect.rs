//! Seeded defects: each breaks one thing, so that a suite can be seen to notice.

use std::fmt;

/// What is said about a defect.
#[derive(Clone, Copy, Debug)]
pub struct DefectInfo {
    /// The defect.
    pub defect: Defect,
    /// Its name in kebab case.
    pub name: &'static str,
    /// What goes wrong.
    pub breaks: &'static str,
    /// Whether only some orders of events show it: a scenario that takes one step
    /// after the other may never see it.
    pub race: bool,
}

macro_rules! defects {
    ($( $variant:ident $name:literal, $race:literal, $breaks:literal; )+) => {
        /// One thing that is wrong with an implementation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Defect { $( #[doc = $breaks] $variant, )+ }

        impl Defect {
            /// Every defect.
            pub const ALL: &'static [DefectInfo] = &[
                $( DefectInfo {
                    defect: Self::$variant,
                    name: $name,
                    breaks: $breaks,
                    race: $race,
                }, )+
            ];
        }
    };
}

defects! {
    // Close, server side.
    ServerCloseNoerror "server-close-noerror", false,
        "The server's Close answers NOERROR although devices are open.";
    ServerCloseNoAbort "server-close-no-abort", false,
        "The server's Close with devices open does not abort: the agent runs on, \
        the client is unaware.";
    ServerCloseReleasesNothing "server-close-releases-nothing", false,
        "The server's Close leaves its buffers and devices in place.";
    NormalCloseAborts "normal-close-aborts", false,
        "The server's Close after a normal run aborts the client.";
    CallbacksOnClosingThread "callbacks-on-closing-thread", false,
        "The server's Close makes the callbacks on its own thread instead of the agent's.";

    // SignalAbort processing.
    ForgetsDelivered "forgets-delivered", false,
        "An abort forgets the callbacks of commands that the client has got.";
    ForgetsQueued "forgets-queued", false,
        "An abort forgets the callbacks of commands that are still queued.";
    RecordedKeepsCode "recorded-keeps-code", false,
        "A completion recorded before the abort is called back with its own code after it.";
    AbortedAsSuccess "aborted-as-success", false,
        "An abort calls commands back with ERROR_SUCCESS.";
    CallbackTwice "callback-twice", false,
        "The callback of an aborted command is made twice.";
    AgentReturnsFirst "agent-returns-first", false,
        "After an abort the agent returns at once; the callbacks it owes are never made.";
    DeliversAfterAbort "delivers-after-abort", false,
        "GetCommand still delivers queued commands after an abort.";
    CompletesAfterAbort "completes-after-abort", false,
        "CompleteCommand answers NOERROR after an abort.";
    SendsAfterAbort "sends-after-abort", false,
        "SendCommand answers NOERROR after an abort, and never calls back.";
    SignalAbortTwice "signal-abort-twice", false,
        "SignalAbort answers VD_E_PROTOCOL when the set is aborted already.";
    SleepsThroughAbort "sleeps-through-abort", false,
        "A GetCommand that is blocked does not notice an abort.";
    DeathUnnoticed "death-unnoticed", false,
        "The death of a process that has the set open goes unnoticed.";

    // Close, client side.
    ClientCloseNoerror "client-close-noerror", false,
        "The client's Close answers NOERROR although devices are open.";
    ClientCloseUnnoticed "client-close-unnoticed", false,
        "The client's Close with devices open leaves the server unaware.";

    // The normal run.
    AgentStays "agent-stays", false,
        "The agent does not return when the last device is closed.";
    LastInFirstOut "last-in-first-out", false,
        "Commands are delivered newest first.";
    FailedSendSilent "failed-send-silent", false,
        "A failing SendCommand does not call back.";
    SendsToClosedDevice "sends-to-closed-device", false,
        "SendCommand takes commands for a device that the server has closed.";
    FreesBufferInUse "frees-buffer-in-use", false,
        "FreeBuffer frees the buffer of an outstanding command.";

    // The error state.
    ErrorKeepsQueue "error-keeps-queue", false,
        "Commands queued when a device enters the error state are still delivered.";
    SendsWhileErrored "sends-while-errored", false,
        "A device in the error state takes commands other than ClearError.";
    ClearErrorEarly "clear-error-early", false,
        "ClearError is delivered while older commands are still out.";

    // Lost wake-ups and gaps between looking and acting.
    AbortForgetsToWake "abort-forgets-to-wake", false,
        "An abort wakes nobody: blocked calls and the agent sleep on.";
    CompletionForgetsToWake "completion-forgets-to-wake", false,
        "CompleteCommand does not wake the agent.";
    ActiveMissed "active-missed", false,
        "Active is not entered if the client's OpenDevice was the last thing missing.";
    LooksThenSleeps "looks-then-sleeps", true,
        "A call lets go of the lock between looking and sleeping, and misses what happens then.";
    SendChecksThenQueues "send-checks-then-queues", true,
        "SendCommand lets go of the lock between its checks and queueing.";
}

impl Defect {
    /// What is said about it.
    #[must_use]
    pub const fn info(self) -> &'static DefectInfo {
        &Self::ALL[self as usize]
    }

    /// The defect of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|row| row.name == name).map(|row| row.defect)
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.info().name)
    }
}
