//! The pages of `conformance/docs/`, and the two protocols.
//!
//! Further pages, on oracle, model, simulator and runtime, are in
//! [`vdi_sim::docs`](../../vdi_sim/docs/index.html).

/// Where the links of a page lead in this documentation. They come before the page, whose
/// own, for readers of the files, have no effect then.
macro_rules! page {
    ($file:literal) => {
        concat!(
            "[adapters]: ../adapters/index.html\n",
            "[architecture]: ../../../vdi_sim/docs/architecture/index.html\n",
            "[campaigns]: ../campaigns/index.html\n",
            "[cargo-test]: ../cargo_test/index.html\n",
            "[walks]: ../scenarios/index.html#walks\n",
            "[changes]: ../changes/index.html\n",
            "[client-protocol]: ../client_protocol/index.html\n",
            "[diagnose]: ../diagnose/index.html\n",
            "[disagree]: ../disagree/index.html\n",
            "[gate]: ../gate/index.html\n",
            "[implementations]: ../implementations/index.html\n",
            "[library]: ../../../vdi_sim/docs/library/index.html\n",
            "[probe]: ../probe/index.html\n",
            "[protocol]: ../protocol/index.html\n",
            "[reports]: ../reports/index.html\n",
            "[readings]: ../../../vdi_sim/docs/readings/index.html\n",
            "[recording]: ../../../vdi_sim/docs/recording/index.html\n",
            "[runtime]: ../../../vdi_sim/docs/runtime/index.html\n",
            "[scenarios]: ../scenarios/index.html\n",
            "[security]: ../security/index.html\n",
            "[server]: ../server/index.html\n",
            "[simulate]: ../../../vdi_sim/docs/simulate/index.html\n",
            "[traces]: ../../../vdi_sim/docs/traces/index.html\n",
            "[windows]: ../windows/index.html\n",
            "[unsafe]: ../../../vdi_sim/docs/unsafe_places/index.html\n\n",
            include_str!(concat!("../", $file, ".md")),
        )
    };
}

#[doc = page!("docs/adapters")]
pub mod adapters {}

#[doc = page!("docs/cargo-test")]
pub mod cargo_test {}

#[doc = page!("docs/installing")]
pub mod installing {}

#[doc = page!("docs/changes")]
pub mod changes {}

#[doc = page!("adapters/PROTOCOL")]
pub mod protocol {}

#[doc = page!("docs/scenarios")]
pub mod scenarios {}

#[doc = page!("docs/disagree")]
pub mod disagree {}

#[doc = page!("docs/mutants")]
pub mod mutants {}

#[doc = page!("docs/reports")]
pub mod reports {}

#[doc = page!("docs/gate")]
pub mod gate {}

#[doc = page!("docs/probe")]
pub mod probe {}

#[doc = page!("docs/implementations")]
pub mod implementations {}

#[doc = page!("docs/windows")]
pub mod windows {}

#[doc = page!("docs/server")]
pub mod server {}

#[doc = page!("docs/security")]
pub mod security {}

#[doc = page!("docs/diagnose")]
pub mod diagnose {}

#[doc = page!("docs/campaigns")]
pub mod campaigns {}

#[doc = page!("adapters/CLIENT")]
pub mod client_protocol {}

#[doc = page!("docs/testing")]
pub mod testing {}
