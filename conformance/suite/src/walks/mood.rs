//! What a walk has much of, and what it has not at all. Each draws its own: what is rare in all
//! of them would never meet what else is rare.

use vdi_simulate::Rng;

/// Once in so many times.
const NEVER: u32 = 0;

/// What goes on while the set is Active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Traffic {
    Send,
    Get,
    Complete,
    Buffers,
    Hoard,
    Burst,
    Time,
    CloseDevice,
    Routine,
}

/// How much of it there is where nothing is drawn.
const USUAL: [(Traffic, u32); 9] = [
    (Traffic::Send, 140),
    (Traffic::Get, 100),
    (Traffic::Complete, 100),
    (Traffic::Buffers, 19),
    (Traffic::Hoard, 1),
    (Traffic::Burst, 10),
    (Traffic::Time, 10),
    (Traffic::CloseDevice, 20),
    (Traffic::Routine, 10),
];

/// How often something happens: once in so many times.
#[derive(Clone, Debug)]
pub(super) struct Mood {
    traffic: [(Traffic, u32); 9],
    /// A command fails.
    pub(super) fails: u32,
    /// The routine of a command is held.
    pub(super) holds: u32,
    /// A call comes at the wrong time, or asks for something odd.
    pub(super) odd: u32,
    /// What the server calls while a routine is held is called from inside it.
    pub(super) inside: u32,
    /// What is sent is not ClearError, where one is due.
    pub(super) other: u32,
    /// A secondary client that may leave does.
    pub(super) leaves: u32,
    /// A held routine returns.
    pub(super) lets_go: u32,
}

impl Mood {
    pub(super) fn drawn(rng: &mut Rng) -> Self {
        let mut traffic = USUAL;
        for (what, weight) in &mut traffic {
            *weight *= match what {
                // Without these nothing goes on.
                Traffic::Send | Traffic::Get | Traffic::Complete => rng.one_of(&[1, 1, 2]),
                Traffic::Buffers
                | Traffic::Hoard
                | Traffic::Burst
                | Traffic::Time
                | Traffic::CloseDevice
                | Traffic::Routine => rng.one_of(&[0, 1, 1, 1, 4]),
            };
        }
        Self {
            traffic,
            fails: rng.one_of(&[NEVER, 8, 8, 8, 3]),
            holds: rng.one_of(&[NEVER, 12, 12, 4]),
            odd: rng.one_of(&[NEVER, 14, 7, 7, 4]),
            inside: rng.one_of(&[NEVER, 2, 2, 1]),
            other: rng.one_of(&[3, 3, 2, NEVER]),
            leaves: rng.one_of(&[3, 3, 1]),
            lets_go: rng.one_of(&[2, 4, 4, 12]),
        }
    }

    /// There is none of these.
    pub(super) fn never(&mut self, these: &[Traffic]) {
        for (what, weight) in &mut self.traffic {
            if these.contains(what) {
                *weight = 0;
            }
        }
    }

    /// What goes on next.
    pub(super) fn traffic(&self, rng: &mut Rng) -> Traffic {
        let all = self.traffic.iter().map(|(_, weight)| weight).sum();
        let mut left = rng.below(all);
        for (what, weight) in self.traffic {
            if left < weight {
                return what;
            }
            left -= weight;
        }
        Traffic::Send
    }
}
