//! The command line of `sqlcmd`, as client programs use it.
//!
//! Source: sqlcmd utility, command-line options. An option of one letter has its value behind
//! it, with or without a space.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, CommandFactory, FromArgMatches, Parser, value_parser};

use super::script::is_name;

/// Carries out BACKUP and RESTORE statements, as sqlcmd hands them to a server.
///
/// They are handed over to the `vdi serve` of this user, if one is running for the same
/// VDI_PREFIX; else the server is played by this process. What it needs to know is in the
/// environment: VDI_DATA is the folder of its databases, VDI_FAULTS what goes wrong on purpose,
/// VDI_TRACE where its calls are recorded, VDI_WAIT how many seconds a set that does not exist
/// yet is waited for, VDI_SERVER the socket of the server to hand over to, or `none`. Options
/// that are for a connection, and for how it is printed, have no effect. Of the commands of
/// scripts there are GO, :setvar, :on error, EXIT, QUIT and RESET.
#[derive(Debug, Parser)]
#[command(name = "sqlcmd", disable_help_flag = true, disable_version_flag = true)]
#[command(after_help = crate::list_options())]
pub(super) struct Arguments {
    /// The server, which is only named in messages
    #[arg(short = 'S', default_value = "localhost")]
    pub(super) server: String,
    /// Statements to be carried out, after which it ends
    #[arg(short = 'Q')]
    pub(super) query: Option<String>,
    /// The same
    #[arg(short = 'q', conflicts_with = "query")]
    pub(super) initial: Option<String>,
    /// Files of statements
    #[arg(short = 'i', value_delimiter = ',', conflicts_with_all = ["query", "initial"])]
    pub(super) input: Vec<PathBuf>,
    /// File for what is printed
    #[arg(short = 'o')]
    pub(super) output: Option<PathBuf>,
    /// End, with 1, if a statement fails
    #[arg(short = 'b')]
    pub(super) exit_on_error: bool,
    /// This help
    #[arg(short = '?', action = ArgAction::Help)]
    help: Option<bool>,
    /// Scripting variables, NAME=VALUE, which :setvar and -x overrule
    #[arg(short = 'v', num_args = 1.., display_order = order(20) + 1)]
    variables: Vec<String>,
    /// No values are put in for scripting variables
    #[arg(short = 'x', display_order = order(20) + 2)]
    pub(super) no_variables: bool,
    /// The word that ends a batch, in place of GO
    #[arg(short = 'c', default_value = "GO", display_order = order(20) + 3)]
    pub(super) terminator: String,
}

/// What stands behind an option without effect.
#[derive(Clone, Copy)]
enum Takes {
    Nothing,
    Text,
    /// A text that may begin with a hyphen.
    AnyText,
    Number,
    /// A number that may be below 0.
    AnyNumber,
    /// One of these words, or nothing.
    Maybe(&'static [&'static str]),
}

/// What may stand behind -N.
const ENCRYPTION: &[&str] = &[
    "s",
    "strict",
    "m",
    "mandatory",
    "o",
    "optional",
    "yes",
    "true",
    "1",
    "no",
    "false",
    "disable",
];

