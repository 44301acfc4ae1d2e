//! A connection from its beginning to its end. What comes is read by one thread, all the
//! time, so that a client which gives up, or goes, is noticed while its statement is carried
//! out by another.

use std::io;
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::answer::{Answer, Manner, Transaction};
use super::bytes::Malformed;
use super::channel::{Channel, Incoming};
use super::engine::{Engine, Halt, Request, Why};
use super::login::Login;
use super::options::Options;
use super::packet::{Kind, Message, Packets, USUAL};
use super::prelogin::{self, Encryption};
use super::request::{TransactionRequest, batch};
use super::rpc::{Meant, Prepared, calls};
use super::token::{Status, put_login, put_message};

/// How long somebody who has connected may say nothing before he has logged in.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long somebody may not read what he is told, once nothing more of it can be kept for
/// him: then he is as good as gone.
const UNREAD: Duration = Duration::from_secs(60);

/// Bytes of what comes before a login, and of a login.
const BEFORE: usize = 128 << 10;

/// Bytes of a request.
const LONGEST: usize = 16 << 20;

/// Requests that wait behind the one that is carried out.
const WAITING: usize = 16;

/// A message to be answered, and what ends it.
struct Work<H> {
    message: Message,
    halt: Arc<H>,
}

/// Attends to a client until it goes.
pub(crate) fn attend<E: Engine>(
    stream: TcpStream,
    options: &Options,
    engine: &E,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(UNREAD))?;
    let channel = Channel::new(stream);
    let mut incoming = Incoming::new(&channel);
    let login = login(&mut incoming, &channel, options)?;
    let wide = login.version.is_of_2005();
    let mut tokens = Vec::new();
    let session = match engine.login(&login) {
        Ok(session) => session,
        Err(refusal) => {
            let kind = (refusal.number, 1, refusal.class, 1);
            put_message(&mut tokens, wide, kind, (&refusal.text, &options.server));
            return Answer::of_tokens(&channel, (login.packet, wide), (tokens, Status::FAILED));
        }
    };
    put_login(&mut tokens, login.version, login.packet);
    Answer::of_tokens(&channel, (login.packet, wide), (tokens, Status::default()))?;
    channel.stream().set_read_timeout(None)?;
    let Login { version, packet, .. } = login;
    let manner = Manner { version, packet, shape: options.shape, server: options.server.clone() };
    let attended = Attended { channel: &channel, manner: &manner, engine };
    let (sender, receiver) = sync_channel(WAITING);
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            // Whoever is not understood, or gone, is told nothing more.
            let _ = attended.answer_all(session, &receiver);
            channel.shut();
            drop(receiver);
        });
        let mut last: Option<Arc<E::Halt>> = None;
        while let Ok(message) = incoming.next(LONGEST) {
            let attention = message.kind == Kind::Attention;
            if attention && let Some(last) = &last {
                last.halt(Why::Attention);
            }
            let halt = engine.halt();
            if !attention {
                last = Some(halt.clone());
            }
            if sender.send(Work { message, halt }).is_err() {
                break;
            }
        }
        // All that waits is for nobody.
        drop(sender);
        if let Some(last) = &last {
            last.halt(Why::Gone);
        }
        channel.shut();
        let _ = worker.join();
    });
    Ok(())
}

/// What comes before the first statement: what is encrypted, and who it is. Old clients say
/// at once who they are.
fn login(incoming: &mut Incoming<'_>, channel: &Channel, options: &Options) -> io::Result<Login> {
    let mut first = incoming.next(BEFORE)?;
    let mut encryption = Encryption::Nothing;
    if first.kind == Kind::Before {
        let (byte, agreed) = prelogin::answered(prelogin::asked(&first.body)?);
        encryption = agreed;
        let mut packets = Packets::new(Kind::Answer, USUAL);
        let mut send = |bytes: &[u8]| channel.send(bytes);
        packets.add(&prelogin::answer(byte), &mut send)?;
        packets.end(&mut send)?;
        if encryption != Encryption::Nothing {
            incoming.begin_tls(&options.identity)?;
        }
        first = incoming.next(BEFORE)?;
    }
    if first.kind != Kind::Login {
        return Err(Malformed("a statement before the login").into());
    }
    if encryption == Encryption::Login {
        channel.in_clear();
    }
    Ok(Login::read(&first.body)?)
}

/// A client that is let in.
struct Attended<'a, E> {
    channel: &'a Channel,
    manner: &'a Manner,
    engine: &'a E,
}

impl<E: Engine> Attended<'_, E> {
    /// Answers one message after the other.
    fn answer_all(
        &self,
        mut session: E::Session,
        work: &Receiver<Work<E::Halt>>,
    ) -> io::Result<()> {
        let transaction = Mutex::new(Transaction::default());
        let mut prepared = Prepared::default();
        for Work { message, halt } in work {
            let wide = self.manner.version.is_of_2005();
            let is_call = message.kind == Kind::Call;
            let answer = Answer::new(self.channel, self.manner, &transaction, is_call);
            if message.resets {
                self.engine.reset(&mut session);
                prepared = Prepared::default();
                answer.is_reset()?;
            }
            let version = self.manner.version;
            let request = match message.kind {
                // What it ended has been told to have ended, in a message of its own.
                Kind::Attention => {
                    let told = (Vec::new(), Status::ATTENTION);
                    Answer::of_tokens(self.channel, (self.manner.packet, wide), told)?;
                    continue;
                }
                Kind::Call => {
                    self.call(&mut session, &mut prepared, (&message, &halt), answer)?;
                    continue;
                }
                Kind::Batch => Request::Text(batch(&message.body, version)?, Vec::new()),
                Kind::Transaction => {
                    Request::Transaction(TransactionRequest::read(&message.body, version)?)
                }
                Kind::Answer | Kind::Login | Kind::Before => {
                    return Err(Malformed("what a client does not send behind its login").into());
                }
            };
            self.engine.carry_out(&mut session, &request, &halt, &answer)?;
            answer.end()?;
        }
        Ok(())
    }

    /// Answers calls of procedures, all that are in a message.
    fn call(
        &self,
        session: &mut E::Session,
        prepared: &mut Prepared,
        (message, halt): (&Message, &Arc<E::Halt>),
        answer: Answer<'_>,
    ) -> io::Result<()> {
        let calls = calls(&message.body, self.manner.version)?;
        let count = calls.len();
        for (index, call) in calls.into_iter().enumerate() {
            let mut handle = None;
            let request = match prepared.meant(call)? {
                Meant::Run((text, values), kept) => {
                    handle = kept;
                    Some(Request::Text(text, values))
                }
                Meant::Kept(kept) => {
                    handle = Some(kept);
                    None
                }
                Meant::Nothing => None,
                Meant::NoSuchHandle(handle) => {
                    let text = format!("Could not find prepared statement with handle {handle}.");
                    answer.tell(&super::Told {
                        number: 8179,
                        state: 2,
                        class: 16,
                        line: 1,
                        text: &text,
                    })?;
                    None
                }
                Meant::Unknown(name) => Some(Request::Procedure(name)),
            };
            if let Some(request) = request {
                self.engine.carry_out(session, &request, halt, &answer)?;
            }
            answer.end_call(handle, index + 1 == count)?;
        }
        answer.end()
    }
}
