//! Buffers: their sizes, alignments, numbers and prefix zones.

use serde_json::{Value, json};

use super::bounds::BUFFER_ALIGNMENT;
use super::steps::{
    BUFFER, SERVER, allocate, begin, call, client_configuration, end, free, get, names, query,
    request, send, sized, with,
};
use super::story::{Story, story};

/// Sizes: one byte, odd ones, around a block, 64 KiB and more.
const SIZES: &[u32] = &[1, 7, 511, 512, 513, 4097, 65535, 65536, 65537, 131_072, 1 << 20];

/// How many are requested.
const COUNTS: &[u32] = &[1, 2, 3, 5, 12, 64];

/// Sizes of the prefix zone.
const PREFIXES: &[u32] = &[1, 511, 512, 513, 4096, 65535, 65537];

const GIVEN: &str = "server.allocate-buffer.requested";

pub(super) fn stories() -> Vec<Story> {
    let mut all: Vec<Story> = SIZES.iter().map(|size| of_size(*size)).collect();
    all.extend(COUNTS.iter().map(|count| of_count(*count)));
    all.extend(PREFIXES.iter().map(|prefix| of_prefix(*prefix)));
    let alignments = BUFFER_ALIGNMENT.accepted();
    all.extend(alignments.iter().filter(|one| **one != 0).map(|alignment| aligned(*alignment)));
    all.extend([alignments_refused(), refused_in_vain(), too_large_in_vain()]);
    all.extend([requested_several_times(), requested_late(), freed_several()]);
    all.extend([shared_each(), handle_of_the_third()]);
    all.extend(ORDERS.iter().map(|(what, order)| given_again(what, order)));
    all.extend([freed_beside_others(), where_none_fits()]);
    all.extend([again_and_again(), count_after_free(), freed_after_refusal()]);
    all.extend(LATE.iter().map(|(size, alignment)| requested_late_of(*size, *alignment)));
    all.extend([too_many_late(), count_of_holes(), count_where_aligned()]);
    let [least, middle, most] = SEVERAL_KINDS;
    all.push(of_several_kinds("from-the-least", [least, middle, most]));
    all.push(of_several_kinds("from-the-most", [most, middle, least]));
    all.push(raised_in_vain());
    all.extend([two_kinds(512, BUFFER), two_kinds(BUFFER, 512)]);
    all.extend([1 << 16, (1 << 16) + 1].map(beyond_32_bits));
    all.extend(["server", "primary", "secondary1"].map(stays_for_the_others));
    all
}

/// Requests, EndConfiguration, and as many allocations as were requested.
fn requested(size: u32, alignment: u32, count: u32) -> Vec<Value> {
    let mut steps = vec![begin(512, 0, BUFFER), request(size, alignment, count), end()];
    steps.extend([client_configuration(), query(size, alignment)]);
    steps.extend(names("b", count).iter().map(|name| allocate(name, size, alignment)));
    steps
}

fn connected(name: &str, title: &str, clauses: &[&str]) -> Story {
    story(name, title, clauses).given(json!({ "phase": "Connected" }))
}

fn of_size(size: u32) -> Story {
    connected(
        &format!("buffers/size-{size}"),
        &format!("Three buffers of {size} bytes are requested and given, apart and aligned"),
        &[GIVEN, "server.allocate-buffer.prefix-zone", "server.query-available-buffers.count"],
    )
    .steps(requested(size, 0, 3))
    // Freed with just its own size, or with none: that is its own, too.
    .steps([free("b2", size + 1, "VD_E_INVALID"), free("b2", size, "NOERROR")])
    .step(call("FreeBuffer", SERVER, json!({ "buffer": "b3" }), "NOERROR"))
    .steps(["b2", "b3"].map(|name| free(name, size, "VD_E_INVALID")))
}

fn of_count(count: u32) -> Story {
    let of = if count == 1 { "One buffer is".to_owned() } else { format!("{count} buffers are") };
    connected(
        &format!("buffers/count-{count}"),
        &format!("{of} requested, counted and given"),
        &[GIVEN, "server.query-available-buffers.count"],
    )
    .steps(requested(4096, 0, count))
}

