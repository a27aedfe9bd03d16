//! `infra/api-versions.md` against the versions that stand in the Bicep and in the program, and against
//! the compiler's type data. No clock decides: ages are between versions and the date of the type data.

use std::collections::{BTreeMap, BTreeSet};

use super::bicep::Declaration;
use super::texts::{asked, texts};
use super::{files, read, sources};

const TABLE: &str = "infra/api-versions.md";

/// The last date of a version that is a year older than the type data
const YEAR_OLD: &str = "2025-08-20";

/// Years between a version and the newest stable one
const MOST_YEARS: u32 = 3;

/// A row of the first table has the newest stable version, one of the second where it was read.
#[derive(Debug, PartialEq)]
struct Row {
    name: String,
    version: String,
    newest: Option<String>,
    places: Vec<String>,
    reason: String,
}

/// What is held together: the table, the Bicep files, and every other file that asks for a version
struct Files {
    table: String,
    bicep: BTreeMap<String, String>,
    texts: BTreeMap<String, String>,
}

impl Files {
    fn read() -> Self {
        Self { table: read(TABLE), bicep: sources(), texts: texts(TABLE) }
    }
}

fn rows(table: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let (types, others) = table.split_once("\n## What the type data does not have").unwrap();
    for line in types.lines().chain(others.lines()).filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" |").map(str::trim).collect();
        let (name, version, rest) = (cells[0], cells[1], &cells[2..]);
        if ["type", "API", "---"].contains(&name) {
            continue;
        }
        let is_type = name.starts_with('`');
        let (newest, places, reason) = match *rest {
            [newest, places, reason] if is_type => (Some(newest.to_owned()), places, reason),
            [page, read, places, reason] if !is_type => {
                assert!(page.starts_with("<https://") && is_date(read), "{line}");
                (None, places, reason)
            }
            _ => panic!("too few or too many cells: {line}"),
        };
        rows.push(Row {
            name: name.trim_matches('`').to_owned(),
            version: version.to_owned(),
            newest,
            places: places.split(", ").map(|place| place.trim_matches('`').to_owned()).collect(),
            reason: reason.to_owned(),
        });
    }
    rows
}

fn is_date(text: &str) -> bool {
    let is_digit =
        |(at, c): (usize, char)| if [4, 7].contains(&at) { c == '-' } else { c.is_ascii_digit() };
    text.len() == 10 && text.chars().enumerate().all(is_digit)
}

/// The names of constants that hold a version
fn constants(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| line.contains(": &str = \"api-version="));
    lines.filter_map(|line| line.split("const ").nth(1)?.split(':').next()).collect()
}

/// The constant of this name asks for this version.
fn constant(text: &str, name: &str, version: &str) -> bool {
    text.contains(&format!("const {name}: &str = \"api-version={version}\";"))
}

/// Whether a version is older than another by more than the years that are allowed
fn is_too_old(version: &str, newest: &str) -> bool {
    let year = |version: &str| version.get(..4).and_then(|year| year.parse::<u32>().ok());
    let (Some(of), Some(to)) = (year(version), year(newest)) else { return true };
    let limit = format!("{:04}{}", of + MOST_YEARS, version.get(4..10).unwrap_or_default());
    to >= of + MOST_YEARS && newest > limit.as_str()
}

/// Everything that is wrong with the table
fn problems(files_: &Files) -> Vec<String> {
    let Files { table, bicep, texts } = files_;
    let rows = rows(table);
    let mut made = BTreeSet::new();
    for (name, file) in files(bicep) {
        for declaration in file.declarations.values() {
            if let Declaration::Resource { kind, .. } = declaration {
                let (kind, version) = kind.split_once('@').unwrap();
                made.insert((name.clone(), kind.to_owned(), version.to_owned()));
            }
        }
    }
    let mut problems = unlisted(&rows, &made, texts);
    for row in &rows {
        problems.extend(unused(row, &made, texts));
        match &row.newest {
            Some(newest) => problems.extend(unfit(row, newest)),
            None if row.version.contains("preview") && row.reason.is_empty() => {
                let Row { name, version, .. } = row;
                problems
                    .push(format!("{TABLE}: `{name}` {version} is a preview, without a reason"));
            }
            None => {}
        }
    }
    let names: BTreeSet<_> = rows.iter().map(|row| &row.name).collect();
    if names.len() != rows.len() {
        problems.push(format!("{TABLE}: something is listed twice"));
    }
    problems
}

/// Resource types with their versions, and the file that each is in
type Made = BTreeSet<(String, String, String)>;

