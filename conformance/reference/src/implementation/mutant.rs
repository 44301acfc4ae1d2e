//! Seeded defects: each breaks one thing, so that a suite can be seen to notice.

use std::fmt;

use vdi_spec::codes::HResult;

use crate::sync::linger;

/// What is said about a defect.
#[derive(Clone, Copy, Debug)]
pub struct MutantInfo {
    /// The defect.
    pub mutant: Mutant,
    /// Its name in kebab case.
    pub name: &'static str,
    /// What goes wrong.
    pub breaks: &'static str,
    /// Ids of the clauses that fit: at least one of them is blamed for it. Which of
    /// several comes first may depend on the order in which racing lanes are observed.
    pub clauses: &'static [&'static str],
    /// Whether only some orders of events show it: a scenario that takes one step
    /// after the other may never see it.
    pub race: bool,
}

macro_rules! mutants {
    ($( $variant:ident $name:literal, $race:literal, [$($clause:literal),+ $(,)?], $breaks:literal; )+) => {
        /// One thing that is wrong with an implementation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mutant { $( #[doc = $breaks] $variant, )+ }

        impl Mutant {
            /// Every defect.
            pub const ALL: &'static [MutantInfo] = &[
                $( MutantInfo {
                    mutant: Self::$variant,
                    name: $name,
                    breaks: $breaks,
                    race: $race,
                    clauses: &[$($clause),+],
                }, )+
            ];
        }
    };
}

