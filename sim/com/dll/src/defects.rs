//! What is wrong on purpose, where the feature of that name is on: which one, the variable
//! VDI_DEFECT says.

macro_rules! defects {
    ($( $name:ident = $text:literal, $what:literal; )+) => {
        /// Something wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Defect { $( #[doc = $what] $name, )+ }

        impl Defect {
            #[cfg(feature = "defects")]
            const fn text(self) -> &'static str {
                match self { $( Self::$name => $text, )+ }
            }
        }
    };
}

defects! {
    CountsWithoutHolding = "counts-without-holding", "The agent is counted, and nothing keeps the library.";
    AgentUncounted = "agent-uncounted", "DllCanUnloadNow knows of no agents, nor does anything keep the library.";
    AlwaysUnloads = "always-unloads", "DllCanUnloadNow says yes whatever lives.";
    NeverUnloads = "never-unloads", "DllCanUnloadNow says no whatever is gone.";
    LockUncounted = "lock-uncounted", "LockServer counts nothing.";
    ObjectLeaks = "object-leaks", "A new set has one reference too many.";
    DeviceLeaks = "device-leaks", "A new device has one reference too many.";
    DeviceReleased = "device-released", "A new device has one reference too few.";
    NoServerClass = "no-server-class", "The class of servers is unknown.";
    AnyClass = "any-class", "Every class is the client's.";
    NoSecondInterface = "no-second-interface", "A client's set is refused as its newer interface.";
    NotAgile = "not-agile", "The factory is bound to its apartment.";
    Aggregates = "aggregates", "An outer object is taken, and not minded.";
    OutNotCleared = "out-not-cleared", "A failed OpenDevice leaves its result as it was.";
    BlockSizeSecond = "block-size-second", "BeginConfiguration as the page has it.";
    InstanceSecond = "instance-second", "CreateEx takes the name before the instance.";
    BytesFirst = "bytes-first", "CompleteCommand takes the bytes before the code.";
    NarrowPosition = "narrow-position", "A position has 32 bits.";
    NarrowNames = "narrow-names", "Of each character of a name 8 bits count.";
    CutNames = "cut-names", "A name counts up to its sixteenth character.";
    Seconds = "seconds", "Time-outs are seconds.";
    WideConfiguration = "wide-configuration", "GetConfiguration writes 48 bytes.";
    NotShared = "not-shared", "IsSharedBuffer says the opposite.";
    ContextOnly = "context-only", "The routine is given its context, not its command.";
    NoResult = "no-result", "The server's structure does not learn how the command ended.";
}

/// Whether this is wrong now.
#[cfg(feature = "defects")]
pub(crate) fn has(defect: Defect) -> bool {
    std::env::var("VDI_DEFECT").is_ok_and(|chosen| chosen == defect.text())
}

/// Nothing is.
#[cfg(not(feature = "defects"))]
pub(crate) const fn has(_: Defect) -> bool {
    false
}
