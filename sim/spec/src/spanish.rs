//! The founding page in its Spanish edition: what it demands, in our own words, and its topics.
//!
//! It has the same content as the English one, and is a source of its own: wherever the English
//! page is cited, [`citations`] cites the Spanish one beside it.

use crate::clauses::Clause;
use crate::codes::{Document, Source};

/// The topics of the page: as the English one is cited, and in Spanish.
static TOPICS: &[(&str, &str)] = &[
    ("Return values", "Valores devueltos"),
    ("Return values, Remarks", "Valores devueltos, Comentarios"),
    ("Remarks", "Comentarios"),
    ("Remarks, SignalAbort processing", "Comentarios, el procesamiento de SignalAbort"),
    ("Remarks, on the agent's return and on unloading", "Comentarios, el agente y la descarga"),
    ("Remarks, open devices", "Comentarios, los dispositivos abiertos"),
    ("Remarks, resources", "Comentarios, los recursos"),
    ("Remarks, shared memory", "Comentarios, la memoria compartida"),
    ("Remarks, the agent and unloading", "Comentarios, el agente y la descarga"),
    ("Remarks, the completion agent", "Comentarios, el agente de finalización"),
    ("Remarks, the handle", "Comentarios, el identificador"),
    ("Remarks, the handle after Close", "Comentarios, el identificador después de Close"),
    ("Remarks, unloading the COM library", "Comentarios, la descarga de la biblioteca COM"),
    (
        "Remarks, which speak of open devices only",
        "Comentarios, que solo hablan de dispositivos abiertos",
    ),
];

/// What each clause that cites the page demands, by the clause's id.
static CLAUSES: &[(Clause, &str)] = &[
    (
        Clause::ServerCloseStatus,
        "El Close del servidor devuelve NOERROR si no queda abierto ningún dispositivo del \
         conjunto, y también después de una anulación.",
    ),
    (
        Clause::ServerCloseHandle,
        "Después de Close el identificador no sirve: lo que se llame con él devuelve VD_E_PROTOCOL.",
    ),
    (
        Clause::ServerCloseHandleUseless,
        "Después de Close el servidor no hace ninguna llamada con el identificador del conjunto.",
    ),
    (
        Clause::ServerCloseReleases,
        "Devuelva lo que devuelva, Close libera todos los recursos del conjunto: después no vale \
         ningún búfer ni ningún puntero de interfaz.",
    ),
    (
        Clause::ServerCloseUseAfter,
        "Después de Close el servidor no usa ningún búfer ni puntero de interfaz: se arriesga a \
         una infracción de acceso.",
    ),
    (
        Clause::ServerCloseDevicesOpenMistake,
        "El servidor cierra todos los dispositivos antes de cerrar el conjunto.",
    ),
    (
        Clause::ServerCloseDevicesOpenStatus,
        "Close con dispositivos abiertos devuelve VD_E_PROTOCOL.",
    ),
    (
        Clause::ServerCloseDevicesOpenReleases,
        "Close con dispositivos abiertos le quita al servidor de inmediato la memoria compartida.",
    ),
    (
        Clause::ServerCloseDevicesOpenAborts,
        "Close con dispositivos abiertos realiza el procesamiento de SignalAbort.",
    ),
    (
        Clause::ServerCloseDevicesOpenCallbacks,
        "Si el conjunto se cierra con dispositivos abiertos, cada comando pendiente termina con \
         ERROR_OPERATION_ABORTED y su rutina de finalización se invoca una sola vez, antes de que \
         el agente vuelva.",
    ),
    (
        Clause::ServerCloseDevicesOpenAgentReturns,
        "Después de un Close con dispositivos abiertos, el agente en ejecución vuelve a quien lo \
         llamó.",
    ),
    (
        Clause::ServerCloseAgentOrder,
        "Close puede volver antes de que el agente termine; solo el retorno del propio agente \
         viene después de sus rutinas de finalización.",
    ),
    (
        Clause::ServerUnloadAgentReturned,
        "El servidor no descarga la biblioteca hasta que el agente de finalización ha vuelto; un \
         subproceso que siguiera dentro ejecutaría código que ya no está.",
    ),
    (Clause::ServerCloseReleaseHandle, "Después de Close el servidor devuelve la interfaz a COM."),
];

