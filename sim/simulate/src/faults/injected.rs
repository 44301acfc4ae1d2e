//! The faults that were injected in a world. What is drawn may never come, because the world ends
//! before or nothing gives occasion to it; only what came is counted as met, and only what
//! came can explain that a statement failed.

macro_rules! faults {
    ($( $name:ident $id:literal $fails:literal $text:literal; )+) => {
        /// A fault, as it strikes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Fault { $( #[doc = $text] $name, )+ }

        impl Fault {
            /// Every one.
            pub const ALL: &[Self] = &[$( Self::$name, )+];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( Self::$name => $id, )+ }
            }

            /// Whether a statement may fail because of it. Of the others server and client
            /// recover: what is refused is asked for again, what is short is completed.
            #[must_use]
            pub const fn fails(self) -> bool {
                match self { $( Self::$name => $fails, )+ }
            }
        }
    };
}

faults! {
    ServerAbort "server-abort" true "Somebody on the server's side has called SignalAbort.";
    ClientAbort "client-abort" true "A thread of the client has called SignalAbort to stop the statement.";
    ServerDeath "server-death" true "The server's process has died.";
    PrimaryDeath "primary-death" true "The primary client's has.";
    SecondaryDeath "secondary-death" true "A secondary client's has.";
    StatementFails "statement-fails" true "The statement has failed before the server opened the set.";
    Cancel "cancel" true "Somebody has cancelled the statement at the server.";
    Refusal "refusal" true "The client has failed a command that moves no data.";
    MediumError "medium-error" true "The medium has refused a data command.";
    MediumFull "medium-full" true "A Write has failed because the medium was full.";
    EndOfMedia "end-of-media" false "A Write has met the end of a medium that another follows.";
    ShortWrite "short-write" false "Such a Write was short.";
    Memory "memory" false "Memory for buffers was refused.";
    NoMemory "no-memory" true "It was refused until the server gave up.";
    QueueFull "queue-full" false "A queue was full.";
    System "system" true "The operating system has refused resources to a call.";
    ShortTransfer "short-transfer" false "A Read gave less than was asked for.";
    SlowClient "slow-client" false "The client was late with a command.";
    SlowServer "slow-server" false "The server took its time.";
    SlowCallback "slow-callback" false "A completion routine has.";
    TimeOut "time-out" true "Two intervals of serverTimeOut have passed without a completion.";
    OddCalls "odd-calls" true "A call was made out of the order.";
}

/// Those that were injected in a world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Injected(u32);

impl Injected {
    /// One alone.
    #[must_use]
    pub const fn of(fault: Fault) -> Self {
        Self(1 << fault as u32)
    }

    /// One more has.
    #[inline]
    pub const fn insert(&mut self, fault: Fault) {
        self.0 |= 1 << fault as u32;
    }

    /// One has not, or does not count.
    pub const fn remove(&mut self, fault: Fault) {
        self.0 &= !(1 << fault as u32);
    }

    /// Whether it has.
    #[must_use]
    pub const fn contains(self, fault: Fault) -> bool {
        self.0 & 1 << fault as u32 != 0
    }

    /// Those that have.
    pub fn iter(self) -> impl Iterator<Item = Fault> {
        Fault::ALL.iter().copied().filter(move |fault| self.contains(*fault))
    }

    /// Whether a statement may have failed because of one of them.
    #[must_use]
    pub fn explains_failure(self) -> bool {
        self.iter().any(Fault::fails)
    }
}