/// The options that are accepted and have no effect: letter, name, value, help.
#[rustfmt::skip]
const IGNORED: [(char, &str, Takes, &str); 35] = [
    ('U', "USER", Takes::Text, "The user"),
    ('P', "PASSWORD", Takes::AnyText, "The password"),
    ('d', "DATABASE", Takes::Text, "The database"),
    ('l', "LOGIN", Takes::Number, "Seconds to log in"),
    ('t', "TIMEOUT", Takes::Number, "Seconds of a statement"),
    ('h', "HEADINGS", Takes::AnyNumber, "Lines between headings"),
    ('w', "WIDTH", Takes::Number, "Characters of a line"),
    ('s', "SEPARATOR", Takes::Text, "What parts columns"),
    ('a', "PACKET", Takes::Number, "Bytes of a packet"),
    ('H', "HOST", Takes::Text, "Name of this computer"),
    ('K', "INTENT", Takes::Text, "What the application intends"),
    ('V', "SEVERITY", Takes::Number, "Least severity that is an error"),
    ('m', "LEVEL", Takes::AnyNumber, "Least severity that is told"),
    ('f', "CODEPAGE", Takes::Text, "Code page"),
    ('y', "VARIABLE_WIDTH", Takes::Number, "Characters of columns"),
    ('Y', "FIXED_WIDTH", Takes::Number, "Characters of columns"),
    ('r', "REDIRECT", Takes::Maybe(&["0", "1"]), "Which messages go to standard error: 0 or 1"),
    ('k', "CONTROL", Takes::Maybe(&["1", "2"]), "What becomes of control characters: 1 or 2"),
    ('N', "ENCRYPT", Takes::Maybe(ENCRYPTION), "Whether the connection is encrypted: s, m or o"),
    ('p', "STATISTICS", Takes::Maybe(&["0", "1"]), "Statistics: 1 for a form with colons"),
    ('X', "NO_COMMANDS", Takes::Maybe(&["0", "1"]), "No commands of the system: 1 to end at one"),
    ('F', "FORMAT", Takes::Text, "How it is printed"),
    ('E', "TRUSTED", Takes::Nothing, "Without effect here: a trusted connection, any certificate, and how \
        it is printed"),
    ('C', "CERTIFICATE", Takes::Nothing, "See -E"),
    ('W', "TRIM", Takes::Nothing, "See -E"),
    ('I', "QUOTED", Takes::Nothing, "See -E"),
    ('e', "ECHO", Takes::Nothing, "See -E"),
    ('u', "UNICODE", Takes::Nothing, "See -E"),
    ('A', "DEDICATED", Takes::Nothing, "See -E"),
    ('D', "DATA_SOURCE", Takes::Nothing, "See -E"),
    ('G', "DIRECTORY", Takes::Nothing, "See -E"),
    ('g', "COLUMN_ENCRYPTION", Takes::Nothing, "See -E"),
    ('j', "RAW_ERRORS", Takes::Nothing, "See -E"),
    ('M', "MULTI_SUBNET", Takes::Nothing, "See -E"),
    ('R', "REGIONAL", Takes::Nothing, "See -E"),
];

/// Where an option without effect stands in the help: there is room between them.
const fn order(index: usize) -> usize {
    10 * (index + 1)
}

fn ignored() -> impl Iterator<Item = Arg> {
    IGNORED.iter().enumerate().map(|(index, (letter, name, takes, help))| {
        let arg = Arg::new(*name).short(*letter).help(*help).display_order(order(index));
        match *takes {
            Takes::Nothing => arg.action(ArgAction::SetTrue),
            Takes::Text => arg,
            Takes::AnyText => arg.allow_hyphen_values(true),
            Takes::Number => arg.value_parser(value_parser!(u32)),
            Takes::AnyNumber => arg.value_parser(value_parser!(i32)).allow_negative_numbers(true),
            Takes::Maybe(words) => arg
                .num_args(0..=1)
                .value_parser(PossibleValuesParser::new(words))
                .ignore_case(true)
                .hide_possible_values(true),
        }
    })
}

impl Arguments {
    /// Those of a command line, the first word of which is the name of the tool.
    pub(super) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = Self::command().args(ignored());
        let matches = command.try_get_matches_from_mut(words)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }

    /// The variables of -v. `=` may stand by itself, or with either side.
    pub(super) fn variables(&self) -> Result<BTreeMap<String, String>, String> {
        let mut pairs: Vec<String> = Vec::new();
        for word in &self.variables {
            match pairs.last_mut() {
                Some(last) if word.starts_with('=') && !last.contains('=') => last.push_str(word),
                Some(last) if last.ends_with('=') && !word.contains('=') => last.push_str(word),
                _ => pairs.push(word.clone()),
            }
        }
        let read = |pair: &String| {
            let wrong =
                || format!("Sqlcmd: '-v {pair}': Unexpected argument. Enter '-?' for help.");
            let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
            let value =
                value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
            let named = is_name(name).then(|| (name.to_ascii_uppercase(), value.to_owned()));
            named.ok_or_else(wrong)
        };
        pairs.iter().map(read).collect()
    }
}

