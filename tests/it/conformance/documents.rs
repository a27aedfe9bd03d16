//! Azure's own API documents, as `tests/fixtures/azure-api` has them, and what breaks them.

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::wire::Exchange;

const SCHEMAS: &str = include_str!("../../fixtures/azure-api/schemas.json");
const GRAPH: &str = include_str!("../../fixtures/azure-api/resource-graph.json");

/// What may be asked, and what is answered
#[derive(Clone, Debug)]
struct Operation {
    name: String,
    method: String,
    /// A path with `{names}` in the place of segments; `{scope}` may be several
    path: String,
    version: &'static str,
    parameters: &'static [&'static str],
    /// The definition of the body that is sent
    body: Option<&'static str>,
    /// The definition of the body that is answered, by status; none where there is none
    answers: BTreeMap<String, Option<String>>,
}

/// As the specification of role assignments is cut
#[derive(Deserialize)]
struct Documented {
    method: String,
    path: String,
    answers: BTreeMap<String, Value>,
}

/// The documents
#[derive(Debug)]
pub(super) struct Documents {
    operations: Vec<Operation>,
    definitions: Map<String, Value>,
}

const CLUSTERS: &str = "providers/Microsoft.ContainerService/managedClusters";
const REGISTRIES: &str = "providers/Microsoft.ContainerRegistry/registries";
const SUBSCRIPTION: &str = "/subscriptions/{subscription}";
const GROUP: &str = "/subscriptions/{subscription}/resourceGroups/{group}";

/// A link to a next page adds its token to what was asked.
const PAGED: &[&str] = &["api-version", "$skiptoken"];
const ASSIGNMENTS: &[&str] = &["api-version", "$filter", "tenantid", "$skiptoken"];

impl Documents {
    pub(super) fn load() -> Self {
        let mut schemas: Value = serde_json::from_str(SCHEMAS).unwrap();
        let graph: Value = serde_json::from_str(GRAPH).unwrap();
        let documented: BTreeMap<String, Documented> =
            serde_json::from_value(schemas["operations"].take()).unwrap();
        let mut operations: Vec<_> = documented.into_iter().map(assignments).collect();
        // Any path is some scope's, so these are the least exact.
        operations.sort_by_key(|one: &Operation| one.path.starts_with("/{scope}"));
        let clusters = "2025-05-01";
        let registries = "2025-11-01";
        operations.extend([
            read(
                "ManagedClusters_Get",
                format!("{GROUP}/{CLUSTERS}/{{name}}"),
                clusters,
                "ManagedCluster",
            ),
            read(
                "ManagedClusters_List",
                format!("{SUBSCRIPTION}/{CLUSTERS}"),
                clusters,
                "ManagedClusterListResult",
            ),
            read(
                "Registries_Get",
                format!("{GROUP}/{REGISTRIES}/{{name}}"),
                registries,
                "Registry",
            ),
            read(
                "Registries_List",
                format!("{SUBSCRIPTION}/{REGISTRIES}"),
                registries,
                "RegistryListResult",
            ),
            Operation {
                parameters: &["api-version"],
                ..read(
                    "RoleAssignmentMetrics_GetMetricsForSubscription",
                    format!(
                        "{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignmentsUsageMetrics"
                    ),
                    "2019-08-01-preview",
                    "RoleAssignmentMetricsResult",
                )
            },
            Operation {
                method: "POST".to_owned(),
                body: Some("QueryRequest"),
                parameters: &["api-version"],
                ..read(
                    "Resources",
                    "/providers/Microsoft.ResourceGraph/resources".to_owned(),
                    "2024-04-01",
                    "QueryResponse",
                )
            },
        ]);
        let mut definitions = schemas["definitions"].as_object().unwrap().clone();
        definitions.extend(graph["definitions"].as_object().unwrap().clone());
        Self { operations, definitions }
    }

