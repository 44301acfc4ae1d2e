//! Errors of the environment: calls that take resources of it may fail for the want of
//! them, whatever the state.

use super::{Answer, Call, ClientCall, Outcome, Outcomes, ServerCall};
use vdi_spec::clauses::Clause;
use vdi_spec::codes::HResult;

/// What an error of the environment does, given that the call would otherwise come to one
/// of `outcomes`: where it would have taken resources it fails instead, and nothing happens.
/// A call that is refused in any case takes none, and its refusal stands.
#[must_use]
pub fn system_failure(call: &Call, outcomes: &Outcomes, status: HResult) -> Option<Outcome> {
    let fails = is_failure_of(call, status) && takes_resources(call, outcomes);
    fails.then(|| Outcome::returns(status, Clause::StatusSystemError).exceptional())
}

/// Whether the environment can make `call`, which takes resources, come to this status.
#[must_use]
pub fn is_failure_of(call: &Call, status: HResult) -> bool {
    let finds_instance = matches!(
        call,
        Call::Server(ServerCall::Open { .. })
            | Call::Client(ClientCall::Create { .. } | ClientCall::OpenInSecondary { .. })
            | Call::Secondary(_, ClientCall::Create { .. } | ClientCall::OpenInSecondary { .. })
    );
    status.is_of_environment() || (finds_instance && status == HResult::VD_E_INSTANCE_NAME)
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
                | ServerCall::OpenDevice { .. }
                | ServerCall::AllocateBuffer { .. }
                | ServerCall::ExecuteCompletionAgent
        ),
        Call::Client(call) | Call::Secondary(_, call) => matches!(
            call,
            ClientCall::Create { .. }
                | ClientCall::OpenInSecondary { .. }
                | ClientCall::OpenDevice { .. }
                | ClientCall::GetBufferHandle { .. }
                | ClientCall::MapBufferHandle { .. }
        ),
    }
}
