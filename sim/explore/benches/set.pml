/* One device set, told a second time: the calls of server and client, the agent, the callbacks,
 * as the default readings have them. It is an outside opinion on the model, and what the search
 * is compared with: no process dies, no buffer is shared, no call that is refused is made, and a
 * call that waits is one that is made later.
 *
 * spin -a -DDEVICES=2 -DCOMMANDS=1 set.pml && cc -O2 -o pan pan.c && ./pan
 *
 * Where both sides have closed and nothing is owed a line tells what was seen on the way:
 * the status of the server's Close and the client's, that of the agent's return, and the codes of
 * the callbacks, as bits.
 */

#ifndef DEVICES
#define DEVICES 1
#endif
#ifndef COMMANDS
#define COMMANDS 2
#endif

/* Lives of the two sides. */
#define ABSENT 0
#define OPEN 1
#define CLOSED 2
/* A device, to the one side and the other. */
#define UNOPENED 0
/* The configuration. */
#define UNSET 0
#define BEGUN 1
#define ENDED 2
/* Commands and their stages. */
#define FLUSH 1
#define CLEAR 2
#define QUEUED 1
#define DELIVERED 2
#define DONE 3
/* Completion codes, as bits. */
#define SUCCESS 1
#define WRITE_FAULT 2
#define IO_DEVICE 4
#define ABORTED 8
/* Statuses. */
#define NOERROR 1
#define PROTOCOL 2
#define OPEN_ERROR 3
#define ABORT 4

byte server, client, configuration;
bit seen, agent, activated, aborted, told;
byte of_server[DEVICES], of_client[DEVICES];
bit errored[DEVICES];

/* Commands, the oldest first. */
byte count;
byte device[COMMANDS], code[COMMANDS], stage[COMMANDS], result[COMMANDS];
bit early[COMMANDS];

/* What was seen, unless it is only counted how many states there are. */
byte server_close, client_close, agent_return, called_back;
#ifdef BLIND
#define SAW(what, as) skip
#else
#define SAW(what, as) what = as
#endif

byte i;
bit any;

#define CONNECTED (server == OPEN && !aborted)

/* Of one or two devices: whether all are so to the server or the client, and whether one is. */
#define ALL(side, is) (side[0] == is && side[DEVICES - 1] == is)
#define ANY(side, is) (side[0] == is || side[DEVICES - 1] == is)

inline activate() {
    activated = activated || (agent && configuration == ENDED
        && !ANY(of_server, UNOPENED) && !ANY(of_client, UNOPENED))
}

/* What is queued on a device is completed with this code. */
inline drop(d, with) {
    i = 0;
    do
    :: i < count ->
        if
        :: device[i] == d && stage[i] == QUEUED -> stage[i] = DONE; result[i] = with
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0
}

/* The command k is called back, and those behind it move up. */
inline call_back(k, with) {
    SAW(called_back, called_back | with);
    if
    :: code[k] == CLEAR && (with) == SUCCESS -> errored[device[k]] = 0
    :: else
    fi;
    i = k + 1;
    do
    :: i < count ->
        device[i - 1] = device[i]; code[i - 1] = code[i]; stage[i - 1] = stage[i];
        result[i - 1] = result[i]; early[i - 1] = early[i];
        i++
    :: else -> break
    od;
    count--;
    device[count] = 0; code[count] = 0; stage[count] = 0; result[count] = 0; early[count] = 0;
    i = 0
}

/* The oldest queued command of a device goes to the client; with none, and the device closed,
 * the client is told so. ClearError waits for what the client held when the device failed. */
inline get_command(d) {
    byte first = COMMANDS;
    any = 0; i = 0;
    do
    :: i < count ->
        if
        :: device[i] == d && stage[i] == QUEUED && first == COMMANDS -> first = i
        :: else
        fi;
        any = any || (device[i] == d && stage[i] == DELIVERED && early[i]);
        i++
    :: else -> break
    od;
    i = 0;
    if
    :: first < COMMANDS && !(errored[d] && any) -> stage[first] = DELIVERED
    :: first == COMMANDS && of_server[d] == CLOSED -> of_client[d] = CLOSED
    :: else
    fi;
    any = 0; first = COMMANDS
}

