//! Failures of the environment: calls that make, open or allocate something may fail for
//! want of memory, permission or what else the system gives, whatever the state.

use super::{Answer, Call, ClientCall, Outcome, Outcomes, ServerCall};
use vdi_spec::clauses::Clause;
use vdi_spec::codes::HResult;

/// What a failure of the environment does, given that the call would otherwise come to one of
/// `outcomes`: where it would have taken resources it fails instead, and nothing happens.
/// A call that is refused in any case takes none, and its refusal stands.
#[must_use]
pub fn system_failure(call: &Call, outcomes: &Outcomes, status: HResult) -> Option<Outcome> {
    let fails = is_environmental(call, status) && takes_resources(call, outcomes);
    fails.then(|| Outcome::returns(status, Clause::StatusSystemError).exceptional())
}

/// Whether the environment can bring this status to this call. When a call that allocates
/// buffers answers VD_E_MEMORY is a matter of clauses of its own; to find the instance is
/// one of whoever names it.
#[must_use]
pub fn is_environmental(call: &Call, status: HResult) -> bool {
    match status {
        HResult::VD_E_MEMORY => !has_buffer_space(call),
        HResult::VD_E_INSTANCE_NAME => names_instance(call),
        status => status.is_environmental(),
    }
}

const fn has_buffer_space(call: &Call) -> bool {
    matches!(
        call,
        Call::Server(
            ServerCall::RequestBuffers(_)
                | ServerCall::EndConfiguration
                | ServerCall::AllocateBuffer { .. }
        )
    )
}

const fn names_instance(call: &Call) -> bool {
    matches!(
        call,
        Call::Client(ClientCall::Create { .. } | ClientCall::OpenInSecondary { .. })
            | Call::Secondary(_, ClientCall::Create { .. } | ClientCall::OpenInSecondary { .. })
    )
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
                | ServerCall::OpenDevice { .. }
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
