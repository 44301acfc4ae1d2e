//! What carries statements out.

use std::io;
use std::sync::Arc;

use super::answer::Answer;
use super::login::Login;
use super::request::TransactionRequest;
use super::types::Value;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// A text of statements, with the values of its variables.
    Text(String, Vec<(String, Value)>),
    /// Something of the transaction.
    Transaction(TransactionRequest),
    /// A procedure that is not known to the protocol, by its name.
    Procedure(String),
}

/// Why a client is not let in: a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its number.
    pub number: u32,
    /// Its severity.
    pub class: u8,
    /// What it says.
    pub text: String,
}

/// Why a request is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The client has said so.
    Attention,
    /// The client has gone.
    Gone,
}

/// Ends one request, from another thread.
pub trait Halt: Send + Sync {
    /// Ends it now, or as soon as it begins.
    fn halt(&self, why: Why);
}

/// What carries statements out.
pub trait Engine: Sync {
    /// What it knows of a client.
    type Session: Send;
    /// What ends a request.
    type Halt: Halt;

    /// Lets a client in.
    ///
    /// # Errors
    /// It is not let in.
    fn login(&self, login: &Login) -> Result<Self::Session, Refusal>;

    /// What ends the request that comes next.
    fn halt(&self) -> Arc<Self::Halt>;

    /// The session is to be as new: its connection goes to another part of the program.
    fn reset(&self, session: &mut Self::Session);

    /// Carries a request out, and tells what comes of it.
    ///
    /// # Errors
    /// The client has gone.
    fn carry_out(
        &self,
        session: &mut Self::Session,
        request: &Request,
        halt: &Arc<Self::Halt>,
        answer: &Answer<'_>,
    ) -> io::Result<()>;
}
