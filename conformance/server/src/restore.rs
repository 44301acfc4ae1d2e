//! RESTORE: the devices are read, the data is checked and put in its place.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use crc32fast::Hasher;
use vdi_runtime::{Buffer, Bytes};
use vdi_spec::codes::{CommandCode, Win32};
use vdi_spec::config::VdConfig;

use super::database::{Sink, Source, hash};
use super::device::{Device, Ended};
use super::faults::Fault;
use super::looks::shown;
use super::media::{BLOCK, Header, Sums, Trailer, from_block, to_block, whole};
use super::messages::Failed;
use super::moved::Moved;
use super::rows::Rows;
use super::server::Server;
use super::session::Session;
use super::statement::Statement;
use super::sync::lock;
use super::verb::{Look, What};

/// Carries the statement out.
pub(super) fn restore(
    server: &Server,
    statement: &Statement,
    say: &(dyn Fn(&str) + Sync),
) -> Result<Moved, Failed> {
    match statement.look {
        Some(Look::Verify) => return verify(server, statement, say),
        Some(one) => {
            look(server, (statement, one), say)?;
            return Ok(Moved { bytes: 0, checksum: None, transfer: 0 });
        }
        None => {}
    }
    if statement.devices.is_empty() {
        return recover(server, statement);
    }
    let database = server.databases.find(&statement.database, statement.what, false)?;
    let unwritable = |error: std::io::Error| {
        let name = &statement.database;
        Failed::new(3634, format!("The data of '{name}' cannot be written: {error}."))
    };
    let snapshot = statement.options.snapshot;
    let sink = (!snapshot).then(|| Sink::open(&database)).transpose().map_err(unwritable)?;
    let session = Session::open(server, statement, say)?;
    let first: Mutex<Option<Header>> = Mutex::new(None);
    if server.faults.strikes(Fault::HeadOnly) {
        session.run(|device, _| {
            let mut reader = Reader { device, sink: sink.as_ref(), place: 0 };
            reader.header(&session, &first)?;
            reader.device.meet(1)?;
            reader.device.close()
        })?;
        return Ok(Moved { bytes: 0, checksum: None, transfer: session.config.max_transfer_size });
    }
    let parts = session.run(|device, _| {
        let mut reader = Reader { device, sink: sink.as_ref(), place: 0 };
        let header = reader.header(&session, &first)?;
        let (trailer, sum) = reader.stream(&header)?;
        Ok(Part { header, trailer, sum })
    })?;
    check_whole(statement, &parts)?;
    let name = &statement.devices[0];
    let Part { header, trailer, .. } = &parts[0];
    let checksum = if parts.len() == 1 { trailer.checksum } else { None };
    match sink {
        Some(sink) => sink.finish().map_err(unwritable)?,
        None => {
            // The client has put the data back: is it what was frozen?
            let source = Source::open(&database).map_err(unwritable)?;
            let expected = trailer.checksum.filter(|_| !statement.options.no_checksum);
            if let Some(expected) = expected
                && source.checksum().map_err(unwritable)? != expected
            {
                return Err(Failed::damaged(name));
            }
        }
    }
    let how = statement.options.restoring;
    server.databases.set_restoring(&statement.database, how).map_err(unwritable)?;
    Ok(Moved { bytes: header.bytes, checksum, transfer: session.config.max_transfer_size })
}

/// All is read and checked, and nothing is written.
fn verify(
    server: &Server,
    statement: &Statement,
    say: &(dyn Fn(&str) + Sync),
) -> Result<Moved, Failed> {
    let session = Session::open(server, statement, say)?;
    let first: Mutex<Option<Header>> = Mutex::new(None);
    let parts = session.run(|device, _| {
        let mut reader = Reader { device, sink: None, place: 0 };
        let header = reader.header(&session, &first)?;
        let (trailer, sum) = reader.stream(&header)?;
        Ok(Part { header, trailer, sum })
    })?;
    check_whole(statement, &parts)?;
    let bytes = parts[0].header.bytes;
    Ok(Moved { bytes, checksum: None, transfer: session.config.max_transfer_size })
}

/// A database onto which nothing more will be restored can be used.
fn recover(server: &Server, statement: &Statement) -> Result<Moved, Failed> {
    let name = &statement.database;
    server.databases.find(name, What::Database, true)?;
    if server.databases.restoring(name).is_none() {
        return Err(Failed::recovered());
    }
    let how = statement.options.restoring;
    server.databases.set_restoring(name, how).map_err(|error| {
        Failed::new(3634, format!("The state of '{name}' cannot be written: {error}."))
    })?;
    Ok(Moved { bytes: 0, checksum: None, transfer: 0 })
}

/// What the head of the media says.
pub(super) fn look(
    server: &Server,
    (statement, look): (&Statement, Look),
    say: &(dyn Fn(&str) + Sync),
) -> Result<Rows, Failed> {
    let session = Session::open(server, statement, say)?;
    let first: Mutex<Option<Header>> = Mutex::new(None);
    let headers = session.run(|device, _| {
        let mut reader = Reader { device, sink: None, place: 0 };
        let header = reader.header(&session, &first)?;
        reader.device.meet(1)?;
        reader.device.close()?;
        Ok(header)
    })?;
    Ok(shown(look, &headers[0]))
}