fn of_prefix(prefix: u32) -> Story {
    connected(
        &format!("buffers/prefix-{prefix}"),
        &format!("Three buffers with a prefix zone of {prefix} bytes lie apart"),
        &[GIVEN, "server.allocate-buffer.prefix-zone"],
    )
    .config(json!({ "prefixZoneSize": prefix }))
    .steps(requested(4096, 0, 3))
}

fn aligned(alignment: u32) -> Story {
    connected(
        &format!("buffers/aligned-{alignment}"),
        &format!("Three buffers of 513 bytes, each at a multiple of {alignment}"),
        &[GIVEN, "server.allocate-buffer.aligned"],
    )
    .steps(requested(513, alignment, 3))
}

fn refused(size: u32, alignment: u32) -> Value {
    call("AllocateBuffer", SERVER, sized(size, alignment, None), "VD_E_INVALID")
}

fn alignments_refused() -> Story {
    story(
        "buffers/alignment-refused",
        "AllocateBuffer refuses every alignment that is no power of 2, and no size",
        &["server.allocate-buffer.alignment"],
    )
    .given(json!({ "phase": "Initializing" }))
    .steps(BUFFER_ALIGNMENT.refused().into_iter().map(|alignment| refused(512, alignment)))
    .steps([refused(0, 0), refused(0, 512)])
}

/// What is refused takes nothing of what was requested.
fn refused_in_vain() -> Story {
    let mut steps = requested(4096, 0, 2);
    let given = steps.split_off(steps.len() - 2);
    connected(
        "buffers/refused-takes-nothing",
        "Allocations that are refused leave all that was requested",
        &["server.allocate-buffer.alignment", GIVEN, "server.query-available-buffers.count"],
    )
    .steps(steps)
    .steps([refused(0, 0), refused(4096, 3), refused(4096, 1000), refused(0, 4096)])
    .step(query(4096, 0))
    .steps(given)
}

fn too_large_in_vain() -> Story {
    let mut steps = requested(4096, 0, 3);
    let given = steps.split_off(steps.len() - 3);
    let large = |size: u32| {
        call("AllocateBuffer", SERVER, sized(size, 0, None), json!(["VD_E_MEMORY", "NOERROR"]))
    };
    connected(
        "buffers/too-large-takes-nothing",
        "An allocation for which there is no memory leaves all that was requested",
        &["server.allocate-buffer.memory", GIVEN],
    )
    .steps(steps)
    .step(large((1 << 31) - 4096))
    .step(query(4096, 0))
    .steps(given)
}

fn requested_several_times() -> Story {
    let all = names("b", 6);
    connected(
        "buffers/requested-several-times",
        "Three requests of 1, 2 and 3 buffers while configuring are 6 buffers",
        &[GIVEN, "server.request-buffers.status", "server.query-available-buffers.count"],
    )
    .steps([begin(512, 0, BUFFER), request(4096, 0, 1), request(4096, 0, 2)])
    .steps([request(4096, 0, 3), end(), client_configuration(), query(4096, 0)])
    .steps(all.iter().map(|name| allocate(name, 4096, 0)))
}

fn requested_late() -> Story {
    let all = names("b", 6);
    story(
        "buffers/requested-late-several-times",
        "Three requests of 1, 2 and 3 buffers in an active set are 6 buffers",
        &[GIVEN, "server.request-buffers.status", "server.query-available-buffers.count"],
    )
    .given(json!({ "phase": "Active" }))
    .steps([request(4096, 0, 1), request(4096, 0, 2), request(4096, 0, 3), query(4096, 0)])
    .steps(all.iter().map(|name| allocate(name, 4096, 0)))
}

/// What was freed, the last of three too, may be had again.
fn freed_several() -> Story {
    connected(
        "buffers/freed-and-counted",
        "Three buffers are freed from the last to the first, and cannot be freed again",
        &["server.free-buffer.status", "server.free-buffer.invalid", GIVEN],
    )
    .steps(requested(4096, 0, 3))
    .steps(["b3", "b2", "b1"].map(|name| free(name, 4096, "NOERROR")))
    .steps(["b1", "b2", "b3"].map(|name| free(name, 4096, "VD_E_INVALID")))
}