/// The four states of a device set, by name.
static STATES: &[(&str, &str)] = &[
    (
        "Open",
        "El servidor ha abierto el conjunto; ningún dispositivo está abierto y nada lo ha anulado.",
    ),
    (
        "DevicesOpen",
        "Al menos un dispositivo está abierto: un Close del servidor es un error, y anula el \
         conjunto.",
    ),
    ("Aborted", "El conjunto terminó antes de tiempo; al servidor solo le queda llamar a Close."),
    (
        "Closed",
        "El servidor ha cerrado el conjunto, o aún no lo ha abierto: no tiene identificador que \
         usar.",
    ),
];

/// What a clause of the founding page demands, in Spanish.
#[must_use]
pub fn demand(clause: Clause) -> Option<&'static str> {
    CLAUSES.iter().find(|(known, _)| *known == clause).map(|(_, text)| *text)
}

/// Every clause that has a Spanish text, in the order of the catalogue.
pub fn clauses() -> impl Iterator<Item = Clause> {
    let rows = crate::clauses::CLAUSES.iter().map(|row| row.clause);
    rows.filter(|clause| demand(*clause).is_some())
}

/// What a state of a device set means, in Spanish.
#[must_use]
pub fn state(name: &str) -> Option<&'static str> {
    STATES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The same topic of the founding page in the Spanish edition.
#[must_use]
pub fn source(english: Source) -> Option<Source> {
    let known = TOPICS.iter().find(|(topic, _)| *topic == english.topic)?;
    let document = Document::ClosePageSpanish;
    (english.document == Document::ClosePage).then_some(Source { document, topic: known.1 })
}

/// Sources as they are cited: beside each topic of the founding page the Spanish one.
///
/// ```
/// use vdi_spec::clauses::Clause;
/// use vdi_spec::spanish::citations;
///
/// let sources = Clause::ServerCloseReleases.info().sources;
/// assert_eq!(sources.len(), 1);
/// assert_eq!(citations(sources).count(), 2);
/// ```
pub fn citations(sources: &[Source]) -> impl Iterator<Item = Source> {
    sources.iter().flat_map(|english| std::iter::once(*english).chain(source(*english)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clauses::{CLAUSES as CATALOGUE, QUESTIONS};
    use crate::states::DEVICE_SET_STATES;

    fn cites(sources: &[Source]) -> bool {
        sources.iter().any(|source| source.document == Document::ClosePage)
    }

    #[test]
    fn every_clause_of_the_english_page_has_a_spanish_text() {
        let lacking: Vec<&str> = CATALOGUE
            .iter()
            .filter(|row| cites(row.sources) && demand(row.clause).is_none())
            .map(|row| row.id)
            .collect();
        assert!(lacking.is_empty(), "no Spanish text in `CLAUSES`: {lacking:?}");
        for (clause, text) in CLAUSES {
            assert!(cites(clause.info().sources), "{clause} does not cite the founding page");
            assert!(text.ends_with('.') && text.len() > 20, "{clause}: {text}");
            assert_eq!(CLAUSES.iter().filter(|(known, _)| known == clause).count(), 1, "{clause}");
            // Names of codes and functions are the documents' own in either language.
            for name in clause.info().demand.split([' ', '.', ',']).filter(|w| w.contains('_')) {
                assert!(text.contains(name), "{clause} does not speak of {name}");
            }
        }
    }

    #[test]
    fn every_topic_of_the_english_page_has_a_spanish_one() {
        let clauses = CATALOGUE.iter().map(|row| (row.id, row.sources));
        let questions = QUESTIONS.iter().map(|row| (row.id, row.sources));
        let states = DEVICE_SET_STATES.iter().map(|row| (row.name, row.sources));
        let lacking: Vec<(&str, &str)> = clauses
            .chain(questions)
            .chain(states)
            .flat_map(|(name, sources)| sources.iter().map(move |source| (name, source)))
            .filter(|(_, one)| one.document == Document::ClosePage && source(**one).is_none())
            .map(|(name, source)| (name, source.topic))
            .collect();
        assert!(lacking.is_empty(), "no Spanish topic in `TOPICS`: {lacking:?}");
        for (english, spanish) in TOPICS {
            assert_ne!(english, spanish);
            assert_eq!(TOPICS.iter().filter(|(known, _)| known == english).count(), 1, "{english}");
        }
    }

    #[test]
    fn the_four_states_have_spanish_texts() {
        for row in DEVICE_SET_STATES {
            assert!(state(row.name).is_some_and(|text| text != row.meaning), "{}", row.name);
        }
        assert_eq!(DEVICE_SET_STATES.len(), STATES.len());
    }
}
