//! The search for an order of effects against histories whose verdict is known, and
//! against the judge that tries everything.

use vdi_sim::check::{Checker, Judged, Verdict, check_trace, check_trace_with};
use vdi_sim::clauses::Profile;
use vdi_sim::codes::{HResult, Win32};
use vdi_sim::simulate::{Overlaps, overlapping};
use vdi_sim::trace::{Event, Trace};

fn seeds() -> u64 {
    std::env::var("VDI_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

fn overlaps(seed: u64) -> Overlaps {
    Overlaps {
        devices: 1 + (seed % 3) as u8,
        server_lanes: 1 + (seed / 3 % 3) as u8,
        client_lanes: 1 + (seed / 9 % 3) as u8,
        events: 120,
        trouble: 5 + (seed % 40) as usize,
        from_active: seed % 2 == 0,
    }
}

#[test]
fn what_the_model_draws_is_conformant() {
    for seed in 0..seeds() {
        let profile = Profile::default();
        let trace = overlapping(seed, overlaps(seed), &profile);
        let judged = check_trace(&trace, &profile);
        assert_eq!(judged.error, None, "seed {seed}\n{}", trace.to_json_lines());
        assert_eq!(judged.verdict, Verdict::Conformant, "seed {seed}\n{}", trace.to_json_lines());
        assert_eq!(judged.events, trace.events.len(), "seed {seed}");
    }
}