/// What is said of a command line that is wrong.
pub(super) fn complaint(error: &clap::Error) -> String {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(" "),
        _ => String::new(),
    };
    let named = text(ContextKind::InvalidArg);
    // An option without what clap writes behind it.
    let option = if named.starts_with('-') { named.chars().take(2).collect() } else { named };
    let value = text(ContextKind::InvalidValue);
    let help = "Enter '-?' for help.";
    match error.kind() {
        ErrorKind::UnknownArgument if option.starts_with('-') => {
            format!("Sqlcmd: '{option}': Unknown Option. {help}")
        }
        ErrorKind::InvalidValue | ErrorKind::WrongNumberOfValues | ErrorKind::TooFewValues
            if value.is_empty() =>
        {
            format!("Sqlcmd: '{option}': Missing argument. {help}")
        }
        ErrorKind::InvalidValue => format!(
            "Sqlcmd: '{option} {value}': Unexpected argument. Argument value has to be one of [{}].",
            text(ContextKind::ValidValue)
        ),
        ErrorKind::ValueValidation => format!(
            "Sqlcmd: '{option} {value}': Unexpected argument. Argument value has to be a number."
        ),
        ErrorKind::ArgumentConflict => match &*option {
            "-Q" | "-q" | "-i" => {
                "Sqlcmd: The -i, the -Q and the -q options are mutually exclusive.".to_owned()
            }
            _ => format!("Sqlcmd: '{option}': Unexpected argument. {help}"),
        },
        _ => format!("Sqlcmd: '{option}': Unexpected argument. {help}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Arguments, String> {
        let words = [&["sqlcmd"], words].concat().into_iter().map(OsString::from);
        Arguments::read(words).map_err(|error| complaint(&error))
    }

    #[test]
    fn everyday_options_are_taken() {
        for words in [
            "-r1 -Q x",
            "-r 1 -Q x",
            "-r -Q x",
            "-k1 -Q x",
            "-k 2 -b -Qx",
            "-No -C -Q x",
            "-N -Q x",
            "-N strict -Q x",
            "-p -Q x",
            "-p1 -Q x",
            "-G -D -A -g -Q x",
            "-c END -Q x",
            "-X1 -Q x",
            "-S host,1433 -U sa -P -secret -d db -l 5 -t 0 -h -1 -s , -W -w 200 -b -Q x",
            "-v a=1 b=2 -Q x",
            "-va=1 -Q x",
            "-Ssrv -Usa -Ppw -h-1 -y0 -Y30 -m-1 -V16 -Q x",
        ] {
            let words: Vec<&str> = words.split(' ').collect();
            let args = parsed(&words).unwrap_or_else(|why| panic!("{words:?}: {why}"));
            assert_eq!(args.query.as_deref(), Some("x"), "{words:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_as_the_tool_says_it() {
        for (words, said) in [
            ("-~", "Sqlcmd: '-~': Unknown Option. Enter '-?' for help."),
            ("-Q", "Sqlcmd: '-Q': Missing argument. Enter '-?' for help."),
            ("-v", "Sqlcmd: '-v': Missing argument. Enter '-?' for help."),
            ("-t abc", "Sqlcmd: '-t abc': Unexpected argument. Argument value has to be a number."),
            ("-r 5", "Sqlcmd: '-r 5': Unexpected argument. Argument value has to be one of [0 1]."),
            ("x", "Sqlcmd: 'x': Unexpected argument. Enter '-?' for help."),
            ("-b -b", "Sqlcmd: '-b': Unexpected argument. Enter '-?' for help."),
            ("-Q x -i y", "Sqlcmd: The -i, the -Q and the -q options are mutually exclusive."),
        ] {
            let words: Vec<&str> = words.split(' ').collect();
            assert_eq!(parsed(&words).expect_err("wrong"), said, "{words:?}");
        }
    }

    #[test]
    fn variables_come_from_the_command_line() {
        let of = |words: &[&str]| parsed(&[&["-v"], words].concat()).expect("read").variables();
        let both = BTreeMap::from([("A".to_owned(), "1 2".to_owned()), ("B".into(), "x".into())]);
        assert_eq!(of(&["a=1 2", "b=\"x\""]), Ok(both.clone()));
        assert_eq!(of(&["a", "=1 2", "b", "=", "x"]), Ok(both));
        assert!(of(&["a"]).is_err() && of(&["=1"]).is_err());
    }
}
