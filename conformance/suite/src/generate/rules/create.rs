//! What a client may ask for in Create, and what not.

use serde_json::{Value, json};

use super::bounds::{Bound, CLIENT_ALIGNMENT, DEVICE_COUNT};
use super::steps::{CLIENT, SET, bare, create, open, with};
use super::story::{Story, story};

/// Feature Bits: the kinds of device. Removable may be added to the first two.
pub(super) const KINDS: &[(&str, &[&str])] = &[
    ("pipe", &[]),
    ("pipe-removable", &["Removable"]),
    ("disk", &["RandomAccess"]),
    ("disk-removable", &["RandomAccess", "Removable"]),
    ("tape", &["Removable", "Rewind", "Position", "SkipBlocks", "ReversePosition", "FileMarks"]),
];

/// Bits that go with every kind.
pub(super) const OPTIONS: &[&str] = &[
    "Discard",
    "SnapshotPrepare",
    "EnumFrozenFiles",
    "VSSWriter",
    "RequestComplete",
    "LatchStats",
];

/// Bits that only some kind has.
const OF_A_KIND: &[&str] = &[
    "Removable",
    "Rewind",
    "Position",
    "SkipBlocks",
    "ReversePosition",
    "FileMarks",
    "RandomAccess",
];

/// Bits that the server sets.
const OF_THE_SERVER: &[&str] = &["WriteMedia", "ReadMedia", "CompleteEnabled"];

/// Bits without a name.
const NAMELESS: &[u32] = &[0x4, 0x8, 0x4000, 0x8000, 0x10_0000, 0x4000_0000];

const ACCEPTED: &str = "client.create.status";
const REFUSED: &str = "client.create.not-supported";

pub(super) fn stories() -> Vec<Story> {
    let mut all = bound(&DEVICE_COUNT, "device-count");
    all.extend(bound(&CLIENT_ALIGNMENT, "alignment"));
    all.extend(every_bit().iter().enumerate().map(|(index, bit)| with_each_other(index, bit)));
    all.extend(KINDS.iter().map(|(kind, bits)| with_options(kind, bits)));
    all.push(less_than_a_tape());
    all.push(nameless_bits());
    all.extend(soft_filemarks());
    all
}

/// Every combination that is a kind, with any of the options.
fn is_supported(bits: &[&str]) -> bool {
    let mut kind: Vec<&str> = bits.iter().copied().filter(|bit| !OPTIONS.contains(bit)).collect();
    kind.sort_unstable();
    KINDS.iter().any(|(_, of)| {
        let mut of = of.to_vec();
        of.sort_unstable();
        of == kind
    })
}

fn asking(config: Value, accepted: bool) -> Vec<Value> {
    if accepted {
        vec![create(SET, config, "NOERROR"), bare("Close", CLIENT, "NOERROR")]
    } else {
        vec![create(SET, config, "VD_E_NOTSUPPORTED")]
    }
}

/// Asks for features. What is no kind is undefined under another reading.
fn features(bits: &[&str]) -> Vec<Value> {
    let supported = is_supported(bits);
    let steps = asking(json!({ "deviceCount": 1, "features": bits }), supported);
    let when = |step| with(step, "when", "undefined-features=refused");
    if supported { steps } else { steps.into_iter().map(when).collect() }
}

/// Both sides of a bound of the client's.
fn bound(bound: &Bound, name: &str) -> Vec<Story> {
    let field = bound.field;
    let asked = |value: u32| {
        let mut config = json!({ "deviceCount": 1 });
        config[field] = value.into();
        config
    };
    let refused = bound.refused().into_iter().flat_map(|value| asking(asked(value), false));
    let accepted = bound.accepted().into_iter().flat_map(|value| asking(asked(value), true));
    vec![
        story(
            &format!("create/{name}-refused"),
            &format!("Create refuses every {field} beyond its bounds, and leaves no set"),
            &[REFUSED, "server.open.no-set"],
        )
        .steps(refused)
        .step(open(SET, "VD_E_INVALID")),
        story(
            &format!("create/{name}-accepted"),
            &format!("Create accepts every {field} within its bounds"),
            &[ACCEPTED, "client.close.status"],
        )
        .steps(accepted),
    ]
}

fn every_bit() -> Vec<&'static str> {
    [OF_A_KIND, OPTIONS, OF_THE_SERVER].concat()
}

/// One bit alone, and with each of those after it.
fn with_each_other(index: usize, bit: &str) -> Story {
    let others = every_bit().into_iter().skip(index + 1);
    let combinations = [vec![bit]].into_iter().chain(others.map(|other| vec![bit, other]));
    let combinations: Vec<Vec<&str>> = combinations.collect();
    let mut clauses = Vec::new();
    clauses.extend(combinations.iter().any(|bits| is_supported(bits)).then_some(ACCEPTED));
    clauses.extend(combinations.iter().any(|bits| !is_supported(bits)).then_some(REFUSED));
    let name = format!("create/feature-{}", bit.to_lowercase());
    let title = format!("The feature {bit} alone, and with each other one, as far as not tried");
    story(&name, &title, &clauses).steps(combinations.iter().flat_map(|bits| features(bits)))
}

/// A kind with each of the options, and with all of them.
fn with_options(kind: &str, bits: &[&'static str]) -> Story {
    let each = OPTIONS.iter().map(|option| [bits, &[*option]].concat());
    let all = [bits.to_vec(), [bits, OPTIONS].concat()];
    let title = format!("Every option goes with a {}", kind.replace('-', ", "));
    story(&format!("create/kind-{kind}"), &title, &[ACCEPTED])
        .steps(each.chain(all).flat_map(|bits| features(&bits)))
}

fn less_than_a_tape() -> Story {
    let tape = KINDS[4].1;
    let without = |bit: &&str| tape.iter().copied().filter(|of| of != bit).collect::<Vec<_>>();
    let more = [[tape, &["RandomAccess"]].concat()];
    let combinations = tape.iter().map(without).chain(more);
    story(
        "create/kind-tape-and-less",
        "A tape without one of its bits, or with a disk's, is no kind of device",
        &[REFUSED],
    )
    .steps(combinations.flat_map(|bits| features(&bits)))
}

fn nameless_bits() -> Story {
    let asked = |bit: &u32| {
        let step = create(SET, json!({ "deviceCount": 1, "features": bit }), "VD_E_NOTSUPPORTED");
        with(step, "when", "undefined-features=refused")
    };
    story("create/feature-nameless", "Bits that have no name are no kind of device", &[REFUSED])
        .steps(NAMELESS.iter().map(asked))
}

/// softFileMarkBlockSize belongs to FileMarks, which only a tape has.
fn soft_filemarks() -> Vec<Story> {
    let sizes = [1, 512, 65536, u32::MAX];
    let asked = |bits: &[&str], size: u32| {
        let config = json!({ "deviceCount": 1, "features": bits, "softFileMarkBlockSize": size });
        asking(config, bits.contains(&"FileMarks"))
    };
    let of = |tape: bool| {
        let kinds = KINDS.iter().filter(move |(_, bits)| bits.contains(&"FileMarks") == tape);
        kinds.flat_map(move |(_, bits)| sizes.into_iter().flat_map(move |size| asked(bits, size)))
    };
    vec![
        story(
            "create/soft-filemarks-refused",
            "Soft filemarks of any size are refused to every kind without FileMarks",
            &[REFUSED],
        )
        .steps(of(false)),
        story(
            "create/soft-filemarks-accepted",
            "A tape may have soft filemarks of any size",
            &[ACCEPTED],
        )
        .steps(of(true)),
    ]
}
