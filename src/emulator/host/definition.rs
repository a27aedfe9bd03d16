//! What an app root holds, read as the Functions host reads it: `host.json` and a `function.json` a
//! function.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::HostError;

/// `host.json`, as far as it matters here
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HostFile {
    version: String,
    #[serde(default)]
    extensions: Extensions,
    pub(super) custom_handler: CustomHandler,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extensions {
    #[serde(default)]
    service_bus: ServiceBus,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceBus {
    max_concurrent_calls: Option<usize>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CustomHandler {
    pub(super) description: Description,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Description {
    pub(super) default_executable_path: String,
    #[serde(default)]
    pub(super) arguments: Vec<String>,
}

/// One function
#[derive(Clone, Debug)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) trigger: Binding,
    /// Output bindings by name
    pub(super) outputs: BTreeMap<String, Binding>,
}

/// One entry of `bindings`
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Binding {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    direction: String,
    pub(super) name: String,
    pub(super) queue_name: Option<String>,
    pub(super) data_type: Option<String>,
    pub(super) auth_level: Option<String>,
    #[serde(default)]
    methods: Vec<String>,
    route: Option<String>,
}

#[derive(Debug, Deserialize)]
struct FunctionFile {
    bindings: Vec<Binding>,
}

/// An app root
#[derive(Clone, Debug)]
pub(super) struct App {
    pub(super) root: PathBuf,
    pub(super) host: HostFile,
    pub(super) functions: BTreeMap<String, Function>,
    /// Those that the settings disable
    pub(super) disabled: BTreeMap<String, Function>,
}

impl App {
    pub(super) fn read(root: &Path) -> Result<Self, HostError> {
        let host: HostFile = json(&root.join("host.json"))?;
        if host.version != "2.0" {
            return Err(HostError::Definition("`version` in host.json is not 2.0".into()));
        }
        let mut functions = BTreeMap::new();
        for folder in folders(root).into_iter().chain(folders(&root.join("function-definitions"))) {
            if let Some(function) = Function::read(&folder)? {
                functions.insert(function.name.clone(), function);
            }
        }
        Ok(Self { root: root.to_owned(), host, functions, disabled: BTreeMap::new() })
    }

    /// The app with the functions that its settings disable put aside
    pub(super) fn without_disabled(self, settings: &BTreeMap<String, String>) -> Self {
        let is_disabled = |name: &str| {
            let setting = settings.get(&format!("AzureWebJobs.{name}.Disabled"));
            setting.is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
        };
        let (disabled, functions) =
            self.functions.into_iter().partition(|(name, _)| is_disabled(name));
        Self { functions, disabled, ..self }
    }

    /// A function, disabled or not
    pub(super) fn function(&self, name: &str) -> Option<&Function> {
        self.functions.get(name).or_else(|| self.disabled.get(name))
    }

    /// How many messages of a queue are handed over at once
    pub(super) fn calls_at_once(&self) -> usize {
        self.host.extensions.service_bus.max_concurrent_calls.unwrap_or(16)
    }
}

impl Function {
    fn read(folder: &Path) -> Result<Option<Self>, HostError> {
        let path = folder.join("function.json");
        if !path.exists() {
            return Ok(None);
        }
        let FunctionFile { bindings } = json(&path)?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let wrong = |what: &str| HostError::Definition(format!("{name}/function.json: {what}"));
        let (triggers, outputs): (Vec<_>, Vec<_>) =
            bindings.into_iter().partition(|binding| binding.kind.ends_with("Trigger"));
        let [trigger] = <[Binding; 1]>::try_from(triggers)
            .map_err(|_| wrong("there must be exactly one trigger"))?;
        let known = ["serviceBusTrigger", "eventGridTrigger", "timerTrigger", "httpTrigger"];
        if !known.contains(&trigger.kind.as_str()) || trigger.direction != "in" {
            return Err(wrong("the trigger is of no kind that is known here, or not `in`"));
        }
        let known = ["serviceBus", "http"];
        let is_known =
            |output: &Binding| known.contains(&output.kind.as_str()) && output.direction == "out";
        if outputs.iter().any(|output| output.name == "$return") {
            return Err(wrong("an output called `$return` is not known here"));
        }
        if !outputs.iter().all(is_known) {
            return Err(wrong("an output is of no kind that is known here, or not `out`"));
        }
        if trigger.route.as_ref().is_some_and(|route| route.contains('{')) {
            return Err(wrong("routes with parameters are not known here"));
        }
        let outputs = outputs.into_iter().map(|output| (output.name.clone(), output)).collect();
        Ok(Some(Self { name, trigger, outputs }))
    }
}

impl Function {
    /// Where it answers below `/api/`, if it is triggered by HTTP
    pub(super) fn route(&self) -> &str {
        self.trigger.route.as_deref().unwrap_or(&self.name)
    }

    /// Whether it takes requests by this method
    pub(super) fn takes(&self, method: &str) -> bool {
        let methods = &self.trigger.methods;
        methods.is_empty() || methods.iter().any(|known| known.eq_ignore_ascii_case(method))
    }
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, HostError> {
    let wrong = |error: &dyn std::fmt::Display| {
        HostError::Definition(format!("{}: {error}", path.display()))
    };
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    serde_json::from_str(&text).map_err(|error| wrong(&error))
}
