//! The shape of the register of readings: a question, its readings, and the
//! macro that turns the register's one table into types.

use std::fmt;
use std::str::FromStr;

use crate::codes::{Source, UnknownName, closest};

pub use super::register::{QUESTIONS, Question};

/// One way to answer a question.
#[derive(Clone, Copy, Debug)]
pub struct ReadingInfo {
    /// Its name within the question.
    pub id: &'static str,
    /// What it says.
    pub text: &'static str,
}

/// A question on which the documents contradict themselves or are silent.
#[derive(Clone, Copy, Debug)]
pub struct QuestionInfo {
    /// The question.
    pub question: Question,
    /// Its name.
    pub id: &'static str,
    /// The question in words.
    pub text: &'static str,
    /// The readings; the first is the default.
    pub readings: &'static [ReadingInfo],
    /// Where the contradiction, or the silence, is found.
    pub sources: &'static [Source],
}

/// A question with one of its readings: `question=reading`.
///
/// ```
/// use vdi_spec::clauses::Reading;
///
/// let reading: Reading = "server-close-devices-open=noerror".parse()?;
/// assert_eq!(reading.info().id, "noerror");
/// # Ok::<(), vdi_spec::codes::UnknownName>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reading {
    /// The question.
    pub question: Question,
    /// Which of its readings, counted from 0.
    pub index: u8,
}

impl Question {
    /// The row of the register.
    #[must_use]
    pub fn info(self) -> &'static QuestionInfo {
        &QUESTIONS[self as usize]
    }

    /// All readings of this question.
    pub fn readings(self) -> impl Iterator<Item = Reading> {
        (0..self.info().readings.len() as u8).map(move |index| Reading { question: self, index })
    }
}

impl Reading {
    /// What the register says of this reading.
    #[must_use]
    pub fn info(self) -> &'static ReadingInfo {
        &self.question.info().readings[usize::from(self.index)]
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.info().id)
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.question, self.info().id)
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Question {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        QUESTIONS.iter().find(|row| row.id == text).map(|row| row.question).ok_or_else(|| {
            UnknownName {
                kind: "question",
                text: text.to_owned(),
                expected: "an id from the register of readings (see `vdi list readings`)",
                near: closest(text, QUESTIONS.iter().map(|row| row.id)),
            }
        })
    }
}

impl FromStr for Reading {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let (question, reading) = text.split_once('=').ok_or_else(|| UnknownName {
            kind: "reading",
            text: text.to_owned(),
            expected: "question=reading",
            near: None,
        })?;
        let question: Question = question.parse()?;
        question.readings().find(|known| known.info().id == reading).ok_or_else(|| UnknownName {
            kind: "reading",
            text: text.to_owned(),
            expected: "a reading of that question (see `vdi explain QUESTION`)",
            near: closest(reading, question.info().readings.iter().map(|row| row.id)),
        })
    }
}

/// Turns the register's table into an enum per question, the enum of
/// questions, and the struct [`super::Profile`] with a field per question.
macro_rules! register {
    ($(
        $field:ident $type:ident $id:literal, $text:literal,
        { $( $variant:ident $reading:literal $meaning:literal ),+ $(,)? }
        [ $($source:expr),+ $(,)? ];
    )+) => {
        /// A question of the register.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Question { $( #[doc = $text] $type, )+ }

        $(
            #[doc = $text]
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
            pub enum $type { #[default] $( #[doc = $meaning] $variant ),+ }

            impl $type {
                const ALL: &[Self] = &[$(Self::$variant),+];
            }

            impl From<$type> for Reading {
                fn from(reading: $type) -> Self {
                    Self { question: Question::$type, index: reading as u8 }
                }
            }
        )+

        /// The register: every question with its readings, the default first.
        pub static QUESTIONS: &[QuestionInfo] = &[$(
            QuestionInfo {
                question: Question::$type,
                id: $id,
                text: $text,
                readings: &[$( ReadingInfo { id: $reading, text: $meaning } ),+],
                sources: &[$($source),+],
            },
        )+];

        /// A complete choice of readings. The default is the first reading of
        /// every question.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
        pub struct Profile { $( #[doc = $text] pub $field: $type, )+ }

        impl Profile {
            /// The reading chosen for a question.
            #[must_use]
            pub fn reading(&self, question: Question) -> Reading {
                match question { $( Question::$type => self.$field.into(), )+ }
            }

            /// Chooses a reading.
            pub fn choose(&mut self, reading: Reading) {
                match reading.question {
                    $( Question::$type => self.$field = $type::ALL[usize::from(reading.index)], )+
                }
            }
        }
    };
}

pub(super) use register;

#[cfg(feature = "serde")]
impl serde::Serialize for Reading {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