/// What was read of one device.
struct Part {
    header: Header,
    trailer: Trailer,
    /// Of the data that was read; of a snapshot, of that which was frozen.
    sum: Option<u32>,
}

/// Whether the devices hold one backup, all of it, and each its own part.
fn check_whole(statement: &Statement, parts: &[Part]) -> Result<(), Failed> {
    let name = &statement.devices[0];
    let mut sums: BTreeMap<u32, Option<Sums>> = BTreeMap::new();
    for Part { header, sum, .. } in parts {
        let sum = sum.map(|sum| (crc32fast::hash(&to_block(header)), sum));
        if sums.insert(header.device, sum).is_some() {
            return Err(Failed::media(name, "two devices hold the same part of the backup"));
        }
    }
    let sums = sums.into_iter().map(|(device, sums)| Some((device, sums?)));
    let Some(sums) = sums.collect::<Option<_>>().filter(|_| !statement.options.no_checksum) else {
        return Ok(());
    };
    let expected = Some(whole(&sums));
    match parts.iter().zip(&statement.devices).find(|(part, _)| part.trailer.whole != expected) {
        Some((_, name)) => Err(Failed::damaged(name)),
        None => Ok(()),
    }
}

/// Reads one device.
struct Reader<'a, 'b> {
    device: &'a mut Device<'b>,
    sink: Option<&'a Sink>,
    /// Bytes that were read: where the next lie.
    place: u64,
}

/// Whether the backup can be put in the place of the database that the statement names.
fn fits_database(session: &Session<'_>, header: &Header) -> Result<(), Failed> {
    let Statement { what, database: onto, options, .. } = session.statement;
    let databases = &session.server.databases;
    let is_there = databases.is_there(onto);
    let same = header.database.eq_ignore_ascii_case(onto);
    match what {
        What::Database if is_there && !same && !options.replace => {
            Err(Failed::other_database(onto))
        }
        What::Log if !is_there => Err(Failed::no_database(onto)),
        What::Log if header.log && databases.restoring(onto).is_none() => {
            Err(Failed::not_restoring())
        }
        What::Database | What::Log => Ok(()),
    }
}

/// What is wrong with a backup for this statement.
fn wrong_header(statement: &Statement, header: &Header) -> Result<(), String> {
    let of_kind = statement.look.is_some() || header.log == (statement.what == What::Log);
    if !of_kind {
        return Err("it is of another kind than the statement".to_owned());
    }
    if header.snapshot != statement.options.snapshot {
        return Err("a snapshot is restored WITH SNAPSHOT, and only it".to_owned());
    }
    let devices = header.devices as usize;
    if devices == statement.devices.len() {
        Ok(())
    } else {
        Err(format!("the backup has {devices} devices"))
    }
}

/// A Read whose data is to be taken in its turn.
struct Turn {
    number: u64,
    /// Where it begins, of all that is to be read.
    at: u64,
    /// How many of its bytes are wanted.
    wanted: u64,
}

impl Reader<'_, '_> {
    /// The header, which must be of the same backup as that of the other devices.
    fn header(
        &mut self,
        session: &Session<'_>,
        first: &Mutex<Option<Header>>,
    ) -> Result<Header, Failed> {
        let statement = session.statement;
        let mut block = Vec::new();
        self.read(BLOCK as u64, |_, bytes, length| {
            bytes.for_each_piece(length, |piece| block.extend_from_slice(piece));
            Ok(())
        })?;
        let wrong = |why: &str| Failed::media(&self.device.name, why);
        let header = Header::read(&block).map_err(|why| wrong(&why))?;
        if let Some(file) = statement.options.file.filter(|file| *file != 1) {
            return Err(Failed::no_file(file, &self.device.name));
        }
        match statement.look {
            Some(Look::FileList | Look::Header | Look::Label) => {}
            Some(Look::Verify) => wrong_header(statement, &header).map_err(|why| wrong(&why))?,
            None => {
                fits_database(session, &header)?;
                wrong_header(statement, &header).map_err(|why| wrong(&why))?;
            }
        }
        if let Some(Err(why)) = self.sink.map(|sink| sink.expect(header.bytes)) {
            let name = &statement.database;
            return Err(Failed::new(
                3634,
                format!("The data of '{name}' cannot be written: {why}."),
            ));
        }
        let mut first = lock(first);
        let known = first.get_or_insert_with(|| {
            session.progress.expect(header.bytes);
            header.clone()
        });
        if known.fits(&header) { Ok(header) } else { Err(wrong("it is of another backup")) }
    }