/// What stands in a file and not in the table
fn unlisted(rows: &[Row], made: &Made, texts: &BTreeMap<String, String>) -> Vec<String> {
    let mut problems = Vec::new();
    for (file, kind, version) in made {
        let is_it = |row: &Row| row.name == *kind && row.version == *version;
        if !rows.iter().any(|row| is_it(row) && row.places.iter().any(|place| place == "infra")) {
            problems.push(format!("{file}: `{kind}` {version} is not in {TABLE}"));
        }
    }
    for (file, text) in texts {
        for version in asked(file, text) {
            let is_its = |place: &String| place.split(' ').next() == Some(file);
            if !rows.iter().any(|row| row.version == version && row.places.iter().any(is_its)) {
                problems.push(format!("{file}: api-version={version} is not in {TABLE}"));
            }
        }
        for name in constants(text) {
            let place = format!("{file} {name}");
            if !rows.iter().any(|row| row.places.contains(&place)) {
                problems.push(format!("{file}: the constant {name} is not in {TABLE}"));
            }
        }
    }
    problems
}

/// The places of a row in which its version is not
fn unused(row: &Row, made: &Made, texts: &BTreeMap<String, String>) -> Vec<String> {
    let Row { name, version, places, .. } = row;
    let is_used = |place: &&String| match place.split_once(' ') {
        None if *place == "infra" => {
            made.iter().any(|(_, kind, its)| kind == name && its == version)
        }
        None => texts.get(*place).is_some_and(|text| asked(place, text).contains(version)),
        Some(("Cargo.toml", package)) => texts["Cargo.toml"].contains(&format!("\n{package} = ")),
        Some((file, name)) => texts.get(file).is_some_and(|text| constant(text, name, version)),
    };
    let bad = places.iter().filter(|place| !is_used(place));
    bad.map(|place| format!("{TABLE}: `{name}` {version} is not in `{place}`")).collect()
}

/// What is wrong with the version of a resource type
fn unfit(row: &Row, newest: &str) -> Vec<String> {
    let Row { name, version, reason, .. } = row;
    let known: BTreeMap<String, Vec<String>> =
        serde_json::from_str(include_str!("../../fixtures/bicep-types/versions.json")).unwrap();
    let all = known.get(name).map_or([].as_slice(), Vec::as_slice);
    let mut problems = Vec::new();
    let mut say = |what: String| problems.push(format!("{TABLE}: {what}"));
    let stable = all.iter().filter(|version| !version.contains("preview"));
    if stable.max().map(String::as_str) != Some(newest) {
        say(format!("{newest} is not the newest stable version of `{name}`"));
    }
    if !all.contains(version) {
        say(format!("there is no version {version} of `{name}`"));
    }
    let oddities = [
        (version.contains("preview"), "a preview"),
        (version != newest, "not the newest"),
        (version.as_str() > YEAR_OLD, "younger than a year"),
    ];
    let odd = oddities.iter().find(|(is_so, _)| *is_so);
    if let (Some((_, what)), true) = (odd, reason.is_empty()) {
        say(format!("`{name}` {version} is {what}, without a reason"));
    }
    if is_too_old(version, newest) {
        say(format!("`{name}` {version} is more than three years old"));
    }
    problems
}

#[test]
fn every_version_is_listed_used_and_not_too_old() {
    assert_eq!(problems(&Files::read()), Vec::<String>::new());
}

#[test]
fn the_same_type_is_asked_for_as_it_is_made() {
    let rows = rows(&read(TABLE));
    let both = rows.iter().filter(|row| row.places.len() > 1 && row.places[0] == "infra");
    assert!(both.count() > 5);
}

/// With this replaced, in the table or in a file, exactly these problems are found.
#[track_caller]
fn check(file: &str, text: &str, replacement: &str, expected: &[&str]) {
    check_times(usize::MAX, file, text, replacement, expected);
}

/// As before, with only the first one replaced
#[track_caller]
fn check_first(file: &str, text: &str, replacement: &str, expected: &[&str]) {
    check_times(1, file, text, replacement, expected);
}

#[track_caller]
fn check_times(times: usize, file: &str, text: &str, replacement: &str, expected: &[&str]) {
    let mut files = Files::read();
    let source = if file == TABLE {
        &mut files.table
    } else {
        files.bicep.get_mut(file).or(files.texts.get_mut(file)).unwrap()
    };
    assert!(source.contains(text), "{file} does not hold {text}");
    *source = source.replacen(text, replacement, times);
    let found = problems(&files);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found} does not say {expected}");
    }
}

#[test]
fn a_version_that_is_not_listed_is_found() {
    let identity = "infra/modules/identity.bicep";
    check(
        identity,
        "@2024-11-30",
        "@2023-01-31",
        &["userAssignedIdentities` 2023-01-31 is not in infra/api-versions.md"],
    );
    check(
        "src/azure/request.rs",
        "LOCKS: &str = \"api-version=2020-05-01\"",
        "LOCKS: &str = \"api-version=2017-04-01\"",
        &[
            "api-version=2017-04-01 is not in",
            "locks` 2020-05-01 is not in `src/azure/request.rs LOCKS`",
        ],
    );
    check(
        "infra/README.md",
        "2020-05-01",
        "2023-04-01",
        &[
            "infra/README.md: api-version=2023-04-01 is not in",
            "descendants` 2020-05-01 is not in `infra/README.md`",
        ],
    );
}