mutants! {
    // Close, server side.
    ServerCloseNoerror "server-close-noerror", false, ["server.close.devices-open.status"],
        "The server's Close answers NOERROR although devices are open.";
    ServerCloseNoAbort "server-close-no-abort", false,
        ["server.close.devices-open.callbacks", "server.close.devices-open.agent-returns"],
        "The server's Close with devices open does not abort: the agent runs on, the client is \
        unaware.";
    ServerCloseReleasesNothing "server-close-releases-nothing", false, ["server.close.releases"],
        "The server's Close leaves its buffers and devices in place.";
    NormalCloseAborts "normal-close-aborts", false, ["server.close.normal-no-abort"],
        "The server's Close after a normal run aborts the client.";
    CallbacksOnClosingThread "callbacks-on-closing-thread", false,
        ["agent.callback.lane", "agent.callback"],
        "The server's Close makes the callbacks on its own thread instead of the agent's.";
    ServerCloseAbortedProtocol "server-close-aborted-protocol", false, ["server.close.status"],
        "The server's Close answers VD_E_PROTOCOL after an abort, too, if devices are open.";
    ServerCloseQuiet "server-close-quiet", false, ["server.close.implicit-abort"],
        "The server's Close before any device is open does not abort.";
    ServerCloseNotOpen "server-close-not-open", false,
        ["server.close.not-open", "server.close.handle"],
        "The server's Close answers NOERROR on an interface that has no set open.";
    ServerDeviceAfterClose "server-device-after-close", false,
        ["server.close.releases", "server.close.devices-open.releases"],
        "A device interface of the server is still alive after Close.";
    ServerReopens "server-reopens", false, ["server.close.handle", "server.open.once"],
        "The server's set interface may be opened again after Close.";

    // SignalAbort processing.
    ForgetsDelivered "forgets-delivered", false, ["server.close.devices-open.callbacks"],
        "An abort forgets the callbacks of commands that the client has got.";
    ForgetsQueued "forgets-queued", false, ["server.close.devices-open.callbacks"],
        "An abort forgets the callbacks of commands that are still queued.";
    RecordedKeepsCode "recorded-keeps-code", false,
        ["abort.recorded-completions", "server.close.devices-open.callbacks"],
        "A completion recorded before the abort is called back with its own code after it.";
    AbortedAsSuccess "aborted-as-success", false, ["abort.callbacks"],
        "An abort calls commands back with ERROR_SUCCESS.";
    CallbackTwice "callback-twice", false, ["server.close.devices-open.callbacks"],
        "The callback of an aborted command is made twice.";
    AgentReturnsFirst "agent-returns-first", false, ["server.close.devices-open.callbacks"],
        "After an abort the agent returns at once; the callbacks it owes are never made.";
    DeliversAfterAbort "delivers-after-abort", false, ["abort.no-delivery"],
        "GetCommand still delivers queued commands after an abort.";
    CompletesAfterAbort "completes-after-abort", false, ["client.complete-command.aborted"],
        "CompleteCommand answers NOERROR after an abort.";
    SendsAfterAbort "sends-after-abort", false, ["server.send-command.aborted"],
        "SendCommand answers NOERROR after an abort, and never calls back.";
    SignalAbortTwice "signal-abort-twice", false, ["server.signal-abort.status"],
        "SignalAbort answers VD_E_PROTOCOL when the set is aborted already.";
    SleepsThroughAbort "sleeps-through-abort", false, ["abort.unblocks"],
        "A GetCommand that is blocked does not notice an abort.";
    DeathUnnoticed "death-unnoticed", false,
        ["process.client-death", "process.server-death"],
        "The death of a process that has the set open goes unnoticed.";
    ServerDeathUnnoticed "server-death-unnoticed", false, ["process.server-death"],
        "The death of the server goes unnoticed: the client sleeps on.";
    SignalAbortNotOpen "signal-abort-not-open", false, ["server.signal-abort.not-open"],
        "The server's SignalAbort answers NOERROR without a set.";
    ClientSignalAbortNotOpen "client-signal-abort-not-open", false,
        ["client.signal-abort.not-open"],
        "The client's SignalAbort answers NOERROR without a set.";
    ClientAbortIgnored "client-abort-ignored", false,
        ["abort.no-delivery", "abort.callbacks", "abort.agent-returns"],
        "The client's SignalAbort answers NOERROR and does nothing.";
    ConfigurationSleepsThroughAbort "configuration-sleeps-through-abort", false,
        ["abort.unblocks", "client.get-configuration.aborted"],
        "A GetConfiguration that is blocked does not notice an abort.";
    AbortFreesBuffers "abort-frees-buffers", false, ["abort.buffers-stay"],
        "An abort frees every buffer.";
    ServerOpensAfterAbort "server-opens-after-abort", false, ["server.open-device.aborted"],
        "The server's OpenDevice opens devices after an abort.";
    ClientOpensAfterAbort "client-opens-after-abort", false, ["client.open-device.aborted"],
        "The client's OpenDevice opens devices after an abort.";
    AllocatesAfterAbort "allocates-after-abort", false, ["server.allocate-buffer.aborted"],
        "AllocateBuffer gives buffers after an abort.";
    FreesAfterAbort "frees-after-abort", false, ["server.free-buffer.aborted"],
        "FreeBuffer frees buffers after an abort.";
    ClosesDeviceAfterAbort "closes-device-after-abort", false, ["server.close-device.aborted"],
        "CloseDevice answers NOERROR after an abort.";
    ConfiguresAfterAbort "configures-after-abort", false, ["server.configuration.aborted"],
        "BeginConfiguration answers NOERROR after an abort.";
    ConfigurationAfterAbort "configuration-after-abort", false,
        ["client.get-configuration.aborted"],
        "The client's GetConfiguration answers NOERROR after an abort.";
    AgentAfterAbort "agent-after-abort", false, ["agent.aborted"],
        "ExecuteCompletionAgent answers NOERROR when it is called after an abort.";

    // Close, client side.
    ClientCloseNoerror "client-close-noerror", false, ["client.close.devices-open.status"],
        "The client's Close answers NOERROR although devices are open.";
    ClientCloseUnnoticed "client-close-unnoticed", false,
        ["client.close.devices-open.aborts", "client.close.implicit-abort"],
        "The client's Close with devices open leaves the server unaware.";
    ClientCloseNotOpen "client-close-not-open", false, ["client.close.not-open"],
        "The client's Close answers NOERROR on an interface that has no set.";
    ClientCloseReleasesNothing "client-close-releases-nothing", false, ["client.close.releases"],
        "The client's Close leaves its buffers and devices in place.";
    ClientDeviceAfterClose "client-device-after-close", false, ["client.close.releases"],
        "A device interface of the client is still alive after Close.";
    ClientCloseQuiet "client-close-quiet", false,
        ["client.close.implicit-abort", "server.configuration.aborted", "abort.agent-returns"],
        "The client's Close before any device is open does not abort.";
    ClientCloseAbortedOpen "client-close-aborted-open", false, ["client.close.status"],
        "The client's Close answers VD_E_OPEN after an abort, too, if devices are open.";
    ClientNormalCloseAborts "client-normal-close-aborts", false,
        ["client.close.normal-no-abort"],
        "The client's Close after a normal run aborts the server.";
    ClientCloseKeepsName "client-close-keeps-name", false, ["client.create.status"],
        "The client's Close leaves the name of its set taken.";

    // Opening and configuring.
    OpenWithoutSet "open-without-set", false, ["server.open.no-set"],
        "Open of a set that was not created answers NOERROR.";
    OpenTwice "open-twice", false, ["server.open.once"],
        "Open on an interface that is open answers NOERROR.";
    OpensAborted "opens-aborted", false, ["server.open.after-abort"],
        "Open opens a set that its client has aborted.";
    NamesIgnoreCase "names-ignore-case", false,
        ["server.open.no-set", "client.open-in-secondary.not-created"],
        "Names of sets are told apart without regard to case.";
    FailedCreateTakesName "failed-create-takes-name", false, ["server.open.no-set"],
        "Create does not find an instance that is named, and creates the set all the same.";
    CreateTwice "create-twice", false, ["client.create.once"],
        "Create on an interface that has a set answers NOERROR.";
    CreatesTakenName "creates-taken-name", false, ["client.create.name-taken"],
        "Create of a name that another set has makes a second one.";
    CreatesAnything "creates-anything", false, ["client.create.not-supported"],
        "Create takes configurations that are not supported.";
    ServerSeesOtherConfiguration "server-sees-other-configuration", false,
        ["server.get-configuration.status"],
        "The server's GetConfiguration leaves out what the client asked for.";
    BeginTwice "begin-twice", false, ["server.begin-configuration.phase"],
        "BeginConfiguration may be called again while the set is configurable.";
    BeginsWithAnything "begins-with-anything", false, ["server.begin-configuration.limits-refused"],
        "BeginConfiguration takes arguments outside their limits.";
    RequestsEarly "requests-early", false, ["server.request-buffers.phase"],
        "RequestBuffers answers NOERROR before BeginConfiguration.";
    EndsEarly "ends-early", false, ["server.end-configuration.phase"],
        "EndConfiguration answers NOERROR before BeginConfiguration.";
    EndsWithoutMemory "ends-without-memory", false,
        ["server.end-configuration.memory", "server.end-configuration.status"],
        "EndConfiguration answers VD_E_MEMORY and ends the configuration all the same.";
    ConfigurationEarly "configuration-early", false,
        ["client.get-configuration.status", "client.get-configuration.timeout"],
        "The client's GetConfiguration does not wait for EndConfiguration.";
    GrantsUnasked "grants-unasked", false, ["client.get-configuration.features"],
        "The client's GetConfiguration gives features that the server has not granted.";
    WithholdsFeatures "withholds-features", false, ["client.get-configuration.features"],
        "The client's GetConfiguration leaves out what the server did not name again.";
    OtherIoDepth "other-io-depth", false,
        ["client.get-configuration.granted", "client.get-configuration.status"],
        "The client's GetConfiguration gives a maxIODepth other than 4.";
    OtherAreaSize "other-area-size", false,
        ["client.get-configuration.granted", "client.get-configuration.status"],
        "The client's GetConfiguration gives a bufferAreaSize for one device, however many \
        there are.";
    OtherAlignment "other-alignment", false, ["client.get-configuration.as-asked"],
        "The client's GetConfiguration gives the alignment that the client asked for, though the \
        server's is greater.";
    FileMarkSizeLost "file-mark-size-lost", false, ["client.get-configuration.as-asked"],
        "The client's GetConfiguration gives no softFileMarkBlockSize.";
    WarningSizeLost "warning-size-lost", false, ["client.get-configuration.as-asked"],
        "The client's GetConfiguration gives no EOMWarningSize.";
    TimeOutLost "time-out-lost", false, ["client.get-configuration.as-asked"],
        "The client's GetConfiguration gives no serverTimeOut.";
    ServerTimeOutLost "server-time-out-lost", false, ["server.get-configuration.status"],
        "The server's GetConfiguration gives no serverTimeOut.";
    ConfigurationDrifts "configuration-drifts", false, ["client.get-configuration.fixed"],
        "The client's GetConfiguration gives half of maxTransferSize from the second time on.";

    // Buffers.
    FreesBufferInUse "frees-buffer-in-use", false, ["server.free-buffer.in-use-refused"],
        "FreeBuffer frees the buffer of an outstanding command.";
    FreesNothing "frees-nothing", false,
        ["server.free-buffer.invalid", "server.is-shared-buffer.answer"],
        "FreeBuffer answers NOERROR and keeps the buffer.";
    FreesAnything "frees-anything", false, ["server.free-buffer.invalid"],
        "FreeBuffer of what is no buffer answers NOERROR.";
    FreesAnySize "frees-any-size", false, ["server.free-buffer.size-refused"],
        "FreeBuffer does not look at the size.";
    RequestsChecked "requests-checked", false, ["server.request-buffers.unsound"],
        "RequestBuffers refuses an alignment that is no power of 2.";
    QueriesChecked "queries-checked", false, ["server.query-available-buffers.unsound"],
        "QueryAvailableBuffers refuses an alignment that is no power of 2.";
    AllocatesNoBasicAlignment "allocates-no-basic-alignment", false,
        ["server.allocate-buffer.status", "server.allocate-buffer.requested"],
        "AllocateBuffer takes an alignment of 0 for no power of 2.";
    AllocatesMisaligned "allocates-misaligned", false, ["server.allocate-buffer.aligned"],
        "AllocateBuffer forgets the alignment that is asked for.";
    AllocatesAnyAlignment "allocates-any-alignment", false, ["server.allocate-buffer.alignment"],
        "AllocateBuffer takes an alignment that is no power of 2.";
    AllocatesWithoutEnd "allocates-without-end", false, ["server.allocate-buffer.memory"],
        "AllocateBuffer gives buffers beyond the end of the buffer area.";
    PrefixZoneUncounted "prefix-zone-uncounted", false, ["server.allocate-buffer.prefix-zone"],
        "The prefix zone is not counted: it lies over the buffer before.";
    CountsNoRequests "counts-no-requests", false,
        ["server.query-available-buffers.count", "server.query-available-buffers.status"],
        "QueryAvailableBuffers counts none of the buffers that were requested.";
    CountsTaken "counts-taken", false,
        ["server.query-available-buffers.count", "server.allocate-buffer.requested"],
        "QueryAvailableBuffers counts the buffers that are allocated already.";
    CountsBasicApart "counts-basic-apart", false,
        [
            "server.request-buffers.basic-alignment", "server.query-available-buffers.count",
            "server.query-available-buffers.status",
        ],
        "QueryAvailableBuffers counts none of the buffers that were requested with an alignment of 0 \
        when it is given the basic alignment.";
    SharedNull "shared-null", false, ["server.is-shared-buffer.answer"],
        "IsSharedBuffer says of a null pointer that it is shared.";
    SharedNever "shared-never", false, ["server.is-shared-buffer.answer"],
        "IsSharedBuffer says of no buffer that it is shared.";

    // Devices.
    ServerSurplusProtocol "server-surplus-protocol", false, ["server.open-device.surplus"],
        "The server's OpenDevice answers VD_E_PROTOCOL when all devices are open.";
    FailedOpenTakesServerDevice "failed-open-takes-server-device", false,
        ["server.open-device.status"],
        "The server's first OpenDevice answers VD_E_MEMORY and uses up the device.";
    ServerOpensEarly "server-opens-early", false, ["server.open-device.phase"],
        "The server's OpenDevice opens devices before EndConfiguration.";
    ClientSurplusProtocol "client-surplus-protocol", false, ["client.open-device.surplus"],
        "The client's OpenDevice answers VD_E_PROTOCOL when all devices are open.";
    ClientOpensUntold "client-opens-untold", false, ["client.open-device.phase"],
        "The client's OpenDevice opens devices once the server has configured, before \
        GetConfiguration has told the client so.";
    ClientOpensEarly "client-opens-early", false, ["client.open-device.phase"],
        "The client's OpenDevice opens devices before the configuration was seen.";
    UnknownNameProtocol "unknown-name-protocol", false, ["client.open-device.unknown"],
        "The client's OpenDevice answers VD_E_PROTOCOL for an unknown name.";
    FailedOpenTakesDevice "failed-open-takes-device", false,
        ["client.open-device.status", "client.open-device.surplus"],
        "A failing OpenDevice of the client uses up a device.";
    ClientOpensTwice "client-opens-twice", false, ["client.open-device.twice"],
        "The client's OpenDevice opens a device that is open already.";
    ClosesDeviceEarly "closes-device-early", false, ["server.close-device.phase"],
        "CloseDevice answers NOERROR before the set is active.";
    ClosesDeviceAgain "closes-device-again", false, ["server.close-device.again"],
        "CloseDevice of a closed device answers NOERROR.";

    // The normal run.
    AgentStays "agent-stays", false, ["agent.returns-after-last-device"],
        "The agent does not return when the last device is closed.";
    AgentTooEarly "agent-too-early", false, ["agent.phase"],
        "ExecuteCompletionAgent starts before EndConfiguration.";
    AgentTwice "agent-twice", false, ["agent.second", "agent.callback.lane"],
        "A second ExecuteCompletionAgent is admitted.";
    AgentUnexpected "agent-unexpected", false,
        ["agent.returns-after-last-device", "abort.agent-returns"],
        "ExecuteCompletionAgent returns VD_E_UNEXPECTED.";
    AgentReturnsEarly "agent-returns-early", false,
        ["agent.returns-after-last-device", "agent.blocks"],
        "The agent returns with the last CloseDevice, although a command is still out.";
    LastInFirstOut "last-in-first-out", false, ["client.get-command.delivers"],
        "Commands are delivered newest first.";
    OtherDevice "other-device", false, ["client.get-command.delivers", "client.get-command.waits"],
        "A command is delivered on the device after the one it was sent to.";
    OtherSize "other-size", false, ["client.get-command.as-sent"],
        "GetCommand delivers half the size that was sent.";
    PositionNotDelivered "position-not-delivered", false, ["client.get-command.as-sent"],
        "GetCommand delivers no position.";
    BufferNotDelivered "buffer-not-delivered", false, ["client.get-command.as-sent"],
        "GetCommand delivers another buffer than was sent.";
    FailedSendSilent "failed-send-silent", false, ["server.send-command.error-callback"],
        "A failing SendCommand does not call back.";
    FailedSendAsSuccess "failed-send-as-success", false, ["server.send-command.error-callback"],
        "A failing SendCommand calls back with ERROR_SUCCESS.";
    SendsToClosedDevice "sends-to-closed-device", false, ["server.send-command.phase"],
        "SendCommand takes commands for a device that the server has closed.";
    SendsBeforeActive "sends-before-active", false, ["server.send-command.phase"],
        "SendCommand takes commands before the set is active.";
    QueueWithoutEnd "queue-without-end", false, ["server.send-command.queue-full"],
        "SendCommand takes commands for a full queue.";
    CompletesInactive "completes-inactive", false, ["client.complete-command.inactive"],
        "CompleteCommand of a command that the client does not hold answers NOERROR.";
    CompletesTwice "completes-twice", false, ["client.complete-command.inactive"],
        "CompleteCommand of a command that is completed already answers NOERROR.";
    CompletesOnOtherDevice "completes-on-other-device", false, ["client.complete-command.inactive"],
        "CompleteCommand completes a command that another device delivered.";
    CompletesAfterCloseSeen "completes-after-close-seen", false, ["client.complete-command.phase"],
        "CompleteCommand completes commands of a device that has returned VD_E_CLOSE.";
    CallbackMissing "callback-missing", false, ["agent.callback"],
        "A command completed without bytes is never called back.";
    CallbackAgain "callback-again", false, ["agent.callback"],
        "The callback of a completed command is made twice.";
    CallbackLate "callback-late", false, ["agent.callback"],
        "The callback of a completed command waits for the next completion.";
    CallbackElsewhere "callback-elsewhere", false, ["agent.callback.lane", "agent.callback"],
        "CompleteCommand makes the callback on the client's own thread.";
    CallbackBytes "callback-bytes", false, ["agent.callback"],
        "A callback is told no bytes.";
    CallbackStrayBytes "callback-stray-bytes", false, ["agent.callback"],
        "The callback of a command that moves no data is told bytes that nobody gave.";
    CallbackPosition "callback-position", false, ["agent.callback"],
        "A callback is told no position.";
    CallbackSuccess "callback-success", false, ["agent.callback"],
        "The callback of a command that failed is told ERROR_SUCCESS.";
    CloseEventLost "close-event-lost", false, ["client.get-command.close"],
        "GetCommand never returns VD_E_CLOSE.";
    CloseEventEarly "close-event-early", false,
        ["client.get-command.delivers", "client.get-command.close"],
        "GetCommand returns VD_E_CLOSE before it has delivered what is queued.";
    CloseEventOnce "close-event-once", false, ["client.get-command.close-again"],
        "GetCommand answers VD_E_PROTOCOL once VD_E_CLOSE was seen.";

    // The error state.
    ErrorKeepsQueue "error-keeps-queue", false,
        ["device.error.queue", "client.get-command.waits"],
        "Commands queued when a device enters the error state are still delivered.";
    SendsWhileErrored "sends-while-errored", false, ["server.send-command.io-error"],
        "A device in the error state takes commands other than ClearError.";
    ClearErrorEarly "clear-error-early", false, ["device.error.clear-error-waits"],
        "ClearError is delivered while older commands are still out.";
    ClearErrorIdle "clear-error-idle", false, ["device.error.cleared"],
        "A device stays in the error state when ClearError has completed.";
    ClearErrorEarlyAgain "clear-error-early-again", false, ["device.error.clear-error-waits"],
        "From the second error of a device on ClearError is delivered while older commands are \
        still out.";
    ClosedWhileHeldBack "closed-while-held-back", false,
        ["device.error.clear-error-waits", "client.get-command.close",
         "client.get-command.delivers"],
        "GetCommand returns VD_E_CLOSE while ClearError waits in the queue.";
    FallenKeepsCode "fallen-keeps-code", false, ["abort.recorded-completions"],
        "What fell with its device is called back with ERROR_IO_DEVICE after an abort, too.";
    SnapshotOvertakes "snapshot-overtakes", false, ["client.get-command.delivers"],
        "A Snapshot is delivered before what was queued earlier.";
    ErrorSpreads "error-spreads", false,
        ["device.independent", "device.error.queue"],
        "An error puts every device of the set into the error state.";

    // Time.
    PollWaits "poll-waits", false, ["client.get-command.timeout"],
        "GetCommand with a time-out of 0 waits for a command.";
    PollMemory "poll-memory", false, ["client.get-command.timeout"],
        "GetCommand answers VD_E_MEMORY, not VD_E_TIMEOUT, when it polls and nothing is queued.";
    CommandTimeoutIgnored "command-timeout-ignored", false, ["client.get-command.timeout"],
        "GetCommand waits for ever, whatever the time-out.";
    CommandTimeoutEarly "command-timeout-early", false,
        ["client.get-command.waits", "client.get-command.timeout"],
        "GetCommand with any finite time-out only polls.";
    ConfigurationWakesOne "configuration-wakes-one", false, ["client.get-configuration.status"],
        "EndConfiguration wakes one GetConfiguration that waits: another sleeps on.";
    ConfigurationTimeoutIgnored "configuration-timeout-ignored", false,
        ["client.get-configuration.timeout"],
        "GetConfiguration waits for ever, whatever the time-out.";
    ServerTimeoutIgnored "server-timeout-ignored", false, ["server.time-out.aborts"],
        "serverTimeOut is ignored.";
    ServerTimeoutEarly "server-timeout-early", false,
        ["server.time-out.aborts"],
        "One interval of serverTimeOut without a completion aborts.";
    ServerTimeoutAlways "server-timeout-always", false,
        ["server.time-out.aborts"],
        "Two intervals of serverTimeOut abort although a command was completed meanwhile.";
    LoadOutlastsServerTimeout "load-outlasts-server-timeout", false,
        ["server.time-out.load", "server.time-out.aborts"],
        "serverTimeOut does not abort while a Load is out.";
    FailureIsNoCompletion "failure-is-no-completion", false, ["server.time-out.aborts"],
        "A command that completes with an error does not begin the count of intervals anew.";
    PartOfIntervalGoesOn "part-of-interval-goes-on", false, ["server.time-out.aborts"],
        "What has passed of an interval of serverTimeOut counts on after a completion.";
    ServerTimeoutInCallback "server-timeout-in-callback", false,
        ["server.time-out.aborts"],
        "serverTimeOut runs on while the agent is inside a callback.";

    // Secondary clients.
    SecondaryEarly "secondary-early", false, ["client.open-in-secondary.not-ready"],
        "A secondary client may open a set whose primary has not seen the configuration.";
    SecondaryAborted "secondary-aborted", false, ["client.open-in-secondary.aborted"],
        "A secondary client may open a set that is aborted.";
    SecondaryAgain "secondary-again", false, ["client.open-in-secondary.once"],
        "OpenInSecondary on an interface that has a set answers NOERROR.";
    SecondaryWithoutSet "secondary-without-set", false, ["client.open-in-secondary.not-created"],
        "OpenInSecondary of a set that was not created answers VD_E_INVALID.";
    SecondaryDeathAborts "secondary-death-aborts", false,
        ["process.secondary-death"],
        "The death of a secondary client aborts the set.";
    SecondaryCloseAborts "secondary-close-aborts", false,
        ["client.close.secondary"],
        "A secondary client's Close aborts the set.";
    SecondaryCloseQuiet "secondary-close-quiet", false,
        ["client.close.secondary", "client.close.devices-open.status"],
        "A secondary client's Close with a device of its own open answers NOERROR and aborts \
        nothing.";
    PrimaryForgetsSecondaries "primary-forgets-secondaries", false,
        ["client.close.devices-open.status"],
        "The primary's Close leaves the devices of secondary clients out of account.";
    SecondaryOpensTwice "secondary-opens-twice", false,
        ["client.open-device.twice", "client.open-device.surplus"],
        "A device that another client process has open can be opened again.";
    HandlesOfAnything "handles-of-anything", false, ["client.get-buffer-handle.invalid"],
        "GetBufferHandle gives a handle of a buffer that was not delivered.";
    MapsForeign "maps-foreign", false, ["client.map-buffer-handle.invalid"],
        "MapBufferHandle takes handles of other sets.";
    MapsFreed "maps-freed", false, ["client.map-buffer-handle.invalid"],
        "MapBufferHandle takes the handle of a buffer that was freed.";
    MapsNothing "maps-nothing", false, ["client.map-buffer-handle.status", "client.close.releases"],
        "MapBufferHandle answers NOERROR and maps nothing.";
    MappingNotNeeded "mapping-not-needed", false,
        ["client.map-buffer-handle.status", "client.get-buffer-handle.status"],
        "A buffer can be used in every client process, mapped or not.";

    // What outlasts a set, or is counted for all of them.
    KeepsAbort "keeps-abort", false,
        ["client.get-configuration.timeout", "server.open.status",
         "client.get-configuration.aborted"],
        "A set that is created after an aborted one, through another interface, is aborted.";
    KeepsSeen "keeps-seen", false, ["client.open-in-secondary.not-ready", "client.open-device.phase"],
        "Once a client has seen a configuration, that of its next set counts as seen.";
    KeepsTimeOut "keeps-time-out", false,
        ["client.get-configuration.as-asked", "server.get-configuration.status"],
        "serverTimeOut is that of the set before.";
    KeepsDeviceCount "keeps-device-count", false,
        ["server.open-device.status", "server.open-device.surplus", "agent.callback",
         "server.send-command.status", "client.open-device.status"],
        "A set has as many devices as the one before.";
    KeepsErrorState "keeps-error-state", false,
        ["server.send-command.status", "server.send-command.io-error", "agent.callback",
         "agent.callback.lane"],
        "A device that ended in the error state is in it in the next set.";
    KeepsDeviceNames "keeps-device-names", false,
        ["client.open-device.status", "client.open-device.unknown"],
        "The devices of a set have the names of those of the set before.";
    KeepsQueue "keeps-queue", false,
        ["client.get-command.delivers", "client.get-command.timeout", "client.get-command.waits"],
        "What was queued when a set was aborted is delivered by the next one.";
    KeepsConfiguration "keeps-configuration", false,
        ["client.get-configuration.granted", "client.get-configuration.status"],
        "A client is told the server's part of the configuration of the set before.";
    KeepsBuffers "keeps-buffers", false,
        ["server.query-available-buffers.count", "server.allocate-buffer.requested",
         "server.allocate-buffer.status"],
        "Buffers that were allocated in the set before still take room in the next.";
    KeepsSetName "keeps-set-name", false, ["client.create.status"],
        "The name of a set stays taken, after Close, for every other interface.";
    OneServerSet "one-server-set", false, ["server.open.status"],
        "A server can have one set open at a time.";
    OneClientSet "one-client-set", false, ["client.create.status"],
        "A client can have one set at a time.";
    OneAgent "one-agent", false, ["agent.blocks"],
        "A server can execute one completion agent at a time.";
    AbortSpreads "abort-spreads", false,
        ["agent.callback", "client.get-command.delivers", "client.get-command.waits",
         "agent.blocks", "client.complete-command.status"],
        "An abort of one set aborts all of them.";
    CloseSpreads "close-spreads", false, ["server.close.releases", "abort.buffers-stay"],
        "The server's Close of one set releases the buffers of all of them.";
    FreesElsewhere "frees-elsewhere", false, ["server.free-buffer.invalid"],
        "FreeBuffer frees buffers of other sets.";
    SharedElsewhere "shared-elsewhere", false, ["server.is-shared-buffer.answer"],
        "IsSharedBuffer says TRUE of buffers of other sets.";
    QueueOfAllSets "queue-of-all-sets", false,
        ["server.send-command.queue-full", "server.send-command.status", "agent.callback",
         "server.send-command.error-callback"],
        "The commands of all sets count for the depth of a queue.";
    CompletesElsewhere "completes-elsewhere", false,
        ["client.complete-command.inactive", "agent.callback"],
        "CompleteCommand completes commands of other sets.";
    ErrorOfAllSets "error-of-all-sets", false,
        ["device.independent", "device.error.queue", "agent.callback"],
        "An error puts the device of the same place into the error state in every set.";
    CompletionOfAnySet "completion-of-any-set", false, ["server.time-out.aborts"],
        "A command that is completed in one set lets the waiting of every agent begin anew.";
    IntervalOfTheLatest "interval-of-the-latest", false, ["server.time-out.aborts"],
        "Every agent waits by the serverTimeOut of the latest set.";
    DeathOfOneSet "death-of-one-set", false,
        ["process.server-death", "process.client-death", "abort.callbacks", "abort.no-delivery",
         "abort.unblocks", "client.get-command.delivers"],
        "The death of a process aborts one of its sets only.";

    // Lost wake-ups and gaps between looking and acting.
    AbortForgetsToWake "abort-forgets-to-wake", false, ["abort.agent-returns", "abort.callbacks"],
        "An abort wakes nobody: blocked calls and the agent sleep on.";
    CompletionForgetsToWake "completion-forgets-to-wake", false, ["agent.callback"],
        "CompleteCommand does not wake the agent.";
    ActiveMissed "active-missed", false, ["server.close-device.status", "server.send-command.status"],
        "Active is not entered if the client's OpenDevice was the last thing missing.";
    LooksThenSleeps "looks-then-sleeps", true, ["abort.unblocks", "agent.callback"],
        "A call lets go of the lock between looking and sleeping, and misses what happens then.";
    SendChecksThenQueues "send-checks-then-queues", true,
        ["server.send-command.aborted", "abort.callbacks"],
        "SendCommand lets go of the lock between its checks and queueing.";

    // Races: in one look each they would be sound.
    SendCallsBackItself "send-calls-back-itself", true, ["agent.callback.lane", "server.send-command.aborted"],
        "A command that was accepted while an abort went on is called back by SendCommand itself, \
        after the agent may have returned.";
    SendWakesWhomItSaw "send-wakes-whom-it-saw", true, ["client.get-command.delivers"],
        "SendCommand wakes only who waited when it began: a GetCommand that begins then sleeps on.";
    QueueCountsFirst "queue-counts-first", true, ["server.send-command.queue-full"],
        "SendCommand counts the queue before it queues: two at once exceed its depth.";
    CompletionInTwoSteps "completion-in-two-steps", true, ["abort.callbacks"],
        "CompleteCommand takes the command first and records it later: an abort in between loses it.";
    BothComplete "both-complete", true, ["client.complete-command.inactive"],
        "CompleteCommand looks for the command first and takes it later: two of them succeed.";
    CompletionWakesWhomItSaw "completion-wakes-whom-it-saw", true, ["agent.callback"],
        "CompleteCommand does not wake an agent that it saw at work, which has gone to sleep since.";
    ErrorDrainsFirst "error-drains-first", true,
        ["server.send-command.io-error", "device.error.queue", "client.get-command.waits"],
        "The queue comes back before the error state begins: what is sent in between stays.";
    DeliveryInTwoSteps "delivery-in-two-steps", true, ["abort.callbacks"],
        "GetCommand has a command in no list for a while: an abort then forgets it.";
    OneCommandTwice "one-command-twice", true, ["client.get-command.delivers"],
        "GetCommand looks at the next command first and takes it later: two of them get the same.";
    CommandMissesAbort "command-misses-abort", true,
        ["abort.no-delivery", "abort.unblocks", "client.get-command.delivers"],
        "A GetCommand that begins as the set is aborted sleeps through it.";
    CommandMissesClose "command-misses-close", true, ["client.get-command.close"],
        "A GetCommand that begins as the device is closed sleeps on.";
    CommandMissesSend "command-misses-send", true, ["client.get-command.delivers"],
        "A GetCommand that begins as a command is sent sleeps on.";
    ConfigurationMissesAbort "configuration-misses-abort", true,
        ["client.get-configuration.aborted", "abort.unblocks"],
        "A GetConfiguration that begins as the set is aborted sleeps through it.";
    ConfigurationMissesEnd "configuration-misses-end", true, ["client.get-configuration.status"],
        "A GetConfiguration that begins as the configuration ends sleeps on.";
    AgentMissesAbort "agent-misses-abort", true, ["abort.agent-returns"],
        "An agent that starts as the set is aborted never returns.";
    CallsAgainIfAborted "calls-again-if-aborted", true, ["abort.callbacks", "agent.callback"],
        "A completion that the abort overtakes on its way to the callback is called back twice.";
    TwoAgentsAtOnce "two-agents-at-once", true,
        ["agent.second", "agent.blocks", "agent.callback.lane", "agent.callback"],
        "ExecuteCompletionAgent looks for an agent first and becomes it later: two of them do.";
    ActiveMissedByBoth "active-missed-by-both", true,
        ["server.send-command.status", "server.close-device.status", "agent.callback"],
        "If the agent and the last OpenDevice come at once, each leaves it to the other to enter Active.";
    CloseDecidesFirst "close-decides-first", true,
        ["server.close.status", "server.close.devices-open.status"],
        "The server's Close looks for open devices first and acts later, on what it saw.";
    NobodyGetsTheLast "nobody-gets-the-last", true,
        ["server.allocate-buffer.requested", "server.allocate-buffer.memory"],
        "Of two AllocateBuffers at once each leaves the last buffer to the other.";
    ServerClosesTwice "server-closes-twice", true, ["server.close.handle", "server.close.not-open"],
        "Two Closes of the server at once both close.";
    ClientClosesTwice "client-closes-twice", true, ["client.close.not-open"],
        "Two Closes of the client at once both close.";
    ServerOpensOneTwice "server-opens-one-twice", true, ["server.open-device.surplus"],
        "Two OpenDevices of the server at once open the same device.";
    ClientOpensOneTwice "client-opens-one-twice", true, ["client.open-device.surplus"],
        "Two OpenDevices of the client at once open the same device.";
    AllocatesOneTwice "allocates-one-twice", true,
        ["server.allocate-buffer.status", "server.allocate-buffer.memory",
         "server.allocate-buffer.prefix-zone", "server.query-available-buffers.count"],
        "Two AllocateBuffers at once take the same place.";
    BothFree "both-free", true, ["server.free-buffer.invalid"],
        "Two FreeBuffers at once both free one buffer.";
    BothCloseDevice "both-close-device", true, ["server.close-device.again"],
        "Two CloseDevices at once both close one device.";
    ClosesTheLastTogether "closes-the-last-together", true,
        ["agent.returns-after-last-device", "server.close-device.status"],
        "Two CloseDevices of the last two devices each leave it to the other to end the set.";
    BothCreate "both-create", true, ["client.create.once"],
        "Two Creates at once, through one interface, both create.";
    BothOpen "both-open", true, ["server.open.once", "server.open.no-set"],
        "Two Opens at once both open one set.";
    BothBegin "both-begin", true, ["server.begin-configuration.phase"],
        "Two BeginConfigurations at once both configure.";
    BothEnd "both-end", true,
        ["server.end-configuration.phase"],
        "Two EndConfigurations at once both end it.";
    RequestsOfOne "requests-of-one", true,
        ["server.query-available-buffers.count", "server.query-available-buffers.status",
         "server.allocate-buffer.requested"],
        "Of two RequestBuffers at once one is forgotten.";
    AbortCollectsFirst "abort-collects-first", true,
        ["abort.callbacks", "abort.agent-returns", "server.send-command.aborted"],
        "SignalAbort of the server collects the commands before it lets no more in.";
}

