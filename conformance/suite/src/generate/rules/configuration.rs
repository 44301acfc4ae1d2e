//! What the server may set in BeginConfiguration, and what GetConfiguration then tells.

use serde_json::{Value, json};

use super::bounds::{BLOCK_SIZE, Bound, SERVER_ALIGNMENT, TRANSFER};
use super::callbacks::TAPE;
use super::create::{KINDS, OPTIONS};
use super::steps::{
    BUFFER, SERVER, allocate, bare, begin, call, client_configuration, end, request, with,
};
use super::story::{Story, story};

/// The alignment of the client, and of the server: the larger holds.
const ALIGNMENTS: &[(u32, u32)] =
    &[(1, 512), (4096, 512), (512, 4096), (65536, 1024), (1024, 65536), (65536, 65536)];

/// Values of the client's that are handed on as they are.
const AS_ASKED: &[(&str, &[u32])] = &[
    ("prefixZoneSize", &[1, 511, 65537, 1 << 20]),
    ("EOMWarningSize", &[1, 65537, 1 << 31, u32::MAX]),
    ("serverTimeOut", &[1, 65537, (1 << 31) - 1, 1 << 31, u32::MAX]),
    ("softFileMarkBlockSize", &[1, 65537, u32::MAX]),
];

pub(super) fn stories() -> Vec<Story> {
    let mut all: Vec<Story> = [
        (&BLOCK_SIZE, "block-size"),
        (&SERVER_ALIGNMENT, "alignment"),
        (&TRANSFER, "transfer-size"),
    ]
    .map(|(bound, name)| refused(bound, name))
    .into();
    all.push(alignment_below_the_block());
    let set = |name: String, block, alignment, transfer| {
        accepted(&name, json!({ "deviceCount": 1 }), (block, alignment, transfer))
    };
    for block in BLOCK_SIZE.accepted() {
        // Without an alignment that of the blocks holds, of each size.
        all.push(set(format!("block-size-{block}"), block, 0, BUFFER));
    }
    for block in [1024, 65536] {
        all.push(set(format!("alignment-of-blocks-of-{block}"), block, block, BUFFER));
    }
    for alignment in SERVER_ALIGNMENT.accepted().into_iter().filter(|one| *one > 512) {
        all.push(set(format!("alignment-{alignment}"), 512, alignment, BUFFER));
    }
    all.extend(TRANSFER.beyond().into_iter().map(beyond_the_option));
    for transfer in TRANSFER.accepted().into_iter().filter(|one| *one != BUFFER) {
        all.push(set(format!("transfer-size-{transfer}"), 512, 0, transfer));
    }
    for (client, block) in [(512, 4096), (4096, 65536)] {
        // The block is the server's alignment, and larger than what the client asks for.
        let config = json!({ "deviceCount": 1, "alignment": client });
        let name = format!("alignment-{client}-below-blocks-of-{block}");
        all.push(accepted(&name, config, (block, 0, 2 * BUFFER)));
    }
    for (client, server) in ALIGNMENTS {
        let config = json!({ "deviceCount": 1, "alignment": client });
        let name = format!("alignment-{client}-and-{server}");
        all.push(accepted(&name, config, (512, *server, BUFFER)));
    }
    for devices in [2, 3, 63, 64] {
        let config = json!({ "deviceCount": devices });
        all.push(accepted(&format!("devices-{devices}"), config, (512, 0, 2 * BUFFER)));
    }
    for (field, values) in AS_ASKED {
        let each = values.iter().map(|value| as_asked(field, *value));
        all.extend(each);
    }
    all.extend(OPTIONS.iter().map(|option| features_as_asked(option, &[], &[option])));
    all.extend(KINDS.iter().map(|(kind, bits)| features_as_asked(kind, bits, OPTIONS)));
    all.extend([time_out_of_begin(), ended_in_vain()]);
    all
}

const SOUND: &str = "server.begin-configuration.status";
const UNSOUND: &str = "server.begin-configuration.limits-refused";

/// BeginConfiguration with one field out of bounds, and all others unlike those that are
/// accepted later: what is refused leaves nothing. Who checks it is contested.
fn setting(field: &str, value: u32, block: u32) -> Value {
    let mut args = json!({ "features": ["WriteMedia", "ReadMedia"], "blockSize": block,
        "maxTransferSize": 3 * BUFFER });
    args[field] = value.into();
    let step = call("BeginConfiguration", SERVER, args, "VD_E_IO_ERROR");
    with(step, "when", "bad-configuration-arguments=any-failure")
}

/// What comes after all those that were refused.
fn still_connected() -> Vec<Value> {
    vec![
        bare("GetConfiguration", SERVER, "NOERROR"),
        begin(512, 0, BUFFER),
        end(),
        client_configuration(),
    ]
}

fn refused(bound: &Bound, name: &str) -> Story {
    let field = bound.field;
    story(
        &format!("configuration/{name}-refused"),
        &format!("BeginConfiguration refuses every {field} beyond its bounds; the state stays"),
        &[SOUND, UNSOUND, "server.get-configuration.status"],
    )
    .given(json!({ "phase": "Connected" }))
    .steps(bound.refused().into_iter().map(|value| setting(field, value, 512)))
    .steps(bound.refused().into_iter().rev().take(2).map(|value| setting(field, value, 4096)))
    .steps(still_connected())
}

