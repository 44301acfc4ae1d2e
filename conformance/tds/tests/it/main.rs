//! A client of a few lines against the listener, over a real connection.

mod client;

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use client::{Client, body, call, login};
use vdi_tds::{
    Answer, Column, Engine, Halt, Identity, Listener, Login, Options, Refusal, Request, Shape,
    Told, TransactionRequest, Type, Value, Why,
};

/// Ends a request; another thread may wait for that.
#[derive(Default)]
struct Halted {
    why: Mutex<Option<Why>>,
    changed: Condvar,
}

impl Halt for Halted {
    fn halt(&self, why: Why) {
        self.why.lock().expect("sound").get_or_insert(why);
        self.changed.notify_all();
    }
}

/// Carries out `row`, `fail`, and `wait`, which tells something and waits until it is ended.
struct Little {
    halted: Mutex<Sender<Why>>,
}

impl Little {
    fn tell(answer: &Answer<'_>, number: u32, class: u8) -> io::Result<()> {
        answer.tell(&Told { number, state: 1, class, line: 1, text: "said" })
    }
}

impl Engine for Little {
    type Session = u32;
    type Halt = Halted;

    fn login(&self, login: &Login) -> Result<u32, Refusal> {
        if login.user == "sa" && login.password == "secret" {
            return Ok(0);
        }
        Err(Refusal { number: 18456, class: 14, text: "no".to_owned() })
    }

    fn halt(&self) -> Arc<Halted> {
        Arc::default()
    }

    fn reset(&self, session: &mut u32) {
        *session = 0;
    }

    fn carry_out(
        &self,
        session: &mut u32,
        request: &Request,
        halt: &Arc<Halted>,
        answer: &Answer<'_>,
    ) -> io::Result<()> {
        *session += 1;
        match request {
            Request::Text(text, _) if text == "row" => {
                let columns = [Column { name: "n".to_owned(), kind: Type::Int }];
                answer.rows(&columns, &[vec![Value::Int((*session).into())]])?;
                answer.ended(false, Some(1))
            }
            Request::Text(text, _) if text == "wait" => {
                Self::tell(answer, 3211, 10)?;
                let why = halt.why.lock().expect("sound");
                let why = halt.changed.wait_while(why, |why| why.is_none()).expect("sound");
                self.halted.lock().expect("sound").send(why.expect("ended")).expect("awaited");
                Self::tell(answer, 3204, 16)?;
                answer.ended(true, None)
            }
            Request::Text(..) => {
                Self::tell(answer, 3202, 16)?;
                Self::tell(answer, 3013, 16)?;
                answer.ended(true, None)
            }
            Request::Transaction(TransactionRequest::Begin) => answer.begins_transaction(),
            Request::Transaction(TransactionRequest::Commit(anew)) => {
                answer.ends_transaction(true)?;
                if *anew { answer.begins_transaction() } else { Ok(()) }
            }
            Request::Transaction(_) => answer.ends_transaction(false),
            Request::Procedure(_) => answer.ended(false, None),
        }
    }
}

/// A server: where it is, its certificate, why it has ended requests.
struct Server {
    address: SocketAddr,
    certificate: String,
    halted: Receiver<Why>,
}

fn server_of(shape: Shape) -> Server {
    let identity = Identity::new().expect("made");
    let certificate = identity.certificate().to_owned();
    let options = Options { identity, shape, server: "little".to_owned() };
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener = Listener::new(any, options).expect("it listens");
    let address = listener.address().expect("known");
    let (sender, halted) = channel();
    // It lives as long as the tests do.
    thread::spawn(move || listener.serve(&Little { halted: Mutex::new(sender) }));
    Server { address, certificate, halted }
}

fn server() -> Server {
    server_of(Shape::Messages)
}

impl Server {
    fn client(&self, encryption: u8) -> Client {
        Client::logged_in(self.address, encryption, &self.certificate)
    }
}

#[test]
fn every_way_of_encryption_gets_in() {
    let server = server();
    for encryption in 0..4 {
        let mut client = server.client(encryption);
        for count in 1..3 {
            client.batch("row");
            let row = format!("row {count}");
            assert_eq!(client.tokens(), ["columns 1", &row, "done 10"], "{encryption}");
        }
    }
}

#[test]
fn an_old_client_logs_in_at_once() {
    let mut client = Client::new(server().address).old();
    client.send(0x10, &login(0x7100_0001, "secret"));
    assert_eq!(client.tokens(), ["change 7", "login 71000001", "done 0"]);
    client.batch("row");
    assert_eq!(client.tokens(), ["columns 1", "row 1", "done 10"]);
    client.batch("fail");
    assert_eq!(client.tokens(), ["error 3202 class 16", "error 3013 class 16", "done 2"]);
}