inline complete(k, with) {
    stage[k] = DONE; result[k] = with;
    if
    :: (with) != SUCCESS && !errored[device[k]] ->
        errored[device[k]] = 1;
        i = 0;
        do
        :: i < count ->
            if
            :: device[i] == device[k] -> early[i] = stage[i] == DELIVERED
            :: else
            fi;
            i++
        :: else -> break
        od;
        drop(device[k], IO_DEVICE)
    :: else
    fi
}

inline close_server() {
    server = CLOSED; SAW(server_close, NOERROR);
    if
    :: !aborted && !ALL(of_server, CLOSED) ->
        aborted = 1;
        SAW(server_close, (ANY(of_server, OPEN) -> PROTOCOL : NOERROR))
    :: else
    fi
}

/* What the client holds at a Close in order is called back as aborted. */
inline close_client() {
    client = CLOSED; SAW(client_close, NOERROR);
    if
    :: !aborted && !(seen && ALL(of_client, CLOSED)) ->
        aborted = 1;
        SAW(client_close, (ANY(of_client, OPEN) -> OPEN_ERROR : NOERROR))
    :: else
    fi;
    i = 0;
    do
    :: i < count ->
        if
        :: !aborted && stage[i] == DELIVERED -> stage[i] = DONE; result[i] = ABORTED
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0
}

#define SEND(d, what) \
    :: d_step { CONNECTED && activated && of_server[d] == OPEN && count < COMMANDS \
        && (what == CLEAR || !errored[d]) -> \
        device[count] = d; code[count] = what; stage[count] = QUEUED; count++ }

#define OF_DEVICE(d) \
    :: d_step { CONNECTED && configuration == ENDED && of_server[d] == UNOPENED -> \
        of_server[d] = OPEN; activate() } \
    :: d_step { CONNECTED && activated && of_server[d] == OPEN -> of_server[d] = CLOSED } \
    SEND(d, FLUSH) \
    SEND(d, CLEAR) \
    :: d_step { client == OPEN && !aborted && seen && of_client[d] == UNOPENED -> \
        of_client[d] = OPEN; activate() } \
    :: d_step { client == OPEN && !aborted && of_client[d] == OPEN -> get_command(d) }

#define HELD(k) (client == OPEN && !aborted && k < count && stage[k] == DELIVERED \
    && of_client[device[k]] == OPEN)

#define OF_COMMAND(k) \
    :: d_step { HELD(k) -> complete(k, SUCCESS) } \
    :: d_step { HELD(k) && code[k] == FLUSH -> complete(k, WRITE_FAULT) } \
    :: d_step { agent && k < count && aborted -> call_back(k, ABORTED) } \
    :: d_step { agent && k < count && !aborted && stage[k] == DONE -> call_back(k, result[k]) }

active proctype set() {
    do
    :: d_step { client == ABSENT -> client = OPEN }
    :: d_step { client == OPEN && server == ABSENT && !aborted -> server = OPEN }
    :: d_step { CONNECTED && configuration == UNSET -> configuration = BEGUN }
    :: d_step { CONNECTED && configuration == BEGUN -> configuration = ENDED }
    :: d_step { client == OPEN && !aborted && configuration == ENDED && !seen -> seen = 1 }
    :: d_step { CONNECTED && configuration == ENDED && !ALL(of_server, CLOSED) && !agent ->
        agent = 1; activate() }
    OF_DEVICE(0)
#if DEVICES > 1
    OF_DEVICE(1)
#endif
    OF_COMMAND(0)
#if COMMANDS > 1
    OF_COMMAND(1)
#endif
#if COMMANDS > 2
    OF_COMMAND(2)
#endif
    :: d_step { agent && count == 0 && aborted -> agent = 0; SAW(agent_return, NOERROR) }
    :: d_step { agent && count == 0 && aborted -> agent = 0; SAW(agent_return, ABORT) }
    :: d_step { agent && count == 0 && !aborted && (server == CLOSED || ALL(of_server, CLOSED)) ->
        agent = 0; SAW(agent_return, NOERROR) }
    :: d_step { CONNECTED -> aborted = 1 }
    :: d_step { client == OPEN && !aborted -> aborted = 1 }
    :: d_step { server == OPEN -> close_server() }
    :: d_step { client == OPEN -> close_client() }
    :: d_step { server == CLOSED && client == CLOSED && !agent && count == 0 && !told ->
        told = 1;
#ifndef BLIND
        c_code { printf("OUTCOME %d %d %d %d\n", now.server_close, now.client_close,
            now.agent_return, now.called_back); }
#endif
        }
    :: told -> break
    od
}
