//! A plan for people: a handful of changes one by one, thousands of them by reason and registry.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::cli::voice::{Colour, Voice};
use crate::model::ClusterId;
use crate::plan::{Action, Plan};

/// The most changes of a kind that are told one by one
const ONE_BY_ONE: usize = 20;

/// The most registries that are told for one reason, and the most clusters for one registry
const TOLD: usize = 10;
const NAMED: usize = 3;

/// One line of a plan, taken apart
struct Line {
    who: String,
    /// How many clusters it is about
    count: usize,
    place: String,
    reason: String,
}

/// Lines of one kind
struct Section {
    title: &'static str,
    sign: char,
    colour: Colour,
    lines: Vec<Line>,
}

/// The plan, each line ending in a line break
pub(super) fn told(plan: &Plan, all: bool, voice: Voice) -> String {
    let mut text = String::new();
    for mut section in [attached(plan), detached(plan), marked(plan), held(plan), kept(plan)] {
        // By name: people do not look for object ids, by which plans are in order.
        section.lines.sort_by(|a, b| (&a.who, &a.place).cmp(&(&b.who, &b.place)));
        section.tell(&mut text, all, voice);
    }
    let gaps: Vec<_> = plan.gaps.iter().map(ToString::to_string).collect();
    listed(&mut text, "not seen", '?', &gaps, voice);
    let warnings: Vec<_> = plan.warnings.iter().map(ToString::to_string).collect();
    listed(&mut text, "to know", '*', &warnings, voice);
    let Plan { attach, detach, held, kept, .. } = plan;
    let (attach, detach, held, kept) = (attach.len(), detach.len(), held.len(), kept.len());
    let sum =
        format!("{attach} to attach, {detach} to detach, {held} held, {kept} as they should be");
    let _ = writeln!(text, "{}", voice.paint(Colour::Strong, sum));
    text
}

fn attached(plan: &Plan) -> Section {
    let lines = plan.attach.iter().map(|item| {
        let place = format!("{} as {}", item.grant.registry.name(), item.grant.role);
        line(&item.clusters, &item.grant.principal, place, item.reason.to_string())
    });
    Section { title: "attach", sign: '+', colour: Colour::Good, lines: lines.collect() }
}

fn detached(plan: &Plan) -> Section {
    let lines = plan.detach.iter().map(|item| {
        let place = format!("{} as {}", item.grant.registry.name(), item.grant.role);
        line(&item.clusters, &item.grant.principal, place, item.reason.to_string())
    });
    Section { title: "detach", sign: '-', colour: Colour::Bad, lines: lines.collect() }
}

fn held(plan: &Plan) -> Section {
    let lines = plan.held.iter().map(|item| {
        let action = match item.action {
            Action::Attach => "not attached",
            Action::Detach => "not detached",
        };
        let who = item.principal.map_or_else(String::new, |principal| principal.to_string());
        line(
            &item.clusters,
            &who,
            item.registry.name().to_owned(),
            format!("{action}: {}", item.reason),
        )
    });
    Section { title: "held", sign: '!', colour: Colour::Open, lines: lines.collect() }
}

fn marked(plan: &Plan) -> Section {
    let lines = plan.marks.iter().map(|item| {
        let place = format!("{} as {}", item.grant.registry.name(), item.grant.role);
        line(&item.clusters, &item.grant.principal, place, item.reason.to_string())
    });
    Section { title: "mark again", sign: '~', colour: Colour::Quiet, lines: lines.collect() }
}

fn kept(plan: &Plan) -> Section {
    let lines = plan
        .kept
        .iter()
        .map(|item| line(&item.clusters, &item.grant.principal, item.place(), item.why()));
    Section { title: "kept", sign: '=', colour: Colour::Quiet, lines: lines.collect() }
}

fn line(clusters: &[ClusterId], who: &impl ToString, place: String, reason: String) -> Line {
    let names: Vec<_> = clusters.iter().map(ClusterId::name).collect();
    let who =
        if names.is_empty() { format!("identity {}", who.to_string()) } else { names.join(", ") };
    Line { who, count: names.len().max(1), place, reason }
}

impl Section {
    fn tell(&self, text: &mut String, all: bool, voice: Voice) {
        let Self { title, sign, colour, lines } = self;
        if lines.is_empty() {
            return;
        }
        let _ =
            writeln!(text, "{}", voice.paint(Colour::Strong, format!("{title} {}", lines.len())));
        if all || lines.len() <= ONE_BY_ONE {
            for Line { who, place, reason, .. } in lines {
                let change = voice.paint(*colour, format!("{sign} {who} → {place}"));
                let _ = writeln!(text, "  {change}: {reason}");
            }
            return;
        }
        for (reason, places) in self.by_reason() {
            let count: usize = places.values().map(Vec::len).sum();
            let _ = writeln!(text, "  {reason}: {count}");
            tell_places(text, *sign, &places, |line| voice.paint(*colour, line));
        }
    }

    fn by_reason(&self) -> BTreeMap<&str, BTreeMap<&str, Vec<&Line>>> {
        let mut reasons: BTreeMap<&str, BTreeMap<&str, Vec<&Line>>> = BTreeMap::new();
        for line in &self.lines {
            let places = reasons.entry(&line.reason).or_default();
            places.entry(&line.place).or_default().push(line);
        }
        reasons
    }
}

/// The registries with the most changes, each with some of its clusters
fn tell_places(
    text: &mut String,
    sign: char,
    places: &BTreeMap<&str, Vec<&Line>>,
    paint: impl Fn(String) -> String,
) {
    let mut by_size: Vec<_> = places.iter().collect();
    by_size.sort_by_key(|(place, lines)| (std::cmp::Reverse(lines.len()), **place));
    for (place, lines) in by_size.iter().take(TOLD) {
        let named: Vec<&str> = lines.iter().take(NAMED).map(|line| line.who.as_str()).collect();
        let count: usize = lines.iter().map(|line| line.count).sum();
        let more: usize = lines.iter().skip(NAMED).map(|line| line.count).sum();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let line = paint(format!("{sign} {place} ← {count}"));
        let _ = writeln!(text, "    {line}: {}{more}", named.join(", "));
    }
    let rest = by_size.iter().skip(TOLD).map(|(_, lines)| lines.len());
    let (registries, changes) = (rest.clone().count(), rest.sum::<usize>());
    if registries > 0 {
        let _ =
            writeln!(text, "    and {changes} at {registries} more registries; --all lists them");
    }
}

fn listed(text: &mut String, title: &str, sign: char, lines: &[String], voice: Voice) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "{}", voice.paint(Colour::Strong, format!("{title} {}", lines.len())));
    for line in lines {
        let _ = writeln!(text, "  {} {line}", voice.paint(Colour::Open, sign));
    }
}
