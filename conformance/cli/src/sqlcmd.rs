//! The command line of `sqlcmd`, as client programs use it.
//!
//! Source: sqlcmd utility, command-line options. An option of one letter has its value behind
//! it, with or without a space.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind as IoError, Read};
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Parser};

use super::script::{Reader, Script, decoded, is_name};

/// What may stand behind -N.
const ENCRYPTION: [&str; 12] = [
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
#[command(after_help = vdi_server::list_options())]
pub(super) struct Sqlcmd {
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
    /// The user
    #[arg(short = 'U')]
    user: Option<String>,
    /// The password
    #[arg(short = 'P', allow_hyphen_values = true)]
    password: Option<String>,
    /// The database
    #[arg(short = 'd')]
    database: Option<String>,
    /// Seconds to log in
    #[arg(short = 'l')]
    login: Option<u32>,
    /// Seconds of a statement
    #[arg(short = 't')]
    timeout: Option<u32>,
    /// Lines between headings
    #[arg(short = 'h', allow_negative_numbers = true)]
    headings: Option<i32>,
    /// Characters of a line
    #[arg(short = 'w')]
    width: Option<u32>,
    /// What parts columns
    #[arg(short = 's')]
    separator: Option<String>,
    /// Bytes of a packet
    #[arg(short = 'a')]
    packet: Option<u32>,
    /// Name of this computer
    #[arg(short = 'H')]
    host: Option<String>,
    /// What the application intends
    #[arg(short = 'K')]
    intent: Option<String>,
    /// Least severity that is an error
    #[arg(short = 'V')]
    severity: Option<u32>,
    /// Least severity that is told
    #[arg(short = 'm', allow_negative_numbers = true)]
    level: Option<i32>,
    /// Code page
    #[arg(short = 'f')]
    codepage: Option<String>,
    /// Characters of columns
    #[arg(short = 'y')]
    variable_width: Option<u32>,
    /// Characters of columns
    #[arg(short = 'Y')]
    fixed_width: Option<u32>,
    /// Which messages go to standard error: 0 or 1
    #[arg(short = 'r', num_args = 0..=1, value_parser = ["0", "1"], hide_possible_values = true)]
    redirect: Option<Option<String>>,
    /// What becomes of control characters: 1 or 2
    #[arg(short = 'k', num_args = 0..=1, value_parser = ["1", "2"], hide_possible_values = true)]
    control: Option<Option<String>>,
    /// Whether the connection is encrypted: s, m or o
    #[arg(short = 'N', num_args = 0..=1, value_parser = ENCRYPTION, ignore_case = true)]
    #[arg(hide_possible_values = true)]
    encrypt: Option<Option<String>>,
    /// Statistics: 1 for a form with colons
    #[arg(short = 'p', num_args = 0..=1, value_parser = ["0", "1"], hide_possible_values = true)]
    statistics: Option<Option<String>>,
    /// No commands of the system: 1 to end at one
    #[arg(short = 'X', num_args = 0..=1, value_parser = ["0", "1"], hide_possible_values = true)]
    no_commands: Option<Option<String>>,
    /// Scripting variables, NAME=VALUE, which :setvar and -x overrule
    #[arg(short = 'v', num_args = 1..)]
    variables: Vec<String>,
    /// No values are put in for scripting variables
    #[arg(short = 'x')]
    no_variables: bool,
    /// The word that ends a batch, in place of GO
    #[arg(short = 'c', default_value = "GO")]
    terminator: String,
    /// How it is printed
    #[arg(short = 'F')]
    format: Option<String>,
    /// Without effect here: a trusted connection, any certificate, and how it is printed
    #[arg(short = 'E')]
    trusted: bool,
    /// See -E
    #[arg(short = 'C')]
    certificate: bool,
    /// See -E
    #[arg(short = 'W')]
    trim: bool,
    /// See -E
    #[arg(short = 'I')]
    quoted: bool,
    /// See -E
    #[arg(short = 'e')]
    echo: bool,
    /// See -E
    #[arg(short = 'u')]
    unicode: bool,
    /// See -E
    #[arg(short = 'A')]
    dedicated: bool,
    /// See -E
    #[arg(short = 'D')]
    data_source: bool,
    /// See -E
    #[arg(short = 'G')]
    directory: bool,
    /// See -E
    #[arg(short = 'g')]
    column_encryption: bool,
    /// See -E
    #[arg(short = 'j')]
    raw_errors: bool,
    /// See -E
    #[arg(short = 'M')]
    multi_subnet: bool,
    /// See -E
    #[arg(short = 'R')]
    regional: bool,
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

impl Sqlcmd {
    /// What is to be carried out: of the command line, of files, or of standard input; what
    /// keeps it from being read.
    pub(super) fn script(&self) -> Result<Script, String> {
        let mut reader = Reader::new(self.terminator.clone(), self.exit_on_error);
        let variables = self.variables()?;
        reader.variables = (!self.no_variables).then_some(variables);
        let mut script = Script::default();
        if let Some(query) = self.query.as_ref().or(self.initial.as_ref()) {
            reader.read(query, None, &mut script);
            return Ok(script);
        }
        for file in &self.input {
            let name = file.display().to_string();
            reader.read(&input(file)?, Some(&name), &mut script);
        }
        if self.input.is_empty() {
            let mut text = Vec::new();
            let read = std::io::stdin().lock().read_to_end(&mut text);
            read.map_err(|error| format!("Sqlcmd: Error: standard input: {error}."))?;
            let text = decoded(&text).ok_or("Sqlcmd: Error: standard input is not UTF-8 text.")?;
            reader.read(&text, None, &mut script);
        }
        Ok(script)
    }

    /// The variables of -v. `=` may stand by itself, or with either side.
    fn variables(&self) -> Result<BTreeMap<String, String>, String> {
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

/// The text of a file of statements.
fn input(file: &Path) -> Result<String, String> {
    let bytes = fs::read(file).map_err(|error| match error.kind() {
        IoError::NotFound => format!("Sqlcmd: '{}': Invalid filename.", file.display()),
        _ => unusable(file, &error),
    })?;
    decoded(&bytes).ok_or_else(|| unusable(file, &"it is neither UTF-8 nor UTF-16 text"))
}

/// What is said of a file that cannot be used.
pub(super) fn unusable(file: &Path, why: &dyn std::fmt::Display) -> String {
    format!(
        "Sqlcmd: Error: Error occurred while opening or operating on file {} (Reason: {why}).",
        file.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Sqlcmd, String> {
        Sqlcmd::try_parse_from([&["sqlcmd"], words].concat()).map_err(|error| complaint(&error))
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
