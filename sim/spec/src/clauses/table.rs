//! The catalogue's table: one row per clause.

use super::catalogue::Party;
use super::catalogue::{ClauseInfo, catalogue, questions};
use crate::codes::{Document, Source};

catalogue! {
    // The server's Close: the founding page
    ServerCloseStatus "server.close.status" Interface
        "The server's Close answers NOERROR when no device of the set is open, and after an abort."
        [Source::close_page("Return values"), Source::specification("Server Transitions, Close")] [ServerCloseAfterAbort];
    ServerCloseNotOpen "server.close.not-open" Interface
        "Close on an interface that has no set open answers VD_E_PROTOCOL."
        [Source::specification("Server Transitions, Close in Does Not Exist")] None;
    ServerCloseHandle "server.close.handle" Interface
        "After Close the handle is useless: what is called on it answers VD_E_PROTOCOL."
        [Source::close_page("Remarks, the handle"), Source::specification("Server Transitions, Does Not Exist")] [ServerHandleReuse, SharedWhenNotOpen];
    ServerCloseHandleUseless "server.close.handle-useless" Server
        "The server makes no call on the set's handle after Close."
        [Source::close_page("Remarks, the handle")] None;
    ServerCloseReleases "server.close.releases" Interface
        "Whatever Close answers, it releases every resource of the set: no buffer and no interface pointer is good afterwards."
        [Source::close_page("Remarks, resources")] None;
    ServerCloseUseAfter "server.close.use-after" Server
        "The server does not use a buffer or an interface pointer after Close: it risks an access violation."
        [Source::close_page("Remarks, shared memory")] None;
    ServerCloseImplicitAbort "server.close.implicit-abort" Interface
        "Close from any state but the terminated ones performs the processing of SignalAbort."
        [Source::specification("Server State Diagram, Close")] [CommandsHeldAtNormalClose];
    ServerCloseNormalNoAbort "server.close.normal-no-abort" Interface
        "Close in Normally Terminated ends the server's side without an abort."
        [Source::specification("Normal Termination"), Source::specification("Server State Diagram")] [CommandsHeldAtNormalClose];
    ServerCloseDevicesOpenMistake "server.close.devices-open.mistake" Server
        "The server closes every device before it closes the set."
        [Source::close_page("Remarks, open devices")] None;
    ServerCloseDevicesOpenStatus "server.close.devices-open.status" Interface
        "Close while devices are open answers VD_E_PROTOCOL."
        [Source::close_page("Return values"), Source::specification("Server Transitions, Close")] [ServerCloseDevicesOpen];
    ServerCloseDevicesOpenReleases "server.close.devices-open.releases" Interface
        "Close while devices are open takes the shared memory away from the server immediately."
        [Source::close_page("Remarks, shared memory")] None;
    ServerCloseDevicesOpenAborts "server.close.devices-open.aborts" Interface
        "Close while devices are open performs the processing of SignalAbort."
        [Source::close_page("Remarks, SignalAbort processing")] None;
    ServerCloseDevicesOpenCallbacks "server.close.devices-open.callbacks" Interface
        "Closing the set while devices are open calls back every outstanding command with ERROR_OPERATION_ABORTED, once each, before the agent returns."
        [Source::close_page("Remarks, the completion agent")] None;
    ServerCloseDevicesOpenAgentReturns "server.close.devices-open.agent-returns" Interface
        "The running agent returns to its caller after a Close while devices were open."
        [Source::close_page("Remarks, the completion agent")] None;
    ServerCloseAgentOrder "server.close.agent-order" Interface
        "Close may return before the agent is done; only the agent's own return comes after its callbacks."
        [Source::close_page("Remarks, the agent and unloading")] [CloseAndAgentOrder];
    ServerUnloadAgentReturned "server.unload.agent-returned" Server
        "The server unloads the library only when the completion agent has returned; a thread still inside would run code that is gone."
        [Source::close_page("Remarks, unloading the COM library")] None;

    // The server's configuration
    ServerOpenStatus "server.open.status" Interface
        "Open finds an accessible set by its name and answers NOERROR."
        [Source::reference("Open")] None;
    ServerOpenNoSet "server.open.no-set" Interface
        "Open answers VD_E_INVALID when no accessible set has that name."
        [Source::reference("Open")] None;
    ServerOpenAfterAbort "server.open.after-abort" Interface
        "A set that its client has aborted is not accessible to Open."
        [Source::reference("Open")] [OpenAfterAbort];
    ServerOpenOnce "server.open.once" Interface
        "Open on an interface that is open already answers VD_E_PROTOCOL."
        [Source::specification("Server Transitions, Open")] None;
    ServerOpenFirst "server.open.first" Server
        "Open comes before every other call on the handle, and once."
        [Source::reference("Open"), Source::specification("Server Transitions, Does Not Exist")] None;
    ServerOrder "server.order" Server
        "The server configures, opens devices, lends the agent, sends and closes in that order: it calls nothing that its own earlier calls rule out."
        [Source::specification("Server State Diagram"), Source::specification("Server Transitions")] None;
    ServerNotOpen "server.not-open" Interface
        "A server function on an interface without an open set answers VD_E_PROTOCOL."
        [Source::specification("Server Transitions, Does Not Exist")] [SharedWhenNotOpen];
    ServerGetConfigurationStatus "server.get-configuration.status" Interface
        "The server's GetConfiguration tells the configuration of the client's Create."
        [Source::reference("Server GetConfiguration")] None;
    ServerGetConfigurationAborted "server.get-configuration.aborted" Interface
        "The server's GetConfiguration answers VD_E_ABORT after an abort."
        [Source::specification("Server Transitions, GetConfiguration")] None;
    ServerBeginConfigurationStatus "server.begin-configuration.status" Interface
        "BeginConfiguration in Connected answers NOERROR and makes the set configurable."
        [Source::reference("BeginConfiguration")] [Naming];
    ServerBeginConfigurationPhase "server.begin-configuration.phase" Interface
        "BeginConfiguration outside Connected answers VD_E_PROTOCOL."
        [Source::reference("BeginConfiguration"), Source::specification("Server Transitions, BeginConfiguration")] None;
    ServerBeginConfigurationLimits "server.begin-configuration.limits" Server
        "The server keeps blockSize, alignment and maxTransferSize within their limits."
        [Source::reference("BeginConfiguration")] [TransferSizeLimit];
    ServerBeginConfigurationLimitsRefused "server.begin-configuration.limits-refused" Interface
        "Arguments outside the limits are refused and the state stays."
        [Source::reference("BeginConfiguration")] [BadConfigurationArguments, TransferSizeLimit];
    ServerConfigurationAborted "server.configuration.aborted" Interface
        "BeginConfiguration, RequestBuffers and EndConfiguration answer VD_E_ABORT after an abort."
        [Source::reference("BeginConfiguration, RequestBuffers, EndConfiguration"), Source::specification("Server Transitions, Abnormally Terminated")] [ConfigurationCallWhenAborted];
    ServerRequestBuffersStatus "server.request-buffers.status" Interface
        "RequestBuffers answers NOERROR from BeginConfiguration on until the devices are closed."
        [Source::reference("RequestBuffers"), Source::specification("Server Transitions, RequestBuffers")] None;
    ServerRequestBuffersMemory "server.request-buffers.memory" Interface
        "RequestBuffers may answer VD_E_MEMORY when space is short."
        [Source::reference("RequestBuffers")] None;
    ServerRequestBuffersPhase "server.request-buffers.phase" Interface
        "RequestBuffers before BeginConfiguration and in Normally Terminated answers VD_E_PROTOCOL."
        [Source::reference("RequestBuffers"), Source::specification("Server Transitions, RequestBuffers")] None;
    ServerRequestBuffersBasicAlignment "server.request-buffers.basic-alignment" Interface
        "RequestBuffers with an alignment of 0 asks for buffers of the basic alignment: AllocateBuffer with that alignment finds them, and QueryAvailableBuffers counts them."
        [Source::reference("RequestBuffers"), Source::specification("VDConfig Structure, alignment")] None;
    ServerRequestBuffersArguments "server.request-buffers.arguments" Server
        "The server asks for buffers of some size, aligned to a power of 2, or to 0 for the basic alignment."
        [Source::reference("RequestBuffers")] None;
    ServerRequestBuffersUnsound "server.request-buffers.unsound" Interface
        "RequestBuffers takes a size of 0, and an alignment that is no power of 2, as it is: nobody is said to check it."
        [Source::reference("RequestBuffers, which names no code for it")] [BadRequestArguments];
    ServerQueryAvailableBuffersStatus "server.query-available-buffers.status" Interface
        "QueryAvailableBuffers answers NOERROR from BeginConfiguration on until the devices are closed."
        [Source::specification("Server Transitions, QueryAvailableBuffers")] None;
    ServerQueryAvailableBuffersPhase "server.query-available-buffers.phase" Interface
        "QueryAvailableBuffers in another state answers VD_E_PROTOCOL, after an abort too."
        [Source::specification("Server Transitions, QueryAvailableBuffers")] None;
    ServerQueryAvailableBuffersArguments "server.query-available-buffers.arguments" Server
        "The server asks how many buffers there are of some size, aligned to a power of 2, or to 0 for the basic alignment."
        [Source::reference("RequestBuffers, whose buffers are counted")] None;
    ServerQueryAvailableBuffersUnsound "server.query-available-buffers.unsound" Interface
        "QueryAvailableBuffers takes a size of 0, and an alignment that is no power of 2, as it is: nobody is said to check it."
        [Source::specification("Server Transitions, QueryAvailableBuffers, which has no page of its own")] [BadQueryArguments];
    ServerEndConfigurationStatus "server.end-configuration.status" Interface
        "EndConfiguration in Configurable answers NOERROR; the set is being initialised."
        [Source::reference("EndConfiguration")] [ClientInitializing, Naming];
    ServerEndConfigurationMemory "server.end-configuration.memory" Interface
        "EndConfiguration without enough memory answers VD_E_MEMORY and stays Configurable."
        [Source::reference("EndConfiguration")] None;
    ServerEndConfigurationPhase "server.end-configuration.phase" Interface
        "EndConfiguration outside Configurable answers VD_E_PROTOCOL."
        [Source::reference("EndConfiguration"), Source::specification("Server Transitions, EndConfiguration")] None;

    ServerBeginConfigurationFeatures "server.begin-configuration.features" Server
        "The server may add WriteMedia, ReadMedia and, if RequestComplete was asked, CompleteEnabled, and no other feature."
        [Source::specification("Feature Bits"), Source { document: Document::Kb3188454, topic: "VDF_CompleteEnabled" }] None;
    ServerBeginConfigurationMedia "server.begin-configuration.media" Server
        "The server sets WriteMedia for a BACKUP and ReadMedia for a RESTORE; for a BACKUP ReadMedia too if the client can position, and only then."
        [Source::specification("Feature Bits, WriteMedia and ReadMedia")] None;
    ServerQueryAvailableBuffersCount "server.query-available-buffers.count" Interface
        "QueryAvailableBuffers counts at least the buffers of that kind that were requested and not taken."
        [Source::reference("RequestBuffers"), Source::headers("vdi.h, QueryAvailableBuffers")] None;

    // Devices, buffers and commands on the server's side
    ServerOpenDeviceStatus "server.open-device.status" Interface
        "OpenDevice gives the next unopened device and answers NOERROR, deviceCount times."
        [Source::reference("Server OpenDevice")] [ActiveEntry];
    ServerOpenDeviceNames "server.open-device.names" Server
        "The server opens the first device by the name of the set, and each by a name of its own."
        [Source::reference("Client OpenDevice")] None;
    ServerOpenDeviceSurplus "server.open-device.surplus" Interface
        "OpenDevice when all devices are open answers VD_E_OPEN."
        [Source::reference("Server OpenDevice"), Source::specification("Server Transitions, OpenDevice in Active")] [ServerOpenDeviceSurplus];
    ServerOpenDevicePhase "server.open-device.phase" Interface
        "OpenDevice before EndConfiguration or in Normally Terminated answers VD_E_PROTOCOL."
        [Source::specification("Server Transitions, OpenDevice")] None;
    ServerOpenDeviceAborted "server.open-device.aborted" Interface
        "OpenDevice answers VD_E_ABORT after an abort."
        [Source::specification("Server Transitions, OpenDevice")] None;
    ServerAllocateBufferStatus "server.allocate-buffer.status" Interface
        "AllocateBuffer answers NOERROR once the set is being initialised, until Close."
        [Source::reference("AllocateBuffer"), Source::specification("Server Transitions, AllocateBuffer")] [AllocateAfterNormalTermination, AllocateAlignmentZero];
    ServerAllocateBufferMemory "server.allocate-buffer.memory" Interface
        "AllocateBuffer answers VD_E_MEMORY when the buffer space is used up."
        [Source::reference("AllocateBuffer")] [AvailableCount];
    ServerAllocateBufferAlignment "server.allocate-buffer.alignment" Interface
        "AllocateBuffer answers VD_E_INVALID for an alignment that is no power of 2, and for no size."
        [Source::reference("AllocateBuffer")] [AllocateAlignmentZero];
    ServerAllocateBufferPhase "server.allocate-buffer.phase" Interface
        "AllocateBuffer before EndConfiguration answers VD_E_PROTOCOL."
        [Source::specification("Server Transitions, AllocateBuffer")] None;
    ServerAllocateBufferAborted "server.allocate-buffer.aborted" Interface
        "After an abort AllocateBuffer gives no buffer and answers VD_E_ABORT."
        [Source::specification("Abnormal Termination"), Source::specification("Server Transitions, AllocateBuffer")] None;
    ServerAllocateBufferRequested "server.allocate-buffer.requested" Interface
        "AllocateBuffer gives the buffers that RequestBuffers asked for."
        [Source::reference("RequestBuffers"), Source::reference("EndConfiguration")] [AllocateAlignmentZero];
    ServerAllocateBufferAligned "server.allocate-buffer.aligned" Interface
        "The data zone of a buffer is aligned as the set and AllocateBuffer ask."
        [Source::reference("AllocateBuffer"), Source::reference("BeginConfiguration")] None;
    ServerAllocateBufferPrefixZone "server.allocate-buffer.prefix-zone" Interface
        "A buffer has its whole size, and the client's prefix zone just before it: zones of different buffers share no byte."
        [Source::specification("VDConfig Structure, prefixZoneSize"), Source::reference("AllocateBuffer")] None;
    ServerIsSharedBufferAnswer "server.is-shared-buffer.answer" Interface
        "IsSharedBuffer tells the buffers of the set from other memory."
        [Source::headers("vdi.h, IsSharedBuffer")] [SharedAfterFree];
    ServerFreeBufferStatus "server.free-buffer.status" Interface
        "FreeBuffer of an allocated buffer answers NOERROR."
        [Source::reference("FreeBuffer")] None;
    ServerFreeBufferInvalid "server.free-buffer.invalid" Interface
        "FreeBuffer of what is no buffer answers VD_E_INVALID."
        [Source::reference("FreeBuffer")] None;
    ServerFreeBufferSize "server.free-buffer.size" Server
        "The server frees a buffer with the size that it was allocated with."
        [Source::reference("FreeBuffer")] None;
    ServerFreeBufferSizeRefused "server.free-buffer.size-refused" Interface
        "FreeBuffer with another size than that of the buffer answers VD_E_INVALID and frees nothing."
        [Source::reference("FreeBuffer")] None;
    ServerFreeBufferInUse "server.free-buffer.in-use" Server
        "The server does not free the buffer of an outstanding command."
        [Source::specification("Active, control of buffers")] None;
    ServerFreeBufferInUseRefused "server.free-buffer.in-use-refused" Interface
        "FreeBuffer of the buffer of an outstanding command is no valid request."
        [Source::reference("FreeBuffer")] [FreeBufferInUse];
    ServerFreeBufferPhase "server.free-buffer.phase" Interface
        "FreeBuffer before EndConfiguration is answered as the table says, where anything exists to free."
        [Source::specification("Server Transitions, FreeBuffer")] [ConnectedStateCells];
    ServerFreeBufferAborted "server.free-buffer.aborted" Interface
        "After an abort FreeBuffer does nothing and answers VD_E_ABORT."
        [Source::specification("Abnormal Termination"), Source::reference("FreeBuffer")] None;
    ServerSendCommandStatus "server.send-command.status" Interface
        "SendCommand on an active device queues the command and answers NOERROR."
        [Source::reference("SendCommand")] [QueueDepth];
    ServerSendCommandQueueFull "server.send-command.queue-full" Interface
        "SendCommand on a full queue answers VD_E_QUEUE_FULL."
        [Source::reference("SendCommand")] [QueueDepth, QueueFullCode];
    ServerSendCommandIoError "server.send-command.io-error" Interface
        "SendCommand on a device in the error state, ClearError excepted, is rejected at once."
        [Source::specification("Command Error Handling"), Source::reference("SendCommand")] [IoErrorCode, ErrorStateEntry];
    ServerSendCommandPhase "server.send-command.phase" Interface
        "SendCommand on a device that is not active answers VD_E_PROTOCOL."
        [Source::reference("SendCommand"), Source::specification("Server Transitions, SendCommand")] [ConnectedStateCells, ActiveEntry];
    ServerSendCommandAborted "server.send-command.aborted" Interface
        "SendCommand answers VD_E_ABORT after an abort: no new command is accepted."
        [Source::specification("Abnormal Termination"), Source::reference("SendCommand")] None;
    ServerSendCommandErrorCallback "server.send-command.error-callback" Interface
        "A SendCommand that fails invokes the callback too, once, with the completion code that goes with its status, on the calling thread."
        [Source::reference("SendCommand"), Source::specification("Command Error Handling")] [FailedSendCallbackLane];
    ServerSendCommandUnsound "server.send-command.unsound" Interface
        "A command that the server should not send is carried all the same: the documents name no check."
        [Source::reference("SendCommand, which names none")] [UnsoundCommand];
    ServerCloseDeviceStatus "server.close-device.status" Interface
        "CloseDevice on an open device of an active set answers NOERROR."
        [Source::reference("CloseDevice")] [DeliverAfterCloseDevice];
    ServerCloseDeviceAgain "server.close-device.again" Interface
        "CloseDevice on a closed device answers VD_E_CLOSE."
        [Source::reference("CloseDevice"), Source::specification("Server Transitions, CloseDevice")] [CloseDeviceAfterAllClosed, CloseDeviceTwiceWhileActive];
    ServerCloseDevicePhase "server.close-device.phase" Interface
        "CloseDevice before the set is active answers VD_E_PROTOCOL."
        [Source::specification("Server Transitions, CloseDevice")] [ConnectedStateCells, ActiveEntry];
    ServerCloseDeviceAborted "server.close-device.aborted" Interface
        "After an abort CloseDevice does nothing and answers VD_E_ABORT."
        [Source::specification("Abnormal Termination"), Source::reference("CloseDevice")] None;
    ServerBufferControl "server.buffer.control" Server
        "The server leaves the buffer of an outstanding command alone, from SendCommand until the client has completed it."
        [Source::specification("Active, control of buffers")] None;
    ServerBufferControlAfterAbort "server.buffer.control-after-abort" Server
        "After an abort the server leaves alone what the client held at that moment, until the client's Close."
        [Source::specification("Abnormal Termination, buffers")] None;
    ServerSignalAbortStatus "server.signal-abort.status" Interface
        "The server's SignalAbort answers NOERROR, again and again."
        [Source::reference("Server SignalAbort"), Source::specification("Server Transitions, SignalAbort")] None;
    ServerSignalAbortNotOpen "server.signal-abort.not-open" Interface
        "The server's SignalAbort without a set answers VD_E_PROTOCOL."
        [Source::specification("Server Transitions, SignalAbort")] [SignalAbortNotOpen];

    ServerTimeOutAborts "server.time-out.aborts" Interface
        "When two intervals of serverTimeOut pass for the agent while requests are pending and none is completed, the set is aborted."
        [Source::specification("VDConfig Structure, serverTimeOut")] [LoadExcuses];
    ServerTimeOutLoad "server.time-out.load" Interface
        "Waiting for a Load counts towards serverTimeOut: with a value other than 0 it can time out, and the set is aborted."
        [Source::specification("Commands, Load"), Source::specification("VDConfig Structure, serverTimeOut")] [LoadExcuses];
    ServerCloseRequired "server.close.required" Server
        "The server closes the set before its process ends."
        [Source::specification("Normal Termination"), Source::specification("Abnormal Termination")] None;

    // What the server may send, and when
    ServerCommandFeature "server.command.feature" Server
        "The server sends a command only if the features agreed upon allow it."
        [Source::specification("Commands"), Source::specification("Feature Bits")] [DiskGetPosition];
    ServerCommandAgent "server.command.agent" Server
        "The server lends the agent's thread before it sends a command."
        [Source::reference("ExecuteCompletionAgent")] None;
    ServerCommandMedia "server.command.media" Server
        "The server sends Write where it set WriteMedia, and Read where it set ReadMedia."
        [Source::specification("Feature Bits, WriteMedia and ReadMedia")] None;
    ServerCommandBuffer "server.command.buffer" Server
        "A Read or Write carries a buffer of the set."
        [Source::specification("Commands, Read and Write")] None;
    ServerCommandSize "server.command.size" Server
        "The size of a Read or Write is a multiple of blockSize up to maxTransferSize."
        [Source::specification("Commands, Read and Write"), Source::reference("BeginConfiguration")] None;
    ServerCommandPosition "server.command.position" Server
        "A Read or Write carries a position only with RandomAccess."
        [Source::specification("Commands, Read and Write")] None;
    ServerCommandSkipBackwards "server.command.skip-backwards" Server
        "SkipMarks and SkipBlocks go backwards only with ReversePosition."
        [Source::specification("Commands, SkipMarks and SkipBlocks")] None;
    ServerCommandOrigin "server.command.origin" Server
        "The origin of SetPosition is 0, 1 or 2: the beginning, the present position, the end."
        [Source::specification("Commands, SetPosition")] None;
    ServerCommandKnownPosition "server.command.known-position" Server
        "Without RandomAccess SetPosition goes only to positions that GetPosition returned."
        [Source::specification("Commands, SetPosition")] None;
    ServerCommandEject "server.command.eject" Server
        "The size of Load is 0, or 1 to eject first."
        [Source::specification("Commands, Load")] None;
    ServerSnapshotOneDevice "server.snapshot.one-device" Server
        "A snapshot backup uses one device, and so does a snapshot restore."
        [Source::specification("Commands, Snapshot and MountSnapshot")] None;
    ServerSnapshotPrepared "server.snapshot.prepared" Server
        "Where SnapshotPrepare was agreed upon, PrepareToFreeze comes before Snapshot."
        [Source::specification("Feature Bits, SnapshotPrepare"), Source::specification("Commands, PrepareToFreeze")] None;
    ServerSnapshotOrder "server.snapshot.order" Server
        "In a snapshot backup PrepareToFreeze comes once, and after Snapshot the device is closed."
        [Source::specification("Commands, Snapshot and PrepareToFreeze")] None;
    ServerMountSnapshotOrder "server.mount-snapshot.order" Server
        "In a snapshot restore MountSnapshot comes after every Read."
        [Source::specification("Commands, MountSnapshot")] None;
    ServerDiscardLast "server.discard.last" Server
        "After Discard the server closes the device: nothing else is sent."
        [Source::specification("Commands, Discard")] None;
    ServerCompleteLast "server.complete.last" Server
        "Complete is sent when all data has been sent."
        [Source { document: Document::Kb3188454, topic: "VDC_Complete" }] None;
    ServerCompleteFailure "server.complete.failure" Server
        "When the client fails Complete the SQL statement fails."
        [Source { document: Document::Kb3188454, topic: "VDC_Complete" }] None;
    ServerCompleteRequired "server.complete.required" Server
        "Where CompleteEnabled was granted, a BACKUP succeeds only when every device has been sent Complete and has answered it with success."
        [Source { document: Document::Kb3188454, topic: "VDC_Complete" }] None;
    ServerEndOfMediaLoad "server.end-of-media.load" Server
        "When a Read has met the end of the data on a removable medium, Load comes before the next Read."
        [Source::specification("Commands, Read, end of media")] None;
    ServerEndOfMediaWaits "server.end-of-media.waits" Server
        "The server waits for outstanding commands before it sends Load."
        [Source::specification("Commands, Load")] None;
    ServerEndOfMediaEnds "server.end-of-media.ends" Server
        "When a Read of a RESTORE has met the end of the data on a device that is not removable, the server ends the operation: it reads no further there."
        [Source::specification("End Of Media and Unexpected Filemarks")] None;
    ServerOverflowAborts "server.end-of-media.overflow-aborts" Server
        "When a Write ended with ERROR_DISK_FULL or ERROR_EOM_OVERFLOW the server ends the BACKUP: it sends no further data, on no device."
        [Source::specification("Commands, Write"), Source::specification("End Of Media and Unexpected Filemarks")] None;
    // How the SQL statement ends
    ServerStatementAborted "server.statement.aborted" Server
        "The SQL statement does not succeed when its set was aborted, by whomever, before the server had closed every device."
        [Source::specification("Abnormal Termination"), Source::reference("Server SignalAbort and Client SignalAbort")] None;
    ServerStatementDeviceFull "server.statement.device-full" Server
        "A BACKUP does not succeed when a Write ended with ERROR_DISK_FULL or ERROR_EOM_OVERFLOW."
        [Source::specification("Commands, Write"), Source::specification("End Of Media and Unexpected Filemarks")] None;
    ServerStatementUnread "server.statement.unread" Server
        "A RESTORE does not succeed when a Read has failed on media that are not removable."
        [Source::specification("Commands, Read"), Source::specification("End Of Media and Unexpected Filemarks")] None;
    ServerStatementFlush "server.statement.flush" Server
        "The SQL statement does not succeed when the last Flush of a device has failed."
        [Source::specification("Commands, Flush")] None;
    ServerErrorClearErrorOnly "server.error.clear-error-only" Server
        "Once a callback has told the server that a device is in the error state, it sends that device ClearError and nothing else."
        [Source::specification("Command Error Handling")] None;

    // The completion agent
    AgentBlocks "agent.blocks" Interface
        "ExecuteCompletionAgent keeps the calling thread as the agent's main loop."
        [Source::reference("ExecuteCompletionAgent")] [ActiveEntry];
    AgentPhase "agent.phase" Interface
        "ExecuteCompletionAgent before EndConfiguration, when active, or in Normally Terminated answers VD_E_PROTOCOL."
        [Source::specification("Server Transitions, ExecuteCompletionAgent")] [ActiveEntry];
    AgentSecond "agent.second" Interface
        "A second ExecuteCompletionAgent while one runs is refused."
        [Source::reference("ExecuteCompletionAgent")] [SecondAgent];
    AgentAborted "agent.aborted" Interface
        "ExecuteCompletionAgent called after an abort answers VD_E_ABORT."
        [Source::specification("Server Transitions, ExecuteCompletionAgent")] None;
    AgentReturnsAfterLastDevice "agent.returns-after-last-device" Interface
        "When the last device is closed and every callback has been made, the agent returns NOERROR."
        [Source::specification("Normal Termination"), Source::reference("ExecuteCompletionAgent")] [AgentReturn];
    AgentCallback "agent.callback" Interface
        "The agent calls back each completed command once, with the code, the bytes and the position the client gave."
        [Source::specification("Active"), Source::reference("SendCommand")] None;
    AgentCallbackLane "agent.callback.lane" Interface
        "Completions are called back on the thread that executes the agent, one at a time, and on no thread that the interface made."
        [Source::reference("ExecuteCompletionAgent")] None;

    // Abort
    AbortUnblocks "abort.unblocks" Interface
        "An abort makes every waiting call but the agent's return VD_E_ABORT."
        [Source::specification("Abnormal Termination"), Source::reference("SignalAbort")] None;
    AbortNoDelivery "abort.no-delivery" Interface
        "After an abort no command is delivered any more: GetCommand answers VD_E_ABORT."
        [Source::specification("Abnormal Termination")] None;
    AbortCallbacks "abort.callbacks" Interface
        "After an abort the agent calls back every outstanding command, once each, with ERROR_OPERATION_ABORTED."
        [Source::specification("Abnormal Termination"), Source::reference("SignalAbort")] None;
    AbortRecordedCompletions "abort.recorded-completions" Interface
        "A completion recorded before the abort and not yet called back is overridden by ERROR_OPERATION_ABORTED."
        [Source::specification("Abnormal Termination")] [CompletionRace];
    AbortAgentReturns "abort.agent-returns" Interface
        "After an abort the agent returns to its caller, after the callbacks."
        [Source::specification("Abnormal Termination")] [AgentStatusAfterAbort];
    AbortBuffersStay "abort.buffers-stay" Interface
        "A buffer in a side's control at the abort stays usable by that side until its own Close."
        [Source::specification("Abnormal Termination, buffers")] None;

    // The client's set
    ClientCreateFirst "client.create.first" Client
        "The client creates the set, or opens it as a secondary, before any other call."
        [Source::reference("CreateEx and OpenInSecondaryEx"), Source::specification("Client Transitions, Does Not Exist")] None;
    ClientOrder "client.order" Client
        "The client creates, sees the configuration, opens each device once and then asks for commands, in that order; a secondary comes after the primary has seen the configuration."
        [Source::specification("Client State Diagram"), Source::specification("Client Transitions"), Source::reference("OpenInSecondaryEx")] None;
    ClientCreateOneStatement "client.create.one-statement" Client
        "A set serves one BACKUP or RESTORE: the next statement has a Create of its own."
        [Source::reference("CreateEx")] None;
    ClientCreateStatus "client.create.status" Interface
        "Create with a sound configuration answers NOERROR; after Close the interface may create again."
        [Source::reference("CreateEx"), Source::specification("Client Transitions, Create")] None;
    ClientCreateConfig "client.create.config" Client
        "The client asks for a configuration within the rules of VDConfig."
        [Source::specification("VDConfig Structure")] None;
    ClientCreateNotSupported "client.create.not-supported" Interface
        "Create with a configuration that is not supported answers VD_E_NOTSUPPORTED."
        [Source::reference("CreateEx")] [UndefinedFeatures];
    ClientCreateName "client.create.name" Client
        "The client names a set without a backslash, and an instance that can be one."
        [Source::reference("CreateEx")] None;
    ClientCreateNameRefused "client.create.name-refused" Interface
        "Create refuses a set's name with a backslash."
        [Source::reference("CreateEx, which gives no code")] None;
    ClientCreateNameTaken "client.create.name-taken" Interface
        "Create refuses the name of a set that another interface has created and not closed: a name identifies one set."
        [Source::reference("CreateEx, the name that identifies the set; it gives no code")] None;
    ClientCreateInstance "client.create.instance" Interface
        "CreateEx with a bad instance name answers VD_E_INSTANCE_NAME."
        [Source::reference("CreateEx")] None;
    ClientCreateDeviceCount "client.create.device-count" Client
        "The client asks for as many devices as its SQL statement names."
        [Source::practice("two devices asked for, one VIRTUAL_DEVICE clause"), Source::reference("Client OpenDevice")] None;
    ClientCreateOnce "client.create.once" Interface
        "Create on an interface that has created already answers VD_E_PROTOCOL."
        [Source::reference("CreateEx"), Source::specification("Client Transitions, Create")] None;
    ClientNotOpen "client.not-open" Interface
        "A client function on an interface without a set answers VD_E_PROTOCOL."
        [Source::specification("Client Transitions, Does Not Exist")] None;
    ClientGetConfigurationStatus "client.get-configuration.status" Interface
        "GetConfiguration blocks until the server has configured, then gives the configuration."
        [Source::reference("Client GetConfiguration"), Source::specification("Client Transitions, GetConfiguration")] [SeveralWaiters];
    ClientGetConfigurationTimeout "client.get-configuration.timeout" Interface
        "GetConfiguration answers VD_E_TIMEOUT when the server has not configured in time."
        [Source::reference("Client GetConfiguration")] None;
    ClientGetConfigurationGranted "client.get-configuration.granted" Interface
        "The configuration given keeps the rules for the fields that the interface sets: maxIODepth and bufferAreaSize."
        [Source::specification("VDConfig Structure")] None;
    ClientGetConfigurationAsAsked "client.get-configuration.as-asked" Interface
        "The configuration given keeps what the client asked for, and its alignment is the greater of what client and server ask."
        [Source::specification("VDConfig Structure"), Source::reference("BeginConfiguration")] None;
    ClientGetConfigurationFeatures "client.get-configuration.features" Interface
        "The configuration given has the features that the client asked for and those that the server has added."
        [Source::reference("BeginConfiguration, the modified features mask"), Source::specification("Feature Bits")] [WithheldFeatures];
    ClientGetConfigurationFixed "client.get-configuration.fixed" Interface
        "Whenever the configuration is asked for it is the same: nothing changes it once it is set."
        [Source::reference("BeginConfiguration")] None;
    ClientGetConfigurationAfterFailure "client.get-configuration.after-failure" Client
        "The client does not wait for a configuration when its SQL statement has failed."
        [Source::practice("clients that wait for ever"), Source::reference("Client GetConfiguration")] None;
    ClientGetConfigurationAborted "client.get-configuration.aborted" Interface
        "GetConfiguration answers VD_E_ABORT after an abort."
        [Source::reference("Client GetConfiguration"), Source::specification("Client Transitions, GetConfiguration")] [GetConfigurationAfterAbort];
    ClientOpenDeviceStatus "client.open-device.status" Interface
        "OpenDevice gives the device of that name and answers NOERROR."
        [Source::reference("Client OpenDevice")] [ClientOpensFirst, ActiveEntry];
    ClientOpenDeviceSurplus "client.open-device.surplus" Interface
        "OpenDevice when all devices are open answers VD_E_OPEN."
        [Source::reference("Client OpenDevice"), Source::specification("Client Transitions, OpenDevice in Active")] [ClientOpenDeviceSurplus];
    ClientOpenDeviceUnknown "client.open-device.unknown" Interface
        "OpenDevice with an unknown name answers VD_E_INVALID."
        [Source::reference("Client OpenDevice")] None;
    ClientOpenDeviceTwice "client.open-device.twice" Interface
        "OpenDevice of a device that is open already answers VD_E_PROTOCOL."
        [Source::reference("Client OpenDevice")] None;
    ClientOpenDevicePhase "client.open-device.phase" Interface
        "OpenDevice before the configuration was seen, and in Normally Terminated, answers VD_E_PROTOCOL."
        [Source::reference("Client OpenDevice"), Source::specification("Client Transitions, OpenDevice")] [ClientInitializing];
    ClientOpenDeviceAborted "client.open-device.aborted" Interface
        "OpenDevice answers VD_E_ABORT after an abort."
        [Source::reference("Client OpenDevice")] None;
    ClientOpenDeviceNull "client.open-device.null" Interface
        "When OpenDevice fails the pointer it gives is null."
        [Source::reference("Client OpenDevice")] None;
    ClientDeviceOneThread "client.device.one-thread" Client
        "A device interface is used by one thread at a time."
        [Source::reference("Client OpenDevice")] [DeviceThread];
    ClientSignalAbortStatus "client.signal-abort.status" Interface
        "The client's SignalAbort answers NOERROR, again and again."
        [Source::reference("Client SignalAbort"), Source::specification("Client Transitions, SignalAbort")] None;
    ClientSignalAbortNotOpen "client.signal-abort.not-open" Interface
        "The client's SignalAbort without a set answers VD_E_PROTOCOL."
        [Source::specification("Client Transitions, SignalAbort")] [SignalAbortNotOpen];
    ClientCloseStatus "client.close.status" Interface
        "The client's Close answers NOERROR when no device is open: after the last VD_E_CLOSE, whether or not the agent is done, and after an abort."
        [Source::reference("Client Close"), Source::specification("Client Transitions, Close")] [ClientCloseAfterAbort];
    ClientCloseNotOpen "client.close.not-open" Interface
        "The client's Close without a set answers VD_E_PROTOCOL and does nothing."
        [Source::reference("Client Close")] None;
    ClientCloseTwice "client.close.twice" Client
        "The client closes a set once."
        [Source::reference("Client Close"), Source::practice("clients that close twice")] None;
    ClientCloseRequired "client.close.required" Client
        "The client closes the set before its process ends."
        [Source::reference("Client Close"), Source::practice("clients that never close")] None;
    ClientCloseSecondary "client.close.secondary" Interface
        "A secondary client's Close ends its own use of the set, and not the set."
        [Source::reference("Client Close"), Source::reference("OpenInSecondaryEx")] [ClientCloseAfterAbort, SecondaryClose];
    ClientCloseImplicitAbort "client.close.implicit-abort" Interface
        "The client's Close before normal termination leads the set to abnormal termination."
        [Source::specification("Client State Diagram")] None;
    ClientCloseNormalNoAbort "client.close.normal-no-abort" Interface
        "The client's Close in Normally Terminated does not abort the set."
        [Source::specification("Normal Termination")] None;
    ClientCloseReleases "client.close.releases" Interface
        "The client's Close invalidates its device interfaces and its buffers in all cases."
        [Source::reference("Client Close")] None;
    ClientCloseUseAfter "client.close.use-after" Client
        "The client does not use a buffer or a device interface after Close."
        [Source::reference("Client Close")] None;
    ClientCloseDevicesOpenMistake "client.close.devices-open.mistake" Client
        "The client closes the set only when every device has returned VD_E_CLOSE, or after an abort."
        [Source::reference("Client Close")] [CloseEventAfterServerClose];
    ClientCloseDevicesOpenStatus "client.close.devices-open.status" Interface
        "The client's Close while devices are open answers VD_E_OPEN."
        [Source::reference("Client Close"), Source::specification("Client Transitions, Close")] [ClientCloseDevicesOpen];
    ClientCloseDevicesOpenAborts "client.close.devices-open.aborts" Interface
        "The client's Close while devices are open triggers SignalAbort, and keeps nothing."
        [Source::reference("Client Close")] None;

    // Secondary clients
    ClientOpenInSecondaryStatus "client.open-in-secondary.status" Interface
        "OpenInSecondary gives a second process the set that the primary created and configured."
        [Source::reference("OpenInSecondaryEx")] None;
    ClientOpenInSecondaryNotCreated "client.open-in-secondary.not-created" Interface
        "OpenInSecondary of a set that was not created, in just this spelling, answers VD_E_PROTOCOL."
        [Source::linux("OpenInSecondary")] None;
    ClientOpenInSecondaryOnce "client.open-in-secondary.once" Interface
        "OpenInSecondary in a process that has the set open already answers VD_E_PROTOCOL."
        [Source::reference("OpenInSecondaryEx")] None;
    ClientOpenInSecondaryNotReady "client.open-in-secondary.not-ready" Interface
        "OpenInSecondary before the primary's GetConfiguration answers VD_E_PROTOCOL."
        [Source::reference("OpenInSecondaryEx")] [SecondaryNotReady];
    ClientOpenInSecondaryAborted "client.open-in-secondary.aborted" Interface
        "OpenInSecondary answers VD_E_ABORT after an abort."
        [Source::reference("OpenInSecondaryEx")] [SecondaryAfterDeath];
    ClientGetBufferHandleStatus "client.get-buffer-handle.status" Interface
        "GetBufferHandle gives a handle for the buffer of a Read or Write that the client holds."
        [Source::reference("GetBufferHandle")] None;
    ClientGetBufferHandleInvalid "client.get-buffer-handle.invalid" Interface
        "GetBufferHandle of another address answers VD_E_INVALID."
        [Source::reference("GetBufferHandle")] [HandleOfAnother];
    ClientGetBufferHandleNotOpen "client.get-buffer-handle.not-open" Interface
        "GetBufferHandle without a set answers VD_E_PROTOCOL."
        [Source::reference("GetBufferHandle")] None;
    ClientMapBufferHandleStatus "client.map-buffer-handle.status" Interface
        "MapBufferHandle gives an address of the buffer that is good in the calling process."
        [Source::reference("MapBufferHandle")] None;
    ClientMapBufferHandleInvalid "client.map-buffer-handle.invalid" Interface
        "MapBufferHandle of what is no handle of this set answers VD_E_INVALID."
        [Source::reference("MapBufferHandle")] None;
    ClientMapBufferHandleNotOpen "client.map-buffer-handle.not-open" Interface
        "MapBufferHandle without a set answers VD_E_PROTOCOL."
        [Source::reference("MapBufferHandle")] None;
    ClientBufferHandleAborted "client.buffer-handle.aborted" Interface
        "What GetBufferHandle and MapBufferHandle answer after an abort is not documented."
        [Source::reference("GetBufferHandle and MapBufferHandle, which are silent")] [BufferHandleWhenAborted];
    ClientBufferMapped "client.buffer.mapped" Client
        "A client process uses a buffer by an address it got itself, from GetCommand or MapBufferHandle."
        [Source::reference("MapBufferHandle")] None;
    ClientSecondaryWatched "client.secondary.watched" Client
        "The primary client watches its secondary processes: nobody else notices when one dies."
        [Source::specification("Abnormal Termination, death of a process")] None;

    // Commands on the client's side
    ClientGetCommandDelivers "client.get-command.delivers" Interface
        "GetCommand delivers the commands of a device in the order they were sent."
        [Source::reference("GetCommand"), Source::specification("Active")] [RandomAccessOperations];
    ClientGetCommandAsSent "client.get-command.as-sent" Interface
        "GetCommand delivers a command with the code, the size, the position and the buffer it was sent with."
        [Source::reference("GetCommand"), Source::headers("vdi.h, VDC_Command")] None;
    ClientGetCommandWaits "client.get-command.waits" Interface
        "GetCommand blocks while no command can be delivered and the time-out has not passed."
        [Source::reference("GetCommand")] [GetCommandBeforeActive];
    ClientGetCommandPhase "client.get-command.phase" Interface
        "GetCommand before the configuration was seen answers VD_E_PROTOCOL."
        [Source::specification("Client Transitions, GetCommand in Configurable")] None;
    ClientGetCommandTimeout "client.get-command.timeout" Interface
        "GetCommand answers VD_E_TIMEOUT when the time-out passes, at once for 0."
        [Source::reference("GetCommand")] [LinuxTimeoutUnit];
    ClientGetCommandClose "client.get-command.close" Interface
        "GetCommand answers VD_E_CLOSE once the server has closed the device and its queue is empty."
        [Source::reference("GetCommand"), Source::specification("Normal Termination")] [DeliverAfterCloseDevice];
    ClientGetCommandCloseAgain "client.get-command.close-again" Interface
        "GetCommand on a device that has answered VD_E_CLOSE answers VD_E_CLOSE again."
        [Source::reference("GetCommand"), Source::specification("Client Transitions, GetCommand")] [GetCommandAfterCloseSeen];
    ClientGetCommandStop "client.get-command.stop" Client
        "When GetCommand has returned VD_E_CLOSE the client asks no more."
        [Source::specification("Normal Termination"), Source::practice("clients with wrong constants")] None;
    ClientGetCommandCloseAfterServerClose "client.get-command.close-after-server-close" Interface
        "A device that the server closed in order still answers VD_E_CLOSE after the server's Close."
        [Source::specification("Normal Termination")] [CloseEventAfterServerClose];
    ClientCompleteCommandStatus "client.complete-command.status" Interface
        "CompleteCommand of an active command answers NOERROR; commands may be completed in any order."
        [Source::reference("CompleteCommand"), Source::specification("Active")] [ErrorStateEntry];
    ClientCompleteCommandInactive "client.complete-command.inactive" Interface
        "CompleteCommand of what is no active command of the device answers VD_E_INVALID."
        [Source::reference("CompleteCommand")] [StaleCommandBeforeActive];
    ClientCompleteCommandActiveOnly "client.complete-command.active-only" Client
        "The client completes each delivered command once, on the device that delivered it."
        [Source::reference("CompleteCommand")] None;
    ClientCompleteCommandAborted "client.complete-command.aborted" Interface
        "CompleteCommand after an abort answers VD_E_ABORT and has no effect."
        [Source::reference("CompleteCommand"), Source::specification("Abnormal Termination")] [CompleteAfterAbortEffect];
    ClientCompleteCommandPhase "client.complete-command.phase" Interface
        "CompleteCommand on a device that is not open answers VD_E_PROTOCOL."
        [Source::reference("CompleteCommand"), Source::specification("Client Transitions, CompleteCommand")] [CompleteAfterCloseSeen, StaleCommandBeforeActive];
    ClientCompleteCommandEach "client.complete-command.each" Client
        "The client completes every command that was delivered to it."
        [Source::specification("Active"), Source::practice("fetched commands never completed")] None;
    ClientCompleteCommandBytes "client.complete-command.bytes" Client
        "No more bytes are said to be moved than were asked for."
        [Source::reference("CompleteCommand")] None;
    ClientCompleteCommandStrayBytes "client.complete-command.stray-bytes" Client
        "A command other than Read and Write is completed with 0 bytes: a number is an output of those two alone."
        [Source::specification("Commands, Command Outputs"), Source::reference("CompleteCommand")] [StrayBytes];
    ClientReadEnd "client.read.end-of-data" Client
        "The end of the data is told with ERROR_HANDLE_EOF or ERROR_NO_DATA_DETECTED, not with success and no bytes."
        [Source::specification("Commands, Read"), Source::practice("end of data reported as success")] None;
    ClientReadShort "client.read.short" Client
        "A Read that succeeds fills the buffer."
        [Source::specification("Commands, Read, which is silent")] [ShortReadSuccess];
    ClientWriteShort "client.write.short" Client
        "A Write that succeeds has stored all its bytes."
        [Source::specification("Commands, Write"), Source::practice("short writes reported as success")] None;
    ClientCommandMandatory "client.command.mandatory" Client
        "Every client supports Read, Write, ClearError and Flush."
        [Source::specification("Commands"), Source::practice("Flush answered with ERROR_NOT_SUPPORTED")] None;
    ClientCommandSupported "client.command.supported" Client
        "The client supports the commands of the features it asked for."
        [Source::specification("Feature Bits")] [DiskGetPosition];
    ClientCommandUnsupported "client.command.unsupported" Client
        "A command that the client does not support is answered with ERROR_NOT_SUPPORTED."
        [Source::specification("Commands, supported command sets")] [DiskGetPosition];
    ClientCommandCode "client.command.code" Client
        "A completion code that the documents list for some commands is not used for others."
        [Source::specification("Commands, completion codes")] [CompletionCodes];
    ClientSetPositionPlace "client.set-position.place" Client
        "With RandomAccess the client answers SetPosition with the byte that was asked for: counted from 0, or onwards from where the medium stood."
        [Source::specification("Commands, SetPosition")] None;
    ClientGetPositionPlace "client.get-position.place" Client
        "With RandomAccess the client answers GetPosition with the byte where the medium stands: the one it told last, if nothing was sent in between."
        [Source::specification("Commands, GetPosition")] None;
    ClientCommandReadOnly "client.command.read-only" Client
        "The client does not write into the structure of a command."
        [Source::reference("GetCommand"), Source::practice("clients that write into it")] None;
    ClientCommandMovesData "client.command.moves-data" Client
        "A Read or Write that is said to have moved bytes has moved them."
        [Source::specification("Commands, Read and Write"), Source::practice("commands completed though nothing was moved")] None;
    ClientFlushDurable "client.flush.durable" Client
        "Flush is answered with success when all earlier writes are durable."
        [Source::specification("Commands, Flush")] None;
    ClientFlushNotTheEnd "client.flush.not-the-end" Client
        "The client does not take a Flush for the end of the backup: there may be several."
        [Source::specification("Commands, Flush"), Source::practice("the first Flush taken for the end")] None;
    ClientCompleteTimely "client.complete.timely" Client
        "The client answers Complete within two intervals of serverTimeOut."
        [Source { document: Document::Kb3188454, topic: "VDC_Complete" }, Source::practice("Complete held for too long")] None;
    ClientCompleteFinished "client.complete.finished" Client
        "The client has finished its media when it answers Complete with success."
        [Source { document: Document::Kb3188454, topic: "VDC_Complete" }] None;
    ClientMediaTrue "client.media.true" Client
        "What is read at RESTORE is byte for byte what was written at BACKUP."
        [Source::specification("Overview")] None;
    ClientPendingWrites "client.end-of-media.pending-writes" Client
        "After ERROR_END_OF_MEDIA the writes still pending are stored."
        [Source::specification("Commands, Write, end of media")] None;
    ClientSuccess "client.success" Client
        "Success is reported when the SQL statement succeeded; VD_E_CLOSE alone does not say so."
        [Source::specification("Normal Termination"), Source::practice("VD_E_CLOSE taken for success")] None;
    ClientBufferControl "client.buffer.control" Client
        "The client uses a buffer only between the delivery and the completion of its command."
        [Source::specification("Active, control of buffers")] None;
    ClientBufferControlAfterAbort "client.buffer.control-after-abort" Client
        "After an abort the client uses no buffer but those it held at that moment."
        [Source::specification("Abnormal Termination, buffers")] None;

    // The error state of a device
    DeviceErrorQueue "device.error.queue" Interface
        "What is still queued when its device enters the error state ends with ERROR_IO_DEVICE and is not delivered."
        [Source::specification("Command Error Handling")] [ErrorStateEntry];
    DeviceErrorClearErrorWaits "device.error.clear-error-waits" Interface
        "ClearError is delivered only after every command outstanding at the client has been completed."
        [Source::specification("Command Error Handling")] None;
    DeviceErrorClearErrorSuccess "device.error.clear-error-success" Client
        "The client answers ClearError with success."
        [Source::specification("Commands, ClearError")] None;

    DeviceIndependent "device.independent" Interface
        "The stream of a device goes on as before when another device is in the error state."
        [Source::specification("Active"), Source::specification("Command Error Handling")] None;
    DeviceErrorCleared "device.error.cleared" Interface
        "When the server has received the successful completion of ClearError the device is active again."
        [Source::specification("Command Error Handling")] None;

    // What is not seen in a trace
    DataIntact "data.intact" Interface
        "The bytes in a buffer reach the other side as they were put there."
        [Source::specification("Overview")] None;
    SetAnyThread "set.any-thread" Interface
        "A set interface works the same from every thread of its process."
        [Source::reference("CreateEx and Open")] None;
    StatusSystemError "status.system-error" Interface
        "A call that makes, opens or allocates something may fail for what the environment brings: it answers VD_E_MEMORY, VD_E_SECURITY, VD_E_UNEXPECTED or the system's error, wrapped as a status of the form 0x8007xxxx, and Create and OpenInSecondary VD_E_INSTANCE_NAME too when the instance is not found; it has no other effect."
        [Source::headers("vdierror.h"), Source::reference("ExecuteCompletionAgent, other statuses"), Source::reference("CreateEx")] None;
    AbiLayout "abi.layout" Interface
        "VDConfig, VDC_Command and VDS_Command have the layout of the headers, and the library exports their functions."
        [Source::headers("vdi.h")] None;
    LinuxTimeoutNegative "linux.time-out.negative" Interface
        "On Linux a negative time-out never expires."
        [Source::linux("GetCommand and GetConfiguration")] None;
    LinuxGroup "linux.group" Client
        "On Linux the client runs in the server's group, or with a umask that hides nothing from it."
        [Source::linux("Security")] None;
    ServerCloseReleaseHandle "server.close.release-handle" Server
        "After Close the server gives the interface back to COM."
        [Source::close_page("Remarks, the handle")] None;
    ServerEndOfMediaResend "server.end-of-media.resend" Server
        "What a Write at the end of a medium did not store the server sends anew."
        [Source::specification("Commands, Write, end of media")] None;
    ClientReadAnySize "client.read.any-size" Client
        "A Read of any size that was agreed upon continues where the last one ended."
        [Source::specification("Commands, Read")] None;
    ClientMediumObeys "client.medium.obeys" Client
        "Rewind, marks, skips, positions, Load, Discard and the end of file that Flush sets take place on the medium as they are answered."
        [Source::specification("Commands")] None;
    ServerSnapshotKinds "server.snapshot.kinds" Server
        "The server takes SNAPSHOT for full and file backups alone: not for a log, and not with DIFFERENTIAL."
        [Source::specification("Commands, Snapshot")] None;
    ClientSnapshotTimely "client.snapshot.timely" Client
        "A snapshot is taken quickly, since writes wait for it: ten seconds is the advice."
        [Source::specification("Commands, Snapshot")] None;

    // Processes that die
    ProcessServerDeath "process.server-death" Interface
        "When the server's process ends without Close the interface aborts the set."
        [Source::specification("Abnormal Termination, death of a process")] None;
    ProcessClientDeath "process.client-death" Interface
        "When the primary client's process ends without Close the interface aborts the set."
        [Source::specification("Abnormal Termination, death of a process")] None;
    ProcessSecondaryDeath "process.secondary-death" Interface
        "A set goes on as before when one of its secondary clients dies."
        [Source::specification("Abnormal Termination, death of a process")] None;
}