/// In which order four buffers are freed.
const ORDERS: &[(&str, [usize; 4])] = &[
    ("first-to-last", [1, 2, 3, 4]),
    ("last-to-first", [4, 3, 2, 1]),
    ("outer-ones-first", [1, 4, 2, 3]),
    ("inner-ones-first", [2, 3, 1, 4]),
    ("every-other-first", [3, 1, 2, 4]),
    ("all-but-the-second", [1, 4, 3, 2]),
];

/// All that was freed may be had again, in whatever order it was freed.
fn given_again(what: &str, order: &[usize; 4]) -> Story {
    connected(
        &format!("buffers/given-again-{what}"),
        "Four buffers are freed, counted, and all given again",
        &["server.free-buffer.status", "server.query-available-buffers.count", GIVEN],
    )
    .steps(requested(4096, 0, 4))
    .steps(
        order
            .iter()
            .flat_map(|number| [free(&format!("b{number}"), 4096, "NOERROR"), query(4096, 0)]),
    )
    // Where the number means no more than so many, nothing says that it counts what was freed.
    .steps(
        names("again", 4)
            .iter()
            .map(|name| with(allocate(name, 4096, 0), "when", "available-count=at-least")),
    )
}

/// Size and alignment of what is requested in an active set.
const LATE: &[(u32, u32)] = &[(513, 1024), (4096, 65536), (1 << 17, 0), (7, 4096)];

fn requested_late_of(size: u32, alignment: u32) -> Story {
    let of = match alignment {
        0 => String::new(),
        alignment => format!(", each at a multiple of {alignment}"),
    };
    story(
        &format!("buffers/requested-late-{size}-aligned-{alignment}"),
        &format!("Three buffers of {size} bytes are requested in an active set and given{of}"),
        &[GIVEN, "server.request-buffers.status", "server.query-available-buffers.count"],
    )
    .given(json!({ "phase": "Active" }))
    .steps([request(size, alignment, 3), query(size, alignment)])
    .steps(names("b", 3).iter().map(|name| allocate(name, size, alignment)))
}

/// A request for which there is no memory takes nothing of the others.
fn too_many_late() -> Story {
    let large = sized(1 << 31, 0, Some(1 << 20));
    story(
        "buffers/requested-late-too-many",
        "A request in an active set for which there is no memory leaves what was requested",
        &[GIVEN, "server.request-buffers.memory", "server.query-available-buffers.count"],
    )
    .given(json!({ "phase": "Active" }))
    .step(request(4096, 0, 2))
    .step(call("RequestBuffers", SERVER, large, json!(["VD_E_MEMORY", "NOERROR"])))
    .step(query(4096, 0))
    .steps(names("b", 2).iter().map(|name| allocate(name, 4096, 0)))
}

/// So many buffers of 64 KiB are more than 32 bits count: there is no memory for them, or there
/// are as many.
fn beyond_32_bits(count: u32) -> Story {
    let asked = sized(BUFFER, 0, Some(count));
    story(
        &format!("buffers/requested-late-{count}"),
        &format!("{count} buffers of 64 KiB are requested: all of them are there, or no memory"),
        &["server.request-buffers.status", GIVEN],
    )
    .given(json!({ "phase": "Active" }))
    .step(call("RequestBuffers", SERVER, asked, json!(["NOERROR", "VD_E_MEMORY"])))
    .step(query(BUFFER, 0))
    .steps(names("b", 2).iter().map(|name| judged(allocate(name, BUFFER, 0))))
}

/// Size, alignment and number: each takes more than the one before.
const SEVERAL_KINDS: [(u32, u32, u32); 3] = [(512, 1024, 1), (4096, 0, 2), (BUFFER, 4096, 3)];

