//! BACKUP: the data is read and sent to the devices in Writes.

use std::collections::BTreeMap;

use crc32fast::Hasher;
use vdi_runtime::{Buffer, Bytes};
use vdi_spec::codes::{CommandCode, Features, Win32};

use super::database::Source;
use super::device::{Device, Ended};
use super::faults::Fault;
use super::media::{BLOCK, Header, Trailer, filled_up, to_block, whole};
use super::messages::Failed;
use super::moved::Moved;
use super::server::Server;
use super::session::Session;
use super::statement::Statement;
use super::sync::lock;

/// Carries the statement out.
pub(super) fn backup(
    server: &Server,
    statement: &Statement,
    say: &(dyn Fn(&str) + Sync),
) -> Result<Moved, Failed> {
    let database = server.databases.find(&statement.database, statement.what, true)?;
    if server.databases.is_there(&statement.database)
        && let Some(how) = server.databases.restoring(&statement.database)
    {
        return Err(Failed::restoring(&statement.database, how));
    }
    let unreadable = |error: std::io::Error| {
        Failed::new(3201, format!("The data of '{}' cannot be read: {error}.", statement.database))
    };
    let source = Source::open(&database).map_err(unreadable)?;
    let session = Session::open(server, statement, say)?;
    session.progress.expect(source.len());
    let header = Header::new(statement, source.len(), session.config.max_transfer_size);
    let stripes = session.run(|device, index| {
        let header = header.of_device(index);
        let mut writer = Writer { device, source: &source, place: 0 };
        if statement.options.snapshot { writer.snapshot(&header) } else { writer.stream(&header) }
    })?;
    if statement.options.restoring.is_some() {
        // What lies behind the end of the log is backed up, and the database is to go on
        // elsewhere.
        let marked =
            server.databases.set_restoring(&statement.database, statement.options.restoring);
        marked.map_err(unreadable)?;
    }
    let checksum = (stripes.len() == 1).then(|| stripes[0]).flatten();
    Ok(Moved { bytes: source.len(), checksum, transfer: session.config.max_transfer_size })
}

/// Writes one device's part.
struct Writer<'a, 'b> {
    device: &'a mut Device<'b>,
    source: &'a Source,
    /// Bytes that were sent: where the next go.
    place: u64,
}

impl Writer<'_, '_> {
    fn stream(&mut self, header: &Header) -> Result<Option<u32>, Failed> {
        let session = self.device.session;
        self.block(&to_block(header))?;
        let wanted = !session.statement.options.no_checksum;
        let mut hasher = wanted.then(Hasher::new);
        for (offset, length) in header.pieces() {
            self.piece((offset, length), hasher.as_mut())?;
            session.progress.add(length);
        }
        let checksum = hasher.map(Hasher::finalize);
        self.settle()?;
        let sums = checksum.map(|data| (crc32fast::hash(&to_block(header)), data));
        lock(&session.sums).extend(sums.map(|sums| (header.device, sums)));
        self.device.meet(1)?;
        if session.server.faults.has(Fault::FlushTwice) {
            self.device.order(CommandCode::Flush)?;
            session.server.faults.happens(Fault::FlushTwice);
        }
        let whole = checksum.map(|_| whole(&lock(&session.sums)));
        self.block(&to_block(&Trailer { checksum, whole, device: header.device }))?;
        self.settle()?;
        self.device.order(CommandCode::Flush)?;
        self.end(session)?;
        Ok(checksum)
    }

    /// The metadata, then the client copies the frozen data.
    ///
    /// Source: SQL Server 2005 Virtual Backup Device Specification, Snapshot.
    fn snapshot(&mut self, header: &Header) -> Result<Option<u32>, Failed> {
        let session = self.device.session;
        self.block(&to_block(header))?;
        self.device.meet(1)?;
        if session.config.features.contains(Features::SNAPSHOT_PREPARE) {
            self.settle()?;
            self.device.order(CommandCode::PrepareToFreeze)?;
        }
        let wanted = !session.statement.options.no_checksum;
        let checksum = wanted
            .then(|| self.source.checksum())
            .transpose()
            .map_err(|error| Failed::new(3201, format!("The data cannot be read: {error}.")))?;
        let sums = |data| BTreeMap::from([(0, (crc32fast::hash(&to_block(header)), data))]);
        let whole = checksum.map(|data| whole(&sums(data)));
        self.block(&to_block(&Trailer { checksum, whole, device: header.device }))?;
        self.settle()?;
        self.device.order(CommandCode::Snapshot)?;
        self.end(session)?;
        Ok(checksum)
    }

    fn end(&mut self, session: &Session<'_>) -> Result<(), Failed> {
        if session.completes() {
            self.device.order(CommandCode::Complete)?;
        }
        self.device.meet(2)?;
        self.device.close()
    }

    /// Sends a piece of the data, filled up with zeros.
    fn piece(
        &mut self,
        (offset, length): (u64, usize),
        hasher: Option<&mut Hasher>,
    ) -> Result<(), Failed> {
        let (buffer, bytes) = self.free_buffer()?;
        let filled = self.source.fill((offset, length), &bytes, hasher);
        filled.map_err(|error| Failed::new(3201, format!("The data cannot be read: {error}.")))?;
        let size = filled_up(length);
        if size > length {
            bytes.copy_at(length, &vec![0; size - length]);
        }
        self.write(buffer, size)
    }

    fn block(&mut self, block: &[u8]) -> Result<(), Failed> {
        let (buffer, bytes) = self.free_buffer()?;
        bytes.copy_from(block);
        self.write(buffer, BLOCK)
    }

    fn write(&mut self, buffer: Buffer, size: usize) -> Result<(), Failed> {
        self.device.send(CommandCode::Write, Some(buffer), (self.place, size))?;
        self.place += size as u64;
        Ok(())
    }

    fn free_buffer(&mut self) -> Result<(Buffer, Bytes), Failed> {
        loop {
            if let Some(free) = self.device.take_buffer() {
                return Ok(free);
            }
            if self.device.is_idle() {
                return Err(self.device.failure(Win32::ERROR_OPERATION_ABORTED));
            }
            self.wait_for_write()?;
        }
    }

    /// Waits for everything that is out.
    fn settle(&mut self) -> Result<(), Failed> {
        while !self.device.is_idle() {
            self.wait_for_write()?;
        }
        Ok(())
    }

    /// Waits for a Write, which must have stored everything.
    fn wait_for_write(&mut self) -> Result<(), Failed> {
        let Ended { completion, size, buffer, .. } = self.device.next();
        match completion.code {
            Win32::ERROR_SUCCESS if completion.bytes as usize == size => {
                self.device.give_back(buffer);
                Ok(())
            }
            // Success with fewer bytes is none.
            Win32::ERROR_SUCCESS => Err(self.device.failure(Win32::ERROR_WRITE_FAULT)),
            code => Err(self.device.failure(code)),
        }
    }
}