    /// The data and the trailer, checked; then the device is closed. The trailer, and the sum
    /// of the data if there is one on the medium.
    fn stream(&mut self, header: &Header) -> Result<(Trailer, Option<u32>), Failed> {
        let session = self.device.session;
        let mut hasher = Hasher::new();
        let (piece, devices) = (u64::from(header.piece), u64::from(header.devices));
        let sink = self.sink;
        let data = header.data_length();
        let mut trailer = Vec::new();
        self.read(data + BLOCK as u64, |at, bytes, length| {
            let mut done = 0;
            while done < length {
                // A read may go over several pieces of the data, and into the trailer.
                let place = at + done as u64;
                if place >= data {
                    let rest = bytes.part(done, length - done);
                    rest.for_each_piece(length - done, |bytes| trailer.extend_from_slice(bytes));
                    break;
                }
                let end = ((place / piece + 1) * piece).min(data);
                let some = (length - done).min((end - place) as usize);
                let part = bytes.part(done, some);
                let number = u64::from(header.device) + place / piece * devices;
                let offset = number * piece + place % piece;
                let kept = some.min(header.bytes.saturating_sub(offset) as usize);
                hash(&part, kept, Some(&mut hasher));
                if let Some(sink) = sink {
                    sink.put(offset, &part, kept).map_err(|error| {
                        Failed::new(3634, format!("The data cannot be written: {error}."))
                    })?;
                }
                session.progress.add(kept);
                done += some;
            }
            Ok(())
        })?;
        let name = &self.device.name;
        let trailer: Trailer = from_block(&trailer).map_err(|why| Failed::media(name, &why))?;
        if trailer.device != header.device {
            let (first, last) = (header.device, trailer.device);
            let why = format!("its header is of device {first}, its end of device {last}");
            return Err(Failed::media(name, &why));
        }
        let options = &session.statement.options;
        let sum = hasher.finalize();
        match trailer.checksum {
            None if options.checksum => return Err(Failed::no_checksum()),
            // What the client has put back is summed once it is all there.
            Some(_) if header.snapshot || options.no_checksum => {}
            Some(expected) if expected != sum => return Err(Failed::damaged(name)),
            _ => {}
        }
        if header.snapshot {
            self.device.order(CommandCode::MountSnapshot)?;
        }
        self.device.meet(1)?;
        self.device.close()?;
        let sum = if header.snapshot { trailer.checksum } else { trailer.checksum.map(|_| sum) };
        Ok((trailer, sum))
    }

    /// Reads so many bytes, several Reads at a time, and hands them on in their order:
    /// where they stand, and how many they are.
    fn read(
        &mut self,
        whole: u64,
        mut take: impl FnMut(u64, &Bytes, usize) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        let (mut asked, mut got, mut empty) = (0, 0, 0);
        // Reads may be completed in any order; the data is in the order they were sent.
        let mut order: VecDeque<Turn> = VecDeque::new();
        let mut waiting: BTreeMap<u64, Ended> = BTreeMap::new();
        while got < whole {
            while let Some(turn) = self.ask(asked, whole - asked)? {
                asked += turn.wanted;
                order.push_back(turn);
            }
            if self.device.is_idle() {
                return Err(self.device.failure(Win32::ERROR_OPERATION_ABORTED));
            }
            let ended = self.device.next();
            waiting.insert(ended.number, ended);
            while let Some(ended) = order.front().and_then(|turn| waiting.remove(&turn.number)) {
                let Some(Turn { at, wanted, .. }) = order.pop_front() else { break };
                let Ended { buffer, completion, .. } = ended;
                let length = u64::from(completion.bytes).min(wanted);
                if let Some(bytes) = buffer.as_ref().and_then(Buffer::bytes) {
                    take(got, &bytes, length as usize)?;
                }
                self.device.give_back(buffer);
                got += length;
                // There is no other medium that could hold the rest.
                if completion.code != Win32::ERROR_SUCCESS {
                    return Err(self.device.failure(completion.code));
                }
                empty = if length == 0 { empty + 1 } else { 0 };
                if empty > 3 {
                    return Err(self.device.failure(Win32::ERROR_HANDLE_EOF));
                }
                if length == wanted {
                    continue;
                }
                // Fewer bytes than asked for. A stream has gone on behind them; where there
                // are places, the next Read is on its way to its own.
                if self.device.session.is_addressed() {
                    let rest = self.ask(at + length, wanted - length)?;
                    rest.into_iter().for_each(|turn| order.push_front(turn));
                } else {
                    asked -= wanted - length;
                }
            }
        }
        self.place += whole;
        Ok(())
    }

    /// Sends a Read of what lies at `at`, at most `left` bytes of it, if there is any and a
    /// buffer is free.
    fn ask(&mut self, at: u64, left: u64) -> Result<Option<Turn>, Failed> {
        let VdConfig { block_size, max_transfer_size, .. } = self.device.session.config;
        let size = left.next_multiple_of(block_size.into()).min(max_transfer_size.into());
        let Some((buffer, _)) = (left > 0).then(|| self.device.take_buffer()).flatten() else {
            return Ok(None);
        };
        let place = (self.place + at, size as usize);
        let number = self.device.send(CommandCode::Read, Some(buffer), place)?;
        Ok(Some(Turn { number, at, wanted: size.min(left) }))
    }
}