/// Requests of several sizes and alignments: none takes the place of another.
fn of_several_kinds(what: &str, kinds: [(u32, u32, u32); 3]) -> Story {
    let each = kinds.iter().enumerate().flat_map(|(index, (size, alignment, count))| {
        let names = names(&format!("k{}b", index + 1), *count);
        names.into_iter().map(move |name| allocate(&name, *size, *alignment))
    });
    connected(
        &format!("buffers/several-kinds-{what}"),
        "Buffers of three sizes and alignments are requested: each is counted and given",
        &[GIVEN, "server.request-buffers.status", "server.query-available-buffers.count"],
    )
    .step(begin(512, 0, BUFFER))
    .steps(kinds.iter().map(|(size, alignment, count)| request(*size, *alignment, *count)))
    .steps([end(), client_configuration()])
    .steps(kinds.iter().map(|(size, alignment, _)| query(*size, *alignment)))
    .steps(each)
}

/// Of two sizes one is taken whole: the other is there still.
fn two_kinds(taken: u32, left: u32) -> Story {
    let of = |size: u32| names(&format!("of{size}b"), 2).into_iter().map(move |name| (name, size));
    let given = |(name, size): (String, u32)| allocate(&name, size, 0);
    connected(
        &format!("buffers/{taken}-taken-{left}-left"),
        &format!(
            "Buffers of {taken} bytes and of {left} are requested, and those of {taken} taken"
        ),
        &[GIVEN, "server.query-available-buffers.count"],
    )
    .steps([begin(512, 0, BUFFER), request(BUFFER, 0, 2), request(512, 0, 2), end()])
    .steps([client_configuration(), query(taken, 0), query(left, 0)])
    .steps(of(taken).map(given))
    .step(query(left, 0))
    .steps(of(left).map(given))
}

/// An alignment for which there is no room takes none.
fn raised_in_vain() -> Story {
    let raised = call(
        "AllocateBuffer",
        SERVER,
        sized(BUFFER, 2 * BUFFER, None),
        json!(["VD_E_MEMORY", "NOERROR"]),
    );
    connected(
        "buffers/raised-in-vain",
        "A buffer of an alignment that nobody requested, and then those that were requested",
        &["server.allocate-buffer.status", GIVEN],
    )
    .steps([begin(512, 0, BUFFER), request(BUFFER, 0, 3), end(), client_configuration()])
    .steps([allocate("b1", BUFFER, 0), with(raised, "as", "raised")])
    .steps(["b2", "b3"].map(|name| judged(allocate(name, BUFFER, 0))))
}

/// What follows depends on the answer before: the oracle alone judges it.
fn judged(mut step: Value) -> Value {
    step.as_object_mut().expect("a step").remove("expect");
    step
}

/// Two holes are no buffer of twice the size.
fn count_of_holes() -> Story {
    connected(
        "buffers/count-of-holes",
        "Every other of four buffers is freed: as many of twice the size as are counted are given",
        &["server.query-available-buffers.count", "server.free-buffer.status"],
    )
    .steps(requested(4096, 0, 4))
    .steps(["b1", "b3"].map(|name| free(name, 4096, "NOERROR")))
    .steps([query(8192, 0), judged(allocate("large", 8192, 0))])
}

/// What lies before an aligned address is none of its buffers.
fn count_where_aligned() -> Story {
    connected(
        "buffers/count-where-aligned",
        "As many at a multiple of 64 KiB as are counted are given, where the first place is taken",
        &["server.query-available-buffers.count", GIVEN],
    )
    .steps([begin(512, 0, BUFFER), request(512, 0, 300), end(), client_configuration()])
    .steps([allocate("b1", 512, 0), query(512, BUFFER)])
    .steps(names("a", 2).iter().map(|name| judged(allocate(name, 512, BUFFER))))
}

/// Freed and allocated, freed and allocated, and never less.
fn again_and_again() -> Story {
    let when = |step| with(step, "when", "available-count=at-least");
    let rounds = (1..=4).flat_map(|round: u32| {
        let names = names(&format!("r{round}b"), 2);
        let free: Vec<Value> = names.iter().map(|name| when(free(name, 4096, "NOERROR"))).collect();
        let given = names.iter().map(|name| when(allocate(name, 4096, 0))).collect::<Vec<_>>();
        given.into_iter().chain(free)
    });
    connected(
        "buffers/given-again-and-again",
        "Two buffers are given and freed, four times",
        &["server.free-buffer.status", GIVEN],
    )
    .steps([begin(512, 0, BUFFER), request(4096, 0, 2), end(), client_configuration()])
    .steps(rounds)
}