/// Larger transfers than the option of BACKUP takes: whoever takes them tells them as they are.
fn beyond_the_option(transfer: u32) -> Story {
    let args = json!({ "features": ["WriteMedia"], "blockSize": 512, "maxTransferSize": transfer });
    let begun = call("BeginConfiguration", SERVER, args, "NOERROR");
    let when = |step| with(step, "when", "transfer-size-limit=unlimited");
    story(
        &format!("configuration/transfer-size-beyond-{transfer}"),
        "Transfers larger than the option of BACKUP are told as they were set",
        &[SOUND, "client.get-configuration.granted"],
    )
    .given(json!({ "phase": "Connected" }))
    .steps([begun, end(), client_configuration()].map(when))
}

/// The alignment is at least the size of a block.
fn alignment_below_the_block() -> Story {
    let below = |block: u32| {
        let less = SERVER_ALIGNMENT.accepted().into_iter().filter(move |one| *one < block);
        less.filter(|alignment| *alignment != 0)
            .map(move |alignment| setting("alignment", alignment, block))
    };
    story(
        "configuration/alignment-below-the-block",
        "BeginConfiguration refuses every alignment that is less than a block; the state stays",
        &[SOUND, UNSOUND],
    )
    .given(json!({ "phase": "Connected" }))
    .steps([1024, 4096, 65536].into_iter().flat_map(below))
    .steps(still_connected())
}

/// A configuration that is sound, what the client is told of it, and a buffer.
fn accepted(name: &str, config: Value, set: (u32, u32, u32)) -> Story {
    let (block, alignment, transfer) = set;
    let devices = config["deviceCount"].clone();
    let aligned = match alignment {
        0 => String::new(),
        alignment => format!(", alignment {alignment}"),
    };
    story(
        &format!("configuration/{name}"),
        &format!("Blocks of {block}{aligned}, transfers of {transfer}: told as set, and kept"),
        &[
            SOUND,
            "client.get-configuration.status",
            "client.get-configuration.granted",
            "server.allocate-buffer.aligned",
        ],
    )
    .config(config)
    .given(json!({ "phase": "Connected", "devices": devices }))
    .steps([
        begin(block, alignment, transfer),
        request(block, 0, 2),
        end(),
        client_configuration(),
        allocate("b1", block, 0),
        allocate("b2", block, 0),
    ])
}

fn as_asked(field: &str, value: u32) -> Story {
    let mut config = json!({});
    config[field] = value.into();
    if field == "softFileMarkBlockSize" {
        config["features"] = TAPE.into();
    }
    story(
        &format!("configuration/asked-{}-{value}", field.to_lowercase()),
        &format!("Both sides are told a {field} of {value} as it was asked for"),
        &["client.get-configuration.as-asked", "server.get-configuration.status"],
    )
    .config(config)
    .given(json!({ "phase": "Connected" }))
    .steps(told())
}

/// Each side asks as soon as it can.
fn told() -> [Value; 5] {
    let of_server = || bare("GetConfiguration", SERVER, "NOERROR");
    [of_server(), begin(512, 0, BUFFER), of_server(), end(), client_configuration()]
}

/// Options alone, and all of them on each kind of device.
fn features_as_asked(name: &str, kind: &[&str], options: &[&str]) -> Story {
    let with = if options.len() == 1 { "the option of that name" } else { "every option" };
    story(
        &format!("configuration/asked-features-{}", name.to_lowercase()),
        &format!("Both sides are told the features as asked for: {name}, with {with}"),
        &["client.get-configuration.as-asked", "server.get-configuration.status"],
    )
    .config(json!({ "features": ([kind, options].concat()) }))
    .given(json!({ "phase": "Connected" }))
    .steps(told())
}

/// The time-out of BeginConfiguration is not that of the client.
fn time_out_of_begin() -> Story {
    let mut begun = told();
    begun[1]["args"]["timeout"] = 5000.into();
    story(
        "configuration/time-out-of-begin",
        "BeginConfiguration has a time-out of its own: serverTimeOut is told as asked for",
        &["client.get-configuration.as-asked", "server.get-configuration.status"],
    )
    .config(json!({ "serverTimeOut": 7000 }))
    .given(json!({ "phase": "Connected" }))
    .steps(begun)
}

/// Without memory the set stays as it is, however often.
fn ended_in_vain() -> Story {
    let in_vain = || {
        let large = json!({ "size": 1_u32 << 31, "count": 1 << 20 });
        [
            call("RequestBuffers", SERVER, large, json!(["NOERROR", "VD_E_MEMORY"])),
            bare("EndConfiguration", SERVER, json!(["VD_E_MEMORY", "NOERROR"])),
        ]
    };
    story(
        "configuration/ended-in-vain",
        "EndConfiguration finds no memory three times, and then there is enough",
        &["server.end-configuration.memory", "server.end-configuration.status"],
    )
    .given(json!({ "phase": "Configurable" }))
    .steps((0..3).flat_map(|_| in_vain()))
    .steps([request(BUFFER, 0, 1), end(), client_configuration(), allocate("b1", BUFFER, 0)])
}
