//! The section `[telemetry]`: to whom traces go. A section in, an address out, or nothing.

use super::document::Entry;
use super::media::web_address;
use super::problem::Problem;
use super::section::Section;

/// Who else wants to know what the program does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Telemetry {
    /// The address of a collector that takes OTLP over HTTP, without a slash at the end; `None` if there is none.
    pub otlp: Option<String>,
}

const REMEDY: &str = "write where the collector takes OTLP over HTTP, such as \"http://127.0.0.1:4318\"";

/// Reads the section, of the document and of the defaults.
pub(super) fn read(given: Option<Entry>, defaults: Option<Entry>, problems: &mut Vec<Problem>) -> Telemetry {
    let mut section = Section::of("telemetry".to_owned(), given, problems).with_defaults(defaults);
    let otlp = section.optional("otlp", |value| web_address(value, REMEDY));
    section.finish();
    Telemetry { otlp }
}