/// As many as are said to be there once buffers were freed can be had, and the oracle counts.
fn count_after_free() -> Story {
    let mut last = allocate("again3", 4096, 0);
    last.as_object_mut().expect("a step").remove("expect");
    connected(
        "buffers/count-after-free",
        "Once buffers were freed, as many as are said to be available can be had",
        &["server.query-available-buffers.count", GIVEN],
    )
    .steps(requested(4096, 0, 2))
    .steps([free("b1", 4096, "NOERROR"), free("b2", 4096, "NOERROR"), query(4096, 0)])
    .steps(
        ["again1", "again2"]
            .map(|name| with(allocate(name, 4096, 0), "when", "available-count=at-least")),
    )
    .step(last)
}

/// A buffer is no command's once its SendCommand was refused, or it fell with its device.
fn freed_after_refusal() -> Story {
    let refused = |name: &str, buffer: u32, status: &str, told: &str| {
        let back = json!({ "await": "callback", "lane": "server.main", "of": name,
            "completion": told });
        [with(call("SendCommand", "sdev1", write_of(buffer), status), "as", name), back]
    };
    let free = |number: u32| free(&format!("b{number}"), BUFFER, "NOERROR");
    let cleared = super::steps::exchange(1, "clear", json!({ "code": "ClearError" }), json!({}));
    story(
        "buffers/freed-after-refusal",
        "Buffers of commands that were refused, or that fell with their device, are freed",
        &["server.free-buffer.status", "server.send-command.error-callback", "device.error.queue"],
    )
    .given(json!({ "phase": "Active", "devices": 2, "buffers": ["b1", "b2", "b3", "b4", "b5"] }))
    .steps([send(1, "c1", write_of(1)), send(1, "c2", write_of(2)), get(1, "c1")])
    .step(super::steps::complete(1, "c1", "ERROR_WRITE_FAULT", json!({ "bytes": 0 })))
    .step(super::steps::called_back("c1", "ERROR_WRITE_FAULT"))
    .step(super::steps::called_back("c2", "ERROR_IO_DEVICE"))
    .steps(refused("r3", 3, "VD_E_IO_ERROR", "ERROR_IO_DEVICE"))
    .steps([3, 2, 1].map(free))
    .steps(cleared)
    .step(super::steps::bare("CloseDevice", "sdev1", "NOERROR"))
    .steps(refused("r4", 4, "VD_E_PROTOCOL", "ERROR_INVALID_HANDLE"))
    .steps([4, 5].map(free))
}

/// After an abort the Close of one process takes buffers from it, and from no other.
fn stays_for_the_others(closes: &str) -> Story {
    let processes = [("server", SERVER), ("primary", "cset"), ("secondary1", "x1set")];
    let touch = |process: &str, found: &str| json!({ "touch": "b1", "lane": format!("{process}.main"), "found": found });
    let of_client = json!({ "client-close-after-abort=noerror": "NOERROR",
        "client-close-after-abort=open-error": "VD_E_OPEN" });
    let of_server = json!({ "server-close-after-abort=noerror": "NOERROR",
        "server-close-after-abort=protocol-error": "VD_E_PROTOCOL" });
    let expect = if closes == "server" { of_server } else { of_client };
    let on = processes.iter().find(|(process, _)| *process == closes).map_or(SERVER, |(_, on)| on);
    let found = |process: &str| if process == closes { "gone" } else { "alive" };
    let mut given = json!({ "phase": "Active", "devices": 2, "secondaries": 1, "buffers": ["b1"] });
    given["commands"] = json!([{ "as": "c1", "code": "Write", "device": 2, "buffer": "b1",
        "size": BUFFER, "at": "delivered" }]);
    story(
        &format!("buffers/stay-when-{closes}-closes"),
        &format!("After an abort {closes} closes the set: the others keep their buffers"),
        &["abort.buffers-stay", "abort.callbacks"],
    )
    .given(given)
    .step(super::steps::bare("SignalAbort", "cset", "NOERROR"))
    .step(super::steps::called_back("c1", "ERROR_OPERATION_ABORTED"))
    .step(super::steps::agent_returns())
    .steps(processes.map(|(process, _)| touch(process, "alive")))
    .step(call("Close", on, json!({}), expect))
    .steps(processes.map(|(process, _)| touch(process, found(process))))
}

