//! Requests for buffers that nothing can come of, and questions for them.

use smallvec::smallvec;

use super::answer::{Answer, Expected};
use super::outcome::{Outcome, Outcomes};
use vdi_spec::clauses::Clause as C;
use vdi_spec::clauses::{BadQueryArguments, BadRequestArguments, Profile};
use vdi_spec::codes::HResult;

/// What comes of a request that no buffer can be allocated for: nothing is reserved.
pub(super) fn unsound(profile: &Profile) -> Outcomes {
    let clause = C::ServerRequestBuffersUnsound;
    let outcomes: Outcomes = match profile.bad_request_arguments {
        BadRequestArguments::Unchecked => smallvec![
            Outcome::returns(HResult::NOERROR, clause),
            Outcome::returns(HResult::VD_E_MEMORY, C::ServerRequestBuffersMemory).exceptional(),
        ],
        BadRequestArguments::Checked => {
            smallvec![Outcome::new(Answer::Returns(Expected::AnyFailure), clause)]
        }
    };
    let misuse = C::ServerRequestBuffersArguments;
    outcomes.into_iter().map(|outcome| outcome.misuse(misuse)).collect()
}

/// What comes of a question how many buffers there are that cannot be: at least none.
pub(super) fn unsound_query(profile: &Profile) -> Outcome {
    let clause = C::ServerQueryAvailableBuffersUnsound;
    let answer = match profile.bad_query_arguments {
        BadQueryArguments::Unchecked => Answer::Counts(0),
        BadQueryArguments::Checked => Answer::Returns(Expected::AnyFailure),
    };
    Outcome::new(answer, clause).misuse(C::ServerQueryAvailableBuffersArguments)
}
