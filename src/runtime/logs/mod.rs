//! Where log lines go: each to the process's streams, and nowhere else.
//!
//! What stands there is not lost when the process dies or an invocation fails, as it would be in the
//! `Logs` of an answer; in both, the host would store every line twice. It ties no stream to an
//! invocation, so each line names it. It takes all of standard output for information, and standard
//! error for errors, or for warnings where a line has `warn` in it anywhere: lines are split by that,
//! and begin with their own level, which alone can be relied on. It cuts at line ends, so an event is
//! always one line. The filter is given by the caller.

mod line;
mod record;

use std::io;
use std::io::Write as _;
use std::panic;
use std::sync::Arc;

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::set_global_default;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::MakeWriterExt as _;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Registry};

use super::ServeError;
use super::telemetry::{Telemetry, is_traced};
use line::{Fields, Line};
use record::InvocationRecord;

pub(super) use record::InvocationLog;

/// Sends all logs of the process to its streams, panics to the logs, and spans to
/// the collector if there is one.
///
/// The filter is a level or a list such as `info,azure_core=warn`.
pub fn init(filter: &str, telemetry: Option<&Telemetry>) -> Result<(), ServeError> {
    let streams = io::stderr.with_max_level(Level::WARN).or_else(io::stdout);
    // Two kinds of subscribers: a layer that is not there would still be asked about every event.
    let installed = match telemetry {
        None => set_global_default(subscriber(filter, streams)?),
        Some(telemetry) => set_global_default(traced(filter, streams, telemetry)?),
    };
    installed.map_err(|error| ServeError::LogsInstalled(error.into()))?;
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// The same with another place for the lines, not yet installed
pub fn subscriber<W>(
    filter: &str,
    writer: W,
) -> Result<impl Subscriber + for<'a> LookupSpan<'a> + Send + Sync + use<W>, ServeError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // The span names the invocation on every line; no filter may take it away.
    let invocation = filter_fn(is_invocation).with_max_level_hint(Level::ERROR);
    // The spans of traces are none of its business, however much is wanted.
    let wanted = wanted(filter)?.or(invocation).and(filter_fn(|span| !is_traced(span)));
    Ok(Registry::default().with(InvocationLayer { writer }.with_filter(wanted)))
}

/// The same with spans that go to a collector, not yet installed
pub fn traced<W>(
    filter: &str,
    writer: W,
    telemetry: &Telemetry,
) -> Result<impl Subscriber + Send + Sync + use<W>, ServeError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    Ok(subscriber(filter, writer)?.with(telemetry.layer()))
}

/// Whether a text can be a filter, and what is wrong with it if not
pub fn check(filter: &str) -> Result<(), ServeError> {
    wanted(filter).map(|_| ())
}

fn wanted(filter: &str) -> Result<EnvFilter, ServeError> {
    let refused = |source| ServeError::LogFilter { filter: filter.to_owned(), source };
    if let Some(word) = filter.split(',').map(str::trim).find(|part| !is_directive(part)) {
        return Err(refused(format!("`{word}` is no level").into()));
    }
    EnvFilter::try_new(filter).map_err(|error| refused(error.into()))
}

/// Whether a part of a filter says how much is wanted. A bare name would be taken for a target, so
/// that a misspelled level would silence everything, errors included.
fn is_directive(part: &str) -> bool {
    part.contains(['=', '[', ']']) || part.parse::<LevelFilter>().is_ok()
}

fn is_invocation(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == record::TARGET
}

fn log_panic(info: &panic::PanicHookInfo<'_>) {
    let payload = info.payload();
    let said = payload.downcast_ref::<&str>().copied();
    let said = said.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, reason = said.unwrap_or_default(), "panicked");
}

/// Writes each event as one line that names the invocation it belongs to
#[derive(Debug)]
struct InvocationLayer<W> {
    writer: W,
}

impl<S, W> Layer<S> for InvocationLayer<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Line::new(event);
        let mut owner: Option<Arc<InvocationRecord>> = None;
        for span in context.event_scope(event).into_iter().flatten() {
            let extensions = span.extensions();
            if let Some(record) = extensions.get::<Arc<InvocationRecord>>() {
                owner = Some(Arc::clone(record));
                break;
            }
            if let Some(fields) = extensions.get::<Fields>() {
                line.within(span.name(), fields);
            }
        }
        let mut writer = self.writer.make_writer_for(event.metadata());
        // A closed stream is no reason to stop working.
        let _ = writer.write_all(line.written(owner.as_deref()).as_bytes());
    }
}
