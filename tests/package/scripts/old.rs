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
    run_with(folder, script, arguments, &[])
}

fn run_with(
    folder: &Path,
    script: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> (Output, Vec<String>) {
    #[expect(clippy::disallowed_methods, reason = "the script finds its other tools by it")]
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new(root().join("infra").join(script));
    command.args(arguments).current_dir(folder);
    command.env("PATH", format!("{}:{path}", folder.display()));
    command.env("PACKAGE", package()).env("OUT", folder.join("new.zip"));
    let output = command.envs(variables.iter().copied()).output().unwrap();
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

#[test]
fn a_deployment_takes_the_policy_that_is_named_from_where_its_user_stands() {
    let folder = folder(&[("az", ""), ("cargo", "")]);
    fs::write(folder.join("other.yaml"), "owner: other\nmode: observe\nrules: []\n").unwrap();
    let (output, calls) = run_with(&folder, "deploy.sh", &["here"], &[("POLICY", "other.yaml")]);
    assert!(output.status.success(), "{output:?}");
    let new = folder.join("new.zip");
    let src = format!("--src {} ", new.display());
    assert!(calls.iter().any(|call| call.contains(&src)), "{calls:?}");
    let policy = fs::read_to_string(unpack(&new).join("policy.yaml")).unwrap();
    assert!(policy.starts_with("owner: other"), "{policy}");
}

#[test]
fn a_deployment_that_lacks_a_file_does_not_begin() {
    for name in ["POLICY", "PARAMETERS", "EVENTS_PARAMETERS", "PACKAGE"] {
        let folder = folder(&[("az", ""), ("cargo", "")]);
        let (output, calls) = run_with(&folder, "deploy.sh", &["here"], &[(name, "nowhere")]);
        assert_eq!((output.status.code(), calls.len()), (Some(1), 0), "{output:?}");
        let missing = folder.join("nowhere");
        let expected = format!("deploy: {name}: there is no file {}\n", missing.display());
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
    }
}

#[test]
fn what_is_no_package_is_called_so() {
    let folder = folder(&[]);
    fs::write(folder.join("text.zip"), "no zip").unwrap();
    let (output, _) = run(&folder, "package.sh", &["--from", "text.zip"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let expected = format!("package: {} is no package", folder.join("text.zip").display());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with(&expected) && said.lines().count() == 1, "{said}");
}
