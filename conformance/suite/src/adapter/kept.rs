//! Output of others that is kept until it is asked for: its head and its tail, however much
//! there is.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::locked::locked;

/// Bytes of the head, and of the tail, at most.
const HALF: usize = 32 * 1024;

/// Output, bounded.
#[derive(Debug, Default)]
pub struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: u64,
}

impl Kept {
    /// Adds what comes next.
    pub fn add(&mut self, mut piece: &[u8]) {
        let room = (HALF - self.head.len()).min(piece.len());
        self.head.extend_from_slice(&piece[..room]);
        piece = &piece[room..];
        let surplus = piece.len().saturating_sub(HALF);
        self.left_out += surplus as u64;
        piece = &piece[surplus..];
        let surplus = (self.tail.len() + piece.len()).saturating_sub(HALF);
        self.left_out += surplus as u64;
        self.tail.drain(..surplus);
        self.tail.extend(piece);
    }

    /// What was kept since this was last asked, as text, with a line where something is left
    /// out.
    pub fn take(&mut self) -> String {
        let Self { head, tail, left_out } = std::mem::take(self);
        let tail = Vec::from(tail);
        if left_out == 0 {
            return String::from_utf8_lossy(&[head, tail].concat()).into_owned();
        }
        let (head, tail) = (String::from_utf8_lossy(&head), String::from_utf8_lossy(&tail));
        format!("{head}\n[{left_out} bytes left out]\n{tail}")
    }
}

/// Output that is kept as it comes, however long nobody asks for it: whoever writes it never
/// has to wait.
#[derive(Debug)]
pub struct Keeping {
    kept: Arc<Mutex<Kept>>,
    /// Ends when the output does.
    all: Receiver<()>,
}

impl Keeping {
    /// Keeps what comes from a reader, until it ends.
    pub fn of(mut output: impl Read + Send + 'static) -> Self {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let (keeps, (keeping, all)) = (Arc::clone(&kept), channel());
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut piece) {
                locked(keeps.lock()).add(&piece[..count]);
            }
            drop(keeping);
        });
        Self { kept, all }
    }

    /// Waits until it has ended, at most so long.
    pub fn end(&self, within: Duration) {
        let _ = self.all.recv_timeout(within);
    }

    /// What was kept since this was last asked.
    pub fn take(&self) -> String {
        locked(self.kept.lock()).take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_tail_are_kept_with_what_was_left_out() {
        let mut kept = Kept::default();
        let whole: Vec<u8> = (0..2 * HALF).map(|at| b'a' + (at % 26) as u8).collect();
        whole.chunks(1000).for_each(|piece| kept.add(piece));
        assert_eq!(kept.take().as_bytes(), whole);
        for size in [7, 4096, 5 * HALF] {
            let all = [whole.as_slice(), &whole, &whole].concat();
            all.chunks(size).for_each(|piece| kept.add(piece));
            let text = kept.take();
            let (head, rest) = text.split_at(HALF);
            assert_eq!(head.as_bytes(), &whole[..HALF]);
            let rest = rest.strip_prefix(&format!("\n[{} bytes left out]\n", 4 * HALF));
            assert_eq!(rest.expect("it says so").as_bytes(), &whole[HALF..]);
        }
        assert_eq!(kept.take(), "");
    }
}