    /// What is wrong with a value that should be as a definition says
    pub(super) fn problems(&self, definition: &str, value: &Value) -> Vec<String> {
        assert!(self.definitions.contains_key(definition), "no definition `{definition}`");
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$ref": format!("#/definitions/{definition}"),
            "definitions": self.definitions,
        });
        let validator: Validator = jsonschema::validator_for(&schema).unwrap();
        let errors = validator.iter_errors(value);
        errors.map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    /// The same of an answer. What is optional may also be null in one: the official examples do so.
    pub(super) fn answer_problems(&self, definition: &str, answer: &str) -> Vec<String> {
        match serde_json::from_str(answer) {
            Ok(value) => self.problems(definition, &without_nulls(value)),
            Err(error) => vec![format!("no JSON: {error}")],
        }
    }

    /// The operation's name, or what is wrong with the request or its answer
    pub(super) fn check(&self, exchange: &Exchange) -> Result<&str, Vec<String>> {
        let operation =
            self.operation(&exchange.method, exchange.url.path()).map_err(|e| vec![e])?;
        let mut problems = operation.query_problems(&exchange.url);
        match (operation.body, &exchange.body) {
            (Some(definition), Some(body)) => problems.extend(self.problems(definition, body)),
            (None, None) => {}
            (_, body) => problems.push(format!("a body that is not due, or none: {body:?}")),
        }
        problems.extend(self.status_problems(operation, exchange));
        if problems.is_empty() { Ok(&operation.name) } else { Err(problems) }
    }

    fn operation(&self, method: &str, path: &str) -> Result<&Operation, String> {
        let mut fitting = self.operations.iter().filter(|one| one.method == method);
        fitting
            .find(|one| is_at(&one.path, path))
            .ok_or_else(|| format!("no document has {method} {path}"))
    }

    fn status_problems(&self, operation: &Operation, exchange: &Exchange) -> Vec<String> {
        let status = exchange.status.to_string();
        let known = operation.answers.get(&status);
        let is_page = exchange.answer.trim_start().starts_with('<');
        match known.or_else(|| operation.answers.get("default").filter(|_| exchange.status >= 400))
        {
            None => vec![format!("status {status} is not documented")],
            Some(None) if exchange.answer.is_empty() => Vec::new(),
            Some(None) => vec![format!("status {status} has no body")],
            // Gateways before Azure answer web pages.
            Some(Some(_)) if exchange.status >= 400 && is_page => Vec::new(),
            Some(Some(definition)) => self.answer_problems(definition, &exchange.answer),
        }
    }
}

impl Operation {
    fn query_problems(&self, url: &Url) -> Vec<String> {
        let mut problems = Vec::new();
        let mut version = None;
        for (name, value) in url.query_pairs() {
            let name = name.to_lowercase();
            if !self.parameters.contains(&name.as_str()) {
                problems.push(format!("no parameter `{name}`"));
            }
            if name == "api-version" {
                version = Some(value.into_owned());
            } else if name == "$filter" && !is_filter(&value) {
                problems.push(format!("no filter `{value}`"));
            }
        }
        if version.as_deref() != Some(self.version) {
            problems.push(format!("version {version:?} instead of {}", self.version));
        }
        problems
    }
}

fn assignments((name, documented): (String, Documented)) -> Operation {
    let Documented { method, path, answers } = documented;
    let answers = answers.into_iter().map(|(status, answer)| {
        let definition = answer["$ref"].as_str().map(|path| path.rsplit('/').next().unwrap());
        (status, definition.map(str::to_owned))
    });
    let body = (method == "PUT").then_some("RoleAssignmentCreateParameters");
    let answers = answers.collect();
    Operation { name, method, path, version: "2022-04-01", parameters: ASSIGNMENTS, body, answers }
}

fn read(name: &str, path: String, version: &'static str, answer: &str) -> Operation {
    let answers = [("200", answer), ("default", "ErrorResponse")];
    let answers = answers.map(|(status, name)| (status.to_owned(), Some(name.to_owned())));
    let (name, method) = (name.to_owned(), "GET".to_owned());
    Operation {
        name,
        method,
        path,
        version,
        parameters: PAGED,
        body: None,
        answers: answers.into(),
    }
}

/// Whether a path is of this form, in any letter case
fn is_at(template: &str, path: &str) -> bool {
    let end = |text: &str| text.trim_start_matches('/').to_lowercase();
    let (template, path) = (end(template), end(path));
    if let Some(rest) = template.strip_prefix("{scope}/") {
        let starts = path.match_indices("/providers/").filter_map(|(at, _)| path.get(at + 1..));
        return starts.last().is_some_and(|path| is_at(rest, path));
    }
    let (expected, found): (Vec<_>, Vec<_>) =
        (template.split('/').collect(), path.split('/').collect());
    expected.len() == found.len()
        && expected.iter().zip(&found).all(|(expected, found)| {
            expected == found || expected.starts_with('{') && !found.is_empty()
        })
}

/// The filters that are documented for role assignments
fn is_filter(filter: &str) -> bool {
    let assigned = |text: &str| {
        let id = text.strip_prefix("assignedTo('").and_then(|rest| rest.strip_suffix("')"));
        id.is_some_and(|id| uuid::Uuid::parse_str(id).is_ok())
    };
    let both = filter.strip_prefix("atScope() and ").is_some_and(assigned);
    filter == "atScope()" || assigned(filter) || both
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect::<Vec<_>>().into(),
        scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => scalar,
    }
}
