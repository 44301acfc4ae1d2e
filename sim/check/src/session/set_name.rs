//! What a set is found by.

use vdi_trace::{Args, Function, Name};

/// What a set is found by: its name, and the instance that it is made for. Create and
/// OpenInSecondary do not tell the instance, but take it from the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SetName {
    pub(crate) name: String,
    pub(crate) instance: Option<String>,
}

impl SetName {
    pub(crate) fn new(function: Function, args: &Args<'_>) -> Self {
        let text = |name: &Option<Name<'_>>| {
            name.as_ref().map(|name| name.as_str()).unwrap_or_default().to_owned()
        };
        let told = !matches!(function, Function::Create | Function::OpenInSecondary);
        Self { name: text(&args.name), instance: told.then(|| text(&args.instance)) }
    }

    /// The name of a device, which belongs to no instance.
    pub(crate) fn of_device(name: &str) -> Self {
        Self { name: name.to_owned(), instance: None }
    }

    /// Whether it may be for this instance, as far as that is told.
    pub(crate) fn is_for(&self, instance: Option<&str>) -> bool {
        self.suits(instance) != Suits::No
    }

    /// Whether a set of one of these names may be the one of the other.
    pub(crate) fn finds(&self, other: &Self) -> bool {
        self.name == other.name && self.is_for(other.instance.as_deref())
    }

    /// Whether it is for this instance. Where the environment names none it is the default one,
    /// as where it is told to be null; whether it names another one is not known.
    pub(crate) fn suits(&self, instance: Option<&str>) -> Suits {
        match (self.instance.as_deref(), instance) {
            (None, None) => Suits::Yes,
            (Some(one), Some(other)) if one == other => Suits::Yes,
            (Some(_), Some(_)) => Suits::No,
            (None, Some(told)) | (Some(told), None) => {
                if told.is_empty() {
                    Suits::Yes
                } else {
                    Suits::Perhaps
                }
            }
        }
    }
}

/// Whether what is told of an instance is of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Suits {
    No,
    /// If the environment says so.
    Perhaps,
    Yes,
}
