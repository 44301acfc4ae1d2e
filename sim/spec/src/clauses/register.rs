//! The register of readings: every question on which the documents contradict
//! themselves or are silent. One table; the default reading comes first.

use super::readings::{QuestionInfo, Reading, ReadingInfo, register};
use crate::codes::Source;

register! {
    server_close_devices_open ServerCloseDevicesOpen "server-close-devices-open",
        "What does the server's Close return while devices are open?",
        {
            ProtocolError "protocol-error" "VD_E_PROTOCOL; the set is aborted and released all the same",
            Noerror "noerror" "NOERROR; the set goes to Does Not Exist",
        }
        [
            Source::close_page("Return values, Remarks"),
            Source::specification("Server Transitions, Close"),
        ];
    client_close_devices_open ClientCloseDevicesOpen "client-close-devices-open",
        "What does the client's Close return while devices are open?",
        {
            OpenError "open-error" "VD_E_OPEN; the set is aborted and released",
            Noerror "noerror" "NOERROR",
        }
        [
            Source::reference("Client Close"),
            Source::specification("Client Transitions, Close"),
        ];
    server_close_after_abort ServerCloseAfterAbort "server-close-after-abort",
        "What does the server's Close return after an abort while devices are open?",
        {
            Noerror "noerror" "NOERROR: closing devices is not required any more",
            ProtocolError "protocol-error" "VD_E_PROTOCOL, as without the abort",
        }
        [
            Source::specification("Server Transitions, Close; Abnormal Termination"),
            Source::close_page("Return values"),
        ];
    client_close_after_abort ClientCloseAfterAbort "client-close-after-abort",
        "What does the client's Close return after an abort while devices are open?",
        {
            Noerror "noerror" "NOERROR: closing devices is not required any more",
            OpenError "open-error" "VD_E_OPEN, as without the abort",
        }
        [
            Source::specification("Client Transitions, Close; Abnormal Termination"),
            Source::reference("Client Close"),
        ];
    client_initializing ClientInitializing "client-initializing",
        "What moves the client from Configurable to Initializing?",
        {
            GetConfiguration "get-configuration" "its GetConfiguration, which tells it that the server has configured",
            EndConfiguration "end-configuration" "the server's EndConfiguration: OpenDevice succeeds without GetConfiguration",
        }
        [
            Source::reference("Client GetConfiguration, Client OpenDevice"),
            Source::specification("Configuration; Client State Diagram"),
        ];
    close_device_after_all_closed CloseDeviceAfterAllClosed "close-device-after-all-closed",
        "What does CloseDevice return in Normally Terminated?",
        {
            CloseError "close-error" "VD_E_CLOSE",
            Noerror "noerror" "NOERROR",
        }
        [
            Source::reference("CloseDevice"),
            Source::specification("Server Transitions, CloseDevice"),
        ];
    close_device_twice_while_active CloseDeviceTwiceWhileActive "close-device-twice-while-active",
        "What does CloseDevice return on a closed device while others are open?",
        {
            CloseError "close-error" "VD_E_CLOSE",
            Noerror "noerror" "NOERROR",
        }
        [
            Source::reference("CloseDevice"),
            Source::specification("Server Transitions, which has no column for it"),
        ];
    agent_return AgentReturn "agent-return",
        "When does ExecuteCompletionAgent return after a normal run?",
        {
            AfterLastDevice "after-last-device" "once all devices are closed and no callback is owed",
            AtClose "at-close" "only at Close or SignalAbort",
        }
        [
            Source::specification("Normal Termination"),
            Source::reference("ExecuteCompletionAgent"),
        ];
    configuration_call_when_aborted ConfigurationCallWhenAborted "configuration-call-when-aborted",
        "What do BeginConfiguration, EndConfiguration and RequestBuffers return after an abort?",
        {
            AbortError "abort-error" "VD_E_ABORT",
            ProtocolError "protocol-error" "VD_E_PROTOCOL",
        }
        [
            Source::reference("BeginConfiguration, EndConfiguration, RequestBuffers"),
            Source::specification("Server Transitions"),
        ];
    server_open_device_surplus ServerOpenDeviceSurplus "server-open-device-surplus",
        "What does the server's OpenDevice return when all devices are open?",
        {
            OpenError "open-error" "VD_E_OPEN",
            ProtocolError "protocol-error" "VD_E_PROTOCOL",
        }
        [
            Source::reference("Server OpenDevice"),
            Source::specification("Server Transitions, OpenDevice in Active"),
        ];
    client_open_device_surplus ClientOpenDeviceSurplus "client-open-device-surplus",
        "What does the client's OpenDevice return when all devices are open?",
        {
            OpenError "open-error" "VD_E_OPEN",
            ProtocolError "protocol-error" "VD_E_PROTOCOL",
        }
        [
            Source::reference("Client OpenDevice"),
            Source::specification("Client Transitions, OpenDevice in Active"),
        ];
    connected_state_cells ConnectedStateCells "connected-state-cells",
        "What do FreeBuffer, SendCommand and CloseDevice return in Connected, where neither buffer nor device can exist?",
        {
            Unreachable "unreachable" "no such object exists: any status is allowed",
            Table "table" "what the table says",
        }
        [Source::specification("Server Transitions, Connected")];
    active_entry ActiveEntry "active-entry",
        "When is Active entered?",
        {
            AllOpenAndAgent "all-open-and-agent" "when all devices are open on both sides and the agent runs",
            PerCall "per-call" "each OpenDevice and ExecuteCompletionAgent leads there, so the first one does",
        }
        [
            Source::specification("Server State Diagram, text"),
            Source::specification("Server Transitions, arrows"),
        ];
    get_command_before_active GetCommandBeforeActive "get-command-before-active",
        "What does GetCommand do on an open device while other devices are not yet open?",
        {
            Waits "waits" "it waits as for an empty queue; clients with a thread per device depend on it",
            ProtocolError "protocol-error" "VD_E_PROTOCOL",
        }
        [
            Source::practice("a thread per device"),
            Source::specification("Client Transitions, GetCommand in Initializing"),
        ];
    get_command_after_close_seen GetCommandAfterCloseSeen "get-command-after-close-seen",
        "What does GetCommand return on a device that already returned VD_E_CLOSE?",
        {
            CloseError "close-error" "VD_E_CLOSE again",
            ProtocolError "protocol-error" "VD_E_PROTOCOL",
        }
        [
            Source::reference("GetCommand"),
            Source::specification("Client Transitions, GetCommand in Normally Terminated"),
        ];
    allocate_after_normal_termination AllocateAfterNormalTermination "allocate-after-normal-termination",
        "What does AllocateBuffer return in Normally Terminated?",
        {
            Noerror "noerror" "NOERROR",
            ProtocolError "protocol-error" "VD_E_PROTOCOL",
        }
        [
            Source::specification("Server Transitions, AllocateBuffer"),
            Source::specification("Normal Termination, which leaves nothing but Close to do"),
        ];
    signal_abort_not_open SignalAbortNotOpen "signal-abort-not-open",
        "What does SignalAbort return when the set does not exist?",
        {
            ProtocolError "protocol-error" "VD_E_PROTOCOL",
            Noerror "noerror" "NOERROR",
        }
        [
            Source::specification("Server Transitions and Client Transitions, SignalAbort"),
            Source::reference("SignalAbort"),
        ];
    completion_race CompletionRace "completion-race",
        "How is a completion called back that the client recorded before the abort, but whose callback has not run yet?",
        {
            Overridden "overridden" "with ERROR_OPERATION_ABORTED",
            Either "either" "with ERROR_OPERATION_ABORTED or its own code",
        }
        [Source::specification("Abnormal Termination, recorded completions")];
    complete_after_abort_effect CompleteAfterAbortEffect "complete-after-abort-effect",
        "What does CompleteCommand do after the abort?",
        {
            AbortError "abort-error" "VD_E_ABORT, and nothing else",
        }
        [
            Source::reference("CompleteCommand"),
            Source::reference("SignalAbort"),
        ];
    get_configuration_after_abort GetConfigurationAfterAbort "get-configuration-after-abort",
        "What does the client's GetConfiguration return when the abort happened inside the interface?",
        {
            AbortError "abort-error" "VD_E_ABORT",
            NoerrorThenOpenDeviceFails "noerror-then-open-device-fails" "NOERROR is allowed too; OpenDevice then answers VD_E_ABORT",
        }
        [
            Source::specification("Client Transitions, GetConfiguration in Abort"),
            Source::practice("seen on Linux"),
        ];
    queue_full_code QueueFullCode "queue-full-code",
        "Which number is VD_E_QUEUE_FULL?",
        {
            Busy "busy" "that of VD_E_BUSY, 0x8077000F",
            Other "other" "any failure",
        }
        [
            Source::headers("vdierror.h"),
            Source::specification("VD_E_QUEUE_FULL"),
        ];
    io_error_code IoErrorCode "io-error-code",
        "Which number is VD_E_IO_ERROR?",
        {
            AnyFailure "any-failure" "any failure; the callback's ERROR_IO_DEVICE decides",
        }
        [Source::headers("vdierror.h, which lacks it")];
    queue_depth QueueDepth "queue-depth",
        "How many commands may a device's queue hold?",
        {
            Unspecified "unspecified" "at least 1; what the implementation declares",
            Four "four" "four, the value of maxIODepth",
        }
        [Source::specification("VDConfig Structure, maxIODepth")];
    short_read_success ShortReadSuccess "short-read-success",
        "May a Read be completed with success and fewer bytes than asked?",
        {
            Allowed "allowed" "yes",
            ClientFault "client-fault" "no: the client is at fault",
        }
        [
            Source::specification("Commands, Read, which is silent"),
            Source::practice("real clients differ"),
        ];
    close_and_agent_order CloseAndAgentOrder "close-and-agent-order",
        "May the server's Close return before the agent has run the callbacks it owes and returned?",
        {
            Either "either" "yes, any order",
            CloseWaits "close-waits" "no: Close returns after the agent is done",
        }
        [Source::close_page("Remarks, on the agent's return and on unloading")];
    close_event_after_server_close CloseEventAfterServerClose "close-event-after-server-close",
        "What does GetCommand return when the server closed its devices and then its set before the client looked?",
        {
            StillDelivered "still-delivered" "VD_E_CLOSE",
            AbortError "abort-error" "VD_E_ABORT",
        }
        [Source::specification("Normal Termination, which is silent on the order")];
    deliver_after_close_device DeliverAfterCloseDevice "deliver-after-close-device",
        "What becomes of commands still queued when the server closes the device?",
        {
            Drained "drained" "they are delivered first, then VD_E_CLOSE",
            Aborted "aborted" "they are completed with ERROR_OPERATION_ABORTED",
        }
        [Source::reference("CloseDevice, which is silent")];
    linux_timeout_unit LinuxTimeoutUnit "linux-timeout-unit",
        "What is the unit of GetCommand's time-out on Linux?",
        {
            Milliseconds "milliseconds" "milliseconds",
            Seconds "seconds" "seconds",
        }
        [
            Source::linux("GetCommand"),
            Source::practice("a published sample's comment"),
        ];
    secondary_not_ready SecondaryNotReady "secondary-not-ready",
        "How early may a secondary client open?",
        {
            AfterGetConfiguration "after-get-configuration" "after the primary's GetConfiguration",
            AfterCreate "after-create" "after the primary's Create",
        }
        [Source::reference("OpenInSecondaryEx")];
    naming Naming "naming",
        "Are SetConfiguration, CompleteConfiguration, GetBuffer and completionFunction functions of their own?",
        {
            Aliases "aliases" "no: they are BeginConfiguration, EndConfiguration, AllocateBuffer and completionRoutine",
        }
        [Source::specification("several topics, loosely worded")];
    server_handle_reuse ServerHandleReuse "server-handle-reuse",
        "What does a server interface answer after its Close?",
        {
            ProtocolError "protocol-error" "VD_E_PROTOCOL, Open included: the handle is useless",
            Reopens "reopens" "VD_E_PROTOCOL, but Open may be called anew",
        }
        [
            Source::close_page("Remarks, the handle after Close"),
            Source::specification("Server Transitions, Does Not Exist"),
        ];
    open_after_abort OpenAfterAbort "open-after-abort",
        "What does Open return for a set that its client has aborted but not closed?",
        {
            Invalid "invalid" "VD_E_INVALID: no accessible set",
            AbortError "abort-error" "VD_E_ABORT",
            Opens "opens" "NOERROR; every later call answers VD_E_ABORT",
        }
        [Source::reference("Open, which is silent")];
    bad_configuration_arguments BadConfigurationArguments "bad-configuration-arguments",
        "What does BeginConfiguration return for arguments outside the limits?",
        {
            AnyFailure "any-failure" "any failure, and the state stays",
            Invalid "invalid" "VD_E_INVALID, and the state stays",
            Unchecked "unchecked" "NOERROR: it does not check them, and takes them as they are",
        }
        [Source::reference("BeginConfiguration, which gives limits but no code, and does not say who checks them")];
    bad_request_arguments BadRequestArguments "bad-request-arguments",
        "What does RequestBuffers make of a size of 0, and of an alignment that is no power of 2?",
        {
            Unchecked "unchecked" "it does not check them: NOERROR",
            Checked "checked" "it refuses them with any failure",
        }
        [Source::reference("RequestBuffers, which does not say who checks them")];
    bad_query_arguments BadQueryArguments "bad-query-arguments",
        "What does QueryAvailableBuffers make of a size of 0, and of an alignment that is no power of 2?",
        {
            Unchecked "unchecked" "it does not check them: NOERROR",
            Checked "checked" "it refuses them with any failure",
        }
        [Source::specification("Server Transitions, QueryAvailableBuffers, the only place that names it")];
    withheld_features WithheldFeatures "withheld-features",
        "May the server withhold a feature that the client asked for?",
        {
            Kept "kept" "no: what BeginConfiguration is given is added to what was asked for",
            Withheld "withheld" "yes: what BeginConfiguration is given holds, and nothing else",
        }
        [
            Source::reference("BeginConfiguration, the modified features mask"),
            Source::specification("Feature Bits"),
        ];
    allocate_alignment_zero AllocateAlignmentZero "allocate-alignment-zero",
        "What does AllocateBuffer make of an alignment of 0?",
        {
            ZeroIsBasic "zero-is-basic" "the basic alignment, as RequestBuffers does",
            ZeroIsInvalid "zero-is-invalid" "VD_E_INVALID: it is no power of 2",
        }
        [
            Source::reference("AllocateBuffer, which asks for a power of 2"),
            Source::reference("RequestBuffers and BeginConfiguration, which give 0 a meaning"),
        ];
    stray_bytes StrayBytes "stray-bytes",
        "What is a number of bytes that is given with the completion of a command other than Read and Write?",
        {
            Told "told" "nothing: it is told, and nobody is at fault",
            ClientFault "client-fault" "a fault of the client",
        }
        [
            Source::specification("Commands, Command Outputs, which names it for Read and Write alone"),
            Source::practice("counts of the command before"),
        ];
    second_agent SecondAgent "second-agent",
        "What does ExecuteCompletionAgent return while an agent runs and not all devices are open?",
        {
            ProtocolError "protocol-error" "VD_E_PROTOCOL",
            Unspecified "unspecified" "any failure",
        }
        [
            Source::reference("ExecuteCompletionAgent, which is silent"),
            Source::specification("Server Transitions, ExecuteCompletionAgent in Initializing"),
        ];
    agent_status_after_abort AgentStatusAfterAbort "agent-status-after-abort",
        "What does a running ExecuteCompletionAgent return after an abort?",
        {
            Either "either" "NOERROR or VD_E_ABORT",
            Noerror "noerror" "NOERROR",
            AbortError "abort-error" "VD_E_ABORT",
        }
        [Source::reference("ExecuteCompletionAgent, which lists NOERROR and unnamed others")];
    free_buffer_in_use FreeBufferInUse "free-buffer-in-use",
        "What does FreeBuffer return for the buffer of an outstanding command?",
        {
            Either "either" "VD_E_INVALID, or NOERROR",
            Invalid "invalid" "VD_E_INVALID",
        }
        [Source::reference("FreeBuffer, which is silent")];
    failed_send_callback_lane FailedSendCallbackLane "failed-send-callback-lane",
        "On which thread does the callback of a failed SendCommand run?",
        {
            Caller "caller" "on the thread that called SendCommand, before it returns",
            Any "any" "on that thread or on the agent",
        }
        [
            Source::specification("Command Error Handling, which says so for the error state only"),
            Source::reference("SendCommand, which is silent"),
        ];
    client_opens_first ClientOpensFirst "client-opens-first",
        "May a client open a device by a name that the server has not opened yet?",
        {
            Accepted "accepted" "yes, it takes a device that has no name yet",
            Invalid "invalid" "no: VD_E_INVALID",
        }
        [Source::reference("Client OpenDevice, which is silent on the order")];
    complete_after_close_seen CompleteAfterCloseSeen "complete-after-close-seen",
        "What does CompleteCommand return for a command still held when GetCommand has returned VD_E_CLOSE?",
        {
            ProtocolError "protocol-error" "VD_E_PROTOCOL: the device is not open",
            Noerror "noerror" "NOERROR: the command is active",
        }
        [
            Source::reference("CompleteCommand"),
            Source::specification("Client Transitions, CompleteCommand in Normally Terminated"),
        ];
    stale_command_before_active StaleCommandBeforeActive "stale-command-before-active",
        "What does CompleteCommand return for no active command while other devices are not yet open?",
        {
            Either "either" "VD_E_INVALID or VD_E_PROTOCOL",
            ProtocolError "protocol-error" "VD_E_PROTOCOL",
        }
        [
            Source::reference("CompleteCommand"),
            Source::specification("Client Transitions, CompleteCommand in Initializing"),
        ];
    commands_held_at_normal_close CommandsHeldAtNormalClose "commands-held-at-normal-close",
        "What becomes of commands the client still holds when a side closes in Normally Terminated?",
        {
            ClientCloseAborts "client-close-aborts" "the client's Close has them called back with ERROR_OPERATION_ABORTED; the server's leaves them to the client",
            EitherCloseAborts "either-close-aborts" "either side's Close has them called back so",
        }
        [
            Source::specification("Normal Termination, which is silent on held commands"),
            Source::close_page("Remarks, which speak of open devices only"),
        ];
    unsound_command UnsoundCommand "unsound-command",
        "What does SendCommand return for a command that the server should not send?",
        {
            Either "either" "NOERROR, or VD_E_PROTOCOL with its callback",
            Accepted "accepted" "NOERROR: the interface carries what it is given",
        }
        [Source::reference("SendCommand, which names no check")];
    shared_after_free SharedAfterFree "shared-after-free",
        "What does IsSharedBuffer tell of a buffer that was freed?",
        {
            Either "either" "either answer: its address still lies in shared memory",
            False "false" "FALSE",
        }
        [Source::headers("vdi.h, IsSharedBuffer")];
    completion_codes CompletionCodes "completion-codes",
        "May a command end with a completion code that the documents list for other commands only?",
        {
            Any "any" "yes: the lists are not said to be complete",
            Listed "listed" "no: the client is at fault",
        }
        [Source::specification("Commands, completion codes")];
    secondary_close SecondaryClose "secondary-close",
        "What does a secondary client's Close do to a set that has not come to its end?",
        {
            Harmless "harmless" "nothing, if no device of its own is open",
            Aborts "aborts" "it aborts the set, as the primary's would",
        }
        [
            Source::reference("Client Close, which does not speak of secondaries"),
            Source::specification("Client State Diagram"),
        ];
    buffer_handle_when_aborted BufferHandleWhenAborted "buffer-handle-when-aborted",
        "What do GetBufferHandle and MapBufferHandle return after an abort?",
        {
            Any "any" "any status",
            AbortError "abort-error" "VD_E_ABORT",
        }
        [Source::reference("GetBufferHandle and MapBufferHandle, which are silent")];
    handle_of_another HandleOfAnother "handle-of-another",
        "May a client process ask for the handle of a buffer that it has mapped, while the command was delivered in another process?",
        {
            Either "either" "NOERROR or VD_E_INVALID",
            Given "given" "NOERROR: the client has the buffer, whichever process",
            Invalid "invalid" "VD_E_INVALID: it is no buffer of a command there",
        }
        [Source::reference("GetBufferHandle, which speaks of a Read or Write command's buffer")];
    secondary_after_death SecondaryAfterDeath "secondary-after-death",
        "What does OpenInSecondary return once the primary's process has died?",
        {
            Either "either" "VD_E_ABORT or VD_E_PROTOCOL",
            AbortError "abort-error" "VD_E_ABORT, until the server has closed the set",
            ProtocolError "protocol-error" "VD_E_PROTOCOL: nobody has it created any more",
        }
        [
            Source::reference("OpenInSecondaryEx"),
            Source::specification("Abnormal Termination"),
        ];
    available_count AvailableCount "available-count",
        "What does the number of QueryAvailableBuffers promise?",
        {
            AtLeast "at-least" "so many buffers can be had, perhaps more",
            Exact "exact" "so many, and no more",
        }
        [Source::headers("vdi.h, QueryAvailableBuffers, without a page of its own")];
    disk_get_position DiskGetPosition "disk-get-position",
        "Does GetPosition belong to a disk-like client, which asks for RandomAccess and not for Position?",
        {
            RandomAccess "random-access" "yes: RandomAccess is enough for it",
            PositionOnly "position-only" "no: it needs Position; disk-like clients have SetPosition alone",
        }
        [
            Source::specification("Commands, GetPosition"),
            Source::specification("Commands, supported command sets"),
        ];
    undefined_features UndefinedFeatures "undefined-features",
        "What does Create return for a combination of features that is like no pipe, tape or disk?",
        {
            Refused "refused" "VD_E_NOTSUPPORTED, as for any bad configuration",
            Undefined "undefined" "any status: such combinations are left undefined",
        }
        [
            Source::reference("CreateEx"),
            Source::specification("Feature Bits, combinations"),
        ];
    error_state_entry ErrorStateEntry "error-state-entry",
        "When does a command that fails put its device into the error state?",
        {
            AtCompletion "at-completion" "when the client completes it",
            AtCallback "at-callback" "when the server receives the completion, as for the end of the state",
        }
        [Source::specification("Command Error Handling, which names the moment for the end of the state only")];
    load_excuses LoadExcuses "load-excuses",
        "Which commands may outlast serverTimeOut while a Load is outstanding?",
        {
            Nothing "nothing" "none: a Load counts like every command, and times out itself",
            WholeSet "whole-set" "the Load, and those of every device",
            OwnDevice "own-device" "the Load, and those of the device that loads",
        }
        [
            Source::specification("Commands, Load, which counts it towards serverTimeOut, and advises 0 with Removable"),
            Source::specification("VDConfig Structure, serverTimeOut"),
        ];
    transfer_size_limit TransferSizeLimit "transfer-size-limit",
        "How large may maxTransferSize be?",
        {
            Unlimited "unlimited" "any multiple of 64 KiB",
            FourMebibytes "four-mebibytes" "a multiple of 64 KiB up to 4 MiB, as in the BACKUP statement",
        }
        [
            Source::reference("BeginConfiguration, which gives no upper limit"),
            Source::specification("VDConfig Structure, maxTransferSize in the BACKUP statement"),
        ];
    shared_when_not_open SharedWhenNotOpen "shared-when-not-open",
        "What does IsSharedBuffer tell on an interface that has no set open?",
        {
            ProtocolError "protocol-error" "VD_E_PROTOCOL, as every other function",
            False "false" "FALSE: it answers TRUE or FALSE and has no status",
        }
        [
            Source::specification("Server Transitions, Does Not Exist"),
            Source::headers("vdi.h, IsSharedBuffer"),
        ];
    device_thread DeviceThread "device-thread",
        "May the client's threads take turns on one device?",
        {
            Turns "turns" "yes: a device is used by one thread at a time",
            OneThread "one-thread" "no: a device belongs to one thread",
        }
        [
            Source::reference("Client OpenDevice, loosely worded"),
            Source::practice("a thread per device"),
        ];
    random_access_operations RandomAccessOperations "random-access-operations",
        "May a set end in an abort because its client asked for RandomAccess?",
        {
            CarriedOut "carried-out" "no: what a client asks for is granted or refused, and no reason to abort",
            MayAbort "may-abort" "yes: VD_E_ABORT at any time, though nobody has called SignalAbort",
        }
        [Source::specification("Feature Bits, RandomAccess"), Source::practice("operations that abort")];
    several_waiters SeveralWaiters "several-waiters",
        "Of several GetConfigurations that wait, which return the configuration when it is there?",
        {
            Every "every" "every one",
            OneMayTimeOut "one-may-time-out" "one; another may wait until its time-out has passed, and answer VD_E_TIMEOUT",
        }
        [Source::reference("Client GetConfiguration, which speaks of one"), Source::practice("two that wait, of which one times out")];
}
