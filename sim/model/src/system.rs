//! Errors of the operating system: calls that take resources of it may fail for the
//! want of them, whatever the state.

use super::{Answer, Call, ClientCall, Outcome, Outcomes, ServerCall};
use vdi_spec::clauses::Clause;
use vdi_spec::codes::HResult;

/// What a wrapped system error does, given that the call would otherwise come to one of
/// `outcomes`: where it would have taken resources it fails instead, and nothing happens.
/// A call that is refused in any case takes none, and its refusal stands.
#[must_use]
pub fn system_failure(call: &Call, outcomes: &Outcomes, status: HResult) -> Option<Outcome> {
    let fails = status.is_system_error() && takes_resources(call, outcomes);
    fails.then(|| Outcome::returns(status, Clause::StatusSystemError).exceptional())
}

/// Whether a call that comes to one of `outcomes` takes resources of the system: it
/// succeeds, and maps or allocates memory, opens or creates objects, or hands over a
/// thread.
#[must_use]
pub fn takes_resources(call: &Call, outcomes: &Outcomes) -> bool {
    let succeeds = |outcome: &Outcome| match outcome.answer {
        Answer::Blocks => true,
        answer => answer.expected().is_some_and(|expected| expected.admits(HResult::NOERROR)),
    };
    is_taker(call) && outcomes.iter().any(succeeds)
}

const fn is_taker(call: &Call) -> bool {
    match call {
        Call::Server(call) => matches!(
            call,
            ServerCall::Open { .. }
                | ServerCall::RequestBuffers(_)
                | ServerCall::EndConfiguration
                | ServerCall::AllocateBuffer { .. }
                | ServerCall::ExecuteCompletionAgent
        ),
        Call::Client(call) | Call::Secondary(_, call) => matches!(
            call,
            ClientCall::Create { .. }
                | ClientCall::OpenInSecondary { .. }
                | ClientCall::MapBufferHandle { .. }
        ),
    }
}