#[test]
fn a_version_that_is_asked_for_in_another_way_is_found() {
    for (file, text, more) in [
        (
            "src/azure/request.rs",
            "use ",
            "const A: [(&str, &str); 1] = [(\"api-version\", \"2010-01-01\")];",
        ),
        ("src/azure/pace/mod.rs", "\npub", "const A: &str = \"2010-01-01\";"),
        ("src/functions/status/mod.rs", "\nfn ", "const A: &str = \"?api-version=2010-01-01\";"),
        ("src/cli/send/mod.rs", "use ", "const A: &str = \"2010-01-01\";"),
        ("infra/deploy.sh", "\n\n", "az resource show --api-version 2010-01-01 --ids x"),
        ("infra/README.md", "\n## ", "`az resource list --api-version 2010-01-01`"),
        ("infra/queries/role-assignments-outside.kql", "union", "// api-version=2010-01-01"),
        ("infra/hello.yaml", "\n", "# api-version=2010-01-01"),
    ] {
        let expected = format!("{file}: api-version=2010-01-01 is not in {TABLE}");
        check_first(file, text, &format!("{more}\n{text}"), &[&expected]);
    }
}

#[test]
fn a_preview_in_the_second_table_needs_a_reason() {
    let mut files = Files::read();
    let script = files.texts.get_mut("infra/deploy.sh").unwrap();
    let version = "checknameavailability?api-version=2024-04-01";
    assert!(script.contains(version));
    *script = script.replace(version, &format!("{version}-preview"));
    let row = "| Availability of a name of a site | 2024-04-01 |";
    assert!(files.table.contains(row));
    files.table = files.table.replace(row, &row.replace("-01 |", "-01-preview |"));
    let found = problems(&files);
    assert_eq!(
        found,
        [format!(
            "{TABLE}: `Availability of a name of a site` 2024-04-01-preview is a preview, without a reason"
        )]
    );
}

#[test]
fn a_row_that_nothing_uses_is_found() {
    let row = "| `Microsoft.Web/serverfarms` |";
    let more = format!(
        "| `Microsoft.Resources/deployments` | 2025-04-01 | 2025-04-01 | `infra` | |\n{row}"
    );
    check(
        TABLE,
        row,
        &more,
        &[
            "deployments` 2025-04-01 is not in `infra`",
            "not the newest stable",
            "no version 2025-04-01",
        ],
    );
}

#[test]
fn a_preview_a_young_and_an_old_version_need_a_reason() {
    let without = |reason: &str, expected: &str| {
        let table = read(TABLE);
        let reasons: Vec<_> = table.split("| ").filter(|cell| cell.starts_with(reason)).collect();
        let [cell] = reasons[..] else { panic!("{reason}: {reasons:?}") };
        let cell = cell.trim_end_matches('\n').to_owned();
        check(TABLE, &format!("| {cell}"), "| |", &[expected]);
    };
    without("no stable version has it", "2019-08-01-preview is a preview, without a reason");
    without("a preview:", "2021-05-01-preview is a preview, without a reason");
    without(
        "younger than a year: the stable",
        "2026-01-01 is younger than a year, without a reason",
    );
    without("has every field", "2025-05-01 is not the newest, without a reason");
}

#[test]
fn a_version_of_more_than_three_years_ago_is_found() {
    let alert = "infra/modules/metric-alert.bicep";
    let mut files = Files::read();
    for (name, from, to) in [
        (TABLE, "| 2026-01-01 | 2026-01-01 |", "| 2018-03-01 | 2026-01-01 |"),
        (alert, "metricAlerts@2026-01-01", "metricAlerts@2018-03-01"),
    ] {
        let text =
            if name == TABLE { &mut files.table } else { files.bicep.get_mut(name).unwrap() };
        assert!(text.contains(from), "{name}");
        *text = text.replace(from, to);
    }
    let found = problems(&files);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("2018-03-01 is more than three years old"), "{found:#?}");
    assert!(!is_too_old("2022-04-01", "2025-04-01"));
    assert!(is_too_old("2022-04-01", "2025-04-02"));
    assert!(!is_too_old("2021-05-01-preview", "2016-09-01"));
}

#[test]
fn a_newest_version_that_the_type_data_does_not_know_is_found() {
    check(
        TABLE,
        "| 2022-04-01 | 2022-04-01 | `infra`, `src/azure/request.rs",
        "| 2022-04-01 | 2024-04-01 | `infra`, `src/azure/request.rs",
        &[
            "2024-04-01 is not the newest stable version of `Microsoft.Authorization/roleAssignments`",
            "2022-04-01 is not the newest, without a reason",
        ],
    );
}
