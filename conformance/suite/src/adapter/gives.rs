//! What a call gives besides its status, as the protocol has it.

use vdi_trace::{Function, Out};

/// What a call that answers NOERROR has to give and does not, in words; `buffered` tells of a
/// command whether it was sent with a buffer.
pub(crate) fn missing(
    function: Function,
    out: &Out<'_>,
    buffered: impl Fn(&str) -> bool,
) -> Option<String> {
    let lacks = |is_missing: bool, field: &str, what: &str| {
        is_missing.then(|| {
            format!("the `return` of {function} with NOERROR has no `out.{field}`, expected {what}")
        })
    };
    match function {
        Function::GetConfiguration => lacks(out.config.is_none(), "config", "the configuration"),
        Function::QueryAvailableBuffers => lacks(out.count.is_none(), "count", "a number"),
        Function::AllocateBuffer => {
            lacks(out.address.is_none(), "address", "the address of its data zone")
        }
        Function::IsSharedBuffer => lacks(out.shared.is_none(), "shared", "true or false"),
        Function::MapBufferHandle => lacks(out.buffer.is_none(), "buffer", "the name of a buffer"),
        Function::GetCommand => {
            let command = out.command.as_ref().map(|name| name.as_str());
            let bare = out.buffer.is_none() && command.is_some_and(buffered);
            lacks(command.is_none(), "command", "the name of a command")
                .or_else(|| lacks(out.code.is_none(), "code", "the command's code"))
                .or_else(|| lacks(bare, "buffer", "the buffer that the command was sent with"))
        }
        Function::Create
        | Function::CreateEx
        | Function::OpenInSecondary
        | Function::OpenInSecondaryEx
        | Function::OpenDevice
        | Function::GetBufferHandle
        | Function::CompleteCommand
        | Function::SignalAbort
        | Function::Close
        | Function::Open
        | Function::BeginConfiguration
        | Function::RequestBuffers
        | Function::EndConfiguration
        | Function::FreeBuffer
        | Function::ExecuteCompletionAgent
        | Function::SendCommand
        | Function::CloseDevice => None,
    }
}
