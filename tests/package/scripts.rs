//! The scripts of `infra` with an `az` that writes down what it is asked for.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::tests::{package, root};
use super::zip::{entries, unpack};

/// A new folder with programs of these names, which write their arguments to a file beside them
fn folder(programs: &[(&str, &str)]) -> PathBuf {
    let folder = unpack(&package());
    for (name, then) in programs {
        let path = folder.join(name);
        let text =
            format!("#!/bin/sh\necho \"{name} $*\" >>'{}/calls'\n{then}\n", folder.display());
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

fn run(folder: &Path, script: &str, arguments: &[&str]) -> (Output, Vec<String>) {
    #[expect(clippy::disallowed_methods, reason = "the script finds its other tools by it")]
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new(root().join("infra").join(script));
    command.args(arguments).current_dir(folder);
    command.env("PATH", format!("{}:{path}", folder.display()));
    command.env("PACKAGE", package()).env("OUT", folder.join("new.zip"));
    let output = command.output().unwrap();
    let calls = fs::read_to_string(folder.join("calls")).unwrap_or_default();
    (output, calls.lines().map(str::to_owned).collect())
}

#[test]
fn a_policy_is_changed_by_deploying_the_same_program_with_it() {
    let folder = folder(&[("az", "")]);
    let text = "owner: other\nmode: observe\nrules: []\n";
    fs::write(folder.join("other.yaml"), text).unwrap();
    let (output, calls) = run(&folder, "change-policy.sh", &["other.yaml", "rg", "app"]);
    assert!(output.status.success(), "{output:?}");
    let new = folder.join("new.zip");
    let expected = format!(
        "az functionapp deployment source config-zip --resource-group rg --name app --src {} --output none",
        new.display()
    );
    assert_eq!(calls, [expected]);
    let names = |zip: &Path| entries(zip).into_iter().map(|entry| (entry.name, entry.mode));
    assert!(names(&new).eq(names(&package())));
    let (old, new) = (unpack(&package()), unpack(&new));
    assert_eq!(fs::read_to_string(new.join("policy.yaml")).unwrap(), text);
    let program = |folder: &Path| fs::read(folder.join("tether")).unwrap();
    assert!(program(&old) == program(&new), "it is another program");
}

#[test]
fn a_policy_that_cannot_be_used_goes_nowhere() {
    let folder = folder(&[("az", "")]);
    fs::write(folder.join("bad.yaml"), "owner: other\nmode: observ\nrules: []\n").unwrap();
    for policy in ["bad.yaml", "nowhere.yaml"] {
        let (output, calls) = run(&folder, "change-policy.sh", &[policy, "rg", "app"]);
        assert_eq!((output.status.code(), calls.len()), (Some(1), 0), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(policy), "{said}");
    }
}

#[test]
fn a_deployment_goes_from_the_app_over_the_code_to_the_events_and_ends_with_the_check() {
    let folder = folder(&[
        (
            "az",
            "case $* in *outputs.*) echo \"$*\" | sed 's/.*outputs.\\([a-zA-Z]*\\).*/the-\\1/';; esac",
        ),
        ("cargo", ""),
    ]);
    let (output, calls) = run(&folder, "deploy.sh", &["westeurope", "second"]);
    assert!(output.status.success(), "{output:?}");
    let calls: Vec<_> = calls.iter().filter(|call| !call.contains(" show ")).collect();
    let expected = [
        "az deployment sub create --name second --location westeurope --template-file infra/main.bicep --parameters @infra/parameters.json --output none".to_owned(),
        format!("az functionapp deployment source config-zip --resource-group the-resourceGroup --name the-functionApp --src {} --output none", package().display()),
        "az deployment sub create --name second-events --location westeurope --template-file infra/events.bicep --parameters @infra/events.parameters.json --parameters actionGroupId=the-actionGroupId --output none".to_owned(),
        "cargo run --locked --quiet -- check-install the-functionAppId".to_owned(),
    ];
    assert_eq!(calls, expected.iter().collect::<Vec<_>>());
}