/// A buffer that no command carries is freed, whatever other commands carry.
fn freed_beside_others() -> Story {
    let out = names("c", 3);
    story(
        "buffers/freed-beside-others",
        "A buffer is freed while others are queued, delivered and completed",
        &["server.free-buffer.status", "client.get-command.delivers"],
    )
    .given(json!({ "phase": "Active", "buffers": ["b1", "b2", "b3", "b4", "b5", "b6"] }))
    .step(send(1, &out[0], write_of(1)))
    .step(free("b4", BUFFER, "NOERROR"))
    .steps([send(1, &out[1], write_of(2)), send(1, &out[2], write_of(3))])
    .step(get(1, &out[0]))
    .step(free("b5", BUFFER, "NOERROR"))
    .step(super::steps::complete(1, &out[0], "ERROR_SUCCESS", json!({ "bytes": BUFFER })))
    .step(super::steps::called_back(&out[0], "ERROR_SUCCESS"))
    .steps([free("b1", BUFFER, "NOERROR"), get(1, &out[1]), free("b6", BUFFER, "NOERROR")])
    .step(get(1, &out[2]))
}

/// Where an alignment leaves no room there are none, and not fewer than none.
fn where_none_fits() -> Story {
    let most = BUFFER_ALIGNMENT.accepted().into_iter().max().unwrap_or(BUFFER);
    connected(
        "buffers/where-none-fits",
        "QueryAvailableBuffers of what is left, with larger alignments than were requested",
        &["server.query-available-buffers.count"],
    )
    .steps(requested(512, 0, 3))
    .steps([1, 2, 4].map(|times| query(512, most * times)))
    .steps([free("b1", 512, "NOERROR"), query(512, most)])
    .steps([free("b3", 512, "NOERROR"), query(512, most), query(513, 1024)])
}

fn write_of(number: u32) -> Value {
    json!({ "code": "Write", "buffer": format!("b{number}"), "size": BUFFER })
}

fn shared_each() -> Story {
    let told = |number: u32| {
        let args = json!({ "buffer": format!("b{number}") });
        with(call("IsSharedBuffer", SERVER, args, "NOERROR"), "tells", "TRUE")
    };
    story(
        "buffers/shared-each",
        "IsSharedBuffer knows each of four buffers",
        &["server.is-shared-buffer.answer"],
    )
    .given(json!({ "phase": "Initializing", "buffers": ["b1", "b2", "b3", "b4"] }))
    .steps([4, 1, 3, 2].map(told))
}

/// GetBufferHandle of what the last of three devices has delivered.
fn handle_of_the_third() -> Story {
    let handle = |number: u32| {
        let args = json!({ "buffer": format!("b{number}") });
        let got = call("GetBufferHandle", "cset", args, "NOERROR");
        with(got, "as", format!("h{number}"))
    };
    let map = |number: u32| {
        let args = json!({ "handle": format!("h{number}") });
        call("MapBufferHandle", "cset", args, "NOERROR")
    };
    story(
        "buffers/handle-each",
        "Handles of the buffers that three devices have delivered, each mapped",
        &["client.get-buffer-handle.status", "client.map-buffer-handle.status"],
    )
    .given(json!({ "phase": "Active", "devices": 3, "buffers": ["b1", "b2", "b3"] }))
    .steps([1, 2, 3].map(|number| {
        // The second command uses a part of its buffer.
        let sent = if number == 2 { with(write_of(2), "size", 512) } else { write_of(number) };
        send(number, &format!("c{number}"), sent)
    }))
    .steps([1, 2, 3].map(|number| get(number, &format!("c{number}"))))
    .steps([3, 1, 2].map(handle))
    .steps([3, 2, 1].map(map))
}
