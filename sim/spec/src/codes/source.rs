//! Citations: which public document says so, and under which topic.

use std::fmt;

/// A public document about VDI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Document {
    /// The reference page of the server's Close, the project's founding document.
    ClosePage,
    /// The same page in its Spanish edition, a source of its own.
    ClosePageSpanish,
    /// The reference, one page per function.
    Reference,
    /// The specification of 2005.
    Specification,
    /// The client SDK specification for Linux.
    Linux,
    /// The published headers `vdi.h` and `vdierror.h`.
    Headers,
    /// The article about the VDC_Complete improvement.
    Kb3188454,
    /// What shipped clients and libraries were seen doing; not a specification.
    Practice,
}

impl Document {
    /// The title a reader can search for.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::ClosePage => "IServerVirtualDeviceSet2::Close (SQL Server VDI reference, 2019)",
            Self::ClosePageSpanish => {
                "IServerVirtualDeviceSet2::Close, edición en español (es-es, 2021)"
            }
            Self::Reference => "SQL Server VDI reference (2019)",
            Self::Specification => {
                "SQL Server 2005 Virtual Backup Device Specification, version 8.5.001"
            }
            Self::Linux => "SQL Server on Linux VDI client SDK Specification",
            Self::Headers => "vdi.h and vdierror.h",
            Self::Kb3188454 => "Microsoft KB 3188454",
            Self::Practice => "practice of shipped clients",
        }
    }
}

/// A document and the topic in it that a statement rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The document.
    pub document: Document,
    /// The page, chapter or heading within it.
    pub topic: &'static str,
}

impl Source {
    /// A topic of the founding page.
    #[must_use]
    pub const fn close_page(topic: &'static str) -> Self {
        Self { document: Document::ClosePage, topic }
    }

    /// A function's page in the reference.
    #[must_use]
    pub const fn reference(topic: &'static str) -> Self {
        Self { document: Document::Reference, topic }
    }

    /// A topic of the specification.
    #[must_use]
    pub const fn specification(topic: &'static str) -> Self {
        Self { document: Document::Specification, topic }
    }

    /// A declaration in the headers.
    #[must_use]
    pub const fn headers(topic: &'static str) -> Self {
        Self { document: Document::Headers, topic }
    }

    /// A topic of the Linux specification.
    #[must_use]
    pub const fn linux(topic: &'static str) -> Self {
        Self { document: Document::Linux, topic }
    }

    /// Something seen in the field.
    #[must_use]
    pub const fn practice(topic: &'static str) -> Self {
        Self { document: Document::Practice, topic }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.document.title(), self.topic)
    }
}
