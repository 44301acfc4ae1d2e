//! The statements of a batch, carried out one after the other.

use std::io;

use super::answers::{Answers, Change};
use super::catalogue::select;
use super::context::Context;
use super::error::ServeError;
use super::execute::Done;
use super::messages::{Failed, Message};
use super::order::{Order, Transact, parse_with};
use super::outcomes::report_outcome;
use super::parser::Variables;
use super::server::Server;
use super::statement::Statement;
use super::verb::{Look, What};

/// Carries out a text: how many statements failed. Nothing of it is carried out if it is not
/// understood.
pub(super) fn carry_out_text(
    server: &Server,
    context: &mut Context,
    (text, variables): (&str, Variables),
    answers: &dyn Answers,
) -> Result<usize, ServeError> {
    match parse_with(text, variables) {
        Ok(orders) => carry_out(server, context, &orders, answers),
        Err(bad) => {
            // Syntax is of level 15; what a statement asks for, of level 16.
            let level = if bad.number < 3000 { 15 } else { 16 };
            let message = Message { number: bad.number, level, text: bad.message };
            answers.tell(&message, bad.line)?;
            answers.ended(true, None)?;
            Ok(1)
        }
    }
}

/// Carries out one statement after the other; how many failed. A failed one does not keep the
/// next from being tried.
pub(super) fn carry_out(
    server: &Server,
    context: &mut Context,
    batch: &[Order],
    answers: &dyn Answers,
) -> Result<usize, ServeError> {
    let mut failures = 0;
    for order in batch {
        if server.stop.is_asked() {
            // Nothing of the rest is begun: that has failed, too.
            if failures == 0 {
                answers.ended(true, None)?;
            }
            break;
        }
        failures += usize::from(!one(server, context, order, answers)?);
    }
    Ok(failures)
}

/// Carries out one statement; whether it did not fail.
fn one(
    server: &Server,
    context: &mut Context,
    order: &Order,
    answers: &dyn Answers,
) -> Result<bool, ServeError> {
    match order {
        Order::Set => Ok(true),
        Order::Use(name) => {
            context.database.clone_from(name);
            let text = format!("Changed database context to '{name}'.");
            answers.tell(&Message::info(5701, text), 1)?;
            Ok(true)
        }
        Order::Transaction(what) => {
            let well = transact(context, *what, answers)?;
            answers.ended(!well, None)?;
            Ok(well)
        }
        Order::IfTransaction(open, order) if *open == (context.transactions > 0) => {
            one(server, context, order, answers)
        }
        Order::IfTransaction(..) => Ok(true),
        Order::Select(query) => {
            let result = select(server, context, query);
            let count = result.as_ref().ok().map(|rows| rows.rows.len() as u64);
            match &result {
                Ok(rows) => answers.rows(rows)?,
                Err(message) => answers.tell(message, query.line)?,
            }
            answers.ended(result.is_err(), count)?;
            Ok(result.is_ok())
        }
        Order::Create(name) => {
            let wrong = server.databases.create(name);
            told(wrong.into_iter().collect(), answers)
        }
        Order::Drop(names, lenient) => {
            let wrong = names.iter().filter_map(|name| server.databases.remove(name, *lenient));
            told(wrong.collect(), answers)
        }
        Order::Run(statement) => run(server, context, statement, answers),
    }
}

/// Tells why something cannot be, and the end of the statement; whether nothing was wrong.
fn told(wrong: Vec<Message>, answers: &dyn Answers) -> Result<bool, ServeError> {
    wrong.iter().try_for_each(|message| answers.tell(message, 1))?;
    answers.ended(!wrong.is_empty(), None)?;
    Ok(wrong.is_empty())
}

/// Carries out a BACKUP or RESTORE; whether it did not fail.
fn run(
    server: &Server,
    context: &Context,
    statement: &Statement,
    answers: &dyn Answers,
) -> Result<bool, ServeError> {
    // Told to nobody if it cannot be told.
    let say = |text: &str| drop(answers.tell(&Message::info(3211, text), statement.line));
    // What only looks may do so within a transaction, too: it is not told otherwise.
    let result = match statement.look {
        Some(look) if look != Look::Verify => return look_at(server, (statement, look), answers),
        _ if context.transactions > 0 => Err(Failed::in_transaction().terminated(statement)),
        _ => server.execute(statement, &say),
    };
    report_outcome(statement, result.as_ref().map(Some), &server.stop)?;
    match &result {
        Ok(done) => tell_done(statement, done, answers)?,
        Err(failed) => {
            failed.messages.iter().try_for_each(|one| answers.tell(one, statement.line))?;
        }
    }
    answers.ended(result.is_err(), None)?;
    Ok(result.is_ok())
}

/// Shows what a backup is; whether that did not fail.
fn look_at(
    server: &Server,
    look: (&Statement, Look),
    answers: &dyn Answers,
) -> Result<bool, ServeError> {
    let result = server.look(look, &|_| {});
    report_outcome(look.0, result.as_ref().map(|_| None), &server.stop)?;
    let line = look.0.line;
    match &result {
        Ok(rows) => answers.rows(rows)?,
        Err(failed) => failed.messages.iter().try_for_each(|one| answers.tell(one, line))?,
    }
    let count = result.as_ref().ok().map(|rows| rows.rows.len() as u64);
    answers.ended(result.is_err(), count)?;
    Ok(result.is_ok())
}

/// What becomes of a transaction; whether that can be. The end of it is told apart.
///
/// Source: SQL Server documentation, Database engine events and errors, 3902 and 3903.
pub(super) fn transact(
    context: &mut Context,
    what: Transact,
    answers: &dyn Answers,
) -> Result<bool, ServeError> {
    let open = context.transactions;
    let none = |number, name: &str| {
        let text =
            format!("The {name} TRANSACTION request has no corresponding BEGIN TRANSACTION.");
        Message { number, level: 16, text }
    };
    let wrong = match what {
        Transact::Begin => {
            context.transactions += 1;
            if open == 0 {
                answers.changed(Change::Begun)?;
            }
            None
        }
        Transact::Commit if open == 0 => Some(none(3902, "COMMIT")),
        Transact::Rollback if open == 0 => Some(none(3903, "ROLLBACK")),
        Transact::Commit => {
            context.transactions -= 1;
            if open == 1 {
                answers.changed(Change::Committed)?;
            }
            None
        }
        Transact::Rollback => {
            context.transactions = 0;
            answers.changed(Change::RolledBack)?;
            None
        }
        Transact::Save => None,
    };
    if let Some(message) = &wrong {
        answers.tell(message, 1)?;
    }
    Ok(wrong.is_none())
}

fn tell_done(statement: &Statement, done: &Done, answers: &dyn Answers) -> io::Result<()> {
    if statement.look == Some(Look::Verify) {
        let valid = Message::info(3262, "The backup set on file 1 is valid.");
        return answers.tell(&valid, statement.line);
    }
    let (pages, database) = (done.pages(), &statement.database);
    let log = statement.what == What::Log;
    let file = if log { format!("{database}_log") } else { database.clone() };
    if !statement.devices.is_empty() {
        let text =
            format!("Processed {pages} pages for database '{database}', file '{file}' on file 1.");
        answers.tell(&Message::info(4035, text), statement.line)?;
    }
    let took = done.took.as_secs_f64().max(0.001);
    let rate = done.bytes as f64 / took / f64::from(1 << 20);
    let title = statement.title();
    let text = format!(
        "{title} successfully processed {pages} pages in {took:.3} seconds ({rate:.3} MB/sec)."
    );
    answers.tell(&Message::info(3014, text), statement.line)
}
