//! The pages of `sim/docs/`: how it hangs together, and how each part is used.
//!
//! Further pages, on the conformance suite, are in `vdi_conformance::docs`.

/// Where the links of a page lead in this documentation. They come before the page, whose
/// own, for readers of the files, have no effect then.
macro_rules! page {
    ($file:literal) => {
        concat!(
            "[adapters]: ../../../vdi_conformance/docs/adapters/index.html\n",
            "[architecture]: ../architecture/index.html\n",
            "[benchmarks]: ../benchmarks/index.html\n",
            "[campaigns]: ../../../vdi_conformance/docs/campaigns/index.html\n",
            "[disagree]: ../../../vdi_conformance/docs/disagree/index.html\n",
            "[gate]: ../../../vdi_conformance/docs/gate/index.html\n",
            "[glossary]: ../glossary/index.html\n",
            "[library]: ../library/index.html\n",
            "[model]: ../model/index.html#the-four-states\n",
            "[oracle]: ../oracle/index.html\n",
            "[readings]: ../readings/index.html\n",
            "[recording]: ../recording/index.html\n",
            "[runtime]: ../runtime/index.html\n",
            "[scenarios]: ../../../vdi_conformance/docs/scenarios/index.html\n",
            "[server]: ../../../vdi_conformance/docs/server/index.html\n",
            "[simulate]: ../simulate/index.html\n",
            "[testing]: ../../../vdi_conformance/docs/testing/index.html\n",
            "[traces]: ../traces/index.html\n",
            "[windows]: ../../../vdi_conformance/docs/windows/index.html\n\n",
            include_str!(concat!("../docs/", $file, ".md")),
        )
    };
}

#[doc = page!("architecture")]
pub mod architecture {}

#[doc = page!("oracle")]
pub mod oracle {}

#[doc = page!("traces")]
pub mod traces {}

#[doc = page!("recording")]
pub mod recording {}

#[doc = page!("readings")]
pub mod readings {}

#[doc = page!("model")]
pub mod model {}

#[doc = page!("simulate")]
pub mod simulate {}

#[doc = page!("runtime")]
pub mod runtime {}

#[doc = page!("unsafe")]
pub mod unsafe_places {}

#[doc = page!("library")]
pub mod library {}

#[doc = page!("benchmarks")]
pub mod benchmarks {}

#[doc = page!("glossary")]
pub mod glossary {}