/// What no seeded world does shows these: a set that is made through other interfaces after
/// one that ended badly, a thing of one set used at another, two calls of one kind at once by
/// which a set is created, opened, configured or given buffers.
const NOT_IN_WORLDS: &[Mutant] = &[
    Mutant::KeepsAbort,
    Mutant::KeepsSeen,
    Mutant::KeepsTimeOut,
    Mutant::KeepsDeviceCount,
    Mutant::KeepsErrorState,
    Mutant::KeepsDeviceNames,
    Mutant::KeepsQueue,
    Mutant::KeepsBuffers,
    Mutant::KeepsSetName,
    Mutant::CloseSpreads,
    Mutant::FreesElsewhere,
    Mutant::SharedElsewhere,
    Mutant::CompletesElsewhere,
    Mutant::IntervalOfTheLatest,
    Mutant::AllocatesOneTwice,
    Mutant::BothFree,
    Mutant::BothCloseDevice,
    Mutant::ClosesTheLastTogether,
    Mutant::BothCreate,
    Mutant::BothOpen,
    Mutant::BothBegin,
    Mutant::BothEnd,
    Mutant::RequestsOfOne,
];

impl MutantInfo {
    /// Whether seeded worlds can show it; the others are for scenarios alone.
    #[must_use]
    pub fn shows_in_worlds(&self) -> bool {
        !NOT_IN_WORLDS.contains(&self.mutant)
    }
}

