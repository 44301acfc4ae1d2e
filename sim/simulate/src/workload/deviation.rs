//! The faults that clients shipped with, each as a way of a client to deviate.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use vdi_spec::clauses::Clause;
use vdi_spec::codes::{UnknownName, closest};

macro_rules! deviations {
    ($( $name:ident $id:literal $number:literal $text:literal [$($clause:ident),*]; )+) => {
        /// A way to deviate. Several may be variants of one fault that was seen in the
        /// field: [`Deviation::number`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub enum Deviation { $( #[doc = $text] #[serde(rename = $id)] $name, )+ }

        impl Deviation {
            /// Every one.
            pub const ALL: &[Self] = &[$( Self::$name, )+];

            /// Its name.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $( Self::$name => $id, )+ }
            }

            /// What the client does.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $( Self::$name => $text, )+ }
            }

            /// Which of the fifteen faults of shipped clients it is.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self { $( Self::$name => $number, )+ }
            }

            /// The obligations that it breaks, any of which gives it away.
            #[must_use]
            pub const fn clauses(self) -> &'static [Clause] {
                match self { $( Self::$name => &[$( Clause::$clause, )*], )+ }
            }
        }
    };
}

deviations! {
    ClosesWithDeviceOpen "closes-with-device-open" 1
        "Closes the set with a device open and without SignalAbort." [ClientCloseDevicesOpenMistake];
    // No clause catches it: a command that is not completed yet may be at any time, so that
    // what shows is the standstill, or with serverTimeOut the abort. Only a Close in order
    // would show that it never was, and a server does not close what waits for completion.
    NeverCompletes "never-completes" 2
        "Never completes one of the commands it has fetched." [ClientCompleteCommandEach];
    ShortWriteIsSuccess "short-write-is-success" 3
        "Reports a short write as a success with fewer bytes." [ClientWriteShort];
    EndIsSuccess "end-is-success" 4
        "Reports the end of the data as a success with no bytes, for ever." [ClientReadEnd];
    WritesCommand "writes-command" 5
        "Writes into the structure of a command." [ClientCommandReadOnly];
    RefusesFlush "refuses-flush" 6
        "Answers Flush with ERROR_NOT_SUPPORTED." [ClientCommandMandatory];
    FlushesNothing "flushes-nothing" 6
        "Acknowledges Flush without flushing." [];
    MovesNothing "moves-nothing" 7
        "Completes a command with success and all bytes, and moves nothing." [ClientCommandMovesData];
    EndsAtFlush "ends-at-flush" 8
        "Takes the first Flush for the end of the backup."
        [ClientFlushNotTheEnd, ClientCloseDevicesOpenMistake];
    HoldsComplete "holds-complete" 9
        "Holds Complete for longer than two intervals of serverTimeOut." [ClientCompleteTimely];
    NeverCloses "never-closes" 10
        "Ends without Close." [ClientCloseRequired];
    ClosesTwice "closes-twice" 10
        "Closes twice." [ClientCloseTwice];
    UsesAfterClose "uses-after-close" 10
        "Uses a device after Close." [ClientCloseUseAfter];
    WaitsForEver "waits-for-ever" 11
        "Waits for the configuration for ever, although the statement has failed."
        [ClientGetConfigurationAfterFailure];
    OneDeviceOfTwo "one-device-of-two" 12
        "Asks for two devices, names one in the statement, and opens one." [ClientCreateDeviceCount];
    CloseIsSuccess "close-is-success" 13
        "Takes VD_E_CLOSE for the success of the backup." [ClientSuccess];
    WrongConstant "wrong-constant" 14
        "Compares VD_E_CLOSE with a wrong number, and does not see it." [ClientGetCommandStop];
    CompletesTwice "completes-twice" 15
        "Completes a command twice." [ClientCompleteCommandActiveOnly];
    CompletesOnAnother "completes-on-another" 15
        "Completes a command of one device on another." [ClientCompleteCommandActiveOnly];
}

impl Deviation {
    /// Whether it is the client of the RESTORE that deviates.
    #[must_use]
    pub const fn restores(self) -> bool {
        matches!(self, Self::EndIsSuccess)
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

impl FromStr for Deviation {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL.iter().copied().find(|known| known.id() == text).ok_or_else(|| UnknownName {
            kind: "deviation",
            text: text.to_owned(),
            expected: "a deviation such as moves-nothing",
            near: closest(text, Self::ALL.iter().map(|known| known.id())),
        })
    }
}