#[test]
fn who_is_not_let_in_is_told_and_gone() {
    let mut client = Client::new(server().address);
    client.send(0x10, &login(0x7400_0004, "guess"));
    assert_eq!(client.tokens(), ["error 18456 class 14", "done 2"]);
    assert!(client.part().is_none());
}

#[test]
fn what_is_no_tds_is_not_answered() {
    for bytes in
        [&[0x16, 3, 1, 0, 9, 0, 0, 0][..], b"GET / HTTP/1.1\r\n", &[1, 1, 0, 8, 0, 0, 0, 0]]
    {
        let mut client = Client::new(server().address);
        client.send_raw(bytes);
        assert!(client.part().is_none());
    }
    let server = server();
    let mut client = server.client(2);
    client.send(1, &[3, 0, 0, 0]);
    assert!(client.part().is_none(), "headers that are none");
}

#[test]
fn messages_come_at_once_and_alone() {
    let server = server();
    let mut client = server.client(2);
    client.batch("wait");
    let (last, part) = client.part().expect("a packet");
    assert!(!last, "its answer goes on");
    assert_eq!(client::tokens(&part, true), ["info 3211 class 0"]);
}

#[test]
fn messages_may_be_ends_behind_which_there_is_more() {
    let server = server_of(Shape::MessagesWithEnds);
    let mut client = server.client(2);
    client.batch("wait");
    let (_, part) = client.part().expect("a packet");
    assert_eq!(client::tokens(&part, true), ["info 3211 class 0", "done 1"]);
    let mut client = server.client(2);
    client.send(3, &call("wait"));
    let (_, part) = client.part().expect("a packet");
    assert_eq!(client::tokens(&part, true), ["info 3211 class 0", "in procedure done 1"]);
}

#[test]
fn an_attention_is_answered_behind_the_end_of_what_it_ends() {
    let server = server();
    for encryption in [1, 2] {
        let mut client = server.client(encryption);
        client.batch("wait");
        client.part().expect("it has begun");
        client.send(6, &[]);
        assert_eq!(client.tokens(), ["error 3204 class 16", "done 2"]);
        assert_eq!(client.tokens(), ["done 20"]);
        assert_eq!(server.halted.recv(), Ok(Why::Attention));
        // When nothing is carried out it is answered, too.
        client.send(6, &[]);
        assert_eq!(client.tokens(), ["done 20"]);
        client.batch("row");
        assert_eq!(client.tokens(), ["columns 1", "row 2", "done 10"]);
    }
}

/// Not the one that ended, which was another.
#[test]
fn an_attention_ends_what_has_not_begun() {
    let server = server();
    let mut client = server.client(2);
    let mut both = Vec::new();
    for (kind, body) in [(1, body("wait", true)), (6, Vec::new())] {
        let [high, low] = (8 + body.len() as u16).to_be_bytes();
        both.extend([kind, 1, high, low, 0, 0, 1, 0]);
        both.extend(body);
    }
    client.send_raw(&both);
    let told = client.tokens();
    assert_eq!(told, ["info 3211 class 0", "error 3204 class 16", "done 2"]);
    assert_eq!(client.tokens(), ["done 20"]);
}

#[test]
fn a_client_that_goes_ends_its_statement() {
    let server = server();
    for encryption in [0, 1, 2] {
        let mut client = server.client(encryption);
        client.batch("wait");
        client.part().expect("it has begun");
        drop(client);
        assert_eq!(server.halted.recv(), Ok(Why::Gone));
    }
}

#[test]
fn a_call_returns_and_a_failed_one_tells_that() {
    let server = server();
    let mut client = server.client(2);
    client.send(3, &call("row"));
    let told = ["columns 1", "row 1", "in procedure done 11", "returned 0", "procedure done 0"];
    assert_eq!(client.tokens(), told);
    client.send(3, &call("fail"));
    let told = client.tokens();
    assert_eq!(told[..3], ["error 3202 class 16", "error 3013 class 16", "in procedure done 3"]);
    assert_eq!(told[3..], ["returned 3013", "procedure done 2"]);
}

#[test]
fn transactions_are_told_as_changes() {
    let server = server();
    let mut client = server.client(2);
    for (kind, anew, told) in [
        (5, 0, &["change 8", "done 0"][..]),
        (7, 1, &["change 9", "change 8", "done 0"]),
        (8, 0, &["change 10", "done 0"]),
    ] {
        client.transaction(kind, anew);
        assert_eq!(client.tokens(), told);
    }
}

#[test]
fn a_connection_that_changes_hands_is_as_new() {
    let server = server();
    let mut client = server.client(2);
    client.batch("row");
    client.tokens();
    let body = body("row", true);
    let [high, low] = (8 + body.len() as u16).to_be_bytes();
    client.send_raw(&[&[1, 1 | 8, high, low, 0, 0, 1, 0], &body[..]].concat());
    assert_eq!(client.tokens(), ["change 18", "columns 1", "row 1", "done 10"]);
}