impl Mutant {
    /// What is said about it.
    #[must_use]
    pub const fn info(self) -> &'static MutantInfo {
        &Self::ALL[self as usize]
    }

    /// The defect of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|row| row.name == name).map(|row| row.mutant)
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.info().name)
    }
}

/// The defect of an implementation, if it has one: where a defect sits, it is asked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seed(pub(super) Option<Mutant>);

impl Seed {
    /// Whether this is what is wrong.
    pub(super) fn is(self, mutant: Mutant) -> bool {
        self.0 == Some(mutant)
    }

    /// If there is a defect, others get in between before the call goes on.
    pub(super) fn lingers_anyhow(self) {
        self.0.iter().for_each(|_| linger());
    }

    /// Whether this is wrong: then others get in between before the call goes on.
    pub(super) fn lingers(self, mutant: Mutant) -> bool {
        let wrong = self.is(mutant);
        if wrong {
            linger();
        }
        wrong
    }

    /// What a check found; nothing, if the defect is to overlook it.
    pub(super) fn unless(self, mutant: Mutant, found: Result<(), HResult>) -> Result<(), HResult> {
        if self.is(mutant) { Ok(()) } else { found }
    }

    /// What is right, or what this defect puts in its place.
    pub(super) fn instead<T>(self, mutant: Mutant, right: T, wrong: T) -> T {
        if self.is(mutant) { wrong } else { right }
    }
}
